"""What JupyterLab is started with: its user's settings for itself, and kernels that see none of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import forked_papermill
from forked_papermill import DEFAULT_PROVISIONER
from spi_analysis.runner.forks import PROVISIONER, SPI
from spi_analysis.tables import FILE_VARIABLE, VARIABLE

KERNELS = Path(__file__).parent / "jupyter"


class ForkProvisioner(forked_papermill.ForkProvisioner):
    """Kernels of JupyterLab, forked from a process that has the workbench loaded: the entry point ``spi-fork``."""

    # Not beside the engines: importing papermill loads these, so a Jupyter server that asked for their module first
    # would ask for what is not there yet.
    profile = SPI


def lab_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of JupyterLab: without the vault's key, since a cell can read its parents' environment too.

    All its kernels, also those of the usual "Python 3", are started by our provisioner, which lets through no more of
    the environment than notebooks of a run get.
    """
    env = {name: value for name, value in environ.items() if name not in (VARIABLE, FILE_VARIABLE)}
    kernels = str(KERNELS) if sys.platform == "linux" else ""
    paths = os.pathsep.join(path for path in (kernels, env.get("JUPYTER_PATH")) if path)
    return env | {DEFAULT_PROVISIONER: PROVISIONER} | ({"JUPYTER_PATH": paths} if paths else {})


def lab_command(root: Path, options: Sequence[str]) -> list[str]:
    """JupyterLab on the whole project, its notebooks in sight and the warm kernel chosen; ``options`` are its own."""
    warm = ["--MultiKernelManager.default_kernel_name=spi-warm"] if sys.platform == "linux" else []
    place = [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks"]
    return [sys.executable, "-m", "jupyter", "lab", *place, *warm, *options]
