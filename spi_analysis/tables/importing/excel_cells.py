"""The cells of one worksheet as they were saved, and what the worksheet says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import IO, NamedTuple
from xml.etree.ElementTree import Element, iterparse

from openpyxl.utils.cell import column_index_from_string, range_boundaries
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel, from_ISO8601

from spi_analysis.tables.importing.excel_parts import Dates, is_true, local, text_in, unescaped
from spi_analysis.tables.importing.grids import Merged, Room, Row

MAX_ROWS = 1_048_576  # of a worksheet, by the file format
IMPOSSIBLE_DATE = "#VALUE!"
_DIGITS = "0123456789"


class Formats(NamedTuple):
    """What numbers in cells stand for: shared texts, dates, and the day from which days are counted."""

    texts: Sequence[str]
    dates: Dates
    from_1904: bool
    room: Room


class Formulas(NamedTuple):
    """Rows of the formulas of one column, by what was saved with them."""

    empty: set[int]
    zero: set[int]
    valued: set[int]


@dataclass
class Cells:
    """The rows of a worksheet while they are being read. Places are (row from 1, column from 0).

    ``formulas``: by column, the rows of formulas that were saved without a value, those that were saved with 0 (what
    programs write that do not compute), and those with any other value.
    """

    formats: Formats
    rows: list[Row] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    merged: list[Merged] = field(default_factory=list)
    formulas: dict[int, Formulas] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        """One row of the worksheet, at the number it states."""
        number = int(element.get("r") or len(self.rows) + 1)
        if not len(self.rows) < number <= MAX_ROWS:
            raise ValueError("a row stands where none can")
        self.rows.extend([()] * (number - len(self.rows)))
        found = dict(self._cells(number, element))
        if found:
            self.formats.room.take(max(found) + 1)
            self.rows[-1] = tuple(found.get(i) for i in range(max(found) + 1))
            if is_true(element.get("hidden")):
                self.hidden_rows.add(number)

    def _cells(self, row: int, element: Element) -> Iterator[tuple[int, object]]:
        """Column and value of every cell that holds something."""
        column = -1
        for cell in element:
            place = cell.get("r")
            column = _column(place.rstrip(_DIGITS)) if place else column + 1
            if not len(cell):
                continue
            value, formula = self._value(cell)
            if formula:
                self._note_formula(row, column, cell.get("t", "n"), value)
            if value is not None:
                yield column, value

    def _note_formula(self, row: int, column: int, kind: str, value: object) -> None:
        of_column = self.formulas.setdefault(column, Formulas(set(), set(), set()))
        if value is None and kind == "n":
            of_column.empty.add(row)
        else:
            (of_column.zero if value == 0 and kind == "n" else of_column.valued).add(row)

    def never_computed(self, *, asks: bool) -> dict[int, frozenset[int]]:
        """Rows in which a formula has no value, by column.

        A stored 0 is no value where the workbook asks to be computed (``asks``) and all formulas of its column hold 0.
        """
        rows = {
            column: frozenset(found.empty | (found.zero if asks and not found.valued else set()))
            for column, found in self.formulas.items()
        }
        return {column: found for column, found in rows.items() if found}

    def _value(self, cell: Element) -> tuple[object, bool]:
        """The value of a cell, and whether a formula made it."""
        kind, text, inline, formula = cell.get("t", "n"), None, None, False
        for child in cell:
            name = local(child.tag)
            if name == "v":
                text = child.text
            elif name == "is":
                inline = text_in(child)
            elif name == "f":
                formula = True
        if kind == "inlineStr":
            return inline, formula
        return (self._read(kind, text, cell.get("s")) if text else None), formula

    def _read(self, kind: str, text: str, style: str | None) -> object:
        if kind == "s":
            return self.formats.texts[int(text)]
        if kind == "n":
            return self._number(text, int(style or 0))
        if kind == "b":
            return is_true(text)
        return from_ISO8601(text) if kind == "d" else unescaped(text)

    def _number(self, text: str, style: int) -> object:
        number = int(text) if text.lstrip("-").isdigit() else float(text)
        if style not in self.formats.dates.dates:
            return number
        epoch = MAC_EPOCH if self.formats.from_1904 else WINDOWS_EPOCH
        try:
            return from_excel(number, epoch, timedelta=style in self.formats.dates.spans)
        except (OverflowError, ValueError):
            return IMPOSSIBLE_DATE


def read_cells(source: IO[bytes], formats: Formats) -> Cells:
    """All cells of a worksheet; nothing else of it is looked at, but which rows are hidden and which cells merged."""
    cells, events = Cells(formats), iterparse(source, ("start", "end"))
    data: Element | None = None
    for event, element in events:
        name = local(element.tag)
        if event == "start":
            if name == "sheetData":
                data = element
        elif name == "row" and data is not None:
            cells.add(element)
            data.clear()
        elif name == "mergeCell":
            cells.merged += _merged(element.get("ref", ""))
    return cells


def _merged(area: str) -> list[Merged]:
    """The block, if it covers several rows."""
    left, top, _, bottom = range_boundaries(area)
    return [Merged(top, bottom, left - 1)] if None not in (left, top, bottom) and bottom > top else []


@cache
def _column(letters: str) -> int:
    return column_index_from_string(letters) - 1
