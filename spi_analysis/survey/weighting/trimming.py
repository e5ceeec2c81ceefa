"""Trimming extreme weights and redistributing the excess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import finite_weights
from spi_analysis.survey.weighting.inputs import limits_of
from spi_analysis.threads import np, pd

MAX_CUTS = 10_000
ROUNDING = 1e-12


# Trimming a vector of weights, and a table of weights with its replicates.


def trim_weights(
    weights: pd.Series | np.ndarray, lower: float | None = None, upper: float | None = None, strict: bool = True
) -> pd.Series:
    """Trim weights to limits; the excess is redistributed equally to the weights that were not trimmed.

    A weight of 0 stays 0: it is that of a nonrespondent.

    Parameters
    ----------
    weights : Series or array (n,)   persons
    lower, upper : float       limits, in persons
    strict : bool              repeat until no weight lies outside; else one pass, after which a
        weight may lie a little outside again

    Returns
    -------
    Series (n,) with the same sum.

    Raises
    ------
    WeightingError   a weight is missing or negative, a limit no number; the limits cannot hold the sum, or
        (``strict``) only so tightly that cutting never ends.

    References
    ----------
    Potter (1988, 1990), Proceedings of the ASA Survey Research Methods Section; Valliant, Dever & Kreuter (2018),
    Practical Tools for Designing and Weighting Survey Samples, section 14.4.

    Examples
    --------
    6 is cut to 4, and the other two share the 2 that are over:

    >>> trim_weights([1, 1, 6], upper=4).tolist()
    [2.0, 2.0, 4.0]

    One pass, which lifts a weight above the limit, and as many as it takes:

    >>> trim_weights([1.0, 3.5, 7.5], upper=4.5, strict=False).tolist()
    [2.5, 5.0, 4.5]
    >>> trim_weights([1.0, 3.5, 7.5], upper=4.5).round(6).tolist()
    [3.0, 4.5, 4.5]
    """
    low, high = limits_of(lower, upper)
    everyone = finite_weights(weights)
    if (everyone < 0).any():
        raise WeightingError(
            "a weight is negative",
            row=int((everyone < 0).argmax()) + 1,
            got=f"{everyone.min():g}",
            expected="0 or more",
        )
    counts = everyone > 0
    values, total = everyone[counts].copy(), float(everyone[counts].sum())
    n = len(values)
    if low > high or low * n > total * (1 + 1e-12) or high * n < total * (1 - 1e-12):
        raise WeightingError(
            "the limits cannot hold the sum of the weights",
            got=f"{n} weights between {low:g} and {high:g}",
            expected=f"a sum of {total:g}",
        )
    for _ in range(MAX_CUTS if strict else 1):
        cut = np.clip(values, low, high)
        # A weight outside the limits by rounding only is not trimmed again.
        outside = np.abs(cut - values) > ROUNDING * np.abs(values)
        if not outside.any():
            break
        excess = float((values - cut).sum())
        # Where all weights were trimmed, those trimmed at the other limit take the excess.
        takers = ~outside if not outside.all() else (cut < high if excess > 0 else cut > low)
        cut[takers] += excess / max(takers.sum(), 1)
        values = cut
    if strict and (np.abs(np.clip(values, low, high) - values) > ROUNDING * np.abs(values)).any():
        raise WeightingError("the limits are too tight to cut to", got=f"{low:g} to {high:g}", hint="widen the limits")
    trimmed = np.zeros_like(everyone)
    trimmed[counts] = values
    given = weights if isinstance(weights, pd.Series) else pd.Series(weights)
    return pd.Series(trimmed, index=given.index, name=given.name)


def iqr_cap(weights: np.ndarray, k: float) -> np.ndarray:
    """median + k * IQR of the positive weights of every column: (n, K) to (K,)."""
    # Sorted in one call, zeros at the end: numpy's nanquantile works column by column and is ten times slower.
    ordered, last = np.sort(np.where(weights > 0, weights, np.inf), axis=0), (weights > 0).sum(axis=0) - 1

    def quantile(share: float) -> np.ndarray:
        # Type 7 of Hyndman & Fan (1996): between the values at the places around share * (n - 1), counted from 0.
        place = share * last
        low = np.floor(place).astype(int)
        below, above = (np.take_along_axis(ordered, row[None], axis=0)[0] for row in (low, np.minimum(low + 1, last)))
        return below + (place - low) * (above - below)

    return quantile(0.5) + k * (quantile(0.75) - quantile(0.25))


def cap_with_redistribution(weights: np.ndarray, cap: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """Cap the weight of one person, and redistribute the excess to the others in proportion.

    In a bootstrap replicate a person drawn t times is there t times: the cap holds for one of these copies, so it
    applies to ``weights / multiplicity``.

    Parameters
    ----------
    weights : ndarray (n, K)        persons; columns are replicates
    cap : ndarray (K,)              persons
    multiplicity : ndarray (n, K)   how often each person stands in the replicate (1 in the sample itself)

    Returns
    -------
    ndarray (n, K) with the same column sums. A column whose total does not fit under its cap stays as it is.
    """
    counts = np.where(weights > 0, multiplicity, 0.0)
    single = np.divide(weights, counts, out=np.zeros_like(weights), where=counts > 0)
    total = weights.sum(axis=0)
    # Where the total exceeds the sum of all caps, nothing is trimmed.
    possible = cap * counts.sum(axis=0) >= total
    for _ in range(100):
        capped = np.minimum(single, cap)
        free = capped < cap
        excess = total - (capped * counts).sum(axis=0)
        room = (np.where(free, capped, 0.0) * counts).sum(axis=0)
        active = possible & (excess > ROUNDING * total) & (room > 0)
        if not active.any():
            break
        # Untrimmed weights are multiplied by 1 + excess / their sum; those above the cap after that are trimmed next.
        growth = 1 + np.divide(excess, room, out=np.zeros_like(excess), where=active)
        single = np.where(active, np.where(free, capped * growth, capped), single)
    return single * counts


def clip_weights(weights: np.ndarray, low: np.ndarray, high: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """Keep the weight of one person between limits, all others changing in proportion.

    Everybody's weight becomes ``clip(c * weight, low, high)`` with the one factor c that keeps the sum.

    Parameters
    ----------
    weights : ndarray (n, K)        persons; columns are replicates; a weight of 0 stays 0
    low, high : ndarray (K,)        persons
    multiplicity : ndarray (n, K)   how often each person stands in the replicate (1 in the sample itself)

    Returns
    -------
    ndarray (n, K) with the same column sums. A column whose total does not fit inside its limits stays as it is.
    """
    counts = np.where(weights > 0, multiplicity, 0.0)
    single = np.divide(weights, counts, out=np.zeros_like(weights), where=counts > 0)
    held = weights.copy()
    for k in range(weights.shape[1]):
        mine = counts[:, k] > 0
        if is_feasible(weights[:, k], counts[:, k], low[k], high[k]):
            held[mine, k] = counts[mine, k] * _clipped(single[mine, k], counts[mine, k], low[k], high[k])
    return held


def is_feasible(weights: np.ndarray, counts: np.ndarray, low: float, high: float) -> bool:
    """Whether the limits can hold the sum of the weights (n,), with so many copies of each (n,)."""
    people, total = float(counts[weights > 0].sum()), float(weights.sum())
    return low <= high and low * people <= total * (1 + 1e-12) and total <= high * people * (1 + 1e-12)


def _clipped(single: np.ndarray, counts: np.ndarray, low: float, high: float) -> np.ndarray:
    """clip(c * single, low, high) with c such that the sum is kept: the sum is piecewise linear in c, so c is exact."""
    total = float(single @ counts)
    bends = np.unique(np.concatenate([[1.0], low / single, high / single]))
    bends = bends[np.isfinite(bends) & (bends > 0)]
    # The sum grows with c: bisection over its kinks until c lies between two of them.
    first, last = 0, len(bends) - 1
    while last - first > 1:
        middle = (first + last) // 2
        if float(np.clip(bends[middle] * single, low, high) @ counts) <= total:
            first = middle
        else:
            last = middle
    for c in (bends[first], bends[last]):
        at = np.clip(c * single, low, high)
        if abs(float(at @ counts) - total) <= ROUNDING * total:
            return at
    # Between two kinks the trimmed weights are the same, so that c = (total - sum of the cut) / (sum of the free
    # weights).
    inside = np.clip((bends[first] + bends[last]) / 2 * single, low, high)
    free = (inside > low) & (inside < high)
    left = total - float(inside[~free] @ counts[~free])
    return np.clip(left / float(single[free] @ counts[free]) * single, low, high)


# Where to trim extreme weights: the cut-off with the least estimated mean square error (Potter 1990).
#
# For a cut-off c the weights above c are set to c and the excess is spread over the others in
# proportion. Sorted by size, the trimmed weights come first in the list and all others have one factor, so
# running sums give every moment at every cut-off.


class Cutoff(NamedTuple):
    """The chosen cap on one person's weight (inf: nothing is cut), and its MSE relative to no trimming."""

    cap: float
    relative_mse: float


