"""Signs of coached answers, unit by unit: flags with a stated false-alarm rate, never a deduction."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
