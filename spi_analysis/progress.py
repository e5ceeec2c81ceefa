"""How far a command is, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Part = TypeVar("Part")
TENTHS = 10


def followed(done: Iterable[Part], total: int, console: Console, doing: str) -> Iterator[Part]:
    """The same parts as they come, with how many there are.

    On a terminal a bar; in a file or pipe a line at every tenth, and none for fewer parts than that.
    """
    if console.is_terminal and total > 1:
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
