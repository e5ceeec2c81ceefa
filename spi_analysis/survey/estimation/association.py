"""Two-way tables: their shares, Rao and Scott's chi-square of them, and the t test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2
from scipy.stats import f as f_distribution
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.contrasts import Function, contrast, smooth_contrast
from spi_analysis.survey.estimation.design_inputs import data_of
from spi_analysis.survey.estimation.domains import By, Design, domains_of
from spi_analysis.survey.estimation.estimators import estimate_mean, estimate_proportion, estimate_total
from spi_analysis.survey.estimation.result import RESULT_COLUMNS, Rule, dots, t_interval
from spi_analysis.survey.groups import SEPARATOR, require_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATISTICS = ("F", "Chisq", "Wald", "adjWald")
# A standard error below this, relative to its mean, is one of rounding.
ROUNDING = 1e-12
# A matrix of worse condition than this differs from a singular one by rounding only.
SINGULAR = 1e12


@dataclass(frozen=True)
class TestResult:
    """A test: what was compared with what.

    Parameters
    ----------
    method : str                 name of the test
    statistic : float
    df : tuple of float          degrees of freedom: one number, or numerator and denominator
    p_value : float              0 to 1
    estimate, ci_low, ci_high : float or None   what was tested, with its limits (t test only)

    Examples
    --------
    >>> TestResult("t test", statistic=2.0, df=(10.0,), p_value=0.07).method
    't test'
    """

    # Not a test case, in spite of its name.
    __test__ = False

    method: str
    statistic: float
    df: tuple[float, ...]
    p_value: float
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None

    def __repr__(self) -> str:
        if np.isnan(self.statistic):
            return self.method
        df = ", ".join(f"{one:.4g}" for one in self.df)
        found = "" if self.estimate is None else f"{self.estimate:.4g} ({self.ci_low:.4g} to {self.ci_high:.4g}), "
        return f"{self.method}: {found}statistic {self.statistic:.4g} (df {df}), p = {self.p_value:.3g}"


def shown_test(test: TestResult, n: int, rule: Rule | None) -> TestResult:
    """What a design's rule leaves of a test made from ``n`` people: its figures go through it like a row of estimates.

    Raises
    ------
    EstimationError   the rule takes them away
    """
    if rule is None:
        return test
    found = (test.estimate, test.ci_low, test.ci_high)
    value, low, high = (test.statistic, np.nan, np.nan) if test.estimate is None else found
    numbers = (value, np.nan, low, high, test.df[-1], n)
    row = pd.DataFrame([{"variable": test.method, **dict(zip(RESULT_COLUMNS, numbers, strict=True))}])
    kept = rule(row.assign(t=test.statistic, p_value=test.p_value)).iloc[0]
    if np.isnan(kept["estimate"]):
        raise _too_few(test.method)
    shown = replace(test, statistic=float(kept["t"]), p_value=float(kept["p_value"]))
    if test.estimate is None:
        return shown
    value, low, high = (float(kept[name]) for name in ("estimate", "ci_low", "ci_high"))
    return replace(shown, estimate=value, ci_low=low, ci_high=high)


def _too_few(what: str) -> EstimationError:
    return EstimationError(
        "the test rests on too few people to be shown",
        key=what,
        got="groups or cells that the design's rule hides",
        hint="merge thin groups, or test without the rule and keep the result inside the house",
    )


def chi_square(design: Design, rows: str, columns: str, statistic: str = "F") -> TestResult:
    """Test of independence of two categorical columns.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    rows, columns : str   columns of the table; people without a value in both are outside it
    statistic : str
        F (Pearson's with Rao and Scott's second-order correction), Chisq (their first-order correction),
        Wald (of the residual counts), adjWald (Wald for few degrees of freedom); names as in R survey

    Returns
    -------
    TestResult; for F and Chisq, as in R, the statistic is Pearson's divided by the trace of the design effects
    (F) or Pearson's itself (Chisq).

    Raises
    ------
    EstimationError   unknown statistic, a column that is missing or has a single value; a table too thin for the test,
        without sampling error or without degrees of freedom; a stratum has a single unit (``lonely_psu="fail"``); the
        design's rule hides a cell

    References
    ----------
    Rao & Scott (1984), Annals of Statistics 12; Thomas & Rao (1987), JASA 82; Koch, Freeman & Freeman (1975),
    International Statistical Review 43.

    Examples
    --------
    Of 10 women 6 said yes, of 10 men 2: ``20 (6*8 - 4*2)**2 / (10 * 10 * 8 * 12) = 10/3``.

    >>> people = pd.DataFrame({"w": 5.0, "sex": ["f"] * 10 + ["m"] * 10})
    >>> people["paid"] = ["yes"] * 6 + ["no"] * 4 + ["yes"] * 2 + ["no"] * 8
    >>> from spi_analysis.survey import SurveyDesign
    >>> test = chi_square(SurveyDesign(people, weight="w"), "sex", "paid", statistic="Chisq")
    >>> round(test.statistic, 3), test.df
    (3.333, (1,))
    """
    if statistic not in STATISTICS:
        raise EstimationError(
            "unknown statistic", got=statistic, expected=", ".join(STATISTICS), hint=nearest(statistic, STATISTICS)
        )
    require_columns(data_of(design), [rows, columns], EstimationError)
    if design.rule is not None:
        known = design.subset(_known(design, [rows, columns]))
        if estimate_proportion(known, columns, by=rows).table["estimate"].isna().any():
            raise _too_few(f"{rows}, {columns}")
    test = _independence(design.with_rule(None), rows, columns, statistic)
    return shown_test(test, int((_known(design, [rows, columns]) & design.in_domain).sum()), design.rule)


def _independence(design: Design, rows: str, columns: str, statistic: str) -> TestResult:
    table = _joint(design, rows, columns)
    n_rows, n_columns = table.shape
    degrees = (n_rows - 1) * (n_columns - 1)
    nu = table.design.df()
    if statistic in ("Wald", "adjWald"):
        wald = _wald(table)
        if statistic == "Wald":
            return f_test("Wald test of association", wald / degrees, degrees, nu)
        # Wald's statistic as Hotelling's T2: F with nu - d + 1 degrees of freedom (Thomas & Rao 1987).
        below = nu - degrees + 1
        return f_test("Wald test of association, adjusted", wald * below / (degrees * nu), degrees, below)
    pearson, effects = _pearson(table)
    trace = float(np.trace(effects))
    if not trace > 0:
        raise EstimationError(
            "the table has no sampling error that could be known: there is nothing to test",
            got=f"design effects that sum to {trace:g}",
            hint="in a census the table itself is the answer",
        )
    if statistic == "Chisq":
        # First order: X2 over the mean design effect is about chi-square.
        p = float(chi2.sf(pearson / (trace / degrees), degrees))
        return TestResult("Pearson's chi-square, first-order Rao-Scott correction", pearson, (degrees,), p)
    # Second order: X2 / trace is about F with d0 = trace**2 / trace of the square and d0 nu degrees of freedom.
    d0 = trace**2 / float(np.trace(effects @ effects))
    return f_test("Pearson's chi-square, second-order Rao-Scott correction", pearson / trace, d0, d0 * nu)


CELL = "(cell)"
SHARES = ("rows", "columns", "all")


@dataclass(frozen=True, repr=False)
class Crosstab:
    """A two-way table of shares with a test of independence.

    Parameters
    ----------
    table : DataFrame (cells, ...)   (domain columns,) the row column, the column's, share, se, ci_low, ci_high,
        df_design, n (people with a value in all of them, of whom the share is taken)
    test : TestResult or DataFrame   Rao and Scott's test; with domains a row for each
    level : float                    of the intervals

    Examples
    --------
    >>> from spi_analysis.survey import SurveyDesign, crosstab
    >>> people = pd.DataFrame({"w": 5.0, "sex": ["f"] * 10 + ["m"] * 10})
    >>> people["paid"] = ["yes"] * 6 + ["no"] * 4 + ["yes"] * 2 + ["no"] * 8
    >>> found = crosstab(SurveyDesign(people, weight="w"), "sex", "paid")
    >>> found.table.loc[found.table["paid"] == "yes", ["sex", "share", "n"]].values.tolist()
    [['f', 0.6, 10], ['m', 0.2, 10]]
    """

    table: pd.DataFrame
    test: TestResult | pd.DataFrame
    level: float

    def __repr__(self) -> str:
        return f"{self.table.to_string(index=False, float_format='{:,.5g}'.format)}\n{self.test}"

    def _repr_html_(self) -> str:
        return f"{self.table.to_html(index=False, float_format='{:,.5g}'.format, border=0)}<p>{self.test}</p>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Shares as dots with their intervals, a colour for every value of the column.

        Examples
        --------
        >>> from spi_analysis.survey import SurveyDesign, crosstab
        >>> people = pd.DataFrame({"w": 5.0, "sex": list("ffmm") * 2, "paid": list("ynynnynn")})
        >>> [t.get_text() for t in crosstab(SurveyDesign(people, "w"), "sex", "paid").plot().get_yticklabels()]
        ['f', 'm']
        """
        return dots(self.table, ax, value="share")


