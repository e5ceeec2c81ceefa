"""From item means to dimension, source and index scores, with their variance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.params import CategoryLevel, CategoryParams, InstitutionInputs, PublishedYears, ReleaseParams
from spi_analysis.survey import group_counts
from spi_analysis.survey.estimation import (
    Domains,
    Estimate,
    ReplicateDesign,
    SurveyDesign,
    contrast,
    domains_of,
    estimate_mean,
    logit_interval,
    make_table,
    t_interval,
)


def index_from_scores(
    scores: Mapping[str, float], weights: Mapping[str, float], corrections: Iterable[float] = ()
) -> float:
    """The index: weighted scores minus the corrections, all in points of 0-100.

    Parameters
    ----------
    scores, weights : mapping   source (or component) -> score, weight; the weights sum to 1
    corrections : iterable of float   points taken off, in any number

    Raises
    ------
    EstimationError   scores and weights are not of the same parts: the index would be another one.

    References
    ----------
    Inferred from the published results of 2021, 2023, 2024 and 2025 (docs/methods/index.md).

    Examples
    --------
    >>> round(index_from_scores({"external": 80.0, "internal": 70.0}, {"external": 0.763, "internal": 0.237}, [1.5]), 2)
    76.13
    """
    if set(scores) != set(weights):
        raise EstimationError(
            "scores and weights of the index are not of the same parts",
            got=", ".join(scores) or "no score",
            expected=", ".join(weights),
        )
    index = sum(weight * scores[part] for part, weight in weights.items())
    for points in corrections:
        index -= points
    return float(index)


def score_estimates(
    design: SurveyDesign | ReplicateDesign, item_weights: pd.DataFrame, level: float, by: str | None = None
) -> Estimate:
    """Scores as weighted means of item means, of everybody or in every level of a column.

    An item that nobody in the domain answered gives its weight to the others of its
    dimension; a dimension without any answer is missing, and so is a score that needs it.

    Parameters
    ----------
    design : its data has one 0-100 column per item
    item_weights : DataFrame (items, scores)   columns sum to 1; "score", the last, is the whole source
    by : str or None      column of the domains

    Returns
    -------
    Estimate, one row per column of ``item_weights`` and domain (all domains of the first column, then of the second,
    ...); ``n`` counts the respondents with at least one answer to an item of that score.
    """
    dimensions, shares = item_weights.drop(columns="score"), dimension_shares(item_weights)
    return scores_from_shares(design, dimensions, shares.to_frame("score"), level, by)


def scores_from_shares(
    design: SurveyDesign | ReplicateDesign,
    dimensions: pd.DataFrame,
    shares: pd.DataFrame,
    level: float,
    by: str | None = None,
) -> Estimate:
    """``score_estimates`` with any number of source scores, each with its own weights of the dimensions.

    Parameters
    ----------
    dimensions : DataFrame (items, dimensions)    weights of items; columns sum to 1
    shares : DataFrame (dimensions, scores)       weights of dimensions; columns sum to 1

    Returns
    -------
    Estimate, one row per dimension, then per column of ``shares``, and domain.
    """
    means = estimate_mean(design, list(dimensions.index), by=by, level=level)
    domains = domains_of(design.data, design.in_domain, by)
    answered = means.table["estimate"].notna().to_numpy().reshape(len(dimensions), len(domains))
    weights = _usable(dimensions.to_numpy(dtype=float), shares.to_numpy(dtype=float), answered)
    matrix = np.einsum("dis,de->sdie", weights, np.eye(len(domains)))
    scores = contrast(means, matrix.reshape(-1, answered.size))
    n, df = _counts(design, domains, dimensions.join(dimensions @ shares))
    names = np.repeat([*dimensions.columns, *shares.columns], len(domains))
    labels = pd.DataFrame(
        {"variable": names} | {c: np.tile(domains.labels[c], weights.shape[2]) for c in domains.labels}
    )
    missing = ~weights.any(axis=1).T.ravel()
    estimates = np.where(missing, np.nan, scores.table["estimate"].to_numpy())
    table = make_table(labels, estimates, scores.covariance, df, n, level)
    # One answer alone says nothing about how much others would differ: its error is unknown, not 0.
    known = ~missing & (df > 0)
    low, high = logit_interval(estimates, table["se"].to_numpy(), df, level)
    errors = {"se": table["se"].to_numpy(), "ci_low": low, "ci_high": high}
    table = table.assign(**{name: np.where(known, values, np.nan) for name, values in errors.items()})
    return Estimate(table, scores.covariance, level, scores.replicates)


def plain_score(data: pd.DataFrame, item_weights: pd.DataFrame) -> float:
    """The score of a source if everybody who answered counted the same: ``score_estimates`` without weights.

    Parameters
    ----------
    data : DataFrame (n, ...)    one 0-100 column per item, missing where not answered
    item_weights : as for ``score_estimates``

    Examples
    --------
    Item means 20 and 60, weights 0.5 and 0.5; the third answer is missing.

    >>> weights = pd.DataFrame({"fairness": [0.5, 0.5], "score": [0.5, 0.5]}, index=["q1", "q2"])
    >>> plain_score(pd.DataFrame({"q1": [10.0, 30.0], "q2": [60.0, np.nan]}), weights)
    40.0
    """
    means = data[list(item_weights.index)].mean().to_numpy(dtype=float)
    dimensions, shares = item_weights.drop(columns="score"), dimension_shares(item_weights)
    answered = ~np.isnan(means)
    usable = _usable(dimensions.to_numpy(dtype=float), shares.to_numpy()[:, None], answered[:, None])[0, :, -1]
    return float(np.nan_to_num(means) @ usable) if usable.any() else float("nan")


def answerers(design: SurveyDesign | ReplicateDesign, item_weights: pd.DataFrame) -> np.ndarray:
    """Who of the domain counts in every score, (n, scores): with weight, and an answer to one of its items."""
    inside = design.in_domain & (design.weights > 0)
    answers = design.data[list(item_weights.index)].notna().to_numpy() & inside[:, None]
    return answers @ (item_weights > 0).to_numpy()


def _counts(
    design: SurveyDesign | ReplicateDesign, domains: Domains, item_weights: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Respondents with an answer to an item of the score, and degrees of freedom: (scores x domains,) each."""
    codes = np.where(answerers(design, item_weights).T, domains.codes, -1)
    n = np.concatenate([group_counts(own, len(domains)) for own in codes])
    return n, np.concatenate([design.df_by(own, len(domains)) for own in codes])


