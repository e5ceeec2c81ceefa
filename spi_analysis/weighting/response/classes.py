"""Classes of people who are about as likely to answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.sampling.shares import ROUNDING
from spi_analysis.weighting.inputs import is_whole, weights_of


def propensity_classes(propensity: pd.Series, n_classes: int = 5, weight: pd.Series | None = None) -> pd.Series:
    """Classes of about equal size between the quantiles of the propensities.

    Parameters
    ----------
    propensity : Series (n,)   NaN: outside, gets no class
    n_classes : int            2 or more
    weight : Series (n,) or None   persons that each row stands for; a weight of 2 counts as two rows

    Returns
    -------
    Series (n,) of Int64, name ``propensity_class``: 1 (least likely to answer) to ``n_classes``; fewer classes where
    quantiles coincide. A class holds its upper limit (quantiles of type 7, cut with include.lowest = TRUE in R).

    Raises
    ------
    WeightingError   ``n_classes`` below 2, a weight missing or negative, nobody with a propensity.

    References
    ----------
    Hyndman & Fan (1996), The American Statistician 50, type 7; Rosenbaum & Rubin (1984), JASA 79 (five classes);
    Valliant, Dever & Kreuter (2018), section 13.5.
    """
    values = propensity.to_numpy(dtype=float)
    counts = np.ones(len(values)) if weight is None else weights_of(weight.to_frame("weight"), "weight")
    known = np.isfinite(values)
    inside = known & (counts > 0)
    if not is_whole(n_classes) or n_classes < 2 or not inside.any():
        raise WeightingError(
            "classes cannot be formed",
            got=f"{n_classes} classes of {int(inside.sum())} people",
            expected="two classes or more, and someone with a propensity",
        )
    limits = class_limits(values[inside, None], counts[inside, None], n_classes)
    raw = classes_between(values[known, None], limits)[:, 0]
    classes = pd.Series(pd.NA, index=propensity.index, dtype="Int64", name="propensity_class")
    classes[known] = np.unique(raw, return_inverse=True)[1] + 1
    return classes


def class_limits(values: np.ndarray, counts: np.ndarray, n_classes: int) -> np.ndarray:
    """Quantiles 1/C ... (C-1)/C of every column of ``values`` (m, K), each row counted ``counts`` times: (C-1, K)."""
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    upto = np.cumsum(np.take_along_axis(counts, order, axis=0), axis=0)

    def value_at(rank: np.ndarray) -> np.ndarray:
        row = np.minimum((upto < rank * (1 - ROUNDING)).sum(axis=0), len(ranked) - 1)
        return np.take_along_axis(ranked, row[None], axis=0)[0]

    limits = []
    for k in range(1, n_classes):
        place = 1 + (upto[-1] - 1) * k / n_classes
        # A whole number up to rounding is meant as one.
        whole = np.abs(place - np.rint(place)) <= ROUNDING * place
        low = np.where(whole, np.rint(place), np.floor(place))
        below, above = value_at(low), value_at(np.minimum(low + 1, upto[-1]))
        limits.append(below + np.where(whole, 0.0, place - low) * (above - below))
    return np.array(limits)


def classes_between(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Class 0 ... C-1 of ``values`` (m, K): how many of the limits (C-1, K) each value exceeds, by more than rounding.

    People who are alike in all that the model knows have one propensity; computed row by row it may differ in the last
    digit, which must not part them.
    """
    return np.sum([values > limit + ROUNDING * np.abs(limit) for limit in limits], axis=0, dtype=int)
