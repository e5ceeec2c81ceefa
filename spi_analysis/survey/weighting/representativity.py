"""Representativity of the response: how much propensities vary, and which variables explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from formulaic import Formula, SimpleFormula

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import group_counts, group_sums, require_columns
from spi_analysis.survey.weighting.glm import (
    fit_people,
    inverse,
    link_of,
    normal_equations,
)
from spi_analysis.survey.weighting.model_matrix import (
    Design,
    combined_codes,
    design_of,
    first_rows,
    predictors,
    products,
    read_formula,
    variables_of,
    weighted_grams,
)
from spi_analysis.survey.weighting.propensity import Sample, Unknown, people_of, sample_of

# The variance of the propensities of a model, its bias, and its standard error.

# A linear probability model, beside the links of ``glm``.
LINEAR = "linear"
# Propensities whose variance is below this are all the same.
NO_VARIANCE = 1e-20


@dataclass(frozen=True)
class Variation:
    """Propensities ``share`` and their derivatives ``slope`` (rows,) of a model, and what follows of them.

    ``covariance`` (p, p) of the coefficients; ``mean`` and ``variance`` S^2 of the propensities; ``bias_factor``: the
    share of S^2 left after removing the bias; ``r_variance`` of R = 1 - 2 S.
    """

    design: Design
    share: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray
    mean: float
    variance: float
    bias_factor: float = 0.0
    r_variance: float = np.nan

    @cached_property
    def propensity(self) -> np.ndarray:
        """The propensity of every person (n,)."""
        return self.design.spread(self.share)

    @cached_property
    def gradients(self) -> np.ndarray:
        """Derivative of the propensity of every row to the coefficients: (rows, p)."""
        return np.vstack([(block * self.slope[rows]).T for rows, block in self.design.blocks()])


def variation_of(design: Design, answered: np.ndarray, weights: np.ndarray, link: str, sample: Sample) -> Variation:
    """The model fitted to ``answered`` with ``weights`` (n,) of mean 1, and the moments of its propensities.

    References
    ----------
    Shlomo, Skinner & Schouten (2012), Journal of Statistical Planning and Inference 142, sections 3 and 4.
    """
    design, share, slope, covariance = _fitted(design, answered, weights, link)
    persons, size = design.sums(sample.weights[:, None])[:, 0], sample.size
    # S**2 = sum_i w_i (rho_i - mean)**2 / (N - 1).
    mean = float(persons @ share / size)
    squares = float(persons @ (share - mean) ** 2)
    variance = squares / (size - 1)
    if variance < NO_VARIANCE:
        return Variation(design, share, slope, covariance, mean, 0.0)
    p = len(design.kept)
    moments, second, quadratic = np.zeros((p, 2)), np.zeros((p, p)), 0.0
    for rows, block in design.blocks():
        z, w = block * slope[rows], persons[rows]
        moments = moments + products(z, np.column_stack([w, w * (share[rows] - mean)]))
        second = second + weighted_grams(z, w[:, None])[0]
        quadratic += float(w @ (z.T * predictors(z, covariance)).sum(axis=1))
    propensity = design.spread(share)
    # Bias of S**2: sum_i w_i z_i' cov(b) z_i / N, less the sampling variance of the mean (z the gradients of rho).
    bias = (quadratic - sample.total_variance(propensity) / size) / size
    first, with_share = moments.T
    a, b = with_share / size, second / size - np.outer(first, first) / size**2
    # V(S**2), by the model and by the drawing of the sample; R = 1 - 2 S has V(R) = 4 V(S) = V(S**2) / S**2.
    r_variance = model_variance(a, b, covariance) + sample.total_variance((propensity - mean) ** 2) / size**2
    factor = max(0.0, 1 - bias / variance)
    return Variation(design, share, slope, covariance, mean, variance, factor, float(r_variance / (squares / size)))


def model_variance(a: np.ndarray, b: np.ndarray, covariance: np.ndarray) -> float:
    """Variance, from the coefficients, of a variance of propensities with derivatives 2 a (p,) and 2 b (p, p)."""
    # Of the quadratic form 2 a'd + d'B d in d ~ N(0, cov): 4 a'cov a + 2 tr(B cov B cov).
    return float(4 * a @ covariance @ a + 2 * np.trace(b @ covariance @ b @ covariance))


def _fitted(
    design: Design, answered: np.ndarray, weights: np.ndarray, link: str
) -> tuple[Design, np.ndarray, np.ndarray, np.ndarray]:
    """The design without aliases, propensities and derivatives (rows,), and the covariance of the coefficients."""
    if link != LINEAR:
        design, fit = fit_people(design, answered, weights, link_of(link))
        share, slope = link_of(link).at(design.predict(fit.coefficients))
        return design, share[:, 0], slope[:, 0], inverse(fit.information[0])
    # Linear probability model by weighted least squares: b = (X'WX)^-1 X'Wy, cov(b) = (X'WX)^-1 sum w e**2 / (n - p).
    sums = (design.sums(values[:, None]) for values in (weights, weights * answered))
    design, gram, right = normal_equations(design, *sums)
    inverted = inverse(gram)
    share = design.predict(inverted @ right)[:, 0]
    freedom = len(answered) - len(design.kept)
    if freedom <= 0:
        raise WeightingError(
            "the response model has no degrees of freedom",
            got=f"{len(design.kept)} coefficients for {len(answered)} people",
            expected="more people than coefficients",
        )
    residuals = answered - design.spread(share)
    return design, share, np.ones_like(share), inverted * float(weights @ residuals**2) / freedom


# Partial R-indicators: the part of one variable, and of each of its groups, in the variation of propensities.


def categories_of(
    name: str, groups: tuple[np.ndarray, pd.Index], others: list[np.ndarray], model: Variation, sample: Sample
) -> pd.DataFrame:
    """Partial indicators of every group of a variable (see ``RIndicator``).

    ``groups``: the group of every person, and their names; ``others``: the groups of the variables of the model without
    this one.
    """
    codes, found = groups
    between, between_se = _between(codes, len(found), model, sample)
    within, within_se = _within(codes, len(found), others, model, sample)
    return pd.DataFrame(
        {
            "variable": name,
            "category": [str(value) for value in found],
            "n": group_counts(codes),
            "unconditional": between,
            "unconditional_se": between_se,
            "conditional": within,
            "conditional_se": within_se,
        }
    )


def _between(codes: np.ndarray, many: int, model: Variation, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Signed share of S between groups (many,), and its standard error."""
    size, share = sample.size, model.propensity
    sizes = group_sums(codes, sample.weights)
    # Unconditional partial indicator of a group: sqrt(N_c / N) * (mean of the group - mean).
    distance = group_sums(codes, sample.weights * share) / sizes - model.mean
    errors = np.empty(many)
    for c in range(many):
        mine, rest = (sample.total_variance(share * part) for part in (codes == c, codes != c))
        errors[c] = np.sqrt(sizes[c] / size * (mine * (1 / sizes[c] - 1 / size) ** 2 + rest / size**2))
    return np.sign(distance) * np.sqrt(sizes / size) * np.abs(distance), errors


