"""Response propensities: the probability to respond, modelled from variables known for everyone sampled.

Propensity classes and weights follow from them; the representativity of the response is in ``representativity``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import (
    ROUNDING,
    Groups,
    group_counts,
    group_sums,
    groups_of,
    require_columns,
    weights_of,
)
from spi_analysis.survey.weighting.glm import (
    MAX_ITERATIONS,
    TOLERANCE,
    Link,
    fit_columns,
    fit_people,
    inverse,
    link_of,
)
from spi_analysis.survey.weighting.inputs import (
    INELIGIBLE,
    NONRESPONDENT,
    RESPONDENT,
    UNKNOWN,
    classify,
    is_whole,
    require_known,
)
from spi_analysis.survey.weighting.model_matrix import (
    Design,
    columns_in,
    design_of,
    read_formula,
)
from spi_analysis.survey.weighting.recipe import NONRESPONSE, Prepared, in_replicate, register_step

# The response model of a sample.

# How the model treats people of unknown eligibility.
Unknown = Literal["nonresponse", "outside"]


@dataclass(frozen=True)
class PropensityModel:
    """A fitted response model.

    ``coefficients`` (p,) on the scale of the link, NaN where a column is a sum of others;
    ``covariance`` (p, p) of the coefficients by the model (not the sampling design);
    ``loglik``: log-likelihood, with weights scaled to mean 1;
    ``propensity`` (n,): in (0, 1), NaN for those outside the model;
    ``n``: people in the model with weight; ``iterations``: steps taken.
    """

    coefficients: pd.Series
    covariance: pd.DataFrame
    loglik: float
    propensity: pd.Series
    link: str
    n: int
    iterations: int

    @property
    def standard_errors(self) -> pd.Series:
        """Standard error of every coefficient, by the model."""
        return pd.Series(np.sqrt(np.diag(self.covariance)), index=self.coefficients.index, name="se")


def response_propensity(
    df: pd.DataFrame,
    formula: str,
    status: str,
    weight: str | None = None,
    link: str = "logit",
    *,
    unknown: Unknown = "nonresponse",
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> pd.Series:
    """The probability to respond of everyone sampled, from a binary model of variables known for all.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person
    formula : str             right-hand side ("age + C(unit) * sex"); before a "~" only the status. Names that are
        no words stand in backticks or in Q("...")
    status : str              column: AAPOR codes, plain words, or 1/0
    weight : str or None      column, in persons, >= 0; None: everyone counts the same
    link : "logit" | "probit" | "cloglog"
    unknown : "nonresponse" | "outside"   what people of unknown eligibility are to the model
    tolerance, max_iterations   the fit stops at this relative change of the deviance, as R's glm; 1e-14 gives the
        exact maximum of the likelihood

    Returns
    -------
    Series (n,), name ``propensity``, in (0, 1); NaN for the known ineligible, who can not respond (and for those of
    unknown eligibility where these are outside).

    Raises
    ------
    WeightingError   a column is missing or has missing values, a weight is missing or negative, a status, link or
        option is not known, the formula cannot be read, everybody or nobody answered, a coefficient runs to
        infinity (the column that separates is named), no convergence.

    References
    ----------
    Little (1986), International Statistical Review 54; Valliant, Dever & Kreuter (2018), Practical Tools for Designing
    and Weighting Survey Samples, ch. 13; McCullagh & Nelder (1989), Generalized Linear Models, section 2.5 (scoring).

    Examples
    --------
    With one predictor of two levels, propensities are the response rates of the levels, 1/2 and 3/4:

    >>> sample = pd.DataFrame({"sex": list("ffmmmm"), "answered": [1, 0, 1, 1, 1, 0]})
    >>> response_propensity(sample, "sex", "answered").round(6).tolist()
    [0.5, 0.5, 0.75, 0.75, 0.75, 0.75]
    """
    return fit_propensity(
        df, formula, status, weight, link, unknown=unknown, tolerance=tolerance, max_iterations=max_iterations
    ).propensity


def fit_propensity(
    df: pd.DataFrame,
    formula: str,
    status: str,
    weight: str | None = None,
    link: str = "logit",
    *,
    unknown: Unknown = "nonresponse",
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> PropensityModel:
    """The response model behind ``response_propensity``.

    Parameters
    ----------
    df, formula, status, weight, link, unknown, tolerance, max_iterations   as in ``response_propensity``

    Returns
    -------
    PropensityModel: coefficients, their covariance, log-likelihood and propensities.

    Raises
    ------
    WeightingError   as ``response_propensity``.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 2.5 (scoring).

    Examples
    --------
    Odds of answering are 1 for f and 3 for m, so that the coefficient of m is log 3:

    >>> sample = pd.DataFrame({"sex": list("ffmmmm"), "answered": [1, 0, 1, 1, 1, 0]})
    >>> model = fit_propensity(sample, "sex", "answered")
    >>> model.n, round(float(model.coefficients["sex[T.m]"]), 3)
    (6, 1.099)
    """
    inside, answered, weights = people_of(df, status, weight, unknown)
    design = design_of(df[inside], read_formula(formula, status))
    design, fit = fit_people(design, answered, weights, link_of(link), tolerance, max_iterations)
    propensity = np.full(len(df), np.nan)
    propensity[inside] = design.spread(link_of(link).at(design.predict(fit.coefficients))[0][:, 0])
    turn, kept = design.uncentred(), [design.names[j] for j in design.kept]
    coefficients = pd.Series(turn @ fit.coefficients[:, 0], index=kept, name="coefficient")
    covariance = pd.DataFrame(turn @ inverse(fit.information[0]) @ turn.T, index=kept, columns=kept)
    return PropensityModel(
        coefficients.reindex(design.names),
        covariance.reindex(index=design.names, columns=design.names),
        -0.5 * float(fit.deviance[0]),
        pd.Series(propensity, index=df.index, name="propensity"),
        link,
        int((weights > 0).sum()),
        fit.iterations,
    )


def people_of(
    df: pd.DataFrame, status: str, weight: str | None, unknown: Unknown
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who is in the response model (n,), who of them answered (m,), and their weights scaled to mean 1 (m,)."""
    if unknown not in ("nonresponse", "outside"):
        raise WeightingError("an option is not known", got=f"unknown={unknown}", expected="nonresponse or outside")
    require_columns(df, [status])
    classes = classify(df[status])
    inside = ~np.isin(classes, [INELIGIBLE] if unknown == "nonresponse" else [INELIGIBLE, UNKNOWN])
    weights = np.ones(len(df)) if weight is None else weights_of(df, weight)
    answered, weights = (classes == RESPONDENT)[inside], weights[inside]
    with_weight = weights > 0
    respondents, people = int(answered[with_weight].sum()), int(with_weight.sum())
    if not 0 < respondents < people:
        raise WeightingError(
            "there is no response to model",
            column=status,
            got=f"{respondents} respondents among {people} people with weight",
            expected="at least one respondent and one nonrespondent",
        )
    return inside, answered.astype(float), weights / weights[with_weight].mean()


