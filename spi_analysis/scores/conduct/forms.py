"""Do answers follow the place where they stand? Forms of the questionnaire in different order, given by the draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from spi_analysis.params import Source
from spi_analysis.scores.conduct.coaching import RoundAnswers, judged
from spi_analysis.survey import group_counts, group_sums

FORM_SIGNS = ["institution", "n_usual", "n_reversed", "difference", "ci_low", "ci_high", "order_effect", "p_source"]
# Answers by each form below which nothing is said: a variance needs some.
LEAST_BY_FORM = 5


def form_signs(answers: RoundAnswers, is_reversed: np.ndarray, least: int, level: float) -> pd.DataFrame:
    """Whether an institution's answers depend on the form that the draw gave, beyond what an honest order effect does.

    Who was drawn for which form is chance, so honest answers by both differ by chance and by the order effect alone:
    people tick what they see first somewhat more often, whatever the question. Of the question j let d_j be the mean
    by the reversed form less that by the usual one, less the median of that in all other institutions; s_j the
    spread of its answers inside forms; u_j 1 where the best answer is the highest tick and -1 elsewhere. An order
    effect moves all d_j along u_j, so that direction is taken out of d_j / s_j; the statistic is the sum of squares of
    what is left. Where no answer follows its place its distribution is that of a weighted sum of chi-squares with the
    eigenvalues of the covariance of what is left as weights; that the covariance is estimated counts, too.

    Parameters
    ----------
    answers : RoundAnswers
    is_reversed : array (n,) of bool   the form of everybody
    least : int                        answers that an institution needs, both forms together
    level : float                      of the interval of ``difference``

    Returns
    -------
    DataFrame of FORM_SIGNS, one row per institution with enough answers: ``difference`` mean score by the reversed
    form less that by the usual one, in points, with its limits; ``order_effect`` by how many points ticks are higher by
    the reversed form, which shows first what the other shows last; ``p_source`` chance of such differences or larger.

    References
    ----------
    docs/methods/coaching.md; Box (1954), Annals of Mathematical Statistics 25 (quadratic forms); Krosnick &
    Alwin (1987), Public Opinion Quarterly 51 (order effects).
    """
    if not len(is_reversed):
        return pd.DataFrame(columns=FORM_SIGNS)
    people, means, weights = _by_form(answers, is_reversed)
    differences = means[:, 1] - means[:, 0]
    others = weights.sum(axis=0) - weights
    elsewhere = _medians_elsewhere(differences, weights)
    # The variance of a median counts, too; where nobody else has forms, nothing is taken off.
    with np.errstate(divide="ignore"):
        inverse = 1 / weights + np.where(others > 0, np.pi / 2 / others, 0.0)
    ticks = np.where(answers.positive, 1.0, -1.0)
    rows = []
    for one in np.flatnonzero((people.sum(axis=1) >= least) & (people.min(axis=1) >= LEAST_BY_FORM)):
        mine = answers.institution == one
        form = is_reversed[mine].astype(int)
        residuals = np.nan_to_num(answers.shares[mine] - means[one][form])
        effect = _along(differences[one], residuals, inverse[one], ticks)
        p = _chance(differences[one] - elsewhere[one], residuals, inverse[one], ticks)
        rows.append((one, *people[one], *_difference(answers.scores[mine], form, level), 100 * effect, p))
    return pd.DataFrame(rows, columns=FORM_SIGNS)


def _by_form(answers: RoundAnswers, is_reversed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People (institutions, 2), mean answers (institutions, 2, items), and weights of the means' differences.

    A weight is the inverse of the variance of a difference, in units of the variance of the answers.
    """
    size = int(answers.institution.max()) + 1
    cells = 2 * answers.institution + is_reversed
    known = np.isfinite(answers.shares).astype(float)
    n, totals = (
        np.column_stack([group_sums(cells, column, 2 * size) for column in part.T]).reshape(size, 2, -1)
        for part in (known, np.nan_to_num(answers.shares))
    )
    weights = n[:, 0] * n[:, 1] / np.maximum(n.sum(axis=1), 1)
    return group_counts(cells, 2 * size).reshape(size, 2), totals / np.maximum(n, 1), weights


