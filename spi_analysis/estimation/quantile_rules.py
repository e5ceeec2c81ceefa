"""Weighted quantiles: from the distribution function of a weighted sample back to a value.

The names and definitions are those of R survey's ``qrule``: math (the inverse of the distribution
function), school (the middle of the two values where it is flat), shahvaish, and hf1 to hf9 of Hyndman & Fan.
A share that the distribution function reaches up to rounding is reached (``sampling.shares``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.sampling.shares import ROUNDING, last_reached


@dataclass(frozen=True)
class WeightedSample:
    """Values in ascending order with their weights, all positive."""

    x: np.ndarray
    w: np.ndarray

    @cached_property
    def cumulative(self) -> np.ndarray:
        """Cumulated weights."""
        return np.cumsum(self.w)

    def after(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index of the last value whose share does not exceed p (-1: none), and of the next one."""
        before = last_reached(self.cumulative, p * self.cumulative[-1])
        return before, np.minimum(before + 1, len(self.x) - 1)


Rule = Callable[[WeightedSample, np.ndarray], np.ndarray]


def weighted_sample(x: np.ndarray, w: np.ndarray) -> WeightedSample:
    """A sample for quantiles: rows without weight left out, the others in order."""
    x, w = x[w > 0], w[w > 0]
    order = np.argsort(x, kind="stable")
    return WeightedSample(x[order], w[order])


def quantile_rule(name: str) -> Rule:
    """The rule of that name: quantiles (k,) of a sample for probabilities (k,)."""
    if name not in RULES:
        raise EstimationError("unknown rule", got=name, expected=", ".join(RULES), hint=nearest(name, list(RULES)))
    return RULES[name]


def _is_exact(sample: WeightedSample, p: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where the distribution function takes the value p itself."""
    share = sample.cumulative[np.maximum(before, 0)] / sample.cumulative[-1]
    return (before >= 0) & (np.abs(p - share) <= ROUNDING)


def _inverse(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    before, following = sample.after(p)
    return np.where(_is_exact(sample, p, before), sample.x[before], sample.x[following])


def _middle(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    before, following = sample.after(p)
    exact = _is_exact(sample, p, before)
    return np.where(exact, (sample.x[before] + sample.x[following]) / 2, sample.x[following])


def _nearest_even(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    """hf3: over distinct values; at an exact share the one with the even number."""
    x, first = np.unique(sample.x, return_index=True)
    distinct = WeightedSample(x, np.add.reduceat(sample.w, first))
    before, following = distinct.after(p)
    lower = _is_exact(distinct, p, before) & ((before + 1) % 2 == 0)
    return np.where(lower, x[before], x[following])


def _between_steps(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    """hf4: linear between the steps of the distribution function."""
    before, following = sample.after(p)
    share = sample.cumulative / sample.cumulative[-1]
    low = np.where(before >= 0, share[before], 0.0)
    step = share[following] - low
    part = np.divide(p - low, step, out=np.zeros_like(p), where=(step > 0) & ~_is_exact(sample, p, before))
    lower = np.where(before >= 0, sample.x[before], sample.x[0])
    # Between equal values there is nothing to interpolate, not even a rounding error.
    return lower + part * (sample.x[following] - lower)


def _shah_vaish(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    """The largest value with (S_k + 1/2 - w_k/2)/(n + 1) <= p, S of weights with mean 1, w as given."""
    position = (np.cumsum(sample.w / sample.w.mean()) + 0.5 - sample.w / 2) / (len(sample.x) + 1)
    # With weights far above 1 positions need not ascend: they are put in order, with their values.
    order = np.argsort(position, kind="stable")
    index = np.searchsorted(position[order], p + ROUNDING, side="right") - 1
    return sample.x[order][np.clip(index, 0, len(sample.x) - 1)]


def _line(position: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rule:
    """Linear between points (position, value); positions come from the weights and their cumulated sums."""

    def rule(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
        at = position(sample.w, sample.cumulative)
        return np.interp(_snapped(p, at), at, sample.x)

    return rule


def _snapped(p: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Probabilities (k,), those that differ by rounding from a position (n,) put on it: its value is then met exactly,
    which who compares values with the quantile counts on.
    """
    nearest_one = at[np.clip(np.searchsorted(at, p - ROUNDING), 0, len(at) - 1)]
    return np.where(np.abs(nearest_one - p) <= ROUNDING, nearest_one, p)


def _before(cumulative: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], cumulative[:-1]])


def _hf7(w: np.ndarray, c: np.ndarray) -> np.ndarray:
    return _before(c) / c[-2] if len(c) > 1 else np.zeros(1)


RULES: dict[str, Rule] = {
    "math": _inverse,
    "school": _middle,
    "shahvaish": _shah_vaish,
    "hf1": _inverse,
    "hf2": _middle,
    "hf3": _nearest_even,
    "hf4": _between_steps,
    "hf5": _line(lambda w, c: (c - w / 2) / c[-1]),
    "hf6": _line(lambda w, c: c / (c[-1] + w[-1])),
    "hf7": _line(_hf7),
    "hf8": _line(lambda w, c: (_before(c) / 3 + c * 2 / 3) / (c[-1] + w[-1] / 3)),
    "hf9": _line(lambda w, c: (_before(c) * 3 / 8 + c * 5 / 8) / (c[-1] + w[-1] / 4)),
}
