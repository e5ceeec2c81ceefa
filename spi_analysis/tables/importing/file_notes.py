"""What a list's file says beside its cells, turned into issues: hidden rows, merged cells, formulas, odd bytes, dates.

Each is used or named, never passed over; what makes a whole list doubtful is a problem of its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from spi_analysis.errors import Problem
from spi_analysis.tables.importing.issues import NO_RESULT, Issues, RowIssue
from spi_analysis.tables.importing.list_sheets import ListSheet, merged_below

MOST_NAMED = 12  # rows that a message names; the workbook's reader finds the others beside them


def issues_of_file(sheet: ListSheet, labels: pd.Series) -> list[RowIssue]:
    """Issues on the rows of a sheet; ``labels``: row of the spreadsheet -> label of the row among all cells."""
    told = sheet.sheet.told
    if sheet.aside:
        return [RowIssue(label, sheet.aside, (), {"sheet": sheet.sheet.name}) for label in labels]
    hidden = [row for row in labels.index if row in told.hidden_rows]
    row_issues = [RowIssue(labels[row], "hidden_row", (), {"listed": rows_in_words(hidden)}) for row in hidden]
    for code, places in (
        (NO_RESULT, _unvalued(sheet)),
        ("odd_byte", told.odd_bytes),
        ("merged_cell", _merged(sheet)),
    ):
        row_issues += [RowIssue(labels[row], code, (field,)) for row, field in sheet.fields_at(places)]
    return row_issues


def by_cause(row_issues: Sequence[RowIssue]) -> list[RowIssue]:
    """Issues with the cause in the place of its effect: required cells are missing where formulas have no result."""
    without = {(issue.row, field) for issue in row_issues if issue.code == NO_RESULT for field in issue.fields}
    return [
        _by_cause(issue, [field for field in issue.fields if (issue.row, field) in without]) for issue in row_issues
    ]


def _by_cause(issue: RowIssue, formulas: list[str]) -> RowIssue:
    return (
        RowIssue(issue.row, "required_formula", (formulas[0],)) if formulas and issue.severity == "rejected" else issue
    )


def _unvalued(sheet: ListSheet) -> frozenset[tuple[int, int]]:
    return frozenset((row, column) for column, rows in sheet.sheet.unvalued.items() for row in rows)


def _merged(sheet: ListSheet) -> frozenset[tuple[int, int]]:
    covered = merged_below(sheet.sheet, sheet.header)
    return frozenset((row, column) for row, values in covered.items() for column in values)


def note_told(sheet: ListSheet, issues: Issues) -> None:
    """Note how the dates of a sheet were read, and odd bytes where no person's cell is."""
    for field, column in sheet.dates.items():
        for code, rows in column.issues():
            where = sheet.where._replace(row=rows[0])
            issues.add(where, code, sheet.header.label(field), rows=len(rows))
    within = {(row, sheet.header.columns[field]) for row, field in sheet.fields_at(sheet.sheet.told.odd_bytes)}
    for row, column in sorted(sheet.sheet.told.odd_bytes - within):
        label = sheet.header.shown(column) if column < len(sheet.header.labels) else ""
        issues.add(sheet.where._replace(row=row), "odd_byte", label)


def dated(cells: pd.DataFrame, sheets: Sequence[ListSheet]) -> pd.DataFrame:
    """The cells with every date as its column says it is to be read; a copy, since what stands in the file is kept."""
    cells = cells.copy()
    for sheet in sheets:
        rows = cells.index[(cells["file"] == sheet.sheet.file) & (cells["sheet"] == sheet.sheet.name)]
        for field, column in sheet.dates.items():
            cells.loc[rows, field] = pd.Series([column.as_read(cell) for cell in cells.loc[rows, field]], rows, object)
    return cells


def problems_of(sheet: ListSheet) -> Iterator[Problem]:
    """What makes the whole list doubtful: a column of dates that contradict each other."""
    for field, column in sheet.dates.items():
        say = f"params/mappings/{sheet.institution_id}.yaml: dates: {{order: {{{field}: day_first}}}}"
        problem = column.contradiction(sheet.sheet.file, sheet.sheet.name, sheet.header.label(field), say)
        if problem:
            yield problem


def rows_in_words(rows: Sequence[int]) -> str:
    """The rows, as many as a message can hold."""
    named = ", ".join(map(str, rows[:MOST_NAMED]))
    return f"{named} ..." if len(rows) > MOST_NAMED else named
