"""Outside figures of the response: propensities, their classes and weights, R-indicators.

As in ``cases.py``: id -> how we compute it, numbers in the order of the figure's ``names``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.survey.weighting import apply_recipe
from spi_analysis.survey.weighting.propensity import Propensity, PropensityModel, fit_propensity, propensity_classes
from spi_analysis.survey.weighting.representativity import RIndicator, r_indicator
from tests.reference.bench import Bench

Case = Callable[[Bench], Any]
CASES: dict[str, Case] = {}

# The models of the figures nr.* (names of the coefficients) and rind.* (rows of rind.srs.partial).
RESPONSE = "age + C(hisp) + C(race) + C(parents_r) + C(educ_r)"
SHORT = "age + C(hisp)"
REPRESENTED = "C(hisp) + C(race) + C(educ_r) + C(sex)"
CLASSES = 5


def model(b: Bench, formula: str = RESPONSE, weight: str | None = None, link: str = "logit") -> PropensityModel:
    return fit_propensity(b.nhis, formula, "answered", weight, link)


# --- propensities

CASES["nr.logit.coef"] = lambda b: model(b).coefficients
CASES["nr.logit.se"] = lambda b: model(b).standard_errors
CASES["nr.logit.loglik"] = lambda b: model(b).loglik
CASES["nr.logit_wtd.coef"] = lambda b: model(b, weight="svywt").coefficients
CASES["nr.probit.coef"] = lambda b: model(b, SHORT, link="probit").coefficients
CASES["nr.cloglog.coef"] = lambda b: model(b, SHORT, link="cloglog").coefficients
CASES["nr.propensity.quantiles"] = lambda b: model(b).propensity.quantile([0, 0.25, 0.5, 0.75, 1])
CASES["nr.propensity.sd"] = lambda b: model(b).propensity.std()

# --- classes, and the weights that they and the propensities themselves give


def by_class(b: Bench) -> Any:
    propensity = model(b).propensity
    people = b.nhis.assign(propensity=propensity, answers=b.nhis["answered"].astype(float))
    return people.assign(answer_weight=people["svywt"] * people["answers"]).groupby(
        propensity_classes(propensity, CLASSES)
    )


CASES["nr.quintile.n"] = lambda b: by_class(b).size()
CASES["nr.quintile.rate_unwtd"] = lambda b: by_class(b)["answers"].mean()
CASES["nr.quintile.rate_wtd"] = lambda b: by_class(b)["answer_weight"].sum() / by_class(b)["svywt"].sum()
CASES["nr.quintile.mean_prop"] = lambda b: by_class(b)["propensity"].mean()
CASES["nr.quintile.median_prop"] = lambda b: by_class(b)["propensity"].median()
CASES["nr.quintile_adj.wsum"] = lambda b: weighted_by(b, Propensity(RESPONSE, "classes", CLASSES, weighted=False))
CASES["nr.ipw.wsum"] = lambda b: weighted_by(b, Propensity(RESPONSE, weighted=False))


def weighted_by(b: Bench, step: Propensity) -> dict[str, Any]:
    """What the figures say of a weight vector: respondents only."""
    w = apply_recipe(b.nhis, [step], weight="svywt", status="answered").weight.to_numpy()
    w = w[w > 0]
    ends = {"first5": w[:5], "last5": w[-5:]}
    return {"sum": w.sum(), "sumsq": (w**2).sum(), "min": w.min(), "max": w.max(), "n": len(w), **ends}


# --- representativity


@cache
def indicator(b: Bench, link: str = "logit") -> RIndicator:
    return r_indicator(b.nhis, REPRESENTED, "answered", link=link)


def stratified(b: Bench) -> RIndicator:
    """Five strata made of the stratum number, and in each the mean weight for everyone."""
    people = b.nhis.assign(fifth=b.nhis["stratum"] % 5)
    people = people.assign(mean_weight=people.groupby("fifth")["svywt"].transform("mean"))
    return r_indicator(people, REPRESENTED, "answered", "mean_weight", stratum="fifth")


def cascade(b: Bench) -> pd.DataFrame:
    """The sample of weightflow's cascade as its nonresponse step meets it."""
    return b.cascade_sample.assign(w=b.cascade.columns["elig_weight"])


CASES["rind.srs.R"] = lambda b: indicator(b).value
CASES["rind.srs.SE"] = lambda b: indicator(b).se
CASES["rind.srs.CV_SE"] = lambda b: indicator(b).cv_se
CASES["rind.srs.partial"] = lambda b: indicator(b).partials.drop(columns="variable").to_numpy()
CASES["rind.linear.R"] = lambda b: indicator(b, "linear").value
CASES["rind.linear.SE"] = lambda b: indicator(b, "linear").se
CASES["rind.strat.R_unadj"] = lambda b: stratified(b).unadjusted
CASES["rind.strat.CV"] = lambda b: stratified(b).cv
CASES["cascade.simple.rindicator"] = lambda b: unadjusted_and_spread(b)


def unadjusted_and_spread(b: Bench) -> np.ndarray:
    value = r_indicator(cascade(b), "region", "status", "w").unadjusted
    return np.array([value, (1 - value) / 2])


__all__ = ["CASES"]
