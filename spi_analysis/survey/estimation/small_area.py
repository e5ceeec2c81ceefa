"""Small areas: the Fay-Herriot model borrows strength for units with few answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import qr

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.result import PRINTED_ROWS

# The area-level model y = X beta + u + e: checked inputs, weighted least squares, the variance of u, the MSE.

Values = pd.Series | np.ndarray | Sequence[float]
Matrix = pd.DataFrame | pd.Series | np.ndarray
INTERCEPT = "(intercept)"


@dataclass(frozen=True)
class Areas:
    """Direct estimates, their variances (D,) and covariates (D, p), in one order; ``sampled`` marks the usable ones."""

    index: pd.Index
    columns: pd.Index
    direct: np.ndarray
    variances: np.ndarray
    x: np.ndarray
    sampled: np.ndarray


def checked_areas(direct: Values, variances: Values, X: Matrix, intercept: bool) -> Areas:
    """Inputs in the order of the first that has an index; arrays go by position.

    Raises
    ------
    EstimationError   lengths or labels that do not fit, text, missing or infinite values, variances of 0 or less,
        dependent columns, not more areas than columns.
    """
    index, (direct, variances, X) = aligned(direct=direct, variances=variances, X=X)
    y, psi = numbers("direct", direct), numbers("variances", variances)
    frame = _covariates(X, index, intercept)
    sampled = ~(np.isnan(y) | np.isnan(psi))
    complain("a direct estimate is infinite", index, np.isinf(y), y, "a finite number, or NaN where there is none")
    hint = "smooth the variances first (smooth_variances), or give NaN for an area that shall have no direct estimate"
    wrong = sampled & ~(np.isfinite(psi) & (psi > 0))
    complain("a sampling variance is not positive", index, wrong, psi, "a finite number above 0", hint)
    x = frame.to_numpy(dtype=float)
    for name, column in zip(frame.columns, x.T, strict=True):
        bad = ~np.isfinite(column)
        hint = "every area needs its covariates, also one without a direct estimate"
        complain("a covariate is missing or infinite", index, bad, column, "a finite number", hint, str(name))
    _require_rank(x[sampled], frame.columns, intercept)
    return Areas(index, frame.columns, y, psi, x, sampled)


def aligned(**inputs: Any) -> tuple[pd.Index, list[Any]]:
    """The common index and the inputs in its order."""
    shapes = {name: np.shape(value) for name, value in inputs.items()}
    if any(len(shape) == 0 for shape in shapes.values()) or len({shape[0] for shape in shapes.values()}) > 1:
        raise EstimationError(
            "the inputs have different lengths",
            got=", ".join(f"{name} {shape}" for name, shape in shapes.items()),
            expected="one value (one row of X) per area",
        )
    labelled = [value.index for value in inputs.values() if isinstance(value, (pd.Series, pd.DataFrame))]
    index = labelled[0] if labelled else pd.RangeIndex(next(iter(shapes.values()))[0])
    return index, [_in_order(name, value, index) for name, value in inputs.items()]


def _in_order(name: str, value: Any, index: pd.Index) -> Any:
    if not isinstance(value, (pd.Series, pd.DataFrame)) or value.index.equals(index):
        return value
    unmatched = index.symmetric_difference(value.index)
    if len(unmatched) or not (index.is_unique and value.index.is_unique):
        raise EstimationError(
            "the inputs name different areas",
            column=name,
            got=f"not in both, or twice: {', '.join(map(str, unmatched[:5])) or 'repeated labels'}",
            expected="the same index everywhere, in any order",
            hint="give arrays to match by position",
        )
    return value.reindex(index)


def numbers(name: str, values: Any) -> np.ndarray:
    """One number per area; missing as NaN."""
    try:
        array = pd.Series(values).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise EstimationError("an input is not one number per area", column=name, got=str(error)) from error
    return array


def complain(
    what: str, index: pd.Index, bad: np.ndarray, values: np.ndarray, expected: str, hint: str = "", column: str = ""
) -> None:
    """Raise for all areas that are marked as bad, naming the first five."""
    if bad.any():
        where = np.flatnonzero(bad)
        named = ", ".join(f"{index[i]} ({values[i]:g})" for i in where[:5]) + (", ..." if len(where) > 5 else "")
        raise EstimationError(what, column=column, got=f"{len(where)} areas: {named}", expected=expected, hint=hint)


def _covariates(X: Any, index: pd.Index, intercept: bool) -> pd.DataFrame:
    frame = X.to_frame(X.name if X.name is not None else "x0") if isinstance(X, pd.Series) else X
    if not isinstance(frame, pd.DataFrame):
        array = np.asarray(frame)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise EstimationError("X is not a matrix", got=str(array.shape), expected="(areas, columns)")
        frame = pd.DataFrame(array, index=index, columns=[f"x{j}" for j in range(array.shape[1])])
    text = [str(name) for name, kind in zip(frame.columns, frame.dtypes, strict=True) if not _is_number(kind)]
    if text:
        hint = "make 0/1 columns of categories: pd.get_dummies(..., drop_first=True, dtype=float)"
        raise EstimationError("a covariate is not a number", column=", ".join(text), hint=hint)
    names = [*([INTERCEPT] if intercept else []), *frame.columns]
    if len(set(names)) < len(names):
        raise EstimationError("X names a column twice", column=", ".join(map(str, names)), expected="different names")
    # to_numpy turns pandas' own missing values into NaN column by column.
    clean = {name: frame[name].to_numpy(dtype=float, na_value=np.nan) for name in frame.columns}
    return pd.DataFrame({INTERCEPT: 1.0, **clean} if intercept else clean, index=index, columns=names)


def _is_number(kind: Any) -> bool:
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _require_rank(x: np.ndarray, columns: pd.Index, intercept: bool) -> None:
    m, p = x.shape
    if p == 0 or m <= p:
        hint = "the variance between areas needs more areas than columns" if p else "an intercept is a column of ones"
        got = f"{m} areas with a direct estimate, {p} columns of X"
        raise EstimationError("too few areas or no covariate", got=got, expected="areas > columns > 0", hint=hint)
    length = np.sqrt((x**2).sum(axis=0))
    _, r, order = qr(x / np.where(length > 0, length, 1.0), mode="economic", pivoting=True)
    dependent = order[np.abs(np.diag(r)) <= max(m, p) * np.finfo(float).eps * 8]
    if len(dependent):
        hint = "drop them" + (f"; {INTERCEPT} was added because intercept=True" if intercept else "")
        raise EstimationError(
            "columns of X are linear combinations of others in the areas with a direct estimate",
            column=", ".join(str(columns[j]) for j in sorted(dependent)),
            got=f"rank {p - len(dependent)}",
            expected=f"rank {p}",
            hint=hint,
        )


@dataclass(frozen=True)
class Gls:
    """Weighted least squares with precisions 1/(sigma2 + variance): coefficients, residuals, leverages.

    ``basis`` (m, p) is orthonormal, ``root`` (p, p) gives the covariance of beta as root @ root.T.
    """

    precision: np.ndarray
    basis: np.ndarray
    root: np.ndarray
    beta: np.ndarray
    residual: np.ndarray

    @property
    def leverage(self) -> np.ndarray:
        return (self.basis**2).sum(axis=1)


def least_squares(y: np.ndarray, psi: np.ndarray, x: np.ndarray, sigma2: float) -> Gls:
    """The fit at one value of sigma2."""
    # beta = (X'V^-1 X)^-1 X'V^-1 y with V = diag(sigma2 + psi), by the QR factors of V^-1/2 X (Rao & Molina 2015,
    # section 6.1); cov(beta) = (X'V^-1 X)^-1 = R^-1 R^-T.
    precision = 1 / (sigma2 + psi)
    weight = np.sqrt(precision)
    basis, triangle = np.linalg.qr(weight[:, None] * x)
    root = np.linalg.inv(triangle)
    beta = root @ (basis.T @ (weight * y))
    return Gls(precision, basis, root, beta, y - x @ beta)


def score(method: str, fit: Gls) -> tuple[float, float]:
    """Estimating function of sigma2 and the expectation of its negative slope (Rao & Molina 2015, section 6.1)."""
    v, r, h = fit.precision, fit.residual, fit.leverage
    # FH: sum r**2 / (sigma2 + psi) = m - p, by moments (Fay & Herriot 1979).
    if method == "FH":
        return float(v @ r**2 - (len(v) - fit.basis.shape[1])), float(v.sum())
    # ML: [sum v**2 r**2 - tr V^-1] / 2, information tr V^-2 / 2.
    squares = v**2 @ r**2
    if method == "ML":
        return float(squares - v.sum()) / 2, float(v @ v) / 2
    # REML: [y'PP y - tr P] / 2, information tr PP / 2, P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1; h are the leverages.
    cross = fit.basis.T @ (v[:, None] * fit.basis)
    return float(squares - v @ (1 - h)) / 2, float(v**2 @ (1 - 2 * h) + (cross**2).sum()) / 2


def solve_sigma2(
    y: np.ndarray, psi: np.ndarray, x: np.ndarray, method: str, tolerance: float, max_iterations: int
) -> tuple[float, int, bool]:
    """Scoring from the median variance: (sigma2 >= 0, iterations, converged).

    Every score says on which side the solution lies; a step past a point known to be too far is halved.
    """
    sigma2, low, high = float(np.median(psi)), 0.0, np.inf
    # The solution does not depend on X beta; without it rounding is that of the residuals.
    y = least_squares(y, psi, x, sigma2).residual
    for k in range(1, max_iterations + 1):
        # Fisher's scoring: sigma2 + score / information, kept at or above 0.
        slope, information = score(method, least_squares(y, psi, x, sigma2))
        low, high = (sigma2, high) if slope > 0 else (low, sigma2)
        step = slope / information
        if low == 0 and sigma2 + step <= 0 and score(method, least_squares(y, psi, x, 0.0))[0] <= 0:
            return 0.0, k, True
        while (slope > 0 and sigma2 + step >= high) or (slope < 0 and sigma2 + step <= low):
            step /= 2
        if abs(step) <= tolerance * sigma2:
            return sigma2 + step, k, True
        sigma2 += step
    return sigma2, max_iterations, False


def sigma2_moments(method: str, fit: Gls) -> tuple[float, float]:
    """Asymptotic variance and bias of the estimator of sigma2 (Datta & Lahiri 2000; Datta, Rao & Smith 2005)."""
    v, m = fit.precision, len(fit.precision)
    total, squares = float(v.sum()), float(v @ v)
    # FH: variance 2 m / (sum v)**2, bias 2 [m sum v**2 - (sum v)**2] / (sum v)**3 (Datta, Rao & Smith 2005).
    if method == "FH":
        return 2 * m / total**2, 2 * (m * squares - total**2) / total**3
    # REML and ML: variance 2 / sum v**2; ML has the bias -tr[(X'V^-1 X)^-1 X'V^-2 X] / sum v**2 (Datta & Lahiri 2000).
    return 2 / squares, -float(v @ fit.leverage) / squares if method == "ML" else 0.0


def mean_squared_error(areas: Areas, sigma2: float, method: str, fit: Gls) -> np.ndarray:
    """g1 + g2 + 2 g3 - bias B^2 with B = 1 - gamma; an area without a direct estimate is the limit B = 1."""
    # Prasad & Rao (1990), Datta & Lahiri (2000): g1 = gamma psi = sigma2 B, g2 = B**2 x' cov(beta) x,
    # g3 = psi**2 / (sigma2 + psi)**3 var(sigma2); twice g3, since g1 is estimated with a bias of -g3.
    variance, bias = sigma2_moments(method, fit)
    psi = np.where(areas.sampled, areas.variances, 1.0)
    precision = np.where(areas.sampled, 1 / (sigma2 + psi), 0.0)
    b = np.where(areas.sampled, psi * precision, 1.0)
    g2 = b**2 * ((areas.x @ fit.root) ** 2).sum(axis=1)
    g3 = b**2 * variance * precision
    return sigma2 * b + g2 + 2 * g3 - bias * b**2


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

    Examples
    --------
    >>> model = fay_herriot([10.0, 12.0, 14.0, 16.0], np.full(4, 5 / 3), np.ones((4, 1)))
    >>> model.beta.round(4).tolist(), model.on_boundary, model.table.columns.tolist()
    ([13.0], False, ['eblup', 'mse', 'synthetic', 'gamma'])
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

    def __repr__(self) -> str:
        steps = f"{self.iterations} steps" if self.converged else f"not converged after {self.iterations} steps"
        areas = f"areas: {len(self.table)}, {self.n_sampled} sampled"
        sigma = f"sigma2 {self.sigma2:.4g} (standard error {self.sigma2_se:.3g}), {self.method}, {steps}"
        return f"{self.table.to_string(max_rows=PRINTED_ROWS)}\n{areas}; {sigma}"

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
    X: Matrix | None = None,
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
        are: an intercept is a column of ones, and nothing but it if X is None (every area is drawn to the common
        mean). Inputs with an index are matched by it, arrays by position: ``table.set_index("unit")`` names the areas
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
    EstimationError   unknown method, a tolerance or number of steps out of range, lengths or labels that do not fit,
        text, an infinite direct estimate, variance not positive, missing covariate, a column named twice, dependent
        columns, not more areas than columns; names the areas or columns.

    References
    ----------
    Fay & Herriot (1979), JASA 74; Prasad & Rao (1990), JASA 85; Datta & Lahiri (2000), Statistica Sinica 10 (REML, ML);
    Datta, Rao & Smith (2005), Biometrika 92 (FH); Rao & Molina (2015), Small Area Estimation, sections 6.1-6.2.

    Examples
    --------
    With equal variances REML is ``sigma2 = 20/3 - 5/3 = 5``: every direct estimate has the weight 5 / (5 + 5/3) = 3/4,
    the common mean 13 the rest.

    >>> model = fay_herriot([10.0, 12.0, 14.0, 16.0], np.full(4, 5 / 3), np.ones((4, 1)))
    >>> round(model.sigma2, 4), model.eblup.round(4).tolist()
    (5.0, [10.75, 12.25, 13.75, 15.25])
    """
    _require_options(method, tolerance, max_iterations)
    areas = checked_areas(direct, variances, np.ones((len(direct), 1)) if X is None else X, intercept)
    y, psi, x = areas.direct[areas.sampled], areas.variances[areas.sampled], areas.x[areas.sampled]
    sigma2, iterations, converged = solve_sigma2(y, psi, x, method, tolerance, max_iterations)
    fit = least_squares(y, psi, x, sigma2)
    synthetic, gamma = areas.x @ fit.beta, _gamma(areas, sigma2)
    # EBLUP: gamma direct + (1 - gamma) x' beta.
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
    EstimationError   unknown correction, lengths or labels that do not fit, text, a negative or infinite variance or n,
        variance without n, fewer than 3 areas to fit, equal n with a free slope.

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, ch. 7; Rao & Molina (2015), section 6.4; Duan (1983), JASA 78
    (smearing); Hidiroglou, Beaumont & Yung (2019), Survey Methodology 45 (ratio).

    Examples
    --------
    Variances of 100/n; the last area has no variance of its own.

    >>> line = smooth_variances([4.0, 2.0, 1.0, np.nan], [25, 50, 100, 200])
    >>> round(line.slope, 6), line.smoothed.round(6).tolist()
    (-1.0, [4.0, 2.0, 1.0, 0.5])
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
    # log variance = a + b log n + e (Wolter 2007, ch. 7).
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
