"""Attacks on what stands beside the scores of units: questions, indirect questions, nominators, changes, open links.

Written from the promises of docs/methods/disclosure.md, docs/methods/fear.md and docs/methods/experts.md alone; nothing
of `spi_analysis.disclosure` is used. Claims and what makes them succeed: `tests.attack.intruder`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from spi_analysis.params import RoundSetup
from tests.attack.intruder import FEW, PEOPLE, POINTS, ROUNDING, STEP, Claim, hidden_groups, orders
from tests.attack.rounds import Released

KINDS = ("favourable", "neutral", "unfavourable")
SHARE = 0.05
DRAWN = ("internal", "external")


def _by(rows: pd.DataFrame, measure: str, source: str, key: str = "part") -> dict[str, float]:
    found = rows[(rows["measure"] == measure) & (rows["source"] == source)]
    return dict(zip(found[key], found["estimate"], strict=True))


# --- a dimension from the questions it is made of


def dimensions_of_items(one: Released, setup: RoundSetup) -> Iterator[Claim]:
    """Shares of an item's answers bound its mean, these bound a dimension, and all dimensions make the score."""
    for source in (*DRAWN, "expert"):
        score = _by(one.shown, "source_score", source, "measure").get("source_score")
        if score is None:
            continue
        weights = setup.instrument.item_weights(source)
        shown = _by(one.shown, "dimension_score", source)
        hidden = sorted(set(weights.columns) - {"score"} - set(shown))
        limits = np.array([_item_limits(one.shown, setup, source, item) for item in weights.index])
        rows = [weights["score"].to_numpy(), *(weights[name].to_numpy() for name in shown)]
        values = np.array([score, *shown.values()])
        for name in hidden:
            goal = weights[name].to_numpy()
            found = _extremes(goal, limits, rows, values)
            alone = _extremes(goal, np.array([[0.0, 100.0]] * len(goal)), rows[:1], values[:1])
            if found and alone:
                truth = _dimension(one.people, setup, source, name)
                yield Claim(
                    "dimension of its items", f"{source} {name}", *found, min(POINTS, alone[1] - alone[0]), truth
                )


def _item_limits(shown: pd.DataFrame, setup: RoundSetup, source: str, code: str) -> tuple[float, float]:
    """Least and most mean of an item, 0 to 100: every kind of answer lies between two values of its scale."""
    item = next(item for item in setup.instrument.items(source) if item.code == code)
    steps, ends = setup.instrument.scales[item.scale].width - 1, setup.instrument.ends(item)
    kinds = {"favourable": (steps - ends + 1, steps), "unfavourable": (0, ends - 1), "neutral": (ends, steps - ends)}
    kinds = {kind: limits for kind, limits in kinds.items() if limits[0] <= limits[1]}
    told = [_by(shown, f"item_{kind}", source).get(code) for kind in kinds]
    bounds = [(0, 1) if share is None else ((share - SHARE) / 100, (share + SHARE) / 100) for share in told]
    bounds = [(max(low, 0), min(high, 1)) for low, high in bounds]
    limits = []
    for end, sign in ((0, 1), (1, -1)):
        values = sign * 100 * np.array([pair[end] for pair in kinds.values()]) / steps
        result = linprog(values, A_eq=np.ones((1, len(kinds))), b_eq=[1], bounds=bounds)
        limits.append(sign * result.fun if result.success else (0.0, 100.0)[end])
    return limits[0], limits[1]


def _extremes(
    goal: np.ndarray, limits: np.ndarray, rows: list[np.ndarray], values: np.ndarray
) -> tuple[float, float] | None:
    """Least and most of ``goal @ x``, x between its limits, with the rounded figures ``rows @ x``."""
    both = np.vstack([rows, -np.array(rows)]), np.concatenate([values + 2 * SHARE, 2 * SHARE - values])
    found = [linprog(sign * goal, A_ub=both[0], b_ub=both[1], bounds=limits) for sign in (1, -1)]
    return (found[0].fun, -found[1].fun) if all(result.success for result in found) else None


def _dimension(people: pd.DataFrame, setup: RoundSetup, source: str, name: str) -> float:
    """The dimension's score as it is: the weighted mean of its items' means."""
    total = 0.0
    for item in next(d for d in setup.instrument.sources[source].dimensions if d.code == name).items:
        scale = setup.instrument.scales[item.scale]
        codes = people.loc[people["source"] == source, item.code].astype(float)
        place = (codes[codes <= scale.maximum].mean() - scale.minimum) / (scale.maximum - scale.minimum)
        weight = setup.instrument.item_weights(source).loc[item.code, name]
        total += 100 * weight * (place if item.direction == "positive" else 1 - place)
    return float(total)


# --- how many answered how


