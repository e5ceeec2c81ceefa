"""Inclusion probabilities of samples with unequal probabilities: of single units, and of pairs."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError, nearest

# First-order inclusion probabilities proportional to size, with certainty units.

# How far a sum of probabilities may be from a whole number by rounding.
_WHOLE = 1e-9


def inclusion_probabilities(sizes: ArrayLike, n: int) -> np.ndarray:
    """Probabilities ``n x_k / sum(x)``; units that would exceed 1 are taken with certainty and the rest is recomputed.

    Parameters
    ----------
    sizes : array (N,)   size measure, 0 or more; a unit of size 0 is never drawn
    n : int              units to be drawn

    Returns
    -------
    array (N,) that sums to n.

    Raises
    ------
    SamplingError   a size is missing or negative; n exceeds the units that have a size.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 3.6.2; Tille (2006), Sampling Algorithms, section 2.10.

    Examples
    --------
    >>> inclusion_probabilities([1, 1, 2], 1).tolist()
    [0.25, 0.25, 0.5]
    >>> inclusion_probabilities([1, 1, 6], 2).tolist()
    [0.5, 0.5, 1.0]
    """
    x = np.asarray(sizes, dtype=float)
    bad = ~(np.isfinite(x) & (x >= 0))
    if bad.any():
        raise SamplingError(
            "a size measure is missing or negative",
            row=int(bad.argmax()) + 1,
            got=str(x[bad][0]),
            expected="0 or more",
        )
    with_size = int((x > 0).sum())
    if int(n) != n or not 0 <= n <= with_size:
        raise SamplingError(
            "the sample size does not fit the units that have a size",
            got=str(n),
            expected=f"a whole number, 0 to {with_size}",
        )
    certain = np.zeros(len(x), dtype=bool)
    while True:
        # pi_k = (n - certain units) x_k / (sum of x over the units that are not certain), until none exceeds 1.
        left, total = n - int(certain.sum()), x[~certain].sum()
        probability = np.where(certain, 1.0, left * (x / total) if total > 0 else 0.0)
        over = ~certain & (probability >= 1)
        if not over.any():
            return probability
        certain |= over


def whole_sum(probabilities: ArrayLike) -> tuple[np.ndarray, int]:
    """Probabilities of a design of fixed size, checked, and that size.

    Raises
    ------
    SamplingError   a probability outside 0 to 1, or a sum that is no whole number.
    """
    p = np.asarray(probabilities, dtype=float)
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        raise SamplingError(
            "an inclusion probability is out of range", row=int(bad.argmax()) + 1, got=str(p[bad][0]), expected="0 to 1"
        )
    n = round(float(p.sum()))
    if abs(p.sum() - n) > _WHOLE * max(len(p), 1):
        raise SamplingError(
            "the probabilities do not belong to a sample of fixed size",
            got=f"sum {p.sum():g}",
            expected="a whole number",
        )
    return p, n


# Joint inclusion probabilities pi_kl of two units. The diagonal holds the single ones.

# Step of the integral over the logarithm of a ranking number, and how far it goes beyond the odds of all units:
# exp(-36) is the last digit.
PARETO_STEP, PARETO_ENDS = 0.125, 36.0
# The exact probabilities of a Pareto sample take time of the order N**3 * points.
PARETO_MOST = 100


def joint_inclusion(probabilities: ArrayLike, method: str = "systematic") -> np.ndarray:
    """Joint inclusion probabilities (N, N) of the samples that ``select_pps`` draws.

    Parameters
    ----------
    probabilities : array (N,)   inclusion probabilities, 0 to 1, in the order of the list; they sum to a whole number
    method : str
        systematic, elimination and pareto: exact, as ``select_pps`` draws (pareto for up to 100 units); hajek: an
        approximation for samples of high entropy (pareto, elimination) of any size

    Returns
    -------
    array (N, N), symmetric; the diagonal holds the single probabilities.

    Raises
    ------
    SamplingError   an unknown method; a probability outside 0 to 1, or a sum that is no whole number; too many units
        for the exact probabilities of a Pareto sample.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 3.6.2; Tille (1996), Biometrika 83; Aires (1999), Methodology and
    Computing in Applied Probability 1; Hajek (1964), Annals of Mathematical Statistics 35.

    Examples
    --------
    Every second of four: the first comes with the third, never with the second.

    >>> joint_inclusion([0.5, 0.5, 0.5, 0.5])[0].tolist()
    [0.5, 0.0, 0.5, 0.0]

    A simple random sample of two of four: ``n (n - 1) / (N (N - 1))`` = 1/6.

    >>> joint_inclusion([0.5, 0.5, 0.5, 0.5], "elimination")[0].round(3).tolist()
    [0.5, 0.167, 0.167, 0.167]
    """
    ways = {
        "systematic": joint_inclusion_systematic,
        "elimination": joint_inclusion_elimination,
        "pareto": joint_inclusion_pareto,
        "hajek": joint_inclusion_hajek,
    }
    if method not in ways:
        raise SamplingError("unknown method", got=method, expected=", ".join(ways), hint=nearest(method, ways))
    return ways[method](probabilities)


def joint_inclusion_systematic(probabilities: ArrayLike) -> np.ndarray:
    """Exact joint probabilities (N, N) of systematic sampling in the order given, with a random start.

    The sample changes only where the start passes the fractional part of a cumulated probability.
    Many pairs have probability 0, so that no unbiased variance estimator exists.

    Parameters
    ----------
    probabilities : array (N,)   inclusion probabilities, 0 to 1, in the order of the list; they sum to a whole number

    Returns
    -------
    array (N, N), symmetric; the diagonal holds the single probabilities.

    Raises
    ------
    SamplingError   a probability outside 0 to 1, or a sum that is no whole number.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 3.6.2; Tille (2006), Sampling Algorithms, ch. 7 (systematic sampling).

    Examples
    --------
    Every second of four: the first comes with the third, never with the second.

    >>> joint_inclusion_systematic([0.5, 0.5, 0.5, 0.5])[0].tolist()
    [0.5, 0.0, 0.5, 0.0]
    """
    p, _ = whole_sum(probabilities)
    ends = np.cumsum(p)
    cuts = np.unique(np.concatenate([[0.0, 1.0], ends % 1.0]))
    # A sum that should be whole but misses it by rounding makes an interval of no length.
    widths, starts = np.diff(cuts), (cuts[:-1] + cuts[1:]) / 2
    # A start u takes unit k if u plus a whole number lies between its cumulated probabilities.
    taken = np.ceil(ends[:, None] - starts) > np.ceil((ends - p)[:, None] - starts)
    joint = (taken * widths) @ taken.T.astype(float)
    np.fill_diagonal(joint, p)
    return joint


def joint_inclusion_elimination(probabilities: ArrayLike) -> np.ndarray:
    """Exact joint probabilities (N, N) of Tille's elimination procedure.

    Units are eliminated one by one from the full list, with chances that give the probabilities of a smaller sample;
    both of a pair survive a step with 1 minus the sum of their chances. ``p_k p_l`` is never exceeded, so that the
    Sen-Yates-Grundy variance is not negative; in very small populations a pair may have 0.

    Parameters
    ----------
    probabilities : array (N,)   inclusion probabilities, 0 to 1; they sum to a whole number

    Returns
    -------
    array (N, N), symmetric; the diagonal holds the single probabilities.

    Raises
    ------
    SamplingError   a probability outside 0 to 1, or a sum that is no whole number.

    References
    ----------
    Tille (1996), Biometrika 83; Tille (2006), section 6.3.

    Examples
    --------
    With equal probabilities a simple random sample: two of four, ``n (n - 1) / (N (N - 1))`` = 1/6.

    >>> joint_inclusion_elimination([0.5, 0.5, 0.5, 0.5])[0].round(3).tolist()
    [0.5, 0.167, 0.167, 0.167]
    """
    p, _ = whole_sum(probabilities)
    joint = np.outer(p, p)
    open_ = (p > 0) & (p < 1)
    within = np.ones((int(open_.sum()),) * 2)
    for struck in elimination_chances(tuple(p[open_])):
        # Tille (1996): pi_kl is the product over all steps of 1 - r_k - r_l.
        within *= 1 - struck[:, None] - struck[None, :]
    # Rounding may give values slightly below 0.
    joint[np.ix_(open_, open_)] = np.maximum(within, 0)
    np.fill_diagonal(joint, p)
    return joint


@lru_cache(maxsize=64)
def elimination_chances(p: tuple[float, ...]) -> list[np.ndarray]:
    """The chance of each unit to be eliminated in each step (given that it is still there)."""
    sizes = range(len(p) - 1, round(sum(p)) - 1, -1)
    # Proportional to p at every size; the last step meets p itself.
    kept = [np.ones(len(p)), *(inclusion_probabilities(p, size) for size in sizes)]
    return [1 - after / before for before, after in pairwise(kept)]


def joint_inclusion_hajek(probabilities: ArrayLike) -> np.ndarray:
    """Approximate joint probabilities (N, N) of a sample of high entropy (Pareto, elimination) of any size.

    ``p_k p_l (1 - (1 - p_k)(1 - p_l) / d)`` with ``d = sum p (1 - p)``; good where d is large.

    Parameters
    ----------
    probabilities : array (N,)   inclusion probabilities, 0 to 1; they sum to a whole number

    Returns
    -------
    array (N, N), symmetric; the diagonal holds the single probabilities.

    Raises
    ------
    SamplingError   a probability outside 0 to 1, or a sum that is no whole number.

    References
    ----------
    Hajek (1964), Annals of Mathematical Statistics 35; Berger (1998), Journal of Statistical Planning and Inference 74.

    Examples
    --------
    d = 4 * 1/4 = 1, and so 1/4 * (1 - 1/4).

    >>> joint_inclusion_hajek([0.5, 0.5, 0.5, 0.5])[0].tolist()
    [0.5, 0.1875, 0.1875, 0.1875]
    """
    p, _ = whole_sum(probabilities)
    spread = float((p * (1 - p)).sum())
    # Hajek (1964), the leading term of his expansion of pi_kl.
    joint = np.outer(p, p) * (1 - np.outer(1 - p, 1 - p) / spread if spread > 0 else 1.0)
    np.fill_diagonal(joint, p)
    return joint


def joint_inclusion_pareto(probabilities: ArrayLike) -> np.ndarray:
    """Exact joint probabilities (N, N) of a Pareto sample with these target probabilities; the diagonal is exact too.

    Ranking numbers are independent with ``P(q_k <= t) = r_k t / (1 + r_k t)``, ``r_k = p_k / (1 - p_k)``. Both k and l
    are among the n smallest if at most n - 2 others lie below the larger of the two: an integral over its value.

    Parameters
    ----------
    probabilities : array (N,)   target probabilities, 0 to 1; they sum to a whole number

    Returns
    -------
    array (N, N), symmetric; the diagonal holds the single probabilities, which differ a little from their targets.

    Raises
    ------
    SamplingError   a probability outside 0 to 1, or a sum that is no whole number; more than 100 units that are neither
        certain nor impossible (use the method hajek).

    References
    ----------
    Rosen (1997), Journal of Statistical Planning and Inference 62; Aires (1999), Methodology and Computing in Applied
    Probability 1. The rule: Trefethen & Weideman (2014), SIAM Review 56.

    Examples
    --------
    With equal probabilities a simple random sample: two of four, ``n (n - 1) / (N (N - 1))`` = 1/6.

    >>> joint_inclusion_pareto([0.5, 0.5, 0.5, 0.5])[0].round(3).tolist()
    [0.5, 0.167, 0.167, 0.167]
    """
    p, _ = whole_sum(probabilities)
    open_ = (p > 0) & (p < 1)
    if open_.sum() > PARETO_MOST:
        raise SamplingError(
            "too many units for the exact joint probabilities of a Pareto sample",
            got=str(int(open_.sum())),
            expected=f"at most {PARETO_MOST}",
            hint="the method hajek is close for large samples",
        )
    within = _pareto_pairs(p[open_], round(float(p[open_].sum())))
    single = np.where(open_, 0.0, p)
    single[open_] = np.diag(within)
    joint = np.outer(single, single)
    joint[np.ix_(open_, open_)] = within
    np.fill_diagonal(joint, single)
    return joint


def _pareto_pairs(p: np.ndarray, n: int) -> np.ndarray:
    if len(p) == 0 or n == 0:
        return np.zeros((len(p), len(p)))
    # Trapezoidal rule over s = log t, t the value of a ranking number: what is integrated is analytic and falls off
    # exponentially at both ends, so the error does so with the step, also where one unit is all but certain.
    log_odds = np.log(p / (1 - p))
    s = np.arange(-log_odds.max() - PARETO_ENDS, PARETO_ENDS - log_odds.min(), PARETO_STEP)
    below = scipy.special.expit(s[:, None] + log_odds)
    # f(t) dt = F (1 - F) ds.
    density = below * (1 - below) * PARETO_STEP
    all_below = _number_below(below)
    joint = np.zeros((len(p), len(p)))
    for k in range(len(p)):
        others = _without(all_below, below[:, k])
        joint[k, k] = density[:, k] @ others[:, :n].sum(axis=1)
        for m in range(k + 1, len(p)):
            if n < 2:
                continue
            rest = _without(others, below[:, m])[:, : n - 1].sum(axis=1)
            # The larger of the two lies at t: f_k F_l + f_l F_k, times the chance that at most n - 2 others are below.
            either = density[:, k] * below[:, m] + density[:, m] * below[:, k]
            joint[k, m] = joint[m, k] = either @ rest
    return joint


def _number_below(below: np.ndarray) -> np.ndarray:
    """Distribution (points, N + 1) of how many of N independent events happen."""
    # Poisson-binomial by adding one event after another: P_k(j) = P_(k-1)(j) (1 - p_k) + P_(k-1)(j - 1) p_k.
    counts = np.zeros((len(below), below.shape[1] + 1))
    counts[:, 0] = 1.0
    for p in below.T[:, :, None]:
        counts[:, 1:] = counts[:, 1:] * (1 - p) + counts[:, :-1] * p
        counts[:, :1] *= 1 - p
    return counts


def _without(counts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The distribution with one event (of chance ``p`` at each point) taken out again, from its stable end."""
    out = np.empty((counts.shape[0], counts.shape[1] - 1))
    # counts_j = (1 - p) out_j + p out_(j-1), solved for out: upwards where p <= 1/2, else downwards.
    small, last = p <= 0.5, out.shape[1] - 1
    a, q = counts[small], p[small]
    out[small, 0] = a[:, 0] / (1 - q)
    forward = out[small]
    for j in range(1, last + 1):
        forward[:, j] = (a[:, j] - q * forward[:, j - 1]) / (1 - q)
    out[small] = forward
    b, r = counts[~small], p[~small]
    backward = out[~small]
    backward[:, last] = b[:, last + 1] / r
    for j in range(last, 0, -1):
        backward[:, j - 1] = (b[:, j] - (1 - r) * backward[:, j]) / r
    out[~small] = backward
    return out
