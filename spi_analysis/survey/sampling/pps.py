"""Selection with probability proportional to size, without replacement, of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import group_counts, require_columns
from spi_analysis.survey.sampling.inclusion import elimination_chances, inclusion_probabilities
from spi_analysis.survey.sampling.random_numbers import numbers_for, numbers_of
from spi_analysis.survey.sampling.selection import _sizes, _strata, select_srs

# The units drawn, given probabilities, the sample size, a random start and a random number per unit.
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
    probabilities, which it meets up to terms that vanish with n (``joint_inclusion`` has the exact ones).

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
    # Rounding must not drop the last unit.
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
        # One unit is eliminated in each step, with the chances r_k of the units still there (Tille 1996).
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

    ``variance`` may be negative for some joint probabilities; it is not truncated at 0.

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
    """Variance of a sample of high entropy without joint probabilities; certainty units contribute nothing."""
    open_ = p < 1
    n = int(open_.sum())
    if n == 0:
        return 0.0
    if n == 1:
        raise SamplingError("one unit alone shows no variance", got="1 unit below certainty", expected="at least 2")
    # Hajek (1964): n/(n-1) sum (1-p) (y/p - A)**2 with A = sum (1-p) y/p / sum (1-p).
    weight = 1 - p[open_]
    centre = weight @ expanded[open_] / weight.sum()
    return float(n / (n - 1) * (weight @ (expanded[open_] - centre) ** 2))


# Systematic sampling with equal probabilities: every k-th of an ordered list.


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
    DataFrame (n, ...): the selected rows in the order of the frame, with ``pop_size`` (N_h, people) and
    ``inclusion_prob`` (n_h / N_h).

    Raises
    ------
    SamplingError   a column, a stratum or a size is missing, or does not fit.

    References
    ----------
    Cochran (1977), ch. 8; Sarndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, section 3.4.

    Examples
    --------
    Every second of six; the seed decides whether the first or the second is the start.

    >>> frame = pd.DataFrame({"age": [50, 40, 30, 60, 20, 70]})
    >>> sample = select_systematic(frame, 3, order="age", seed=1)
    >>> sample["age"].tolist(), sample["inclusion_prob"].tolist()
    ([50, 30, 70], [0.5, 0.5, 0.5])
    """
    by = [order] if isinstance(order, str) else list(order or [])
    require_columns(frame, [*([stratum] if stratum else []), *by], SamplingError)
    strata = _strata(frame, stratum)
    wanted = _sizes(n, strata)
    codes, names = pd.factorize(strata, sort=True)
    people = group_counts(codes, len(names))
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
    # Fractional interval (Sarndal, Swensson & Wretman 1992, section 3.4): place floor((j + start) N / n), j < n.
    place = np.floor((step + starts[stratum]) * people[stratum] / takes[stratum]).astype(int)
    # A start just below 1 must not round up to the next stratum.
    place = np.minimum(place, people[stratum] - 1)
    return place + (np.cumsum(people) - people)[stratum]


# Two stages for very large institutions: units with probability proportional to size, then people inside.

CERTAIN = "certain: "


