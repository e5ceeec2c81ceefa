"""Cutting extreme weights and giving the excess to the others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError


def trim_weights(
    weights: pd.Series, lower: float | None = None, upper: float | None = None, strict: bool = True
) -> pd.Series:
    """Bring weights inside limits; what is cut off is shared equally by those that were not cut.

    Parameters
    ----------
    weights : Series (n,)      persons
    lower, upper : float       limits, in persons
    strict : bool              repeat until no weight lies outside; else one pass, after which a
        weight may lie a little outside again

    Returns
    -------
    Series (n,) with the same sum.

    Raises
    ------
    WeightingError   the limits cannot hold the sum.

    References
    ----------
    Potter (1988, 1990); Valliant, Dever & Kreuter (2018), section 14.4.
    """
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    values, total = weights.to_numpy(dtype=float).copy(), float(weights.sum())
    n = len(values)
    if low > high or low * n > total * (1 + 1e-12) or high * n < total * (1 - 1e-12):
        raise WeightingError(
            "the limits cannot hold the sum of the weights",
            got=f"{n} weights between {low:g} and {high:g}",
            expected=f"a sum of {total:g}",
        )
    for _ in range(1000 if strict else 1):
        cut = np.clip(values, low, high)
        outside = cut != values
        if not outside.any():
            break
        inside = ~outside
        if not inside.any():
            raise WeightingError("every weight lies outside the limits", got=f"{low:g} to {high:g}")
        cut[inside] += (values - cut).sum() / inside.sum()
        values = cut
    return pd.Series(values, index=weights.index, name=weights.name)


def iqr_cap(weights: np.ndarray, k: float) -> np.ndarray:
    """median + k * IQR of the positive weights of every column: (n, K) to (K,)."""
    positive = np.where(weights > 0, weights, np.nan)
    q25, q50, q75 = np.nanquantile(positive, [0.25, 0.5, 0.75], axis=0)
    return q50 + k * (q75 - q25)


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
    ndarray (n, K) with the same column sums.
    """
    counts = np.where(weights > 0, multiplicity, 0.0)
    single = np.divide(weights, counts, out=np.zeros_like(weights), where=counts > 0)
    total = weights.sum(axis=0)
    for _ in range(100):
        capped = np.minimum(single, cap)
        free = capped < cap
        excess = total - (capped * counts).sum(axis=0)
        room = (np.where(free, capped, 0.0) * counts).sum(axis=0)
        if np.all(excess <= 1e-12 * total) or np.any(room <= 0):
            break
        single = np.where(free, capped * (1 + excess / room), capped)
    return single * counts
