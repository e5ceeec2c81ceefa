"""A statistical library for any survey: sampling, weighting, estimation, simulation. It knows nothing of SPI."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
