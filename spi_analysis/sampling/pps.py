"""Selection with probability proportional to size, without replacement, of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.sampling.inclusion import inclusion_probabilities
from spi_analysis.sampling.joint import elimination_chances
from spi_analysis.sampling.random_numbers import numbers_for
from spi_analysis.sampling.selection import _require_columns, _sizes, _strata

# Given probabilities, the number to be drawn, a random start and a random number per unit: which units are drawn.
Picker = Callable[[np.ndarray, int, float, np.ndarray], np.ndarray]


def select_pps(
    frame: pd.DataFrame,
    n: int | Mapping[str, int] | pd.Series,
    size: str,
    stratum: str | None = None,
    method: str = "systematic",
    seed: int = 1,
    prn: str | None = None,
    order: str | list[str] | None = None,
    random_order: bool = False,
) -> pd.DataFrame:
    """Sampling with probability proportional to size in every stratum.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per unit
    n : int, or mapping stratum -> int   how many
    size : str                   column with the size measure, 0 or more; a unit of size 0 is never drawn
    stratum : str or None        column; None for one stratum
    method : str
        systematic (random start, in the order of the frame or by ``order``); pareto (Rosen: order
        sampling); elimination (Tille: exact joint probabilities, for some hundred units)
    seed : int                   fixes the random numbers, apart for each stratum
    prn : str or None            column with random numbers in (0, 1), one per unit, instead of the seed (pareto;
        and for the random order of systematic): the order of rows then changes nothing, and rounds can be co-ordinated
    order : column(s) or None    sort by these first, so that the sample spreads over them (systematic)
    random_order : bool          put units in random order first (systematic)

    Returns
    -------
    The selected rows in the order of the frame, with ``pop_size`` (units of the stratum) and ``inclusion_prob``:
    ``n x / sum(x)``, 1 for units that are larger than a share of 1/n. For pareto these are target
    probabilities, which it meets up to terms that vanish with n (``joint_inclusion_pareto`` has the exact ones).

    Raises
    ------
    SamplingError   unknown method; a size measure, stratum or random number is missing; n does not fit.

    References
    ----------
    Rosen (1997), Journal of Statistical Planning and Inference 62; Tille (2006), Sampling Algorithms; Tille (1996),
    Biometrika 83.
    """
    pickers: dict[str, Picker] = {"systematic": _systematic, "pareto": _pareto, "elimination": _elimination}
    if method not in pickers:
        raise SamplingError("unknown method", got=method, expected=", ".join(pickers), hint=nearest(method, pickers))
    by = [order] if isinstance(order, str) else list(order or [])
    _require_columns(frame, [size, *([stratum] if stratum else []), *([prn] if prn else []), *by])
    own_numbers = _own_numbers(frame, prn)
    strata = _strata(frame, stratum)
    sizes, wanted = _measures(frame, size), _sizes(n, strata)
    _check_room(strata, sizes, wanted)
    chosen, probability = np.zeros(len(frame), dtype=bool), np.zeros(len(frame))
    line = _line(frame, by)
    for name, found in strata.groupby(strata.to_numpy()).indices.items():
        members = np.asarray(found)
        at = members[np.argsort(line[members], kind="stable")]
        seeded = numbers_for(seed, str(name), len(at) + 1)
        numbers = seeded[1:] if own_numbers is None else own_numbers[at]
        if random_order and method == "systematic":
            at = at[np.argsort(numbers, kind="stable")]
        probability[at] = inclusion_probabilities(sizes[at], wanted[str(name)])
        chosen[at] = _with_certain(probability[at], float(seeded[0]), numbers, pickers[method])
    counts = strata.map(strata.value_counts()).to_numpy(dtype=int)
    return frame[chosen].assign(pop_size=counts[chosen], inclusion_prob=probability[chosen])


def _with_certain(p: np.ndarray, start: float, numbers: np.ndarray, pick: Picker) -> np.ndarray:
    """Certainty units are in, units without size are out, the others are picked."""
    chosen, open_ = p >= 1, (p > 0) & (p < 1)
    if open_.any():
        chosen[open_] = pick(p[open_], round(float(p[open_].sum())), start, numbers[open_])
    return chosen


def _systematic(p: np.ndarray, n: int, start: float, _: np.ndarray) -> np.ndarray:
    ends = np.cumsum(p)
    # Rounding must not lose the last one.
    ends[-1] = n
    return np.diff(np.ceil(ends - start), prepend=0) > 0


def _pareto(p: np.ndarray, n: int, _: float, numbers: np.ndarray) -> np.ndarray:
    ranking = numbers / (1 - numbers) * (1 - p) / p
    chosen = np.zeros(len(p), dtype=bool)
    chosen[np.argsort(ranking, kind="stable")[:n]] = True
    return chosen


def _elimination(p: np.ndarray, _: int, __: float, numbers: np.ndarray) -> np.ndarray:
    left = np.ones(len(p), dtype=bool)
    for struck, number in zip(elimination_chances(tuple(p)), numbers, strict=False):
        passed = np.cumsum(np.where(left, struck, 0.0))
        left[int(np.searchsorted(passed, number * passed[-1], side="right"))] = False
    return left


def _line(frame: pd.DataFrame, by: list[str]) -> np.ndarray:
    """The place of every row when the frame is sorted (ties stay in the order of the frame)."""
    line = np.arange(len(frame))
    if by:
        sorted_rows = frame[by].reset_index(drop=True).sort_values(by, kind="stable").index.to_numpy()
        line[sorted_rows] = np.arange(len(frame))
    return line


def _own_numbers(frame: pd.DataFrame, prn: str | None) -> np.ndarray | None:
    if prn is None:
        return None
    numbers = frame[prn].to_numpy(dtype=float)
    if not ((numbers > 0) & (numbers < 1)).all():
        raise SamplingError("a random number is missing or outside 0 to 1", column=prn, expected="numbers in (0, 1)")
    return numbers


def _measures(frame: pd.DataFrame, size: str) -> np.ndarray:
    values = pd.to_numeric(frame[size], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise SamplingError(
            "a size measure is missing or negative",
            column=size,
            row=int(bad.argmax()) + 1,
            got=f"{frame[size].iloc[int(bad.argmax())]} ({int(bad.sum())} rows in all)",
            expected="0 or more",
        )
    return values


def _check_room(strata: pd.Series, sizes: np.ndarray, wanted: Mapping[str, int]) -> None:
    with_size = pd.Series(sizes > 0).groupby(strata.to_numpy()).sum()
    problems = [
        Problem(
            "fewer units have a size than are to be drawn",
            key=f"stratum {name}",
            got=str(wanted[str(name)]),
            expected=f"at most {count}",
        )
        for name, count in with_size.items()
        if wanted[str(name)] > count
    ]
    if problems:
        raise SamplingError(*problems)
