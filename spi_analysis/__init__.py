"""The SPI workbench: from lists of people to an integrity score that can be defended."""

import lazy_loader

# Importing the package alone loads no pandas.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
