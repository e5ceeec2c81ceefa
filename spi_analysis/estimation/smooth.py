"""Smooth functions of estimates (delta method), and differences of independent estimates."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.exceptions import ComplexWarning

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import RESULT_COLUMNS, Estimate, is_certain, make_table

Function = Callable[[np.ndarray], float]
# The complex step has no rounding error of a difference: any step so small that its square vanishes will do.
STEP = 1e-30
NUDGE = 1e-3


def smooth_contrast(
    estimate: Estimate, functions: Function | Mapping[str, Function], design: ReplicateDesign | None = None
) -> Estimate:
    """Smooth functions of the rows of an estimate.

    Parameters
    ----------
    estimate : Estimate with k rows
    functions : function, or {name: function}
        each takes the values (k,) and gives a number, by arithmetic and NumPy functions, for
        example ``lambda m: 100 * (m[0] / m[1] - 1)``
    design : ReplicateDesign or None
        given, every function is evaluated in every replicate; else the delta method is used

    Returns
    -------
    Estimate with one row per function; df is the smallest and n the largest of the rows it depends on.

    Raises
    ------
    EstimationError   a function that is not smooth enough to be differentiated (such as ``abs``)

    References
    ----------
    Binder (1983), International Statistical Review 51; Squire & Trapp (1998), SIAM Review 40 (complex step).
    """
    named = dict(functions) if isinstance(functions, Mapping) else {"contrast": functions}
    values = estimate.table["estimate"].to_numpy(dtype=float)
    found = np.array([float(function(values)) for function in named.values()])
    slopes = np.array([_gradient(name, function, values) for name, function in named.items()])
    replicates = None
    if design is None:
        known = np.nan_to_num(estimate.covariance)
        covariance = slopes @ known @ slopes.T
    else:
        if estimate.replicates is None:
            raise EstimationError("the estimate has no replicates", hint="leave the design out for the delta method")
        replicates = np.array([[float(f(row)) for f in named.values()] for row in estimate.replicates])
        covariance = design.covariance_of(found, replicates)
    return _combined(estimate, list(named), found, covariance, slopes != 0, replicates)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """First minus second, row by row, of two independent estimates of the same rows (such as two rounds).

    Returns
    -------
    Estimate; covariances add up; df by Satterthwaite; n is the smaller of the two.

    Raises
    ------
    EstimationError   the rows differ

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2.
    """
    labels = [part.table.drop(columns=[*RESULT_COLUMNS, "deff"], errors="ignore") for part in (first, second)]
    if not labels[0].reset_index(drop=True).equals(labels[1].reset_index(drop=True)):
        raise EstimationError(
            "the two estimates are not of the same rows",
            got=f"{len(second.table)} rows ({', '.join(map(str, labels[1].columns))})",
            expected=f"{len(first.table)} rows ({', '.join(map(str, labels[0].columns))})",
        )
    a, b = first.table, second.table
    covariance = first.covariance + second.covariance
    sizes = [part["df_design"].to_numpy(dtype=float) for part in (a, b)]
    variances = [part["se"].to_numpy() ** 2 for part in (a, b)]
    parts = [np.divide(v**2, d, out=np.zeros(len(a)), where=d > 0) for v, d in zip(variances, sizes, strict=True)]
    df = np.divide(np.diag(covariance) ** 2, sum(parts), out=np.full(len(a), np.inf), where=np.asarray(sum(parts)) > 0)
    certain = [is_certain(part) for part in (a, b)]
    unknown = [~sure & (size <= 0) for sure, size in zip(certain, sizes, strict=True)]
    df = np.where(unknown[0] | unknown[1], 0.0, df)
    n = np.minimum(a["n"].to_numpy(), b["n"].to_numpy())
    values = a["estimate"].to_numpy() - b["estimate"].to_numpy()
    table = make_table(labels[0], values, covariance, df, n, first.level, certain[0] & certain[1])
    return Estimate(table, covariance, first.level)


def _gradient(name: str, function: Function, values: np.ndarray) -> np.ndarray:
    """Derivatives (k,) by the complex step."""
    slopes = np.empty(len(values))
    for j in range(len(values)):
        point = values.astype(complex)
        point[j] += 1j * STEP
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ComplexWarning)
                moved = function(point)
        except (TypeError, ComplexWarning) as error:
            raise _not_smooth(name, str(error)) from None
        # abs() and its like drop the imaginary part without a word; a constant has none to drop.
        if not np.iscomplexobj(moved) and function(values) != function(values + NUDGE * (np.arange(len(values)) == j)):
            raise _not_smooth(name, "a real number for a complex one")
        slopes[j] = np.imag(moved) / STEP
    return slopes


def _not_smooth(name: str, got: str) -> EstimationError:
    return EstimationError(
        "the function cannot be differentiated", key=name, got=got, expected="arithmetic and NumPy functions"
    )


def _combined(
    estimate: Estimate,
    names: list[str],
    values: np.ndarray,
    covariance: np.ndarray,
    used: np.ndarray,
    replicates: np.ndarray | None,
) -> Estimate:
    rows = estimate.table
    df = np.array([rows["df_design"].to_numpy(dtype=float)[row].min(initial=np.inf) for row in used])
    n = np.array([rows["n"].to_numpy()[row].max(initial=0) for row in used])
    certain = np.array([is_certain(rows)[row].all() for row in used])
    table = make_table(pd.DataFrame({"variable": names}), values, covariance, df, n, estimate.level, certain)
    return Estimate(table, covariance, estimate.level, replicates)
