"""Selecting people, with the probability of each."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import is_number, require_columns


def select_srs(
    frame: pd.DataFrame,
    n: int | Mapping[str, int] | pd.Series,
    stratum: str | None = None,
    prn: str = "prn",
) -> pd.DataFrame:
    """Simple random sampling without replacement in every stratum: the n smallest random numbers.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per person
    n : int, or mapping stratum -> int   how many (the same number in each stratum, or one for each)
    stratum : str or None        column; None for one stratum
    prn : str                    column of random numbers in (0, 1), already counted from the start

    Returns
    -------
    DataFrame (n, ...): the selected rows in the order of the frame, with ``pop_size`` (N_h, people) and
    ``inclusion_prob`` (n_h / N_h).

    Raises
    ------
    SamplingError   nobody in the frame; a column is missing; no random number or no stratum for a person; a size that
        is missing, does not fit, or is given for a stratum that is not there.

    References
    ----------
    Fan, Muller & Rezucha (1962), JASA 57; Ohlsson (1995), in: Business Survey Methods.

    Examples
    --------
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2", "p3", "p4"], "prn": [0.3, 0.1, 0.9, 0.5]})
    >>> sample = select_srs(frame, 2)
    >>> sample["person_id"].tolist(), sample["inclusion_prob"].tolist()
    (['p1', 'p2'], [0.5, 0.5])
    """
    require_columns(frame, [prn, *([stratum] if stratum else [])], SamplingError)
    if frame.empty:
        raise SamplingError("there is nobody to draw from", got="an empty frame", expected="at least one person")
    if not pd.api.types.is_numeric_dtype(frame[prn]) or frame[prn].isna().any() or not frame[prn].between(0, 1).all():
        raise SamplingError("a random number is missing or outside 0 to 1", column=prn, expected="numbers in (0, 1)")
    strata = _strata(frame, stratum)
    pop_size = strata.map(strata.value_counts())
    wanted = strata.map(_sizes(n, strata))
    # Ties have probability 2**-52; they are broken by position so that the draw stays defined.
    order = frame[prn].groupby(strata).rank(method="first")
    chosen = order <= wanted
    selected = frame[chosen].copy()
    selected["pop_size"] = pop_size[chosen].astype(int)
    selected["inclusion_prob"] = wanted[chosen] / pop_size[chosen]
    return selected


def _strata(frame: pd.DataFrame, stratum: str | None) -> pd.Series:
    """The stratum of every person, as text: a record that went through JSON knows no other keys."""
    if stratum is None:
        return pd.Series("all", index=frame.index)
    missing = frame[stratum].isna().to_numpy()
    if missing.any():
        raise SamplingError(
            "a person has no stratum",
            column=stratum,
            row=int(missing.argmax()) + 1,
            got=f"{int(missing.sum())} people without one",
            expected="a stratum for everyone",
        )
    return frame[stratum].map(str)


def _sizes(n: int | Mapping[str, int] | pd.Series, strata: pd.Series) -> dict[str, int]:
    counts = strata.value_counts()
    if isinstance(n, (Mapping, pd.Series)):
        sizes = {str(h): _whole(v) for h, v in dict(n).items()}
    else:
        sizes = {h: _whole(n) for h in counts.index}
    problems = [
        Problem("a stratum has no sample size", key=h, expected="a size for every stratum", hint=nearest(h, sizes))
        for h in counts.index
        if h not in sizes
    ]
    problems += [
        Problem("the sample size does not fit the stratum", key=str(h), got=str(sizes[str(h)]), expected=f"0 to {c}")
        for h, c in counts.items()
        if h in sizes and not 0 <= sizes[str(h)] <= c
    ]
    problems += [
        Problem("a size is given for a stratum that nobody is in", key=h, got=str(size), hint=nearest(h, counts.index))
        for h, size in sizes.items()
        if size and h not in counts.index
    ]
    if problems:
        raise SamplingError(*problems)
    return sizes


def _whole(n: object) -> int:
    if not is_number(n) or n % 1:
        raise SamplingError("the sample size is no whole number", got=str(n), expected="a number, or one per stratum")
    return int(n)
