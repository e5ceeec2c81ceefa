"""Calibration: weights as close as possible to the old ones that reproduce known totals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.sampling.strata import cell_labels
from spi_analysis.weighting.auxiliary import Auxiliary, Totals, auxiliary_of
from spi_analysis.weighting.distances import Bounds, Distance, distance_of
from spi_analysis.weighting.inputs import require_columns, weights_of
from spi_analysis.weighting.newton import ACCEPTED, Solution, solve_dual
from spi_analysis.weighting.totals import weightless_problems
from spi_analysis.weighting.unmet import Missed, not_met, unreachable


def calibrate(
    df: pd.DataFrame,
    weight: str,
    totals: Totals,
    method: str = "linear",
    bounds: tuple[float, float] | None = None,
    scale_margins: bool = False,
) -> pd.Series:
    """Calibrate weights to known totals.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    totals : mapping
        a dict value is a categorical margin {level: total}, a number the total of a numeric column,
        ``"(intercept)"`` the population size; redundant totals are allowed if they agree (to 1e-7)
    method : str              linear (GREG), raking (exponential), logit (needs ``bounds``)
    bounds : (low, high) or None   limits of new/old weight, low < 1 < high; with ``linear`` the truncated form
    scale_margins : bool
        bring margins that differ (by up to 5 %) to one total: that of the intercept, else of the first margin

    Returns
    -------
    Series (n,), name of ``weight``: calibrated weights, in persons (linear without bounds may give negative ones).

    Raises
    ------
    WeightingError   totals that do not fit the sample (all problems at once), and totals that cannot
        be met: those that are missed by most are named, with the nearest bounds that can meet them all.

    References
    ----------
    Deville & Sarndal (1992), JASA 87.
    """
    weights = weights_of(df, weight)
    auxiliary, targets = auxiliary_of(df, totals, scale_margins)
    g = calibration_factors(weights, auxiliary, targets, method, bounds)
    return pd.Series(weights * g, index=df.index, name=weight)


def post_stratify(
    df: pd.DataFrame, weight: str, by: str | list[str], totals: Mapping[object, float] | pd.Series
) -> pd.Series:
    """Scale weights inside every cell of ``by`` to its population total.

    Parameters
    ----------
    df, weight   as in ``calibrate``
    by : str or list of str   cell columns
    totals : mapping or Series   level (for a list of columns: tuple of levels) -> population total

    Returns
    -------
    Series (n,), name of ``weight``, in persons.

    Raises
    ------
    WeightingError   cells without a total, totals without a row, all at once.

    References
    ----------
    Holt & Smith (1979), Journal of the Royal Statistical Society A 142.
    """
    labels, cell_totals = post_stratum_cells(df, by, totals)
    cell = str(labels.name)
    return calibrate(df.assign(**{cell: labels}), weight, {cell: cell_totals})


def post_stratum_cells(
    df: pd.DataFrame, by: str | list[str], totals: Mapping[object, float] | pd.Series
) -> tuple[pd.Series, dict[object, float]]:
    """Cell label of every row, and totals under the same labels."""
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(df, columns)
    cells = total_cells(columns, totals)
    labels = cell_labels(cells, columns)
    values = dict(zip(labels, dict(totals).values(), strict=True))
    return cell_labels(df, columns).rename(" x ".join(columns)), values


def total_cells(columns: list[str], totals: Mapping[object, float] | pd.Series) -> pd.DataFrame:
    """The cells that totals are given for, one row each, one column per variable."""
    keys = [key if isinstance(key, tuple) else (key,) for key in dict(totals)]
    odd = [key for key in keys if len(key) != len(columns)]
    if odd:
        raise WeightingError("a total does not name a cell", got=str(odd[0]), expected=f"a level of {columns}")
    return pd.DataFrame(keys, columns=columns)


def calibration_factors(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    method: str = "linear",
    bounds: Bounds | None = None,
) -> np.ndarray:
    """new/old weight (n,), for auxiliaries and targets (p,) as ``auxiliary_of`` gives them.

    Where margins (and an intercept) are all there is, people of one cell move together: then the
    table of distinct cells is calibrated instead of the rows, which is exact.
    """
    distance = distance_of(method, bounds)
    require_weight(auxiliary, weights, targets)
    if auxiliary.is_table:
        cells = auxiliary.cells
        return _factors(cells.sums(weights), auxiliary.on_cells, targets, method, distance)[cells.codes]
    return _factors(weights, auxiliary, targets, method, distance)


def _factors(
    weights: np.ndarray, auxiliary: Auxiliary, targets: np.ndarray, method: str, distance: Distance
) -> np.ndarray:
    out_of_reach = unreachable(weights, auxiliary, targets, distance.limits)
    if out_of_reach:
        raise not_met(weights, auxiliary, targets, method, distance.limits, out_of_reach)
    solution = solve_dual(weights, auxiliary, targets, distance)
    if solution.is_met:
        return solution.g
    raise not_met(weights, auxiliary, targets, method, distance.limits, _missed(solution))


def _missed(solution: Solution) -> list[Missed]:
    """The totals that the search ends short of, the farthest first."""
    order = np.argsort(-solution.miss)
    return [Missed(int(j), f"{solution.reached[j]:.8g}") for j in order if solution.miss[j] > ACCEPTED]


def require_weight(auxiliary: Auxiliary, weights: np.ndarray, targets: np.ndarray) -> None:
    """Every level with a total needs somebody with weight (``weights`` (n,), before any step)."""
    sums, start, problems = auxiliary.level_sums(weights), 0, []
    for margin in auxiliary.margins:
        span = slice(start, start + len(margin.levels))
        problems += weightless_problems(margin.name, margin.levels, sums[span], targets[span])
        start = span.stop
    if problems:
        raise WeightingError(*problems)
