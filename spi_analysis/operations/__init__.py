"""Whole rounds: the demonstration, many institutions, a national round, what is published."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