def few_answers(one: Released, _: RoundSetup) -> Iterator[Claim]:
    """Shares and rates of any kind with their number of answers: how many people they are, and how many the others."""
    rates = one.shown[one.shown["measure"].isin([*(f"item_{kind}" for kind in KINDS), "climate_rate"])]
    for row in rates.itertuples():
        said = round(row.estimate * row.n / 100)
        if said < FEW or (row.measure == "climate_rate" and row.n - said < FEW):
            cell = f"{row.measure} {row.part}"
            yield Claim("few gave an answer", cell, said, said, PEOPLE, said)


def thirds(one: Released, _: RoundSetup) -> Iterator[Claim]:
    """The shares of an item's answers sum to 100: what is left for the hidden ones, in people."""
    items = one.shown[one.shown["measure"].isin([f"item_{kind}" for kind in KINDS])]
    both = pd.concat([items, one.hidden[one.hidden["measure"].str.startswith("item_", na=False)]])
    for (source, part), rows in both.groupby(["source", "part"]):
        told = rows[rows["measure"].isin(items["measure"]) & rows.index.isin(items.index)]
        left = rows.loc[~rows.index.isin(told.index), "measure"]
        if len(told) and len(left):
            people = round((100 - told["estimate"].sum()) * told["n"].iloc[0] / 100)
            # Of two hidden kinds one may be anything up to what both hold together.
            low = people if len(left) == 1 else 0
            yield Claim("answers that are left", f"{source} {part}", low, people, PEOPLE, people)


def indirect_answers(one: Released, setup: RoundSetup) -> Iterator[Claim]:
    """A crossed question's rate gives how many said "the same"; a rate less its gap what was said directly."""
    for row in one.shown[one.shown["measure"].isin(["list_rate", "crosswise_rate"])].itertuples():
        gap = _by(one.shown, row.measure.replace("rate", "gap"), row.source).get(row.part)
        if gap is not None:
            yield from _said_directly(one, row, row.estimate - gap)
        crossed = setup.instrument.sources[row.source].modules.crosswise
        if row.measure == "crosswise_rate" and crossed is not None:
            same = row.n * (row.estimate / 100 * (2 * crossed.share - 1) - crossed.share + 1)
            fewest = round(min(same, row.n - same))
            if fewest < FEW:
                yield Claim("few the same", row.part, fewest, fewest, PEOPLE, fewest)


def _said_directly(one: Released, row: pd.Series, rate: float) -> Iterator[Claim]:
    """Where the rate of all respondents is hidden, or rests on few."""
    rates = one.shown[(one.shown["measure"] == "experience_rate") & (one.shown["denominator"] == "respondents")]
    n = _by(one.shown.assign(estimate=one.shown["n"]), "source_score", row.source, "measure").get("source_score")
    if n is not None and row.part not in set(rates["part"]):
        yes = one.people.loc[one.people["source"] == row.source, row.part].sum()
        slack = 2 * ROUNDING * n / 100
        yield Claim("yes by a gap", row.part, rate * n / 100 - slack, rate * n / 100 + slack, PEOPLE, float(yes))


# --- changes


def by_changes(one: Released, setup: RoundSetup) -> Iterator[Claim]:
    """This year's figure is last year's and the change: of dimensions, questions, sources and the index."""
    last = one.plan.last
    if last is not None:
        for measure, own in (("dimension_change", "dimension_score"), ("item_change", "item_favourable")):
            for row in one.shown[one.shown["measure"] == measure].itertuples():
                before = last[(last["measure"] == own) & (last["source"] == row.source) & (last["part"] == row.part)]
                if row.part not in _by(one.shown, own, row.source) and len(before):
                    value = before["estimate"].iloc[0] + row.estimate
                    yield Claim("last year and the change", f"{row.source} {row.part}", value, value, POINTS, value)
    yield from _contributions(one, setup)


def _contributions(one: Released, setup: RoundSetup) -> Iterator[Claim]:
    """A contribution to the change over its weight is a change: of a figure that one of the two years hides."""
    for row in one.shown[one.shown["measure"].isin(["change_dimension", "change_source"])].itertuples():
        whole = row.measure == "change_source"
        source = row.part if whole else row.source
        if source not in one.weights:
            continue
        own = _by(one.shown, *(("source_score", source, "measure") if whole else ("dimension_score", source)))
        parts = 1 if whole else len(setup.instrument.sources[source].dimensions)
        if ("source_score" if whole else row.part) not in own:
            slack = ROUNDING * parts / one.weights[source]
            yield Claim("contribution of what is hidden", f"{source} {row.part}", -slack, slack, POINTS, 0.0)


