"""How a notebook is run: by which engine, and for how long at most. Imports nothing that runs notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

EngineName = Literal["kernel", "fast", "stock"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


# Characters that a cell may print. A page may have five million bytes and shows what is printed as it is: a fifth of it
# is more than anybody reads, and far more than the project's notebooks print (a few lines).
MOST_PRINTED = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Seconds that a cell may take, a notebook with its pages, and all that comes after its last cell.

    The latter is made in less than a second (tidying, checks, two pages); the rest is for a machine that is busy.
    """

    cell: int = 600
    notebook: int = 1800
    pages: int = 120
