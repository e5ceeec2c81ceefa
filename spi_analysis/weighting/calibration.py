"""Calibration: weights as close as possible to the old ones that reproduce known totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import lstsq

from spi_analysis.errors import Problem, WeightingError, nearest
from spi_analysis.sampling.strata import cell_labels
from spi_analysis.weighting.auxiliary import Auxiliary, Totals, auxiliary_of
from spi_analysis.weighting.groups import require_columns, weights_of

TOLERANCE = 1e-12
MAX_ITERATIONS = 200
METHODS = ("linear", "raking", "logit")


@dataclass(frozen=True)
class _Distance:
    """A calibration function: g(u) = new/old weight, its slope, and its integral (the dual objective)."""

    g: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    integral: Callable[[np.ndarray], np.ndarray]


def calibrate(
    df: pd.DataFrame,
    weight: str,
    totals: Totals,
    method: str = "linear",
    bounds: tuple[float, float] | None = None,
) -> pd.Series:
    """Calibrate weights to known totals.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    totals : mapping
        a dict value is a categorical margin {level: total}, a number the total of a numeric column,
        ``"(intercept)"`` the population size; redundant totals are allowed if they agree
    method : str              linear (GREG), raking (exponential), logit (needs ``bounds``)
    bounds : (low, high) or None   limits of new/old weight, low < 1 < high; with ``linear`` the truncated form

    Returns
    -------
    Series (n,), name of ``weight``: calibrated weights, in persons (linear without bounds may give negative ones).

    Raises
    ------
    WeightingError   totals that do not fit the sample, and totals that cannot be met (inside the
        bounds): the one that is missed by most is named.

    References
    ----------
    Deville & Sarndal (1992), JASA 87.
    """
    weights = weights_of(df, weight)
    auxiliary, targets = auxiliary_of(df, totals)
    g = calibration_factors(weights, auxiliary, targets, method, bounds)
    return pd.Series(weights * g, index=df.index, name=weight)


def post_stratify(
    df: pd.DataFrame, weight: str, by: str | list[str], totals: Mapping[object, float] | pd.Series
) -> pd.Series:
    """Scale weights inside every cell of ``by`` to its population total.

    Parameters
    ----------
    df, weight   as in ``calibrate``
    by : str or list of str   cell columns
    totals : mapping or Series   level (for a list of columns: tuple of levels) -> population total

    Returns
    -------
    Series (n,), name of ``weight``, in persons.

    References
    ----------
    Holt & Smith (1979), Journal of the Royal Statistical Society A 142.
    """
    labels, cell_totals = post_stratum_cells(df, by, totals)
    cell = str(labels.name)
    return calibrate(df.assign(**{cell: labels}), weight, {cell: cell_totals})


def post_stratum_cells(
    df: pd.DataFrame, by: str | list[str], totals: Mapping[object, float] | pd.Series
) -> tuple[pd.Series, dict[object, float]]:
    """Cell label of every row, and totals under the same labels."""
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(df, columns)
    keys = [key if isinstance(key, tuple) else (key,) for key in dict(totals)]
    odd = [key for key in keys if len(key) != len(columns)]
    if odd:
        raise WeightingError("a total does not name a cell", got=str(odd[0]), expected=f"a level of {columns}")
    cells = pd.DataFrame(keys, columns=columns)
    labels = cell_labels(cells, columns)
    values = dict(zip(labels, (float(total) for total in dict(totals).values()), strict=True))
    return cell_labels(df, columns).rename(" x ".join(columns)), values


def calibration_factors(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    method: str = "linear",
    bounds: tuple[float, float] | None = None,
) -> np.ndarray:
    """new/old weight (n,): Newton on the dual of the calibration problem, which is convex."""
    distance = _distance(method, bounds)
    coefficients = np.zeros(len(targets))
    predictor = np.zeros(len(weights))
    scale = _scales(auxiliary, weights, targets)
    residual = targets - auxiliary.totals(weights * distance.g(predictor))
    for _ in range(MAX_ITERATIONS):
        if np.all(np.abs(residual) <= TOLERANCE * scale):
            return distance.g(predictor)
        gram = auxiliary.gram(weights * distance.slope(predictor))
        step = _solve(gram, residual, scale)
        length = _line_search(weights, auxiliary, targets, distance, coefficients, predictor, step, residual)
        if length == 0.0:
            break
        coefficients = coefficients + length * step
        predictor = auxiliary.predict(coefficients)
        residual = targets - auxiliary.totals(weights * distance.g(predictor))
    if np.all(np.abs(residual) <= 1e-7 * scale):
        return distance.g(predictor)
    raise _not_met(auxiliary, targets, residual, scale, method, bounds)


def _solve(gram: np.ndarray, residual: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Least-norm solution: redundant totals make the matrix singular, which does no harm."""
    solution = lstsq(gram / scale[:, None] / scale[None, :], residual / scale, cond=1e-12, lapack_driver="gelsd")[0]
    return solution / scale


