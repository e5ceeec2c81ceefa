"""Combinations of estimates, with the covariance between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.result import Estimate, is_certain, make_table


def contrast(
    estimate: Estimate, weights: Mapping[int, float] | Mapping[str, Mapping[int, float]] | np.ndarray
) -> Estimate:
    """Linear combinations of the rows of an estimate.

    Parameters
    ----------
    estimate : Estimate with k rows
    weights : {row: weight}, or {name: {row: weight}}, or array (m, k); a row without weight takes no part,
        so that it may be missing

    Returns
    -------
    Estimate with one row per combination (``variable`` holds the name); df is the smallest and
    n the largest of the rows that take part.
    """
    names, matrix = _matrix(estimate, weights)
    used = matrix != 0
    values = _product(estimate.table["estimate"].to_numpy(dtype=float)[None, :], matrix)[0]
    covariance = _product(_product(estimate.covariance, matrix).T, matrix)
    rows = estimate.table
    # A row that takes no part decides nothing.
    df = np.where(used, rows["df_design"].to_numpy(dtype=float), np.inf).min(axis=1, initial=np.inf)
    n = np.where(used, rows["n"].to_numpy(), 0).max(axis=1, initial=0)
    df = np.where(used.any(axis=1), df, 0.0)
    certain = (~used | is_certain(rows)).all(axis=1)
    table = make_table(pd.DataFrame({"variable": names}), values, covariance, df, n, estimate.level, certain)
    replicates = None if estimate.replicates is None else _product(estimate.replicates, matrix)
    return Estimate(table, covariance, estimate.level, replicates)


def _product(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """values (r, k) @ matrix.T, where 0 times a missing value is 0, and any other multiple of it is missing."""
    missing = np.isnan(values)
    if not missing.any():
        return values @ matrix.T
    result = np.where(missing, 0.0, values) @ matrix.T
    return np.where((missing.astype(float) @ (matrix != 0).T) > 0, np.nan, result)


def _matrix(
    estimate: Estimate, weights: Mapping[int, float] | Mapping[str, Mapping[int, float]] | np.ndarray
) -> tuple[list[str], np.ndarray]:
    k = len(estimate.table)
    if isinstance(weights, np.ndarray):
        matrix = np.atleast_2d(weights).astype(float)
        if matrix.shape[1] != k:
            raise EstimationError("the contrast has another length", got=str(matrix.shape[1]), expected=f"{k} columns")
        return [f"contrast {i}" for i in range(len(matrix))], matrix
    named = _named(weights)
    matrix = np.zeros((len(named), k))
    for i, row_weights in enumerate(named.values()):
        for row, value in row_weights.items():
            if not -k <= row < k:
                raise EstimationError("the contrast names no row", got=str(row), expected=f"0 to {k - 1}")
            matrix[i, row] = value
    return list(named), matrix


def _named(weights: Mapping[int, float] | Mapping[str, Mapping[int, float]]) -> dict[str, dict[int, float]]:
    nested = {str(name): dict(value) for name, value in weights.items() if isinstance(value, Mapping)}
    if nested:
        return nested
    return {"contrast": {int(row): float(value) for row, value in weights.items() if not isinstance(value, Mapping)}}