def crosstab(
    design: Design,
    rows: str,
    columns: str,
    by: By = None,
    shares: str = "rows",
    level: float = 0.95,
    interval: str = "logit",
) -> Crosstab:
    """A two-way table: how those of every row are divided among the columns, and whether it depends on the row.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    rows, columns : str              columns of categories; people without a value in both are outside the table
    by : str or list of str or None  domain columns: a table for each of their values
    shares : str                     of whom: rows (of each row: rows sum to 1), columns, all (of the whole table)
    level : float                    of the intervals
    interval : str                   as in ``estimate_proportion``: logit holds near 0 and 1

    Returns
    -------
    Crosstab

    Raises
    ------
    EstimationError   unknown ``shares`` or interval; the same column twice; else as ``chi_square`` and
        ``estimate_proportion``

    References
    ----------
    Rao & Scott (1984), Annals of Statistics 12 (test); Korn & Graubard (1998), Survey Methodology 24 (intervals).

    Examples
    --------
    Of 10 women 6 said yes, of 10 men 2: ``10/3 * 19/20`` (drawn with replacement) against F(1, 19).

    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 5.0, "sex": ["f"] * 10 + ["m"] * 10})
    >>> people["paid"] = ["yes"] * 6 + ["no"] * 4 + ["yes"] * 2 + ["no"] * 8
    >>> found = crosstab(SurveyDesign(people, weight="w"), "sex", "paid")
    >>> found.table["share"].tolist(), round(found.test.p_value, 3)
    ([0.4, 0.6, 0.8, 0.2], 0.091)
    """
    if shares not in SHARES:
        raise EstimationError("unknown shares", got=shares, expected=", ".join(SHARES), hint=nearest(shares, SHARES))
    named = [by] if isinstance(by, str) else list(by or [])
    if len({*named, rows, columns}) < len(named) + 2:
        raise EstimationError("a column stands in the table twice", got=", ".join([*named, rows, columns]))
    require_columns(data_of(design), [*named, rows, columns], EstimationError)
    inside = design.subset(_known(design, [*named, rows, columns]))
    table = _cell_shares(inside, rows, columns, named, shares, level, interval)
    return Crosstab(
        table[[*named, rows, columns, "share", *RESULT_COLUMNS[1:]]], _tests(inside, rows, columns, named), level
    )


