"""Files from outside (lists of people, contact events, answers) into the round's store."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
