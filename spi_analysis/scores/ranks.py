"""Ranks as confidence sets: between which places an institution lies, among its peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError

# Simulated errors of the differences between pairs of estimates.

Values = pd.Series | np.ndarray | Sequence[float]


@dataclass(frozen=True)
class PairErrors:
    """Drawn errors of p estimates and what studentises their differences.

    ``z`` (p, R): errors; ``covariance`` (p, p): of the estimates; ``spread`` (p, R) or None: where every standard error
    has degrees of freedom of its own, its drawn square, so that a draw is studentised as the data are.
    """

    z: np.ndarray
    covariance: np.ndarray
    spread: np.ndarray | None
    shared_se: bool

    def se_of_differences(self) -> np.ndarray:
        """Standard errors of all differences (p, p)."""
        variance = np.diag(self.covariance)
        return np.sqrt(np.maximum(variance[:, None] + variance - 2 * self.covariance, 0.0))

    def differences(self, j: int, others: np.ndarray) -> np.ndarray:
        """Studentised drawn differences of j to the others (others, R); 0 where a difference has no error."""
        drawn = self.z[j] - self.z[others]
        if self.spread is None:
            variance = np.diag(self.covariance)
            squares = (variance[j] + variance[others] - 2 * self.covariance[j, others])[:, None]
        else:
            squares = self.spread[j] + self.spread[others]
        drawn /= np.sqrt(np.where(squares > 0, squares, np.inf))
        return drawn

    def maxima(self, left: np.ndarray) -> np.ndarray:
        """Per draw the largest studentised difference j - k among the pairs ``left[j, k]`` (R,)."""
        largest = np.full(self.z.shape[1], -np.inf)
        for j in range(len(left) - 1):
            later = np.arange(j + 1, len(left))
            forward, backward = left[j, later], left[later, j]
            if (wanted := forward | backward).any():
                drawn = self.differences(j, later[wanted])
                largest = np.maximum(largest, kept_rows(drawn, forward[wanted]).max(axis=0, initial=-np.inf))
                largest = np.maximum(largest, -kept_rows(drawn, backward[wanted]).min(axis=0, initial=np.inf))
        return largest


@dataclass(frozen=True)
class EqualErrors:
    """Independent errors of one size: the largest difference needs no pairs, only who may be subtracted."""

    z: np.ndarray
    se: float

    def maxima(self, x: np.ndarray, left: np.ndarray) -> np.ndarray:
        """As ``PairErrors.maxima``, if from each j all k are left whose estimate is not too far below its own."""
        order = np.argsort(x, kind="stable")
        z = self.z[order]
        # The smallest error of this and all higher estimates; j may be set against those from its first one left.
        smallest = np.minimum.accumulate(z[::-1], axis=0)[::-1]
        ordered = left[np.ix_(order, order)] | np.eye(len(x), dtype=bool)
        return (z - smallest[ordered.argmax(axis=1)]).max(axis=0) / self.se


def equal_errors(errors: PairErrors) -> EqualErrors | None:
    """The shorter way, where all estimates are independent with the same standard error."""
    if not errors.shared_se or errors.covariance[0, 0] <= 0:
        return None
    return EqualErrors(errors.z, float(np.sqrt(2 * errors.covariance[0, 0])))


def pair_errors(
    p: int, se: Values | None, covariance: np.ndarray | None, df: Values | float | None, draws: int, seed: int
) -> PairErrors:
    """Draw the errors; see ``rank_sets``."""
    if (se is None) == (covariance is None):
        raise EstimationError("ranks need standard errors or a covariance", expected="one of the two")
    sigma = np.diag(_checked(np.asarray(se, dtype=float), p, "se") ** 2) if covariance is None else _psd(covariance, p)
    rng = np.random.default_rng(seed)
    # One row of draws per estimate.
    z = rng.standard_normal((p, draws))
    z = np.sqrt(np.diag(sigma))[:, None] * z if covariance is None else _root(sigma) @ z
    shared = covariance is None and bool(np.ptp(np.diag(sigma)) == 0)
    if df is None:
        return PairErrors(z, sigma, None, shared)
    freedom = np.asarray(df, dtype=float)
    if not (freedom > 0).all():
        raise EstimationError("degrees of freedom must be above 0", column="df", got=str(freedom.min()))
    if freedom.ndim == 0:
        return PairErrors(z / np.sqrt(_chi_square(rng, freedom, draws)), sigma, None, shared)
    if covariance is not None:
        raise EstimationError("degrees of freedom per estimate need independent estimates", column="df")
    scatter = np.stack([_chi_square(rng, own, draws) for own in _checked(freedom, p, "df")])
    return PairErrors(z, sigma, np.diag(sigma)[:, None] * scatter, False)


def kept_rows(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The rows that are kept."""
    # All of them: no copy.
    return values if kept.all() else values[kept]


def _chi_square(rng: np.random.Generator, df: np.ndarray, draws: int) -> np.ndarray:
    return rng.chisquare(df, draws) / df if np.isfinite(df) else np.ones(draws)


def _checked(values: np.ndarray, p: int, name: str) -> np.ndarray:
    if values.shape != (p,) or np.isnan(values).any() or (values < 0).any():
        raise EstimationError("not one usable figure per estimate", column=name, got=str(values.shape),
                              expected=f"{p} figures, none missing, none below 0")  # fmt: skip
    return values


def _psd(covariance: np.ndarray, p: int) -> np.ndarray:
    sigma = np.asarray(covariance, dtype=float)
    if sigma.shape != (p, p) or not np.isfinite(sigma).all() or not np.allclose(sigma, sigma.T):
        raise EstimationError(
            "not a covariance of the estimates", got=str(sigma.shape), expected=f"symmetric ({p}, {p})"
        )
    if np.linalg.eigvalsh(sigma).min() < -1e-9 * max(float(np.trace(sigma)), 1e-300):
        raise EstimationError("the covariance has a negative eigenvalue", expected="positive semi-definite")
    return sigma


def _root(sigma: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(sigma)
    return vectors * np.sqrt(np.maximum(values, 0.0))


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
