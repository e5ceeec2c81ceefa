"""The weighted mean of one simulated round, with its bootstrap interval: what a weighting recipe does, in arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.survey.estimation import satterthwaite_df, t_interval
from spi_analysis.survey.groups import cell_rates, group_counts, group_sums, merged_codes
from spi_analysis.survey.simulation.population import Cells
from spi_analysis.survey.weighting import Auxiliary, Fitted, Margin, Rates, bootstrap_replicates, rake_columns

# Largest relative difference left in a margin: far below the error of any simulation, and half as many sweeps.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Answered:
    """A round after fieldwork.

    Parameters
    ----------
    invited : array of int        row numbers of the population
    rows : array of int (m,)      row numbers of those who answered
    base_weight : array (N,)      of everyone, in persons (read for the invited only)
    values : array (m, A)         answers of ``rows``

    References
    ----------
    Sarndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, ch. 15 (nonresponse).

    Examples
    --------
    >>> answered = Answered(np.array([0, 1]), np.array([1]), np.full(4, 2.0), np.array([[7.0]]))
    >>> answered.base_weight[answered.invited].sum().item()
    4.0
    """

    invited: np.ndarray
    rows: np.ndarray
    base_weight: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class WeightingCells:
    """A weighting as it stands on a population.

    Parameters
    ----------
    classes : Cells                     nonresponse classes
    margins : mapping name -> Cells     what is raked to (none: no raking)
    min_respondents : int               of a class, else it is merged
    min_level_respondents : int         of a margin's level, else it is merged
    rates : "observed" | "shrunken"     as in ``weighting.WeightingClasses``

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13 and 14.

    Examples
    --------
    >>> everyone = Cells(np.zeros(4, dtype=int), [("all",)], np.array([4.0]))
    >>> WeightingCells(everyone, {}, 1, 1).classes.labels
    ['all']
    """

    classes: Cells
    margins: dict[str, Cells]
    min_respondents: int
    min_level_respondents: int
    rates: Rates = "observed"


@dataclass(frozen=True)
class Means:
    """Means (A,) with standard errors and intervals, and their degrees of freedom."""

    estimate: np.ndarray
    se: np.ndarray
    df: float
    ci_low: np.ndarray
    ci_high: np.ndarray


def weighted_means(
    answered: Answered,
    cells: WeightingCells,
    *,
    n_replicates: int,
    seed: int,
    level: float,
) -> Means:
    """Weighting classes, raking to the margins' people, and Rao-Wu replicates that are raked again.

    In every class the respondents are resampled with f = respondents / people of the class; a class keeps its total
    in every replicate, so only raking is repeated.

    Parameters
    ----------
    answered : Answered        who was invited, who answered, and what
    cells : WeightingCells     classes and margins
    n_replicates : int         replicates behind each standard error
    seed : int                 of the replicates
    level : float              of the intervals, between 0 and 1

    Returns
    -------
    Means: ``estimate``, ``se``, ``ci_low``, ``ci_high`` (A,) in the units of the answers, and ``df``. The error is
    missing where no degrees of freedom are left, unless everyone answered.

    Raises
    ------
    WeightingError   the margins cannot be met, by the sample or by a replicate.

    References
    ----------
    Rao & Wu (1988), JASA 83; Rao, Wu & Yue (1992), Survey Methodology 18; Valliant, Dever & Kreuter (2018).

    Examples
    --------
    Class a has 2 people and the answer 0, class b has 2 people and the answers 4 and 8: (2 * 0 + 2 * 6) / 4.

    >>> classes = Cells(np.array([0, 0, 1, 1]), [("a",), ("b",)], np.array([2.0, 2.0]))
    >>> answered = Answered(np.arange(4), np.array([0, 2, 3]), np.ones(4), np.array([[0.0], [4.0], [8.0]]))
    >>> cells = WeightingCells(classes, {}, min_respondents=1, min_level_respondents=1)
    >>> weighted_means(answered, cells, n_replicates=10, seed=1, level=0.95).estimate.round(6).tolist()
    [3.0]
    """
    weights, group = class_weights(answered, cells.classes, cells.min_respondents)
    table = pd.DataFrame({"w": weights, "class": group})
    table["f"] = (group_counts(group) / group_sums(group, weights))[group].clip(max=1.0)
    made = bootstrap_replicates(table, "w", "class", fraction="f", n_replicates=n_replicates, seed=seed)
    columns, factor = np.column_stack([weights, made.values]), 1.0
    if cells.rates == "shrunken":
        # The replicates of the base weights, each over the rate of its cell; what they add up to does not matter.
        columns *= (_over_shrunken_rates(answered, cells.classes) / weights)[:, None]
    if cells.margins:
        least = cells.min_level_respondents
        merged = [_merged_margin(name, levels, answered.rows, least) for name, levels in cells.margins.items()]
        auxiliary = Auxiliary([margin for margin, _ in merged], [], [])
        columns = rake_columns(columns, auxiliary, np.concatenate([totals for _, totals in merged]), TOLERANCE)
        factor = Fitted(len(weights), auxiliary.rank).variance_factor
    means = answered.values.T @ columns / columns.sum(axis=0)
    # Bootstrap variance about the estimate itself: scale * sum over replicates of (theta_r - theta)**2.
    se = np.sqrt(factor * made.scale * ((means[:, 1:] - means[:, :1]) ** 2).sum(axis=1))
    df = satterthwaite_df(columns[:, 0], group)
    # Without degrees of freedom an error is unknown, not 0; a full count has none to know.
    if df <= 0 and (table["f"] < 1).any():
        se = np.full_like(se, np.nan)
    low, high = t_interval(means[:, 0], se, np.full(len(se), df), level)
    return Means(means[:, 0], se, df, low, high)


def class_weights(answered: Answered, classes: Cells, min_respondents: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (m,) of those who answered, in persons, and their class (m,) after thin ones have been merged.

    A class keeps the base weight of its invited: respondents get ``w W_c / R_c``.
    """
    codes, n_cells = classes.codes, len(classes.values)
    present = np.flatnonzero(group_counts(codes[answered.invited], n_cells))
    counts = group_counts(codes[answered.rows], n_cells)[present]
    group = np.full(n_cells, -1)
    group[present] = merged_codes([classes.values[i] for i in present], counts, min_respondents)
    of_rows = group[codes[answered.rows]]
    people = group_sums(group[codes[answered.invited]], answered.base_weight[answered.invited])
    base = answered.base_weight[answered.rows]
    # w W_c / R_c: base weight of the class's invited over that of its respondents.
    return base * (people / group_sums(of_rows, base, len(people)))[of_rows], of_rows


def _over_shrunken_rates(answered: Answered, classes: Cells) -> np.ndarray:
    """Base weights (m,) of those who answered over the response rate of their cell, rates drawn together."""
    codes, n_cells = classes.codes[answered.rows], len(classes.values)
    rates = cell_rates(group_counts(classes.codes[answered.invited], n_cells), group_counts(codes, n_cells))
    return answered.base_weight[answered.rows] / rates[codes]


def _merged_margin(name: str, cells: Cells, rows: np.ndarray, min_respondents: int) -> tuple[Margin, np.ndarray]:
    """A margin whose levels all rest on enough answers, and the people of each level."""
    counts = group_counts(cells.codes[rows], len(cells.values))
    group = merged_codes(cells.values, counts, min_respondents)
    totals = group_sums(group, cells.people)
    return Margin(name, [str(i) for i in range(len(totals))], group[cells.codes[rows]]), totals
