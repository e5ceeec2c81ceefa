"""What the workbench adds to ``forked_papermill``: its modules, loaded once, and what surrounds its notebooks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
