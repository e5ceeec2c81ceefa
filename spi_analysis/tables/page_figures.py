"""Figures as a page shows them: words, charts and the files beside a page round in one way.

What is released is what is shown. A figure with all its digits says more than the page: from a mean of ten answers
and its standard error with fifteen digits the answers themselves can be worked out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

# What a page shows unless a table says otherwise.
PAGE_DECIMALS = 2
# Adjusted p values, as a page writes them.
P_DECIMALS = 4
# A value that somebody set, such as a level or a threshold, is no figure of people and stays as it is.
EXACT = None
# Columns that mean the same in every table. A rate and a share (0-1) has two decimals more than its percent.
DECIMALS: dict[str, int | None] = {
    "level": EXACT,
    "threshold": EXACT,
    "log_odds": EXACT,
    "df_design": 1,
    "effective_n": 0,
    "kish_deff": 2,
    "RR1": 3,
    "RR3": 3,
    "index_variance_share": 3,
    "response_share": 2,
    "coverage": 2,
    "share": 2,
    "certainty": 2,
    "p_value": P_DECIMALS,
    "p_adjusted": P_DECIMALS,
    "q_value": P_DECIMALS,
}


def rounded(x: float, decimals: int = PAGE_DECIMALS) -> float:
    """The figure that a page shows, never -0."""
    return round(float(x), decimals) + 0.0


def as_shown(table: pd.DataFrame, decimals: Mapping[str, int | None] | int = PAGE_DECIMALS) -> pd.DataFrame:
    """The table with every figure rounded as the page rounds it, to be released.

    Parameters
    ----------
    decimals : int or mapping   of all figures (a column of DECIMALS aside), or column -> decimals for those that
        differ; 0 gives whole numbers (missing ones stay missing), EXACT leaves a column as it is

    A column that nobody thought of is rounded to PAGE_DECIMALS: nothing leaves with more digits by an oversight.
    """
    own = {} if isinstance(decimals, int) else dict(decimals)
    usual = decimals if isinstance(decimals, int) else PAGE_DECIMALS
    return table.assign(
        **{
            name: _rounded(table[name], places)
            for name, places in ((name, (DECIMALS | own).get(name, usual)) for name in table.columns)
            if places != EXACT and (places == 0 or _holds_figures(table[name]))
        }
    )


def _holds_figures(column: pd.Series) -> bool:
    """Whether there are figures with decimals, also among other things."""
    if pd.api.types.is_object_dtype(column.dtype):
        return any(isinstance(value, float) and not math.isnan(value) for value in column)
    return bool(pd.api.types.is_float_dtype(column.dtype))


def _rounded(column: pd.Series, decimals: int) -> pd.Series:
    if decimals == 0:
        return column.astype("Float64").map(rounded_to_whole, na_action="ignore").astype("Int64")
    # By Python's own rounding, as in words: pandas rounds some halves the other way.
    values = [rounded(x, decimals) if isinstance(x, float) and math.isfinite(x) else x for x in column]
    return pd.Series(values, column.index, dtype=column.dtype)


def rounded_to_whole(x: float) -> float:
    """A count as a page shows it."""
    return rounded(x, 0)
