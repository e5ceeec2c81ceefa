"""Targets of the index: a series per institution and for the nation, each with its source and date.

``params/targets.csv``, optional: one row per institution (or ``nasional``), year and source.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from spi_analysis.errors import ParameterError, Problem
from spi_analysis.params.loading import Frozen, Text, shown_path
from spi_analysis.params.roster import Apart, Roster, read_rows

NATIONAL = "nasional"
# A page compares with the first target and with one that contradicts it; more are refused.
MOST_VALUES = 2


class Target(Frozen):
    """One target of one year, with source and date. ``source_en``: the same in English (blank: as in Indonesian)."""

    institution_id: str
    year: Annotated[int, Field(ge=2000, le=2100)]
    target: Annotated[float, Field(ge=0, le=100)]
    source_id: Annotated[str, Field(min_length=3)]
    source_en: str = ""
    as_of: dt.date

    @property
    def cite(self) -> Text:
        """How a page names the source."""
        return Text(id=self.source_id, en=self.source_en or self.source_id)


class Targets(Frozen):
    """All targets, in the order of the file: of two that contradict each other the first is compared first."""

    rows: tuple[Target, ...] = ()

    def of(self, institution_id: str, year: int) -> dict[str, tuple[Target, ...]]:
        """Rows by code: national, local, and national_2, local_2 where a source names another figure for that year."""
        found: dict[str, tuple[Target, ...]] = {}
        for kind, who in (("national", NATIONAL), ("local", institution_id)):
            for place, rows in enumerate(self.by_value(who, year), 1):
                found[kind if place == 1 else f"{kind}_{place}"] = rows
        return found

    def values(self, institution_id: str, year: int) -> dict[str, float]:
        """Figures by code."""
        return {code: rows[0].target for code, rows in self.of(institution_id, year).items()}

    def series(self, institution_id: str, years: Sequence[int]) -> list[Target]:
        """All targets of an institution and of the nation in some years, by year."""
        own = [row for row in self.rows if row.institution_id in (NATIONAL, institution_id) and row.year in years]
        return sorted(own, key=lambda row: (row.year, row.institution_id != NATIONAL))

    def by_value(self, who: str, year: int) -> list[tuple[Target, ...]]:
        """Rows of one year of an institution (or of the nation): those that give the same figure together."""
        rows = [row for row in self.rows if (row.institution_id, row.year) == (who, year)]
        return [
            tuple(row for row in rows if row.target == value) for value in dict.fromkeys(row.target for row in rows)
        ]


def load_targets(path: Path, roster: Roster, apart: Apart | None = None) -> Targets:
    """Read the file, if there is one; codes must be in the roster (or ``nasional``), a source stand there once a year.

    Raises
    ------
    ParameterError   rows that do not fit; more than two targets of one year that contradict each other.
    """
    if not path.exists():
        return Targets()
    rows = read_rows(
        path, Target, roster, lambda row: (row.institution_id, row.year, row.source_id), (NATIONAL,), apart=apart
    )
    targets = Targets(rows=tuple(rows))
    found = _contradictions(targets, shown_path(path))
    if problems := [problem for who, problem in found if apart is None or who == NATIONAL]:
        raise ParameterError(*problems)
    for who, problem in found if apart is not None else ():
        apart.setdefault(who, []).append(problem)
    return targets


def _contradictions(targets: Targets, file: str) -> list[tuple[str, Problem]]:
    years = dict.fromkeys((row.institution_id, row.year) for row in targets.rows)
    values = {key: [rows[0].target for rows in targets.by_value(*key)] for key in years}
    return [
        (
            who,
            Problem(
                "too many targets contradict each other",
                file,
                column="target",
                got=f"{who} {year}: {', '.join(f'{value:g}' for value in found)}",
                expected=f"at most {MOST_VALUES} different figures for a year",
                hint="keep the plan's own figure first, and the one that contradicts it",
            ),
        )
        for (who, year), found in values.items()
        if len(found) > MOST_VALUES
    ]
