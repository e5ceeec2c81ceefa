"""What every reader of files gives: grids of cells as they stand in the file."""

from __future__ import annotations

from typing import NamedTuple

Row = tuple[object, ...]


class Grid(NamedTuple):
    """One grid. ``rows[0]`` is row 1 of the spreadsheet; ``labels`` are value labels by column (SPSS only)."""

    name: str
    rows: list[Row]
    labels: dict[int, dict[object, str]]
