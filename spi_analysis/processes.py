"""Independent pieces of work on all cores: the one pool of local processes, for simulations, imports, draws, weights.

Notebooks are not among them: their processes are forked and have clocks (``spi_analysis/runner/pool.py``).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from spi_analysis.threads import SINGLE_THREAD

Item = TypeVar("Item")
# Processes are replaced after so many pieces each, so that what they have gathered in memory goes with them.
PER_PROCESS = 40


class Lost:
    """In the place of a result: the process that was at this piece was ended from outside."""


def in_processes(
    work: Callable[[Item], Any],
    items: Sequence[Item],
    workers: int | None = None,
    opening: Callable[[], None] | None = None,
    per_process: int | None = None,
) -> Iterator[tuple[int, Any]]:
    """What ``work`` makes of every item, as they are done: (number of the item, result).

    An error of ``work`` is raised here and ends the rest. So does Ctrl-C, and whatever else ends the iteration: no
    process is left, nor after this one was killed.

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
            # Which one it was shows when they are done one at a time.
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
                # What was done before is told first: nothing is done twice.
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
    """In a new process. Ctrl-C reaches all at once: the one who waits decides, and stops the others."""
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
    """A parent that was killed cannot tell."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _piece(work: Callable[[Item], Any], item: Item) -> Any:
    if _stopped:
        sys.exit(1)
    return work(item)


# A clock for what this process itself does.

# Seconds between two strikes: one may fall where Python lets no exception through.
AGAIN = 1.0


class Late(BaseException):
    """The time is over. No ``except Exception`` on the way takes it for something else."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End what is done here when its time is over.

    It needs signals, so it strikes on Linux and macOS, in the main thread; elsewhere a notebook's own clock, which is
    the runner's, ends its process.

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
