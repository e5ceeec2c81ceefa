"""Regression in a survey: weighted likelihood for the coefficients, their variance by the design."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.domains import Design
from spi_analysis.survey.estimation.regression_fit import (
    Fitter,
    Groups,
    groups_of,
    leverages,
    separated_levels,
    separated_rows,
)
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, make_table

FAMILIES = ("gaussian", "binomial", "poisson")
# Levels named in one message.
LISTED = 5
# Replicates that separate are those in which a rare answer is rarest: with more of them left out than this, what the
# others show is no standard error.
MOST_LEFT_OUT = 0.5


class SeparationWarning(UserWarning):
    """Coefficients without a finite value, or replicates that do not have them.

    Examples
    --------
    A program that would rather stop than go on without a coefficient:

    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SeparationWarning)
    """


def estimate_regression(
    design: Design, formula: str, family: str = "gaussian", level: float = 0.95, firth: bool = False
) -> Estimate:
    """Coefficients of a linear, logistic or Poisson regression.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    formula : str   ``y ~ x + C(group)``; rows with a missing value are outside the domain, as are levels
        that only they have
    family : str    gaussian (identity), binomial (logit), poisson (log)
    level : float   of the t intervals
    firth : bool    Firth's penalised likelihood (binomial, poisson), with weights of mean 1: finite where a level
        decides the outcome, and less biased where one outcome is rare

    Returns
    -------
    Estimate; ``variable`` names the term; further columns t and p_value. df is that of the rows in the model plus one
    minus the number of coefficients. The variance is the sandwich with the design's covariance of the scores; with
    replicates the model is fitted to each of them. A replicate in which a level decides the outcome, or has nobody, is
    left out and counted (``replicates_left_out``, and a SeparationWarning). Where that is so in the sample itself, a
    ReplicateDesign gives the other coefficients, which are the same without that level's people; its own are missing,
    and the warning names it.

    Raises
    ------
    EstimationError   unknown family, a column that is missing, an outcome that does not fit the family, terms that
        depend on each other; a level, or terms together, that decide the outcome (the level is named); more than half
        of the replicates left out; nobody with an answer to all of the formula; Firth's penalty for a gaussian model;
        a level that is not between 0 and 1; no convergence

    References
    ----------
    Binder (1983), International Statistical Review 51; Lumley & Scott (2017), Statistical Science 32; Firth (1993),
    Biometrika 80; Heinze & Schemper (2002), Statistics in Medicine 21.

    Examples
    --------
    The mean is 1 where x is 0, and 3 where x is 1.

    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 10.0, "x": [0, 0, 1, 1], "y": [0, 2, 2, 4]})
    >>> estimate_regression(SurveyDesign(people, weight="w"), "y ~ x").table["estimate"].round(6).tolist()
    [1.0, 2.0]
    """
    _require_family(family, firth)
    model = _model(design, formula, family, firth)
    weights = np.where(model.rows, design.weights, 0.0)
    fitter, coefficients = _fitted(model, weights, isinstance(design, ReplicateDesign))
    # As R's svyglm: design degrees of freedom + 1 - p.
    df = design.df(model.rows) + 1 - len(model.terms)
    replicates = None
    if isinstance(design, ReplicateDesign):
        replicates = _replicated(design, model, fitter, coefficients)
        covariance = design.covariance_of(coefficients, replicates)
    else:
        covariance = design.covariance(model.influence(weights, coefficients), model.rows[:, None])
    covariance = covariance + model.of_the_penalty(weights, coefficients)
    n = np.full(len(model.terms), int((weights > 0).sum()))
    labels = pd.DataFrame({"variable": model.terms})
    table = make_table(labels, coefficients, covariance, np.full(len(labels), df), n, level)
    t = table["estimate"] / table["se"]
    return Estimate(
        table.assign(t=t, p_value=2 * student.sf(t.abs(), df if df > 0 else np.nan)), covariance, level, replicates
    )


def _require_family(family: str, firth: bool) -> None:
    if family not in FAMILIES:
        raise EstimationError(
            "unknown family", got=family, expected=", ".join(FAMILIES), hint=nearest(family, FAMILIES)
        )
    if firth and family == "gaussian":
        raise EstimationError("Firth's penalty changes nothing here", got=family, expected="binomial or poisson")


@dataclass(frozen=True)
class _Model:
    """A model with canonical link: ``y`` (n,), ``x`` (n, p), 0 outside ``rows`` (n,); ``factors``: its categories."""

    terms: list[str]
    y: np.ndarray
    x: np.ndarray
    rows: np.ndarray
    factors: pd.DataFrame
    groups: Groups
    firth: bool

    def influence(self, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Unweighted influence values (n, p) of the coefficients, the penalty's part in proportion to the weights."""
        mean, slope, second = self.groups.means(self.x @ coefficients)
        residual = self.y - mean
        if self.firth:
            # The score of weights v = c w, per unit of w: v mean'' x' A(v)^-1 x / 2 over c w.
            residual = residual + second * leverages(self.x, self._scaled(weights) * slope) / 2
        scores = self.x * np.where(self.rows, residual, 0.0)[:, None]
        # Binder (1983): the inverse information times the scores x (y - mean).
        return np.linalg.solve(self._information(weights * slope), scores.T).T

    def of_the_penalty(self, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """What the penalty's own answers add to the covariance (p, p); 0 without a penalty.

        Firth's estimate is that of a sample to which every person adds h/2 of a "yes" and h/2 of a "no" (Poisson: h/2
        events), h the leverage. Where all people of a level answer alike no sample ever shows an error; these do.
        """
        p = len(coefficients)
        if not self.firth:
            return np.zeros((p, p))
        mean, slope, _ = self.groups.means(self.x @ coefficients)
        v = self._scaled(weights)
        # Heinze & Schemper (2002): the data augmented by the leverages; A^-1 (sum of squared scores) A^-1.
        h = v * slope * leverages(self.x, v * slope)
        spread = h / 2 * ((mean**2 + (1 - mean) ** 2) if self.groups.family == "binomial" else 1.0)
        bread = np.linalg.inv(self._information(v * slope))
        return np.asarray(bread @ self._information(spread) @ bread)

    @staticmethod
    def _scaled(weights: np.ndarray) -> np.ndarray:
        """Weights of mean 1."""
        return weights * (weights > 0).sum() / weights.sum()

    def _information(self, weights: np.ndarray) -> np.ndarray:
        return self.x.T @ (self.x * weights[:, None])


def _model(design: Design, formula: str, family: str, firth: bool) -> _Model:
    inside = np.flatnonzero(design.in_domain & (design.weights != 0))
    # Rows by their place: labels may be there twice.
    outcomes, x = _matrices(formula, design.data.iloc[inside].reset_index(drop=True))
    kept = inside[x.index.to_numpy()]
    n, terms = len(design), [str(term) for term in x.columns]
    rows, values, outcome = np.zeros(n, dtype=bool), np.zeros((n, x.shape[1])), np.zeros(n)
    rows[kept], values[kept], outcome[kept] = True, x.to_numpy(), _outcome(outcomes, family)
    factors = _factors(x, design.data.iloc[kept].reset_index(drop=True))
    return _Model(terms, outcome, values, rows, factors, groups_of(family, outcome, values, rows), firth)


def _factors(x: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """The categorical factors of the terms, by name."""
    known = pd.DataFrame({name: _plain(column) for name, column in data.items()})
    found = {
        factor.name(): _values_of(factor.eval(info.state, known))
        for factor, info in x.design_info.factor_infos.items()
        if info.type == "categorical"
    }
    return pd.DataFrame(found)


def _values_of(factor: object) -> np.ndarray:
    """Values (n,) of a categorical factor; C(...) wraps them."""
    return np.asarray(getattr(factor, "data", factor) if hasattr(factor, "contrast") else factor)


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


def _fitted(model: _Model, weights: np.ndarray, others_will_do: bool) -> tuple[Fitter, np.ndarray]:
    """Coefficients (p,) of the sample; those of separated levels are missing, where the others will do."""
    groups, w = model.groups, model.groups.weights(weights)
    used = w > 0
    if np.linalg.matrix_rank(groups.x[used]) < groups.x.shape[1]:
        raise EstimationError("the terms of the formula depend on each other", got=", ".join(model.terms))
    fitter = Fitter(groups, np.ones(len(w), dtype=bool), model.firth, int((weights > 0).sum()))
    found = fitter.coefficients(w)
    if found is not None:
        return fitter, found
    separated = np.zeros(len(w), dtype=bool)
    separated[used] = separated_rows(groups.family, groups.y[used], groups.x[used])
    fitter = replace(fitter, kept=used & ~separated)
    terms = [term for term, known in zip(model.terms, fitter.known, strict=True) if not known]
    places = np.flatnonzero(model.rows)
    problems = separated_levels(model.factors, model.y[places], separated[groups.codes[places]], terms)
    found = fitter.coefficients(w) if others_will_do and fitter.known.any() else None
    if found is None:
        raise EstimationError(*problems)
    named = "; ".join(f"{p.column} = {p.key}: {p.got}" if p.column else f"{p.key}: {p.got}" for p in problems)
    _warn(f"without a finite coefficient: {', '.join(terms)} ({named}). {problems[0].hint}")
    return fitter, found


def _replicated(design: ReplicateDesign, model: _Model, fitter: Fitter, start: np.ndarray) -> np.ndarray:
    """Coefficients in every replicate (R, p), missing in those that separate or have nobody in a level."""
    nothing = np.full(len(start), np.nan)
    columns = (model.groups.weights(np.where(model.rows, w, 0.0)) for w in design.replicates.T)
    found = [fitter.coefficients(w, start) for w in columns]
    left_out = sum(one is None for one in found)
    if left_out > MOST_LEFT_OUT * len(found):
        raise EstimationError(
            "most replicates do not have the coefficients: in them a level decides the outcome, or has nobody",
            got=f"{left_out} of {len(found)} replicates",
            expected=f"at most {MOST_LEFT_OUT:.0%} of them",
            hint="merge thin levels, or ask for Firth's penalised likelihood: firth=True",
        )
    if left_out:
        _warn(f"{left_out} of {len(found)} replicates are left out: in them a level decides the outcome, or has nobody")
    return np.array([nothing if one is None else one for one in found])


def _warn(text: str) -> None:
    warnings.warn(text, SeparationWarning, stacklevel=4)
