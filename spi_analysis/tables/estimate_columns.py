"""The columns that identify a row of the table ``estimates``: each has one meaning, declared by measure.

``source``: whose answers; ``part``: what of it, of the kind ``part_kind``; ``domain``: among whom, of the kind
``domain_kind``; ``denominator``: of a rate; ``reference_year``: with which a change compares.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.columns import MEASURES, VALUES, Measure
from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import CORRECTIONS

ESTIMATE_KEYS = [
    "measure",
    "source",
    "part_kind",
    "part",
    "domain_kind",
    "domain",
    "denominator",
    "reference_year",
]
WHOLE, ALL = "whole", "all"
# Parts of these kinds are the same in every round; those of the others stand in its instrument and parameters.
PART_CODES: dict[str, tuple[str, ...]] = {
    "correction": CORRECTIONS,
    "contribution": ("weights", "unexplained"),
    "target": tuple(VALUES["target"]),
    "assumption": ("same_design", "model"),
}
DENOMINATORS = tuple(VALUES["denominator"])
# What a column may hold: codes (none: it is empty), or anything.
Allowed = tuple[str, ...] | None
ANYTHING = None


def with_kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with all columns that identify them: the kinds as their measure declares them, empty what it does not have.

    Parameters
    ----------
    rows : DataFrame   measure, and what its rows have of source, part, domain, denominator, reference_year; part_kind
        where a measure has several kinds whose codes stand in the round
    """
    table = rows.reindex(columns=[*ESTIMATE_KEYS, *rows.columns.difference(ESTIMATE_KEYS, sort=False)])
    declared = [MEASURES[measure] for measure in table["measure"]]
    kinds = [_part_kind(kinds, part) for kinds, part in zip(declared, table["part"], strict=True)]
    table["part_kind"] = table["part_kind"].astype(object).where(table["part_kind"].notna(), kinds)
    table["domain_kind"] = [kinds.domain for kinds in declared]
    texts = ESTIMATE_KEYS[:-1]
    # Of a column that no row has (as the domain, while only experts have answered) pandas would make numbers.
    table[texts] = table[texts].astype("str")
    return table.assign(reference_year=table["reference_year"].astype("Int64"))


def _part_kind(declared: Measure, part: object) -> str:
    """The kind of a part; where a measure has several, the one that the part is a code of."""
    return next((kind for kind in declared.parts if part in PART_CODES.get(kind, ())), declared.parts[0])


def key_problems(estimates: pd.DataFrame, sources: Collection[str] | None = None) -> list[Problem]:
    """Columns that do not hold what the measure of their row declares: the first row of each.

    ``sources``: of the round, where it is known.
    """
    found: dict[tuple[str, str], Problem] = {}
    for number, row in enumerate(estimates[ESTIMATE_KEYS].to_dict("records"), start=1):
        for column, allowed in _allowed(row, None if sources is None else tuple(sources)).items():
            if not _fits(row[column], allowed):
                found.setdefault((row["measure"], column), _problem(number, column, row, allowed))
    return list(found.values())


def _allowed(row: dict[Any, Any], sources: Allowed) -> dict[str, Allowed]:
    """What each column may hold in a row of this measure."""
    declared = MEASURES.get(row["measure"])
    if declared is None:
        return {"measure": tuple(MEASURES)}
    return {
        "source": sources if declared.has_source else (),
        "part_kind": declared.parts,
        "part": () if row["part_kind"] == WHOLE else {**PART_CODES, "source": sources}.get(row["part_kind"], ANYTHING),
        "domain_kind": (declared.domain,),
        "domain": () if declared.domain == ALL else ANYTHING,
        "denominator": DENOMINATORS if declared.has_denominator else (),
        "reference_year": ANYTHING if declared.has_reference_year else (),
    }


def _fits(value: object, allowed: Allowed) -> bool:
    is_empty = bool(pd.isna(value))
    return is_empty if allowed == () else not is_empty if allowed is None else value in allowed


def _problem(number: int, column: str, row: dict[Any, Any], allowed: Allowed) -> Problem:
    got = "nothing" if pd.isna(row[column]) else str(row[column])
    expected = "some value" if allowed is None else ", ".join(allowed) or "nothing"
    hint = nearest(got, allowed or ())
    what = f"table estimates does not fit its contract, measure {row['measure']}"
    return Problem(what, row=number, column=column, got=got, expected=expected, hint=hint)


# The table as it was first stored: ``dimension`` and ``domain`` held whatever identified a row.


def estimates_from_schema_1(table: pd.DataFrame) -> pd.DataFrame:
    """A table ``estimates`` of the first form in the columns of today; the figures stay as they are.

    ``dimension`` held dimensions, items, parts of the index and assumptions; ``domain`` units, position classes,
    categories, targets, denominators and years; ``source`` also parts of the index and of its change.

    Parameters
    ----------
    table : DataFrame   measure, source, dimension, domain, and the columns that are no keys

    Raises
    ------
    InputError   a column is missing, or a measure is not known.
    """
    _require_schema_1(table)
    domain, part = table["domain"], table["dimension"]
    part = part.mask(_where(table, lambda m: m.parts in (("category",), ("target",))), domain).fillna(table["source"])
    rows = table.drop(columns=["dimension", "domain"]).assign(
        source=table["source"].where(_where(table, lambda m: m.has_source)),
        part=part.where(_where(table, lambda m: m.parts != (WHOLE,))),
        domain=domain.where(_where(table, lambda m: m.domain != ALL)),
        denominator=domain.where(_where(table, lambda m: m.has_denominator)),
        reference_year=pd.to_numeric(domain.where(_where(table, lambda m: m.has_reference_year))),
    )
    return with_kinds(rows)


def _where(table: pd.DataFrame, test: Callable[[Measure], bool]) -> pd.Series:
    """The rows whose measure passes a test."""
    return pd.Series([test(MEASURES[measure]) for measure in table["measure"]], table.index, dtype=bool)


def _require_schema_1(table: pd.DataFrame) -> None:
    what = "this is no table estimates of the first form"
    missing = [column for column in ("measure", "source", "dimension", "domain") if column not in table]
    if missing:
        got = ", ".join(table.columns)
        raise InputError(what, column=missing[0], got=got, expected="measure, source, dimension, domain")
    unknown = [measure for measure in table["measure"] if measure not in MEASURES]
    if unknown:
        hint = nearest(unknown[0], MEASURES)
        raise InputError(what, column="measure", got=unknown[0], expected=", ".join(MEASURES), hint=hint)


# What is hidden has no figures, whoever asks and whenever it was decided.

HIDDEN_COLUMNS = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


def mask(estimates: pd.DataFrame, hidden: pd.Series, status: str = "suppressed") -> pd.DataFrame:
    """Take out the figures of the hidden rows and say so in ``status``."""
    shown = estimates.copy()
    shown.loc[hidden, HIDDEN_COLUMNS] = np.nan
    shown.loc[hidden, "status"] = status
    return shown
