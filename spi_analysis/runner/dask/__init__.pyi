# The face of this package: each name and the module that defines it; loaded on first use.
from .cluster import MachinesError as MachinesError
from .cluster import on_dask as on_dask
