"""Cumulated weights against a share of their sum: what differs by rounding only is equal.

Ten weights of 1/3 cumulate to a hair more than 5/3 at the fifth, and the share 0.5 seems not reached. Whoever compares
cumulated sums with a share comes here.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

# Sums of a million weights are off by less than 1e-10 of their total, and calibrated totals are met to 1e-9 where
# rounding lets them fall no further; one person of ten million counts 1e-7.
ROUNDING = 1e-9
# A share times a count is off by its last digits only.
LAST_DIGITS = 1e-12

Numbers = TypeVar("Numbers", float, np.ndarray)


def last_reached(cumulative: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Index of the last cumulated weight that does not exceed what is wanted (k,), -1 where even the first does.

    ``cumulative`` (n,), ascending, its last entry the sum of all weights; equal are sums that differ by ``ROUNDING``
    of that.
    """
    return np.searchsorted(cumulative, wanted + ROUNDING * cumulative[-1], side="right") - 1


def half_up(x: Numbers) -> Numbers:
    """The nearest whole number, halves up: what lies below a half by rounding only is a half."""
    return np.floor(x + 0.5 + LAST_DIGITS * np.maximum(np.abs(x), 1))
