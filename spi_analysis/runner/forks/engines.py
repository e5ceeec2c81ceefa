"""Entry points: the papermill engines ``spi-kernel`` and ``spi-fast``."""

from forked_papermill import FastEngine as PlainFastEngine
from forked_papermill import KernelEngine as PlainKernelEngine
from spi_analysis.runner.forks.warm import SPI


class KernelEngine(PlainKernelEngine):
    """Jupyter's own kernel, forked from a process that has the workbench loaded."""

    profile = SPI


class FastEngine(PlainFastEngine):
    """Cells in an IPython shell, forked from a process that has the workbench loaded."""

    profile = SPI
