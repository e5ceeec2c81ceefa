"""Means, totals, ratios and proportions over any domains, with the full design kept.

All of them are ratios of two weighted totals (a total has no denominator), so one
engine does the work (``ratios``): estimate, influence values, covariance, replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.design_inputs import data_of, numeric_columns
from spi_analysis.survey.estimation.domains import By, Design, Ratios, Variable, domains_of, labels_of
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, make_table, overseen, proportion_interval
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
    Estimate, in units of the variable; ``n`` counts the rows with a value and a positive weight.

    Raises
    ------
    EstimationError   no variable; a column is missing or not a number; a value is infinite; the level is not between 0
        and 1; ``by`` names a column of the result or has no value; a stratum has a single unit (``lonely_psu="fail"``)

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 5.7.

    Examples
    --------
    Two of four people in each of two units: ``var = sum_h (1/2)**2 (1 - 2/4) 2/2 = 0.25``.

    >>> import pandas as pd
    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "score": [1, 3, 5, 7]})
    >>> design = SurveyDesign(people, weight="w", stratum="unit", pop_size="N")
    >>> estimate_mean(design, "score").table[["estimate", "se", "df_design", "n"]].round(6).values.tolist()
    [[4.0, 0.5, 2.0, 4.0]]
    >>> estimate_mean(design, "score", by="unit").table[["unit", "estimate"]].values.tolist()
    [['a', 2.0], ['b', 6.0]]
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    values = numeric_columns(data_of(design), names)
    return _estimate(design, [Variable({"variable": n}, values[n]) for n in names], by, level, deff)


def estimate_total(
    design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95, deff: bool | str = False
) -> Estimate:
    """Weighted totals.

    Parameters
    ----------
    design, variables, by, level, deff : as ``estimate_mean``; a row with a missing value adds nothing

    Returns
    -------
    Estimate, in units of the variable times population units.

    Raises
    ------
    EstimationError   as ``estimate_mean``

    References
    ----------
    Horvitz & Thompson (1952), JASA 47; Sarndal, Swensson & Wretman (1992), section 2.8.

    Examples
    --------
    Each of the four people stands for two: ``2 (1 + 3 + 5 + 7) = 32``.

    >>> import pandas as pd
    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "bribes": [1, 3, 5, 7]})
    >>> design = SurveyDesign(people, weight="w", stratum="unit", pop_size="N")
    >>> estimate_total(design, "bribes").table[["estimate", "se"]].round(6).values.tolist()
    [[32.0, 4.0]]
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    values = numeric_columns(data_of(design), names)
    return _estimate(design, [Variable({"variable": n}, values[n]) for n in names], by, level, deff, is_total=True)


