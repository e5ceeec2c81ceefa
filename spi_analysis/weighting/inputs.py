"""What every step asks of its input: a table with its columns, numbers that are numbers, limits that are limits."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.sampling.sizes import is_number


def require_columns(data: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise for columns that the table does not have, and for what is no table."""
    if not isinstance(data, pd.DataFrame):
        raise WeightingError("this is no table", got=type(data).__name__, expected="a pandas DataFrame")
    absent = [column for column in columns if column not in data.columns]
    if absent:
        names = [str(column) for column in data.columns]
        listed = ", ".join(str(column) for column in absent)
        raise WeightingError("a column is missing", column=listed, hint=nearest(absent[0], names))


def numbers_of(data: pd.DataFrame, column: str) -> np.ndarray:
    """A column as floats (n,), missing values allowed; raises where it holds no numbers."""
    require_columns(data, [column])
    return floats_of(data[column], column)


def floats_of(values: pd.Series | np.ndarray | list[float], name: str) -> np.ndarray:
    """Values as floats (n,), missing ones allowed; ``name`` is what an error calls them."""
    series = pd.Series(values)
    if len(series) and not pd.api.types.is_numeric_dtype(series):
        raise WeightingError(
            "this is not a number", column=name, got=f"values such as {series.iloc[0]!r}", expected="numbers"
        )
    return series.to_numpy(dtype=float)


def weights_of(data: pd.DataFrame, weight: str) -> np.ndarray:
    """The weight column as floats; finite and not negative."""
    values = numbers_of(data, weight)
    _refuse(~(np.isfinite(values) & (values >= 0)), values, weight, "missing or negative", "a finite number, 0 or more")
    return values


def finite_weights(weights: pd.Series | np.ndarray | list[float]) -> np.ndarray:
    """Weights as floats (n,), none of them missing; calibrated ones may be negative."""
    values = floats_of(weights, "weight")
    _refuse(~np.isfinite(values), values, "weight", "missing or infinite", "a finite number")
    return values


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; what is true or false is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def limits_of(lower: float | None, upper: float | None) -> tuple[float, float]:
    """Limits of weights; None is no limit."""
    for limit in (lower, upper):
        if limit is not None and not is_number(limit):
            raise WeightingError("a limit is not usable", got=str(limit), expected="a finite number, or None")
    return -np.inf if lower is None else float(lower), np.inf if upper is None else float(upper)


def _refuse(bad: np.ndarray, values: np.ndarray, column: str, what: str, expected: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise WeightingError(f"a weight is {what}", column=column, row=row + 1, got=str(values[row]), expected=expected)
