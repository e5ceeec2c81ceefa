"""The Horvitz-Thompson total of a sample with unequal probabilities, and its variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError


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
