"""Ranks as confidence sets: between which places an institution lies, among its peers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError

# Simulated errors of the differences between pairs of estimates.

Values = pd.Series | np.ndarray | Sequence[float]
# Pairs (any shape), draws -> per draw the largest studentised difference among the pairs.
Maxima = Callable[[np.ndarray, np.ndarray], np.ndarray]
# A bound and what it bounds are rounded in different ways.
ROUNDING = 1 + 1e-12


@dataclass(frozen=True)
class PairErrors:
    """Drawn errors of p estimates and what studentises their differences.

    ``z`` (p, R): errors; ``covariance`` (p, p): of the estimates; ``spread`` (p, R) or None: where every standard error
    has degrees of freedom of its own, its drawn square, so that a draw is studentised as the data are.
    """

    z: np.ndarray
    covariance: np.ndarray
    spread: np.ndarray | None
    independent: bool

    def of(self, draws: np.ndarray) -> PairErrors:
        """Some of the draws."""
        spread = None if self.spread is None else _columns(self.spread, draws)
        return PairErrors(_columns(self.z, draws), self.covariance, spread, self.independent)

    def se_of_differences(self) -> np.ndarray:
        """Standard errors of all differences (p, p)."""
        variance = np.diag(self.covariance)
        return np.sqrt(np.maximum(variance[:, None] + variance - 2 * self.covariance, 0.0))

    def differences(self, j: int, others: np.ndarray) -> np.ndarray:
        """Studentised drawn differences of j to the others (others, R); 0 where a difference has no error."""
        if self.spread is None:
            variance = np.diag(self.covariance)
            squares = (variance[j] + variance[others] - 2 * self.covariance[j, others])[:, None]
        else:
            squares = self.spread[j] + self.spread[others]
        if squares.min(initial=1.0) <= 0:
            squares = np.where(squares > 0, squares, np.inf)
        drawn = self.z[j] - self.z[others]
        return np.divide(drawn, np.sqrt(squares, out=squares), out=drawn)

    def maxima_of(self, j: int, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        """Per draw the largest studentised difference j - k of ``forward[k]``, or k - j of ``backward[k]`` (R,)."""
        others = np.flatnonzero(forward | backward)
        drawn = self.differences(j, others)
        highest = kept_rows(drawn, forward[others]).max(axis=0, initial=-np.inf)
        return np.maximum(highest, -kept_rows(drawn, backward[others]).min(axis=0, initial=np.inf))

    def maxima(self, left: np.ndarray) -> np.ndarray:
        """Per draw the largest studentised difference j - k among the pairs ``left[j, k]`` (R,)."""
        largest = np.full(self.z.shape[1], -np.inf)
        forward, backward = np.triu(left), np.tril(left).T
        for j in np.flatnonzero((forward | backward).any(axis=1)):
            np.maximum(largest, self.maxima_of(int(j), forward[j], backward[j]), out=largest)
        return largest

    @cached_property
    def in_own_errors(self) -> tuple[np.ndarray, np.ndarray]:
        """The estimates' standard errors (p, R or 1), and ``z`` divided by them; 0 where there is no error."""
        se = np.sqrt(np.diag(self.covariance)[:, None] if self.spread is None else self.spread)
        return se, np.divide(self.z, se, out=np.zeros_like(self.z), where=se > 0)

    @cached_property
    def extremes(self) -> tuple[np.ndarray, ...]:
        """Per draw the smallest and largest of both."""
        se, u = self.in_own_errors
        return se.min(axis=0), se.max(axis=0), u.min(axis=0), u.max(axis=0)

    def bound(self) -> np.ndarray:
        """No studentised difference is larger than this (R,).

        With u = z / se the difference j - k is (se_j u_j - se_k u_k) / sqrt(se_j^2 + se_k^2), at most
        sqrt(u_j^2 + u_k^2) where u_j > 0 > u_k (Cauchy and Schwarz), and at most the larger of u_j and -u_k elsewhere.
        """
        if not self.independent:
            return np.full(self.z.shape[1], np.inf)
        *_, least, most = self.extremes
        return np.hypot(np.maximum(most, 0.0), np.maximum(-least, 0.0)) * ROUNDING

    def bound_of(self, j: int) -> np.ndarray:
        """No studentised difference between j and another, in either direction, is larger than this (R,).

        At most what the largest -u_k (or u_k, of k - j) gives with the best se_k between the smallest and the largest.
        """
        if not self.independent:
            return np.full(self.z.shape[1], np.inf)
        se, own = (part[j] for part in self.in_own_errors)
        low, high, least, most = self.extremes
        largest = np.fmax(_largest_share(own, -least, se, low, high), _largest_share(-own, most, se, low, high))
        return np.fmax(largest, 0.0) * ROUNDING