OF_INDEX = (
    "index_without_panel_variance", "index_panel_reading", "index_part", "index_variance_share", "index_change",
    "index_repeated", "category_probability", "target_probability", "change_probability", "change_source",
    "change_weights", "change_correction", "change_unexplained", "index_previous_noise",
)  # fmt: skip


def of_a_hidden_index(one: Released, _: RoundSetup) -> Iterator[Claim]:
    """Anything that is made from the index, though the index is hidden: it would be one step away."""
    if (one.shown["measure"] == "index").any():
        return
    for row in one.shown[one.shown["measure"].isin(OF_INDEX)].itertuples():
        # A correction is a decision that stands in the round's own file, not a figure of the answers.
        if str(row.part).startswith("correction"):
            continue
        yield Claim(
            "made from a hidden index", f"{row.measure} {row.part}", row.estimate, row.estimate, POINTS, row.estimate
        )


# --- who was nominated by whom

FIRST, GROWTH = 11.0, 1.25


def sides(one: Released, setup: RoundSetup) -> Iterator[Claim]:
    """Answers of the experts of one nominator: their mean follows from the difference, their spread from its error.

    The intruder knows who was nominated by whom and who answered (the other experts told him), the rounding of spreads
    (docs/methods/disclosure.md 12) and the sampling fraction (docs/methods/experts.md).
    """
    between = one.shown[one.shown["measure"] == "nominator_difference"]
    whole = one.shown[(one.shown["measure"] == "source_score") & (one.shown["source"] == "expert")]
    if between.empty or whole.empty:
        return
    people = one.people[(one.people["source"] == "expert") & one.people["score"].notna()]
    answers = {name: np.sort(part["score"].to_numpy(dtype=float)) for name, part in people.groupby("nominator")}
    n = {name: len(part) for name, part in answers.items()}
    difference, both = float(between["estimate"].iloc[0]), sum(n.values())
    first = float(whole["estimate"].iloc[0]) + difference * n["commission"] / both
    means = {"institution": first, "commission": first - difference}
    for spreads in _spreads(float(between["se"].iloc[0]), n):
        if not all(_fits(np.std(answers[name], ddof=1), *spreads[name]) for name in n):
            continue
        for name, found in answers.items():
            yield from _of_side(name, found, means[name], *spreads[name])


def _fits(spread: float, low: float, high: float) -> bool:
    return low - 0.1 <= spread <= high + 0.1


def _steps() -> list[tuple[float, float]]:
    tops = [FIRST * GROWTH**k for k in range(6)]
    return list(zip([0.0, *tops], tops, strict=False))


def _spreads(error: float, n: dict[str, int]) -> Iterator[dict[str, tuple[float, float]]]:
    """Pairs of rounded spreads whose error is the one shown; half of the list was drawn."""
    for first in _steps():
        for second in _steps():
            made = (0.5 * (first[1] ** 2 / n["institution"] + second[1] ** 2 / n["commission"])) ** 0.5
            if abs(made - error) <= 0.02:
                yield {"institution": first, "commission": second}


def _of_side(name: str, answers: np.ndarray, mean: float, low: float, high: float) -> Iterator[Claim]:
    steps, n = np.rint(answers / STEP).astype(int), len(answers)
    squares = [(n - 1) * (spread / STEP) ** 2 for spread in (low, high)]
    found, alone = (orders(n, round(mean * n / STEP), *limits) for limits in (squares, (0.0, np.inf)))
    if found is None or alone is None:
        return
    for k, value in enumerate(steps):
        allowed = min(POINTS, alone[1][k] - alone[0][k])
        yield Claim("nominated by " + name, f"answer {k + 1} of {n}", found[0][k], found[1][k], allowed, value * STEP)


# --- two publications of one round


def two_publications(before: Released, after: Released) -> Iterator[Claim]:
    """Any figure that rests on one to nine answers more or fewer than before, and hidden groups from both together."""
    keys = ["measure", "source", "part", "domain", "denominator"]
    both = before.shown.merge(after.shown, on=keys, suffixes=("_before", "_after"))
    # What is made from several sources, or from two rounds, has the number of answers of its parts.
    own = both[both["source"].notna() & ~both["measure"].str.contains("change|difference|model")]
    for row in own.dropna(subset=["n_before", "n_after"]).itertuples():
        gone = abs(row.n_before - row.n_after)
        if 0 < gone < FEW:
            yield Claim("answers between publications", f"{row.measure} {row.part}", gone, gone, PEOPLE, gone)
    for claim in hidden_groups(after, before):
        yield replace(claim, attack="hidden score from two publications")


BEYOND: tuple[Callable[[Released, RoundSetup], Iterator[Claim]], ...] = (
    dimensions_of_items, few_answers, thirds, indirect_answers, by_changes, of_a_hidden_index, sides,
)  # fmt: skip
