"""Selection with probability proportional to size, without replacement, of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.sampling.random_numbers import numbers_for
from spi_analysis.survey.sampling.selection import _sizes, _strata

# First-order inclusion probabilities proportional to size, with certainty units.

# How far a sum of probabilities may be from a whole number, as rounding leaves it.
_WHOLE = 1e-9


def inclusion_probabilities(sizes: ArrayLike, n: int) -> np.ndarray:
    """Probabilities ``n x_k / sum(x)``; units that would exceed 1 are taken for certain and the rest shared anew.

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


# Joint inclusion probabilities: how often two units are in the sample together. The diagonal holds the single ones.

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


# Given probabilities, the number to be drawn, a random start and a random number per unit: which units are drawn.
Picker = Callable[[np.ndarray, int, float, np.ndarray], np.ndarray]


def select_pps(
    frame: pd.DataFrame,
    n: int | Mapping[str, int] | pd.Series,
    size: str,
    stratum: str | None = None,
    method: str = "systematic",
    seed: int = 1,
    prn: str | None = None,
    order: str | list[str] | None = None,
    random_order: bool = False,
) -> pd.DataFrame:
    """Sampling with probability proportional to size in every stratum.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per unit
    n : int, or mapping stratum -> int   how many
    size : str                   column with the size measure, 0 or more; a unit of size 0 is never drawn
    stratum : str or None        column; None for one stratum
    method : str
        systematic (random start, in the order of the frame or by ``order``); pareto (Rosen: order
        sampling); elimination (Tille: exact joint probabilities, for some hundred units)
    seed : int                   fixes the random numbers, apart for each stratum
    prn : str or None            column with random numbers in (0, 1), one per unit, instead of the seed (pareto;
        and for the random order of systematic): the order of rows then changes nothing, and rounds can be co-ordinated
    order : column(s) or None    sort by these first, so that the sample spreads over them (systematic)
    random_order : bool          put units in random order first (systematic)

    Returns
    -------
    The selected rows in the order of the frame, with ``pop_size`` (units of the stratum) and ``inclusion_prob``:
    ``n x / sum(x)``, 1 for units that are larger than a share of 1/n. For pareto these are target
    probabilities, which it meets up to terms that vanish with n (``joint_inclusion_pareto`` has the exact ones).

    Raises
    ------
    SamplingError   unknown method; a size measure, stratum or random number is missing; n does not fit.

    References
    ----------
    Rosen (1997), Journal of Statistical Planning and Inference 62; Tille (2006), Sampling Algorithms; Tille (1996),
    Biometrika 83.
    """
    pickers: dict[str, Picker] = {"systematic": _systematic, "pareto": _pareto, "elimination": _elimination}
    if method not in pickers:
        raise SamplingError("unknown method", got=method, expected=", ".join(pickers), hint=nearest(method, pickers))
    by = [order] if isinstance(order, str) else list(order or [])
    require_columns(frame, [size, *([stratum] if stratum else []), *([prn] if prn else []), *by], SamplingError)
    own_numbers = _own_numbers(frame, prn)
    strata = _strata(frame, stratum)
    sizes, wanted = _measures(frame, size), _sizes(n, strata)
    _check_room(strata, sizes, wanted)
    chosen, probability = np.zeros(len(frame), dtype=bool), np.zeros(len(frame))
    line = _line(frame, by)
    for name, found in strata.groupby(strata.to_numpy()).indices.items():
        members = np.asarray(found)
        at = members[np.argsort(line[members], kind="stable")]
        seeded = numbers_for(seed, str(name), len(at) + 1)
        numbers = seeded[1:] if own_numbers is None else own_numbers[at]
        if random_order and method == "systematic":
            at = at[np.argsort(numbers, kind="stable")]
        probability[at] = inclusion_probabilities(sizes[at], wanted[str(name)])
        chosen[at] = _with_certain(probability[at], float(seeded[0]), numbers, pickers[method])
    counts = strata.map(strata.value_counts()).to_numpy(dtype=int)
    return frame[chosen].assign(pop_size=counts[chosen], inclusion_prob=probability[chosen])


def _with_certain(p: np.ndarray, start: float, numbers: np.ndarray, pick: Picker) -> np.ndarray:
    """Certainty units are in, units without size are out, the others are picked."""
    chosen, open_ = p >= 1, (p > 0) & (p < 1)
    if open_.any():
        chosen[open_] = pick(p[open_], round(float(p[open_].sum())), start, numbers[open_])
    return chosen


def _systematic(p: np.ndarray, n: int, start: float, _: np.ndarray) -> np.ndarray:
    ends = np.cumsum(p)
    # Rounding must not lose the last one.
    ends[-1] = n
    return np.diff(np.ceil(ends - start), prepend=0) > 0


def _pareto(p: np.ndarray, n: int, _: float, numbers: np.ndarray) -> np.ndarray:
    ranking = numbers / (1 - numbers) * (1 - p) / p
    chosen = np.zeros(len(p), dtype=bool)
    chosen[np.argsort(ranking, kind="stable")[:n]] = True
    return chosen


