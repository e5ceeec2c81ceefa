"""The environment of all that runs cells: what is on a list, what is fixed, and settings folders of its own.

Whoever runs a round has keys and settings in the environment. A notebook gets neither: the vault's key would open the
contacts to any cell, and a figure drawn with somebody's settings would be another figure.
"""

from __future__ import annotations

import os
import site
import tempfile
from collections.abc import Mapping
from pathlib import Path

from spi_analysis.threads import SINGLE_THREAD

# In a child of a fork server: the server's folder.
PLACE = "SPI_FORK_SERVER"
# In a spawned worker and all that it starts: its folder.
MARK = "SPI_WORKER"
SEED = "SPI_SEED"
# Names the file that a kernel writes its peak memory to; without it, none is written.
PEAK = "SPI_PEAK"
# By this Jupyter chooses how kernels are started.
DEFAULT_PROVISIONER = "JUPYTER_DEFAULT_PROVISIONER_NAME"

# All that is taken over, and why. What is not here, the vault's key before all, reaches no notebook.
ALLOWED = frozenset(
    {
        # Where programs and libraries are found; on Windows nothing starts without the second line.
        *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
        # Where Python finds packages: the same code as the runner's.
        *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "TMPDIR"),
        # The workbench's own words between its processes, and the name of the notebook in JupyterLab.
        *(PLACE, MARK, SEED, PEAK, DEFAULT_PROVISIONER, "JPY_SESSION_NAME"),
    }
)
# A process with threads of its own cannot be forked safely: one thread.
FIXED = SINGLE_THREAD | {
    # Arrow's allocator would start a thread of its own.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # The order of sets is the same in every run.
    "PYTHONHASHSEED": "0",
    # Text is UTF-8 and the clock is UTC, whatever the machine is set to.
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # Figures go into the notebook, whatever the machine is set to; with another backend they vanish without a word.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # Libraries that write a date write this one.
    "SOURCE_DATE_EPOCH": "1704067200",
    # A kernel started elsewhere is not the parent of ours.
    "JPY_PARENT_PID": "",
}
# Where programs look for settings of their user: folders below one of our own, empty at first.
SETTINGS = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_CACHE_HOME": "cache",
}
# Beside them; a kernel in JupyterLab keeps its user's home, where the files are that somebody may want to read.
HOME = {"HOME": "home"}


def fixed_environment(folder: Path) -> dict[str, str]:
    """The environment of workers, fork servers and their kernels; ``folder`` stands in for home and settings.

    Temporary files are where this process has its own: a run has a folder for them that it sets for itself alone.
    """
    clean = clean_environment(os.environ)
    return clean | settings_below(folder, SETTINGS | HOME) | {"TMPDIR": tempfile.gettempdir()}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of an environment may reach a notebook, and what is fixed."""
    # Windows does not tell names apart by their case.
    kept = {name: value for name, value in environ.items() if name.upper() in ALLOWED}
    return kept | _packages(kept) | FIXED


def settings_below(folder: Path, names: Mapping[str, str] = SETTINGS) -> dict[str, str]:
    """Settings folders below one of our own."""
    return {name: str(folder / below) for name, below in names.items()}


def use_own_settings(folder: Path) -> None:
    """Give the next notebook of this process settings of its own: what one leaves there does not reach another.

    Matplotlib's stay where they are: its list of the machine's fonts would be made anew for every notebook, and what
    else is there counts for nothing (``surroundings.prepare``).
    """
    own = {name: below for name, below in (SETTINGS | HOME).items() if name != "MPLCONFIGDIR"}
    os.environ.update(settings_below(folder, own))


def _packages(kept: Mapping[str, str]) -> dict[str, str]:
    """Packages are found in another folder, and with another home, too."""
    found = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {"PYTHONNOUSERSITE": "1"}
    if kept.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, kept["PYTHONPATH"].split(os.pathsep)))
    return found
