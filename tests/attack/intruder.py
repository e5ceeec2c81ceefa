"""An intruder who holds all that is released of a round and works out what is hidden.

Written from the promises of docs/methods/disclosure.md alone; nothing of `spi_analysis.disclosure` is used. An attack
gives claims: a hidden value lies between two limits. A claim succeeds where the value does lie there and the limits are
closer than was promised: 10 points for scores (near the ends of the scale closer only where the source's own score
alone would tell as much), 3 for counts.

The intruder is a strong one: who made the lists knows how many of each unit and class were invited, and an insider
knows the weights, so that only the scores are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import t as student

from tests.attack.rounds import Released

POINTS, PEOPLE, FEW = 10.0, 3, 10
ROUNDING = 0.005
GROUPS = {"unit_score": "unit", "class_score": "position_class"}
DIFFERENCES = {"unit_difference": "unit", "class_difference": "position_class"}


@dataclass(frozen=True)
class Claim:
    """A hidden value of a cell lies between ``low`` and ``high``; ``allowed``: how close the limits may be."""

    attack: str
    cell: str
    low: float
    high: float
    allowed: float
    truth: float

    @property
    def succeeds(self) -> bool:
        """The value is there, and the limits are closer than they may be."""
        is_there = self.low - 0.05 <= self.truth <= self.high + 0.05
        return is_there and self.high - self.low < self.allowed - 1e-6


def _row(shown: pd.DataFrame, measure: str, **where: str) -> pd.Series | None:
    rows = shown[shown["measure"] == measure]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return None if rows.empty else rows.iloc[0]


def _extremes(
    goal: np.ndarray, ceiling: np.ndarray, rows: list[np.ndarray], low: list[float], high: list[float], whole: bool
) -> tuple[float, float] | None:
    """Least and most of ``goal @ x`` for 0 <= x <= ceiling and low <= rows @ x <= high; None where nothing fits."""
    found = []
    for sign in (1, -1):
        result = milp(
            sign * goal,
            constraints=[LinearConstraint(np.array(rows), low, high)],
            bounds=Bounds(0, ceiling),
            integrality=np.full(len(ceiling), int(whole)),
        )
        if not result.success:
            return None
        found.append(sign * result.fun)
    return found[0], found[1]


# --- scores of hidden units and classes


def hidden_groups(one: Released, before: Released | None = None) -> Iterator[Claim]:
    """Subtraction, complements near the ends, classes that coincide with units: all in one program.

    ``before``: an earlier publication; what it showed of groups in which as many answered is known, too.
    """
    for source in ("internal", "external"):
        whole = _row(one.shown, "source_score", source=source)
        if whole is None:
            continue
        people = one.lists[(one.lists["source"] == source) & (one.lists["answered"] > 0)].reset_index(drop=True)
        n = people["answered"].to_numpy(dtype=float)
        alone = [n], [n.sum() * (whole["estimate"] - ROUNDING)], [n.sum() * (whole["estimate"] + ROUNDING)]
        rows, low, high = (list(part) for part in alone)
        for measure, column in (GROUPS | DIFFERENCES).items():
            base = whole["estimate"] if measure in DIFFERENCES else 0.0
            slack = ROUNDING * (2 if measure in DIFFERENCES else 1)
            for name, value in _of(one.shown, measure, source).items():
                inside = n * (people[column] == name).to_numpy()
                rows.append(inside)
                low.append(inside.sum() * (base + value - slack))
                high.append(inside.sum() * (base + value + slack))
            for name, value in ({} if before is None else _as_before(one, before, measure, column, source)).items():
                inside = n * (people[column] == name).to_numpy()
                rows.append(inside)
                low.append(inside.sum() * (value - ROUNDING))
                high.append(inside.sum() * (value + ROUNDING))
        for measure, column in GROUPS.items():
            told_before = set() if before is None else set(_of(before.shown, measure, source))
            for name in set(people[column].dropna()) - set(_of(one.shown, measure, source)) - told_before:
                inside = n * (people[column] == name).to_numpy()
                goal, ceiling = inside / inside.sum(), np.full(len(n), 100.0)
                found = _extremes(goal, ceiling, rows, low, high, False)
                told = _extremes(goal, ceiling, *alone, False)
                if found and told:
                    truth = _truth(one, source, column, name)
                    yield Claim("hidden score", f"{source} {name}", *found, min(POINTS, told[1] - told[0]), truth)


def _as_before(one: Released, before: Released, measure: str, column: str, source: str) -> dict[str, float]:
    """Groups that an earlier publication showed, in which as many answered then as now."""
    if measure not in GROUPS:
        return {}
    numbers = [
        released.lists[released.lists["source"] == source].groupby(column)["answered"].sum()
        for released in (one, before)
    ]
    same = numbers[0].index[numbers[0] == numbers[1].reindex(numbers[0].index)]
    shown = _of(one.shown, measure, source)
    return {k: v for k, v in _of(before.shown, measure, source).items() if k in set(same) - set(shown)}


def _of(shown: pd.DataFrame, measure: str, source: str, column: str = "domain") -> dict[str, float]:
    rows = shown[(shown["measure"] == measure) & (shown["source"] == source)]
    return dict(zip(rows[column], rows["estimate"], strict=True))


def _truth(one: Released, source: str, column: str, name: str) -> float:
    people = one.people[(one.people["source"] == source) & (one.people[column] == name)]
    return float(people["score"].mean())


def hidden_dimensions(one: Released) -> Iterator[Claim]:
    """The dimensions of a source weigh alike: what those that are shown leave is split among the hidden ones."""
    for source in ("internal", "external"):
        whole = _row(one.shown, "source_score", source=source)
        if whole is None:
            continue
        known = _of(one.shown, "dimension_score", source, "part")
        hidden = [p for s, p in zip(one.hidden["source"], one.hidden["part"], strict=True) if s == source]
        hidden = sorted({part for part in hidden if part in _dimensions(one, source)} - set(known))
        if not hidden:
            continue
        k = len(known) + len(hidden)
        left = k * whole["estimate"] - sum(known.values())
        slack = ROUNDING * (k + len(known))
        for part in hidden:
            low = max(0.0, left - slack - 100 * (len(hidden) - 1))
            high = min(100.0, left + slack)
            told = min(100.0, k * whole["estimate"]) - max(0.0, k * whole["estimate"] - 100 * (k - 1))
            # Any value that fits is one that the hidden dimensions may have.
            yield Claim("hidden dimension", f"{source} {part}", low, high, min(POINTS, told), (low + high) / 2)


def _dimensions(one: Released, source: str) -> set[str]:
    rows = pd.concat([one.shown, one.hidden])
    return set(rows.loc[(rows["measure"] == "dimension_score") & (rows["source"] == source), "part"])


# --- counts


def hidden_counts(one: Released) -> Iterator[Claim]:
    """How many answered in a hidden unit or class: from the total, the shown ones, and how many were invited."""
    for source in ("internal", "external"):
        whole = _row(one.shown, "source_score", source=source)
        if whole is None:
            continue
        people = one.lists[one.lists["source"] == source].reset_index(drop=True)
        invited, ones = people["invited"].to_numpy(dtype=float), np.ones(len(people))
        alone = [ones], [whole["n"]], [whole["n"]]
        rows, values = [ones], [whole["n"]]
        shown = {
            measure: one.shown[(one.shown["measure"] == measure) & (one.shown["source"] == source)]
            for measure in GROUPS
        }
        for measure, column in GROUPS.items():
            for row in shown[measure].itertuples():
                rows.append((people[column] == row.domain).to_numpy(dtype=float))
                values.append(row.n)
        for measure, column in GROUPS.items():
            for name in set(people[column].dropna()) - set(shown[measure]["domain"]):
                inside = (people[column] == name).to_numpy(dtype=float)
                found = _extremes(inside, invited, rows, values, values, True)
                told = _extremes(inside, invited, *alone, True)
                if found and told:
                    truth = float(people["answered"] @ inside)
                    yield Claim("hidden count", f"{source} {name}", *found, min(PEOPLE, told[1] - told[0]), truth)


def silence(one: Released) -> Iterator[Claim]:
    """30 of 31 answered: the number of answers of a unit beside how many were invited, on the public draw record."""
    for measure, column in GROUPS.items():
        for row in one.shown[one.shown["measure"] == measure].itertuples():
            people = one.lists[(one.lists["source"] == row.source) & (one.lists[column] == row.domain)]
            silent = float(people["invited"].sum() - row.n)
            if silent < FEW:
                yield Claim("few did not answer", f"{row.source} {row.domain}", silent, silent, PEOPLE, silent)


def numerators(one: Released) -> Iterator[Claim]:
    """A rate and its number of answers give how many said yes, and how many no."""
    for row in one.shown[one.shown["measure"] == "experience_rate"].itertuples():
        yes = round(row.estimate * row.n / 100)
        fewest = min(yes, row.n - yes)
        if fewest < FEW:
            yield Claim("few said yes or no", f"{row.part} of {row.denominator}", fewest, fewest, PEOPLE, fewest)


def denominators(one: Released) -> Iterator[Claim]:
    """A rate of all that is shown beside a hidden one of those with contact: who had none counts as no."""
    rates = one.shown[one.shown["measure"] == "experience_rate"]
    hidden = one.hidden[one.hidden["measure"] == "experience_rate"]
    for row in hidden.itertuples():
        other = rates[(rates["source"] == row.source) & (rates["part"] == row.part)]
        if len(other):
            yes = round(other["estimate"].iloc[0] * other["n"].iloc[0] / 100)
            yield Claim("yes of a hidden rate", f"{row.part} of {row.denominator}", yes, yes, PEOPLE, yes)


# --- everyone's answer


def of_one_mind(one: Released) -> Iterator[Claim]:
    """No answer lies farther from the mean than the error times n - 1: all of one mind, and each is known."""
    for measure in ("source_score", *GROUPS):
        for row in one.shown[one.shown["measure"] == measure].itertuples():
            if row.source == "expert":
                continue
            far = (row.se + ROUNDING) * (row.n - 1)
            low, high = max(0.0, row.estimate - far), min(100.0, row.estimate + far)
            yield Claim("everyone's answer", f"{row.source} {row.domain}", low, high, POINTS, row.estimate)


# --- what combines sources


def composites(one: Released) -> Iterator[Claim]:
    """A source that is hidden, from the index, the other sources, their weights and the corrections."""
    index, scores = _row(one.shown, "index"), one.shown[one.shown["measure"] == "source_score"]
    scores = dict(zip(scores["source"], scores["estimate"], strict=True))
    parts = _parts(one.shown)
    for source, weight in one.weights.items():
        if source in scores:
            continue
        truth = float(one.people.loc[one.people["source"] == source, "score"].mean())
        if source in parts:
            yield Claim("points of a hidden source", source, *_about(parts[source] / weight), POINTS, truth)
        others = [one.weights[other] * scores[other] for other in one.weights if other in scores]
        if index is not None and len(others) == len(one.weights) - 1:
            value = (index["estimate"] + one.corrections - sum(others)) / weight
            yield Claim("index less the others", source, *_about(value), POINTS, truth)


def _parts(shown: pd.DataFrame) -> dict[str, float]:
    rows = shown[shown["measure"] == "index_part"]
    return dict(zip(rows["part"], rows["estimate"], strict=True))


def _about(value: float) -> tuple[float, float]:
    return value - 0.1, value + 0.1


ATTACKS: tuple[Callable[[Released], Iterator[Claim]], ...] = (
    hidden_groups, hidden_dimensions, hidden_counts, silence, numerators, denominators, of_one_mind, composites,
)  # fmt: skip


# --- panels


STEP = 100 / 30
HIGHEST = 30


@cache
def _multisets(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All multisets of answers (in steps of the scale: six questions of six answers), their sums and squares."""
    sets = np.array(list(combinations_with_replacement(range(HIGHEST + 1), size)), dtype=np.int64)
    return sets, sets.sum(axis=1), (sets**2).sum(axis=1)


