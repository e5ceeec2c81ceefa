"""What every reader of files gives: grids of cells as they stand in the file, and what the file says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

Row = tuple[object, ...]


class Merged(NamedTuple):
    """A block of merged cells that covers several rows; only its first cell holds the value. Rows from 1."""

    first: int
    last: int
    column: int


@dataclass(frozen=True)
class Told:
    """What a file says of a grid beside its cells. Rows as a spreadsheet numbers them, columns from 0.

    ``hidden``: the whole sheet is; ``days_from_1904``: numbers that count days begin in 1904; ``odd_bytes``: (row,
    column) of cells in another encoding than most of the file.
    """

    hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    merged: tuple[Merged, ...] = ()
    days_from_1904: bool = False
    odd_bytes: frozenset[tuple[int, int]] = frozenset()


class Grid(NamedTuple):
    """One grid. ``rows[0]`` is row 1 of the spreadsheet; all else is by column, counted from 0.

    ``labels`` are value labels, ``missing`` the values that the file declares missing (both SPSS only); ``unvalued``
    the spreadsheet rows in which a formula stands that was never computed: their cells are empty.
    """

    name: str
    rows: list[Row]
    labels: dict[int, dict[object, str]]
    missing: Mapping[int, frozenset[object]] = MappingProxyType({})
    unvalued: Mapping[int, frozenset[int]] = MappingProxyType({})
    told: Told = Told()
