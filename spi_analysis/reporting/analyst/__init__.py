"""What the analysts' notebooks show: design, fieldwork, weights, scores."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
