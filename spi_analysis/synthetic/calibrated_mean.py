"""Does the interval of a calibrated mean cover? Populations of all sizes, invited and answering in part.

Every run makes a population anew, invites a simple random sample, lets people answer with probabilities that
depend on what the list says of them, rakes the answers to the list and takes the t interval from bootstrap
replicates that are raked again (``simulation.means``).
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.survey import group_counts
from spi_analysis.survey.estimation import coverage_summary
from spi_analysis.survey.simulation import Answered, Cells, WeightingCells, weighted_means
from spi_analysis.synthetic.randomness import solve_increasing

POPULATIONS = (80, 400, 2500, 15000)
INVITED = (0.2, 0.5, 1.0)
RESPONSE = (0.08, 0.25, 0.6)
SHAPES = ("symmetric", "skewed")
RUNS = 2000
REPLICATES = 200
LEVEL = 0.95
MIN_RESPONDENTS = 5

UNIT_SD, NOISE_SD, SEX_EFFECT = 6.0, 15.0, 3.0
UNIT_RESPONSE_SD, SEX_RESPONSE = 0.4, 0.2


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: list size, share of it invited, mean response probability, shape of the scores."""

    population: int
    invited: float
    response: float
    shape: str


CELL_COLUMNS = [field.name for field in fields(Cell)]
GRID = [Cell(*values) for values in itertools.product(POPULATIONS, INVITED, RESPONSE, SHAPES)]


@dataclass(frozen=True)
class Population:
    """People of a cell: unit and sex (codes), score (points of 100), response probability."""

    unit: np.ndarray
    sex: np.ndarray
    score: np.ndarray
    propensity: np.ndarray


def simulate_cell(cell: Cell, seed: int, runs: int = RUNS) -> pd.DataFrame:
    """Summary of ``runs`` rounds of one cell.

    Returns
    -------
    DataFrame, one row: the cell's parameters, and runs, n (mean number of answers), bias, sd, se, width, coverage,
    coverage_error as in ``coverage_summary``; ``without_estimate``: runs with under two answers, or margins that
    cannot be met.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, GRID.index(cell)]))
    found = [_run(_population(cell, rng), cell, rng) for _ in range(runs)]
    table = pd.DataFrame([run for run in found if run is not None])
    if table.empty:
        return pd.DataFrame([{**asdict(cell), "runs": 0, "without_estimate": runs}])
    summary = coverage_summary(table.assign(**asdict(cell)), CELL_COLUMNS)
    return summary.assign(without_estimate=runs - len(table))


def _population(cell: Cell, rng: np.random.Generator) -> Population:
    n = cell.population
    n_units = int(np.clip(n // 40, 2, 12))
    unit, sex = rng.integers(0, n_units, n), rng.integers(0, 2, n)
    # A gamma of shape 4 has skewness 1; scores pile up at the top, so its tail points down.
    noise = rng.normal(size=n) if cell.shape == "symmetric" else -(rng.gamma(4.0, size=n) - 4) / 2
    score = 70 + UNIT_SD * rng.normal(size=n_units)[unit] + SEX_EFFECT * sex + NOISE_SD * noise
    logit = UNIT_RESPONSE_SD * rng.normal(size=n_units)[unit] + SEX_RESPONSE * sex
    shift = solve_increasing(lambda a: float((1 / (1 + np.exp(-logit - a))).mean()), cell.response, -30.0, 30.0)
    return Population(unit, sex, score, 1 / (1 + np.exp(-logit - shift)))


def _run(people: Population, cell: Cell, rng: np.random.Generator) -> dict[str, float] | None:
    n = len(people.score)
    invited = rng.permutation(n)[: round(n * cell.invited)]
    rows = np.sort(invited[rng.random(len(invited)) < people.propensity[invited]])
    if len(rows) < 2:
        return None
    cells = WeightingCells(
        _cells(people.unit), {"unit": _cells(people.unit), "sex": _cells(people.sex)}, MIN_RESPONDENTS, MIN_RESPONDENTS
    )
    base = np.full(n, n / len(invited))
    answered = Answered(invited, rows, base, people.score[rows, None])
    seed = int(rng.integers(2**62))
    try:
        found = weighted_means(answered, cells, n_replicates=REPLICATES, seed=seed, level=LEVEL)
    except WeightingError:
        # A handful of answers may leave margins that no weights can meet; the workbench says so and gives no score.
        return None
    figures = {name: float(getattr(found, name)[0]) for name in ("estimate", "se", "ci_low", "ci_high")}
    return {"truth": float(people.score.mean()), **figures, "n": len(rows)}


def _cells(codes: np.ndarray) -> Cells:
    people = group_counts(codes)
    return Cells(codes, [(str(level),) for level in range(len(people))], people.astype(float))
