"""Systematic sampling with equal probabilities: every k-th of an ordered list."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import SamplingError
from spi_analysis.survey.groups import group_counts, require_columns
from spi_analysis.survey.sampling.pps import _line, select_pps
from spi_analysis.survey.sampling.random_numbers import numbers_for, numbers_of
from spi_analysis.survey.sampling.selection import _sizes, _strata, select_srs


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

    With ``size`` the number of people everyone below certainty has the same chance, and every unit the same work.

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
    of units; leave out ``pop_size`` to count it as drawn with replacement, which is on the safe side.

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
