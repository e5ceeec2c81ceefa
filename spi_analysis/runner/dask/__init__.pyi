# The face of this package: each name and the module that defines it; loaded on first use.
from .sameness import MachinesError as MachinesError
from .sameness import on_dask as on_dask
