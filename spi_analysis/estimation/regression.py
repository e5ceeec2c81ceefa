"""Regression in a survey: point estimates by statsmodels, variance by the design."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.estimation.ratios import Design
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import Estimate, make_table

FAMILIES = ("gaussian", "binomial", "poisson")
# Levels named in one message.
LISTED = 5
MAX_ITERATIONS = 100
TOLERANCE = 1e-12


def estimate_regression(design: Design, formula: str, family: str = "gaussian", level: float = 0.95) -> Estimate:
    """Coefficients of a linear, logistic or Poisson regression.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    formula : str   ``y ~ x + C(group)``; rows with a missing value are outside the domain, as are levels
        that only they have
    family : str    gaussian (identity), binomial (logit), poisson (log)

    Returns
    -------
    Estimate; ``variable`` names the term; further columns t and p_value. df is the design's plus one minus the
    number of coefficients. The variance is the sandwich with the design's covariance of the scores; with
    replicates the model is fitted to each of them.

    Raises
    ------
    EstimationError   unknown family, a column that is missing, an outcome that does not fit the family, terms that
        depend on each other, terms that decide the outcome, no convergence

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
        """Coefficients (p,) for other weights; missing where these cannot tell the terms apart."""
        coefficients = start
        for _ in range(MAX_ITERATIONS):
            mean, slope = self.mean_and_slope(coefficients)
            score = self.x.T @ (weights * np.where(self.rows, self.y - mean, 0.0))
            try:
                step = np.linalg.solve(self._information(weights * slope), score)
            except np.linalg.LinAlgError:
                # Nobody of a level was drawn: this replicate does not have the coefficients.
                return np.full(len(start), np.nan)
            coefficients = coefficients + step
            if np.abs(step).max() <= TOLERANCE * max(1.0, np.abs(coefficients).max()):
                return coefficients
        raise EstimationError("the regression does not converge in a replicate", got=f"{MAX_ITERATIONS} iterations")

    def _information(self, weights: np.ndarray) -> np.ndarray:
        return self.x.T @ (self.x * weights[:, None])


def _model(design: Design, formula: str, family: str) -> _Model:
    inside = np.flatnonzero(design.in_domain & (design.weights != 0))
    # Rows by their place: labels may be there twice.
    outcomes, x = _matrices(formula, design.data.iloc[inside].reset_index(drop=True))
    kept = inside[x.index.to_numpy()]
    n, terms = len(design), [str(term) for term in x.columns]
    rows, values, outcome = np.zeros(n, dtype=bool), np.zeros((n, x.shape[1])), np.zeros(n)
    rows[kept], values[kept], outcome[kept] = True, x.to_numpy(), _outcome(outcomes, family)
    return _Model(family, terms, outcome, values, rows)


def _matrices(formula: str, data: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Outcome and terms of the complete rows; levels that none of them has are no levels."""
    from patsy import NAAction, PatsyError, dmatrices

    if data.empty:
        raise EstimationError("nobody in the domain has an answer to all of the formula", key=formula)
    known = pd.DataFrame({name: _plain(column) for name, column in data.items()})
    try:
        y, x = dmatrices(formula, known, NA_action=NAAction(NA_types=["NaN", "None"]), return_type="dataframe")
    except PatsyError as error:
        raise EstimationError(
            "the formula cannot be read",
            key=formula,
            got=str(error).splitlines()[0],
            expected="such as y ~ x + C(group)",
        ) from None
    return (y, x) if len(x) == len(data) else _matrices(formula, data.loc[x.index])


def _plain(column: pd.Series) -> pd.Series:
    """A column as patsy can read it: levels that occur; nullable numbers as numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    if pd.api.types.is_extension_array_dtype(column) and pd.api.types.is_numeric_dtype(column):
        return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index)
    return column


def _outcome(y: pd.DataFrame, family: str) -> np.ndarray:
    """The outcome (n,) as numbers that the family knows; true counts 1."""
    factors = list(y.design_info.factor_infos.values())
    if len(factors) != 1:
        raise _wrong_outcome(y, f"{len(factors)} columns", "one column")
    levels = factors[0].categories if factors[0].type == "categorical" else ()
    if set(levels) - {True, False}:
        raise _wrong_outcome(y, ", ".join(map(str, levels[:LISTED])), "a number, or true and false")
    values = y.to_numpy()[:, -1]
    wrong = {"binomial": ~np.isin(values, [0, 1]), "poisson": values < 0}.get(family)
    if wrong is not None and wrong.any():
        raise _wrong_outcome(y, f"{values[wrong][0]:g}", "0 or 1" if family == "binomial" else "0 or more")
    return values


def _wrong_outcome(y: pd.DataFrame, got: str, expected: str) -> EstimationError:
    hint = "make a column of 0 and 1 of it, such as df.assign(yes=df[column] == value)"
    return EstimationError(
        "the outcome does not fit the family", column=y.design_info.describe(), got=got, expected=expected, hint=hint
    )


def _fitted(model: _Model, weights: np.ndarray) -> np.ndarray:
    """Coefficients by statsmodels; weights to mean 1, which the coefficients do not depend on."""
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    used = weights > 0
    x = model.x[used]
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise EstimationError("the terms of the formula depend on each other", got=", ".join(model.terms))
    families = {"gaussian": sm.families.Gaussian, "binomial": sm.families.Binomial, "poisson": sm.families.Poisson}
    scaled = weights[used] / weights[used].mean()
    regression = sm.GLM(model.y[used], x, families[model.family](), freq_weights=scaled)
    try:
        with warnings.catch_warnings(), np.errstate(over="ignore"):
            warnings.simplefilter("error", PerfectSeparationWarning)
            fit = regression.fit(maxiter=MAX_ITERATIONS, tol=TOLERANCE, tol_criterion="params")
    except PerfectSeparationWarning:
        raise EstimationError(
            "the terms say the outcome of everybody: its coefficients are not finite",
            got=", ".join(model.terms),
            hint="leave out the term that decides the outcome",
        ) from None
    return np.asarray(fit.params)
