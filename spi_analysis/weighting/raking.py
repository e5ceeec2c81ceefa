"""Raking: weights that reproduce several margins, by iterating over the table of distinct margin cells.

The weights of a cell move together, so the table of cells is raked instead of the rows:
exact, and independent of the number of rows. All replicates are raked at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.auxiliary import Auxiliary, Margin, auxiliary_of
from spi_analysis.weighting.calibration import calibration_factors
from spi_analysis.weighting.groups import Groups, weights_of

TOLERANCE = 1e-10
MAX_ITERATIONS = 100


def rake(
    df: pd.DataFrame,
    weight: str,
    margins: Mapping[str, Mapping[object, float]],
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> pd.Series:
    """Adjust weights until every margin has its population totals.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    margins : mapping column -> {level: population total}
    tolerance : float         largest relative difference left in any total

    Returns
    -------
    Series (n,), name of ``weight``: raked weights, in persons.

    Raises
    ------
    WeightingError   missing levels, levels without a row, margins that disagree, or no
        convergence (the margin that is worst is named).

    References
    ----------
    Deming & Stephan (1940), Annals of Mathematical Statistics 11; Deville, Sarndal & Sautory (1993), JASA 88.
    """
    weights = weights_of(df, weight)
    auxiliary, targets = auxiliary_of(df, margins)
    raked = rake_columns(weights[:, None], auxiliary, targets, tolerance, max_iterations)
    return pd.Series(raked[:, 0], index=df.index, name=weight)


def rake_columns(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> np.ndarray:
    """As ``rake``, for weights (n, K): every column is raked to the same targets.

    A column that ``max_iterations`` sweeps leave unfinished is finished by Newton's method, which
    has the same solution and converges where sweeps crawl (as in an odd replicate).
    """
    cells, levels = _cells(auxiliary)
    start = cells.sums(weights)
    table = start.copy()
    tables = [Groups(levels[:, j], margin.levels) for j, margin in enumerate(auxiliary.margins)]
    wanted = np.split(targets, np.cumsum([len(margin.levels) for margin in auxiliary.margins])[:-1])
    open_ = np.arange(table.shape[1])
    for _ in range(max_iterations):
        swept, worst = _sweep(table[:, open_], tables, wanted)
        table[:, open_] = swept
        open_ = open_[worst > tolerance]
        if not len(open_):
            break
    for column in open_:
        table[:, column] *= _newton_factors(table[:, column], auxiliary, levels, targets)
    _require_hit(table, tables, wanted, auxiliary, tolerance)
    ratio = np.divide(table, start, out=np.zeros_like(table), where=start > 0)
    return weights * cells.spread(ratio)


def _sweep(table: np.ndarray, tables: list[Groups], wanted: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One pass over all margins: the new table of cells (M, K), and the largest change of every column."""
    worst = np.zeros(table.shape[1])
    for groups, target in zip(tables, wanted, strict=True):
        have = groups.sums(table)
        factor = np.divide(target[:, None], have, out=np.ones_like(have), where=have > 0)
        worst = np.maximum(worst, np.abs(factor - 1).max(axis=0))
        table = table * groups.spread(factor)
    return table, worst


def _newton_factors(column: np.ndarray, auxiliary: Auxiliary, levels: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Factors that finish one column of the table of cells; ones where there is no solution."""
    margins = [Margin(m.name, m.levels, levels[:, j]) for j, m in enumerate(auxiliary.margins)]
    try:
        return calibration_factors(column, Auxiliary(margins, [], np.empty((len(column), 0))), targets, "raking")
    except WeightingError:
        return np.ones(len(column))


def _cells(auxiliary: Auxiliary) -> tuple[Groups, np.ndarray]:
    """Distinct combinations of margin levels: the rows' cells, and each cell's level of every margin."""
    levels = np.column_stack([margin.codes for margin in auxiliary.margins])
    distinct, codes = np.unique(levels, axis=0, return_inverse=True)
    return Groups(codes.ravel(), [str(i) for i in range(len(distinct))]), distinct


def _require_hit(
    table: np.ndarray, tables: list[Groups], wanted: list[np.ndarray], auxiliary: Auxiliary, tolerance: float
) -> None:
    """Every margin must be met now, the ones raked early included; else name the worst level of each."""
    problems = []
    for margin, groups, target in zip(auxiliary.margins, tables, wanted, strict=True):
        have = groups.sums(table)
        scale = np.maximum(np.abs(target), 1e-300)[:, None]
        miss = (np.abs(have - target[:, None]) / np.where(target[:, None] == 0, target.sum(), scale)).max(axis=1)
        if miss.max() > 10 * tolerance:
            level = int(miss.argmax())
            column = int(np.abs(have[level] - target[level]).argmax())
            problems.append(
                Problem(
                    "raking does not converge",
                    column=margin.name,
                    key=margin.levels[level],
                    got=f"a total of {have[level, column]:.6g}" + (f" in replicate {column}" if column else ""),
                    expected=f"{target[level]:.6g}",
                    hint="the margins contradict each other in this sample: merge thin levels or leave a margin out",
                )
            )
    if problems:
        raise WeightingError(*problems)
