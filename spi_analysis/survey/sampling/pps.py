"""Selection with probability proportional to size, without replacement, of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.sampling.inclusion import elimination_chances, inclusion_probabilities
from spi_analysis.survey.sampling.random_numbers import numbers_for
from spi_analysis.survey.sampling.selection import _sizes, _strata

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
    DataFrame (n, ...): the selected rows in the order of the frame, with ``pop_size`` (units of the stratum) and
    ``inclusion_prob``: ``n x / sum(x)``, 1 for units that are larger than a share of 1/n. For pareto these are target
    probabilities, which it meets up to terms that vanish with n (``joint_inclusion_pareto`` has the exact ones).

    Raises
    ------
    SamplingError   unknown method; a column, size measure, stratum or random number is missing; n does not fit.

    References
    ----------
    Rosen (1997), Journal of Statistical Planning and Inference 62; Tille (2006), Sampling Algorithms; Tille (1996),
    Biometrika 83.

    Examples
    --------
    The largest unit is drawn for certain; the other place is shared as 1 : 1 : 2.

    >>> units = pd.DataFrame({"unit": ["a", "b", "c", "d"], "people": [10, 10, 20, 60]})
    >>> sample = select_pps(units, 2, "people", seed=1)
    >>> sample["unit"].tolist(), sample["inclusion_prob"].tolist()
    (['c', 'd'], [0.5, 1.0])
    """
    pickers: dict[str, Picker] = {"systematic": _systematic, "pareto": _pareto, "elimination": _elimination}
    if method not in pickers:
        raise SamplingError("unknown method", got=method, expected=", ".join(pickers), hint=nearest(method, pickers))
    by = [order] if isinstance(order, str) else list(order or [])
    require_columns(frame, [size, *([stratum] if stratum else []), *([prn] if prn else []), *by], SamplingError)
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
    # Rosen (1997): the ranking number u (1 - p) / (p (1 - u)); the n smallest are drawn.
    ranking = numbers / (1 - numbers) * (1 - p) / p
    chosen = np.zeros(len(p), dtype=bool)
    chosen[np.argsort(ranking, kind="stable")[:n]] = True
    return chosen


def _elimination(p: np.ndarray, _: int, __: float, numbers: np.ndarray) -> np.ndarray:
    left = np.ones(len(p), dtype=bool)
    for struck, number in zip(elimination_chances(tuple(p)), numbers, strict=False):
        # One unit is struck out at each step, with the chances r_k of those still there (Tille 1996).
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


# The Horvitz-Thompson total of a sample with unequal probabilities, and its variance.


@dataclass(frozen=True)
class Total:
    """An estimated total and its variance.

    ``variance`` may come out negative where joint probabilities are badly spread; it is not cut off.

    Parameters
    ----------
    estimate : float   in the unit of the values
    variance : float   in the squared unit

    References
    ----------
    Horvitz & Thompson (1952), JASA 47.

    Examples
    --------
    >>> horvitz_thompson([3, 5], [1, 1])
    Total(estimate=8.0, variance=0.0)
    """

    estimate: float
    variance: float


def horvitz_thompson(values: ArrayLike, inclusion_prob: ArrayLike, joint: ArrayLike | None = None) -> Total:
    """Total ``sum(y / p)`` of a fixed-size sample without replacement.

    Parameters
    ----------
    values, inclusion_prob : array (n,)   of the sampled units
    joint : array (n, n) or None   joint inclusion probabilities of the sampled units: Sen-Yates-Grundy variance.
        None: Hajek's approximation, which needs none (samples of high entropy: Pareto, elimination)

    Returns
    -------
    Total: ``estimate`` in the unit of the values, ``variance`` in its square.

    Raises
    ------
    SamplingError   a probability outside (0, 1]; values and probabilities differ in length; a pair that could not have
        come together (systematic samples); without ``joint``, only one unit below certainty.

    References
    ----------
    Horvitz & Thompson (1952), JASA 47; Sen (1953), Journal of the Indian Society of Agricultural Statistics 5;
    Yates & Grundy (1953), Journal of the Royal Statistical Society B 15; Hajek (1964); Tille (2006), ch. 7.

    Examples
    --------
    Two of four by simple random sampling: ``N**2 (1 - n/N) s**2 / n`` = 16 * 1/2 * 2 / 2.

    >>> horvitz_thompson([3, 5], [0.5, 0.5])
    Total(estimate=16.0, variance=8.0)
    >>> round(horvitz_thompson([3, 5], [0.5, 0.5], joint=[[1/2, 1/6], [1/6, 1/2]]).variance, 6)
    8.0
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
    # Sen-Yates-Grundy: V = 1/2 sum sum (p_k p_l / p_kl - 1) (y_k/p_k - y_l/p_l)**2 over pairs that differ.
    weight = np.divide(np.outer(p, p), joint, out=np.ones_like(joint), where=apart) - 1
    return float((weight * (expanded[:, None] - expanded[None, :]) ** 2).sum() / 2)


def _hajek(expanded: np.ndarray, p: np.ndarray) -> float:
    """n/(n-1) sum (1-p) (y/p - A)**2, A the mean of y/p weighted by 1-p; certainty units add nothing."""
    open_ = p < 1
    n = int(open_.sum())
    if n == 0:
        return 0.0
    if n == 1:
        raise SamplingError("one unit alone shows no variance", got="1 unit below certainty", expected="at least 2")
    weight = 1 - p[open_]
    centre = weight @ expanded[open_] / weight.sum()
    return float(n / (n - 1) * (weight @ (expanded[open_] - centre) ** 2))
