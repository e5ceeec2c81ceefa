"""From a table to what a design is made of: usable weights and numbers, a mask, and the stages of selection."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.taylor import Stage
from spi_analysis.survey.groups import group_counts, require_columns


def data_of(design: object) -> pd.DataFrame:
    """The table of a design; whatever is none is refused in words."""
    data = getattr(design, "data", None)
    if not isinstance(data, pd.DataFrame):
        raise EstimationError(
            "this is no design",
            got=type(design).__name__,
            expected="SurveyDesign or ReplicateDesign",
            hint='SurveyDesign(table, weight="..."), or data.design("internal") of a round',
        )
    return data


def usable_weights(df: pd.DataFrame, weight: str) -> np.ndarray:
    """The weight column as floats; finite and not negative."""
    require_columns(df, [weight], EstimationError)
    if not len(df):
        raise EstimationError("the table has no rows", expected="one row per observed unit")
    values = floats_of(df, weight, "the weight is not a number")
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise EstimationError(
            "a weight is missing or negative",
            column=weight,
            row=int(bad.argmax()) + 1,
            got=str(values[bad][0]),
            expected="a finite number, 0 or more",
        )
    return values


def fitting_weights(weights: pd.Series | np.ndarray, n: int) -> np.ndarray:
    """Weights (n,) for the rows of a design; raises for another length, and for one missing, infinite or negative."""
    values = np.asarray(weights, dtype=float)
    if values.shape != (n,) or not np.isfinite(values).all() or (values < 0).any():
        raise EstimationError(
            "the weights do not fit the design",
            got=f"{values.shape}, smallest {np.nanmin(values, initial=np.inf):g}",
            expected=f"({n},), finite and not negative",
        )
    return values


def floats_of(df: pd.DataFrame, column: str, problem: str) -> np.ndarray:
    """A column as floats (n,), missing values allowed; raises ``problem`` for text."""
    if not pd.api.types.is_numeric_dtype(df[column]):
        raise EstimationError(problem, column=column, got=str(df[column].dtype), expected="numbers")
    return df[column].to_numpy(dtype=float, na_value=np.nan)


def numeric_columns(data: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """Columns as floats, missing values allowed; raises for no column, one that is no number, an infinite value."""
    if not names:
        raise EstimationError("no variable is given", expected="a column, or a list of columns")
    require_columns(data, names, EstimationError)
    kinds = data.dtypes
    text = [name for name in names if not pd.api.types.is_numeric_dtype(kinds[name])]
    if text:
        raise EstimationError(
            "the variable is not a number", column=", ".join(text), hint="use estimate_proportion for categories"
        )
    values = {name: data[name].to_numpy(dtype=float, na_value=np.nan) for name in names}
    for name, column in values.items():
        # A sum is finite only if every value is.
        if not np.isfinite(column.sum()) and np.isinf(column).any():
            row = int(np.isinf(column).argmax()) + 1
            raise EstimationError("a value is infinite", column=name, row=row, expected="a number, or missing")
    return values


def usable_level(level: float) -> float:
    """A confidence level: above 0, below 1."""
    if not 0 < level < 1:
        raise EstimationError("the confidence level is out of range", got=f"{level:g}", expected="between 0 and 1")
    return float(level)


def aligned(values: pd.Series | pd.DataFrame, index: pd.Index, what: str) -> pd.Series | pd.DataFrame:
    """``values`` in the order of ``index``; raises where the labels are not the same."""
    if values.index.equals(index):
        return values
    if len(values) == len(index) and index.is_unique and index.isin(values.index).all():
        return values.reindex(index)
    unknown = values.index[~values.index.isin(index)]
    raise EstimationError(
        f"{what} has other rows than the design's table",
        key=str(unknown[0]) if len(unknown) else "",
        got=f"{len(values)} labels, {len(unknown)} of them not in the table",
        expected=f"the {len(index)} labels of the table's index, each once",
        hint="make it from the design's own table (design.data)",
    )


def mask_of(mask: pd.Series | np.ndarray, index: pd.Index) -> np.ndarray:
    """A mask (n,) in the order of ``index``; raises for another length, other labels, or what is no yes or no."""
    if np.shape(mask) != (len(index),):
        raise EstimationError("the mask has another length", got=str(np.shape(mask)), expected=f"({len(index)},)")
    values = pd.Series(aligned(mask, index, "the mask") if isinstance(mask, pd.Series) else mask)
    missing = values.isna().to_numpy()
    if missing.any():
        raise EstimationError(
            "the mask has a missing value",
            row=int(missing.argmax()) + 1,
            got=f"{int(missing.sum())} of {len(values)} values missing",
            expected="true or false for every row",
            hint="say where such rows belong, for example mask.fillna(False)",
        )
    other = ~values.isin([True, False]).to_numpy()
    if other.any():
        row = int(other.argmax())
        got = str(values.iloc[row])
        raise EstimationError("the mask is not true or false", row=row + 1, got=got, expected="true or false")
    return values.to_numpy(dtype=bool)


# Stages of selection: codes of units and strata, each unique over what lies above.


def stages_of(df: pd.DataFrame, strata: list[str], units: list[str], sizes: list[str], nest: bool) -> list[Stage]:
    """Codes of units and strata at every stage, each unique over what lies above."""
    n_stages = max(1, len(units))
    _refuse_more_than_stages(n_stages, strata, sizes)
    above = np.zeros(len(df), dtype=np.intp)
    stages = []
    for s in range(n_stages):
        names, stratum = _strata_of(df, strata[s] if s < len(strata) else None, above)
        own = _unit_codes(df, units[s]) if units else np.arange(len(df))
        # Codes of the first stage may repeat between strata only when nested.
        scope = stratum if (nest or s > 0) else np.zeros_like(stratum)
        unit = _combined(scope, own)
        _refuse_split_units(df, unit, stratum, units, s)
        pop_size = _pop_sizes(df, sizes[s], unit, stratum) if s < len(sizes) else None
        stages.append(Stage(unit, stratum, names, pop_size))
        above = unit
    return stages


def _refuse_more_than_stages(n_stages: int, strata: list[str], sizes: list[str]) -> None:
    for what, columns in (("strata", strata), ("population sizes", sizes)):
        if len(columns) > n_stages:
            raise EstimationError(
                f"more {what} than stages", got=", ".join(columns), expected=f"at most {n_stages}, one per stage"
            )


def _unit_codes(df: pd.DataFrame, column: str) -> np.ndarray:
    codes = pd.factorize(df[column])[0]
    if (codes < 0).any():
        raise EstimationError("a sampling unit is missing", column=column, row=int((codes < 0).argmax()) + 1)
    return codes


def _strata_of(df: pd.DataFrame, column: str | None, above: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Stratum of every row inside the unit above it, with names for messages."""
    own, levels = pd.factorize(df[column], sort=True) if column else (np.zeros(len(df), dtype=np.intp), ["all"])
    if (own < 0).any():
        raise EstimationError("a stratum is missing", column=column or "", row=int((own < 0).argmax()) + 1)
    code = _combined(above, own)
    first = np.unique(code, return_index=True)[1]
    return [str(levels[own[i]]) for i in first], code


