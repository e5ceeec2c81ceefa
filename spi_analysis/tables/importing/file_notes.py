"""What a list's file says beside its cells, turned into issues: hidden rows, merged cells, formulas, odd bytes, dates.

Each is used or named, never passed over; what makes a whole list doubtful is a problem of its file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from spi_analysis.errors import Problem
from spi_analysis.params import RoundParams, RoundSetup, normalised
from spi_analysis.tables import text_of
from spi_analysis.tables.importing.addressing import institutions_in, of_place
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


# Sheets that may not be meant for this institution and round: hidden, or named after another year or institution.

# Lists of a province name its towns, and those of a ministry its offices in all provinces: only institutions of the
# same level exclude each other.
LEVELS = ({"kota", "kabupaten"}, {"provinsi"})
YEARS = range(2000, 2100)


def set_aside(sheet: ListSheet, setup: RoundSetup) -> ListSheet:
    """The sheet, marked with the reason why its rows are turned away, if there is one."""
    if _is_taken(sheet):
        return sheet
    named = years_in(sheet.sheet.name)
    another = named and not named & years_of(setup.round_for(sheet.institution_id), sheet.source)
    reason = "hidden_sheet" if sheet.sheet.told.hidden else "sheet_of_another_year" if another else ""
    return replace(sheet, aside=reason)


def others_named(sheet: ListSheet, setup: RoundSetup) -> Iterator[Problem]:
    """A problem where the sheet's name or its titles name another institution of the same level, and not this one."""
    found = institutions_in(" / ".join([sheet.sheet.name, *titles(sheet)]), setup, sheet.mapping)
    others = [code for code in found if _level(code) == _level(sheet.institution_id)]
    if not others or sheet.institution_id in found or _is_taken(sheet):
        return
    yield Problem(
        "the sheet names another institution than the file",
        file=sheet.sheet.file,
        key=f"sheet {sheet.sheet.name}" if sheet.sheet.name else "",
        got=", ".join(others),
        expected=sheet.institution_id,
        hint="send each institution's list in a file of its own; if the sheet does belong here, say --institution "
        f"or name it in params/mappings/{sheet.institution_id}.yaml: sheets: {{take: [...]}}",
    )


def nobody_left(sheets: Sequence[ListSheet]) -> Problem | None:
    """A problem where all people of a file stand in sheets that are set aside."""
    people = [sheet for sheet in sheets if sheet.has_people]
    if not people or not all(sheet.aside for sheet in people):
        return None
    names = sorted(f"{sheet.sheet.name} ({_why(sheet)})" for sheet in people)
    return Problem(
        "all people of this file stand in sheets that may not be meant",
        file=people[0].sheet.file,
        got=", ".join(names),
        expected="a visible sheet of this round",
        hint="unhide or rename the sheet; or, if it is meant, name it in "
        f"params/mappings/{people[0].institution_id}.yaml: sheets: {{take: [...]}}",
    )


def note_titles(sheet: ListSheet, setup: RoundSetup, issues: Issues) -> None:
    """Note a name or title that speaks of other years only, and a sheet named like another place; the rows are read."""
    if sheet.aside or _is_taken(sheet):
        return
    round_ = setup.round_for(sheet.institution_id)
    named = years_in(sheet.sheet.file.rpartition(".")[0], *titles(sheet))
    if named and not named & years_of(round_, sheet.source):
        years = ", ".join(map(str, sorted(named)))
        issues.add(sheet.where, "names_another_year", years=years, year=round_.year)
    places = [code for code in of_place(sheet.sheet.name, setup) if _level(code) == _level(sheet.institution_id)]
    if places and sheet.institution_id not in places:
        issues.add(sheet.where, "names_another_place", sheet=sheet.sheet.name, others=", ".join(places))


def titles(sheet: ListSheet) -> list[str]:
    """The texts above the header."""
    above = sheet.sheet.rows[: sheet.header.row]
    return [text_of(cell) for row in above for cell in row if isinstance(cell, str) and text_of(cell)]


def years_in(*texts: str) -> set[int]:
    """The years that texts name."""
    words = (word for text in texts for word in normalised(text).split())
    return {int(word) for word in words if len(word) == 4 and word.isdecimal() and int(word) in YEARS}


def years_of(round_: RoundParams, source: str) -> set[int]:
    """The years a list of a source may speak of: the round's, and those from which its users come."""
    start = round_.fieldwork.start
    months = round_.sources[source].eligibility.max_months_since_service or 0
    first = pd.Timestamp(start) - pd.DateOffset(months=math.ceil(months))
    return {round_.year, *range(first.year, round_.fieldwork.end.year + 1)}


def _is_taken(sheet: ListSheet) -> bool:
    return normalised(sheet.sheet.name) in {normalised(name) for name in sheet.mapping.sheets.take}


def _level(institution_id: str) -> int:
    """Which institutions exclude each other; all that are no local government are one level."""
    kind = institution_id.split("-")[0]
    return next((i for i, kinds in enumerate(LEVELS) if kind in kinds), len(LEVELS))


def _why(sheet: ListSheet) -> str:
    return "hidden" if sheet.aside == "hidden_sheet" else "another year"
