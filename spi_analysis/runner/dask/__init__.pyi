# The face of this package: each name and the module that defines it; loaded on first use.
from .scheduler import MachinesError as MachinesError
from .scheduler import on_dask as on_dask
