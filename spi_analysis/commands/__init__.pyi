# The face of this package: each name and the module that defines it; loaded on first use.
from .common import err as err
from .simulations import checks as checks
