"""Maximum weighted likelihood: canonical links, plain or with Firth's penalty, proportional odds; models of others.

Binary models are fitted by the scoring of the response model, counts by statsmodels, ordered answers by Newton's
method.
People who are alike in outcome and terms count together, so a model of a few groups costs the same for any sample.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.special import expit, logit

from spi_analysis.errors import EstimationError, Problem
from spi_analysis.survey.estimation.domains import Design
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, make_table
from spi_analysis.survey.groups import group_sums
from spi_analysis.survey.weighting import dense_design, fit_columns, link_of, working_response

if TYPE_CHECKING:
    from statsmodels.genmod.generalized_linear_model import GLMResults

# A model of others is taken to have the design's weights if it agrees with them so far, as a part of each.
SAME_WEIGHTS = 1e-9

# Outcomes that the terms of a model decide: coefficients that run to infinity, and the levels they belong to.

# Of the linear programme's slacks (0 or 1), and of what counts as a level's all.
HALF = 0.5
HINT = "merge the level with another one, leave its people out, or ask for Firth's penalised likelihood: firth=True"


def separated_rows(family: str, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rows (m,) whose outcome some direction of the coefficients decides without harm to any other row.

    A direction b with ``s_i = z_i x_i'b >= 0`` for all rows (binomial: z = 1 where y = 1, else -1; Poisson: z = -1
    where y = 0, and x_i'b = 0 elsewhere) raises the likelihood for ever. With s cut at 1 the sum of s is largest where
    every row that can be separated has s = 1.

    References
    ----------
    Albert & Anderson (1984), Biometrika 71; Konis (2007), Linear programming algorithms for detecting separated data.
    """
    if family == "gaussian":
        return np.zeros(len(y), dtype=bool)
    size = np.abs(x).max(axis=0, initial=0.0)
    signed = np.where(y > 0, 1.0, -1.0)[:, None] * x / np.where(size > 0, size, 1.0)
    free, n = x.shape[1], len(y)
    most = np.where(y > 0, 0.0, 1.0) if family == "poisson" else np.ones(n)
    # s_i <= z_i x_i'b, 0 <= s_i <= 1; where s is 0 the row must not be harmed, or (Poisson, y > 0) not be moved.
    moved = y > 0 if family == "poisson" else np.zeros(n, dtype=bool)
    above = np.hstack([-signed[~moved], np.eye(n)[~moved]])
    still = np.hstack([signed[moved], np.zeros((int(moved.sum()), n))])
    # Largest sum of s, over directions b and slacks s (Konis 2007).
    found = linprog(
        np.concatenate([np.zeros(free), -np.ones(n)]),
        A_ub=above,
        b_ub=np.zeros(len(above)),
        A_eq=still if len(still) else None,
        b_eq=np.zeros(len(still)) if len(still) else None,
        bounds=[(None, None)] * free + [(0.0, one) for one in most],
        method="highs",
    )
    if found.status != 0:
        return np.zeros(n, dtype=bool)
    return np.asarray(found.x[free:] > HALF)


def separated_levels(factors: pd.DataFrame, y: np.ndarray, separated: np.ndarray, terms: list[str]) -> list[Problem]:
    """Which levels decide the outcome of their people, each with its count; else the terms that do it together.

    ``factors``: categorical columns of the model (n rows); ``y`` (n,); ``separated`` (n,) of bool; ``terms`` without a
    finite coefficient.
    """
    problems = [
        problem
        for name in factors
        for level in pd.unique(factors[name])
        if (problem := _level(str(name), level, (factors[name] == level).to_numpy(), y, separated)) is not None
    ]
    return problems or [_together(terms, y[separated])]


def _level(name: str, level: object, rows: np.ndarray, y: np.ndarray, separated: np.ndarray) -> Problem | None:
    outcomes = np.unique(y[rows])
    if len(outcomes) != 1 or not separated[rows].all():
        return None
    return Problem(
        "a level decides the outcome of all its people: its coefficient is not finite (separation)",
        column=name,
        key=str(level),
        got=f"{int(rows.sum())} people, all of them {outcomes[0]:g}",
        expected="different outcomes in every level",
        hint=HINT,
    )


