"""Regression in a survey: weighted likelihood for the coefficients, their variance by the design."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.materializers import ClusterBy, PandasMaterializer
from formulaic.parser.types import Factor, Term
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
from spi_analysis.survey.formulas import parsed, reason

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
    formula : str   ``y ~ x + C(group)``, a name that is no word in backticks (``y ~ `org.unit` + x``); rows with a
        missing value are outside the domain, as are levels that only they have
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
    read = _read(formula, design.data.iloc[inside].reset_index(drop=True))
    kept = inside[read.x.index.to_numpy()]
    n, terms = len(design), [str(term) for term in read.x.columns]
    rows, values, outcome = np.zeros(n, dtype=bool), np.zeros((n, len(terms))), np.zeros(n)
    rows[kept], values[kept], outcome[kept] = True, read.x.to_numpy(dtype=float), _outcome(read, family)
    return _Model(terms, outcome, values, rows, read.factors, groups_of(family, outcome, values, rows), firth)


@dataclass(frozen=True)
class _Read:
    """A formula for the m complete rows.

    ``x`` (m, p): its terms; ``factors``: the categorical ones of them, by name. ``outcome``: what stands before "~";
    ``y`` (m, k): its columns; ``levels``: of each of its factors, none where that is a number.
    """

    x: pd.DataFrame
    factors: pd.DataFrame
    outcome: str
    y: pd.DataFrame
    levels: list[list[Any]]


class _Columns(PandasMaterializer):
    """Columns of terms: whatever is no number is a category; first come terms of categories alone, then by numbers."""

    @PandasMaterializer.override
    def _is_categorical(self, values: Any) -> bool:
        array = np.asarray(values)
        return super()._is_categorical(values) or (array.ndim > 0 and not np.issubdtype(array.dtype, np.number))

    @PandasMaterializer.override
    def _cluster_terms(self, terms: Sequence[Term], cluster_by: ClusterBy = ClusterBy.NONE) -> Sequence[Term]:
        clusters: dict[frozenset[str], list[Term]] = {frozenset(): []}
        for term in terms:
            numbers = frozenset(self.factors_of([term], Factor.Kind.NUMERICAL))
            clusters.setdefault(numbers, []).append(term)
        return [term for cluster in clusters.values() for term in sorted(cluster, key=lambda term: term.degree)]

    def factors_of(self, terms: Iterable[Term], *kinds: Factor.Kind) -> dict[str, np.ndarray]:
        """Values of the factors of these kinds, by name."""
        found = [self.factor_cache[factor.expr] for term in terms for factor in term.factors]
        return {one.expr: np.asarray(one.values) for one in found if one.metadata.kind in kinds}


def _read(formula: str, data: pd.DataFrame) -> _Read:
    """Outcome and terms of the complete rows; levels that none of them has are no levels."""
    if data.empty:
        raise EstimationError("nobody in the domain has an answer to all of the formula", key=formula)
    columns = _Columns(pd.DataFrame({name: _plain(column) for name, column in data.items()}), {"pd": pd})
    outcome, terms = _sides(formula)
    try:
        made = columns.get_model_matrix(Formula(lhs=outcome, rhs=terms), na_action="drop", output="pandas")
    except (FormulaicError, ValueError) as error:
        raise _unreadable(formula, reason(error)) from None
    if len(made.rhs) < len(data):
        return _read(formula, data.loc[made.rhs.index])
    factors = pd.DataFrame(columns.factors_of(terms, Factor.Kind.CATEGORICAL))
    state = made.lhs.model_spec.encoder_state
    named = columns.factors_of(outcome, Factor.Kind.CATEGORICAL, Factor.Kind.NUMERICAL)
    levels = [list(state[name][1].get("categories", ())) for name in named]
    return _Read(made.rhs, factors, str(outcome), made.lhs, levels)


def _sides(formula: str) -> tuple[SimpleFormula, SimpleFormula]:
    """The terms before and after "~", as written."""
    try:
        read = parsed(formula, "none")
    except FormulaicError as error:
        raise _unreadable(formula, reason(error)) from None
    outcome, terms = getattr(read, "lhs", None), getattr(read, "rhs", read)
    if not isinstance(terms, SimpleFormula) or not isinstance(outcome, SimpleFormula | None):
        raise _unreadable(formula, "several parts")
    if not outcome:
        raise _unreadable(formula, "no outcome before ~")
    if not terms or formula.rstrip().endswith("~"):
        raise _unreadable(formula, "no terms after ~")
    return outcome, terms


def _unreadable(formula: str, got: str) -> EstimationError:
    return EstimationError("the formula cannot be read", key=formula, got=got, expected="such as y ~ x + C(group)")


def _plain(column: pd.Series) -> pd.Series:
    """A column as formulas know it: levels that occur; nullable numbers as numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    if pd.api.types.is_extension_array_dtype(column) and pd.api.types.is_numeric_dtype(column):
        return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index)
    return column


