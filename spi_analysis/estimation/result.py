"""Estimates with their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.estimation.inputs import usable_level

RESULT_COLUMNS = ["estimate", "se", "ci_low", "ci_high", "df_design", "n"]


@dataclass(frozen=True)
class Estimate:
    """Estimates, one row each, with the covariance between the rows.

    ``table``: variable, (category,) (quantile,) (domain columns,) estimate, se, ci_low,
    ci_high, df_design, n, (deff). ``covariance`` (k, k) in the table's row order.
    ``replicates`` (R, k): the estimates in every replicate, where the design has any, missing
    where a replicate has nobody in the domain.
    """

    table: pd.DataFrame
    covariance: np.ndarray
    level: float
    replicates: np.ndarray | None = None

    @property
    def replicates_left_out(self) -> np.ndarray:
        """Replicates (k,) that do not have the estimate, and so are not in its variance (0 without replicates)."""
        if self.replicates is None:
            return np.zeros(len(self.table), dtype=int)
        return np.isnan(self.replicates).sum(axis=0)


def t_interval(estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """estimate -/+ t * se; the normal where df is infinite, missing where df is 0 or less.

    Without degrees of freedom a standard error of 0 says nothing: one answer cannot differ from itself.
    """
    quantile = student.ppf(0.5 + usable_level(level) / 2, np.where(df > 0, df, np.nan))
    # With no variability there is nothing to multiply, however large the quantile.
    half = np.where((se == 0) & (df > 0), 0.0, quantile * se)
    return estimate - half, estimate + half


def make_table(
    labels: pd.DataFrame,
    estimate: np.ndarray,
    covariance: np.ndarray,
    df: np.ndarray,
    n: np.ndarray,
    level: float,
    certain: np.ndarray | None = None,
) -> pd.DataFrame:
    """Labels and the columns of a result, with Wald-type t intervals.

    ``certain`` (k,): what is known without error, as in a census, where the interval is a point whatever df is.
    """
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    low, high = t_interval(estimate, se, df, level)
    if certain is not None:
        known = certain & (se == 0)
        low, high = np.where(known, estimate, low), np.where(known, estimate, high)
    values = dict(zip(RESULT_COLUMNS, (estimate, se, low, high, df, n), strict=True))
    return pd.DataFrame({name: labels[name].array for name in labels} | values)


def is_certain(table: pd.DataFrame) -> np.ndarray:
    """Rows (k,) of a result that have no error at all: their interval is a point."""
    return ((table["se"] == 0) & (table["ci_low"] == table["ci_high"])).to_numpy()
