"""Population totals, checked before anything is calibrated: every problem is named, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, nearest
from spi_analysis.sampling.sizes import is_number

INTERCEPT = "(intercept)"
Totals = Mapping[str, float | Mapping[object, float]]

# Sums of margins that differ by no more than this, relatively, are one population: a calibrated total counts as met
# when it is missed by that much (newton.ACCEPTED). 100,000,000 and 100,000,001 agree; 10,000 and 10,001 do not.
AGREEMENT = 1e-7
# Below this a difference is one of adding up, and nothing to speak of.
LAST_DIGITS = 1e-12
# Margins are brought to one total where asked for up to here: tables of one population that were rounded, or dated a
# few months apart. What differs more describes other people.
MOST_SCALED = 0.05
# Levels named in one message.
LISTED = 20


def as_texts(total: Mapping[object, float]) -> dict[str, float]:
    """A margin with its levels as text: 1 and "1", True and "True" are one level. What is no number is NaN."""
    return {str(level): float(value) if is_number(value) else np.nan for level, value in total.items()}


def misplaced_problems(df: pd.DataFrame, totals: Totals) -> dict[str, Problem]:
    """Totals that have no column to be compared with, by name."""
    if not isinstance(totals, Mapping):
        return {"": Problem("the totals are no mapping", got=type(totals).__name__, expected="{column: totals}")}
    if not totals:
        return {"": Problem("no totals are given", expected="one margin or one total at least")}
    problems = {name: _column_problem(df, name, total) for name, total in totals.items() if name != INTERCEPT}
    return {name: problem for name, problem in problems.items() if problem is not None}


def _column_problem(df: pd.DataFrame, name: str, total: float | Mapping[object, float]) -> Problem | None:
    if name not in df.columns:
        names = [str(column) for column in df.columns]
        return Problem("a total is given for a column that is not there", column=name, hint=nearest(name, names))
    if not isinstance(total, Mapping) and not pd.api.types.is_numeric_dtype(df[name]):
        return Problem(
            "a single total is given for a column that is not a number",
            column=name,
            got=_shown(total),
            expected="one total per level, {level: total}",
        )
    return None


def value_problems(totals: Totals) -> list[Problem]:
    """Totals that are no counts: missing, negative, or given twice for one level."""
    problems = []
    for name, total in totals.items():
        if not isinstance(total, Mapping):
            problems += [] if is_number(total) else [_odd(name, "", total, "a finite number")]
            continue
        odd = [(str(level), value) for level, value in total.items() if not (is_number(value) and value >= 0)]
        problems += [_odd(name, level, value, "a finite number, 0 or more") for level, value in odd]
        if len({str(level) for level in total}) < len(total):
            problems.append(Problem("a level has two totals", column=name, got=", ".join(map(repr, total))))
    return problems


def _odd(name: str, level: str, value: object, expected: str) -> Problem:
    return Problem("a total is not usable", column=name, key=level, got=_shown(value), expected=expected)


def _shown(value: object) -> str:
    return f"{value:g}" if is_number(value) else str(value)


def level_problems(name: str, values: Mapping[str, float], present: Iterable[str], missing: bool) -> list[Problem]:
    """Levels of the sample without a total, and totals without a row in the sample."""
    problems, levels, found = [], sorted(values), set(present)
    unknown = sorted([*(found - set(levels)), *(["missing"] if missing else [])])
    if unknown:
        problems.append(
            Problem(
                "the margin has levels in the sample that have no total",
                column=name,
                got=_listed(unknown),
                expected=_listed(levels),
                hint=nearest(unknown[0], levels),
            )
        )
    empty = [level for level in levels if level not in found and values[level] != 0]
    if empty:
        problems.append(_empty_levels(name, {level: values[level] for level in empty}, "a row"))
    return problems


def _listed(names: list[str]) -> str:
    """Names in one line, at most ``LISTED`` of them."""
    return ", ".join(names[:LISTED]) + (f", ... ({len(names)} in all)" if len(names) > LISTED else "")


def missing_problems(name: str, column: np.ndarray) -> list[Problem]:
    """A numeric column must be known for everybody."""
    # One sum finds them all: it is finite where every value is (and only then worth no second look).
    if np.isfinite(column.sum()):
        return []
    bad = ~np.isfinite(column)
    return [Problem("a value is missing", column=name, row=int(bad.argmax()) + 1)] if bad.any() else []


def weightless_problems(name: str, levels: list[str], weights: np.ndarray, targets: np.ndarray) -> list[Problem]:
    """Levels with a total in which nobody has any weight (``weights``, ``targets`` (L,))."""
    empty = np.flatnonzero((weights == 0) & (targets != 0))
    return [_empty_levels(name, {levels[i]: targets[i] for i in empty}, "anyone who has weight")] if len(empty) else []


def _empty_levels(name: str, totals: Mapping[str, float], whom: str) -> Problem:
    return Problem(
        f"the margin has totals for levels without {whom} in the sample",
        column=name,
        got=_listed([f"{level} ({total:g})" for level, total in totals.items()]),
        expected=f"at least one row{'' if whom == 'a row' else ' with weight'} for every level",
        hint="merge the level with another one",
    )


class OnePopulation(NamedTuple):
    """Totals whose margins all add up to one population; ``notes``: what was scaled; ``problems``: what cannot be."""

    totals: Totals
    notes: list[str]
    problems: list[Problem]


def one_population(totals: Totals, scale_margins: bool = False) -> OnePopulation:
    """Margins brought to one total: the intercept's where it is given, else that of the first margin.

    Sums that agree to ``AGREEMENT`` are always brought together, so that every method can meet all of them; with
    ``scale_margins`` so are sums that differ by up to ``MOST_SCALED``. Totals of numeric columns stay as they are.
    """
    sums = _sums(totals)
    name = _deciding(sums)
    wanted = sums.get(name, 0.0)
    away = {other: total / wanted - 1 for other, total in sums.items() if wanted > 0}
    if not away and any(total != wanted for total in sums.values()):
        away = dict.fromkeys(sums, np.inf)
    most = MOST_SCALED if scale_margins else AGREEMENT
    if max(map(abs, away.values()), default=0.0) > most:
        return OnePopulation(totals, [], [_disagreement(sums, away, most)])
    scaled = {other: wanted / sums[other] for other, off in away.items() if off != 0}
    brought = {other: _times(total, scaled.get(other, 1.0)) for other, total in totals.items()}
    notes = [
        f"margin {other} (sum {sums[other]:,.12g}) scaled by {factor:.10g} to the {wanted:,.12g} of {name}"
        for other, factor in scaled.items()
        if abs(away[other]) > LAST_DIGITS
    ]
    return OnePopulation(brought, notes, [])


def _sums(totals: Totals) -> dict[str, float]:
    """What the intercept and every margin say is the size of the population."""
    sums = {
        name: sum(as_texts(total if isinstance(total, Mapping) else {INTERCEPT: total}).values())
        for name, total in totals.items()
        if isinstance(total, Mapping) or name == INTERCEPT
    }
    return {name: total for name, total in sums.items() if np.isfinite(total)}


def _deciding(sums: Mapping[str, float]) -> str:
    return INTERCEPT if INTERCEPT in sums else next(iter(sums), "")


def _times(total: float | Mapping[object, float], factor: float) -> float | Mapping[object, float]:
    if factor == 1 or not isinstance(total, Mapping):
        return total
    return {level: value * factor for level, value in total.items()}


def _disagreement(sums: Mapping[str, float], away: Mapping[str, float], most: float) -> Problem:
    listed = ", ".join(f"{name}: {total:,.12g}" for name, total in sums.items())
    largest = max(map(abs, away.values()))
    scalable = most < MOST_SCALED >= largest
    return Problem(
        "the margins disagree about the size of the population",
        got=listed,
        expected=f"one sum for all (a relative difference of {most:g} at most)",
        hint=f"scale_margins=True brings them to the total of {_deciding(sums)}" if scalable else "",
    )
