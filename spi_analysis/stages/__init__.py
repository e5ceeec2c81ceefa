"""The stages of a round, each as the method reads: tables in, tables out.

A stage joins the SPI-free rooms (sampling, weighting, estimation) with the round's
parameters; it computes nothing that a room below could compute.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
