"""The tables of an OpenDocument spreadsheet (.ods) as grids; names are compared without their namespace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree.ElementTree import Element, iterparse

from openpyxl.utils.datetime import from_ISO8601

from spi_analysis.tables.importing.excel_cells import MAX_ROWS
from spi_analysis.tables.importing.excel_parts import is_true, local
from spi_analysis.tables.importing.grids import Grid, Merged, Room, Row, Told

MAX_COLUMNS = 16_384  # of a table in any spreadsheet program
CELLS = {"table-cell", "covered-table-cell"}
# What may stand around a row of a sheet.
AROUND = {"document-content", "body", "spreadsheet", "table", "table-rows", "table-header-rows", "table-row-group"}
UNSEEN = {"collapse", "filter"}


@dataclass
class Table:
    """One table while it is being read. Rows from 1, columns from 0, as in ``Grid``."""

    name: str
    hidden: bool
    room: Room
    rows: list[Row] = field(default_factory=list)
    passed: int = 0
    hidden_rows: set[int] = field(default_factory=set)
    merged: list[Merged] = field(default_factory=list)
    unvalued: dict[int, set[int]] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        """One row, as often as it is repeated; empty rows only if another row follows."""
        times = _times(element, "number-rows-repeated", MAX_ROWS)
        cells = dict(self._cells(element))
        if cells:
            self.room.take((max(cells) + 1) * times)
            self.rows += [()] * (self.passed - len(self.rows))
            self.rows += [tuple(cells.get(i) for i in range(max(cells) + 1))] * times
            if _said(element, "visibility") in UNSEEN:
                self.hidden_rows |= set(range(self.passed + 1, self.passed + times + 1))
        self.passed += times
        if self.passed > MAX_ROWS:
            raise ValueError("a row stands where none can")

    def _cells(self, element: Element) -> Iterator[tuple[int, object]]:
        """Column and value of every cell that holds something."""
        column = 0
        for cell in (child for child in element if local(child.tag) in CELLS):
            times = _times(cell, "number-columns-repeated", MAX_COLUMNS)
            value = _value(cell)
            if value is None and _said(cell, "formula"):
                self.unvalued.setdefault(column, set()).add(self.passed + 1)
            spanned = _times(cell, "number-rows-spanned", MAX_ROWS)
            if spanned > 1:
                self.merged.append(Merged(self.passed + 1, self.passed + spanned, column))
            if value is not None:
                yield from ((column + i, value) for i in range(times))
            column += times
            if column > MAX_COLUMNS:
                raise ValueError("a cell stands where none can")

    def grid(self) -> Grid:
        told = Told(self.hidden, frozenset(self.hidden_rows), tuple(sorted(self.merged)))
        unvalued = {column: frozenset(rows) for column, rows in self.unvalued.items()}
        return Grid(self.name, self.rows, {}, unvalued=unvalued, told=told)


def read_tables(source: IO[bytes]) -> list[Grid]:
    """Every table of ``content.xml``; tables outside the sheets (of links, of tracked changes) are none."""
    tables: list[Table] = []
    room = Room()
    hiding: set[str] = set()
    above: list[str] = []
    for event, element in iterparse(source, ("start", "end")):
        name = local(element.tag)
        if event == "start":
            if name == "table" and above[-1:] == ["spreadsheet"]:
                tables.append(Table(_said(element, "name"), _said(element, "style-name") in hiding, room))
            above.append(name)
            continue
        above.pop()
        if name == "style" and any(_said(child, "display") == "false" for child in element):
            hiding.add(_said(element, "name"))
        elif name == "table-row" and AROUND.issuperset(above):
            tables[-1].add(element)
            element.clear()
    return [table.grid() for table in tables]


def _said(element: Element, name: str) -> str:
    """An attribute by its name without namespace."""
    return next((value for key, value in element.attrib.items() if local(key) == name), "")


def _times(element: Element, name: str, most: int) -> int:
    times = int(_said(element, name) or 1)
    if not 1 <= times <= most:
        raise ValueError("more than a table can hold")
    return times


def _value(cell: Element) -> object:
    """What a cell holds: number, date, time, yes or no, text; nothing where it is empty."""
    kind = _said(cell, "value-type")
    if kind in ("float", "currency", "percentage"):
        number = _said(cell, "value")
        return int(number) if number.lstrip("-").isdigit() else float(number)
    if kind in ("date", "time"):
        return from_ISO8601(_said(cell, f"{kind}-value"))
    if kind == "boolean":
        return is_true(_said(cell, "boolean-value"))
    return "\n".join(_text(child) for child in cell if local(child.tag) == "p") or None


def _text(element: Element) -> str:
    """The text of a paragraph; spaces in a row, tabs and line breaks are elements of their own, comments no text."""
    signs = {"s": " " * int(_said(element, "c") or 1), "tab": "\t", "line-break": "\n", "annotation": ""}
    name = local(element.tag)
    if name in signs:
        return signs[name]
    return (element.text or "") + "".join(_text(child) + (child.tail or "") for child in element)
