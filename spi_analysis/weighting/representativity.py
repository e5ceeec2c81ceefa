"""Representativity of the response: how far the propensities of groups lie apart, and which variables do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.groups import Groups, groups_of, require_columns, weights_of
from spi_analysis.weighting.propensity import (
    Design,
    Unknown,
    combined_codes,
    design_of,
    first_rows,
    fit_people,
    inverse,
    link_of,
    normal_equations,
    people_of,
    predictors,
    products,
    terms_of,
    weighted_grams,
)

LINEAR = "linear"
# With at most so many distinct weights and no strata given, people of the same weight are taken as a stratum.
MOST_STRATA = 20
# Propensities whose variance is below this are all the same.
NO_VARIANCE = 1e-20


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
    require_columns(df, [status, *other_variables, *([stratum] if stratum else [])])
    inside, _, _ = people_of(df, status, weight, unknown)
    if weight is not None:
        inside &= weights_of(df, weight) > 0
    people = df[inside]
    sample = _sample_of(people, weight, stratum)
    response = _response_of(people, formula, status, weight, unknown, link, sample)
    inside_model = list(dict.fromkeys(v for _, names in terms_of(people, formula) for v in names))
    rows, categories = [], []
    for name in dict.fromkeys([*inside_model, *other_variables]):
        alone = _response_of(people, _alone(people, formula, name), status, weight, unknown, link, sample)
        others = [v for v in inside_model if v != name]
        row, groups = _partials(people, name, others, name in inside_model, response, alone, sample)
        rows.append(row)
        categories.append(groups)
    spread, mean = np.sqrt(response.variance), response.mean
    adjusted = spread * np.sqrt(response.bias_factor)
    cv = spread / mean
    propensity = pd.Series(np.nan, index=df.index, name="propensity")
    propensity[inside] = response.propensity
    return RIndicator(
        value=float(1 - 2 * adjusted),
        unadjusted=float(1 - 2 * spread),
        se=float(np.sqrt(response.r_variance)),
        cv=float(cv),
        cv_se=float(np.sqrt(0.25 * response.r_variance / mean**2 + cv**4 / len(people))),
        cv_adjusted=float(adjusted / mean),
        response_rate=mean,
        bias_factor=response.bias_factor,
        partials=pd.DataFrame(rows, columns=PARTIALS),
        categories=pd.concat(categories, ignore_index=True) if categories else pd.DataFrame(columns=CATEGORIES),
        propensity=propensity,
    )


PARTIALS = [
    "variable",
    *(f"{kind}{part}" for kind in ("unconditional", "conditional") for part in ("", "_unadjusted", "_se")),
]
CATEGORIES = [
    "variable",
    "category",
    "n",
    "unconditional",
    "unconditional_se",
    "conditional",
    "conditional_se",
]


@dataclass(frozen=True)
class _Sample:
    """How people were drawn: weights (n,), and strata, or None where probabilities are unequal."""

    weights: np.ndarray
    strata: Groups | None

    @property
    def size(self) -> float:
        """Size of the population."""
        return float(self.weights.sum())

    def total_variance(self, values: np.ndarray) -> float:
        """Sampling variance of the estimated total of ``values`` (n,)."""
        n = len(values)
        if self.strata is None:
            weighted = values * self.weights
            return float(((n * weighted - weighted.sum()) ** 2).sum() / n / (n - 1))
        codes, many = self.strata.codes, len(self.strata.labels)
        counts, sizes = np.bincount(codes, minlength=many), np.bincount(codes, self.weights, many)
        centred = values - (np.bincount(codes, values, many) / counts)[codes]
        spread = np.bincount(codes, centred**2, many) / np.maximum(counts - 1, 1)
        return float((sizes**2 * (1 - counts / sizes) * spread / counts).sum())


@dataclass(frozen=True)
class _Response:
    """A response model and what follows of it: propensities (n,), gradients z (rows, p), and their moments."""

    design: Design
    propensity: np.ndarray
    share: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray
    mean: float
    variance: float
    bias_factor: float
    r_variance: float

    def gradients(self) -> np.ndarray:
        """Derivative of the propensity of every row to the coefficients: (rows, p)."""
        return np.vstack([(block * self.slope[rows]).T for rows, block in self.design.blocks()])


def _sample_of(people: pd.DataFrame, weight: str | None, stratum: str | None) -> _Sample:
    weights = np.ones(len(people)) if weight is None else weights_of(people, weight)
    strata = groups_of(people[stratum] if stratum else pd.Series(weights, name=weight))
    counts = np.bincount(strata.codes)
    if stratum is None:
        few = len(counts) <= MOST_STRATA and counts.min() > 1
        return _Sample(weights, strata if few else None)
    of_stratum = pd.Series(weights).groupby(strata.codes)
    if (of_stratum.min() != of_stratum.max()).any():
        return _Sample(weights, None)
    lonely = (counts == 1) & (of_stratum.sum().to_numpy() > 1)
    if lonely.any():
        raise WeightingError(
            "a stratum has one person",
            column=stratum,
            key=strata.labels[int(lonely.argmax())],
            expected="two people or more in every stratum, or all of it",
            hint="merge it with another stratum",
        )
    return _Sample(weights, strata)


def _response_of(
    people: pd.DataFrame,
    formula: str,
    status: str,
    weight: str | None,
    unknown: Unknown,
    link: str,
    sample: _Sample,
) -> _Response:
    """The fitted model, and mean, variance and bias of its propensities."""
    _, answered, scaled = people_of(people, status, weight, unknown)
    design = design_of(people, formula, status)
    if link == LINEAR:
        design, coefficients, covariance = _fit_linear(design, answered, scaled)
        share = design.predict(coefficients[:, None])[:, 0]
        slope = np.ones_like(share)
    else:
        design, fit = fit_people(design, answered, scaled, link_of(link))
        covariance = inverse(fit.information[0])
        share, slope = (part[:, 0] for part in link_of(link).at(design.predict(fit.coefficients)))
    weights = design.sums(sample.weights[:, None])[:, 0]
    size = sample.size
    mean = float(weights @ share / size)
    squares = float(weights @ (share - mean) ** 2)
    propensity = design.spread(share)
    variance = squares / (size - 1)
    if variance < NO_VARIANCE:
        return _Response(design, propensity, share, slope, covariance, mean, 0.0, 0.0, np.nan)
    p = len(design.kept)
    moments, second, quadratic = np.zeros((p, 2)), np.zeros((p, p)), 0.0
    for rows, block in design.blocks():
        z, w = block * slope[rows], weights[rows]
        moments = moments + products(z, np.column_stack([w, w * (share[rows] - mean)]))
        second = second + weighted_grams(z, w[:, None])[0]
        quadratic += float(w @ (z.T * predictors(z, covariance)).sum(axis=1))
    first, with_share = moments.T
    bias = (quadratic - sample.total_variance(propensity) / size) / size
    a = with_share / size
    b = second / size - np.outer(first, first) / size**2
    c = sample.total_variance((propensity - mean) ** 2) / size**2
    r_variance = (4 * a @ covariance @ a + 2 * np.trace(b @ covariance @ b @ covariance) + c) / (squares / size)
    factor = max(0.0, 1 - bias / variance)
    return _Response(design, propensity, share, slope, covariance, mean, variance, factor, float(r_variance))


def _fit_linear(design: Design, answered: np.ndarray, weights: np.ndarray) -> tuple[Design, np.ndarray, np.ndarray]:
    """Weighted least squares: the design without aliases, coefficients and their covariance."""
    design, gram, right = normal_equations(
        design, design.sums(weights[:, None]), design.sums((weights * answered)[:, None])
    )
    inverted = inverse(gram)
    coefficients = (inverted @ right)[:, 0]
    residuals = answered - design.spread(design.predict(coefficients[:, None])[:, 0])
    freedom = len(answered) - len(design.kept)
    if freedom <= 0:
        raise WeightingError(
            "the response model has no degrees of freedom",
            got=f"{len(design.kept)} coefficients for {len(answered)} people",
            expected="more people than coefficients",
        )
    return design, coefficients, inverted * float(weights @ residuals**2) / freedom


def _alone(people: pd.DataFrame, formula: str, name: str) -> str:
    """The model of one variable: its own terms where it has some, else its groups."""
    own = [term for term, names in terms_of(people, formula) if names == (name,)]
    return " + ".join(own) if own else f"C(`{name}`)"


def _partials(
    people: pd.DataFrame,
    name: str,
    others: list[str],
    in_model: bool,
    response: _Response,
    alone: _Response,
    sample: _Sample,
) -> tuple[dict[str, object], pd.DataFrame]:
    """Partial indicators of one variable: its row, and one row per category."""
    codes, found = pd.factorize(people[name], sort=True)
    if (codes < 0).any():
        raise WeightingError("a value is missing", column=name, row=int((codes < 0).argmax()) + 1)
    between, between_se = _unconditional(codes, len(found), response, sample)
    within, within_se = _conditional(people, codes, len(found), others, in_model, response, sample)
    left = np.sqrt(response.bias_factor)
    pu, pc = np.sqrt((between**2).sum()), np.sqrt((within**2).sum())
    se = 0.5 * np.sqrt(alone.r_variance)
    groups = pd.DataFrame(
        {
            "variable": name,
            "category": [str(value) for value in found],
            "n": np.bincount(codes, minlength=len(found)),
            "unconditional": between,
            "unconditional_se": between_se,
            "conditional": within,
            "conditional_se": within_se,
        }
    )
    return dict(zip(PARTIALS, [name, pu * left, pu, se, pc * left, pc, se], strict=True)), groups


def _unconditional(codes: np.ndarray, many: int, response: _Response, sample: _Sample) -> tuple[np.ndarray, np.ndarray]:
    """Signed share of S between categories, and its standard error."""
    size, share = sample.size, response.propensity
    sizes = np.bincount(codes, sample.weights, many)
    means = np.bincount(codes, sample.weights * share, many) / sizes
    distance = means - response.mean
    value = np.sign(distance) * np.sqrt(sizes / size) * np.abs(distance)
    errors = np.empty(many)
    for c in range(many):
        mine, rest = (sample.total_variance(share * part) for part in (codes == c, codes != c))
        errors[c] = np.sqrt(sizes[c] / size * (mine * (1 / sizes[c] - 1 / size) ** 2 + rest / size**2))
    return value, errors


def _conditional(
    people: pd.DataFrame,
    codes: np.ndarray,
    many: int,
    others: list[str],
    in_model: bool,
    response: _Response,
    sample: _Sample,
) -> tuple[np.ndarray, np.ndarray]:
    """Share of S within groups alike in ``others``, by category, and its standard error."""
    # A variable of the model is the same for all people of a row of its design; another one may not be.
    row_of = np.arange(len(people)) if response.design.cells is None else response.design.cells
    cells = row_of if in_model else combined_codes([row_of, codes])
    first = first_rows(cells)
    weights = np.bincount(cells, sample.weights)
    alike = [pd.factorize(people[name])[0] for name in others]
    group = combined_codes([np.zeros(len(people), dtype=int), *alike])[first]
    groups = Groups(group, [""] * (int(group.max()) + 1))
    sizes = groups.sums(weights[:, None])
    share = response.share[row_of[first]][:, None]
    z = response.gradients()[row_of[first]]
    share = share - groups.spread(groups.sums(weights[:, None] * share) / sizes)
    z = z - groups.spread(groups.sums(weights[:, None] * z) / sizes)
    squares, category = share[:, 0] ** 2, codes[first]
    value, errors, size, sigma = np.empty(many), np.empty(many), sample.size, response.covariance
    for c in range(many):
        mine = category == c
        weighted = z[mine] * weights[mine, None]
        a, b = share[mine, 0] @ weighted, z[mine].T @ weighted
        part = float(weights[mine] @ squares[mine])
        drawn = sample.total_variance((squares * mine)[cells])
        spread = 4 * a @ sigma @ a + 2 * np.trace(b @ sigma @ b @ sigma) + drawn
        value[c] = np.sqrt(part / size)
        errors[c] = np.sqrt(0.25 * spread / (size * part)) if part > NO_VARIANCE else np.nan
    return value, errors