# The sampling design, and the sampling variance of a total.

# With at most so many distinct weights and no strata given, people of the same weight are taken as a stratum.
MOST_STRATA = 20


@dataclass(frozen=True)
class Sample:
    """Weights (n,), and strata, or None where probabilities are unequal."""

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
            # Unequal probabilities, as if drawn with replacement: sum_i (n w_i y_i - Y)**2 / (n (n - 1)).
            weighted = values * self.weights
            return float(((n * weighted - weighted.sum()) ** 2).sum() / n / (n - 1))
        # Stratified simple random sampling: sum_h N_h**2 (1 - n_h/N_h) s_h**2 / n_h.
        codes = self.strata.codes
        counts, sizes = group_counts(codes), group_sums(codes, self.weights)
        centred = values - (group_sums(codes, values) / counts)[codes]
        spread = group_sums(codes, centred**2) / np.maximum(counts - 1, 1)
        return float((sizes**2 * (1 - counts / sizes) * spread / counts).sum())


def sample_of(people: pd.DataFrame, weight: str | None, stratum: str | None) -> Sample:
    """The design of a sample; strata inside which weights differ are ignored.

    Raises
    ------
    WeightingError   a stratum with one person.
    """
    weights = np.ones(len(people)) if weight is None else weights_of(people, weight)
    strata = groups_of(people[stratum] if stratum else pd.Series(weights))
    counts = group_counts(strata.codes)
    if stratum is None:
        return Sample(weights, strata if len(counts) <= MOST_STRATA and counts.min() > 1 else None)
    weight_in = pd.Series(weights).groupby(strata.codes)
    if (weight_in.min() != weight_in.max()).any():
        return Sample(weights, None)
    lonely = (counts == 1) & (weight_in.sum().to_numpy() > 1)
    if lonely.any():
        raise WeightingError(
            "a stratum has one person",
            column=stratum,
            key=strata.labels[int(lonely.argmax())],
            expected="two people or more in every stratum, or all of it",
            hint="merge it with another stratum",
        )
    return Sample(weights, strata)


