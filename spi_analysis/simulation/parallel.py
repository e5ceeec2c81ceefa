"""Independent pieces of work on all cores, with progress."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spi_analysis.threads import SINGLE_THREAD

Part = TypeVar("Part")
Item = TypeVar("Item")


def on_all_cores(
    work: Callable[[Item], pd.DataFrame],
    items: Sequence[Item],
    workers: int | None = None,
    console: Console | None = None,
    chunk: int = 1,
) -> pd.DataFrame:
    """The tables that ``work`` makes of the items, one below the other, in the order of the items.

    Parameters
    ----------
    work : function   of a module (it is sent to fresh processes)
    workers : int or None   processes; None: all cores; 1: no other process
    console : Console or None   where progress is shown; None: nowhere
    """
    if workers == 1:
        return _joined(map(work, items), len(items), console)
    os.environ.update(SINGLE_THREAD)
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        return _joined(pool.map(work, items, chunksize=chunk), len(items), console)


def _joined(parts: Iterable[pd.DataFrame], total: int, console: Console | None) -> pd.DataFrame:
    return pd.concat(followed(parts, total, console) if console else parts, ignore_index=True)


def followed(done: Iterable[Part], total: int, console: Console) -> Iterator[Part]:
    """The same parts, with how many there are and how long the others will take.

    On a terminal a bar; in a file or pipe a line at every tenth.
    """
    if console.is_terminal:
        columns = (
            TextColumn("simulating"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=console) as progress:
            yield from progress.track(done, total)
        return
    started, tenths = time.monotonic(), 0
    for number, part in enumerate(done, start=1):
        yield part
        if number * 10 // total > tenths:
            tenths = number * 10 // total
            left = (time.monotonic() - started) / number * (total - number)
            console.print(f"simulated {number:,} of {total:,}; about {_minutes(left)} left", highlight=False)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
