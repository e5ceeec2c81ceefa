"""Representativity of the response: how far the propensities of groups lie apart, and which variables do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import Formula, SimpleFormula

from spi_analysis.weighting.inputs import require_columns
from spi_analysis.weighting.response.formula import read_formula, variables_of
from spi_analysis.weighting.response.model import Unknown, people_of
from spi_analysis.weighting.response.partials import categories_of
from spi_analysis.weighting.response.sample import sample_of
from spi_analysis.weighting.response.variation import Variation, variation_of


@dataclass(frozen=True)
class RIndicator:
    """Representativity of a response: 1 where all propensities are the same, lower the more they differ.

    ``value``: 1 - 2 S, S the standard deviation of the propensities, its bias taken out; ``unadjusted``: the same
    with the bias; ``se``: standard error of both. ``cv``: S / mean propensity as it is, with its standard error
    ``cv_se``; ``cv_adjusted``: the same, its bias taken out. ``response_rate``: mean propensity. ``bias_factor``:
    what the bias leaves of S squared, in [0, 1].

    ``partials``, one row per variable: variable, unconditional, unconditional_unadjusted, unconditional_se (the part
    of S between the groups of the variable), conditional, conditional_unadjusted, conditional_se (the part within
    groups alike in all other variables; its se is approximate). Divided by ``response_rate`` they are partial
    coefficients of variation.

    ``categories``, one row per group: variable, category, n, unconditional (its sign says whether the group answers
    more or less than the mean), unconditional_se, conditional, conditional_se; not adjusted for bias.
    """

    value: float
    unadjusted: float
    se: float
    cv: float
    cv_se: float
    cv_adjusted: float
    response_rate: float
    bias_factor: float
    partials: pd.DataFrame
    categories: pd.DataFrame
    propensity: pd.Series


def r_indicator(
    df: pd.DataFrame,
    formula: str,
    status: str,
    weight: str | None = None,
    *,
    stratum: str | None = None,
    link: str = "logit",
    other_variables: Sequence[str] = (),
    unknown: Unknown = "nonresponse",
) -> RIndicator:
    """R-indicator and partial R-indicators of a response, with standard errors.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person; rows of weight 0 and the known ineligible are left out
    formula, status, unknown  as ``response_propensity``
    weight : str or None      column, persons that each stands for, so that the sum is the population; None: a census
    stratum : str or None     column of sampling strata. Without it people of the same weight are a stratum where there
        are at most 20 weights. Where weights differ inside a stratum, the formula of unequal probabilities is used
    link : "logit" | "probit" | "cloglog" | "linear"
    other_variables : columns outside the model that also get partial indicators

    Returns
    -------
    RIndicator: value, unadjusted, se, cv, cv_se, partials (by variable), categories, as RISQ 2.1 has them.

    Raises
    ------
    WeightingError   as ``response_propensity``; a stratum with one person.

    References
    ----------
    Schouten, Cobben & Bethlehem (2009), Survey Methodology 35; Shlomo, Skinner & Schouten (2012), Journal of
    Statistical Planning and Inference 142; de Heij, Schouten & Shlomo (2015), RISQ manual 2.1.
    """
    require_columns(df, [*other_variables, *([stratum] if stratum else [])])
    inside, answered, weights = people_of(df, status, weight, unknown)
    weighty = weights > 0
    inside[inside], answered, weights = weighty, answered[weighty], weights[weighty]
    people, terms = df[inside], read_formula(formula, status)
    sample = sample_of(people, weight, stratum)

    def variation(terms: SimpleFormula) -> Variation:
        return variation_of(people, terms, answered, weights, link, sample)

    model = variation(terms)
    modelled = list(dict.fromkeys(name for term in terms for name in variables_of(term, people)))
    rows, categories = [], []
    for name in dict.fromkeys([*modelled, *other_variables]):
        groups = categories_of(people, name, [other for other in modelled if other != name], model, sample)
        se = 0.5 * np.sqrt(variation(_alone(terms, name, people)).r_variance)
        rows.append(_row(name, groups, se, np.sqrt(model.bias_factor)))
        categories.append(groups)
    propensity = pd.Series(np.nan, index=df.index, name="propensity")
    propensity[inside] = model.propensity
    spread, mean = np.sqrt(model.variance), model.mean
    adjusted, cv = spread * np.sqrt(model.bias_factor), spread / mean
    return RIndicator(
        value=float(1 - 2 * adjusted),
        unadjusted=float(1 - 2 * spread),
        se=float(np.sqrt(model.r_variance)),
        cv=float(cv),
        cv_se=float(np.sqrt(0.25 * model.r_variance / mean**2 + cv**4 / len(people))),
        cv_adjusted=float(adjusted / mean),
        response_rate=mean,
        bias_factor=model.bias_factor,
        partials=pd.DataFrame(rows),
        categories=pd.concat(categories, ignore_index=True) if categories else pd.DataFrame(),
        propensity=propensity,
    )


def _alone(terms: SimpleFormula, name: str, people: pd.DataFrame) -> SimpleFormula:
    """The model of one variable: its own terms where it has some, else its groups."""
    own = [term for term in terms if variables_of(term, people) == (name,)]
    return Formula(["1", *(own or [f"C(`{name}`)"])])


def _row(name: str, groups: pd.DataFrame, se: float, left: float) -> dict[str, object]:
    """Partial indicators of a variable, by those of its groups; ``left``: what the bias leaves of S."""
    row: dict[str, object] = {"variable": name}
    for kind in ("unconditional", "conditional"):
        whole = np.sqrt((groups[kind].to_numpy() ** 2).sum())
        row |= {kind: whole * left, f"{kind}_unadjusted": whole, f"{kind}_se": se}
    return row