def _cell_shares(
    design: Design, rows: str, columns: str, by: list[str], shares: str, level: float, interval: str
) -> pd.DataFrame:
    """The shares of the cells, sorted by domain, row and column."""
    if shares == "all":
        cells = design.data[rows].astype(str) + SEPARATOR + design.data[columns].astype(str)
        found = estimate_proportion(design.with_columns(cells.to_frame(CELL)), CELL, by or None, level, interval).table
        names = dict(zip(cells, design.data[[rows, columns]].itertuples(index=False, name=None), strict=True))
        found[[rows, columns]] = [names[cell] for cell in found["category"]]
    else:
        inner, outer = (columns, rows) if shares == "rows" else (rows, columns)
        found = estimate_proportion(design, inner, [*by, outer], level, interval).table.rename(
            columns={"category": inner}
        )
    for name in (*by, rows, columns):
        if isinstance(design.data[name].dtype, pd.CategoricalDtype):
            found[name] = found[name].astype(design.data[name].dtype)
    return found.sort_values([*by, rows, columns], ignore_index=True).rename(columns={"estimate": "share"})


def _tests(design: Design, rows: str, columns: str, by: list[str]) -> TestResult | pd.DataFrame:
    """The test of the table, or of each domain's."""
    if not by:
        return _test_if_shown(design, rows, columns)
    domains = domains_of(design.data, design.in_domain, by)
    parts = (design.subset(domains.codes == number) for number in range(len(domains)))
    found = [_test_if_shown(part, rows, columns) for part in parts]
    numbers = [{"statistic": t.statistic, "df": t.df[0], "df_design": t.df[1], "p_value": t.p_value} for t in found]
    return pd.concat([domains.labels.reset_index(drop=True), pd.DataFrame(numbers)], axis=1)