def _outcome(read: _Read, family: str) -> np.ndarray:
    """The outcome (n,) as numbers that the family knows; true counts 1."""
    if len(read.levels) != 1:
        raise _wrong_outcome(read, f"{len(read.levels)} columns", "one column")
    (levels,) = read.levels
    if set(levels) - {True, False}:
        raise _wrong_outcome(read, ", ".join(map(str, levels[:LISTED])), "a number, or true and false")
    values = read.y.to_numpy(dtype=float)[:, levels.index(True) if True in levels else -1]
    wrong = {"binomial": ~np.isin(values, [0, 1]), "poisson": values < 0}.get(family)
    if wrong is not None and wrong.any():
        raise _wrong_outcome(read, f"{values[wrong][0]:g}", "0 or 1" if family == "binomial" else "0 or more")
    return values


def _wrong_outcome(read: _Read, got: str, expected: str) -> EstimationError:
    hint = "make a column of 0 and 1 of it, such as df.assign(yes=df[column] == value)"
    return EstimationError(
        "the outcome does not fit the family", column=read.outcome, got=got, expected=expected, hint=hint
    )


def _fitted(model: _Model, weights: np.ndarray, others_will_do: bool) -> tuple[Fitter, np.ndarray]:
    """Coefficients (p,) of the sample; those of separated levels are missing, where the others will do."""
    groups, w = model.groups, model.groups.weights(weights)
    used = w > 0
    if np.linalg.matrix_rank(groups.x[used]) < groups.x.shape[1]:
        raise EstimationError("the terms of the formula depend on each other", got=", ".join(model.terms))
    fitter = Fitter(groups, np.ones(len(w), dtype=bool), model.firth, int((weights > 0).sum()))
    (found,) = fitter.coefficients(w[:, None])
    if found is not None:
        return fitter, found
    separated = np.zeros(len(w), dtype=bool)
    separated[used] = separated_rows(groups.family, groups.y[used], groups.x[used])
    fitter = replace(fitter, kept=used & ~separated)
    terms = [term for term, known in zip(model.terms, fitter.known, strict=True) if not known]
    places = np.flatnonzero(model.rows)
    problems = separated_levels(model.factors, model.y[places], separated[groups.codes[places]], terms)
    (found,) = fitter.coefficients(w[:, None]) if others_will_do and fitter.known.any() else (None,)
    if found is None:
        raise EstimationError(*problems)
    named = "; ".join(f"{p.column} = {p.key}: {p.got}" if p.column else f"{p.key}: {p.got}" for p in problems)
    _warn(f"without a finite coefficient: {', '.join(terms)} ({named}). {problems[0].hint}")
    return fitter, found


def _replicated(design: ReplicateDesign, model: _Model, fitter: Fitter, start: np.ndarray) -> np.ndarray:
    """Coefficients in every replicate (R, p), missing in those that separate or have nobody in a level."""
    nothing = np.full(len(start), np.nan)
    found = fitter.coefficients(model.groups.weights(design.replicates), start)
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
