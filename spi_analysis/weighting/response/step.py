"""The recipe step that weights respondents by their propensity to answer, fitted anew in every replicate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.recipe import Prepared, in_replicate
from spi_analysis.weighting.response.classes import class_limits, classes_between
from spi_analysis.weighting.response.design import Design, design_of
from spi_analysis.weighting.response.formula import read_formula
from spi_analysis.weighting.response.links import Link, link_of
from spi_analysis.weighting.response.scoring import fit_columns, fit_people
from spi_analysis.weighting.statuses import INELIGIBLE, NONRESPONDENT, RESPONDENT, require_known

# Sample and replicates are fitted until the likelihood stands still: replicates start where the sample ended, and
# where each of them stops should not depend on it. An odd replicate may separate and take many steps.
TOLERANCE = 1e-12
MAX_ITERATIONS = 100


@dataclass(frozen=True)
class Propensity:
    """Weight respondents by their propensity to answer (see ``response_propensity``).

    With ``classes=None`` a respondent gets weight / propensity. With ``classes`` (2 or more) people are put into that
    many classes between the quantiles of the propensities, and the weight of nonrespondents moves to the respondents
    of their class. The known ineligible keep their weight.

    Every replicate repeats all of it: the fit, with the weights of the replicate; the classes; the adjustment.
    ``weighted=False`` fits with persons instead of weights (in a replicate: how often each stands there).

    Raises (when applied)
    ---------------------
    WeightingError   as ``response_propensity`` on the sample; people of unknown eligibility who still have weight; a
        class without respondents, or a replicate without respondents or that cannot be fitted. A replicate in which a
        coefficient runs to infinity is no error: the propensities it gives are 0 or 1, and nobody who answered has 0.

    References
    ----------
    Little (1986), International Statistical Review 54; Valliant (2004), Journal of Official Statistics 20, on
    replicates that repeat every step; Valliant, Dever & Kreuter (2018), ch. 13.
    """

    formula: str
    classes: int | None = None
    link: str = "logit"
    weighted: bool = True
    column: str = "nr_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        if self.classes is not None and self.classes < 2:
            raise WeightingError("classes cannot be formed", got=str(self.classes), expected="two classes or more")
        inside = np.isin(classes, (RESPONDENT, NONRESPONDENT))
        answered = (classes == RESPONDENT)[inside]
        design, link = design_of(sample[inside], read_formula(self.formula)), link_of(self.link)
        takers = np.flatnonzero(inside)[answered]
        row_of = np.flatnonzero(answered) if design.cells is None else design.cells[answered]

        def apply(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            require_known(weights, classes, "let the step UnknownEligibility come first")
            before, counts = weights[inside], multiplicity[inside]
            share = propensities(design, answered, before if self.weighted else counts, link)
            if self.classes is None:
                factors = 1 / share
            else:
                given, taken, persons = (design.sums(v) for v in (before, before * answered[:, None], counts))
                factors = class_factors(share, given, taken, persons, self.classes)
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
    design, fit = fit_people(design, answered.astype(float), scaled[:, 0], link, TOLERANCE, MAX_ITERATIONS)
    sample = link.at(design.predict(fit.coefficients))[0]
    start = np.repeat(fit.coefficients, weights.shape[1] - 1, axis=1)
    if not start.size:
        return sample
    fit = fit_columns(
        design, taken[:, 1:], total[:, 1:], link, start, tolerance=TOLERANCE, max_iterations=MAX_ITERATIONS
    )
    if not fit.converged.all():
        raise WeightingError(
            "the response model does not converge in a replicate",
            key=in_replicate(1 + int((~fit.converged).argmax())),
            got=f"{int((~fit.converged).sum())} of {len(fit.converged)} replicates after {MAX_ITERATIONS} steps",
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
