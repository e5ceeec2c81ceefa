"""A whole round as received, generated from a seed, with known truth. Fixture data: nobody in it is real."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