def _columns(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    # The draws of an estimate lie far apart in memory, those of one draw together (see pair_errors).
    return np.ascontiguousarray(values.T[draws].T)


def _largest_share(own: np.ndarray, other: np.ndarray, a: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Largest (a own + b other) / sqrt(a^2 + b^2) for b between two limits: at one of them, or where the slope is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = np.clip(a * other / own, low, high)
        shares = [(a * own + b * other) / np.sqrt(a**2 + b**2) for b in (low, high, flat)]
    return np.fmax.reduce(shares)


def pair_errors(
    p: int, se: Values | None, covariance: np.ndarray | None, df: Values | float | None, draws: int, seed: int
) -> PairErrors:
    """Draw the errors; see ``rank_sets``."""
    if (se is None) == (covariance is None):
        raise EstimationError("ranks need standard errors or a covariance", expected="one of the two")
    sigma = np.diag(_checked(np.asarray(se, dtype=float), p, "se") ** 2) if covariance is None else _psd(covariance, p)
    rng = np.random.default_rng(seed)
    # One row of draws per estimate; those of one draw lie together in memory.
    z = rng.standard_normal((p, draws))
    z = np.asfortranarray(np.sqrt(np.diag(sigma))[:, None] * z if covariance is None else _root(sigma) @ z)
    if df is None:
        return PairErrors(z, sigma, None, covariance is None)
    freedom = np.asarray(df, dtype=float)
    if not (freedom > 0).all():
        raise EstimationError("degrees of freedom must be above 0", column="df", got=str(freedom.min()))
    if freedom.ndim == 0:
        return PairErrors(z / np.sqrt(_chi_square(rng, freedom, draws)), sigma, None, covariance is None)
    if covariance is not None:
        raise EstimationError("degrees of freedom per estimate need independent estimates", column="df")
    scatter = np.stack([_chi_square(rng, own, draws) for own in _checked(freedom, p, "df")], axis=1).T
    return PairErrors(z, sigma, np.diag(sigma)[:, None] * scatter, True)


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
    pairs = ~np.eye(len(x), dtype=bool)

    def maxima(left: np.ndarray, draws: np.ndarray) -> np.ndarray:
        return errors.of(draws).maxima(left)

    shown = _step_down(_statistics(x, errors), pairs, errors.bound(), maxima, level)
    return shown.sum(axis=1), shown.sum(axis=0)


def _one_by_one(x: np.ndarray, errors: PairErrors, level: float, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from the pairs of each one alone."""
    statistic, counts = _statistics(x, errors), np.zeros((2, len(kept)), dtype=int)

    def maxima(j: int, left: np.ndarray, draws: np.ndarray) -> np.ndarray:
        return errors.of(draws).maxima_of(j, *left)

    for row, j in enumerate(kept):
        both = np.stack([statistic[j], statistic[:, j]])
        pairs = np.tile(np.arange(len(x)) != j, (2, 1))
        counts[:, row] = _step_down(both, pairs, errors.bound_of(j), partial(maxima, j), level).sum(axis=1)
    return counts[0], counts[1]


def _step_down(statistic: np.ndarray, pairs: np.ndarray, bound: np.ndarray, maxima: Maxima, level: float) -> np.ndarray:
    """Which ``pairs`` are shown: what exceeds the critical value leaves them, and it is found again for the rest."""
    left = pairs.copy()
    while left.any():
        new = left & (statistic > _critical(bound, partial(maxima, left), level))
        if not new.any():
            break
        left &= ~new
    return pairs & ~left


def _statistics(x: np.ndarray, errors: PairErrors) -> np.ndarray:
    """Studentised differences (p, p); a difference without any error is infinitely clear."""
    difference, se = np.subtract.outer(x, x), errors.se_of_differences()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / se)


def _critical(bound: np.ndarray, maxima: Callable[[np.ndarray], np.ndarray], level: float) -> float:
    """The ``level`` quantile of all draws' maxima (the next higher one), from the draws that may reach it.

    ``bound`` (R,): of the maximum of every draw, from above; what is computed here takes its place, since fewer pairs
    have no larger maxima. Draws are taken from the highest bound on, until no other can be among the largest.
    """
    reach_it = len(bound) - math.ceil(level * (len(bound) - 1))
    order = np.argsort(-bound)
    for first in range(0, len(order), reach_it):
        known, others = order[: first + reach_it], order[first + reach_it :]
        some = known[first:]
        bound[some] = maxima(some)
        critical = np.partition(bound[known], -reach_it)[-reach_it]
        if bound[others].max(initial=-np.inf) <= critical:
            break
    return float(critical)