def _medians_elsewhere(differences: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted medians over all other institutions (institutions, items), which a few coached ones do not move."""
    size, items = differences.shape
    order = np.argsort(differences, axis=0, kind="stable")
    in_order, reached = (np.take_along_axis(part, order, axis=0) for part in (differences, weights))
    reached, place = reached.cumsum(axis=0), np.argsort(order, axis=0)
    found = np.zeros_like(differences)
    for one in range(size):
        without = reached - np.where(np.arange(size)[:, None] >= place[one], weights[one], 0.0)
        total = without[-1] if size else 0.0
        middle = (without < total / 2).sum(axis=0).clip(max=size - 1)
        # The institution's own place adds nothing, so it is never the first to come to the middle.
        found[one] = np.where(total > 1e-9, in_order[middle, np.arange(items)], 0.0)
    return found


def _varying(residuals: np.ndarray, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which questions vary and have answers by both forms (else the variance is infinite), and their spread."""
    squares = (residuals**2).sum(axis=0) / (len(residuals) - 2)
    vary = (squares > 0) & np.isfinite(inverse)
    return vary, np.sqrt(squares[vary])


def _along(differences: np.ndarray, residuals: np.ndarray, inverse: np.ndarray, ticks: np.ndarray) -> float:
    """By how much ticks are higher by the reversed form, whatever the question: differences along ``ticks``."""
    vary, spread = _varying(residuals, inverse)
    weights = 1 / spread**2
    return float((weights * ticks[vary] * differences[vary]).sum() / weights.sum()) if vary.any() else float("nan")


def _chance(differences: np.ndarray, residuals: np.ndarray, inverse: np.ndarray, ticks: np.ndarray) -> float:
    """Chance of differences (items,) as large as these together, from the answers inside forms (people, items)."""
    covariance = residuals.T @ residuals / (len(residuals) - 2)
    vary, spread = _varying(residuals, inverse)
    variance = covariance[np.ix_(vary, vary)] * np.sqrt(np.outer(inverse[vary], inverse[vary]))
    along = ticks[vary] / spread
    rest = np.eye(len(along)) - np.outer(along, along) / (along @ along)
    statistic = float(((rest @ (differences[vary] / spread)) ** 2).sum())
    weights = np.linalg.eigvalsh(rest @ (variance / np.outer(spread, spread)) @ rest)
    return quadratic_form_tail(statistic, weights, len(residuals) - 2)


def _difference(scores: np.ndarray, form: np.ndarray, level: float) -> tuple[float, float, float]:
    """Mean score by the reversed form less that by the usual one, with limits by Welch's t."""
    usual, turned = (scores[(form == one) & np.isfinite(scores)] for one in (0, 1))
    parts = np.array([one.var(ddof=1) / len(one) for one in (usual, turned)])
    difference, variance = float(turned.mean() - usual.mean()), float(parts.sum())
    df = variance**2 / (parts**2 / [len(usual) - 1, len(turned) - 1]).sum() if variance else 1.0
    half = student.ppf((1 + level) / 2, df) * np.sqrt(variance)
    return difference, difference - half, difference + half


def quadratic_form_tail(value: float, weights: np.ndarray, df: float) -> float:
    """Chance that a weighted sum of chi-squares, over an independent chi-square divided by its degrees, is larger.

    By the saddlepoint approximation of Lugannani and Rice, whose relative error stays small far out in the tail, where
    approximations by moments give chances that are much too small.

    Parameters
    ----------
    value : float       at least 0
    weights : array     of independent chi-squares with one degree of freedom each
    df : float          degrees of freedom of the variance that the weights were estimated with

    References
    ----------
    Kuonen (1999), Biometrika 86, equations 3 and 4; Lumley & Scott (2014), Australian & New Zealand Journal of
    Statistics 56 (with an estimated variance).

    Examples
    --------
    >>> round(quadratic_form_tail(4 * 2.6896, np.ones(4), 24), 3)
    0.055
    """
    own = np.asarray(weights, dtype=float)
    own = own[own > own.max(initial=0.0) * 1e-10]
    if not len(own) or value <= 0:
        return 1.0
    # The sum is larger than value x chi-square / df where this form, with a negative weight for it, is above 0.
    lam, times = np.r_[own, -value / df], np.r_[np.ones(len(own)), df]
    if abs((lam * times).sum()) < 1e-4 * value:
        # The formula is 0/0 at the mean; beside it the tail hardly changes.
        return quadratic_form_tail(value * (1 + 2e-4), weights, df)
    inside = 1 - 1e-12
    zeta = brentq(
        lambda t: float((times * lam / (1 - 2 * t * lam)).sum()), -df / (2 * value) * inside, inside / (2 * own.max()),
        xtol=1e-15,
    )  # fmt: skip
    cumulant = -0.5 * float((times * np.log1p(-2 * zeta * lam)).sum())
    w = np.sign(zeta) * np.sqrt(max(-2 * cumulant, 0.0))
    v = zeta * np.sqrt(2 * float((times * lam**2 / (1 - 2 * zeta * lam) ** 2).sum()))
    return float(np.clip(norm.sf(w + np.log(v / w) / w), 0.0, 1.0))


def form_effects(signs: Mapping[Source, pd.DataFrame], false_discovery: float) -> pd.DataFrame:
    """Every institution's differences by form, and which are flagged.

    Returns
    -------
    DataFrame: source, FORM_SIGNS, p_value, q_value, flagged (``judged``); the least likely by chance first.
    """
    rows = pd.concat([table.assign(source=source) for source, table in signs.items()] or [pd.DataFrame(
        columns=["source", *FORM_SIGNS])], ignore_index=True)  # fmt: skip
    return judged(rows, false_discovery)[["source", *FORM_SIGNS, "p_value", "q_value", "flagged"]]
