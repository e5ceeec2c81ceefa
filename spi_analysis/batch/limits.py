"""How a notebook is run: by which engine, and for how long at most. Imports nothing that runs notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

EngineName = Literal["kernel", "fast", "stock"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


@dataclass(frozen=True)
class Limits:
    """Seconds that a cell, and a notebook with its pages, may take."""

    cell: int = 600
    notebook: int = 1800
