"""Raking: weights that reproduce several margins, by iterating over the table of distinct margin cells.

The weights of a cell move together, so the table of cells is raked instead of the rows:
exact, and independent of the number of rows. All replicates are raked at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.auxiliary import Auxiliary, auxiliary_of
from spi_analysis.weighting.groups import Groups, weights_of

TOLERANCE = 1e-10
MAX_ITERATIONS = 1000


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
    """As ``rake``, for weights (n, K): every column is raked to the same targets."""
    cells, levels = _cells(auxiliary)
    start = cells.sums(weights)
    table = start.copy()
    tables = [Groups(levels[:, j], margin.levels) for j, margin in enumerate(auxiliary.margins)]
    wanted = np.split(targets, np.cumsum([len(margin.levels) for margin in auxiliary.margins])[:-1])
    for _ in range(max_iterations):
        worst = 0.0
        for groups, target in zip(tables, wanted, strict=True):
            have = groups.sums(table)
            factor = np.divide(target[:, None], have, out=np.ones_like(have), where=have > 0)
            worst = max(worst, float(np.abs(factor - 1).max()))
            table *= groups.spread(factor)
        if worst <= tolerance:
            break
    _require_hit(table, tables, wanted, auxiliary, tolerance)
    ratio = np.divide(table, start, out=np.zeros_like(table), where=start > 0)
    return weights * cells.spread(ratio)


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