def _test_if_shown(design: Design, rows: str, columns: str) -> TestResult:
    """The test, or one without figures where the design's rule hides cells of the table."""
    if design.rule is not None and estimate_proportion(design, columns, by=rows).table["estimate"].isna().any():
        return TestResult("Test not shown: the table has hidden cells", np.nan, (np.nan, np.nan), np.nan)
    return chi_square(design, rows, columns)


def t_test(design: Design, variable: str, by: str | None = None, null: float = 0.0, level: float = 0.95) -> TestResult:
    """Test of a mean against ``null``, or of the difference between two domains (second minus first).

    The degrees of freedom are those of the people with both values minus one (as R's svyttest of two domains).

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    variable : str     numeric column
    by : str or None   column of two values
    null : float       in units of the variable
    level : float      of the interval

    Returns
    -------
    TestResult, two-sided, with the mean or difference and its limits.

    Raises
    ------
    EstimationError   ``by`` does not have two values; no standard error above 0; no degrees of freedom; the design's
        rule hides one of the means; else as ``estimate_mean``

    References
    ----------
    Korn & Graubard (1999), Analysis of Health Surveys; Lumley (2010), Complex Surveys.

    Examples
    --------
    Mean 3, variance ``(4 + 0 + 0 + 4)/3 / 4 = 2/3``: ``t = (3 - 1) / 0.8165``.

    >>> from spi_analysis.survey import SurveyDesign
    >>> design = SurveyDesign(pd.DataFrame({"w": 10.0, "score": [1, 3, 3, 5]}), weight="w")
    >>> test = t_test(design, "score", null=1.0)
    >>> round(test.statistic, 3), test.df, test.estimate
    (2.449, (2.0,), 3.0)
    """
    require_columns(data_of(design), [variable, *([by] if by else [])], EstimationError)
    if design.rule is not None and estimate_mean(design, variable, by=by).table["estimate"].isna().any():
        raise _too_few(variable if by is None else f"{variable} by {by}")
    estimate = estimate_mean(design.with_rule(None), variable, by=by, level=level)
    if by is not None:
        if len(estimate.table) != 2:
            raise EstimationError(
                "a t test compares two domains", column=by, got=f"{len(estimate.table)} values", expected="2"
            )
        estimate = contrast(estimate, {0: -1.0, 1: 1.0})
    value, se = (float(estimate.table[column].iloc[0]) for column in ("estimate", "se"))
    if not se > ROUNDING * abs(value):
        raise EstimationError(
            "there is no sampling error to compare with: nothing to test",
            column=variable,
            got=f"a standard error of {se:g}",
            expected="values that differ, in a sample",
        )
    df = design.df(_known(design, [variable, *([by] if by else [])])) - 1
    if not df > 0:
        raise EstimationError(
            "the test has no degrees of freedom left", column=variable, got=f"{df:g}", expected="above 0"
        )
    t = (value - null) / se
    low, high = t_interval(np.array([value]), np.array([se]), np.array([df]), level)
    test = TestResult("t test", t, (df,), float(2 * student.sf(abs(t), df)), value, float(low[0]), float(high[0]))
    return shown_test(test, int(estimate.table["n"].iloc[0]), design.rule)


@dataclass(frozen=True)
class _Table:
    """A two-way table: 0/1 columns of its cells (row by row) in the design of those with both values."""

    design: Design
    cells: list[str]
    shape: tuple[int, int]