def _scales(auxiliary: Auxiliary, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
    sizes = np.maximum(np.abs(targets), np.sqrt(np.diag(auxiliary.gram(weights)) * max(weights.sum(), 1e-300)))
    return np.maximum(sizes, 1e-300)


def _line_search(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    distance: _Distance,
    coefficients: np.ndarray,
    predictor: np.ndarray,
    step: np.ndarray,
    residual: np.ndarray,
) -> float:
    """Halve the Newton step until the dual objective falls enough (Armijo)."""
    change = auxiliary.predict(step)
    start = float(weights @ distance.integral(predictor) - coefficients @ targets)
    gain = float(residual @ step)
    if gain <= 1e-9 * max(abs(start), 1.0):
        # So close that the objective only shows rounding; Newton's full step is right.
        return 1.0
    length = 1.0
    while length > 1e-10:
        with np.errstate(over="ignore"):
            moved = float(weights @ distance.integral(predictor + length * change))
        value = moved - float((coefficients + length * step) @ targets)
        if value <= start - 1e-4 * length * gain:
            return length
        length /= 2
    return 0.0


def _distance(method: str, bounds: tuple[float, float] | None) -> _Distance:
    if method not in METHODS:
        raise WeightingError("unknown method", got=method, expected=", ".join(METHODS), hint=nearest(method, METHODS))
    if bounds is not None and not bounds[0] < 1 < bounds[1]:
        raise WeightingError("the bounds do not contain 1", got=str(bounds), expected="low < 1 < high")
    if method == "raking":
        if bounds is not None:
            raise WeightingError("raking has no bounds", got=str(bounds), expected='method="logit" with bounds')
        return _Distance(np.exp, np.exp, np.exp)
    if method == "logit":
        if bounds is None:
            raise WeightingError("the logit method needs bounds", got="None", expected="(low, high)")
        return _logit(*bounds)
    return _truncated(*bounds) if bounds else _truncated(-np.inf, np.inf)


def _truncated(low: float, high: float) -> _Distance:
    def inside(u: np.ndarray) -> np.ndarray:
        return np.clip(u, low - 1, high - 1)

    return _Distance(
        g=lambda u: 1 + inside(u),
        slope=lambda u: ((u >= low - 1) & (u <= high - 1)).astype(float),
        integral=lambda u: u + inside(u) * (u - inside(u) / 2),
    )


def _logit(low: float, high: float) -> _Distance:
    a = (high - low) / ((1 - low) * (high - 1))

    def share(u: np.ndarray) -> np.ndarray:
        # The part of the way from low to high; written so that exp never overflows.
        return 1 / (1 + (high - 1) / (1 - low) * np.exp(-np.clip(a * u, -700, 700)))

    return _Distance(
        g=lambda u: low + (high - low) * share(u),
        slope=lambda u: (high - low) * a * share(u) * (1 - share(u)),
        integral=lambda u: low * u + (high - low) / a * np.logaddexp(np.log(high - 1), np.log(1 - low) + a * u),
    )


def _not_met(
    auxiliary: Auxiliary,
    targets: np.ndarray,
    residual: np.ndarray,
    scale: np.ndarray,
    method: str,
    bounds: tuple[float, float] | None,
) -> WeightingError:
    worst = np.argsort(-np.abs(residual) / scale)[:3]
    return WeightingError(
        *(
            Problem(
                f"calibration ({method}) cannot meet a total" + (f" within bounds {bounds}" if bounds else ""),
                key=auxiliary.names[j],
                got=f"{targets[j] - residual[j]:.8g}",
                expected=f"{targets[j]:.8g}",
                hint="widen the bounds, merge thin levels, or leave a total out",
            )
            for j in worst
            if abs(residual[j]) > 1e-7 * scale[j]
        )
    )
