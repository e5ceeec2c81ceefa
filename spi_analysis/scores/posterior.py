"""Chances of categories, targets and a rise: what the published years lead to expect, and what this round says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import digamma, polygamma
from scipy.stats import norm
from scipy.stats import t as student

from spi_analysis.params import CategoryLevel, ChanceParams, TypeSpread
from spi_analysis.scores.index import IndexEstimate
from spi_analysis.survey import group_counts, group_sums

# Where the likelihood is taken, in standard errors from the score: close together near it, and far out for few degrees
# of freedom.
NODES = np.sinh(np.linspace(-6, 6, 2001))


@dataclass(frozen=True)
class History:
    """An institution's published indices by year, and how those of its type lie and move.

    ``spread`` is None for a type of too few institutions; ``persistence``: what is left of a change a year later.
    """

    own: Mapping[int, float]
    spread: TypeSpread | None
    params: ChanceParams
    persistence: float


@dataclass(frozen=True)
class Prior:
    """What is expected of the true index before this round's answers: normal, in points.

    ``mean`` (2,) and ``covariance`` (2, 2): of this year and of the year that it is compared with; ``passing`` is
    the standard deviation of what does not last from one published year to the next, sampling error included.
    """

    mean: np.ndarray
    covariance: np.ndarray
    passing: float


@dataclass(frozen=True)
class Chances:
    """Probabilities: by code of category, by name of target, and of a rise (None without a prior)."""

    categories: dict[str, float] = field(default_factory=dict)
    targets: dict[str, float] = field(default_factory=dict)
    rise: float | None = None


def prior_of(history: History, years: tuple[int, int], error: float) -> Prior | None:
    """The true index of this year and of an earlier one, given an institution's own published years and its type.

    The model of the published years (``scores.years``): ``mean of the type + lasting level + change + noise``. Noise is
    sampling error, taken as this round's, and what was true of that year alone; the type's mean moves from year to
    year by ``params.mean_move``. None where no earlier mean of the type is known.

    Parameters
    ----------
    history : History   of its years, this one and later ones are not looked at
    years : (int, int)   this year, and the year that it is compared with
    error : float        standard error of this round's index

    References
    ----------
    docs/methods/chances.md; Robinson (1991), Statistical Science 6 (best linear prediction).
    """
    own, spread = history.own, history.spread
    if spread is None or min(spread.means) >= years[0]:
        return None
    seen = np.array([year for year in sorted(own) if year < years[0]], dtype=int)
    carried = carry(history, seen, np.array(years), error)
    departures = np.array([own[int(year)] for year in seen]) - carried.means
    return Prior(carried.centres + carried.weights @ departures, carried.covariance, max(spread.noise, error))


class Carried(NamedTuple):
    """How published years carry over to other ones, the same for all of a type that have the same years.

    ``means`` (k,): of the type in the years seen; ``centres`` (m,): in the years wanted; ``weights`` (m, k): on the
    departures from ``means``; ``covariance`` (m, m): of what is wanted, given the years seen.
    """

    means: np.ndarray
    centres: np.ndarray
    weights: np.ndarray
    covariance: np.ndarray


def carry(history: History, seen: np.ndarray, wanted: np.ndarray, error: float) -> Carried:
    """Best linear prediction of the true indices of the years ``wanted`` (m,) from published ones of ``seen`` (k,).

    With ``error`` 0, what is predicted are the published indices themselves. What of a type's mean is not known yet is
    a random walk from the nearest year that is.
    """
    spread, persistence = history.spread, history.persistence
    assert spread is not None
    # What was true of one year alone: of the noise of a usual year, what sampling does not explain.
    alone = max(spread.noise**2 - error**2, 0.0)
    noise = [max(spread.own_noise.get(int(year), spread.noise), error) ** 2 for year in seen]
    # A year whose own noise is less had less of it, too.
    of_years = np.array([min(alone, max(spread.own_noise.get(y, spread.noise) ** 2 - error**2, 0.0)) for y in wanted])
    known = np.array([year for year in sorted(spread.means) if year < wanted[0]])

    def between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        walk = history.params.mean_move**2 * _shared_walk(known, first, second)
        return _lasting(spread, persistence, first, second) + walk

    common = between(wanted, seen) + of_years[:, None] * np.equal.outer(wanted, seen)
    weights = np.linalg.solve(between(seen, seen) + np.diag(noise), common.T).T
    centres, means = ([spread.means[int(year)] for year in _nearest(known, some)] for some in (wanted, seen))
    covariance = between(wanted, wanted) + np.diag(of_years) - weights @ common.T
    return Carried(np.array(means), np.array(centres), weights, covariance)


def _nearest(known: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Of every year the last known one up to it; of those before all, the first."""
    return known[np.maximum(np.searchsorted(known, years, side="right") - 1, 0)]


