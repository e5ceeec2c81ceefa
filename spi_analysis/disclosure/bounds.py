"""How closely what is shown tells what is hidden to those who know all but the answers: limits by linear programs.

Every cell of units by position classes holds a total: of scores between 0 and 100 times its weight, of answers between
none and all invited. What is released are sums of cells. The least and the most that the sum of a hidden unit, class or
dimension can then be are its limits (Hundepool et al. 2012, ch. 4.3: the intruder's problem).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeResult, linprog

from spi_analysis.errors import EstimationError
from spi_analysis.params import DisclosureParams
from spi_analysis.tables import PAGE_DECIMALS, mask

# Measures of parts of a source, and the columns of the list that tell them.
GROUPS = {"unit_score": "unit", "class_score": "position_class"}
DIFFERENCES = {"unit_difference": "unit", "class_difference": "position_class"}
DIMENSION = "dimension_score"
ROUNDING = 0.5 * 10.0**-PAGE_DECIMALS
TOP = 100.0
# Below this a difference between two limits is one of the solver.
SOLVER = 1e-6


class Told(NamedTuple):
    """A hidden value that is told too closely: between ``low`` and ``high``, where ``allowed`` is the least width."""

    measure: str
    source: str
    cell: str
    what: str
    low: float
    high: float
    allowed: float


class Sums(NamedTuple):
    """Released sums of cells: ``members`` (sums, cells) times the cells' totals lie between ``low`` and ``high``."""

    members: np.ndarray
    low: np.ndarray
    high: np.ndarray


def told_cells(
    rows: pd.DataFrame, cells: pd.DataFrame, shares: Mapping[str, float], limits: DisclosureParams
) -> list[Told]:
    """Hidden units, classes and dimensions of a source that the shown figures tell too closely.

    Scores: closer than ``min_points``, unless the source's own score alone tells as much. Answers: closer than
    ``min_people``, unless the source's own number alone does.

    Parameters
    ----------
    rows : DataFrame     rows of the table ``estimates`` of one source whose score is shown; ``slack``, where it is
        there: how far a mean may lie from its estimate; ``n`` may be missing where it is not known
    cells : DataFrame    unit, position_class, weight, answered, silent (``people_cells``); empty for a panel
    shares : mapping     dimension -> weight in the source's score
    """
    whole = rows[rows["measure"] == "source_score"].iloc[0]
    dimensions = pd.DataFrame({"part": list(shares), "weight": list(shares.values())})
    told = _told_scores(rows, dimensions, whole, {DIMENSION: "part"}, {}, limits)
    if cells.empty:
        return told
    answered = cells[cells["weight"] > 0].reset_index(drop=True)
    told += _told_scores(rows, answered, whole, GROUPS, DIFFERENCES, limits)
    return told + _told_counts(rows, cells.reset_index(drop=True), whole, limits)


def _told_scores(
    rows: pd.DataFrame,
    cells: pd.DataFrame,
    whole: pd.Series,
    groups: Mapping[str, str],
    differences: Mapping[str, str],
    limits: DisclosureParams,
) -> list[Told]:
    weight = cells["weight"].to_numpy(dtype=float)
    names, members = _hidden(rows, cells, groups)
    if not names:
        return []
    shown = [(np.ones(len(weight), bool), whole["estimate"], ROUNDING)]
    shown += [(at, row.estimate, getattr(row, "slack", ROUNDING)) for at, row in _shown(rows, cells, groups)]
    shown += [(at, row.estimate + whole["estimate"], 2 * ROUNDING) for at, row in _shown(rows, cells, differences)]
    sums = np.array([inside * weight for inside, _, _ in shown])
    size, value, slack = sums.sum(axis=1), *(np.array([one[i] for one in shown], dtype=float) for i in (1, 2))
    wanted = members * weight
    wanted = wanted / wanted.sum(axis=1, keepdims=True)
    top = np.full(len(weight), TOP)
    part, total = (members * weight).sum(axis=1), size[0] * value[0]
    alone = np.minimum(TOP, total / part) - np.maximum(0.0, (total - TOP * (size[0] - part)) / part)
    allowed = np.minimum(limits.min_points, alone)
    low, high = extremes(Sums(sums, size * (value - slack), size * (value + slack)), top, wanted, allowed)
    return _too_close(names, whole["source"], "score", low, high, allowed)


