"""What every reader of files gives: grids of cells as they stand in the file, and what the file says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from zipfile import ZipFile

from spi_analysis.errors import InputError

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

    Of the export of a known ``platform``: ``names`` heading -> field, whose headings stand in the first row;
    ``set_aside`` row -> why it is no answer (a code of the reasons); ``zone`` of times that name none;
    ``month_first``: so are its dates where no cell decides it; ``notes``: code of a reason, field, rows;
    ``events``: columns that each hold the time of one event.
    """

    hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    merged: tuple[Merged, ...] = ()
    days_from_1904: bool = False
    odd_bytes: frozenset[tuple[int, int]] = frozenset()
    platform: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    set_aside: Mapping[int, str] = field(default_factory=dict)
    zone: str = ""
    month_first: bool = False
    notes: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    events: Mapping[int, str] = field(default_factory=dict)


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


# A few megabytes of a packed file can hold gigabytes (a "zip bomb"), and one cell at the right edge of each row as many
# empty ones. What is read is bounded by what lists need (judgements of 2026-11-29): the largest institution has some
# 100,000 people and lists have up to 60 columns, so 20 million cells are three times as much; 500 MB of XML hold about
# as many. Sheets are packed to a tenth, repetitive ones to a fortieth: more than a hundredth is no list.
MOST_CELLS = 20_000_000
MOST_UNPACKED = 500_000_000
RATIO, RATIO_FROM = 100, 50_000_000
SMALLER = "keep only the list: copy its cells, values only, into a new workbook, or save the sheet as CSV"


class TooMuch(Exception):
    """A file fills more cells than any list."""


@dataclass
class Room:
    """How many cells a file may still fill, over all its sheets."""

    left: int = MOST_CELLS

    def take(self, cells: int) -> None:
        """Raise TooMuch when there is no room left."""
        self.left -= cells
        if self.left < 0:
            raise TooMuch(f"more than {MOST_CELLS:,} cells, empty ones inside rows included")


def refuse_bomb(archive: ZipFile, path: Path) -> None:
    """Raise InputError if a packed file unpacks to more than any list does; nothing is unpacked for it.

    What the archive states counts, since no more than that is ever read from it.
    """
    packed, unpacked = path.stat().st_size, sum(entry.file_size for entry in archive.infolist())
    if unpacked > MOST_UNPACKED or (unpacked > RATIO_FROM and unpacked > RATIO * packed):
        raise too_large(path, f"{unpacked / 1e6:,.0f} MB, packed into {packed / 1e6:,.1f} MB")


def too_large(path: Path, got: str) -> InputError:
    """The error about a file that is larger than any list."""
    return InputError(
        "the file holds more than any list of people",
        file=path.name,
        got=got,
        expected=f"at most {MOST_UNPACKED / 1e6:,.0f} MB, {RATIO} times the file's size, {MOST_CELLS:,} cells",
        hint=SMALLER,
    )
