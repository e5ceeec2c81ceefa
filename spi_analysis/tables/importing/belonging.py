"""Sheets that may not be meant for this institution and round: hidden, or named after another year or institution.

What a sheet's name and the titles above its header say is compared with whose list the file is.
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
from spi_analysis.tables.importing.issues import Issues
from spi_analysis.tables.importing.list_sheets import ListSheet

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