def spread_of(one: Released) -> list[tuple[float, float]]:
    """Standard deviations that the panel may have: as the interval says, as the index says, and as the rule of
    docs/methods/disclosure.md says (rounded up to the first step of so many experts, or to 1.25 times the step before).
    """
    row = _row(one.shown, "source_score", source="expert")
    if row is None:
        return []
    n = float(row["n"])
    quantile = student.ppf(0.5 + one.level / 2, n - 1)
    errors = [(row["ci_high"] - row["estimate"]) / quantile, row["se"]]
    index, without = _row(one.shown, "index"), _row(one.shown, "index_without_panel_variance")
    if index is not None and without is not None:
        panel = max(index["se"] ** 2 - without["se"] ** 2, 0.0) ** 0.5 / one.weights["expert"]
        errors.append(panel)
    points = _row(one.shown, "index_part", part="expert")
    if points is not None:
        errors.append(points["se"] / one.weights["expert"])
    told = [n**0.5 * (error + sign * ROUNDING / one.weights["expert"]) for error in errors for sign in (-1, 1)]
    limits = [(max(told[i], 0.0), told[i + 1]) for i in range(0, len(told), 2)]
    first = next(step for size, step in ((8, 11.0), (5, 16.0), (4, 20.0), (3, 24.0)) if n >= size)
    step = next(k for k in range(12) if n**0.5 * row["se"] <= first * 1.25**k * 1.02)
    return [*limits, (0.0 if step == 0 else first * 1.25 ** (step - 1), first * 1.25**step)]


