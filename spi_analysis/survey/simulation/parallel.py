"""Independent pieces of work on all cores, with progress."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import pandas as pd
from rich.console import Console

from spi_analysis.errors import SpiError
from spi_analysis.progress import followed
from spi_analysis.threads import SINGLE_THREAD

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
    work : function   of a module (it is sent to fresh processes); makes a DataFrame of an item
    items : list      what ``work`` is called with, one after another
    workers : int or None   processes; None: all cores; 1: no other process
    console : Console or None   where progress is shown; None: nowhere
    chunk : int       items that are sent to a process at a time

    Returns
    -------
    DataFrame, numbered anew from 0.

    Raises
    ------
    SpiError   there are no items; a process was ended from outside: what the others had done is lost.

    Examples
    --------
    >>> on_all_cores(lambda n: pd.DataFrame({"square": [n**2]}), [1, 2, 3], workers=1)["square"].tolist()
    [1, 4, 9]
    """
    if not len(items):
        raise SpiError("there is nothing to work on", got="no items", expected="one or more")
    if workers == 1:
        return _joined(map(work, items), len(items), console)
    os.environ.update(SINGLE_THREAD)
    try:
        with ProcessPoolExecutor(workers or os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            return _joined(pool.map(work, items, chunksize=chunk), len(items), console)
    except BrokenProcessPool:
        raise SpiError(
            "a process of the simulation was ended from outside",
            hint="most often the memory was full: run it again with fewer processes (--workers 1)",
        ) from None


def _joined(parts: Iterable[pd.DataFrame], total: int, console: Console | None) -> pd.DataFrame:
    return pd.concat(followed(parts, total, console, "simulating") if console else parts, ignore_index=True)
