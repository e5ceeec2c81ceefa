"""What every design asks of its table: columns that are there, weights that can be used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError, nearest


def require_columns(df: pd.DataFrame, columns: list[str]) -> None:
    """Raise for the first column that the table does not have."""
    for column in columns:
        if column not in df.columns:
            raise EstimationError("a column is missing", column=column, hint=nearest(column, map(str, df.columns)))


def usable_weights(df: pd.DataFrame, weight: str) -> np.ndarray:
    """The weight column as floats; finite and not negative."""
    require_columns(df, [weight])
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


def floats_of(df: pd.DataFrame, column: str, problem: str) -> np.ndarray:
    """A column as floats (n,), missing values allowed; raises ``problem`` for text."""
    if not pd.api.types.is_numeric_dtype(df[column]):
        raise EstimationError(problem, column=column, got=str(df[column].dtype), expected="numbers")
    return df[column].to_numpy(dtype=float, na_value=np.nan)


def numeric_columns(data: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """Columns as floats, missing values allowed; raises for no column, one that is no number, an infinite value."""
    if not names:
        raise EstimationError("no variable is given", expected="a column, or a list of columns")
    require_columns(data, names)
    table = data[names]
    text = [name for name, kind in zip(names, table.dtypes, strict=True) if not pd.api.types.is_numeric_dtype(kind)]
    if text:
        raise EstimationError(
            "the variable is not a number", column=", ".join(text), hint="use estimate_proportion for categories"
        )
    values = table.to_numpy(dtype=float, na_value=np.nan)
    infinite = np.argwhere(np.isinf(values).T)
    if len(infinite):
        column, row = infinite[0]
        name = names[column]
        raise EstimationError("a value is infinite", column=name, row=int(row) + 1, expected="a number, or missing")
    return dict(zip(names, values.T, strict=True))


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
