"""Tables in and out: contracts, importers, the round's store and the contact vault."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