def _combined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b, return_inverse=True)[1]


def _refuse_split_units(df: pd.DataFrame, unit: np.ndarray, stratum: np.ndarray, units: list[str], s: int) -> None:
    first = np.full(int(unit.max()) + 1, -1)
    first[unit[::-1]] = stratum[::-1]
    split = first[unit] != stratum
    if split.any():
        raise EstimationError(
            "a unit lies in two strata",
            column=units[s] if units else "",
            got=str(df[units[s]].iloc[int(split.argmax())]) if units else "",
            expected="every unit in one stratum",
            hint="if unit codes repeat between strata, declare nest=True",
        )


def _pop_sizes(df: pd.DataFrame, column: str, unit: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    given = floats_of(df, column, "the population size is not a number")
    n_strata = int(stratum.max()) + 1
    first = np.unique(unit, return_index=True)[1]
    n = group_counts(stratum[first], n_strata)[stratum]
    size = n / given if np.all((given > 0) & (given <= 1)) else given
    bad = ~(size >= n - 1e-9)
    if bad.any():
        raise EstimationError(
            "a population size is smaller than the sample",
            column=column,
            row=int(bad.argmax()) + 1,
            got=f"{given[bad][0]:g}",
            expected=f"at least {n[bad][0]:g}",
        )
    low, high = np.full(n_strata, np.inf), np.zeros(n_strata)
    np.minimum.at(low, stratum, size)
    np.maximum.at(high, stratum, size)
    if (high - low > 1e-6 * high).any():
        raise EstimationError(
            "the population size differs inside a stratum", column=column, expected="one value per stratum"
        )
    return size
