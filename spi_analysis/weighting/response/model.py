"""Response propensities: who answers, modelled from what is known of everyone sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.inputs import require_columns, weights_of
from spi_analysis.weighting.response.algebra import inverse
from spi_analysis.weighting.response.design import design_of
from spi_analysis.weighting.response.formula import read_formula
from spi_analysis.weighting.response.links import link_of
from spi_analysis.weighting.response.scoring import MAX_ITERATIONS, TOLERANCE, fit_people
from spi_analysis.weighting.statuses import INELIGIBLE, RESPONDENT, UNKNOWN, classify

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
    """The probability to answer of everyone sampled, from a binary model of what is known of all.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person
    formula : str             right-hand side ("age + C(unit) * sex"); before a "~" only the status. Names that are
        no words stand in backticks or in Q("...")
    status : str              column: AAPOR codes, plain words, or 1/0 (see ``statuses.classify``)
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
    WeightingError   a column is missing or has missing values, the formula cannot be read, everybody or nobody
        answered, a coefficient runs to infinity (the column that separates is named), no convergence.

    References
    ----------
    Little (1986), International Statistical Review 54; Valliant, Dever & Kreuter (2018), ch. 13; McCullagh & Nelder
    (1989), ch. 2.5 (scoring).
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
    """The response model behind ``response_propensity``: same parameters, errors and reference.

    Returns
    -------
    PropensityModel: coefficients, their covariance, log-likelihood and propensities.
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
