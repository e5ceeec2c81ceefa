"""Two stages for very large institutions: units with probability proportional to size, then people inside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import SamplingError
from spi_analysis.sampling.pps import select_pps
from spi_analysis.sampling.random_numbers import numbers_of
from spi_analysis.sampling.selection import _require_columns, _strata, select_srs

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
    size : str or None           column with the unit's size measure, the same for all its people; None: their number
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
    """
    _require_columns(frame, [unit, person, *(name for name in (size, stratum, prn) if name)])
    if int(people) != people or people < 1:
        raise SamplingError("the number of people in a unit is out of range", got=str(people), expected="1 or more")
    strata = _strata(frame, stratum)
    listed = frame.assign(_stratum=strata, _unit=_strata(frame, unit))
    table = _units(listed, size)
    first = select_pps(table, units, "_size", "_stratum", method, seed)
    chosen = _second_stage(listed, first, people, person, prn, seed)
    placed = first.set_index("_place").loc[chosen["_place"]]
    certain = placed["inclusion_prob"].to_numpy() >= 1
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
