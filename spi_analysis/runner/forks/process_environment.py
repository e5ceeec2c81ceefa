"""The process environment of a notebook, the same in every engine: seeds, display options, styles, limits."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

from forked_papermill import HOME, SETTINGS, die_with, settings_below
from spi_analysis.runner import MOST_PRINTED
from spi_analysis.runner.forks.warm import PEAK, SEED


def use_own_settings(folder: Path) -> None:
    """Give the next notebook of this process separate settings folders, so that none reach it from another.

    Matplotlib's stay where they are: its list of the machine's fonts would be made anew for every notebook, and what
    else is there counts for nothing (``process_environment.prepare``).
    """
    own = {name: below for name, below in (SETTINGS | HOME).items() if name != "MPLCONFIGDIR"}
    os.environ.update(settings_below(folder, own))


# The increase of Linux's out-of-memory score (of 1000) for processes of cells.
GO_FIRST = "500"
# What pandas takes in a Jupyter kernel; elsewhere it looks around and takes something else.
DISPLAY = {
    "display.max_columns": 20,
    "display.max_rows": 60,
    "display.width": 80,
    "display.notebook_repr_html": True,
    # Else as the kernel's output calls it: UTF-8 or utf-8, by the way it was started.
    "display.encoding": "utf-8",
}


def seed_of(round_id: str, institution_id: str, notebook: str) -> int:
    """The seed of a notebook's random numbers, determined by round, institution and notebook."""
    text = f"{round_id}/{institution_id}/{notebook}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def prepare_alone() -> None:
    """Preparation of a kernel that was started anew, not forked."""
    # Its own watcher looks once in a second, and only while a cell lets it.
    die_with(os.getppid())
    # It stands there with its folder, which is another on every machine.
    sys.argv[0] = Path(sys.argv[0]).stem
    prepare()


def prepare() -> None:
    """Preparation before the first cell: styles, display options, ids in figures, seeds.

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
    """A cell printed more than the limit of a page."""


def _limit_printing(shell: Any) -> None:
    """Stop a cell that prints without end at the limit, before its time is over or the memory is full.

    What went over the limit is in the notebook: a cell that catches the error is found by the checks.
    """
    printed, writing = 0, threading.local()

    def limited(write: Any) -> Any:
        def counted(text: str) -> Any:
            nonlocal printed
            if getattr(writing, "now", False):
                # These functions call each other through IPython's; a text counts once.
                return write(text)
            # Not in a thread of the kernel, which takes what programs write: the checks see to that.
            if printed > MOST_PRINTED and threading.current_thread() is threading.main_thread():
                raise PrintedTooMuch(f"this cell printed more than {MOST_PRINTED:,} characters; show a part of it")
            printed += len(text)
            writing.now = True
            try:
                return write(text)
            finally:
                writing.now = False

        counted.is_limited = True  # type: ignore[attr-defined]
        return counted

    def begin(*_: Any) -> None:
        """At every cell anew: after each, IPython puts back what it found before (a kernel's first lines, too)."""
        nonlocal printed
        printed = 0
        for stream in (sys.stdout, sys.stderr):
            if not getattr(stream.write, "is_limited", False):
                stream.write = limited(stream.write)  # type: ignore[method-assign]

    begin()
    shell.events.register("pre_run_cell", begin)


def _go_first() -> None:
    """Where memory runs out, Linux should end a notebook, which is tried again, and not the run."""
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
