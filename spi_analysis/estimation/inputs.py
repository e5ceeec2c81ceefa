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
