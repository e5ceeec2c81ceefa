"""Ranks as confidence sets: between which places an institution lies, among its peers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.scores.pairs import PairErrors, Values, equal_errors, kept_rows, pair_errors


def rank_sets(
    estimates: Values,
    se: Values | None = None,
    *,
    covariance: np.ndarray | None = None,
    df: Values | float | None = None,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    simultaneous: bool = True,
    of: Sequence[object] | None = None,
) -> pd.DataFrame:
    """Best and worst rank that the estimates leave possible; rank 1 has the highest value.

    An institution's best rank is 1 + the number of peers shown to lie above it, its worst the number of peers less
    those shown to lie below it. What is shown is decided by studentised differences of pairs, with critical values
    from seeded draws of the errors and by stepping down, so that with confidence ``level`` every set holds its true
    rank (``simultaneous``), or each set taken by itself (marginal: for one institution fixed beforehand).

    Parameters
    ----------
    estimates : Series or array (p,)     all of them known; what is withheld must be left out by the caller
    se : array (p,)                      standard errors of independent estimates, >= 0
    covariance : ndarray (p, p)          instead of ``se``, where estimates are not independent
    df : array (p,), number or None      degrees of freedom of the standard errors: one each (independent), or one
        number where all share one estimated variance; None: the errors are known
    draws, seed : int                    of the simulation
    of : labels or None                  whose sets are wanted (None: of all); marginal sets of few take less time

    Returns
    -------
    DataFrame, index as ``estimates`` (or ``of``): estimate, best, worst.

    Raises
    ------
    EstimationError   missing estimates, standard errors that are missing or negative, shapes that do not fit.

    References
    ----------
    Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91; Romano & Wolf (2005), Econometrica 73.
    """
    index = estimates.index if isinstance(estimates, pd.Series) else pd.RangeIndex(len(estimates))
    x = np.asarray(estimates, dtype=float)
    if not np.isfinite(x).all():
        missing = ", ".join(map(str, index[~np.isfinite(x)][:5]))
        raise EstimationError("an estimate is missing", got=missing, hint="leave it out of the comparison")
    errors = pair_errors(len(x), se, covariance, df, draws, seed)
    kept = np.arange(len(x)) if of is None else index.get_indexer(pd.Index(of))
    if simultaneous:
        below, above = (counts[kept] for counts in _all_at_once(x, errors, level))
    else:
        below, above = _one_by_one(x, errors, level, kept)
    return pd.DataFrame({"estimate": x[kept], "best": 1 + above, "worst": len(x) - below}, index=index[kept])


def _all_at_once(x: np.ndarray, errors: PairErrors, level: float) -> tuple[np.ndarray, np.ndarray]:
    """How many are shown to lie below, and above, each one (p,), for all pairs at once."""
    statistic, equal = _statistics(x, errors), equal_errors(errors)
    left = ~np.eye(len(x), dtype=bool)
    while left.any():
        maxima = equal.maxima(x, left) if equal is not None else errors.maxima(left)
        new = left & (statistic > _critical(maxima, level))
        if not new.any():
            break
        left &= ~new
    shown = ~left & ~np.eye(len(x), dtype=bool)
    return shown.sum(axis=1), shown.sum(axis=0)


def _one_by_one(x: np.ndarray, errors: PairErrors, level: float, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from the pairs of each one alone."""
    statistic, counts = _statistics(x, errors), np.zeros((2, len(kept)), dtype=int)
    for row, j in enumerate(kept):
        others = np.flatnonzero(np.arange(len(x)) != j)
        drawn = errors.differences(j, others)
        observed = np.stack([statistic[j, others], statistic[others, j]])
        left = np.ones_like(observed, dtype=bool)
        while left.any():
            highest = kept_rows(drawn, left[0]).max(axis=0, initial=-np.inf)
            maxima = np.maximum(highest, -kept_rows(drawn, left[1]).min(axis=0, initial=np.inf))
            new = left & (observed > _critical(maxima, level))
            if not new.any():
                break
            left &= ~new
        counts[:, row] = (~left).sum(axis=1)
    return counts[0], counts[1]


def _statistics(x: np.ndarray, errors: PairErrors) -> np.ndarray:
    """Studentised differences (p, p); a difference without any error is infinitely clear."""
    difference, se = np.subtract.outer(x, x), errors.se_of_differences()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / se)


def _critical(maxima: np.ndarray, level: float) -> float:
    return float(np.quantile(maxima, level, method="higher"))
