"""One sheet of a list: whose it is, its header, and its rows as cells by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from spi_analysis.params.mapping import FrameMapping
from spi_analysis.params.sources import EligibilityParams
from spi_analysis.tables.cells.emails import read_emails
from spi_analysis.tables.cells.phones import read_phones
from spi_analysis.tables.importing.findings import Findings, Where
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.sheets import Row, Sheet
from spi_analysis.tables.importing.stray import StrayRows, note_beyond_header, note_formulas, rows_below

CONTACT_FIELDS = ("whatsapp", "phone", "email")


@dataclass(frozen=True)
class ListSheet:
    """One sheet that lists people of one institution and source."""

    institution_id: str
    source: str
    stream: str
    sheet: Sheet
    header: Header
    mapping: FrameMapping

    @property
    def where(self) -> Where:
        return Where(self.institution_id, self.source, self.sheet.file, self.sheet.name)

    def frame(self, findings: Findings) -> pd.DataFrame:
        """One row per person: cells by field, with file, sheet, row and stream. Stray rows are noted and left out."""
        columns, people = self.header.columns, []
        for number, row, kind in self._rows():
            if kind:
                findings.add(self.where._replace(row=number), kind)
                continue
            people.append((number, *(row[i] if i < len(row) else None for i in columns.values())))
        frame = pd.DataFrame(people, columns=["row", *columns], dtype=object)
        if frame.empty:
            findings.add(self.where, "no_rows")
        note_beyond_header(self.sheet, self.header, self.where, findings)
        note_formulas(self.sheet, self.header, self.where, findings)
        return frame.assign(file=self.sheet.file, sheet=self.sheet.name, stream=self.stream)

    @property
    def has_people(self) -> bool:
        """Whether any row may be a person."""
        return any(not kind for _, _, kind in self._rows())

    def _rows(self) -> Iterator[tuple[int, Row, str]]:
        """Number and cells of every row below the header, and why it is no person ("" if it may be one)."""
        stray = StrayRows(self.header, self.mapping.stray, self._has_contact)
        return ((number, row, stray.kind(row)) for number, row in rows_below(self.sheet, self.header))

    def _has_contact(self, row: Row) -> bool:
        cells = {f: row[i] for f, i in self.header.columns.items() if f in CONTACT_FIELDS and i < len(row) and row[i]}
        return any(
            (read_emails(cell) if field == "email" else read_phones(cell, self.mapping.phones)).values
            for field, cell in cells.items()
        )

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
