"""Estimates with their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta as beta_distribution
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.design import usable_level

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


# Intervals for proportions that hold near 0 and 1.

INTERVALS = ("wald", "logit", "wilson", "beta", "asin")


def proportion_interval(
    table: pd.DataFrame, method: str, level: float, cap_effective_n: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Limits (k,), (k,) for the proportions of a result table (columns estimate, se, df_design, n).

    Parameters
    ----------
    cap_effective_n : bool
        the effective number of answers p(1-p)/se**2 is never more than ``n``: a few rare answers in cells of small
        weight make a standard error that is too small just where the estimate is too low. R's svyciprop has no cap.

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24; Brown, Cai & DasGupta (2001), Statistical Science 16;
    Parker et al. (2017), National Center for Health Statistics, Vital and Health Statistics 2(175) (the cap).
    """
    p, se = table["estimate"].to_numpy(dtype=float), table["se"].to_numpy(dtype=float)
    df, n = table["df_design"].to_numpy(dtype=float), table["n"].to_numpy(dtype=float)
    # Nobody in the domain: nothing to say.
    n = np.where(n > 0, n, np.nan)
    if cap_effective_n:
        se = capped_se(p, se, n)
    if method == "wald":
        return t_interval(p, se, df, level)
    if method not in INTERVALS:
        raise EstimationError(
            "unknown interval", got=method, expected=", ".join(INTERVALS), hint=nearest(method, INTERVALS)
        )
    quantile = student.ppf(0.5 + level / 2, np.where(df > 0, df, np.nan))
    inside = (p > 0) & (p < 1) & (se > 0)
    # At 0 or 1 the design says nothing about precision: the sample size stands in.
    effective = np.where(inside, p * (1 - p) / np.where(inside, se, 1) ** 2, n)
    if method == "logit":
        return _logit(p, se, quantile, inside, effective)
    if method == "wilson":
        return _wilson(p, effective, quantile)
    if method == "asin":
        return _arcsine(p, se, quantile, inside, effective)
    return _beta(p, effective, df, n, level, inside, cap_effective_n)


def capped_se(p: np.ndarray, se: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Standard errors (k,) of proportions, none below that of ``n`` answers drawn one by one; unknown ones stay so."""
    least = np.sqrt(p * (1 - p) / n)
    return np.where(se < least, least, se)


def _logit(
    p: np.ndarray, se: np.ndarray, quantile: np.ndarray, inside: np.ndarray, effective: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    safe = np.where(inside, p, 0.5)
    centre, half = np.log(safe / (1 - safe)), quantile * se / (safe * (1 - safe))
    low, high = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
    # The logit of 0 or 1 does not exist; Wilson's interval does.
    outer_low, outer_high = _wilson(p, effective, quantile)
    return np.where(inside, low, outer_low), np.where(inside, high, outer_high)


def _arcsine(
    p: np.ndarray, se: np.ndarray, quantile: np.ndarray, inside: np.ndarray, effective: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    safe = np.where(inside, p, 0.5)
    centre, half = np.arcsin(np.sqrt(safe)), quantile * se / (2 * np.sqrt(safe * (1 - safe)))
    low, high = (np.sin(np.clip(angle, 0, np.pi / 2)) ** 2 for angle in (centre - half, centre + half))
    outer_low, outer_high = _wilson(p, effective, quantile)
    return np.where(inside, low, outer_low), np.where(inside, high, outer_high)


def _wilson(p: np.ndarray, effective: np.ndarray, quantile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z2 = quantile**2 / effective
    centre = (p + z2 / 2) / (1 + z2)
    half = quantile / (1 + z2) * np.sqrt(p * (1 - p) / effective + z2 / (4 * effective))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def _beta(
    p: np.ndarray,
    effective: np.ndarray,
    df: np.ndarray,
    n: np.ndarray,
    level: float,
    inside: np.ndarray,
    capped: bool,
) -> tuple[np.ndarray, np.ndarray]:
    tail = (1 - level) / 2
    # No degrees of freedom, no interval.
    n = np.where(df > 0, n, np.nan)
    shrink = (student.ppf(tail, np.maximum(n - 1, 1)) / student.ppf(tail, np.maximum(df, 1))) ** 2
    size = np.where(inside, effective * shrink, n)
    if capped:
        # In a small domain of a large design the factor is above 1.
        size = np.minimum(size, n)
    low = beta_distribution.ppf(tail, size * p, size * (1 - p) + 1)
    high = beta_distribution.ppf(1 - tail, size * p + 1, size * (1 - p))
    return np.where((p <= 0) & (df > 0), 0.0, low), np.where((p >= 1) & (df > 0), 1.0, high)
