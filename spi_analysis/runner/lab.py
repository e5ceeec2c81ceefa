"""The start of JupyterLab: with the user's settings for JupyterLab itself, and without them for kernels."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import forked_papermill
from forked_papermill import DEFAULT_PROVISIONER
from spi_analysis.runner.forks import PROVISIONER, SPI
from spi_analysis.tables import FILE_VARIABLE, VARIABLE


class ForkProvisioner(forked_papermill.ForkProvisioner):
    """Kernels of JupyterLab, forked from a process that has the workbench loaded: the entry point ``spi-fork``."""

    # Not beside the engines: importing papermill loads these, so a Jupyter server that asked for their module first
    # would ask for what is not there yet.
    profile = SPI


def lab_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of JupyterLab: without the vault's key, since a cell can read its parents' environment too.

    All its kernels of "Python 3" are started by our provisioner: forked from a warm process where that is possible,
    and with no more of the environment than notebooks of a run get.
    """
    env = {name: value for name, value in environ.items() if name not in (VARIABLE, FILE_VARIABLE)}
    return env | {DEFAULT_PROVISIONER: PROVISIONER}


def lab_command(root: Path, options: Sequence[str]) -> list[str]:
    """JupyterLab on the whole project, with the notebooks in sight; ``options`` are its own."""
    place = [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks"]
    return [sys.executable, "-m", "jupyter", "lab", *place, *options]
