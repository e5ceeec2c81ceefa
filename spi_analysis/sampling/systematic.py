"""Systematic sampling with equal probabilities: every k-th of an ordered list."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.sampling.pps import _line
from spi_analysis.sampling.random_numbers import numbers_for
from spi_analysis.sampling.selection import _require_columns, _sizes, _strata


def select_systematic(
    frame: pd.DataFrame,
    n: int | Mapping[str, int] | pd.Series,
    stratum: str | None = None,
    order: str | list[str] | None = None,
    seed: int = 1,
) -> pd.DataFrame:
    """Systematic sampling in every stratum, with a fractional interval: exactly n are taken, each with chance n/N.

    The list is a circle of N places; from a random start every N/n-th place is taken, rounded down.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per person
    n : int, or mapping stratum -> int   how many
    stratum : str or None        column; None for one stratum
    order : column(s) or None    sort by these first, so that the sample spreads over them; None: the frame's own order.
        Ties keep the frame's order: end with a column that differs for everyone if rows may come in any order
    seed : int                   fixes the random start, apart for each stratum

    Returns
    -------
    The selected rows in the order of the frame, with ``pop_size`` (N_h) and ``inclusion_prob`` (n_h / N_h).

    Raises
    ------
    SamplingError   a column, a stratum or a size is missing, or does not fit.

    References
    ----------
    Cochran (1977), ch. 8; Sarndal, Swensson & Wretman (1992), section 3.4.
    """
    by = [order] if isinstance(order, str) else list(order or [])
    _require_columns(frame, [*([stratum] if stratum else []), *by])
    strata = _strata(frame, stratum)
    wanted = _sizes(n, strata)
    codes, names = pd.factorize(strata, sort=True)
    people = np.bincount(codes, minlength=len(names))
    takes = np.array([wanted[str(name)] for name in names], dtype=int)
    starts = np.array([numbers_for(seed, str(name))[0] for name in names])
    # Rows stratum by stratum, each in its order.
    rows = np.lexsort((_line(frame, by), codes))
    picked = rows[_places(people, takes, starts)]
    chosen = np.zeros(len(frame), dtype=bool)
    chosen[picked] = True
    at = codes[chosen]
    return frame[chosen].assign(pop_size=people[at], inclusion_prob=takes[at] / people[at])


def _places(people: np.ndarray, takes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The places taken, counted over all strata in a row."""
    stratum = np.repeat(np.arange(len(takes)), takes)
    step = np.arange(len(stratum)) - np.repeat(np.cumsum(takes) - takes, takes)
    place = np.floor((step + starts[stratum]) * people[stratum] / takes[stratum]).astype(int)
    # A start just below 1 must not round up to the next stratum.
    place = np.minimum(place, people[stratum] - 1)
    return place + (np.cumsum(people) - people)[stratum]
