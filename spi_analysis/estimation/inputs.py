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
    if not pd.api.types.is_numeric_dtype(df[weight]):
        raise EstimationError("the weight is not a number", column=weight, got=str(df[weight].dtype))
    values = df[weight].to_numpy(dtype=float)
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


def numeric_columns(data: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """Columns as floats, missing values allowed; raises for no column, one that is no number, an infinite value."""
    if not names:
        raise EstimationError("no variable is given", expected="a column, or a list of columns")
    require_columns(data, names)
    text = [name for name in names if not pd.api.types.is_numeric_dtype(data[name])]
    if text:
        raise EstimationError(
            "the variable is not a number", column=", ".join(text), hint="use estimate_proportion for categories"
        )
    columns = {name: data[name].to_numpy(dtype=float) for name in names}
    for name, values in columns.items():
        if np.isinf(values).any():
            row = int(np.isinf(values).argmax()) + 1
            raise EstimationError("a value is infinite", column=name, row=row, expected="a number, or missing")
    return columns


def usable_level(level: float) -> float:
    """A confidence level: above 0, below 1."""
    if not 0 < level < 1:
        raise EstimationError("the confidence level is out of range", got=f"{level:g}", expected="between 0 and 1")
    return float(level)
