"""Independent pieces of work on all cores: the one pool of local processes, for simulations, imports, draws, weights.

Notebooks are not among them: their processes are forked and have clocks (``spi_analysis/runner/pool.py``).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from spi_analysis.threads import SINGLE_THREAD

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")
# Processes are replaced after so many pieces each, to free the memory that they hold.
PER_PROCESS = 40


class Lost:
    """In place of a result: the process that was working on this piece was ended from outside."""


def in_processes(
    work: Callable[[Item], Any],
    items: Sequence[Item],
    workers: int | None = None,
    opening: Callable[[], None] | None = None,
    per_process: int | None = None,
) -> Iterator[tuple[int, Any]]:
    """The results of ``work`` for all items, in the order in which they are finished: (number of the item, result).

    An error of ``work`` is raised here and ends the rest. So does Ctrl-C, and anything else that ends the iteration. No
    process is left, even if this one is killed.

    Parameters
    ----------
    work : of a module (it is sent to fresh processes)
    workers : processes (None: all cores)
    opening : called once in every new process
    per_process : pieces after which processes are replaced (None: ``PER_PROCESS``)

    Returns
    -------
    Iterator in the order in which pieces end; ``Lost`` for one whose process was ended from outside: that costs this
    piece and no other.
    """
    os.environ.update(SINGLE_THREAD)
    left, most = dict(enumerate(items)), min(workers or os.cpu_count() or 1, len(items))
    width = most
    while left:
        batch = dict(islice(left.items(), width * (per_process or PER_PROCESS)))
        try:
            for number, result in _in_pool(work, batch, width, opening):
                del left[number]
                yield number, result
            width = most
        except BrokenProcessPool:
            # Run one at a time to find the piece whose process was ended.
            if width == 1:
                number = next(iter(left))
                del left[number]
                yield number, Lost()
            width = most if width == 1 else 1


def _in_pool(
    work: Callable[[Item], Any], batch: dict[int, Item], width: int, opening: Callable[[], None] | None
) -> Iterator[tuple[int, Any]]:
    others, broken = set(multiprocessing.active_children()), None
    # Not max_tasks_per_child: with a full queue the processes that have reached it are not replaced (gh-115634).
    pool = ProcessPoolExecutor(width, multiprocessing.get_context("spawn"), _begin, (opening,))
    try:
        futures = {pool.submit(_piece, work, item): number for number, item in batch.items()}
        for future in as_completed(futures):
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                # Finished results are given out first, so that no piece is done twice.
                broken = error
            else:
                yield futures[future], future.result()
        if broken is not None:
            raise broken
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_stopped = False


def _begin(opening: Callable[[], None] | None) -> None:
    """In a new process. Ctrl-C reaches all processes at once: the waiting process decides, and stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if opening is not None:
        opening()


def _stop(*_: Any) -> None:
    """Leave the piece of work in order (its temporary files go); what still waits in the queue is not begun."""
    global _stopped
    _stopped = True
    sys.exit(1)


def _end_with_parent() -> None:
    """A killed parent cannot send a message."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _piece(work: Callable[[Item], Any], item: Item) -> Any:
    if _stopped:
        sys.exit(1)
    return work(item)


# A time limit for work in this process itself.

# Seconds between two signals: one may arrive where Python cannot raise an exception.
AGAIN = 1.0


class Late(BaseException):
    """The time is over. Not an ``Exception``, so that no ``except Exception`` catches it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End the work inside when its time is over.

    It uses signals, so it works on Linux and macOS, in the main thread; elsewhere the runner's time limit of the
    notebook ends its process.

    Raises
    ------
    TimeoutError   the time is over.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    except Late:
        raise TimeoutError(f"longer than {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# How far a command is, and how long the rest will take.

Part = TypeVar("Part")
TENTHS = 10


def followed(done: Iterable[Part], total: int, console: Console, doing: str) -> Iterator[Part]:
    """Pass the parts on, and show the progress.

    On a terminal a bar; in a file or pipe a line after every tenth of the parts, and none for fewer than ten parts.
    """
    if console.is_terminal and total > 1:
        # Here: whoever starts a process without a terminal needs none of it.
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=console) as progress:
            yield from progress.track(done, total, description=doing)
        return
    started, tenths = time.monotonic(), 0
    for number, part in enumerate(done, start=1):
        yield part
        if total >= TENTHS and number * TENTHS // total > tenths:
            tenths = number * TENTHS // total
            left = _in_words((time.monotonic() - started) / number * (total - number))
            console.print(f"{doing}: {number:,} of {total:,}; about {left} left", highlight=False)


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
