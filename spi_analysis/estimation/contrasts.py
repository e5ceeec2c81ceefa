"""Combinations of estimates, with the covariance between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.result import Estimate, make_table


def contrast(
    estimate: Estimate, weights: Mapping[int, float] | Mapping[str, Mapping[int, float]] | np.ndarray
) -> Estimate:
    """Linear combinations of the rows of an estimate.

    Parameters
    ----------
    estimate : Estimate with k rows
    weights : {row: weight}, or {name: {row: weight}}, or array (m, k)

    Returns
    -------
    Estimate with one row per combination (``variable`` holds the name); df is the smallest and
    n the largest of the rows that take part.
    """
    names, matrix = _matrix(estimate, weights)
    values = matrix @ estimate.table["estimate"].to_numpy()
    covariance = matrix @ estimate.covariance @ matrix.T
    used = matrix != 0
    df = np.array([estimate.table["df_design"].to_numpy()[row].min() for row in used])
    n = np.array([estimate.table["n"].to_numpy()[row].max() for row in used])
    table = make_table(pd.DataFrame({"variable": names}), values, covariance, df, n, estimate.level)
    replicates = None if estimate.replicates is None else estimate.replicates @ matrix.T
    return Estimate(table, covariance, estimate.level, replicates)


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
