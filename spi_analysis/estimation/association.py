"""Tests: Rao and Scott's chi-square of a two-way table, and the t test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2
from scipy.stats import f as f_distribution
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.estimation.contrasts import contrast
from spi_analysis.estimation.estimators import estimate_mean
from spi_analysis.estimation.inputs import require_columns
from spi_analysis.estimation.ratios import Design
from spi_analysis.estimation.result import Estimate, t_interval
from spi_analysis.estimation.smooth import Function, smooth_contrast

STATISTICS = ("F", "Chisq", "Wald", "adjWald")


@dataclass(frozen=True)
class TestResult:
    """A test: the statistic with its degrees of freedom (one number, or numerator and denominator), and p."""

    # Not a test case, in spite of its name.
    __test__ = False

    method: str
    statistic: float
    df: tuple[float, ...]
    p_value: float
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


def chi_square(design: Design, rows: str, columns: str, statistic: str = "F") -> TestResult:
    """Test of independence of two categorical columns.

    Parameters
    ----------
    statistic : str
        F (Pearson's with Rao and Scott's second-order correction), Chisq (their first-order correction),
        Wald (of the residual counts), adjWald (Wald for few degrees of freedom); names as in R survey

    Returns
    -------
    TestResult; for F and Chisq, as in R, the statistic is Pearson's divided by the trace of the design effects
    (F) or Pearson's itself (Chisq).

    Raises
    ------
    EstimationError   unknown statistic, a column that is missing or has a single value

    References
    ----------
    Rao & Scott (1984), Annals of Statistics 12; Thomas & Rao (1987), JASA 82; Koch, Freeman & Freeman (1975).
    """
    if statistic not in STATISTICS:
        raise EstimationError(
            "unknown statistic", got=statistic, expected=", ".join(STATISTICS), hint=nearest(statistic, STATISTICS)
        )
    table = _joint_shares(design, rows, columns)
    n_rows, n_columns = table.shape
    degrees = (n_rows - 1) * (n_columns - 1)
    nu = design.df()
    if statistic in ("Wald", "adjWald"):
        wald = _wald(table)
        if statistic == "Wald":
            return _f_test("Wald test of association", wald / degrees, degrees, nu)
        below = nu - degrees + 1
        return _f_test("Wald test of association, adjusted", wald * below / (degrees * nu), degrees, below)
    pearson, effects = _pearson(table)
    trace = float(np.trace(effects))
    if statistic == "Chisq":
        p = float(chi2.sf(pearson / (trace / degrees), degrees))
        return TestResult("Pearson's chi-square, first-order Rao-Scott correction", pearson, (degrees,), p)
    d0 = trace**2 / float(np.trace(effects @ effects))
    return _f_test("Pearson's chi-square, second-order Rao-Scott correction", pearson / trace, d0, d0 * nu)


def t_test(design: Design, variable: str, by: str | None = None, null: float = 0.0, level: float = 0.95) -> TestResult:
    """Test of a mean against ``null``, or of the difference between two domains (second minus first).

    The degrees of freedom are the design's minus one (as R's svyttest).

    Raises
    ------
    EstimationError   ``by`` does not have two values
    """
    estimate = estimate_mean(design, variable, by=by, level=level)
    if by is not None:
        if len(estimate.table) != 2:
            raise EstimationError(
                "a t test compares two domains", column=by, got=f"{len(estimate.table)} values", expected="2"
            )
        estimate = contrast(estimate, {0: -1.0, 1: 1.0})
    value, se = (float(estimate.table[column].iloc[0]) for column in ("estimate", "se"))
    df = design.df() - 1
    t = (value - null) / se
    low, high = t_interval(np.array([value]), np.array([se]), np.array([df]), level)
    return TestResult("t test", t, (df,), float(2 * student.sf(abs(t), df)), value, float(low[0]), float(high[0]))


@dataclass(frozen=True)
class _Table:
    """Shares of the cells of a two-way table (row by row) with their covariance."""

    shares: np.ndarray
    covariance: np.ndarray
    shape: tuple[int, int]
    n: int
    estimate: Estimate


def _joint_shares(design: Design, rows: str, columns: str) -> _Table:
    require_columns(design.data, [rows, columns])
    known = design.data[[rows, columns]].notna().all(axis=1)
    inside = design.subset(known)
    first, second = (pd.Categorical(design.data[c].where(known & design.in_domain)) for c in (rows, columns))
    shape = (len(first.categories), len(second.categories))
    for name, size in zip((rows, columns), shape, strict=True):
        if size < 2:
            raise EstimationError("a table needs two values", column=name, got=f"{size} values", expected="2 or more")
    cells = np.where(known & design.in_domain, first.codes * shape[1] + second.codes, -1)
    indicators = pd.DataFrame(
        {f"(cell {i})": (cells == i).astype(float) for i in range(shape[0] * shape[1])}, index=design.data.index
    )
    estimate = estimate_mean(inside.with_columns(indicators), list(indicators.columns))
    shares = estimate.table["estimate"].to_numpy()
    return _Table(shares, estimate.covariance, shape, int(estimate.table["n"].iloc[0]), estimate)


def _pearson(table: _Table) -> tuple[float, np.ndarray]:
    """Pearson's statistic for n rows, and the matrix of its generalised design effects."""
    shares = table.shares.reshape(table.shape)
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    pearson = table.n * float(((shares - expected) ** 2 / expected).sum())
    interactions = _interactions(table.shape)
    inverse = np.diag(np.divide(1.0, table.shares, out=np.zeros_like(table.shares), where=table.shares > 0))
    simple = interactions.T @ inverse @ interactions / table.n
    design = interactions.T @ inverse @ table.covariance @ inverse @ interactions
    return pearson, np.linalg.solve(simple, design)


def _interactions(shape: tuple[int, int]) -> np.ndarray:
    """Contrasts (cells, (r-1)(c-1)) that are orthogonal to the main effects of rows and columns."""
    r, c = shape
    row, column = np.divmod(np.arange(r * c), c)
    main = np.column_stack([np.ones(r * c), row[:, None] == np.arange(1, r), column[:, None] == np.arange(1, c)])
    products = (main[:, 1:r, None] * main[:, None, r:]).reshape(r * c, -1)
    return products - main @ np.linalg.lstsq(main, products, rcond=None)[0]


def _wald(table: _Table) -> float:
    """Wald statistic of the differences between observed and expected shares."""
    r, c = table.shape

    def residual(i: int, j: int) -> Function:
        return lambda p: p.reshape(r, c)[i, j] - p.reshape(r, c)[i].sum() * p.reshape(r, c)[:, j].sum()

    functions = {f"{i},{j}": residual(i, j) for i in range(1, r) for j in range(1, c)}
    residuals = smooth_contrast(table.estimate, functions)
    values = residuals.table["estimate"].to_numpy()
    return float(values @ np.linalg.solve(residuals.covariance, values))


def _f_test(method: str, statistic: float, numerator: float, denominator: float) -> TestResult:
    p = float(f_distribution.sf(statistic, numerator, denominator))
    return TestResult(method, float(statistic), (float(numerator), float(denominator)), p)
