"""Quality of a list: coverage, people listed twice, contacts; with suppression of small counts.

Tables in, tables out; columns are named by the caller. No function returns a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.survey.groups import require_columns, require_numbers, with_unknown_level


def coverage(counts: pd.Series, known: Mapping[str, float] | pd.Series) -> pd.DataFrame:
    """People listed against people known to be there.

    Parameters
    ----------
    counts : Series (groups,)       listed people, by group
    known : mapping or Series       group -> people by another source (such as the personnel office); groups that are
        not in it have no known total, groups without a listed person have 0 listed

    Returns
    -------
    DataFrame (groups,), index as both together: ``listed``, ``known``, ``share`` (listed / known; missing where
    nothing is known, or known are 0), ``missing_people`` (known - listed where that is above 0, else 0; missing where
    nothing is known).

    Raises
    ------
    SamplingError   a known total is negative or no finite number.

    References
    ----------
    Lessler & Kalsbeek (1992), Nonsampling Error in Surveys; Biemer & Lyberg (2003), Introduction to Survey Quality,
    ch. 3 (coverage).

    Examples
    --------
    >>> table = coverage(pd.Series({"north": 8, "south": 5}), {"north": 10, "south": 5})
    >>> table["share"].tolist(), table["missing_people"].tolist()
    ([0.8, 1.0], [2.0, 0.0])
    """
    totals = pd.to_numeric(pd.Series(dict(known), dtype=object), errors="coerce").astype(float)
    bad = ~(np.isfinite(totals) & (totals >= 0))
    if bad.any():
        raise SamplingError(
            "a known total is out of range", key=str(totals.index[bad][0]), got=str(dict(known)[totals.index[bad][0]]),
            expected="0 or more people",
        )  # fmt: skip
    groups = counts.index.union(totals.index, sort=True)
    listed, totals = counts.reindex(groups, fill_value=0).astype(int), totals.reindex(groups)
    return pd.DataFrame(
        {
            "listed": listed,
            "known": totals,
            "share": listed / totals.where(totals > 0),
            "missing_people": (totals - listed).clip(lower=0),
        }
    )


def list_quality(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    flags: Mapping[str, pd.Series],
) -> pd.DataFrame:
    """People of each group, and how many of them have each flag (such as: no WhatsApp).

    Parameters
    ----------
    frame : DataFrame (N, ...)     one row per listed person
    by : column(s)                 groups; a missing value is a group of its own (see ``with_unknown_level``)
    flags : mapping name -> Series of bool (N,)

    Returns
    -------
    DataFrame (groups, 1 + flags): ``people``, then one column per flag, all in people.

    Raises
    ------
    SamplingError   a column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"unit": ["a", "a", "b"], "phone": ["+62811", None, "+62812"]})
    >>> list_quality(frame, "unit", {"no_phone": frame["phone"].isna()}).to_numpy().tolist()
    [[2, 1], [1, 0]]
    """
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(frame, columns, SamplingError)
    groups = [with_unknown_level(frame[c]) for c in columns]
    table = pd.DataFrame({"people": 1, **{name: flag.astype(int) for name, flag in flags.items()}}, index=frame.index)
    return table.groupby(groups, sort=True).sum().astype(int)


def lists_shared(others: pd.Series, source: pd.Series) -> pd.DataFrame:
    """How many people of each list also stand on another one.

    Parameters
    ----------
    others : Series (N,)   names of the other lists of a person, joined by spaces, or missing
    source : Series (N,)   the person's own list

    Returns
    -------
    DataFrame (pairs, 3): ``source``, ``also``, ``people``; each pair from both sides.

    Raises
    ------
    SamplingError   the index names a person twice.

    Examples
    --------
    >>> lists_shared(pd.Series(["web", None, "staff"]), pd.Series(["staff", "staff", "web"])).to_numpy().tolist()
    [['staff', 'web', 1], ['web', 'staff', 1]]
    """
    if source.index.has_duplicates:
        got = f"{int(source.index.duplicated().sum())} rows"
        raise SamplingError("the index names a person twice", got=got, expected="each person once")
    found = others.dropna().astype(str).str.split().explode()
    pairs = pd.DataFrame({"source": source.reindex(found.index).to_numpy(), "also": found.to_numpy()})
    return pairs.groupby(["source", "also"], sort=True).size().rename("people").reset_index()


def safe_count(count: float, people: float, least: int) -> bool:
    """Whether a count may be shown: it and all others of its group are none, or at least ``least`` people.

    Parameters
    ----------
    count : float    people counted
    people : float   people in the group
    least : int      the smallest number of people that may be shown

    Returns
    -------
    bool

    Raises
    ------
    SamplingError   an argument is no number.

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, ch. 5 (frequency tables).

    Examples
    --------
    >>> safe_count(5, 12, least=5), safe_count(5, 8, least=5), safe_count(0, 8, least=5)
    (True, False, True)
    """
    require_numbers(SamplingError, count=count, people=people, least=least)
    return _is_safe(count, people, least)


def _is_safe(count: float, people: float, least: int) -> bool:
    return all(n == 0 or n >= least for n in (count, people - count))


def shown_counts(table: pd.DataFrame, least: int, people: str = "people", within: str | None = None) -> pd.DataFrame:
    """Counts of a table that may be shown; others are missing.

    A count is hidden if it, or what it leaves of its group, is 1 to ``least - 1``; a group of fewer than ``least``
    people is hidden whole. So that nothing follows by subtraction from a total shown elsewhere, the smallest shown
    counts of a column go too, until at least two are hidden that stand together for ``least`` or more, and so does
    what they leave of their groups (or either is 0); groups likewise.

    Parameters
    ----------
    table : DataFrame   ``people`` and further columns of counts, one row per group
    least : int         the smallest number of people that may be shown
    people : str        column with the people of a group
    within : level of the index, or None   totals are shown for each of its values (such as each source)

    Returns
    -------
    DataFrame of float, same shape, in people; NaN where nothing may be shown.

    Raises
    ------
    SamplingError   the column of the people, or the level, is missing; ``least`` is no number.

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, ch. 4 (complementary suppression) and 5 (frequency
    tables).

    Examples
    --------
    Group c has too few people; b goes with it, since c would follow from the total.

    >>> table = pd.DataFrame({"people": [30, 20, 3]}, index=["a", "b", "c"])
    >>> shown_counts(table, least=5)["people"].tolist()
    [30.0, nan, nan]
    """
    require_columns(table, [people], SamplingError)
    require_numbers(SamplingError, least=least)
    if within is not None and within not in table.index.names:
        hint = nearest(within, [name for name in table.index.names if name is not None])
        raise SamplingError("a level of the index is missing", key=within, hint=hint)
    parts = [table] if within is None else [part for _, part in table.groupby(level=within, sort=False)]
    if not len(table):
        return table.astype(float)
    return pd.concat([_shown_part(part, least, people) for part in parts]).reindex(table.index)


def _shown_part(table: pd.DataFrame, least: int, people: str) -> pd.DataFrame:
    out, sizes = table.astype(float), table[people].to_numpy()
    groups = _with_company(sizes < least, sizes, sizes, least)
    out[groups] = np.nan
    for column in (c for c in table.columns if c != people):
        counts = table[column].to_numpy()
        small = [not _is_safe(n, all_, least) for n, all_ in zip(counts.tolist(), sizes.tolist(), strict=True)]
        out.loc[_with_company(groups | np.array(small, dtype=bool), counts, sizes, least), column] = np.nan
    return out


def _with_company(hidden: np.ndarray, counts: np.ndarray, people: np.ndarray, least: int) -> np.ndarray:
    """Further groups to hide, the smallest first, until the hidden ones hide each other; none if none is hidden.

    Of the hidden ones together count and rest follow from the totals: both must be safe, as in ``safe_count``.
    """
    hidden = hidden.copy()
    for group in np.argsort(counts, kind="stable") if hidden.any() else ():
        if hidden.sum() >= 2 and _is_safe(counts[hidden].sum(), people[hidden].sum(), least):
            break
        hidden[group] = True
    return hidden
