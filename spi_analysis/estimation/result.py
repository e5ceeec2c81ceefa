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
    ``replicates`` (R, k): the estimates in every replicate, where the design has any.
    """

    table: pd.DataFrame
    covariance: np.ndarray
    level: float
    replicates: np.ndarray | None = None


def t_interval(estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """estimate -/+ t * se; the normal where df is infinite, no interval where df is 0."""
    quantile = student.ppf(0.5 + usable_level(level) / 2, np.where(df > 0, df, np.nan))
    # With no variability there is nothing to multiply: a certain estimate has a point as its interval.
    half = np.where(se == 0, 0.0, quantile * se)
    return estimate - half, estimate + half


def make_table(
    labels: pd.DataFrame, estimate: np.ndarray, covariance: np.ndarray, df: np.ndarray, n: np.ndarray, level: float
) -> pd.DataFrame:
    """Labels and the columns of a result, with Wald-type t intervals."""
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    low, high = t_interval(estimate, se, df, level)
    values = dict(zip(RESULT_COLUMNS, (estimate, se, low, high, df, n), strict=True))
    return pd.DataFrame({name: labels[name].array for name in labels} | values)
