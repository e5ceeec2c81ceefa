"""Joint inclusion probabilities: how often two units are in the sample together. The diagonal holds the single ones."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError
from spi_analysis.sampling.inclusion import inclusion_probabilities, whole_sum

# Points of the integral over the n-th smallest ranking number: the integrand is a rational function of it.
PARETO_POINTS = 200
# The exact probabilities of a Pareto sample take time of the order N**3 * points.
PARETO_MOST = 100


def joint_inclusion_systematic(probabilities: ArrayLike) -> np.ndarray:
    """Exact joint probabilities (N, N) of systematic sampling in the order given, with a random start.

    The sample changes only where the start passes the fractional part of a cumulated probability.
    Many pairs never come together, so that no unbiased variance exists.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 3.6.2; Tille (2006), section 7.2.
    """
    p, _ = whole_sum(probabilities)
    ends = np.cumsum(p)
    cuts = np.unique(np.concatenate([[0.0, 1.0], ends % 1.0]))
    # A sum that should be whole but misses it by rounding makes an interval of no length.
    widths, starts = np.diff(cuts), (cuts[:-1] + cuts[1:]) / 2
    taken = np.ceil(ends[:, None] - starts) > np.ceil((ends - p)[:, None] - starts)
    joint = (taken * widths) @ taken.T.astype(float)
    np.fill_diagonal(joint, p)
    return joint


def joint_inclusion_elimination(probabilities: ArrayLike) -> np.ndarray:
    """Exact joint probabilities (N, N) of Tille's elimination procedure.

    From all units one after another is struck out, with chances that leave the probabilities of a
    smaller sample; both of a pair survive a step with 1 minus the sum of their chances. ``p_k p_l`` is never
    exceeded, so that the Sen-Yates-Grundy variance is not negative; in very small populations a pair may have 0.

    References
    ----------
    Tille (1996), Biometrika 83; Tille (2006), section 6.3.
    """
    p, _ = whole_sum(probabilities)
    joint = np.outer(p, p)
    open_ = (p > 0) & (p < 1)
    within = np.ones((int(open_.sum()),) * 2)
    for struck in elimination_chances(tuple(p[open_])):
        within *= 1 - struck[:, None] - struck[None, :]
    # Rounding may leave a hair below 0.
    joint[np.ix_(open_, open_)] = np.maximum(within, 0)
    np.fill_diagonal(joint, p)
    return joint


@lru_cache(maxsize=64)
def elimination_chances(p: tuple[float, ...]) -> list[np.ndarray]:
    """Of each step of the elimination: the chance of each unit to be the one struck out (given that it is there)."""
    sizes = range(len(p) - 1, round(sum(p)) - 1, -1)
    # Proportional to p at every size; the last step meets p itself.
    kept = [np.ones(len(p)), *(inclusion_probabilities(p, size) for size in sizes)]
    return [1 - after / before for before, after in pairwise(kept)]


def joint_inclusion_hajek(probabilities: ArrayLike) -> np.ndarray:
    """Approximate joint probabilities (N, N) of a sample of high entropy (Pareto, elimination) of any size.

    ``p_k p_l (1 - (1 - p_k)(1 - p_l) / d)`` with ``d = sum p (1 - p)``; good where d is large.

    References
    ----------
    Hajek (1964), Annals of Mathematical Statistics 35; Berger (1998), Journal of Statistical Planning and Inference 74.
    """
    p, _ = whole_sum(probabilities)
    spread = float((p * (1 - p)).sum())
    joint = np.outer(p, p) * (1 - np.outer(1 - p, 1 - p) / spread if spread > 0 else 1.0)
    np.fill_diagonal(joint, p)
    return joint


def joint_inclusion_pareto(probabilities: ArrayLike) -> np.ndarray:
    """Exact joint probabilities (N, N) of a Pareto sample with these target probabilities; the diagonal is exact too.

    Ranking numbers are independent with ``P(q_k <= t) = r_k t / (1 + r_k t)``, ``r_k = p_k / (1 - p_k)``. Both k and l
    are among the n smallest if at most n - 2 others lie below the larger of the two: an integral over its value.

    Raises
    ------
    SamplingError   more than 100 units that are neither certain nor impossible (use ``joint_inclusion_hajek``).

    References
    ----------
    Rosen (1997), Journal of Statistical Planning and Inference 62; Aires (1999), Methodology and Computing in Applied
    Probability 4.
    """
    p, _ = whole_sum(probabilities)
    open_ = (p > 0) & (p < 1)
    if open_.sum() > PARETO_MOST:
        raise SamplingError(
            "too many units for the exact joint probabilities of a Pareto sample",
            got=str(int(open_.sum())),
            expected=f"at most {PARETO_MOST}",
            hint="joint_inclusion_hajek is close for large samples",
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
    points, weights = np.polynomial.legendre.leggauss(PARETO_POINTS)
    share = (points + 1) / 2
    # t = w / (1 - w) sends the half line to (0, 1); its derivative is (1 + t)**2.
    t, weights = share / (1 - share), weights / 2 / (1 - share) ** 2
    odds = p / (1 - p)
    below = odds * t[:, None] / (1 + odds * t[:, None])
    density = odds / (1 + odds * t[:, None]) ** 2
    all_below = _number_below(below)
    joint = np.zeros((len(p), len(p)))
    for k in range(len(p)):
        others = _without(all_below, below[:, k])
        joint[k, k] = weights @ (density[:, k] * others[:, :n].sum(axis=1))
        for m in range(k + 1, len(p)):
            if n < 2:
                continue
            rest = _without(others, below[:, m])[:, : n - 1].sum(axis=1)
            either = density[:, k] * below[:, m] + density[:, m] * below[:, k]
            joint[k, m] = joint[m, k] = weights @ (either * rest)
    return joint


def _number_below(below: np.ndarray) -> np.ndarray:
    """Distribution (points, N + 1) of how many of N independent events happen."""
    counts = np.zeros((len(below), below.shape[1] + 1))
    counts[:, 0] = 1.0
    for p in below.T[:, :, None]:
        counts[:, 1:] = counts[:, 1:] * (1 - p) + counts[:, :-1] * p
        counts[:, :1] *= 1 - p
    return counts


def _without(counts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The distribution with one event (of chance ``p`` at each point) taken out again, from its stable end."""
    out = np.empty((counts.shape[0], counts.shape[1] - 1))
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