# Classes of people with similar propensities.


def propensity_classes(propensity: pd.Series, n_classes: int = 5, weight: pd.Series | None = None) -> pd.Series:
    """Classes of about equal size between the quantiles of the propensities.

    Parameters
    ----------
    propensity : Series (n,)   NaN: outside, gets no class
    n_classes : int            2 or more
    weight : Series (n,) or None   persons that each row stands for; a weight of 2 counts as two rows

    Returns
    -------
    Series (n,) of Int64, name ``propensity_class``: 1 (least likely to answer) to ``n_classes``; fewer classes where
    quantiles coincide. A class holds its upper limit (quantiles of type 7, cut with include.lowest = TRUE in R).

    Raises
    ------
    WeightingError   ``n_classes`` no whole number or below 2, a weight missing or negative, nobody with a propensity.

    References
    ----------
    Hyndman & Fan (1996), The American Statistician 50, type 7; Rosenbaum & Rubin (1984), JASA 79 (five classes);
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, section 13.5.

    Examples
    --------
    The median is 0.5:

    >>> propensity_classes(pd.Series([0.2, 0.8, 0.4, 0.6]), n_classes=2).tolist()
    [1, 2, 1, 2]
    """
    values = propensity.to_numpy(dtype=float)
    counts = np.ones(len(values)) if weight is None else weights_of(weight.to_frame("weight"), "weight")
    known = np.isfinite(values)
    inside = known & (counts > 0)
    if not is_whole(n_classes) or n_classes < 2 or not inside.any():
        raise WeightingError(
            "classes cannot be formed",
            got=f"{n_classes} classes of {int(inside.sum())} people",
            expected="two classes or more, and someone with a propensity",
        )
    limits = class_limits(values[inside, None], counts[inside, None], n_classes)
    raw = classes_between(values[known, None], limits)[:, 0]
    classes = pd.Series(pd.NA, index=propensity.index, dtype="Int64", name="propensity_class")
    classes[known] = np.unique(raw, return_inverse=True)[1] + 1
    return classes


def class_limits(values: np.ndarray, counts: np.ndarray, n_classes: int) -> np.ndarray:
    """Quantiles 1/C ... (C-1)/C of every column of ``values`` (m, K), each row counted ``counts`` times: (C-1, K)."""
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    upto = np.cumsum(np.take_along_axis(counts, order, axis=0), axis=0)

    def value_at(rank: np.ndarray) -> np.ndarray:
        row = np.minimum((upto < rank * (1 - ROUNDING)).sum(axis=0), len(ranked) - 1)
        return np.take_along_axis(ranked, row[None], axis=0)[0]

    limits = []
    for k in range(1, n_classes):
        # Type 7: the value at place 1 + (n - 1) k/C among n ranked values, n the number of persons.
        place = 1 + (upto[-1] - 1) * k / n_classes
        # A number that is whole up to rounding counts as whole.
        whole = np.abs(place - np.rint(place)) <= ROUNDING * place
        low = np.where(whole, np.rint(place), np.floor(place))
        below, above = value_at(low), value_at(np.minimum(low + 1, upto[-1]))
        limits.append(below + np.where(whole, 0.0, place - low) * (above - below))
    return np.array(limits)