def _within(
    codes: np.ndarray, many: int, others: list[np.ndarray], model: Variation, sample: Sample
) -> tuple[np.ndarray, np.ndarray]:
    """Share of S within people alike in ``others``, by group (many,), and its standard error."""
    row_of = np.arange(len(codes)) if model.design.cells is None else model.design.cells
    # People of one row of the design may differ in a variable that is not in the model.
    cells = combined_codes([row_of, codes])
    first = first_rows(cells)
    weights = group_sums(cells, sample.weights)
    alike = combined_codes([np.zeros(len(codes)), *others])[first]
    sizes = group_sums(alike, weights)[:, None]

    def centred(values: np.ndarray) -> np.ndarray:
        values = values[row_of[first]]
        return values - (group_sums(alike, values, weights=weights) / sizes)[alike]

    share, z, category = centred(model.share[:, None])[:, 0], centred(model.gradients), codes[first]
    # Conditional partial indicator: sqrt(sum over the group of w (rho - mean of the alike)**2 / N).
    squares, size = share**2, sample.size
    value, errors = np.empty(many), np.full(many, np.nan)
    for c in range(many):
        mine = category == c
        weighted = z[mine] * weights[mine, None]
        part = float(weights[mine] @ squares[mine])
        value[c] = np.sqrt(part / size)
        if part > NO_VARIANCE:
            of_model = model_variance(share[mine] @ weighted, z[mine].T @ weighted, model.covariance)
            drawn = sample.total_variance((squares * mine)[cells])
            errors[c] = np.sqrt(0.25 * (of_model + drawn) / (size * part))
    return value, errors


# The R-indicator of a response.


