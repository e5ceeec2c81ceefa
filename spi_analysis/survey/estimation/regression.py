"""Regression in a survey: weighted likelihood for the coefficients, their variance by the design."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, Problem
from spi_analysis.survey.estimation.association import SINGULAR, TestResult, f_test, shown_test
from spi_analysis.survey.estimation.design_inputs import data_of
from spi_analysis.survey.estimation.domains import Design
from spi_analysis.survey.estimation.estimators import estimate_mean
from spi_analysis.survey.estimation.regression_fit import (
    Fitter,
    Groups,
    OrdinalFitter,
    cumulative,
    groups_of,
    leverages,
    means_of,
    separated_answers,
    separated_levels,
    separated_rows,
)
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, Rule, dots, logit_interval, make_table, overseen
from spi_analysis.survey.formulas import ModelFrame, read_model, require_known

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILIES = ("gaussian", "binomial", "poisson", "ordinal")
# Levels named in one message.
LISTED = 5
WAY_OUT = (
    "leave the people of a level with one outcome only out (design.subset), merge the level, or ask for firth=True"
)
# Distinct values of a number that margins are made at without being asked.
MOST_VALUES = 12
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


@dataclass(frozen=True, repr=False, kw_only=True)
class Regression(Estimate):
    """A fitted regression: an Estimate of its coefficients, with tests of terms and predicted margins.

    Parameters
    ----------
    table, covariance, level, replicates   as in ``Estimate``, a row per coefficient
    design : SurveyDesign or ReplicateDesign   what it was fitted to
    model : the formula's terms and outcome, row by row
    coefficients, exact : array (p,), (p, p)   estimates and covariance that tests and margins are made from: those of
        the table, before a design's rule

    Examples
    --------
    >>> from spi_analysis.survey import SurveyDesign, estimate_regression
    >>> people = pd.DataFrame({"w": 10.0, "x": [0, 0, 1, 1], "y": [0, 2, 2, 4]})
    >>> fit = estimate_regression(SurveyDesign(people, weight="w"), "y ~ x")
    >>> fit.margins("x").table["estimate"].round(6).tolist()
    [1.0, 3.0]
    """

    design: Design
    model: Model
    coefficients: np.ndarray
    exact: np.ndarray

    @property
    def df(self) -> float:
        """Degrees of freedom of its tests and intervals."""
        # As R's svyglm (degrees of freedom + 1 - p) and svyolr (degrees of freedom - slopes).
        return self.design.df(self.model.rows) - len(self.model.slopes)

    def joint(self, term: str | Sequence[str]) -> TestResult:
        """Wald test that all coefficients of a term are 0: F with the design's degrees of freedom.

        Parameters
        ----------
        term : str or list of str   as in the formula (``C(group)``), or the name of its one column; several together

        Returns
        -------
        TestResult; df: the coefficients of the term, and those of the regression.

        Raises
        ------
        EstimationError   no such term; a coefficient without a value; coefficients that cannot be told apart; no
            degrees of freedom

        References
        ----------
        Korn & Graubard (1999), Analysis of Health Surveys, section 3.4 (as R's ``regTermTest``).

        Examples
        --------
        One coefficient: F is the square of its t.

        >>> from spi_analysis.survey import SurveyDesign
        >>> people = pd.DataFrame({"w": 10.0, "x": [0, 0, 1, 1], "y": [0, 2, 2, 4]})
        >>> fit = estimate_regression(SurveyDesign(people, weight="w"), "y ~ x")
        >>> round(fit.joint("x").statistic, 6), float(round(fit.table["t"][1] ** 2, 6))
        (3.0, 3.0)
        """
        named = [term] if isinstance(term, str) else list(term)
        places = [place for name in named for place in self.model.places(name)]
        b, v = self.coefficients[places], self.exact[np.ix_(places, places)]
        if not (np.isfinite(b).all() and np.linalg.cond(v) < SINGULAR):
            raise EstimationError(
                "the coefficients of the term cannot be tested together",
                key=", ".join(named),
                got="one without a value, or with an error that others have, too",
                expected="more primary units than coefficients, and different outcomes in every level",
                hint=WAY_OUT,
            )
        # b' V^-1 b / q, against F(q, df).
        statistic = float(b @ np.linalg.solve(v, b)) / len(places)
        test = f_test(f"Wald test of {', '.join(named)}", statistic, len(places), self.df)
        return shown_test(test, int(self.table["n"].max()), self.design.rule)

    def margins(self, term: str, at: Mapping[str, object] | Sequence[object] | None = None) -> Estimate:
        """Average predicted margins: the mean outcome if everybody had one level of a term, and all else as it is.

        The variance is that of the coefficients plus that of the mean of the predictions, as R's ``svypredmeans``.

        Parameters
        ----------
        term : str   a term of one column, or that column; an interaction with it moves along
        at : list of values of the term; or {column: value, or list of values} that everybody is to have beside; None:
            the term's levels

        Returns
        -------
        Estimate, in units of the outcome (shares for binomial, counts for poisson); a row per level (and per value of a
        list in ``at``, so that ``contrast`` compares them), and for ordered answers (shares as well) per ``category``.
        df is that of the regression; limits of shares lie between 0 and 1 (on the logit scale).

        Raises
        ------
        EstimationError   no such term, or one of several columns; a level that nobody has; a number with many values,
            and no ``at``; a coefficient without a finite value, which every prediction would need

        References
        ----------
        Graubard & Korn (1999), Biometrics 55; Bieler et al. (2010), American Journal of Epidemiology 171.

        Examples
        --------
        >>> from spi_analysis.survey import SurveyDesign
        >>> people = pd.DataFrame({"w": 10.0, "g": list("aabb"), "x": [0, 1, 1, 2], "y": [0, 2, 4, 6]})
        >>> fit = estimate_regression(SurveyDesign(people, weight="w"), "y ~ g + x")
        >>> fit.margins("g").table[["g", "estimate"]].round(6).values.tolist()
        [['a', 2.0], ['b', 4.0]]
        """
        self._require_coefficients()
        column = self.model.frame.column(term)
        beside = {name: _listed(values) for name, values in at.items()} if isinstance(at, Mapping) else {}
        levels = self._levels(column) if at is None or isinstance(at, Mapping) else list(at)
        varied = [name for name, values in beside.items() if len(values) > 1]
        rows = [dict(zip([*beside, column], one, strict=True)) for one in product(*beside.values(), levels)]
        predicted = [self._predicted(row) for row in rows]
        values, slopes = (np.hstack([part[i] for part in predicted]) for i in (0, 1))
        known, categories = self.model.rows, self.model.categories
        weights = self.design.weights[known] / self.design.weights[known].sum()
        # V = D' V(b) D + V(mean of the predictions), D the mean slopes (R's svypredmeans).
        slope = np.einsum("m,mkp->kp", weights, slopes)
        means = self._means(values)
        covariance = slope @ self.exact @ slope.T + means.covariance
        named = [{name: row[name] for name in (*varied, column)} for row in rows]
        labels = [{"variable": self.model.frame.outcome, **kind, **row} for row in named for kind in categories]
        numbers = (means.table["estimate"].to_numpy(), covariance, np.full(len(labels), self.df))
        table = make_table(pd.DataFrame(labels), *numbers, means.table["n"].to_numpy(), self.level)
        if self.model.family in ("binomial", "ordinal"):
            share, se, df = (table[name].to_numpy(dtype=float) for name in ("estimate", "se", "df_design"))
            table["ci_low"], table["ci_high"] = logit_interval(share, se, df, self.level, top=1.0)
        return overseen(Estimate(table, covariance, self.level), self.design.rule)

    def _require_coefficients(self) -> None:
        lost = self.table["variable"][~np.isfinite(self.coefficients)]
        if len(lost):
            raise EstimationError(
                "nothing can be predicted", got=f"no finite coefficient: {', '.join(map(str, lost))}", hint=WAY_OUT
            )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Coefficients as dots with their intervals, and a line at 0; intercept and thresholds are left out.

        Examples
        --------
        >>> from spi_analysis.survey import SurveyDesign
        >>> people = pd.DataFrame({"w": 10.0, "x": [0, 0, 1, 1], "y": [0, 2, 2, 4]})
        >>> fit = estimate_regression(SurveyDesign(people, weight="w"), "y ~ x")
        >>> [label.get_text() for label in fit.plot().get_yticklabels()]
        ['x']
        """
        slopes = sorted(place for term in self.model.frame.terms for place in self.model.places(term))
        return dots(self.table.iloc[slopes], ax, reference=0.0)

    def _levels(self, column: str) -> list[object]:
        """The values of a column, in their order."""
        values = self.model.frame.data[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            return list(values.cat.categories)
        found = sorted(pd.unique(values))
        if len(found) > MOST_VALUES and pd.api.types.is_numeric_dtype(values):
            raise EstimationError(
                "a number of many values has no levels", column=column, got=f"{len(found)} values",
                expected=f"at most {MOST_VALUES}", hint=f"say where: margins({column!r}, at=[low, high])",
            )  # fmt: skip
        return found

    def _predicted(self, values: Mapping[str, object]) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes (m, c) if everybody had these values, and their slopes (m, c, p) by the coefficients."""
        return self.model.predicted(*self.model.frame.changed(values), self.coefficients)

    def _means(self, values: np.ndarray) -> Estimate:
        """Means of predictions (m, k) over the people of the model."""
        everywhere = np.zeros((len(self.design), values.shape[1]))
        everywhere[self.model.rows] = values
        names = [f"(prediction {i})" for i in range(values.shape[1])]
        columns = pd.DataFrame(everywhere, self.design.data.index, names)
        design = self.design.with_rule(None).subset(self.model.rows).with_columns(columns)
        return estimate_mean(design, names, level=self.level)


def _listed(values: object) -> list[object]:
    """One value, or several."""
    several = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
    return list(values) if several else [values]  # type: ignore[call-overload]


def estimate_regression(
    design: Design, formula: str, family: str = "gaussian", level: float = 0.95, firth: bool = False
) -> Regression:
    """Coefficients of a linear, logistic or Poisson regression, or of proportional odds for ordered answers.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    formula : str   ``y ~ x + C(group)``, a name that is no word in backticks (``y ~ `org.unit` + x``); ``offset(z)`` is
        added with a coefficient of 1 (``offset(log(days))``); rows with a missing value are outside the domain, as are
        levels that only they have
    family : str    gaussian (identity), binomial (logit), poisson (log), ordinal (cumulative logit: the outcome is a
        categorical column in its order, or a number; a positive coefficient goes with higher answers)
    level : float   of the t intervals
    firth : bool    Firth's penalised likelihood (binomial, poisson), with weights of mean 1: finite where a level
        decides the outcome, and less biased where one outcome is rare

    Returns
    -------
    Regression: an Estimate (``variable`` names the term; further columns t and p_value) with ``joint(term)``,
    ``margins(term)`` and ``plot()``. df is that of the rows in the model plus one minus the number of coefficients
    (thresholds of ordered answers, named ``low|high``, count as one). The variance is the sandwich with the design's
    covariance of the scores; with replicates the model is fitted to each of them. A replicate in which a level decides
    the outcome, or has nobody, is left out and counted (``replicates_left_out``, and a SeparationWarning). Where that
    is so in the sample itself, a ReplicateDesign gives the other coefficients, which are the same without that level's
    people; its own are missing, and the warning names it.

    Raises
    ------
    EstimationError   unknown family, a column that is missing, an outcome that does not fit the family, terms that
        depend on each other; a level, or terms together, that decide the outcome (the level is named); more than half
        of the replicates left out; nobody with an answer to all of the formula; Firth's penalty for a gaussian or an
        ordinal model; ordered answers without an intercept, or of fewer than three levels; a level that is not between
        0 and 1; no convergence

    References
    ----------
    Binder (1983), International Statistical Review 51; Lumley & Scott (2017), Statistical Science 32; Firth (1993),
    Biometrika 80; Heinze & Schemper (2002), Statistics in Medicine 21; McCullagh (1980), JRSS B 42 (ordered answers).

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
    fitter, coefficients = model.fitted(weights, isinstance(design, ReplicateDesign))
    # As R's svyglm (degrees of freedom + 1 - p) and svyolr (degrees of freedom - slopes).
    df = design.df(model.rows) - len(model.slopes)
    replicates = None
    if isinstance(design, ReplicateDesign):
        replicates = _replicated(design, model, fitter, coefficients)
        covariance = design.covariance_of(coefficients, replicates)
    else:
        covariance = design.covariance(model.influence(weights, coefficients), model.rows[:, None])
    covariance = covariance + model.of_the_penalty(weights, coefficients)
    n = np.full(len(coefficients), int((weights > 0).sum()))
    labels = pd.DataFrame({"variable": model.terms})
    table = make_table(labels, coefficients, covariance, np.full(len(labels), df), n, level)
    t = table["estimate"] / table["se"]
    table = table.assign(t=t, p_value=2 * student.sf(t.abs(), df if df > 0 else np.nan))
    fit = Regression(
        table, covariance, level, replicates, design=design, model=model, coefficients=coefficients, exact=covariance
    )
    if design.rule is not None:
        _require_shown(model, weights, table, design.rule)
    return overseen(fit, design.rule)


def _require_shown(model: Model, weights: np.ndarray, table: pd.DataFrame, rule: Rule) -> None:
    """Refuse coefficients of a level, or of all but a level, whose own mean or rate the rule would take away."""
    taken, y = model.x[weights > 0], model.y[weights > 0]
    flags = np.asarray(np.isin(taken, [0, 1]).all(axis=0))
    of_all = (taken == 1).all(axis=0)
    # Of a yes or no the fewer of both count, inside the level and outside.
    sides = [y == 1, y == 0] if model.family == "binomial" else [np.ones(len(y), dtype=bool)]
    everybody = min(side.sum() for side in sides)
    parts = [part for side in sides for part in (taken[side] != 0, taken[side] == 0)]
    people = np.min([part.sum(axis=0) for part in parts], axis=0)
    levels = table.iloc[: len(flags)].assign(n=np.where(flags & ~of_all, people, everybody))
    # One at a time: they are no parts of one whole.
    few = [place for place in range(len(levels)) if rule(levels.iloc[[place]])["estimate"].isna().any()]
    if few:
        raise EstimationError(
            "a coefficient rests on too few people to be shown",
            key=", ".join(levels["variable"].iloc[few]),
            got=", ".join(f"{n:g} people" for n in levels["n"].iloc[few]),
            hint="merge the level with another one, leave the term out, or take all institutions together",
        )


def _require_family(family: str, firth: bool) -> None:
    require_known([family], FAMILIES, "family")
    if firth and family not in ("binomial", "poisson"):
        raise EstimationError("Firth's penalty is not for this family", got=family, expected="binomial or poisson")


@dataclass(frozen=True)
class Model:
    """A formula in a design of n rows: ``y``, ``offset`` (n,), ``x`` (n, p), 0 outside ``rows`` (n,) of bool.

    ``columns``: the places of ``x`` among the columns of ``frame``. This one has a canonical link.
    """

    frame: ModelFrame
    family: str
    columns: list[int]
    y: np.ndarray
    offset: np.ndarray
    x: np.ndarray
    rows: np.ndarray
    firth: bool

    @cached_property
    def groups(self) -> Groups:
        return groups_of(self.family, self.y, self.offset, self.x, self.rows)

    @property
    def slopes(self) -> list[str]:
        """Coefficients beside one for all."""
        return self.terms[1:]

    @property
    def terms(self) -> list[str]:
        """Names of the coefficients."""
        return [str(self.frame.x.columns[place]) for place in self.columns]

    @property
    def categories(self) -> list[dict[str, object]]:
        """What a prediction is of: the outcome itself."""
        return [{}]

    def places(self, term: str) -> list[int]:
        """Places of a term's coefficients."""
        return [self.columns.index(place) for place in self.frame.places(term)]

    def predicted(self, x: np.ndarray, offset: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes (m, c) for rows of the frame, and their slopes (m, c, p) by the coefficients."""
        mean, slope, _ = means_of(self.family, x @ coefficients + offset)
        return mean[:, None], (slope[:, None] * x)[:, None, :]

    def fitted(self, weights: np.ndarray, others_will_do: bool) -> tuple[Fitter | OrdinalFitter, np.ndarray]:
        """Coefficients (p,) of the sample; those of separated levels are missing, where the others will do."""
        w = self._group_weights(weights)
        fitter = Fitter(self.groups, np.ones(len(w), dtype=bool), self.firth, int((weights > 0).sum()))
        (found,) = fitter.coefficients(w[:, None])
        if found is not None:
            return fitter, found
        used, separated = w > 0, np.zeros(len(w), dtype=bool)
        separated[used] = separated_rows(self.family, self.groups.y[used], self.groups.x[used])
        fitter = replace(fitter, kept=used & ~separated)
        terms = [term for term, known in zip(self.terms, fitter.known, strict=True) if not known]
        problems = self.undecided(separated, terms)
        (found,) = fitter.coefficients(w[:, None]) if others_will_do and fitter.known.any() else (None,)
        if found is None:
            raise EstimationError(*problems)
        named = "; ".join(f"{p.column} = {p.key}: {p.got}" if p.column else f"{p.key}: {p.got}" for p in problems)
        _warn(f"without a finite coefficient: {', '.join(terms)} ({named}). {problems[0].hint}")
        return fitter, found

    def undecided(self, separated: np.ndarray, terms: list[str]) -> list[Problem]:
        """What keeps coefficients from a value, where these groups are separated."""
        places = np.flatnonzero(self.rows)
        return separated_levels(self.frame.factors, self.y[places], separated[self.groups.codes[places]], terms)

    def _group_weights(self, weights: np.ndarray) -> np.ndarray:
        """Weights (m,) of the groups, among which all terms can be told apart."""
        w = self.groups.weights(weights)
        x = self.groups.x[w > 0]
        if x.shape[1] and np.linalg.matrix_rank(x) < x.shape[1]:
            raise EstimationError("the terms of the formula depend on each other", got=", ".join(self.terms))
        return np.asarray(w)

    def influence(self, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Unweighted influence values (n, p) of the coefficients, the penalty's part in proportion to the weights."""
        mean, slope, second = self._means(coefficients)
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
        mean, slope, _ = self._means(coefficients)
        v = self._scaled(weights)
        # Heinze & Schemper (2002): the data augmented by the leverages; A^-1 (sum of squared scores) A^-1.
        h = v * slope * leverages(self.x, v * slope)
        spread = h / 2 * ((mean**2 + (1 - mean) ** 2) if self.family == "binomial" else 1.0)
        bread = np.linalg.inv(self._information(v * slope))
        return np.asarray(bread @ self._information(spread) @ bread)

    def _means(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return means_of(self.family, self.x @ coefficients + self.offset)

    @staticmethod
    def _scaled(weights: np.ndarray) -> np.ndarray:
        """Weights of mean 1."""
        return weights * (weights > 0).sum() / weights.sum()

    def _information(self, weights: np.ndarray) -> np.ndarray:
        return self.x.T @ (self.x * weights[:, None])


@dataclass(frozen=True)
class OrdinalModel(Model):
    """Ordered answers: ``y`` holds their places from 0 on, ``x`` no intercept; the coefficients end with thresholds."""

    answers: list[object]

    @property
    def slopes(self) -> list[str]:
        return super().terms

    @property
    def terms(self) -> list[str]:
        between = zip(self.answers[:-1], self.answers[1:], strict=True)
        return [*super().terms, *(f"{low}|{high}" for low, high in between)]

    @property
    def categories(self) -> list[dict[str, object]]:
        return [{"category": answer} for answer in self.answers]

    def predicted(self, x: np.ndarray, offset: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chances (m, c) of all answers, and their slopes (m, c, q)."""
        places = (np.full(len(x), place) for place in range(len(self.answers)))
        found = [cumulative(place, x[:, self.columns], offset, coefficients) for place in places]
        return np.column_stack([one.share for one in found]), np.stack([one.slope for one in found], axis=1)

    def fitted(self, weights: np.ndarray, others_will_do: bool) -> tuple[Fitter | OrdinalFitter, np.ndarray]:
        """Coefficients (q,) of the sample; separated answers are refused with any design."""
        w = self._group_weights(weights)
        fitter = OrdinalFitter(self.groups, len(self.answers) - 1)
        (found,) = fitter.coefficients(w[:, None])
        if found is None:
            separated = np.zeros(len(w), dtype=bool)
            separated[w > 0] = separated_answers(self.groups.used(w), fitter.thresholds)
            raise EstimationError(*self.undecided(separated, self.terms))
        return fitter, found

    def influence(self, weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Unweighted influence values (n, q) of slopes and thresholds."""
        at = cumulative(self.y, self.x, self.offset, coefficients)
        scores = at.score * self.rows[:, None]
        # Binder (1983): the inverse information times the scores, as for the canonical links.
        return np.linalg.solve(at.information(weights), scores.T).T


def _model(design: Design, formula: str, family: str, firth: bool) -> Model:
    data = data_of(design)
    inside = np.flatnonzero(design.in_domain & (design.weights != 0))
    # Rows by their place: labels may be there twice.
    frame = read_model(formula, data.iloc[inside].reset_index(drop=True))
    kept = inside[frame.x.index.to_numpy()]
    n, columns = len(design), [*range(frame.x.shape[1])]
    rows, values, added, outcome = np.zeros(n, dtype=bool), np.zeros((n, len(columns))), np.zeros(n), np.zeros(n)
    rows[kept], values[kept], added[kept] = True, frame.x.to_numpy(dtype=float), frame.offset
    if family == "ordinal":
        columns = _without_intercept(frame)
        outcome[kept], answers = _ordered(frame)
        return OrdinalModel(frame, family, columns, outcome, added, values[:, columns], rows, firth, answers)
    outcome[kept] = _outcome(frame, family)
    return Model(frame, family, columns, outcome, added, values, rows, firth)


def _without_intercept(frame: ModelFrame) -> list[int]:
    """Places of the terms of ordered answers, whose thresholds are intercepts."""
    names = list(frame.x.columns)
    if "Intercept" not in names:
        raise EstimationError(
            "ordered answers have their thresholds for an intercept", got="a formula without one", expected="y ~ x"
        )
    return [place for place, name in enumerate(names) if name != "Intercept"]


def _ordered(frame: ModelFrame) -> tuple[np.ndarray, list[object]]:
    """Ordered answers (m,) as places from 0 on, and what they are."""
    column = frame.data.get(frame.outcome.strip("`"))
    if isinstance(column, pd.Series) and isinstance(column.dtype, pd.CategoricalDtype):
        places, answers = column.cat.codes.to_numpy(dtype=float), list(column.cat.categories)
    elif frame.levels == [[]]:
        values, places = np.unique(frame.y.to_numpy(dtype=float).ravel(), return_inverse=True)
        answers, places = [f"{value:g}" for value in values], places.ravel().astype(float)
    else:
        raise _wrong_outcome(frame, "text without an order", "a number, or a column of ordered categories")
    if len(answers) <= 2:
        got = ", ".join(map(str, answers))
        raise _wrong_outcome(frame, got, "three levels or more; for two of them family='binomial'")
    return places, answers


def _outcome(frame: ModelFrame, family: str) -> np.ndarray:
    """The outcome (n,) as numbers that the family knows; true counts 1."""
    if len(frame.levels) != 1:
        raise _wrong_outcome(frame, f"{len(frame.levels)} columns", "one column")
    (levels,) = frame.levels
    if set(levels) - {True, False}:
        raise _wrong_outcome(frame, ", ".join(map(str, levels[:LISTED])), "a number, or true and false")
    values = frame.y.to_numpy(dtype=float)[:, levels.index(True) if True in levels else -1]
    wrong = {"binomial": ~np.isin(values, [0, 1]), "poisson": values < 0}.get(family)
    if wrong is not None and wrong.any():
        raise _wrong_outcome(frame, f"{values[wrong][0]:g}", "0 or 1" if family == "binomial" else "0 or more")
    return values


def _wrong_outcome(frame: ModelFrame, got: str, expected: str) -> EstimationError:
    hint = "make a column of 0 and 1 of it, such as df.assign(yes=df[column] == value)"
    return EstimationError(
        "the outcome does not fit the family", column=frame.outcome, got=got, expected=expected, hint=hint
    )


def _replicated(design: ReplicateDesign, model: Model, fitter: Fitter | OrdinalFitter, start: np.ndarray) -> np.ndarray:
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
