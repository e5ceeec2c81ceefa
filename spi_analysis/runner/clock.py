"""A clock for what this process itself does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
