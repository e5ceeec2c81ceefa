"""First-order inclusion probabilities proportional to size, with certainty units."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError

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