def estimate_ratio(
    design: Design,
    numerator: str | Sequence[str],
    denominator: str | Sequence[str],
    by: By = None,
    level: float = 0.95,
) -> Estimate:
    """Ratios of totals, every numerator with every denominator; ``variable`` is "numerator/denominator".

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    numerator, denominator : str or list of str   numeric columns; a row that misses either is outside the domain
    by, level : as ``estimate_mean``

    Returns
    -------
    Estimate, in units of the numerator per unit of the denominator; missing where the denominator's total is 0.

    Raises
    ------
    EstimationError   as ``estimate_mean``

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 5.6.

    Examples
    --------
    ``(1 + 3 + 5 + 7) / (1 + 2 + 3 + 2) = 2``; deviations ``y - 2x`` are -1, -1 in one unit and -1, 3 in the other.

    >>> import pandas as pd
    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "paid": [1, 3, 5, 7]})
    >>> people["visits"] = [1, 2, 3, 2]
    >>> design = SurveyDesign(people, weight="w", stratum="unit", pop_size="N")
    >>> estimate_ratio(design, "paid", "visits").table[["variable", "estimate", "se"]].round(3).values.tolist()
    [['paid/visits', 2.0, 0.354]]
    """
    tops = [numerator] if isinstance(numerator, str) else list(numerator)
    bottoms = [denominator] if isinstance(denominator, str) else list(denominator)
    y, x = numeric_columns(data_of(design), tops), numeric_columns(data_of(design), bottoms)
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
    design, by, level, deff : as ``estimate_mean``
    variables : str or list of str   columns of categories; a row with a missing value is outside that variable's domain
    interval : str
        wald (t), logit, wilson, beta (Korn & Graubard), asin; all but the first stay inside 0 to 1
    cap_effective_n : bool
        limits as if the answers told at most what ``n`` drawn one by one tell (``proportion_interval``; not in R)

    Returns
    -------
    Estimate, shares from 0 to 1, whose table has a column ``category``.

    Raises
    ------
    EstimationError   a column is missing, or has no value in the domain; unknown interval; level and ``by`` as
        ``estimate_mean``; a stratum has a single unit (``lonely_psu="fail"``)

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24; Franco et al. (2019), Journal of Survey Statistics and Methodology 7.

    Examples
    --------
    >>> import pandas as pd
    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 10.0, "paid": ["no", "yes", "yes", "yes"]})
    >>> shares = estimate_proportion(SurveyDesign(people, weight="w"), "paid", interval="wilson").table
    >>> shares[["category", "estimate", "se"]].values.tolist()
    [['no', 0.25, 0.25], ['yes', 0.75, 0.25]]
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    shares = [share for name in names for share in _shares(design, name)]
    result, fewest = _made(design, shares, by, level, deff)
    if interval != "wald" or cap_effective_n:
        low, high = proportion_interval(result.table, interval, level, cap_effective_n)
        result = replace(result, table=result.table.assign(ci_low=low, ci_high=high))
    return overseen(result, design.rule, fewest)


def _estimate(
    design: Design, variables: list[Variable], by: By, level: float, deff: bool | str, is_total: bool = False
) -> Estimate:
    made, fewest = _made(design, variables, by, level, deff, is_total)
    return overseen(made, design.rule, fewest)


def _made(
    design: Design, variables: list[Variable], by: By, level: float, deff: bool | str, is_total: bool = False
) -> tuple[Estimate, np.ndarray | None]:
    """The estimates before the design's rule, and what the rule has to know of them (``Ratios.fewest``)."""
    ratios = Ratios(design, variables, domains_of(design.data, design.in_domain, by), is_total)
    covariance, replicates = ratios.covariance()
    n, df = ratios.counts()
    table = make_table(
        labels_of(ratios), ratios.estimates.ravel(), covariance, df.ravel(), n.ravel(), level, ratios.certain().ravel()
    )
    if deff:
        # Kish's design effect: the design's variance over that of a simple random sample of the same size.
        table["deff"] = table["se"].to_numpy() ** 2 / ratios.simple_variances(deff == "replace").ravel()
    fewest = None if design.rule is None else ratios.fewest().ravel()
    return Estimate(table, covariance, level, replicates), fewest


def _shares(design: Design, name: str) -> list[Variable]:
    """One true/false variable for every category that occurs in the design's domain."""
    require_columns(data_of(design), [name], EstimationError)
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
    by, level : as ``estimate_mean``

    Returns
    -------
    Estimate, in units of the variable squared; missing in a domain of one row. With a SurveyDesign the mean is taken
    as known, which changes the variance of the variance by a smaller order only; replicates each use their own mean.

    Raises
    ------
    EstimationError   as ``estimate_mean``

    References
    ----------
    Lumley (2010), Complex Surveys, ch. 2 (R's svyvar).

    Examples
    --------
    Squared deviations from the mean 4 are 9, 1, 1, 9: ``4/3 * 5``.

    >>> import pandas as pd
    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 10.0, "score": [1, 3, 5, 7]})
    >>> estimate_variance(SurveyDesign(people, weight="w"), "score").table["estimate"].round(3).tolist()
    [6.667]
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    columns = numeric_columns(data_of(design), names)
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
    return overseen(Estimate(table, covariance, level, replicates), design.rule)