def _told_counts(rows: pd.DataFrame, cells: pd.DataFrame, whole: pd.Series, limits: DisclosureParams) -> list[Told]:
    invited = (cells["answered"] + cells["silent"]).to_numpy(dtype=float)
    names, members = _hidden(rows, cells, GROUPS)
    if not names:
        return []
    known = rows[rows["n"].notna()]
    shown = [(np.ones(len(invited)), whole["n"]), *((at, row.n) for at, row in _shown(known, cells, GROUPS))]
    counts = np.array([count for _, count in shown], dtype=float)
    sums = Sums(np.array([inside for inside, _ in shown], dtype=float), counts, counts)
    part = members @ invited
    alone = np.minimum(part, counts[0]) - np.maximum(0.0, counts[0] - (invited.sum() - part))
    allowed = np.minimum(limits.min_people, alone)
    low, high = extremes(sums, invited, members.astype(float), allowed)
    return _too_close(names, whole["source"], "answers", low, high, allowed)


def _hidden(
    rows: pd.DataFrame, cells: pd.DataFrame, groups: Mapping[str, str]
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Hidden groups that have cells: measure and name of each, and which cells are theirs."""
    found = []
    for measure, column in groups.items():
        part = rows[(rows["measure"] == measure) & (rows["status"] != "shown")]
        named = part["part" if measure == DIMENSION else "domain"]
        found += [((measure, str(name)), (cells[column] == name).to_numpy()) for name in named]
        if measure != DIMENSION and cells[column].isna().any():
            found.append(((measure, ""), cells[column].isna().to_numpy()))
    found = [one for one in found if one[1].any()]
    return [name for name, _ in found], np.array([inside for _, inside in found])


def _shown(rows: pd.DataFrame, cells: pd.DataFrame, groups: Mapping[str, str]) -> list[tuple[np.ndarray, NamedTuple]]:
    part = rows[rows["measure"].isin(list(groups)) & (rows["status"] == "shown")]
    pairs = [((cells[groups[str(row.measure)]] == _name(row)).to_numpy(), row) for row in part.itertuples()]
    return [(inside, row) for inside, row in pairs if inside.any()]


def _name(row: NamedTuple) -> str:
    return str(row.part if row.measure == DIMENSION else row.domain)  # type: ignore[attr-defined]


def _too_close(
    names: list[tuple[str, str]], source: str, what: str, low: np.ndarray, high: np.ndarray, allowed: np.ndarray
) -> list[Told]:
    close = high - low < allowed - SOLVER
    values = zip(names, low, high, allowed, strict=True)
    return [
        Told(measure, source, cell, what, float(least), float(most), float(width))
        for ((measure, cell), least, most, width), is_close in zip(values, close, strict=True)
        if is_close
    ]


def extremes(
    sums: Sums, top: np.ndarray, wanted: np.ndarray, enough: np.ndarray | float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Least and most of every row of ``wanted`` times x, for 0 <= x <= top and the released sums.

    Every x that a program finds is one for all rows: where those found so far lie ``enough`` apart in a row, its limits
    are at least as far apart, and no program of its own is needed (its limits are then those of these x).

    Released figures may disagree beyond their rounding (a mean of item means is not quite the mean of its parts, where
    questions were left open): all are then given as much more room as it takes for any x to fit.
    """
    sums = _with_room(sums, top)
    matrix, limit = np.vstack([sums.members, -sums.members]), np.concatenate([sums.high, -sums.low])
    bounds = np.column_stack([np.zeros(len(top)), top])
    known, found = np.empty((0, len(top))), np.empty((len(wanted), 2))
    for i, (goal, apart) in enumerate(zip(wanted, np.broadcast_to(enough, len(wanted)), strict=True)):
        values = known @ goal
        if not len(values) or np.ptp(values) < apart + SOLVER:
            points = [_solved(sign * goal, matrix, limit, bounds).x for sign in (1.0, -1.0)]
            known = np.vstack([known, points])
            values = known @ goal
        found[i] = values.min(), values.max()
    return found[:, 0], found[:, 1]


def _with_room(sums: Sums, top: np.ndarray) -> Sums:
    """The sums with the least room, as a part of each, that lets them agree."""
    size = sums.members @ np.ones(len(top))
    matrix = np.vstack([np.column_stack([sums.members, -size]), np.column_stack([-sums.members, -size])])
    limit, goal = np.concatenate([sums.high, -sums.low]), np.append(np.zeros(len(top)), 1.0)
    bounds = np.column_stack([np.zeros(len(top) + 1), np.append(top, np.inf)])
    room = float(_solved(goal, matrix, limit, bounds).fun) * size * (1 + SOLVER)
    return Sums(sums.members, sums.low - room, sums.high + room)


def _solved(goal: np.ndarray, matrix: np.ndarray, limit: np.ndarray, bounds: np.ndarray) -> OptimizeResult:
    """The least of ``goal`` times x under matrix times x <= limit. Without an answer nothing may be called safe."""
    finite = bool(np.isfinite(matrix).all() and np.isfinite(limit).all())
    result = linprog(goal, matrix, limit, bounds=bounds, method="highs") if finite else None
    if result is None or result.status != 0:
        raise EstimationError(
            "how closely hidden figures are told cannot be worked out",
            got=result.message if result else "figures or weights that are not finite",
            expected=f"limits from {len(limit) // 2} released sums of {len(goal)} cells",
            hint="look for shown figures without a value, and for weights that are missing or negative",
        )
    return result


def widened(
    estimates: pd.DataFrame,
    cells: Mapping[str, pd.DataFrame],
    shares: Mapping[str, Mapping[str, float]],
    limits: DisclosureParams,
) -> pd.DataFrame:
    """The estimates with further units, classes and dimensions hidden until none is told too closely.

    Smallest first; then those that came early and are not needed beside the later ones are shown again, the last of
    them first, so that no cell that is hidden further could be shown.

    Parameters
    ----------
    estimates : DataFrame    table ``estimates`` after ``hide_small``
    cells, shares : mapping  source -> as in ``told_cells``
    """
    shown = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")]
    for source in shown["source"]:
        rows = estimates[estimates["source"] == source]
        further = _further(rows, partial(told_cells, cells=cells[source], shares=shares[source], limits=limits))
        estimates = _without(estimates, source, further)
    return estimates


def _further(rows: pd.DataFrame, audit: Callable[[pd.DataFrame], list[Told]]) -> list[tuple[str, str]]:
    """Measure and name of the cells of a source that are hidden further."""
    found, wide, source = list[tuple[str, str]](), rows, rows["source"].iloc[0]
    while told := audit(wide):
        one = _next(wide, told[0].measure)
        if one is None:
            return found
        found.append(one)
        wide = _without(wide, source, [one])
    # The last one was needed beside all others.
    for one in reversed(found[:-1]):
        rest = [other for other in found if other != one]
        if not audit(_without(rows, source, rest)):
            found = rest
    return found


def _without(estimates: pd.DataFrame, source: str, hidden: Sequence[tuple[str, str]]) -> pd.DataFrame:
    for one in hidden:
        estimates = mask(estimates, _of_cell(estimates, source, *one))
    return estimates


def _next(rows: pd.DataFrame, measure: str) -> tuple[str, str] | None:
    """The smallest shown cell of a table, else of the tables beside it."""
    tables = [measure, *(GROUPS if measure in GROUPS else ())]
    for table in tables:
        part = rows[(rows["measure"] == table) & (rows["status"] == "shown")]
        if len(part):
            row = next(part.sort_values(["n", "domain", "part"], kind="stable").itertuples())
            return table, _name(row)
    return None


def _of_cell(estimates: pd.DataFrame, source: str, measure: str, cell: str) -> pd.Series:
    """The rows of a cell: its score, and with it the difference from the whole source, or contributions to a change."""
    if measure == DIMENSION:
        rows = (estimates["measure"] == measure) & (estimates["part"] == cell)
        rows |= estimates["measure"] == "change_dimension"
    else:
        with_it = (measure, measure.replace("_score", "_difference"))
        rows = estimates["measure"].isin(with_it) & (estimates["domain"] == cell)
    return rows & (estimates["source"] == source)


# Panels: few people, whose answers a mean and its error tell all together.


def coarse_spread(sd: float, n: float, limits: DisclosureParams) -> float:
    """The standard deviation that a panel's error is made from: its own, rounded up to a step.

    Parameters
    ----------
    sd : float   of the answers of the panel, in points
    n : float    experts
    """
    steps = limits.panel_steps
    step = steps[max(size for size in steps if size <= max(n, min(steps)))]
    while step < sd:
        step *= limits.panel_growth
    return step