def score_influence(design: SurveyDesign | ReplicateDesign, item_weights: pd.DataFrame) -> np.ndarray:
    """Influence values (n, scores) of ``score_estimates``, unweighted: their weighted sum is 0.

    Those of the items, ``(x_i - mean) / sum of weights`` where answered and 0 elsewhere, summed with the weights of
    the items. ``SurveyDesign.covariance`` of them is the variance of the scores by Taylor linearisation.

    References
    ----------
    Binder (1983), International Statistical Review 51.
    """
    values = design.data[list(item_weights.index)].to_numpy(dtype=float)
    there = ~np.isnan(values) & design.in_domain[:, None]
    weights = there * design.weights[:, None]
    totals = weights.sum(axis=0)
    answered = totals > 0
    values = np.where(there, values, 0.0)
    means = (weights * values).sum(axis=0) / np.where(answered, totals, 1.0)
    of_items = np.where(there, values - means, 0.0) / np.where(answered, totals, 1.0)
    dimensions, shares = item_weights.drop(columns="score"), dimension_shares(item_weights)
    return of_items @ _usable(dimensions.to_numpy(dtype=float), shares.to_numpy()[:, None], answered[:, None])[0]


def _usable(dimensions: np.ndarray, shares: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Weights (domains, items, scores) without the unanswered items, brought back to a sum of 1.

    0 where a dimension is empty; ``dimensions``: (items, dimensions), ``shares``: (dimensions, source scores),
    ``answered``: (items, domains) of bool.
    """
    kept = dimensions * answered.T[:, :, None]
    totals = kept.sum(axis=1, keepdims=True)
    kept = kept / np.where(totals > 0, totals, 1.0)
    # A source score without one of its dimensions would be another score: it is missing then.
    complete = (totals > 0).all(axis=2, keepdims=True)
    return np.concatenate([kept, (kept @ shares) * complete], axis=2)


def dimension_shares(item_weights: pd.DataFrame) -> pd.Series:
    """Weight of every dimension in the source score."""
    dimensions = item_weights.drop(columns="score")
    return (dimensions > 0).T.astype(float) @ item_weights["score"]


@dataclass(frozen=True)
class IndexEstimate:
    """The index with its uncertainty.

    ``se_without_panel`` leaves the panel's variance out (its score taken as fixed);
    ``variance_shares``: the part of the variance that each source (and each correction with an SE) carries; sum 1.
    """

    estimate: float
    se: float
    df: float
    se_without_panel: float
    df_without_panel: float
    variance_shares: dict[str, float]

    def interval(self, level: float, with_panel: bool = True) -> tuple[float, float]:
        """t interval with Satterthwaite's degrees of freedom."""
        se, df = (self.se, self.df) if with_panel else (self.se_without_panel, self.df_without_panel)
        low, high = t_interval(np.array([self.estimate]), np.array([se]), np.array([df]), level)
        return float(low[0]), float(high[0])


def combine_index(
    scores: pd.DataFrame,
    weights: Mapping[str, float],
    corrections: Mapping[str, float],
    panels: list[str],
    correction_se: Mapping[str, float] | None = None,
) -> IndexEstimate:
    """The index from its scores; they are independent, and so are corrections, constants unless an SE is given.

    Parameters
    ----------
    scores : DataFrame, index the sources (and components) of the index; columns estimate, se, df_design
    weights : mapping   source or component -> weight
    corrections : mapping   name -> points subtracted
    panels : list of str    sources that are not probability samples
    correction_se : mapping or None   correction -> its standard error in points; one that is left out is a constant

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2.
    """
    value = index_from_scores(scores["estimate"].to_dict(), weights, corrections.values())
    parts = {str(s): (weights[str(s)] * float(scores.loc[s, "se"])) ** 2 for s in scores.index}
    df = {str(s): float(scores.loc[s, "df_design"]) for s in scores.index}
    given = {name: se for name, se in (correction_se or {}).items() if se > 0}
    parts |= {name: se**2 for name, se in given.items()}
    df |= dict.fromkeys(given, float("inf"))
    total = sum(parts.values())
    sampled = {s: part for s, part in parts.items() if s not in panels}
    return IndexEstimate(
        estimate=value,
        se=float(np.sqrt(total)),
        df=satterthwaite(parts, df),
        se_without_panel=float(np.sqrt(sum(sampled.values()))),
        df_without_panel=satterthwaite(sampled, df),
        variance_shares={s: part / total if total > 0 else float("nan") for s, part in parts.items()},
    )


def satterthwaite(variances: Mapping[str, float], df: Mapping[str, float]) -> float:
    """Degrees of freedom of a sum of independent variances: V**2 / sum(V_g**2 / df_g); 0 where a part has none."""
    total = sum(variances.values())
    if any(v > 0 and df[name] <= 0 for name, v in variances.items()):
        return 0.0
    spread = sum(v**2 / df[name] for name, v in variances.items() if v > 0)
    return float(total**2 / spread) if spread > 0 else float("inf")


# Category of an index.


def category_of(index: float, levels: CategoryParams | Sequence[CategoryLevel], decimals: int = 2) -> str:
    """Code of the category that holds the index, rounded first to its published decimals.

    Of a published year: `category_in_year`, since every year has its own rule.
    """
    rounded = round(index, decimals)
    for level in _levels(levels):
        if level.below is None or rounded < level.below:
            return level.code
    raise AssertionError("the last category has no limit")


def category_in_year(index: float, year: int, years: PublishedYears) -> str | None:
    """Code of the category of a published index by the rule of its year; None where no rule of that year is known.

    The index is rounded first to the decimals in which that year was published: 77.5 was Terjaga in 2022, and has been
    Waspada since 2023.
    """
    rule = years.category_rule(year)
    return None if rule is None else category_of(index, rule, years.decimals(year))


def _levels(levels: CategoryParams | Sequence[CategoryLevel]) -> Sequence[CategoryLevel]:
    return levels.levels if isinstance(levels, CategoryParams) else levels


# Whether an institution's result is released, and if not why.

Reason = Literal["insufficient_sample", "conduct", "did_not_take_part", "secrecy"]
# The only reason that follows from figures; the others are decisions, and stand in the inputs of the institution.
BY_RULE: Reason = "insufficient_sample"
# The reason that keeps back counts of people too: how many work there, were asked and answered.
SECRET: Reason = "secrecy"


@dataclass(frozen=True)
class Release:
    """``reason`` is None where the result is released."""

    reason: Reason | None

    @property
    def is_withheld(self) -> bool:
        return self.reason is not None


def release_of(inputs: InstitutionInputs, answers: int, half_width: float | None, rules: ReleaseParams) -> Release:
    """What was decided for the institution, else what the rules of the round say.

    Parameters
    ----------
    answers : int            people of the sources drawn at random who answered
    half_width : float or None   half of the interval of the index, in points; None where there is no index
    """
    if inputs.release == "withheld":
        return Release(inputs.withheld_reason)
    too_few = answers < rules.min_answers
    too_wide = half_width is not None and rules.max_half_width is not None and half_width > rules.max_half_width
    return Release(BY_RULE if too_few or too_wide else None)