def _known(design: Design, columns: list[str]) -> np.ndarray:
    """Rows (n,) with a value in all of the columns."""
    return design.data[columns].notna().all(axis=1).to_numpy()


def _joint(design: Design, rows: str, columns: str) -> _Table:
    """The table of those with both values; rows and columns in which nobody has weight are left out."""
    require_columns(design.data, [rows, columns], EstimationError)
    known = _known(design, [rows, columns])
    counted = known & design.in_domain & (design.weights > 0)
    first, second = (pd.Categorical(design.data[c].where(counted)).remove_unused_categories() for c in (rows, columns))
    shape = (len(first.categories), len(second.categories))
    for name, size in zip((rows, columns), shape, strict=True):
        if size < 2:
            raise EstimationError("a table needs two values", column=name, got=f"{size} values", expected="2 or more")
    cells = np.where(counted, first.codes.astype(np.intp) * shape[1] + second.codes, -1)
    indicators = pd.DataFrame(
        {f"(cell {i})": (cells == i).astype(float) for i in range(shape[0] * shape[1])}, index=design.data.index
    )
    return _Table(design.subset(known).with_columns(indicators), list(indicators.columns), shape)


def _pearson(table: _Table) -> tuple[float, np.ndarray]:
    """Pearson's statistic for n rows, and the matrix of its generalised design effects."""
    estimate = estimate_mean(table.design, table.cells)
    found, n = estimate.table["estimate"].to_numpy(), int(estimate.table["n"].iloc[0])
    shares = found.reshape(table.shape)
    # X2 = n sum (p_ij - p_i. p_.j)**2 / (p_i. p_.j).
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    pearson = n * float(((shares - expected) ** 2 / expected).sum())
    # Generalised design effects (C'D^-1 C / n)^-1 (C'D^-1 V D^-1 C), D = diag(p) (Rao & Scott 1984).
    interactions = _interactions(table.shape)
    inverse = np.diag(np.divide(1.0, found, out=np.zeros_like(found), where=found > 0))
    simple = interactions.T @ inverse @ interactions / n
    design = interactions.T @ inverse @ estimate.covariance @ inverse @ interactions
    return pearson, _solved(simple, design)


def _interactions(shape: tuple[int, int]) -> np.ndarray:
    """Contrasts (cells, (r-1)(c-1)) that are orthogonal to the main effects of rows and columns."""
    r, c = shape
    row, column = np.divmod(np.arange(r * c), c)
    main = np.column_stack([np.ones(r * c), row[:, None] == np.arange(1, r), column[:, None] == np.arange(1, c)])
    products = (main[:, 1:r, None] * main[:, None, r:]).reshape(r * c, -1)
    return products - main @ np.linalg.lstsq(main, products, rcond=None)[0]


def _wald(table: _Table) -> float:
    """Wald statistic of the differences between counts and those expected, ``T_ij - T_i. T_.j / T``."""

    def residual(i: int, j: int) -> Function:
        def difference(totals: np.ndarray) -> float:
            t = totals.reshape(table.shape)
            return t[i, j] - t[i].sum() * t[:, j].sum() / t.sum()

        return difference

    r, c = table.shape
    functions = {f"{i},{j}": residual(i, j) for i in range(1, r) for j in range(1, c)}
    residuals = smooth_contrast(estimate_total(table.design, table.cells), functions)
    values = residuals.table["estimate"].to_numpy()
    return float(values @ _solved(residuals.covariance, values))


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    if not np.linalg.cond(matrix) < SINGULAR:
        raise EstimationError(
            "the table is too thin for this statistic: its cells cannot be told apart",
            got=f"{len(matrix)} differences",
            expected="more primary units than that, and answers in most cells",
            hint="merge rows or columns that few people are in",
        )
    return np.linalg.solve(matrix, right)


def f_test(method: str, statistic: float, numerator: float, denominator: float) -> TestResult:
    """A statistic against F; refused without degrees of freedom."""
    if not denominator > 0:
        raise EstimationError(
            "the test has no degrees of freedom left",
            got=f"{denominator:g}",
            expected="above 0: more primary units than strata and cells of the table",
        )
    p = float(f_distribution.sf(statistic, numerator, denominator))
    return TestResult(method, float(statistic), (float(numerator), float(denominator)), p)
