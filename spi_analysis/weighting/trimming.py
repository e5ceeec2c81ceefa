"""Cutting extreme weights and giving the excess to the others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.inputs import finite_weights, limits_of

MAX_CUTS = 10_000
ROUNDING = 1e-12


def trim_weights(
    weights: pd.Series | np.ndarray, lower: float | None = None, upper: float | None = None, strict: bool = True
) -> pd.Series:
    """Bring weights inside limits; what is cut off is shared equally by those that were not cut.

    A weight of 0 stays 0: it belongs to somebody who does not count (a nonrespondent).

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
    Potter (1988, 1990); Valliant, Dever & Kreuter (2018), section 14.4.
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
        # A weight that lies outside by rounding only is not cut again.
        outside = np.abs(cut - values) > ROUNDING * np.abs(values)
        if not outside.any():
            break
        excess = float((values - cut).sum())
        # Where everybody was cut, those cut at the other end take it.
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
    # Sorted at once, what does not count at the end: numpy's nanquantile goes column by column, ten times slower.
    ordered, last = np.sort(np.where(weights > 0, weights, np.inf), axis=0), (weights > 0).sum(axis=0) - 1

    def quantile(share: float) -> np.ndarray:
        place = share * last
        low = np.floor(place).astype(int)
        below, above = (np.take_along_axis(ordered, row[None], axis=0)[0] for row in (low, np.minimum(low + 1, last)))
        return below + (place - low) * (above - below)

    return quantile(0.5) + k * (quantile(0.75) - quantile(0.25))


def cap_with_redistribution(weights: np.ndarray, cap: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """Cap the weight that one person carries, and spread the excess over the others in proportion.

    In a bootstrap replicate a person drawn t times stands there t times: the cap is for one
    of these copies, so it applies to ``weights / multiplicity``.

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
    # Where not even everybody at the cap would carry the total, nothing is cut.
    possible = cap * counts.sum(axis=0) >= total
    for _ in range(100):
        capped = np.minimum(single, cap)
        free = capped < cap
        excess = total - (capped * counts).sum(axis=0)
        room = (np.where(free, capped, 0.0) * counts).sum(axis=0)
        active = possible & (excess > ROUNDING * total) & (room > 0)
        if not active.any():
            break
        growth = 1 + np.divide(excess, room, out=np.zeros_like(excess), where=active)
        single = np.where(active, np.where(free, capped * growth, capped), single)
    return single * counts


def hold_between(weights: np.ndarray, low: np.ndarray, high: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """Keep the weight that one person carries between limits, all others moving in proportion.

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
        if fits(weights[:, k], counts[:, k], low[k], high[k]):
            held[mine, k] = counts[mine, k] * _clipped(single[mine, k], counts[mine, k], low[k], high[k])
    return held


def fits(weights: np.ndarray, counts: np.ndarray, low: float, high: float) -> bool:
    """Whether the limits can hold the sum of the weights (n,), with so many copies of each (n,)."""
    people, total = float(counts[weights > 0].sum()), float(weights.sum())
    return low <= high and low * people <= total * (1 + 1e-12) and total <= high * people * (1 + 1e-12)


def _clipped(single: np.ndarray, counts: np.ndarray, low: float, high: float) -> np.ndarray:
    """clip(c * single, low, high) with c such that the sum is kept: exact between the points where it bends."""
    total = float(single @ counts)
    bends = np.unique(np.concatenate([[1.0], low / single, high / single]))
    bends = bends[np.isfinite(bends) & (bends > 0)]
    # The sum grows with c: halve the list of bends until c stands between two of them.
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
    inside = np.clip((bends[first] + bends[last]) / 2 * single, low, high)
    free = (inside > low) & (inside < high)
    left = total - float(inside[~free] @ counts[~free])
    return np.clip(left / float(single[free] @ counts[free]) * single, low, high)
