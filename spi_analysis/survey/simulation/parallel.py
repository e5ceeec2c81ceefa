"""Independent pieces of work on all cores, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import pandas as pd
from rich.console import Console

from spi_analysis.errors import SpiError
from spi_analysis.processes import Lost, in_processes
from spi_analysis.progress import followed

Item = TypeVar("Item")
# Simulations are many and short, and gather little: their processes are replaced seldom.
PER_PROCESS = 500


def on_all_cores(
    work: Callable[[Item], pd.DataFrame],
    items: Sequence[Item],
    workers: int | None = None,
    console: Console | None = None,
) -> pd.DataFrame:
    """The tables that ``work`` makes of the items, one below the other, in the order of the items.

    Parameters
    ----------
    work : function   of a module (it is sent to fresh processes); makes a DataFrame of an item
    items : list      what ``work`` is called with, one after another
    workers : int or None   processes; None: all cores; 1: no other process
    console : Console or None   where progress is shown; None: nowhere

    Returns
    -------
    DataFrame, numbered anew from 0.

    Raises
    ------
    SpiError   there are no items; a process was ended from outside (says at which item): what the others had done is
        lost.

    References
    ----------
    Python Software Foundation, The Python Standard Library: concurrent.futures.

    Examples
    --------
    >>> on_all_cores(lambda n: pd.DataFrame({"square": [n**2]}), [1, 2, 3], workers=1)["square"].tolist()
    [1, 4, 9]
    """
    if not len(items):
        raise SpiError("there is nothing to work on", got="no items", expected="one or more")
    here = workers == 1
    done = enumerate(map(work, items)) if here else in_processes(work, items, workers, per_process=PER_PROCESS)
    sound = _none_lost(done, len(items))
    found = dict(followed(sound, len(items), console, "simulating") if console else sound)
    return pd.concat([found[number] for number in range(len(items))], ignore_index=True)


def _none_lost(done: Iterable[tuple[int, Any]], total: int) -> Iterator[tuple[int, Any]]:
    for number, part in done:
        if isinstance(part, Lost):
            raise SpiError(
                "a process of the simulation was ended from outside",
                got=f"at simulation {number + 1} of {total}",
                hint="most often the memory was full: run it again with fewer processes (--workers 1)",
            )
        yield number, part
