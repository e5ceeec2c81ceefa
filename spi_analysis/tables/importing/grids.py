"""What every reader of files gives: grids of cells as they stand in the file, and what the file says of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Row = tuple[object, ...]


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
