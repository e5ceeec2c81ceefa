"""Kill -9 in the middle of some work: a process of its own does it, and is ended after a part of the time it takes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator


def times_of(work: Callable[[], object], kills: int = 10, seed: int = 1) -> list[float]:
    """Moments between the beginning and the end of some work, which is done once to see how long it takes."""
    begin = time.monotonic()
    work()
    took = time.monotonic() - begin
    rng = random.Random(seed)
    return [rng.uniform(0, took) for _ in range(kills)]


def kill_after(seconds: float, work: Callable[[], object]) -> None:
    """Begin the work in another process, and end that with a signal that it cannot see coming."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def numbered(moments: list[float]) -> Iterator[tuple[str, float]]:
    """A name for each moment, for folders of their own."""
    return ((f"kill{number}", moment) for number, moment in enumerate(moments))