def classes_between(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Class 0 ... C-1 of ``values`` (m, K): how many of the limits (C-1, K) each value exceeds, by more than rounding.

    People with the same predictors have the same propensity; computed row by row it may differ in the last digit, and
    they must stay in one class.
    """
    return np.sum([values > limit + ROUNDING * np.abs(limit) for limit in limits], axis=0, dtype=int)


# The recipe step that weights respondents by their propensity to answer, fitted anew in every replicate.

# Sample and replicates are fitted to full convergence: replicates start from the coefficients of the sample, and their
# result should not depend on this start. Single replicates may separate and take many steps.
REPLICATE_TOLERANCE = 1e-12
REPLICATE_ITERATIONS = 100


@register_step
@dataclass(frozen=True)
class Propensity:
    """Weight respondents by their propensity to answer (see ``response_propensity``).

    With ``method="inverse"`` a respondent gets weight / propensity. With "classes" people are put into ``n_classes``
    classes between the quantiles of the propensities, and the weight of nonrespondents moves to the respondents of
    their class. The known ineligible keep their weight.

    Every replicate repeats all of it: the fit, with the weights of the replicate; the classes; the adjustment.

    Parameters
    ----------
    formula, link : str              as in ``response_propensity``
    method : "inverse" | "classes"   weight / propensity, or the class's weight over that of its respondents
    n_classes : int                  number of classes
    weighted : bool                  False fits with persons instead of weights (in a replicate: how often each stands
        there)
    column : str                     weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as ``response_propensity`` on the sample; people of unknown eligibility who still
        have weight; a number of classes below 2; a class without respondents, or a replicate without respondents or
        that cannot be fitted. A replicate in which a coefficient runs to infinity is no error: the propensities it
        gives are 0 or 1, and nobody who answered has 0.

    References
    ----------
    Little (1986), International Statistical Review 54; Valliant (2004), Journal of Official Statistics 20, on
    replicates that repeat every step; Valliant, Dever & Kreuter (2018), ch. 13.

    Examples
    --------
    Half of the f and three quarters of the m answered:

    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> answered = {"sex": list("ffmmmm"), "answered": [1, 0, 1, 1, 1, 0]}
    >>> sample = pd.DataFrame(answered).assign(base_weight=3.0)
    >>> apply_recipe(sample, [Propensity("sex")], status="answered").weight.round(6).tolist()
    [6.0, 0.0, 4.0, 4.0, 4.0, 0.0]
    """

    name = "propensity"
    place = NONRESPONSE
    formula: str
    method: Literal["inverse", "classes"] = "inverse"
    n_classes: Annotated[int, Ge(2)] = 5
    link: Literal["logit", "probit", "cloglog"] = "logit"
    weighted: bool = True
    column: str = "nr_weight"

    @property
    def needs(self) -> tuple[str, ...]:
        return columns_in(read_formula(self.formula))

    def response_groups(self, sample: pd.DataFrame, classes: np.ndarray, weights: np.ndarray) -> pd.Series:
        """Groups of people with similar propensities, by the base weights; people outside the model are one group."""
        people = sample[list(self.needs)].assign(_status=classes == RESPONDENT, _weight=weights)
        inside = classes != INELIGIBLE
        share = response_propensity(people[inside], self.formula, "_status", "_weight", self.link)
        groups = propensity_classes(share, self.n_classes).astype(str)
        return groups.reindex(sample.index, fill_value="outside the model")

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        if self.method == "classes" and self.n_classes < 2:
            raise WeightingError("classes cannot be formed", got=str(self.n_classes), expected="two classes or more")
        inside = np.isin(classes, (RESPONDENT, NONRESPONDENT))
        answered = (classes == RESPONDENT)[inside]
        design, link = design_of(sample[inside], read_formula(self.formula)), link_of(self.link)
        takers = np.flatnonzero(inside)[answered]
        row_of = np.flatnonzero(answered) if design.cells is None else design.cells[answered]

        def apply(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            require_known(weights, classes, "let the step UnknownEligibility come first")
            before, counts = weights[inside], multiplicity[inside]
            share = propensities(design, answered, before if self.weighted else counts, link)
            # Valliant, Dever & Kreuter (2018), section 13.5: w / p for respondents, or W_c / R_c in propensity classes.
            if self.method == "inverse":
                factors = 1 / share
            else:
                given, taken, persons = (design.sums(v) for v in (before, before * answered[:, None], counts))
                factors = class_factors(share, given, taken, persons, self.n_classes)
            adjusted = np.where((classes == INELIGIBLE)[:, None], weights, 0.0)
            adjusted[takers] = weights[takers] * factors[row_of]
            return adjusted

        return Prepared(apply)


def propensities(design: Design, answered: np.ndarray, weights: np.ndarray, link: Link) -> np.ndarray:
    """Propensity of every row of the design under every column of ``weights`` (m, K): (rows, K).

    The first column is the sample; the fits of all others start from its coefficients.
    """
    scaled = _scaled(weights, answered)
    taken, total = design.sums(scaled * answered[:, None]), design.sums(scaled)
    design, fit = fit_people(
        design, answered.astype(float), scaled[:, 0], link, REPLICATE_TOLERANCE, REPLICATE_ITERATIONS
    )
    sample = link.at(design.predict(fit.coefficients))[0]
    start = np.repeat(fit.coefficients, weights.shape[1] - 1, axis=1)
    if not start.size:
        return sample
    fit = fit_columns(
        design,
        taken[:, 1:],
        total[:, 1:],
        link,
        start,
        tolerance=REPLICATE_TOLERANCE,
        max_iterations=REPLICATE_ITERATIONS,
    )
    if not fit.converged.all():
        raise WeightingError(
            "the response model does not converge in a replicate",
            key=in_replicate(1 + int((~fit.converged).argmax())),
            got=f"{int((~fit.converged).sum())} of {len(fit.converged)} replicates after {REPLICATE_ITERATIONS} steps",
            hint="take fewer predictors, or merge thin levels",
        )
    return np.hstack([sample, link.at(design.predict(fit.coefficients))[0]])


def class_factors(
    share: np.ndarray, given: np.ndarray, taken: np.ndarray, persons: np.ndarray, n_classes: int
) -> np.ndarray:
    """New weight over old of respondents, (rows, K), when the weight of every class goes to its respondents.

    All arguments (rows, K): propensity, weight of all, weight of respondents, persons.
    """
    of_class = classes_between(share, class_limits(share, persons, n_classes))
    factors = np.zeros_like(share)
    for c in range(n_classes):
        mine = of_class == c
        all_of_it, theirs = (np.where(mine, part, 0.0).sum(axis=0) for part in (given, taken))
        empty = (all_of_it > 0) & (theirs <= 0)
        if empty.any():
            raise WeightingError(
                "a propensity class has weight but no respondent",
                key=f"class {c + 1}, {in_replicate(int(empty.argmax()))}",
                got=f"{all_of_it[empty][0]:.6g} persons, none of them a respondent",
                expected="at least one respondent in every class",
                hint="take fewer classes",
            )
        # W_c / R_c, as in ``adjust_nonresponse``.
        factors += mine * np.divide(all_of_it, theirs, out=np.zeros_like(theirs), where=theirs > 0)
    return factors


def _scaled(weights: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Weights with mean 1 over those who have some, column by column."""
    with_weight = weights > 0
    for part, who in ((answered, "respondents"), (~answered, "nonrespondents")):
        none = ~(with_weight & part[:, None]).any(axis=0)
        if none.any():
            raise WeightingError(
                f"there are no {who} with weight",
                key=in_replicate(int(none.argmax())),
                expected="respondents and nonrespondents in the sample and in every replicate",
            )
    return weights / (weights.sum(axis=0) / with_weight.sum(axis=0))
