"""The area-level model y = X beta + u + e: checked inputs, weighted least squares, the variance of u, the MSE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import qr

from spi_analysis.errors import EstimationError

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
    precision = 1 / (sigma2 + psi)
    weight = np.sqrt(precision)
    basis, triangle = np.linalg.qr(weight[:, None] * x)
    root = np.linalg.inv(triangle)
    beta = root @ (basis.T @ (weight * y))
    return Gls(precision, basis, root, beta, y - x @ beta)


def score(method: str, fit: Gls) -> tuple[float, float]:
    """Estimating function of sigma2 and the expectation of its negative slope (Rao & Molina 2015, section 6.1)."""
    v, r, h = fit.precision, fit.residual, fit.leverage
    if method == "FH":
        return float(v @ r**2 - (len(v) - fit.basis.shape[1])), float(v.sum())
    squares = v**2 @ r**2
    if method == "ML":
        return float(squares - v.sum()) / 2, float(v @ v) / 2
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
    if method == "FH":
        return 2 * m / total**2, 2 * (m * squares - total**2) / total**3
    return 2 / squares, -float(v @ fit.leverage) / squares if method == "ML" else 0.0


def mean_squared_error(areas: Areas, sigma2: float, method: str, fit: Gls) -> np.ndarray:
    """g1 + g2 + 2 g3 - bias B^2 with B = 1 - gamma; an area without a direct estimate is the limit B = 1."""
    variance, bias = sigma2_moments(method, fit)
    psi = np.where(areas.sampled, areas.variances, 1.0)
    precision = np.where(areas.sampled, 1 / (sigma2 + psi), 0.0)
    b = np.where(areas.sampled, psi * precision, 1.0)
    g2 = b**2 * ((areas.x @ fit.root) ** 2).sum(axis=1)
    g3 = b**2 * variance * precision
    return sigma2 * b + g2 + 2 * g3 - bias * b**2
