"""Entry point: the kernel provisioner ``spi-fork``.

Apart from the engines: importing papermill loads these, so whoever imports them first, as a Jupyter server would, asks
for what is not there yet.
"""

from forked_papermill import ForkProvisioner as PlainForkProvisioner
from spi_analysis.runner.forks.profile import SPI


class ForkProvisioner(PlainForkProvisioner):
    """Kernels of JupyterLab, forked from a process that has the workbench loaded."""

    profile = SPI