def _shared_walk(known: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Years that two years' means have walked together since the last known one."""
    ours, theirs = _nearest(known, first), _nearest(known, second)
    steps = np.minimum.outer(np.abs(first - ours), np.abs(second - theirs))
    return np.where(np.equal.outer(ours, theirs), steps, 0)


def _lasting(spread: TypeSpread, persistence: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Covariance of level and change between years."""
    apart = np.abs(np.subtract.outer(first, second))
    return spread.lasting**2 + spread.change**2 * persistence**apart


def chances(
    index: IndexEstimate,
    prior: Prior | None,
    levels: Sequence[CategoryLevel] = (),
    targets: Mapping[str, float] = MappingProxyType({}),
    decimals: int = 2,
) -> Chances:
    """Posterior chances that the true index lies in a category, reaches a target, and rose.

    The likelihood is this round's index with its t distribution; without a prior every index is as likely as any other
    beforehand, and nothing is said of a rise.

    Parameters
    ----------
    index : IndexEstimate   with the panel's variance moderated (``moderated_panels``)
    prior : Prior or None   as ``prior_of`` gives it
    levels : CategoryLevels, from the lowest up
    targets : mapping       name -> index to be reached
    decimals : int          with which an index is published: it is rounded before it is compared

    References
    ----------
    docs/methods/chances.md.
    """
    points, weights = _posterior(index, prior)

    def below(limit: float | None) -> float:
        # An index is below the limit if it rounds to something below it.
        return 1.0 if limit is None else _share_below(limit - 0.5 * 10.0**-decimals, points, weights)

    limits = [0.0, *(below(level.below) for level in levels)]
    found = dict(zip((level.code for level in levels), map(float, np.diff(limits)), strict=True))
    reached = {name: 1.0 - below(target) for name, target in targets.items()}
    return Chances(found, reached, None if prior is None else _rise(points, weights, prior))


def _posterior(index: IndexEstimate, prior: Prior | None) -> tuple[np.ndarray, np.ndarray]:
    """Values of the true index in ascending order, and their weights (sum 1): t likelihood times prior."""
    points = index.estimate + index.se * NODES
    log = student.logpdf(NODES, index.df)
    if prior is not None:
        log = log - 0.5 * (points - prior.mean[0]) ** 2 / prior.covariance[0, 0]
    weights = np.exp(log - log.max()) * np.gradient(NODES)
    return points, weights / weights.sum()


def _share_below(edge: float, points: np.ndarray, weights: np.ndarray) -> float:
    if points[0] == points[-1]:
        return float(points[0] < edge)
    return float(np.interp(edge, points, weights.cumsum() - weights / 2, left=0.0, right=1.0))


def _rise(points: np.ndarray, weights: np.ndarray, prior: Prior) -> float:
    """That the earlier true index lies below this year's, given each value that this year's may have."""
    slope = prior.covariance[0, 1] / prior.covariance[0, 0]
    expected = prior.mean[1] + slope * (points - prior.mean[0])
    sd = np.sqrt(prior.covariance[1, 1] - slope * prior.covariance[0, 1])
    return float(weights @ norm.cdf((points - expected) / sd))


def repeated_interval(index: IndexEstimate, prior: Prior, level: float) -> tuple[float, float]:
    """The interval if the survey were done again: what does not last of a published index counts as error, too.

    Never narrower than the sampling interval.
    """
    low, high = index.interval(level)
    half = max((high - low) / 2, float(norm.ppf(0.5 + level / 2)) * prior.passing)
    return index.estimate - half, index.estimate + half


# How much experts of one panel differ, learnt from many panels.


def moderated_panels(
    scores: pd.DataFrame,
    panels: Sequence[str],
    params: ChanceParams,
    drawn: Mapping[str, float] = MappingProxyType({}),
) -> pd.DataFrame:
    """Scores with the panels' variances shrunk towards that of all: ``(d0 s0^2 + d s^2) / (d0 + d)``, on d0 + d df.

    A panel of ten knows its own spread badly: by chance it may agree too well.

    Parameters
    ----------
    scores : DataFrame, index source; se, n, df_design
    drawn : mapping   source -> what its design alone makes of the variance s^2 / n; where nothing is said 1

    References
    ----------
    Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1), eq. 3.
    """
    df, n = scores["df_design"], scores["n"]
    # d / (d0 + d): one expert alone has no spread of its own, and no degrees of freedom.
    own = df / (params.panel_df + df)
    share = pd.Series(drawn, dtype=float).reindex(scores.index).fillna(1.0)
    squares = (scores["se"] ** 2 * n / share.where(share > 0)).where(df > 0, 0.0).fillna(0.0)
    errors = np.sqrt(((1 - own) * params.panel_sd**2 + own * squares) * share / n)
    panel = scores.index.isin(list(panels))
    return scores.assign(se=scores["se"].mask(panel, errors), df_design=df.mask(panel, df + params.panel_df))


def panel_spread(sds: np.ndarray, df: np.ndarray) -> tuple[float, float]:
    """Standard deviation of experts that panels share, and the degrees of freedom that it is worth for one panel.

    Parameters
    ----------
    sds : ndarray (panels,)   standard deviation of the experts' scores in each panel, in points; > 0
    df : ndarray (panels,)    experts of the panel less one

    References
    ----------
    Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1), section 6.2: the moments of log s^2.
    """
    log = 2 * np.log(sds) - digamma(df / 2) + np.log(df / 2)
    spread = float(log.var(ddof=1) - polygamma(1, df / 2).mean())
    shared = 2 * _inverse_trigamma(spread) if spread > 0 else np.inf
    shift = 0.0 if np.isinf(shared) else float(digamma(shared / 2) - np.log(shared / 2))
    return float(np.exp((log.mean() + shift) / 2)), shared


def _inverse_trigamma(value: float) -> float:
    """The argument at which the trigamma function has this value, by Newton's method on its reciprocal."""
    x = 0.5 + 1 / value
    for _ in range(50):
        there = float(polygamma(1, x))
        step = there * (1 - there / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x


class OfKinds(NamedTuple):
    """A panel whose experts come by kinds: standard error of the mean and degrees of freedom, kinds agreeing."""

    se: float
    df: float


def kinds_correlation(panels: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """How much experts of one kind (journalists, auditors) agree beyond others: a correlation that all panels share.

    By analysis of variance, sums of squares added up over the panels: within kinds ``SSW / (n - K)``, between kinds
    ``(SSB - (K - 1) within) / (n - sum of m^2 / n)``, and the second's part of both, at least 0.

    Parameters
    ----------
    panels : pairs of ndarray (n,)   scores of a panel's experts, and the kind of each

    References
    ----------
    Searle, Casella & McCulloch (1992), Variance Components, section 3.6 (unbalanced one-way).
    """
    sums = np.array([_sums_by_kind(scores, kinds) for scores, kinds in panels]).reshape(-1, 5).sum(axis=0)
    within, between, df_within, df_between, even = sums
    if df_within <= 0 or even <= 0:
        return 0.0
    inside = within / df_within
    apart = max((between - df_between * inside) / even, 0.0)
    return float(apart / (apart + inside)) if apart else 0.0


def _sums_by_kind(scores: np.ndarray, kinds: np.ndarray) -> tuple[float, float, int, int, float]:
    """Sums of squares within and between kinds, degrees of freedom of both, and ``n - sum of m^2 / n``."""
    codes, names = pd.factorize(kinds)
    n, k, sizes = len(scores), len(names), group_counts(codes, len(names))
    means = group_sums(codes, scores, k) / sizes
    within, between = ((scores - means[codes]) ** 2).sum(), (sizes * (means - scores.mean()) ** 2).sum()
    return float(within), float(between), n - k, k - 1, float(n - (sizes**2).sum() / n)


def with_agreement(se: float, kinds: np.ndarray, correlation: float) -> OfKinds:
    """A panel's standard error where experts of one kind agree: larger, and on fewer degrees of freedom.

    With ``r`` the correlation and ``M`` the mean size of an expert's own kind, the variance of the mean is
    ``v (1 + r (M - 1)) / n``, and the spread that a panel sees is expected to be ``v (n - 1 - r (M - 1)) / (n - 1)``.
    Degrees of freedom by Satterthwaite, from the sums of squares between kinds and within.

    Parameters
    ----------
    se : float               as if experts were independent, s / root of n
    kinds : ndarray (n,)     the kind of each

    References
    ----------
    Kish (1965), Survey Sampling, section 5.4; Satterthwaite (1946), Biometrics Bulletin 2.
    """
    codes, names = pd.factorize(kinds)
    n, k, sizes = len(kinds), len(names), group_counts(codes, len(names))
    more = correlation * ((sizes**2).sum() / n - 1)
    variance = se**2 * (1 + more) * (n - 1) / (n - 1 - more)
    even = (n - (sizes**2).sum() / n) / max(k - 1, 1)
    squares = np.array([1 - correlation + correlation * even, 1 - correlation])
    counts = np.array([k - 1, n - k])
    return OfKinds(float(np.sqrt(variance)), float((squares @ counts) ** 2 / (squares**2 @ counts)))
