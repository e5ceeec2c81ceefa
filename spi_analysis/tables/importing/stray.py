"""Rows of a sheet that are not people: totals, headers once more, and what is signed below.

None of them has a usable contact; totals begin with a word for it, the rest stands in one to three cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spi_analysis.params.mapping import StrayRules
from spi_analysis.params.words import plain
from spi_analysis.tables.cells.cell import text_of
from spi_analysis.tables.importing.findings import Findings, Where
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.sheets import Row, Sheet


def rows_below(sheet: Sheet, header: Header) -> Iterator[tuple[int, Row]]:
    """Spreadsheet row number and cells of every row below the header that holds anything."""
    for number, row in enumerate(sheet.rows[header.row + 1 :], start=header.row + 2):
        if any(text_of(cell) for cell in row):
            yield number, row


def note_beyond_header(sheet: Sheet, header: Header, where: Where, findings: Findings) -> None:
    """Note once, at the first such row, how many rows hold cells to the right of the last header."""
    width = max((i + 1 for i, label in enumerate(header.labels) if label), default=0)
    beyond = [number for number, row in rows_below(sheet, header) if any(text_of(cell) for cell in row[width:])]
    if beyond:
        findings.add(where._replace(row=beyond[0]), "cells_beyond_header", rows=len(beyond))


class StrayRows:
    """Says of each row in turn why it is no person ("" if it may be one).

    A footer begins at a thin row with a footer word; thin rows after it belong to it, until a full row follows.
    """

    def __init__(self, header: Header, rules: StrayRules, has_contact: Callable[[Row], bool]) -> None:
        self.header, self.rules, self.has_contact = header, rules, has_contact
        self.totals = tuple(plain(word) for word in rules.totals)
        self.footers = tuple(plain(word) for word in rules.footers)
        self.in_footer = False

    def kind(self, row: Row) -> str:
        words = [plain(text_of(cell)) for cell in row if text_of(cell)]
        if self._is_header(row, words):
            return "header_row"
        total = any(_starts(word, self.totals) for word in words[:2])
        if (len(words) > self.rules.max_cells and not total) or self.has_contact(row):
            self.in_footer = False
            return ""
        if total:
            return "total_row"
        self.in_footer = self.in_footer or any(_starts(word, self.footers) for word in words)
        return "footer_row" if self.in_footer else ""

    def _is_header(self, row: Row, words: list[str]) -> bool:
        """The header again, or the row that numbers the columns (1, 2, 3 ...)."""
        columns = self.header.columns.values()
        labels = [plain(self.header.labels[i]) for i in columns]
        same = sum(i < len(row) and plain(text_of(row[i])) == label for i, label in zip(columns, labels, strict=True))
        return same * 2 > len(labels) or (len(words) > 2 and words == [str(i + 1) for i in range(len(words))])


def _starts(text: str, words: tuple[str, ...]) -> bool:
    return any(text == word or text.startswith(f"{word} ") for word in words)
