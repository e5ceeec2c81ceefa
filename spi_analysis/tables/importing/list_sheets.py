"""One sheet of a list: whose it is, its header, and its rows as cells by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

import pandas as pd

from spi_analysis.params import EligibilityParams, FrameMapping, NonDataRowRules, normalised
from spi_analysis.tables import read_emails, read_phones, text_of
from spi_analysis.tables.importing.date_columns import DATE_FIELDS, DateColumn, judged
from spi_analysis.tables.importing.grids import Row
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.issues import Issues, Where
from spi_analysis.tables.importing.readers import Sheet

# Rows of a sheet that are not people: totals, headers once more, and what is signed below.
#
# None of them has a usable contact; totals begin with a word for it, the rest stands in one to three cells.


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


def note_beyond_header(sheet: Sheet, header: Header, where: Where, issues: Issues) -> None:
    """Note once, at the first such row, how many rows hold cells to the right of the last header."""
    width = max((i + 1 for i, label in enumerate(header.labels) if label), default=0)
    below = enumerate(sheet.rows[header.row + 1 :], start=header.row + 2)
    beyond = [number for number, row in below if len(row) > width and any(text_of(cell) for cell in row[width:])]
    if beyond:
        issues.add(where._replace(row=beyond[0]), "cells_beyond_header", rows=len(beyond))


def note_formulas(sheet: Sheet, header: Header, where: Where, issues: Issues) -> None:
    """Note once for each column that means something how many of its formulas were never computed."""
    for field, rows in rows_of_formulas(sheet, header).items():
        issues.add(where._replace(row=min(rows)), "formula_without_value", header.label(field), rows=len(rows))


def rows_of_formulas(sheet: Sheet, header: Header) -> dict[str, list[int]]:
    """Spreadsheet rows below the header with a formula that was never computed, by field."""
    found = {
        field: sorted(row for row in sheet.unvalued.get(i, ()) if row > header.row + 1)
        for field, i in header.columns.items()
    }
    return {field: rows for field, rows in found.items() if rows}


class NonDataRows:
    """Says of each row in turn why it is no person ("" if it may be one).

    A footer begins at a thin row with a footer word; thin rows after it belong to it, until a full row follows.
    """

    def __init__(self, header: Header, rules: NonDataRowRules, has_contact: Callable[[Row], bool]) -> None:
        self.rules, self.has_contact = rules, has_contact
        self.labels = [(i, normalised(header.labels[i])) for i in header.columns.values()]
        self.totals = tuple(normalised(word) for word in rules.totals)
        self.footers = tuple(normalised(word) for word in rules.footers)
        self.in_footer = False

    def kind(self, row: Row) -> str:
        """Why the row is no person; "" if it may be one."""
        # Of most rows the first cells tell that it may be a person: no more are looked at than that takes.
        texts = filter(None, map(text_of, row))
        first = list(islice(texts, self.rules.max_cells + 1))
        if self._is_header(row) or _numbers_columns(chain(first, texts)):
            return "header_row"
        total = any(_starts(normalised(text), self.totals) for text in first[:2])
        if (len(first) > self.rules.max_cells and not total) or self.has_contact(row):
            self.in_footer = False
            return ""
        if total:
            return "total_row"
        self.in_footer = self.in_footer or any(_starts(normalised(text), self.footers) for text in first)
        return "footer_row" if self.in_footer else ""

    def _is_header(self, row: Row) -> bool:
        """The header again."""
        others, most = 0, (len(self.labels) - 1) // 2
        for i, label in self.labels:
            others += i >= len(row) or _begins_otherwise(row[i], label) or normalised(text_of(row[i])) != label
            if others > most:
                return False
        return bool(self.labels)


def _begins_otherwise(cell: object, label: str) -> bool:
    """Whether the first letter alone shows that a cell is not the label (normalised)."""
    return isinstance(cell, str) and cell.isascii() and cell[:1].isalnum() and cell[0].lower() != label[:1]


def _numbers_columns(texts: Iterable[str]) -> bool:
    """Whether a row numbers the columns: 1, 2, 3 ..."""
    number = 0
    for number, text in enumerate(texts, start=1):
        if normalised(text) != str(number):
            return False
    return number > 2


def _starts(text: str, words: tuple[str, ...]) -> bool:
    return any(text.startswith(word) and text[len(word) : len(word) + 1] in ("", " ") for word in words)


CONTACT_FIELDS = ("whatsapp", "phone", "email")


@dataclass(frozen=True)
class ListSheet:
    """One sheet that lists people of one institution and source.

    ``aside``: why all its rows are turned away (a code of the reasons), "" for a sheet that is read.
    """

    institution_id: str
    source: str
    stream: str
    sheet: Sheet
    header: Header
    mapping: FrameMapping
    aside: str = ""

    @property
    def where(self) -> Where:
        return Where(self.institution_id, self.source, self.sheet.file, self.sheet.name)

    def frame(self, issues: Issues) -> pd.DataFrame:
        """One row per person: cells by field, with file, sheet, row, stream. Non-data rows are noted and left out."""
        for number, _, kind in self._rows:
            if kind:
                issues.add(self.where._replace(row=number), kind)
        columns = self.header.columns
        cells = {"row": [number for number, _ in self.people]} | {field: self._column(field) for field in columns}
        frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in cells.items()})
        if frame.empty:
            issues.add(self.where, "no_rows")
        note_beyond_header(self.sheet, self.header, self.where, issues)
        note_formulas(self.sheet, self.header, self.where, issues)
        return frame.assign(file=self.sheet.file, sheet=self.sheet.name, stream=self.stream)

    @property
    def has_people(self) -> bool:
        """Whether any row may be a person."""
        return bool(self.people)

    @cached_property
    def people(self) -> list[tuple[int, Row]]:
        """Number and cells of every row that may be a person."""
        return [(number, row) for number, row, kind in self._rows if not kind]

    def _column(self, field: str) -> list[object]:
        """The cells of all people in the column of a field."""
        i = self.header.columns[field]
        return [row[i] if i < len(row) else None for _, row in self.people]

    @cached_property
    def dates(self) -> dict[str, DateColumn]:
        """The decision on every column of dates."""
        rules, from_1904 = self.mapping.dates, self.sheet.told.days_from_1904
        return {
            field: judged(
                zip((number for number, _ in self.people), self._column(field), strict=True),
                rules,
                rules.order.get(field),
                days_from_1904=from_1904,
            )
            for field in DATE_FIELDS
            if field in self.header.columns
        }

    @cached_property
    def _rows(self) -> list[tuple[int, Row, str]]:
        """Number and cells of every row below the header, and why it is no person ("" if it may be one)."""
        non_data = NonDataRows(self.header, self.mapping.stray, self._has_contact)
        return [(number, row, non_data.kind(row)) for number, row in rows_below(self.sheet, self.header)]

    def _has_contact(self, row: Row) -> bool:
        cells = {f: row[i] for f, i in self.header.columns.items() if f in CONTACT_FIELDS and i < len(row) and row[i]}
        return any(
            (read_emails(cell) if field == "email" else read_phones(cell, self.mapping.phones)).values
            for field, cell in cells.items()
        )

    def fields_at(self, places: frozenset[tuple[int, int]]) -> Iterator[tuple[int, str]]:
        """Row and field of those places (row, column) that are cells of people in a column that is used."""
        fields, people = {i: field for field, i in self.header.columns.items()}, {number for number, _ in self.people}
        return ((row, fields[i]) for row, i in sorted(places) if row in people and i in fields)

    def note_header(self, issues: Issues) -> None:
        """Note the headers that were misspelt or mean nothing."""
        where = self.where._replace(row=self.header.row + 1)
        for field in self.header.guessed:
            issues.add(where, "header_read_as", self.header.label(field), known_as=self.mapping.fields[field][0])
        for i in self.header.unused:
            issues.add(where, "column_ignored", self.header.shown(i))

    def note_rules(self, rules: EligibilityParams, issues: Issues) -> None:
        """Note the rules that cannot be checked, since the list leaves out a column that few lists have."""
        needed = {"main_work": rules.main_work_only, "service_date": rules.max_months_since_service is not None}
        for field in [field for field, is_needed in needed.items() if is_needed and field not in self.header.columns]:
            issues.add(self.where, "rule_not_checked", known_as=self.mapping.fields[field][0])
