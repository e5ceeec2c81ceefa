"""Small areas: the Fay-Herriot model borrows strength for units with few answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.estimation.area_model import (
    Areas,
    Matrix,
    Values,
    aligned,
    checked_areas,
    complain,
    least_squares,
    mean_squared_error,
    numbers,
    sigma2_moments,
    solve_sigma2,
)

METHODS = ("REML", "ML", "FH")
CORRECTIONS = ("smearing", "lognormal", "ratio", "none")
# A line through fewer points says nothing about the scatter around it.
MIN_POINTS = 3


@dataclass(frozen=True)
class FayHerriot:
    """A fitted area-level model; Series are in the order of the areas (D), or of the columns of X (p).

    ``eblup``, ``mse`` (D,): the estimates, in the unit of ``direct``, and their mean squared error (unit squared);
    ``synthetic`` (D,): X beta; ``gamma`` (D,): weight of the direct estimate, 0 where there is none;
    ``beta`` (p,), ``beta_covariance`` (p, p); ``sigma2``, ``sigma2_se``: variance between areas that X does not
    explain and its asymptotic standard error; ``loglik``: Gaussian log-likelihood at the estimates (not the
    restricted one, also for REML); ``n_sampled``: areas with a direct estimate.
    """

    eblup: pd.Series
    mse: pd.Series
    synthetic: pd.Series
    gamma: pd.Series
    beta: pd.Series
    beta_covariance: pd.DataFrame
    sigma2: float
    sigma2_se: float
    loglik: float
    method: str
    iterations: int
    converged: bool
    n_sampled: int

    @property
    def beta_se(self) -> pd.Series:
        """Standard errors of beta (p,)."""
        return pd.Series(np.sqrt(np.diag(self.beta_covariance)), index=self.beta.index, name="beta_se")

    @property
    def on_boundary(self) -> bool:
        """Whether sigma2 is estimated as 0: every estimate is then the synthetic one."""
        return self.sigma2 == 0

    @property
    def table(self) -> pd.DataFrame:
        """One row per area: eblup, mse, synthetic, gamma."""
        return pd.concat([self.eblup, self.mse, self.synthetic, self.gamma], axis=1)


def fay_herriot(
    direct: Values,
    variances: Values,
    X: Matrix,
    method: str = "REML",
    *,
    intercept: bool = False,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> FayHerriot:
    """Empirical best linear unbiased predictors of area means, with their mean squared error.

    Model: direct_d = x_d' beta + u_d + e_d, u_d ~ (0, sigma2), e_d ~ (0, variances_d) with known variances.

    Parameters
    ----------
    direct : Series or array (D,)      direct estimates; NaN where an area has none
    variances : Series or array (D,)   their sampling variances (unit of direct, squared), > 0; NaN also means none
    X : DataFrame or array (D, p)      covariates, one row per area (also without a direct estimate), used as they
        are: an intercept is a column of ones. Inputs with an index are matched by it, arrays by position
    method : str                       REML, ML, FH (moments); decides sigma2 and the MSE
    intercept : bool                   True puts a column of ones, "(intercept)", before X
    tolerance, max_iterations : float, int
        scoring ends when sigma2 changes by at most this share of itself, or after so many steps. The defaults are
        those of R's ``sae``, whose steps are ours while none goes below 0; 1e-12 and 10,000 end at the maximum itself

    Returns
    -------
    FayHerriot. Without a direct estimate: x' beta, MSE sigma2 + x' cov(beta) x minus the bias of sigma2 (0 for REML).
    ``converged`` is False where max_iterations was too few.

    Raises
    ------
    EstimationError   unknown method, lengths or labels that do not fit, variance not positive, missing covariate,
        dependent columns, not more areas than columns; names the areas or columns.

    References
    ----------
    Fay & Herriot (1979), JASA 74; Prasad & Rao (1990), JASA 85; Datta & Lahiri (2000), Statistica Sinica 10 (REML, ML);
    Datta, Rao & Smith (2005), Biometrika 92 (FH); Rao & Molina (2015), Small Area Estimation, sections 6.1-6.2.
    """
    _require_options(method, tolerance, max_iterations)
    areas = checked_areas(direct, variances, X, intercept)
    y, psi, x = areas.direct[areas.sampled], areas.variances[areas.sampled], areas.x[areas.sampled]
    sigma2, iterations, converged = solve_sigma2(y, psi, x, method, tolerance, max_iterations)
    fit = least_squares(y, psi, x, sigma2)
    synthetic, gamma = areas.x @ fit.beta, _gamma(areas, sigma2)
    eblup = synthetic + gamma * (np.where(areas.sampled, areas.direct, synthetic) - synthetic)
    columns = {
        "eblup": eblup,
        "mse": mean_squared_error(areas, sigma2, method, fit),
        "synthetic": synthetic,
        "gamma": gamma,
    }
    return FayHerriot(
        **{name: pd.Series(values, index=areas.index, name=name) for name, values in columns.items()},
        beta=pd.Series(fit.beta, index=areas.columns, name="beta"),
        beta_covariance=pd.DataFrame(fit.root @ fit.root.T, index=areas.columns, columns=areas.columns),
        sigma2=sigma2,
        sigma2_se=float(np.sqrt(sigma2_moments(method, fit)[0])),
        loglik=float(np.log(fit.precision / (2 * np.pi)).sum() - fit.precision @ fit.residual**2) / 2,
        method=method,
        iterations=iterations,
        converged=converged,
        n_sampled=len(y),
    )


def _gamma(areas: Areas, sigma2: float) -> np.ndarray:
    """sigma2 / (sigma2 + variance); 0 without a direct estimate."""
    return np.where(areas.sampled, sigma2 / (sigma2 + np.where(areas.sampled, areas.variances, 1.0)), 0.0)


def _require_options(method: str, tolerance: float, max_iterations: int) -> None:
    if method not in METHODS:
        raise EstimationError(
            "unknown method", got=str(method), expected=", ".join(METHODS), hint=nearest(method, METHODS)
        )
    if not (0 < tolerance < 1 and max_iterations >= 1):
        got = f"tolerance={tolerance}, max_iterations={max_iterations}"
        raise EstimationError("the iteration cannot be run", got=got, expected="0 < tolerance < 1, at least 1 step")


@dataclass(frozen=True)
class VarianceFunction:
    """A generalised variance function: variance = factor * exp(intercept + slope * log n).

    ``smoothed`` (D,): the smoothed variances; ``residual_sd``: scatter of the log variances around the line;
    ``r_squared``: share of their spread that the line explains; ``n_used``: areas that the line is fitted to.
    """

    smoothed: pd.Series
    intercept: float
    slope: float
    factor: float
    residual_sd: float
    r_squared: float
    n_used: int


def smooth_variances(
    variances: Values, n: Values, *, slope: float | None = None, correction: str = "smearing"
) -> VarianceFunction:
    """Sampling variances smoothed over areas by their sample size.

    Least squares of log variance on log n, and back: exp(line) estimates a median, ``correction`` makes it a mean.

    Parameters
    ----------
    variances : Series or array (D,)   direct variance estimates, >= 0; NaN or 0 (one answer, or all alike) are left
        out of the fit and get the smoothed value of their n
    n : Series or array (D,)           answers, or effective answers; 0 or NaN only without a variance: stays NaN
    slope : float or None              None: estimated; -1.0: every area has the same variance of a single answer
    correction : str                   smearing: mean of exp(residual); lognormal: exp(residual variance / 2);
        ratio: the smoothed variances sum to the direct ones; none

    Returns
    -------
    VarianceFunction; ``smoothed`` is what ``fay_herriot`` takes as known.

    Raises
    ------
    EstimationError   negative variance, variance without n, fewer than 3 areas to fit, equal n with a free slope.

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, ch. 7; Rao & Molina (2015), section 6.4; Duan (1983), JASA 78
    (smearing); Hidiroglou, Beaumont & Yung (2019), Survey Methodology 45 (ratio).
    """
    if correction not in CORRECTIONS:
        hint = nearest(correction, CORRECTIONS)
        raise EstimationError("unknown correction", got=str(correction), expected=", ".join(CORRECTIONS), hint=hint)
    index, ordered = aligned(variances=variances, n=n)
    v, size = numbers("variances", ordered[0]), numbers("n", ordered[1])
    used = _usable_points(index, v, size, slope)
    answered = size > 0
    log_n = np.log(np.where(answered, size, 1.0))
    t, log_v = log_n[used], np.log(v[used])
    centred = t - t.mean()
    b = float(centred @ log_v / (centred @ centred)) if slope is None else float(slope)
    a = float(log_v.mean() - b * t.mean())
    residual = log_v - a - b * t
    s2 = float(residual @ residual) / (len(t) - (2 if slope is None else 1))
    factor = _factor(correction, residual, s2, v[used])
    spread = float(((log_v - log_v.mean()) ** 2).sum())
    smoothed = np.where(answered, factor * np.exp(a + b * log_n), np.nan)
    return VarianceFunction(
        smoothed=pd.Series(smoothed, index=index, name="smoothed"),
        intercept=a,
        slope=b,
        factor=factor,
        residual_sd=float(np.sqrt(s2)),
        r_squared=1 - float(residual @ residual) / spread if spread > 0 else np.nan,
        n_used=len(t),
    )


def _factor(correction: str, residual: np.ndarray, s2: float, v: np.ndarray) -> float:
    """What turns the back-transformed line into a mean."""
    if correction == "smearing":
        return float(np.exp(residual).mean())
    if correction == "ratio":
        return float(v.sum() / (v / np.exp(residual)).sum())
    return float(np.exp(s2 / 2)) if correction == "lognormal" else 1.0


def _usable_points(index: pd.Index, v: np.ndarray, n: np.ndarray, slope: float | None) -> np.ndarray:
    complain("a variance is negative or infinite", index, (v < 0) | np.isinf(v), v, "a finite number, 0 or more")
    complain("a sample size is negative or infinite", index, (n < 0) | np.isinf(n), n, "a finite number, 0 or more")
    complain("a variance has no sample size", index, ~np.isnan(v) & ~(n > 0), n, "answers, above 0")
    used = v > 0
    if used.sum() < MIN_POINTS:
        got = f"{int(used.sum())} areas with a variance above 0"
        raise EstimationError("too few areas to smooth variances", got=got, expected=f"at least {MIN_POINTS}")
    if slope is None and np.ptp(n[used]) == 0:
        hint = "slope=-1.0 takes the variance of a single answer as the same everywhere"
        raise EstimationError("all areas have the same sample size", got=f"n = {n[used][0]:g}", hint=hint)
    return used
