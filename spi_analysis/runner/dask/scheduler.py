"""Notebooks on more machines: the pool of this machine and Dask's workers are two ways to run the same steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from spi_analysis.errors import ParameterError, SpiError

if TYPE_CHECKING:
    from spi_analysis.runner import OpenRunner


class MachinesError(SpiError):
    """Other machines cannot be reached, or are not as this one is."""


def on_dask(scheduler: str) -> OpenRunner:
    """Run steps on the workers of the Dask scheduler at an address such as tcp://host:8786.

    Raises
    ------
    ParameterError   no address, or not of this form.
    MachinesError    Dask is not installed here.
    """
    if "://" not in scheduler:
        raise ParameterError(
            "this is no address of a Dask scheduler" if scheduler else "no Dask scheduler is named",
            key="--scheduler",
            got=scheduler,
            expected="protocol, host and port, such as tcp://10.0.0.5:8786 or tls://10.0.0.5:8786",
            hint="dask scheduler prints its address when it starts; docs/more_machines.md",
        )
    try:
        from spi_analysis.runner.dask.cluster import DaskPool
    except ModuleNotFoundError as error:
        if error.name not in ("distributed", "dask"):
            raise
        raise MachinesError(
            "Dask is not installed here",
            key="--executor dask",
            got=f"no package {error.name}",
            expected="distributed, of the same version on all machines",
            hint='python -m pip install "spi-analysis[dask]", or run without --executor on this machine',
        ) from None
    return partial(DaskPool, scheduler)
