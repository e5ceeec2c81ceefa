"""Rows of a sheet that are not people: totals, headers once more, and what is signed below.

None of them has a usable contact; totals begin with a word for it, the rest stands in one to three cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from spi_analysis.params.mapping import StrayRules
from spi_analysis.params.words import plain
from spi_analysis.tables.cells.cell import text_of
from spi_analysis.tables.importing.findings import Findings, Where
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.sheets import Row, Sheet


def rows_below(sheet: Sheet, header: Header) -> Iterator[tuple[int, Row]]:
    """Spreadsheet row number and cells of every row below the header that holds anything of its own.

    A value of merged cells stands in every row that they cover.
    """
    covered = merged_below(sheet, header)
    for number, row in enumerate(sheet.rows[header.row + 1 :], start=header.row + 2):
        if row and any(text_of(cell) for cell in row):
            yield number, _filled(row, covered[number]) if number in covered else row


def merged_below(sheet: Sheet, header: Header) -> dict[int, dict[int, object]]:
    """Row -> column -> the value of the merged cells that cover it, below the block's first row."""
    covered: dict[int, dict[int, object]] = {}
    for block in sheet.told.merged:
        first = sheet.rows[block.first - 1] if header.row + 1 < block.first <= len(sheet.rows) else ()
        value = first[block.column] if block.column < len(first) else None
        if text_of(value):
            for row in range(block.first + 1, min(block.last, len(sheet.rows)) + 1):
                covered.setdefault(row, {})[block.column] = value
    return covered


def _filled(row: Row, values: Mapping[int, object]) -> Row:
    width = max(len(row), *(column + 1 for column in values))
    cells = [*row, *[None] * (width - len(row))]
    return tuple(values.get(i) if cell is None else cell for i, cell in enumerate(cells))


def note_beyond_header(sheet: Sheet, header: Header, where: Where, findings: Findings) -> None:
    """Note once, at the first such row, how many rows hold cells to the right of the last header."""
    width = max((i + 1 for i, label in enumerate(header.labels) if label), default=0)
    below = enumerate(sheet.rows[header.row + 1 :], start=header.row + 2)
    beyond = [number for number, row in below if len(row) > width and any(text_of(cell) for cell in row[width:])]
    if beyond:
        findings.add(where._replace(row=beyond[0]), "cells_beyond_header", rows=len(beyond))


def note_formulas(sheet: Sheet, header: Header, where: Where, findings: Findings) -> None:
    """Note once for each column that means something how many of its formulas were never computed."""
    for field, rows in rows_of_formulas(sheet, header).items():
        findings.add(where._replace(row=min(rows)), "formula_without_value", header.label(field), rows=len(rows))


def rows_of_formulas(sheet: Sheet, header: Header) -> dict[str, list[int]]:
    """Spreadsheet rows below the header with a formula that was never computed, by field."""
    found = {
        field: sorted(row for row in sheet.unvalued.get(i, ()) if row > header.row + 1)
        for field, i in header.columns.items()
    }
    return {field: rows for field, rows in found.items() if rows}


class StrayRows:
    """Says of each row in turn why it is no person ("" if it may be one).

    A footer begins at a thin row with a footer word; thin rows after it belong to it, until a full row follows.
    """

    def __init__(self, header: Header, rules: StrayRules, has_contact: Callable[[Row], bool]) -> None:
        self.rules, self.has_contact = rules, has_contact
        self.labels = [(i, plain(header.labels[i])) for i in header.columns.values()]
        self.totals = tuple(plain(word) for word in rules.totals)
        self.footers = tuple(plain(word) for word in rules.footers)
        self.in_footer = False

    def kind(self, row: Row) -> str:
        """Why the row is no person; "" if it may be one."""
        texts = [text for cell in row if (text := text_of(cell))]
        if self._is_header(row) or _numbers_columns(texts):
            return "header_row"
        total = any(_starts(plain(text), self.totals) for text in texts[:2])
        if (len(texts) > self.rules.max_cells and not total) or self.has_contact(row):
            self.in_footer = False
            return ""
        if total:
            return "total_row"
        self.in_footer = self.in_footer or any(_starts(plain(text), self.footers) for text in texts)
        return "footer_row" if self.in_footer else ""

    def _is_header(self, row: Row) -> bool:
        """The header again."""
        same = sum(i < len(row) and plain(text_of(row[i])) == label for i, label in self.labels)
        return same * 2 > len(self.labels)


def _numbers_columns(texts: list[str]) -> bool:
    """Whether a row numbers the columns: 1, 2, 3 ..."""
    return len(texts) > 2 and all(plain(text) == str(i) for i, text in enumerate(texts, start=1))


def _starts(text: str, words: tuple[str, ...]) -> bool:
    return any(text == word or text.startswith(f"{word} ") for word in words)
