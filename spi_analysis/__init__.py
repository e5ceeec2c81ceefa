"""The SPI workbench: from lists of people to an integrity score that can be defended."""

import os

import lazy_loader

from spi_analysis.threads import SINGLE_THREAD

# Sums of linear algebra differ in their last digit with the number of threads: a notebook in JupyterLab is to show the
# figures of the batch, on any machine. What somebody has set stays; numpy reads this when it is loaded.
for _name, _value in SINGLE_THREAD.items():
    os.environ.setdefault(_name, _value)

# Importing the package alone loads no pandas.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
