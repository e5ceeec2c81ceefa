"""One design under one response model, carried out again and again: draw, response, weights, estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.survey.simulation.candidate import Design, Weighting
from spi_analysis.survey.simulation.means import Answered, Means, WeightingCells, weighted_means
from spi_analysis.survey.simulation.population import Population
from spi_analysis.survey.simulation.repeated_draws import Drawing, prepare_draws
from spi_analysis.survey.simulation.response_models import ResponseModel

# A mean of one answer has no known error.
LEAST_ANSWERS = 2


@dataclass(frozen=True)
class Settings:
    """What all runs share.

    Parameters
    ----------
    seed : int           from which random numbers
    n_replicates : int   replicates behind each standard error
    level : float        of the intervals, between 0 and 1

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38.

    Examples
    --------
    >>> Settings(seed=7)
    Settings(seed=7, n_replicates=200, level=0.95)
    """

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
    trial = Trial(
        people,
        design,
        prepare_draws(design, people),
        _cells(people, design.weighting),
        response.probabilities(people),
        settings,
    )
    table = pd.concat([_run(trial, run) for run in runs], ignore_index=True)
    table.insert(0, "design", design.label)
    table.insert(1, "response", response.label)
    return table


@dataclass(frozen=True)
class Trial:
    """A design and a response model prepared for a population: all that does not change from run to run."""

    people: Population
    design: Design
    drawing: Drawing
    cells: WeightingCells
    probability: np.ndarray
    settings: Settings

    def base_weight(self, invited: np.ndarray, activated: np.ndarray) -> np.ndarray:
        """People per invited person (N,); without weighting the same for all, as if the strata had not been."""
        if self.design.weighting is None:
            return np.full(len(invited), len(invited) / invited.sum())
        return (self.drawing.pop_size / np.maximum(activated, 1))[self.drawing.stratum]


def _run(trial: Trial, run: int) -> pd.DataFrame:
    people, settings = trial.people, trial.settings
    rng = np.random.default_rng(np.random.SeedSequence([settings.seed, run]))
    numbers, chances = rng.random(len(people)), rng.random(len(people))
    answers = chances < trial.probability
    invited, activated = trial.drawing.activated(numbers, answers)
    rows = np.flatnonzero(invited & answers)
    weights = trial.base_weight(invited, activated)
    answered = Answered(np.flatnonzero(invited), rows, weights, people.values[rows])
    found, why = _estimated(trial, answered, int(rng.integers(2**62)))
    design = trial.design
    cost = design.cost_per_invitation * invited.sum() + design.cost_per_complete * len(rows)
    facts = {"n": len(rows), "invitations": int(invited.sum()), "cost": float(cost), "why": why}
    figures = _figures(found, len(people.answers))
    return pd.DataFrame({"answer": list(people.answers), "run": run, "truth": people.truth, **figures, **facts})


def _estimated(trial: Trial, answered: Answered, seed: int) -> tuple[Means | None, str]:
    """The means, or why there are none: the weighting says so, or nobody can say how answers vary."""
    if len(answered.rows) < LEAST_ANSWERS:
        return None, f"fewer than {LEAST_ANSWERS} answers"
    settings = trial.settings
    try:
        return weighted_means(
            answered, trial.cells, n_replicates=settings.n_replicates, seed=seed, level=settings.level
        ), ""
    except WeightingError as error:
        return None, error.problems[0].what


def _cells(people: Population, weighting: Weighting | None) -> WeightingCells:
    if weighting is None:
        return WeightingCells(people.cells(()), {}, 1, 1)
    margins = {name: people.cells((name,)) for name in weighting.margins}
    classes = people.cells(weighting.classes)
    return WeightingCells(classes, margins, weighting.min_respondents, weighting.min_level_respondents, weighting.rates)


def _figures(found: Means | None, size: int) -> dict[str, np.ndarray]:
    if found is None:
        return dict.fromkeys(("estimate", "se", "df", "ci_low", "ci_high"), np.full(size, np.nan))
    return {
        "estimate": found.estimate,
        "se": found.se,
        "df": np.full(size, found.df),
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
    }