def _together(terms: list[str], y: np.ndarray) -> Problem:
    return Problem(
        "terms together decide the outcome of some people: their coefficients are not finite (separation)",
        key=", ".join(terms),
        got=f"{len(y)} people whose outcome they say without fail",
        expected="outcomes that no combination of terms says for sure",
        hint="leave a term out, merge levels, or ask for Firth's penalised likelihood: firth=True",
    )


MAX_ITERATIONS = 200
TOLERANCE = 1e-12
# Half a step as often as this takes it below any rounding.
HALVINGS = 40
# A linear predictor this far out says "certain" (odds of 1 to 3 million): is it on its way to infinity?
SUSPICIOUS = 15.0
# Of a direction less than this, relatively, is none.
RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Groups:
    """Rows that are alike: ``y``, ``offset`` (m,), ``x`` (m, p); ``codes`` (n,) the group of every row, -1 for none."""

    family: str
    y: np.ndarray
    offset: np.ndarray
    x: np.ndarray
    codes: np.ndarray

    def eta(self, b: np.ndarray) -> np.ndarray:
        """Linear predictor (m,)."""
        return np.asarray(self.x @ b + self.offset)

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """Weights (m,) or (m, K) of the groups from those of the rows (n,) or (n, K)."""
        return group_sums(self.codes, weights, len(self.y))

    def used(self, weights: np.ndarray) -> Groups:
        """Those with weight (m,)."""
        use = weights > 0
        return replace(self, y=self.y[use], offset=self.offset[use], x=self.x[use])

    def likelihood(self, weights: np.ndarray, eta: np.ndarray) -> float:
        """Weighted log-likelihood, but for a constant."""
        # y eta - b(eta), b the cumulant function of the exponential family (McCullagh & Nelder 1989, section 2.2).
        total = {"gaussian": eta**2 / 2, "poisson": np.exp(np.minimum(eta, 700.0)), "binomial": np.logaddexp(0, eta)}
        return float(weights @ (self.y * eta - total[self.family]))


