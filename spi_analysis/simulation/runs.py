"""One design under one response model, carried out again and again: draw, response, weights, estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.simulation.design import Design
from spi_analysis.simulation.draw import Drawing, settle
from spi_analysis.simulation.means import Answered, Means, weighted_means
from spi_analysis.simulation.population import Population
from spi_analysis.simulation.response import ResponseModel

# A mean of one answer has no known error.
LEAST_ANSWERS = 2


@dataclass(frozen=True)
class Settings:
    """What all runs share: the seed, replicates of a standard error, and the level of intervals."""

    seed: int = 1
    n_replicates: int = 200
    level: float = 0.95


def simulate_runs(
    people: Population, design: Design, response: ResponseModel, settings: Settings, runs: range
) -> pd.DataFrame:
    """The runs of a design under a response model.

    Run r has the same random numbers under every design and response model, so that differences between designs are
    less noisy than the designs themselves; and whatever other runs there are.

    Returns
    -------
    DataFrame, one row per run and answer: design, response, answer, run, truth, estimate, se, df, ci_low, ci_high, n,
    invitations, cost, why ("" or why there is no estimate).
    """
    drawing, probability = settle(design, people), response.probabilities(people)
    tables = [_run(people, design, drawing, probability, settings, run) for run in runs]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "design", design.label)
    table.insert(1, "response", response.label)
    return table


def _run(
    people: Population, design: Design, drawing: Drawing, probability: np.ndarray, settings: Settings, run: int
) -> pd.DataFrame:
    rng = np.random.default_rng(np.random.SeedSequence([settings.seed, run]))
    numbers, chances = rng.random(len(people)), rng.random(len(people))
    invited, released = drawing.released(numbers, chances < probability)
    rows = np.flatnonzero(invited & (chances < probability))
    why, found = "", None
    try:
        if len(rows) >= LEAST_ANSWERS:
            base = (drawing.pop_size / np.maximum(released, 1))[drawing.stratum]
            answered = Answered(np.flatnonzero(invited), rows, base, people.values[rows])
            found = _means(people, design, answered, settings, int(rng.integers(2**62)))
        else:
            why = f"fewer than {LEAST_ANSWERS} answers"
    except WeightingError as error:
        why = error.problems[0].what
    cost = design.cost_per_invitation * invited.sum() + design.cost_per_complete * len(rows)
    facts = {"n": len(rows), "invitations": int(invited.sum()), "cost": float(cost), "why": why}
    figures = _figures(found, len(people.answers))
    return pd.DataFrame({"answer": list(people.answers), "run": run, "truth": people.truth, **figures, **facts})


def _means(people: Population, design: Design, answered: Answered, settings: Settings, seed: int) -> Means:
    weighting = design.weighting
    if weighting is None:
        # Every answer counts the same, as if those who answered were drawn at random from the whole list.
        alike = np.full(len(people), len(people) / len(answered.invited))
        answered = Answered(answered.invited, answered.rows, alike, answered.values)
    return weighted_means(
        answered,
        people.cells(weighting.classes if weighting else ()),
        {name: people.cells((name,)) for name in weighting.margins} if weighting else {},
        weighting.min_respondents if weighting else 1,
        n_replicates=settings.n_replicates,
        seed=seed,
        level=settings.level,
    )


def _figures(found: Means | None, size: int) -> dict[str, np.ndarray]:
    if found is None:
        return dict.fromkeys(("estimate", "se", "df", "ci_low", "ci_high"), np.full(size, np.nan))
    return {
        "estimate": found.estimate,
        "se": found.se,
        "df": np.full(size, float(found.df)),
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
    }