def _elimination(p: np.ndarray, _: int, __: float, numbers: np.ndarray) -> np.ndarray:
    left = np.ones(len(p), dtype=bool)
    for struck, number in zip(elimination_chances(tuple(p)), numbers, strict=False):
        passed = np.cumsum(np.where(left, struck, 0.0))
        left[int(np.searchsorted(passed, number * passed[-1], side="right"))] = False
    return left


def _line(frame: pd.DataFrame, by: list[str]) -> np.ndarray:
    """The place of every row when the frame is sorted (ties stay in the order of the frame)."""
    line = np.arange(len(frame))
    if by:
        sorted_rows = frame[by].reset_index(drop=True).sort_values(by, kind="stable").index.to_numpy()
        line[sorted_rows] = np.arange(len(frame))
    return line


def _own_numbers(frame: pd.DataFrame, prn: str | None) -> np.ndarray | None:
    if prn is None:
        return None
    numbers = frame[prn].to_numpy(dtype=float)
    if not ((numbers > 0) & (numbers < 1)).all():
        raise SamplingError("a random number is missing or outside 0 to 1", column=prn, expected="numbers in (0, 1)")
    return numbers


def _measures(frame: pd.DataFrame, size: str) -> np.ndarray:
    values = pd.to_numeric(frame[size], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise SamplingError(
            "a size measure is missing or negative",
            column=size,
            row=int(bad.argmax()) + 1,
            got=f"{frame[size].iloc[int(bad.argmax())]} ({int(bad.sum())} rows in all)",
            expected="0 or more",
        )
    return values


def _check_room(strata: pd.Series, sizes: np.ndarray, wanted: Mapping[str, int]) -> None:
    with_size = pd.Series(sizes > 0).groupby(strata.to_numpy()).sum()
    problems = [
        Problem(
            "fewer units have a size than are to be drawn",
            key=f"stratum {name}",
            got=str(wanted[str(name)]),
            expected=f"at most {count}",
        )
        for name, count in with_size.items()
        if wanted[str(name)] > count
    ]
    if problems:
        raise SamplingError(*problems)


# The Horvitz-Thompson total of a sample with unequal probabilities, and its variance.


@dataclass(frozen=True)
class Total:
    """``variance`` may come out negative where joint probabilities are badly spread; it is not cut off."""

    estimate: float
    variance: float


def horvitz_thompson(values: ArrayLike, inclusion_prob: ArrayLike, joint: ArrayLike | None = None) -> Total:
    """Total ``sum(y / p)`` of a fixed-size sample without replacement.

    Parameters
    ----------
    values, inclusion_prob : array (n,)   of the sampled units
    joint : array (n, n) or None   joint inclusion probabilities of the sampled units: Sen-Yates-Grundy variance.
        None: Hajek's approximation, which needs none (samples of high entropy: Pareto, elimination)

    Raises
    ------
    SamplingError   a probability outside (0, 1]; a pair that could not have come together (systematic samples).

    References
    ----------
    Horvitz & Thompson (1952), JASA 47; Sen (1953); Yates & Grundy (1953); Hajek (1964); Tille (2006), ch. 7.
    """
    y, p = np.asarray(values, dtype=float), np.asarray(inclusion_prob, dtype=float)
    bad = ~((p > 0) & (p <= 1))
    if bad.any() or y.shape != p.shape:
        raise SamplingError(
            "an inclusion probability is out of range" if bad.any() else "values and probabilities differ in length",
            row=int(bad.argmax()) + 1 if bad.any() else None,
            got=str(p[bad][0]) if bad.any() else f"{y.shape} and {p.shape}",
            expected="above 0, at most 1" if bad.any() else "one probability for each value",
        )
    expanded = y / p
    variance = _hajek(expanded, p) if joint is None else _sen_yates_grundy(expanded, p, np.asarray(joint, dtype=float))
    return Total(float(expanded.sum()), variance)


def _sen_yates_grundy(expanded: np.ndarray, p: np.ndarray, joint: np.ndarray) -> float:
    apart = ~np.eye(len(p), dtype=bool)
    if joint.shape != (len(p), len(p)) or not (joint[apart] > 0).all():
        raise SamplingError(
            "the joint probabilities do not fit the sample",
            got=str(joint.shape) if joint.shape != (len(p), len(p)) else "a pair with probability 0",
            expected=f"{len(p)} x {len(p)}, above 0",
            hint="a systematic sample has no unbiased variance; joint=None approximates that of a random order",
        )
    weight = np.divide(np.outer(p, p), joint, out=np.ones_like(joint), where=apart) - 1
    return float((weight * (expanded[:, None] - expanded[None, :]) ** 2).sum() / 2)


def _hajek(expanded: np.ndarray, p: np.ndarray) -> float:
    """n/(n-1) sum (1-p) (y/p - A)**2, A the mean of y/p weighed by 1-p; certainty units add nothing."""
    open_ = p < 1
    n = int(open_.sum())
    if n == 0:
        return 0.0
    if n == 1:
        raise SamplingError("one unit alone shows no variance", got="1 unit below certainty", expected="at least 2")
    weight = 1 - p[open_]
    centre = weight @ expanded[open_] / weight.sum()
    return float(n / (n - 1) * (weight @ (expanded[open_] - centre) ** 2))