@dataclass(frozen=True)
class RIndicator:
    """Representativity of a response: 1 where all propensities are the same, lower the more they differ.

    Parameters
    ----------
    value : float          1 - 2 S, S the standard deviation of the propensities, adjusted for bias
    unadjusted : float     the same with the bias
    se : float             standard error of both
    cv, cv_se : float      S / mean propensity as it is, and its standard error
    cv_adjusted : float    ``cv``, its bias taken out
    response_rate : float  mean propensity
    bias_factor : float    the share of S squared left after removing the bias, in [0, 1]
    partials : DataFrame   one row per variable: variable, unconditional, unconditional_unadjusted, unconditional_se
        (the part of S between the groups of the variable), conditional, conditional_unadjusted, conditional_se (the
        part within groups alike in all other variables; its se is approximate). Divided by ``response_rate`` they
        are partial coefficients of variation
    categories : DataFrame   one row per group: variable, category, n, unconditional (its sign says whether the group
        responds more or less than the mean), unconditional_se, conditional, conditional_se; not adjusted for bias
    propensity : Series (n,)   in (0, 1) unless the link is linear; NaN for those outside the model

    References
    ----------
    Schouten, Cobben & Bethlehem (2009), Survey Methodology 35; Schouten, Shlomo & Skinner (2011), Journal of Official
    Statistics 27 (partial indicators).

    Examples
    --------
    >>> sample = pd.DataFrame({"sex": list("ffffmmmm"), "answered": [1, 1, 1, 0, 1, 0, 0, 0]})
    >>> found = r_indicator(sample, "sex", "answered").categories
    >>> found[["category", "n", "unconditional"]].round(3).values.tolist()
    [['f', 4, 0.177], ['m', 4, -0.177]]
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
    WeightingError   as ``response_propensity``; a stratum with one person; with the linear link, as many
        coefficients as people.

    References
    ----------
    Schouten, Cobben & Bethlehem (2009), Survey Methodology 35; Shlomo, Skinner & Schouten (2012), Journal of
    Statistical Planning and Inference 142; de Heij, Schouten & Shlomo (2015), RISQ manual 2.1.

    Examples
    --------
    Propensities are 3/4 and 1/4, each of four people, so that S**2 = 8 * (1/4)**2 / 7 and R = 1 - 2 S:

    >>> sample = pd.DataFrame({"sex": list("ffffmmmm"), "answered": [1, 1, 1, 0, 1, 0, 0, 0]})
    >>> found = r_indicator(sample, "sex", "answered")
    >>> round(found.response_rate, 6), round(found.unadjusted, 3), round(1 - 2 * (0.5 / 7) ** 0.5, 3)
    (0.5, 0.465, 0.465)
    """
    require_columns(df, [*other_variables, *([stratum] if stratum else [])])
    inside, answered, weights = people_of(df, status, weight, unknown)
    weighty = weights > 0
    inside[inside], answered, weights = weighty, answered[weighty], weights[weighty]
    people, terms = df[inside], read_formula(formula, status)
    sample = sample_of(people, weight, stratum)

    def variation(design: Design) -> Variation:
        return variation_of(design, answered, weights, link, sample)

    model = variation(design_of(people, terms))
    modelled = list(dict.fromkeys(name for term in terms for name in variables_of(term, people)))
    codes = {name: _groups(people, name) for name in dict.fromkeys([*modelled, *other_variables])}
    rows, categories = [], []
    for name in codes:
        others = [codes[other][0] for other in modelled if other != name]
        groups = categories_of(name, codes[name], others, model, sample)
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


def _groups(people: pd.DataFrame, name: str) -> tuple[np.ndarray, pd.Index]:
    """The group of every person, and the names of the groups in their order."""
    codes, found = pd.factorize(people[name], sort=True)
    if (codes < 0).any():
        raise WeightingError("a value is missing", column=name, row=int((codes < 0).argmax()) + 1)
    return codes, found


def _alone(terms: SimpleFormula, name: str, people: pd.DataFrame) -> Design:
    """The model of one variable: its own terms where it has some, else its groups."""
    own = [term for term in terms if variables_of(term, people) == (name,)]
    return design_of(people, Formula(["1", *(own or [f"C(`{name}`)"])]))


def _row(name: str, groups: pd.DataFrame, se: float, left: float) -> dict[str, object]:
    """Partial indicators of a variable from those of its groups; ``left``: the share of S left after its bias."""
    row: dict[str, object] = {"variable": name}
    for kind in ("unconditional", "conditional"):
        # Schouten, Shlomo & Skinner (2011): the squared indicator of a variable is the sum of those of its groups.
        whole = np.sqrt((groups[kind].to_numpy() ** 2).sum())
        row |= {kind: whole * left, f"{kind}_unadjusted": whole, f"{kind}_se": se}
    return row