def panel_claims(one: Released) -> Iterator[Claim]:
    """Limits of every expert's answer, for an outsider and for a member who takes out the own answer."""
    row = _row(one.shown, "source_score", source="expert")
    if row is None:
        return
    answers = np.sort(one.people.loc[one.people["source"] == "expert", "score"].to_numpy(dtype=float))
    steps = np.rint(answers / STEP).astype(int)
    n, total = len(steps), round(row["estimate"] * len(steps) / STEP)
    spread = float(np.std(steps, ddof=1)) * STEP
    for low, high in spread_of(one):
        if not low - 0.1 <= spread <= high + 0.1:
            # A claim that rests on a wrong spread may be true by luck; nobody could know.
            continue
        yield from _claims("an outsider", steps, total, _squares(low, n), _squares(high, n))
        for i, own in enumerate(steps):
            others = np.delete(steps, i)
            # The sum of squares about the mean of all is that of the others and what the own answer adds.
            added = n / (n - 1) * (own - total / n) ** 2
            least, most = (_squares(spread, n) - added for spread in (low, high))
            yield from _claims(f"member {i}", others, total - own, max(least, 0.0), most)


def _squares(spread: float, n: int) -> float:
    return (n - 1) * (spread / STEP) ** 2


def _claims(who: str, truth: np.ndarray, total: int, least: float, most: float) -> Iterator[Claim]:
    found, alone = orders(len(truth), total, least, most), orders(len(truth), total, 0.0, np.inf)
    if found is None or alone is None:
        return
    for k, value in enumerate(truth):
        allowed = min(POINTS, alone[1][k] - alone[0][k])
        yield Claim(who, f"answer {k + 1} of {len(truth)}", found[0][k], found[1][k], allowed, value * STEP)