@dataclass(frozen=True)
class _Sorted:
    """People with weight, the heaviest first: weight of one copy, number of copies, both (n,)."""

    single: np.ndarray
    copies: np.ndarray

    @property
    def total(self) -> float:
        return float(self.single @ self.copies)

    def cut_and_growth(self, caps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many are cut at each cap (T,), and the factor by which the others grow (T,)."""
        weight = self.single * self.copies
        # With k cut, the others grow by (total - cap * copies of the cut) / weight of the others.
        before = np.concatenate([[0.0], np.cumsum(self.copies)])
        rest = np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])
        # The cap at which the weight of the next person equals the cap.
        reached = self.total * self.single / (rest[:-1] + self.single * before[:-1])
        cut = np.searchsorted(-reached, -caps, side="left")
        return cut, (self.total - caps * before[cut]) / np.maximum(rest[cut], 1e-300)


def potter_cutoff(weights: np.ndarray, multiplicity: np.ndarray, outcomes: np.ndarray, levels: int = 50) -> Cutoff:
    """The cap with the least mean relative MSE of the weighted means of the outcomes.

    At every cap t and for every outcome, with m_t and m_0 the means after and before trimming,
    ``MSE_t = V(m_t) + max(0, (m_t - m_0)**2 - V(m_t - m_0))``: the squared bias is the squared difference less its own
    variance. Variances are those of linearised means drawn with replacement.

    Parameters
    ----------
    weights : ndarray (n,)        persons; 0: does not count
    multiplicity : ndarray (n,)   how often each person stands in the replicate (1 in the sample itself)
    outcomes : ndarray (n, V)     values; nan: not asked or not answered, left out of that outcome's mean
    levels : int                  caps tried, evenly from the largest weight (nothing cut) towards the mean weight

    Returns
    -------
    Cutoff. Where several caps are equally good the highest is taken.

    References
    ----------
    Potter (1990), Proceedings of the ASA Survey Research Methods Section, 225-230; Cox & McGrath (1981),
    Proceedings of the ASA Survey Research Methods Section (the estimator of MSE).
    """
    counts = (weights > 0) & (multiplicity > 0)
    single = weights[counts] / multiplicity[counts]
    order = np.argsort(-single, kind="stable")
    people = _Sorted(single[order], multiplicity[counts][order])
    mean = people.total / max(people.copies.sum(), 1e-300)
    largest = float(people.single[0]) if len(order) else 0.0
    if largest <= mean * (1 + 1e-12):
        return Cutoff(np.inf, 1.0)
    # The first cap is the largest weight itself: no trimming.
    caps = mean + (largest - mean) * np.arange(levels, 0, -1) / levels
    cut, growth = people.cut_and_growth(caps)
    relative = [
        mse / mse[0] for values in outcomes[counts][order].T if (mse := _mse(people, values, caps, cut, growth))[0] > 0
    ]
    if not relative:
        return Cutoff(np.inf, 1.0)
    score = np.mean(relative, axis=0)
    best = int(np.flatnonzero(score <= score.min() * (1 + 1e-12))[0])
    return Cutoff(np.inf if best == 0 else float(caps[best]), float(score[best]))


def _mse(people: _Sorted, values: np.ndarray, caps: np.ndarray, cut: np.ndarray, growth: np.ndarray) -> np.ndarray:
    """Estimated MSE of the mean of one outcome at every cap (T,)."""
    known = np.isfinite(values)
    copies, single = np.where(known, people.copies, 0.0), people.single
    n = copies.sum()
    if n <= 1 or not known.any():
        return np.zeros(len(caps))
    # Centred first for numerical precision.
    y = np.where(known, values - (single * copies) @ np.where(known, values, 0.0) / (single @ copies), 0.0)

    def cut_and_rest(j: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums of single**j * y**k over the copies of those cut at each cap, and of the others: (T,) each."""
        terms = copies * single**j * y**k
        forward, backward = np.cumsum(terms), np.cumsum(terms[::-1])[::-1]
        return np.append(0.0, forward)[cut], np.append(backward, 0.0)[cut]

    of_cut = {(j, k): cut_and_rest(j, k)[0] for j in (0, 1) for k in (0, 1, 2)}
    of_rest = {(j, k): cut_and_rest(j, k)[1] for j in (1, 2) for k in (0, 1, 2)}
    # Moments after trimming at each cap: weights are the cap for those cut, growth * single for the others.
    size = caps * of_cut[0, 0] + growth * of_rest[1, 0]
    mean = (caps * of_cut[0, 1] + growth * of_rest[1, 1]) / size
    about = {0: mean**2, 1: -2 * mean, 2: np.ones_like(mean)}
    squares = sum(about[k] * (caps**2 * of_cut[0, k] + growth**2 * of_rest[2, k]) for k in about)
    products = sum(
        part * (caps * of_cut[1, k] + growth * of_rest[2, k]) for k, part in ((1, -mean), (2, np.ones_like(mean)))
    )
    # Variances with replacement, n/(n-1) sum w**2 (y - mean)**2 / (sum w)**2; y is centred, so the mean before is 0.
    total, factor = float(single @ copies), n / (n - 1)
    at_start = float((copies * single**2) @ y**2) / total**2
    variance = factor * squares / size**2
    # V(m_t - m_0) = V(m_t) + V(m_0) - 2 Cov(m_t, m_0), and MSE_t as in ``potter_cutoff``.
    of_difference = variance + factor * (at_start - 2 * products / (size * total))
    return variance + np.maximum(mean**2 - of_difference, 0.0)