def means_of(family: str, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, its first and its second derivative by the linear predictor."""
    if family == "gaussian":
        return eta, np.ones_like(eta), np.zeros_like(eta)
    if family == "poisson":
        mean = np.exp(np.minimum(eta, 700.0))
        return mean, mean, mean
    mean = 1 / (1 + np.exp(-np.clip(eta, -700.0, 700.0)))
    slope = mean * (1 - mean)
    return mean, slope, slope * (1 - 2 * mean)


def groups_of(family: str, y: np.ndarray, offset: np.ndarray, x: np.ndarray, rows: np.ndarray) -> Groups:
    """The distinct rows among those of the model (``rows`` (n,) of bool)."""
    places = np.flatnonzero(rows)
    distinct, found = np.unique(np.column_stack([y, offset, x])[places], axis=0, return_inverse=True)
    codes = np.full(len(y), -1)
    codes[places] = found.ravel()
    return Groups(family, distinct[:, 0], distinct[:, 1], distinct[:, 2:], codes)


@dataclass(frozen=True)
class Fitter:
    """Fits on the groups in ``kept`` (m,) of bool: all of them, but for those that a separated level decides.

    ``penalised``: Firth's penalty, for weights that sum to ``people``.
    """

    groups: Groups
    kept: np.ndarray
    penalised: bool
    people: int

    @cached_property
    def space(self) -> np.ndarray:
        """Directions (p, q) in which coefficients can be told apart; all p of them as a rule."""
        x = self.groups.x[self.kept]
        if not len(x):
            return np.zeros((x.shape[1], 0))
        if _rank(x) == x.shape[1]:
            return np.eye(x.shape[1])
        _, sizes, directions = np.linalg.svd(x, full_matrices=False)
        return directions[sizes > RANK_TOLERANCE * sizes[0]].T

    @property
    def known(self) -> np.ndarray:
        """Coefficients (p,) that have a value: those that lie in the space."""
        return np.asarray((self.space**2).sum(axis=1) > 1 - RANK_TOLERANCE)

    def coefficients(self, weights: np.ndarray, start: np.ndarray | None = None) -> list[np.ndarray | None]:
        """Coefficients (p,) for every column of the groups' ``weights`` (m, K), missing where they have no value; None
        where the weights leave a group out that others are compared with, or separate the outcomes.
        """
        weights = np.where(self.kept[:, None], weights, 0.0)
        complete = np.array([self._is_complete(w > 0) for w in weights.T])
        part = replace(self.groups, x=self.groups.x @ self.space)
        # Of coefficients that are known only together (a level against another one) the start says nothing.
        first = None if start is None or not self.known.all() else self.space.T @ start
        fitted = iter(self._fits(part, weights[:, complete], first))
        found = [next(fitted) if one else None for one in complete]
        return [None if one is None else np.where(self.known, self.space @ one, np.nan) for one in found]

    def _fits(self, part: Groups, weights: np.ndarray, start: np.ndarray | None) -> Iterable[np.ndarray | None]:
        """Coefficients (q,) in the space for every column of weights, None where it separates the outcomes."""
        if self.penalised:
            first = np.zeros(part.x.shape[1]) if start is None else start
            return (_penalised(part.used(w), w[w > 0] * self.people / w.sum(), first) for w in weights.T)
        fits = {"gaussian": _least_squares, "binomial": _binary, "poisson": _poisson}[part.family]
        found = fits(part, weights, start)
        return (None if _is_separated(part.used(w), b) else _settled(b) for w, b in zip(weights.T, found, strict=True))

    def _is_complete(self, use: np.ndarray) -> bool:
        """Whether the groups in use tell all directions apart; looked up, since most replicates use the same."""
        key = np.packbits(use).tobytes()
        if key not in self._seen:
            self._seen[key] = bool(use.any()) and _rank(self.groups.x[use] @ self.space) == self.space.shape[1]
        return self._seen[key]

    @cached_property
    def _seen(self) -> dict[bytes, bool]:
        return {}


def _rank(x: np.ndarray) -> int:
    """Rank of the terms (m, p), each in units of its own size."""
    size = np.abs(x).max(axis=0, initial=0.0)
    return int(np.linalg.matrix_rank(x / np.where(size > 0, size, 1.0), tol=RANK_TOLERANCE * max(len(x), 1) ** 0.5))


def _stuck() -> np.ndarray:
    raise EstimationError(
        "the regression does not converge",
        got=f"{MAX_ITERATIONS} iterations",
        hint="merge levels with a single yes or no (such as unknown), or ask for firth=True; centre and scale numeric "
        "terms",
    )


def _is_separated(part: Groups, b: np.ndarray) -> bool:
    """Whether coefficients run to infinity: looked at where some group is said to be (nearly) certain."""
    return _is_far(part, b, SUSPICIOUS) and bool(separated_rows(part.family, part.y, part.x).any())


def _is_far(part: Groups, b: np.ndarray, certain: float) -> bool:
    """Whether a linear predictor is as far out as this (of events: on the side of none), or is no number at all."""
    if part.family == "gaussian":
        return False
    eta = part.eta(b)
    # What is not finite did not converge.
    return not np.isfinite(eta).all() or bool(((-eta if part.family == "poisson" else np.abs(eta)) > certain).any())


def _settled(b: np.ndarray) -> np.ndarray:
    return b if np.isfinite(b).all() else _stuck()


# The fits: one row of coefficients (q,) per column of weights (m, K), missing where there is no convergence.


def _least_squares(part: Groups, weights: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    """Weighted least squares: the minimum of sum w (y - x'b)**2, for which no start is needed."""
    roots = np.sqrt(weights.T)
    return np.array([np.linalg.lstsq(part.x * w[:, None], (part.y - part.offset) * w, rcond=None)[0] for w in roots])


def _binary(part: Groups, weights: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    """Scoring of the logistic model for all columns at once, as the response model does it.

    Where replicates are fitted the sample's coefficients are at hand. From them a replicate in which a thin level
    answers otherwise may overshoot: it begins anew, with R's first step.
    """
    scaled = weights / weights.mean(axis=0)
    if start is None:
        return _scored(part, scaled, _first_steps(part, scaled))
    found = _scored(part, scaled, np.repeat(start[:, None], weights.shape[1], axis=1))
    lost = np.array([_is_far(part, b, 2 * SUSPICIOUS) for b in found], dtype=bool)
    if lost.any():
        found[lost] = _scored(part, scaled[:, lost], _first_steps(part, scaled[:, lost]))
    return found


def _first_steps(part: Groups, scaled: np.ndarray) -> np.ndarray:
    """R's first step (q, K), for each column of weights."""
    _, working, response = working_response(part.y[:, None], scaled, link_of("logit"))
    sides = zip(working.T, (response - working * part.offset[:, None]).T, strict=True)
    begun = [np.linalg.solve(_information(part.x, w), part.x.T @ r) for w, r in sides]
    return np.array(begun).reshape(-1, part.x.shape[1]).T


def _scored(part: Groups, scaled: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Coefficients (K, q) by scoring from the first ones (q, K), missing where there is no convergence."""
    fit = fit_columns(
        dense_design(part.x), scaled * part.y[:, None], scaled, link_of("logit"), first,
        tolerance=TOLERANCE, max_iterations=MAX_ITERATIONS, offset=part.offset[:, None],
    )  # fmt: skip
    # The deviance stands still long before its maximum is known to the last digit: the step that follows is taken too.
    return np.where(fit.converged, fit.coefficients + fit.following, np.nan).T


def _poisson(part: Groups, weights: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    """Iteratively reweighted least squares of statsmodels, column by column, each from its own first step."""
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    found = np.full((weights.shape[1], part.x.shape[1]), np.nan)
    for row, w in zip(found, weights.T, strict=True):
        used = part.used(w)
        model = GLM(used.y, used.x, family=Poisson(), var_weights=w[w > 0], offset=used.offset)
        fit = model.fit(maxiter=MAX_ITERATIONS, tol=0.0, rtol=TOLERANCE, scale=1.0)
        row[:] = fit.params if fit.converged else np.nan
    return found


def _information(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return x.T @ (x * weights[:, None])


def _penalised(part: Groups, v: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Firth's estimate: the maximum of log-likelihood + log|information|/2, by scoring with halved steps."""
    b, value = start, _penalised_likelihood(part, v, start)
    for _ in range(MAX_ITERATIONS):
        step = np.linalg.solve(
            _information(part.x, v * means_of(part.family, part.eta(b))[1]), _penalised_score(part, v, b)
        )
        # Far from the maximum the quadratic is no guide: no linear predictor moves by more than 5 in one step.
        step = step / max(1.0, float(np.abs(part.x @ step).max()) / 5)
        for k in range(HALVINGS):
            moved = b + step / 2**k
            after = _penalised_likelihood(part, v, moved)
            if after >= value - 1e-13 * (abs(value) + v.sum()):
                break
        b, value = moved, after
        # Scoring is not Newton's method here: its steps shrink by a factor, and end in rounding.
        if np.abs(step).max() <= 1e-11 * max(1.0, float(np.abs(b).max())):
            return b
    return _stuck()


def _penalised_likelihood(part: Groups, v: np.ndarray, b: np.ndarray) -> float:
    eta = part.eta(b)
    # l*(b) = l(b) + log|x'W x| / 2: Jeffreys' prior as the penalty (Firth 1993).
    sign, size = np.linalg.slogdet(_information(part.x, v * means_of(part.family, eta)[1]))
    return part.likelihood(v, eta) + size / 2 if sign > 0 else -np.inf


def _penalised_score(part: Groups, v: np.ndarray, b: np.ndarray) -> np.ndarray:
    """sum x {v (y - mean) + v mean'' (x' A^-1 x)/2}, A the information (Firth 1993, section 3)."""
    mean, slope, second = means_of(part.family, part.eta(b))
    return np.asarray(part.x.T @ (v * (part.y - mean + second * leverages(part.x, v * slope) / 2)))


def leverages(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x_i' A^-1 x_i (m,) with A = sum w x x'."""
    return np.einsum("ij,ij->i", x, np.linalg.solve(_information(x, weights), x.T).T)


# Ordered answers: proportional odds, P(y <= k) = F(z_k - x'b - offset), F logistic (McCullagh 1980). All coefficients
# stand in one row (q,): b, then the thresholds z.


@dataclass(frozen=True)
class Cumulative:
    """Shares (m,) of the answers given, between the cuts ``upper`` and ``lower`` (m, q) of the predictor."""

    upper: np.ndarray
    lower: np.ndarray
    above: np.ndarray
    below: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Chance (m,) of every answer."""
        return np.asarray(expit(self.above) - expit(self.below))

    @property
    def slope(self) -> np.ndarray:
        """Derivative (m, q) of the share by the coefficients."""
        return _density(self.above)[:, None] * self.upper - _density(self.below)[:, None] * self.lower

    @property
    def score(self) -> np.ndarray:
        """Derivative (m, q) of the log-likelihood of every answer."""
        return self.slope / self.share[:, None]

    @property
    def farthest(self) -> float:
        """The largest predictor of a cut."""
        cuts = np.abs(np.concatenate([self.above, self.below]))
        return float(cuts[np.isfinite(cuts)].max(initial=0.0))

    def likelihood(self, weights: np.ndarray) -> float:
        """Weighted log-likelihood; minus infinity where thresholds are out of order."""
        share = self.share
        return float(weights @ np.log(share)) if (share > 0).all() else -np.inf

    def information(self, weights: np.ndarray) -> np.ndarray:
        """Minus the second derivative (q, q) of the weighted log-likelihood."""
        up, low = _density(self.above), _density(self.below)
        # log(F(a) - F(c)): its second derivatives by a and c, without the products of the first ones.
        bent = weights / self.share
        curved = self.upper.T @ (self.upper * (bent * up * (1 - 2 * expit(self.above)))[:, None])
        curved -= self.lower.T @ (self.lower * (bent * low * (1 - 2 * expit(self.below)))[:, None])
        return np.asarray(self.score.T @ (self.score * weights[:, None]) - curved)


def _density(cut: np.ndarray) -> np.ndarray:
    share = expit(cut)
    return np.asarray(share * (1 - share))


def cumulative(y: np.ndarray, x: np.ndarray, offset: np.ndarray, coefficients: np.ndarray) -> Cumulative:
    """The answers ``y`` (m,), as places from 0 on, at the coefficients (q,)."""
    thresholds = len(coefficients) - x.shape[1]
    places, cuts = y.astype(int), np.eye(thresholds)
    nothing = np.zeros((1, thresholds))
    upper = np.hstack([-x, np.vstack([cuts, nothing])[places]])
    lower = np.hstack([-x, np.vstack([nothing, cuts])[places]])
    above = np.where(places == thresholds, np.inf, upper @ coefficients - offset)
    return Cumulative(upper, lower, above, np.where(places == 0, -np.inf, lower @ coefficients - offset))


def separated_answers(part: Groups, thresholds: int) -> np.ndarray:
    """Rows (m,) whose ordered answer a direction of the coefficients decides: a cut above is a yes, one below a no."""
    at = cumulative(part.y, part.x, part.offset, np.zeros(part.x.shape[1] + thresholds))
    up, low = np.isfinite(at.above), np.isfinite(at.below)
    answers = np.repeat([1.0, 0.0], [int(up.sum()), int(low.sum())])
    decided = separated_rows("binomial", answers, np.vstack([at.upper[up], at.lower[low]]))
    found = np.zeros(len(part.y), dtype=bool)
    found[up] = decided[: int(up.sum())]
    found[low] |= decided[int(up.sum()) :]
    return found


@dataclass(frozen=True)
class OrdinalFitter:
    """Fits of ordered answers (``groups.y`` as places from 0 on) with so many thresholds."""

    groups: Groups
    thresholds: int

    def coefficients(self, weights: np.ndarray, start: np.ndarray | None = None) -> list[np.ndarray | None]:
        """Coefficients (q,) for every column of weights (m, K), None where they run to infinity."""
        return [self._fit(self.groups.used(w), w[w > 0], start) for w in weights.T]

    def _fit(self, part: Groups, weights: np.ndarray, start: np.ndarray | None) -> np.ndarray | None:
        begun = self._start(part, weights) if start is None else start
        found, converged = _proportional_odds(part, weights / weights.mean(), begun)
        far = cumulative(part.y, part.x, part.offset, found).farthest > SUSPICIOUS
        if far and separated_answers(part, self.thresholds).any():
            return None
        return found if converged else _stuck()

    def _start(self, part: Groups, weights: np.ndarray) -> np.ndarray:
        """No slopes, and the thresholds of the answers as they are."""
        shares = group_sums(part.y.astype(int), weights, self.thresholds + 1)
        reached = np.clip(np.cumsum(shares)[:-1] / shares.sum(), RANK_TOLERANCE, 1 - RANK_TOLERANCE)
        return np.concatenate([np.zeros(part.x.shape[1]), logit(reached)])


def _proportional_odds(part: Groups, weights: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, bool]:
    """Newton's method with halved steps, and whether it came to an end; the log-likelihood is concave (Pratt 1981)."""

    def at(b: np.ndarray) -> Cumulative:
        return cumulative(part.y, part.x, part.offset, b)

    b, value = start, at(start).likelihood(weights)
    for _ in range(MAX_ITERATIONS):
        step = np.linalg.solve(at(b).information(weights), at(b).score.T @ weights)
        for k in range(HALVINGS):
            moved = b + step / 2**k
            after = at(moved).likelihood(weights)
            if after >= value - 1e-13 * (abs(value) + weights.sum()):
                break
        b, value = moved, after
        if np.abs(step).max() <= 1e-11 * max(1.0, float(np.abs(b).max())):
            return b, True
        if at(b).farthest > 2 * SUSPICIOUS:
            break
    return b, False


# Models that statsmodels has fitted, with the errors of a design.


def model_estimate(design: Design, fit: GLMResults, level: float = 0.95) -> Estimate:
    """Coefficients of a generalised linear model fitted by statsmodels, with the errors of the design.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    fit : results of ``statsmodels.api.GLM(y, x, family=..., var_weights=...)``, fitted to the rows of the design's
        domain that have weight, in their order, with the design's weights (or multiples of them)
    level : float   of the t intervals

    Returns
    -------
    Estimate: ``variable`` names the columns of x. The variance is the sandwich with the design's covariance of the
    scores; with replicates the scores are added up in each of them, and the model is not fitted again.

    Raises
    ------
    EstimationError   other rows or weights than the design's; terms that depend on each other; a design of which only
        released figures may be shown

    References
    ----------
    Binder (1983), International Statistical Review 51; Hu & Kalbfleisch (2000), Canadian Journal of Statistics 28
    (scores in replicates).

    Examples
    --------
    Means of both groups, and their difference:

    >>> import statsmodels.api as sm
    >>> from spi_analysis.survey import SurveyDesign
    >>> people = pd.DataFrame({"w": 10.0, "x": [0, 0, 1, 1], "y": [0, 2, 2, 4]})
    >>> fit = sm.GLM(people["y"], sm.add_constant(people["x"]), var_weights=people["w"]).fit()
    >>> model_estimate(SurveyDesign(people, weight="w"), fit).table[["variable", "estimate"]].round(6).values.tolist()
    [['const', 1.0], ['x', 2.0]]
    """
    rows = _rows_of_fit(design, fit)
    coefficients = np.asarray(fit.params, dtype=float)
    scores = fit.model.score_obs(coefficients, scale=1.0) / fit.model.var_weights[:, None]
    information = -fit.model.hessian(coefficients, scale=1.0, observed=False)
    if np.linalg.matrix_rank(information) < len(information):
        raise EstimationError("the terms of the model depend on each other", got=", ".join(fit.model.exog_names))
    # Binder (1983): the inverse information times the scores; the model's weights may be multiples of the design's.
    multiple = fit.model.var_weights.sum() / design.weights[rows].sum()
    influence = np.zeros((len(design), len(coefficients)))
    influence[rows] = multiple * np.linalg.solve(information, scores.T).T
    df = design.df(rows) - len(coefficients) + 1
    covariance, p = _scores_covariance(design, influence, coefficients, rows), len(coefficients)
    labels = pd.DataFrame({"variable": list(fit.model.exog_names)})
    table = make_table(labels, coefficients, covariance, np.full(p, df), np.full(p, int(rows.sum())), level)
    return Estimate(table, covariance, level)


def _rows_of_fit(design: Design, fit: GLMResults) -> np.ndarray:
    """The rows (n,) that a model was fitted to."""
    if design.rule is not None:
        raise EstimationError(
            "a model of others is not checked for what may be released", hint="use estimate_regression instead"
        )
    rows = design.in_domain & (design.weights != 0)
    own, used = design.weights[rows], fit.model.var_weights
    if len(used) != len(own):
        raise EstimationError(
            "the model was fitted to other people", got=f"{len(used)} rows", expected=f"{len(own)}, those with weight",
        )  # fmt: skip
    if not np.allclose(used / used.sum(), own / own.sum(), rtol=SAME_WEIGHTS, atol=0.0):
        raise EstimationError(
            "the model was fitted with other weights than the design's", hint="GLM(y, x, var_weights=design.weights)"
        )
    return np.asarray(rows)


def _scores_covariance(design: Design, influence: np.ndarray, coefficients: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Covariance (p, p) of coefficients from their influence values (n, p)."""
    if isinstance(design, ReplicateDesign):
        return design.covariance_of(coefficients, coefficients + design.replicates.T @ influence)
    return design.covariance(influence, rows[:, None])