def orders(n: int, total: int, least: float, most: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Lowest and highest value of the k-th answer, for every k, in points."""
    if n <= 5:
        sets, sums, squares = _multisets(n)
        about = squares - sums**2 / n
        fits = sets[(sums == total) & (about >= least - 1e-6) & (about <= most + 1e-6)]
        return None if not len(fits) else (fits.min(axis=0) * STEP, fits.max(axis=0) * STEP)
    if most < 0:
        return None
    # More people than can be listed: the limits of order statistics, given mean and variance (Mallows & Richter 1969).
    k, mean = np.arange(1, n + 1), total / n
    if np.isfinite(most):
        spread = (most / n) ** 0.5
        low, high = mean - spread * ((n - k) / k) ** 0.5, mean + spread * ((k - 1) / (n - k + 1)) ** 0.5
        inner = (least / n / (n - 1)) ** 0.5
        high[0], low[-1] = min(high[0], mean - inner), max(low[-1], mean + inner)
    else:
        low, high = np.zeros(n), np.full(n, float(HIGHEST))
    low = np.maximum(low, np.maximum(0, (total - HIGHEST * (n - k)) / k))
    high = np.minimum(high, np.minimum(HIGHEST, total / (n - k + 1)))
    return low * STEP, high * STEP


# --- two publications of one round


def differencing(before: pd.DataFrame, after: pd.DataFrame, withdrawn: Mapping[str, Any]) -> Iterator[Claim]:
    """Answers that were withdrawn between two publications: how many, where, and with which score."""
    keys = ["measure", "source", "part", "domain", "denominator"]
    both = before.merge(after, on=keys, suffixes=("_before", "_after"))
    for row in both[both["measure"].isin(["source_score", *GROUPS, "experience_rate"])].itertuples():
        gone = row.n_before - row.n_after
        if not 0 < gone < FEW:
            continue
        cell = f"{row.measure} {row.source} {row.domain}"
        yield Claim("answers withdrawn", cell, gone, gone, PEOPLE, gone)
        if row.measure == "source_score":
            value = (row.n_before * row.estimate_before - row.n_after * row.estimate_after) / gone
            slack = ROUNDING * (row.n_before + row.n_after) / gone
            yield Claim("score withdrawn", cell, value - slack, value + slack, POINTS, withdrawn["score"])
