"""One sheet of a list: whose it is, its header, and its rows as cells by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from spi_analysis.params.mapping import FrameMapping
from spi_analysis.params.sources import EligibilityParams
from spi_analysis.tables.cells.emails import read_emails
from spi_analysis.tables.cells.phones import read_phones
from spi_analysis.tables.importing.date_columns import DATE_FIELDS, DateColumn, judged
from spi_analysis.tables.importing.findings import Findings, Where
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.sheets import Row, Sheet
from spi_analysis.tables.importing.stray import StrayRows, note_beyond_header, note_formulas, rows_below

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

    def frame(self, findings: Findings) -> pd.DataFrame:
        """One row per person: cells by field, with file, sheet, row and stream. Stray rows are noted and left out."""
        for number, _, kind in self._rows:
            if kind:
                findings.add(self.where._replace(row=number), kind)
        columns = list(self.header.columns)
        people = [(number, *(cells[field] for field in columns)) for number, cells in self.people]
        frame = pd.DataFrame(people, columns=["row", *columns], dtype=object)
        if frame.empty:
            findings.add(self.where, "no_rows")
        note_beyond_header(self.sheet, self.header, self.where, findings)
        note_formulas(self.sheet, self.header, self.where, findings)
        return frame.assign(file=self.sheet.file, sheet=self.sheet.name, stream=self.stream)

    @property
    def has_people(self) -> bool:
        """Whether any row may be a person."""
        return bool(self.people)

    @cached_property
    def people(self) -> list[tuple[int, dict[str, object]]]:
        """Number of every row that may be a person, and its cells by field."""
        columns = self.header.columns.items()
        return [
            (number, {field: row[i] if i < len(row) else None for field, i in columns})
            for number, row, kind in self._rows
            if not kind
        ]

    @cached_property
    def dates(self) -> dict[str, DateColumn]:
        """The verdict on every column of dates."""
        rules, from_1904 = self.mapping.dates, self.sheet.told.days_from_1904
        return {
            field: judged(
                ((number, cells[field]) for number, cells in self.people),
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
        stray = StrayRows(self.header, self.mapping.stray, self._has_contact)
        return [(number, row, stray.kind(row)) for number, row in rows_below(self.sheet, self.header)]

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

    def note_header(self, findings: Findings) -> None:
        """Note the headers that were misspelt or mean nothing."""
        where = self.where._replace(row=self.header.row + 1)
        for field in self.header.guessed:
            findings.add(where, "header_read_as", self.header.label(field), known_as=self.mapping.fields[field][0])
        for i in self.header.unused:
            findings.add(where, "column_ignored", self.header.shown(i))

    def note_rules(self, rules: EligibilityParams, findings: Findings) -> None:
        """Note the rules that cannot be checked, since the list leaves out a column that few lists have."""
        needed = {"main_work": rules.main_work_only, "service_date": rules.max_months_since_service is not None}
        for field in [field for field, is_needed in needed.items() if is_needed and field not in self.header.columns]:
            findings.add(self.where, "rule_not_checked", known_as=self.mapping.fields[field][0])
