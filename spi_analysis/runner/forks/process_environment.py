"""What surrounds a notebook and must be the same in every engine: seeds, display options, styles, limits."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import random
import signal
import site
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spi_analysis.runner import MOST_PRINTED
from spi_analysis.runner.digests import package_digest
from spi_analysis.threads import SINGLE_THREAD

# The environment of all that runs cells: what is on a list, what is fixed, and settings folders of its own.
#
# Whoever runs a round has keys and settings in the environment. A notebook gets neither: the vault's key would open the
# contacts to any cell, and a figure drawn with somebody's settings would be another figure.

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
    else is there counts for nothing (``process_environment.prepare``).
    """
    own = {name: below for name, below in (SETTINGS | HOME).items() if name != "MPLCONFIGDIR"}
    os.environ.update(settings_below(folder, own))


def _packages(kept: Mapping[str, str]) -> dict[str, str]:
    """Packages are found in another folder, and with another home, too."""
    found = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {"PYTHONNOUSERSITE": "1"}
    if kept.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, kept["PYTHONPATH"].split(os.pathsep)))
    return found


_PR_SET_PDEATHSIG = 1
# Of 1000: how much more readily than others Linux ends a process of cells.
GO_FIRST = "500"
# What pandas takes in a Jupyter kernel; elsewhere it looks around and takes something else.
DISPLAY = {
    "display.max_columns": 20,
    "display.max_rows": 60,
    "display.width": 80,
    "display.notebook_repr_html": True,
}


def seed_of(round_id: str, institution_id: str, notebook: str) -> int:
    """The seed of a notebook's random numbers, the same for the same round, institution and notebook."""
    text = f"{round_id}/{institution_id}/{notebook}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def die_with(parent: int) -> None:
    """This process ends when its parent does, however that ends (on Linux); at once if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def prepare_alone() -> None:
    """What a kernel does that was started anew, not forked."""
    # Its own watcher looks once in a second, and only while a cell lets it.
    die_with(os.getppid())
    prepare()


def prepare() -> None:
    """What a kernel does before its first cell: styles, display options, ids in figures, seeds.

    The seed stands in the environment (``SPI_SEED``); without one, random numbers differ from run to run.
    """
    import matplotlib
    import pandas as pd
    from IPython.core.getipython import get_ipython

    _go_first()
    # Also a file of settings in the workspace's own folder would be taken.
    matplotlib.rcdefaults()
    for name, value in DISPLAY.items():
        pd.set_option(name, value)
    matplotlib.rcParams["svg.hashsalt"] = "spi"
    shell = get_ipython()
    _limit_printing(shell)

    def at_first_cell(cell: Any) -> None:
        # Not earlier: kernels draw random numbers while they start, each in its own way.
        if cell.store_history:
            shell.events.unregister("pre_run_cell", at_first_cell)
            _seed()

    shell.events.register("pre_run_cell", at_first_cell)
    if PEAK in os.environ and sys.platform == "linux":
        shell.events.register("post_run_cell", lambda _: _note_peak(Path(os.environ[PEAK])))


class PrintedTooMuch(Exception):
    """A cell printed more than a page can show."""


def _limit_printing(shell: Any) -> None:
    """A cell that prints without end stops at once, instead of when its time is over or the memory full.

    What went over the limit is in the notebook: a cell that catches the error is found by the checks.
    """
    printed = 0

    def begin(*_: Any) -> None:
        nonlocal printed
        printed = 0

    def limited(write: Any) -> Any:
        def counted(text: str) -> Any:
            nonlocal printed
            # Not in a thread of the kernel, which takes what programs write: the checks see to that.
            if printed > MOST_PRINTED and threading.current_thread() is threading.main_thread():
                raise PrintedTooMuch(f"this cell printed more than {MOST_PRINTED:,} characters; show a part of it")
            printed += len(text)
            return write(text)

        return counted

    for stream in (sys.stdout, sys.stderr):
        stream.write = limited(stream.write)  # type: ignore[method-assign]
    shell.events.register("pre_run_cell", begin)


def _go_first() -> None:
    """Where memory runs out, the system is to end a notebook, which is tried again, and not the run."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(GO_FIRST, encoding="ascii")


def _note_peak(path: Path) -> None:
    """Write the most memory that this process has held so far (kB), what it shares with the fork server included."""
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        path.write_text(status.partition("VmHWM:")[2].split()[0], encoding="ascii")


def _seed() -> None:
    import numpy as np

    seed = int(os.environ[SEED]) if os.environ.get(SEED) else None
    random.seed(seed)
    np.random.seed(seed)


def process_digest() -> str:
    """Changes with what a process has from its start: package, installed packages, interpreter, fixed environment."""
    parts = [repr((sys.executable, sys.version, sorted(FIXED.items()), sorted(ALLOWED))), package_digest()]
    for place in sys.path:
        if place.endswith("-packages") and os.path.isdir(place):
            parts.append(f"{place} {os.stat(place).st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
