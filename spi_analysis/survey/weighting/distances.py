"""Distances between old and new weights, each by its function g(u) = new/old weight.

References: Deville & Sarndal (1992), JASA 87, cases 1 (linear), 2 (raking), 6 (logit) and 7 (truncated linear).
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import numpy as np

from spi_analysis.errors import WeightingError, nearest

METHODS = ("linear", "raking", "logit")
Bounds = tuple[float, float]


class Values(NamedTuple):
    """At predictors u (n,): g(u), its slope, and its integral (the dual objective). g(0) = g'(0) = 1."""

    g: np.ndarray
    slope: np.ndarray
    integral: np.ndarray


class Distance(NamedTuple):
    """``at`` gives the values at u; ``limits`` is where g stays; ``is_quadratic``: one Newton step is exact."""

    at: Callable[[np.ndarray], Values]
    limits: Bounds
    is_quadratic: bool = False


def distance_of(method: str, bounds: Bounds | None) -> Distance:
    """The distance of a method; bounds make ``linear`` the truncated form and are needed by ``logit``.

    Raises
    ------
    WeightingError   an unknown method; bounds that do not contain 1, that are missing or infinite (logit) or that are
        given where there are none (raking).
    """
    if method not in METHODS:
        raise WeightingError("unknown method", got=method, expected=", ".join(METHODS), hint=nearest(method, METHODS))
    if bounds is not None and not _contain_one(bounds):
        raise WeightingError("the bounds do not contain 1", got=str(bounds), expected="two numbers, low < 1 < high")
    if method == "raking":
        if bounds is not None:
            raise WeightingError("raking has no bounds", got=str(bounds), expected='method="logit" with bounds')
        return Distance(_raking, (0.0, np.inf))
    if method == "logit":
        if bounds is None or not np.isfinite(bounds).all():
            raise WeightingError("the logit method needs bounds", got=str(bounds), expected="(low, high), both finite")
        return Distance(_logit(*bounds), bounds)
    if bounds is None:
        return Distance(_linear, (-np.inf, np.inf), is_quadratic=True)
    return Distance(_truncated(*bounds), bounds)


def _contain_one(bounds: Bounds) -> bool:
    usable = np.shape(bounds) == (2,) and all(isinstance(bound, Real) for bound in bounds)
    return usable and bounds[0] < 1 < bounds[1]


def _linear(u: np.ndarray) -> Values:
    # Case 1: g(u) = 1 + u.
    return Values(1 + u, np.ones_like(u), u + u * u / 2)


def _raking(u: np.ndarray) -> Values:
    # Case 2: g(u) = exp(u).
    with np.errstate(over="ignore"):
        grown = np.exp(u)
    return Values(grown, grown, grown)


def _truncated(low: float, high: float) -> Callable[[np.ndarray], Values]:
    # Case 7: g(u) = 1 + u, cut off at the bounds; its slope is 0 there.
    def at(u: np.ndarray) -> Values:
        inside = np.clip(u, low - 1, high - 1)
        return Values(1 + inside, (inside == u).astype(float), u + inside * (u - inside / 2))

    return at


def _logit(low: float, high: float) -> Callable[[np.ndarray], Values]:
    # Case 6, with A = (U - L) / ((1 - L)(U - 1)): g(u) = (L(U - 1) + U(1 - L)exp(Au)) / (U - 1 + (1 - L)exp(Au)).
    a = (high - low) / ((1 - low) * (high - 1))
    start = np.log((1 - low) / (high - 1))

    def at(u: np.ndarray) -> Values:
        # The share of the way from low to high is 1/(1 + exp(-v)); written so that exp never overflows.
        v = start + a * u
        small = np.exp(-np.abs(v))
        share = np.where(v > 0, 1.0, small) / (1 + small)
        softplus = np.maximum(v, 0) + np.log1p(small) + np.log(high - 1)
        return Values(
            low + (high - low) * share,
            (high - low) * a * small / (1 + small) ** 2,
            low * u + (high - low) / a * softplus,
        )

    return at