def select_two_stage(
    frame: pd.DataFrame,
    units: int | Mapping[str, int] | pd.Series,
    people: int,
    unit: str = "unit",
    size: str | None = None,
    stratum: str | None = None,
    method: str = "systematic",
    seed: int = 1,
    person: str = "person_id",
    prn: str | None = None,
) -> pd.DataFrame:
    """Draw units with probability proportional to size, and in each the same number of people at random.

    With ``size`` the number of people everyone in units below certainty has the same inclusion probability, and every
    unit the same number of interviews.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per person
    units : int, or mapping stratum -> int   units to be drawn (``unit`` codes are apart in each stratum)
    people : int                 people in each drawn unit; a unit with fewer gives all it has
    unit, person : str           columns with the unit and the person
    size : str or None           column with the unit's size measure, the same for all its people; None: their number
    stratum : str or None        column; None for one stratum
    method, seed                 of the first stage (see ``select_pps``)
    prn : str or None            column of random numbers for the second stage; None: of ``seed`` and ``person``

    Returns
    -------
    The selected rows in the order of the frame, with ``unit_prob``, ``person_prob`` (given the unit),
    ``inclusion_prob`` (their product), ``base_weight``, and the design: ``design_stratum``, ``units_in_stratum``,
    ``people_in_unit``, for ``SurveyDesign(sample, "base_weight", stratum="design_stratum", psu=[unit, person],
    pop_size=["units_in_stratum", "people_in_unit"], nest=True, lonely_psu="certainty")``. A unit drawn for certain
    is a stratum of its own, of one unit out of one. For others the first stage counts as a simple random sample
    of units; leave out ``pop_size`` to treat it as drawn with replacement, which is conservative.

    Raises
    ------
    SamplingError   a column is missing, a unit's size differs between its people, or a number does not fit.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 4.3; Valliant, Dever & Kreuter (2018), ch. 9.

    Examples
    --------
    One of two units of two people each, and one person in it: everyone has the chance 1/2 * 1/2.

    >>> frame = pd.DataFrame({"person_id": ["p1", "p2", "p3", "p4"], "unit": ["a", "a", "b", "b"]})
    >>> sample = select_two_stage(frame, units=1, people=1)
    >>> sample[["unit_prob", "person_prob", "inclusion_prob", "base_weight"]].iloc[0].tolist()
    [0.5, 0.5, 0.25, 4.0]
    """
    require_columns(frame, [unit, person, *(name for name in (size, stratum, prn) if name)], SamplingError)
    if int(people) != people or people < 1:
        raise SamplingError("the number of people in a unit is out of range", got=str(people), expected="1 or more")
    strata = _strata(frame, stratum)
    listed = frame.assign(_stratum=strata, _unit=_strata(frame, unit))
    table = _units(listed, size)
    first = select_pps(table, units, "_size", "_stratum", method, seed)
    chosen = _second_stage(listed, first, people, person, prn, seed)
    placed = first.set_index("_place").loc[chosen["_place"]]
    certain = placed["inclusion_prob"].to_numpy() >= 1
    # Sarndal, Swensson & Wretman (1992), section 4.3: pi_k = pi_unit * pi_(k given the unit).
    probability = placed["inclusion_prob"].to_numpy() * chosen["inclusion_prob"].to_numpy()
    drawn = frame.iloc[chosen["_row"].to_numpy()]
    names = placed["_stratum"].to_numpy(dtype=object)
    below = placed["pop_size"].to_numpy() - _certain_units(first).reindex(names).to_numpy()
    return drawn.assign(
        unit_prob=placed["inclusion_prob"].to_numpy(),
        person_prob=chosen["inclusion_prob"].to_numpy(),
        inclusion_prob=probability,
        base_weight=1 / probability,
        design_stratum=np.where(certain, CERTAIN + names + " / " + placed["_unit"].to_numpy(dtype=object), names),
        units_in_stratum=np.where(certain, 1, below).astype(int),
        people_in_unit=chosen["pop_size"].to_numpy(),
    )


def _units(listed: pd.DataFrame, size: str | None) -> pd.DataFrame:
    """One row per unit: stratum, unit, size measure and place."""
    grouped = listed.groupby(["_stratum", "_unit"], sort=True)
    table = grouped.size().rename("_size").reset_index()
    if size is not None:
        differs = grouped[size].nunique(dropna=False) > 1
        if differs.any():
            raise SamplingError(
                "a unit's size differs between its people",
                column=size,
                key=" / ".join(str(part) for part in differs.index[int(differs.to_numpy().argmax())]),
                expected="one size for each unit",
            )
        table["_size"] = grouped[size].first().to_numpy()
    return table.assign(_place=np.arange(len(table)))


def _second_stage(
    listed: pd.DataFrame, first: pd.DataFrame, people: int, person: str, prn: str | None, seed: int
) -> pd.DataFrame:
    rows = listed.assign(_row=np.arange(len(listed)))[["_row", "_stratum", "_unit", person, *([prn] if prn else [])]]
    inside = rows.merge(first[["_stratum", "_unit", "_place"]], on=["_stratum", "_unit"]).sort_values("_row")
    numbers = inside[prn] if prn else numbers_of(seed, inside[person])
    counts = inside["_place"].value_counts()
    takes = {str(place): min(people, int(count)) for place, count in counts.items()}
    return select_srs(inside.assign(_number=numbers), takes, stratum="_place", prn="_number")


def _certain_units(first: pd.DataFrame) -> pd.Series:
    return (first["inclusion_prob"] >= 1).groupby(first["_stratum"].astype("object")).sum()
