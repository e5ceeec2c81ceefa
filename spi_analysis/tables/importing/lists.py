"""List files opened: whose list each sheet is, its header, and its rows as cells by field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.errors import InputError, Problem, SpiError
from spi_analysis.params.mapping import FrameMapping, frame_mapping
from spi_analysis.params.round import EligibilityParams
from spi_analysis.params.setup import RoundSetup
from spi_analysis.tables.cells.emails import read_emails
from spi_analysis.tables.cells.phones import read_phones
from spi_analysis.tables.importing.addressing import institution_of, source_of, stream_of
from spi_analysis.tables.importing.findings import Findings, Where
from spi_analysis.tables.importing.headers import Header, HeaderWords, find_header, missing_columns
from spi_analysis.tables.importing.sheets import Row, Sheet, in_order, read_sheets
from spi_analysis.tables.importing.stray import StrayRows, rows_below

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
        stray = StrayRows(self.header, self.mapping.stray, self._has_contact)
        columns, people = self.header.columns, []
        for number, row in rows_below(self.sheet, self.header):
            kind = stray.kind(row)
            if kind:
                findings.add(self.where._replace(row=number), kind)
                continue
            people.append((number, *(row[i] if i < len(row) else None for i in columns.values())))
        frame = pd.DataFrame(people, columns=["row", *columns], dtype=object)
        if frame.empty:
            findings.add(self.where, "no_rows")
        return frame.assign(file=self.sheet.file, sheet=self.sheet.name, stream=self.stream)

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
            findings.add(where, "column_ignored", self.header.labels[i])

    def note_rules(self, rules: EligibilityParams, findings: Findings) -> None:
        """Note the rules that cannot be checked, since the list leaves out a column that few lists have."""
        needed = {"main_work": rules.main_work_only, "service_date": rules.max_months_since_service is not None}
        for field in [field for field, is_needed in needed.items() if is_needed and field not in self.header.columns]:
            findings.add(self.where, "rule_not_checked", known_as=self.mapping.fields[field][0])


@dataclass(frozen=True)
class Opened:
    """What came of opening the files: sheets to import, sheets passed over, problems of files that cannot be used."""

    sheets: list[ListSheet]
    skipped: list[Where]
    failed: list[Problem]


def open_lists(
    files: Iterable[Path], setup: RoundSetup, mapping: Path | None, institution: str | None, source: str | None
) -> Opened:
    """Open every file; what is wrong with one never keeps the others from being opened."""
    opened = Opened([], [], [])
    for path, shown_as in in_order(files).items():
        try:
            _open_one(path, shown_as, setup, mapping, institution, source, opened)
        except SpiError as error:
            opened.failed.extend(error.problems)
    opened.sheets.sort(key=lambda sheet: sheet.stream)
    return opened


def _open_one(
    path: Path,
    shown_as: str,
    setup: RoundSetup,
    given: Path | None,
    institution: str | None,
    source: str | None,
    opened: Opened,
) -> None:
    institution_id = institution or institution_of(path, setup, frame_mapping(setup.workspace, None, given))
    mapping = frame_mapping(setup.workspace, institution_id, given)
    words = HeaderWords(mapping.fields, mapping.header)
    found, problems, passed, unlike = [], [], [], []
    for sheet in read_sheets(path, shown_as):
        header = find_header(sheet, words)
        if header is None:
            passed.append(sheet)
            continue
        whose = source or source_of(path, sheet.name, mapping)
        wrong = [*header.problems, *missing_columns(sheet, header, mapping.required[whose], words)]
        if not wrong:
            found.append(ListSheet(institution_id, whose, stream_of(path, sheet.name, mapping), sheet, header, mapping))
        elif header.problems or {"name", *CONTACT_FIELDS} & set(header.columns):
            problems += wrong
        else:
            # Neither names nor contacts: a summary or instructions, unless it is all there is.
            passed.append(sheet)
            unlike += wrong
    if not found and not problems:
        raise InputError(*(unlike or [_no_header(shown_as, len(passed), mapping)]))
    opened.sheets.extend(found)
    opened.failed.extend(problems)
    opened.skipped.extend(Where(institution_id, source or "", shown_as, sheet.name) for sheet in passed)


def _no_header(file: str, sheets: int, mapping: FrameMapping) -> Problem:
    return Problem(
        "no header row was found",
        file=file,
        got=f"{sheets} sheet(s) without a row of known headers",
        expected=f"headers such as nama, unit kerja, no hp in one of the first {mapping.header.search_rows} rows",
        hint="add the header row, or name the headers in a mapping file (--mapping)",
    )
