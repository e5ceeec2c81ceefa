"""Additions to ``forked_papermill``: the workbench's modules, loaded once, and the process environment."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
