"""How well the items of a dimension measure one thing: Cronbach's alpha and McDonald's omega, with survey weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError
from spi_analysis.survey import effective_n
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign

# The factor's communalities have converged when none moves by more than this.
SETTLED, MOST_STEPS = 1e-10, 20_000
COLUMNS = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n", "omega", "items"]


@dataclass(frozen=True)
class OneFactor:
    """A common factor of k items: ``loadings`` (k,) of standardised items; ``is_proper``: none is explained whole."""

    loadings: np.ndarray
    is_proper: bool


def reliability(design: SurveyDesign | ReplicateDesign, items: list[str], level: float) -> pd.Series:
    """Alpha of some items with its interval, and omega, from people who answered all of them.

    The interval is made for log(1 - alpha), which is nearly normal: from the replicates of the design; without
    replicates from Bonett's variance ``2k / ((k - 1)(n - 2))``.

    Returns
    -------
    Series: estimate (alpha), se, ci_low, ci_high, df_design, n, effective_n (of those who answered all), omega, items
    (their number); missing where there are fewer than two items or three people, or nothing varies.

    References
    ----------
    Cronbach (1951), Psychometrika 16; Bonett (2002), Journal of Educational and Behavioral Statistics 27; McDonald
    (1999), Test Theory, ch. 6.
    """
    values = design.data[items].to_numpy(dtype=float)
    rows = ~np.isnan(values).any(axis=1) & design.in_domain & (design.weights > 0)
    w, x, k = design.weights[rows], values[rows], len(items)
    result: dict[str, float] = {"n": len(x), "items": k}
    if k >= 2 and len(x) >= 3:
        result["effective_n"] = effective_n(w)
        covariance = weighted_covariance(x, w[:, None])[0]
        alpha = float(cronbach_alpha(covariance[None])[0])
        if alpha < 1:
            spread, df, se = _uncertainty(design, rows, x, alpha, result["effective_n"])
            half = student.ppf(0.5 + level / 2, df) * spread if df > 0 else np.nan
            low, high = 1 - (1 - alpha) * np.exp([half, -half])
            result |= {"estimate": alpha, "se": se, "df_design": df, "ci_low": low, "ci_high": high}
            result["omega"] = mcdonald_omega(covariance)
    return pd.Series(result, COLUMNS, dtype=float)


def cronbach_alpha(covariances: np.ndarray) -> np.ndarray:
    """Alpha (r,) of covariance matrices (r, k, k); missing where the sum of the items does not vary."""
    k = covariances.shape[-1]
    total = covariances.sum(axis=(1, 2))
    own = np.trace(covariances, axis1=1, axis2=2)
    share = np.divide(own, total, out=np.full(len(total), np.nan), where=total > 0)
    return k / (k - 1) * (1 - share)


def mcdonald_omega(covariance: np.ndarray) -> float:
    """Share of the variance of the sum of items (k, k) that one common factor explains; missing below three items."""
    sd = np.sqrt(np.diag(covariance))
    if len(sd) < 3 or not (sd > 0).all():
        return float("nan")
    factor = one_factor(covariance / np.outer(sd, sd))
    if not factor.is_proper:
        return float("nan")
    common = float((factor.loadings * sd).sum()) ** 2
    unique = float(((1 - factor.loadings**2) * sd**2).sum())
    return common / (common + unique)


def one_factor(correlation: np.ndarray) -> OneFactor:
    """Loadings of a single factor by iterated principal axes (the least-squares solution).

    References
    ----------
    Harman (1976), Modern Factor Analysis, ch. 8-9.
    """
    reduced = correlation.astype(float).copy()
    shared = 1 - 1 / np.diag(np.linalg.pinv(correlation))
    for _ in range(MOST_STEPS):
        np.fill_diagonal(reduced, shared)
        values, vectors = np.linalg.eigh(reduced)
        loadings = vectors[:, -1] * np.sqrt(max(values[-1], 0.0))
        moved = float(np.abs(loadings**2 - shared).max())
        shared = loadings**2
        if moved < SETTLED or shared.max() > 1:
            break
    sign = 1.0 if loadings.sum() >= 0 else -1.0
    return OneFactor(sign * loadings, bool(moved < SETTLED and shared.max() <= 1))


def weighted_covariance(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Covariance matrices (r, k, k) of x (n, k) with r sets of weights (n, r), each divided by its sum of weights."""
    totals = weights.sum(axis=0)
    if (totals <= 0).any():
        raise EstimationError("a set of weights is empty", got=f"{int((totals <= 0).sum())} of {len(totals)} sets")
    k = x.shape[1]
    means = (weights.T @ x) / totals[:, None]
    products = (x[:, :, None] * x[:, None, :]).reshape(len(x), k * k)
    second = (weights.T @ products).reshape(-1, k, k) / totals[:, None, None]
    return second - means[:, :, None] * means[:, None, :]


