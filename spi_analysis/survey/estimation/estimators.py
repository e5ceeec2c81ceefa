"""Means, totals, ratios and proportions over any domains, with the full design kept.

All of them are ratios of two weighted totals (a total has no denominator), so one
engine does the work (``ratios``): estimate, influence values, covariance, replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.design import numeric_columns
from spi_analysis.survey.estimation.domains import By, Design, Ratios, Variable, domains_of, labels_of
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, make_table, proportion_interval
from spi_analysis.survey.groups import require_columns


def estimate_mean(
    design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95, deff: bool | str = False
) -> Estimate:
    """Weighted means.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    variables : str or list of str   numeric columns; a row with a missing value is outside that variable's domain
    by : str or list of str or None  domain columns
    level : float                    of the t interval
    deff : False, True or "replace"  design effect against simple random sampling without (with) replacement

    Returns
    -------
    Estimate; ``n`` counts the rows with a value and a positive weight.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 5.7.
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    values = numeric_columns(design.data, names)
    return _estimate(design, [Variable({"variable": n}, values[n]) for n in names], by, level, deff)


def estimate_total(
    design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95, deff: bool | str = False
) -> Estimate:
    """Weighted totals. Parameters and returns as ``estimate_mean``."""
    names = [variables] if isinstance(variables, str) else list(variables)
    values = numeric_columns(design.data, names)
    return _estimate(design, [Variable({"variable": n}, values[n]) for n in names], by, level, deff, is_total=True)


def estimate_ratio(
    design: Design,
    numerator: str | Sequence[str],
    denominator: str | Sequence[str],
    by: By = None,
    level: float = 0.95,
) -> Estimate:
    """Ratios of totals, every numerator with every denominator; ``variable`` is "numerator/denominator".

    Parameters and returns as ``estimate_mean``.
    """
    tops = [numerator] if isinstance(numerator, str) else list(numerator)
    bottoms = [denominator] if isinstance(denominator, str) else list(denominator)
    y, x = numeric_columns(design.data, tops), numeric_columns(design.data, bottoms)
    variables = [Variable({"variable": f"{top}/{bottom}"}, y[top], x[bottom]) for bottom in bottoms for top in tops]
    return _estimate(design, variables, by, level, False)


def estimate_proportion(
    design: Design,
    variables: str | Sequence[str],
    by: By = None,
    level: float = 0.95,
    interval: str = "wald",
    deff: bool | str = False,
    cap_effective_n: bool = False,
) -> Estimate:
    """Shares of every category of categorical (or true/false) columns.

    Parameters
    ----------
    interval : str
        wald (t), logit, wilson, beta (Korn & Graubard), asin; all but the first stay inside 0 to 1
    cap_effective_n : bool
        limits as if the answers told at most what ``n`` drawn one by one tell (``proportion_interval``; not in R)
    others as in ``estimate_mean``

    Returns
    -------
    Estimate whose table has a column ``category``.

    Raises
    ------
    EstimationError   a column is missing, or has no value in the domain

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24; Franco et al. (2019), Journal of Survey Statistics and Methodology 7.
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    result = _estimate(design, [share for name in names for share in _shares(design, name)], by, level, deff)
    if interval == "wald" and not cap_effective_n:
        return result
    low, high = proportion_interval(result.table, interval, level, cap_effective_n)
    return Estimate(result.table.assign(ci_low=low, ci_high=high), result.covariance, level, result.replicates)


def _estimate(
    design: Design, variables: list[Variable], by: By, level: float, deff: bool | str, is_total: bool = False
) -> Estimate:
    ratios = Ratios(design, variables, domains_of(design.data, design.in_domain, by), is_total)
    covariance, replicates = ratios.covariance()
    n, df = ratios.counts()
    table = make_table(
        labels_of(ratios), ratios.estimates.ravel(), covariance, df.ravel(), n.ravel(), level, ratios.certain().ravel()
    )
    if deff:
        table["deff"] = table["se"].to_numpy() ** 2 / ratios.simple_variances(deff == "replace").ravel()
    return Estimate(table, covariance, level, replicates)


def _shares(design: Design, name: str) -> list[Variable]:
    """One true/false variable for every category that occurs in the design's domain."""
    require_columns(design.data, [name], EstimationError)
    column = design.data[name]
    known = column.notna().to_numpy()
    levels = sorted(column[design.in_domain & known].unique(), key=lambda v: (isinstance(v, str), v))
    if not levels:
        raise EstimationError(
            "nobody in the domain has a value", column=name, got="no category", expected="at least one row with a value"
        )
    return [
        Variable(
            {"variable": name, "category": level}, np.where(known, (column == level).to_numpy(dtype=float), np.nan)
        )
        for level in levels
    ]


# Variances of variables in the population (not of estimates).


def estimate_variance(design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95) -> Estimate:
    """Population variances: n/(n-1) times the weighted mean squared deviation from the weighted mean.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    variables : str or list of str   numeric columns; missing values are outside the variable's domain
    by, level   as in ``estimate_mean``

    Returns
    -------
    Estimate. With a SurveyDesign the mean is taken as known, which changes the variance of the variance
    by a smaller order only; replicates each use their own mean.

    References
    ----------
    Lumley (2010), Complex Surveys, section 2.4.
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    columns = numeric_columns(design.data, names)
    means = Ratios(
        design,
        [Variable({"variable": name}, x) for name, x in columns.items()],
        domains_of(design.data, design.in_domain, by),
    )
    n, df = means.counts()
    inflate = np.divide(n, n - 1, out=np.full(n.shape, np.nan), where=n > 1)
    codes = means.domains.codes
    deviations = [x - means.estimates[j][codes] for j, x in enumerate(columns.values())]
    squares = [
        Variable(v.labels, inflate[j][codes] * d**2)
        for j, (v, d) in enumerate(zip(means.variables, deviations, strict=True))
    ]
    spread = replace(means, variables=squares)
    covariance, replicates = spread.covariance()
    shift = replace(means, variables=[Variable({}, d) for d in deviations]).covariance()[1]
    if isinstance(design, ReplicateDesign) and replicates is not None and shift is not None:
        replicates = replicates - inflate.ravel() * shift**2
        covariance = design.covariance_of(spread.estimates.ravel(), replicates)
    table = make_table(
        labels_of(spread), spread.estimates.ravel(), covariance, df.ravel(), n.ravel(), level, spread.certain().ravel()
    )
    return Estimate(table, covariance, level, replicates)
