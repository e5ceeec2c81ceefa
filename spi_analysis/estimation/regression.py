"""Regression in a survey: point estimates by statsmodels, variance by the design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.estimation.ratios import Design
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import Estimate, make_table

FAMILIES = ("gaussian", "binomial", "poisson")
MAX_ITERATIONS = 100
TOLERANCE = 1e-12


def estimate_regression(design: Design, formula: str, family: str = "gaussian", level: float = 0.95) -> Estimate:
    """Coefficients of a linear, logistic or Poisson regression.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    formula : str   ``y ~ x + C(group)``; rows with a missing value are outside the domain
    family : str    gaussian (identity), binomial (logit), poisson (log)

    Returns
    -------
    Estimate; ``variable`` names the term; further columns t and p_value. df is the design's plus one minus the
    number of coefficients. The variance is the sandwich with the design's covariance of the scores; with
    replicates the model is fitted to each of them.

    Raises
    ------
    EstimationError   unknown family, a column that is missing, terms that depend on each other, no convergence

    References
    ----------
    Binder (1983), International Statistical Review 51; Lumley & Scott (2017), Statistical Science 32.
    """
    if family not in FAMILIES:
        raise EstimationError(
            "unknown family", got=family, expected=", ".join(FAMILIES), hint=nearest(family, FAMILIES)
        )
    model = _model(design, formula, family)
    weights = np.where(model.rows, design.weights, 0.0)
    coefficients = _fitted(model, weights)
    df = design.df(model.rows) + 1 - len(model.terms)
    replicates = None
    if isinstance(design, ReplicateDesign):
        replicates = np.array([model.newton(np.where(model.rows, w, 0.0), coefficients) for w in design.replicates.T])
        covariance = design.covariance_of(coefficients, replicates)
    else:
        covariance = design.covariance(model.influence(weights, coefficients), model.rows[:, None])
    n = np.full(len(model.terms), int((weights > 0).sum()))
    labels = pd.DataFrame({"variable": model.terms})
    table = make_table(labels, coefficients, covariance, np.full(len(labels), df), n, level)
    t = table["estimate"] / table["se"]
    return Estimate(
        table.assign(t=t, p_value=2 * student.sf(t.abs(), df if df > 0 else np.nan)), covariance, level, replicates
    )


@dataclass(frozen=True)
class _Model:
    """A model with canonical link: ``y`` (n,), ``x`` (n, p), 0 outside ``rows`` (n,)."""

    family: str
    terms: list[str]
    y: np.ndarray
    x: np.ndarray
    rows: np.ndarray

    def mean_and_slope(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fitted means, and their derivative by the linear predictor."""
        eta = self.x @ coefficients
        if self.family == "gaussian":
            return eta, np.ones_like(eta)
        if self.family == "poisson":
            mean = np.exp(eta)
            return mean, mean
        mean = 1 / (1 + np.exp(-eta))
        return mean, mean * (1 - mean)

    def influence(self, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Unweighted influence values (n, p) of the coefficients."""
        mean, slope = self.mean_and_slope(coefficients)
        scores = self.x * (np.where(self.rows, self.y - mean, 0.0))[:, None]
        return np.linalg.solve(self._information(weights * slope), scores.T).T

    def newton(self, weights: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Coefficients for other weights."""
        coefficients = start
        for _ in range(MAX_ITERATIONS):
            mean, slope = self.mean_and_slope(coefficients)
            score = self.x.T @ (weights * np.where(self.rows, self.y - mean, 0.0))
            step = np.linalg.solve(self._information(weights * slope), score)
            coefficients = coefficients + step
            if np.abs(step).max() <= TOLERANCE * max(1.0, np.abs(coefficients).max()):
                return coefficients
        raise EstimationError("the regression does not converge in a replicate", got=f"{MAX_ITERATIONS} iterations")

    def _information(self, weights: np.ndarray) -> np.ndarray:
        return self.x.T @ (self.x * weights[:, None])


def _model(design: Design, formula: str, family: str) -> _Model:
    from patsy import NAAction, PatsyError, dmatrices

    try:
        y, x = dmatrices(
            formula,
            design.data[design.in_domain],
            NA_action=NAAction(NA_types=["NaN", "None"]),
            return_type="dataframe",
        )
    except PatsyError as error:
        raise EstimationError(
            "the formula cannot be read",
            key=formula,
            got=str(error).splitlines()[0],
            expected="such as y ~ x + C(group)",
        ) from None
    rows = design.in_domain.copy()
    rows[design.in_domain] = design.data.index[design.in_domain].isin(x.index)
    n, terms = len(rows), [str(term) for term in x.columns]
    values, outcome = np.zeros((n, x.shape[1])), np.zeros(n)
    values[rows], outcome[rows] = x.to_numpy(), y.to_numpy()[:, -1]
    return _Model(family, terms, outcome, values, rows)


def _fitted(model: _Model, weights: np.ndarray) -> np.ndarray:
    """Coefficients by statsmodels; weights to mean 1, which the coefficients do not depend on."""
    import statsmodels.api as sm

    used = weights > 0
    x = model.x[used]
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise EstimationError("the terms of the formula depend on each other", got=", ".join(model.terms))
    families = {"gaussian": sm.families.Gaussian, "binomial": sm.families.Binomial, "poisson": sm.families.Poisson}
    scaled = weights[used] / weights[used].mean()
    fit = sm.GLM(model.y[used], x, families[model.family](), freq_weights=scaled).fit(
        maxiter=MAX_ITERATIONS, tol=TOLERANCE, tol_criterion="params"
    )
    return np.asarray(fit.params)