def _uncertainty(
    design: SurveyDesign | ReplicateDesign, rows: np.ndarray, x: np.ndarray, alpha: float, effective: float
) -> tuple[float, float, float]:
    """Standard error of log(1 - alpha), degrees of freedom, standard error of alpha."""
    k = x.shape[1]
    if isinstance(design, ReplicateDesign):
        usable = design.replicates[rows].sum(axis=0) > 0
        repeated = np.full(design.replicates.shape[1], alpha)
        repeated[usable] = cronbach_alpha(weighted_covariance(x, design.replicates[rows][:, usable]))
        # A replicate in which nothing varies says nothing; it counts as no deviation.
        known = np.where(repeated < 1, repeated, alpha)[:, None]
        on_log = design.covariance_of(np.array([np.log(1 - alpha)]), np.log(1 - known))
        plain = design.covariance_of(np.array([alpha]), known)
        return float(np.sqrt(on_log[0, 0])), design.df(rows), float(np.sqrt(plain[0, 0]))
    spread = float(np.sqrt(2 * k / ((k - 1) * (effective - 2)))) if effective > 2 else float("nan")
    return spread, float(len(x) - 1), (1 - alpha) * spread


# Other weights of the dimensions, from how they go together: beside the declared ones, never in their place.

Method = Literal["pca", "efa"]


def data_weights(values: pd.DataFrame, weights: np.ndarray, method: Method) -> pd.Series:
    """Weights of dimensions that follow from their correlations: squared loadings, made to sum to 1.

    ``pca``: of the first principal component; ``efa``: of a single common factor. Dimensions that go together get more,
    one that stands alone gets less: statistics know nothing of importance.

    Parameters
    ----------
    values : DataFrame (n, D)   every person's score of each dimension; people with a gap are left out
    weights : array (n,)        survey weights

    Returns
    -------
    Series (D,), named by dimension.

    Raises
    ------
    EstimationError   fewer than two dimensions (three for efa), too few people, or a dimension that does not vary.

    References
    ----------
    OECD and JRC (2008), Handbook on Constructing Composite Indicators, section 6.1.
    """
    known = values.notna().all(axis=1).to_numpy() & (weights > 0)
    least = 3 if method == "efa" else 2
    if values.shape[1] < least or known.sum() <= values.shape[1]:
        got = f"{values.shape[1]} dimensions, {int(known.sum())} people"
        raise EstimationError("too little to derive weights from", got=got, expected=f"at least {least} dimensions")
    covariance = weighted_covariance(values.to_numpy(dtype=float)[known], weights[known, None])[0]
    sd = np.sqrt(np.diag(covariance))
    if not (sd > 0).all():
        still = [str(name) for name, s in zip(values.columns, sd, strict=True) if not s > 0]
        raise EstimationError("a dimension does not vary", key=", ".join(still))
    correlation = covariance / np.outer(sd, sd)
    loadings = one_factor(correlation).loadings if method == "efa" else np.linalg.eigh(correlation)[1][:, -1]
    return pd.Series(loadings**2 / (loadings**2).sum(), values.columns)
