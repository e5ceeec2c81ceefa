"""Quantiles with Woodruff's interval: an interval for the share below, carried back to values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.design_inputs import numeric_columns
from spi_analysis.survey.estimation.domains import By, Design, Domains, Ratios, Variable, domains_of
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import (
    INTERVALS,
    RESULT_COLUMNS,
    Estimate,
    make_table,
    overseen,
    proportion_interval,
)
from spi_analysis.survey.groups import ROUNDING, last_reached

# Weighted quantiles: from the distribution function of a weighted sample back to a value.
#
# The names and definitions are those of R survey's ``qrule``: math (the inverse of the distribution
# function), school (the middle of the two values where it is flat), shahvaish, and hf1 to hf9 of Hyndman & Fan.
# A share that the distribution function reaches up to rounding is reached (``survey.groups``).


@dataclass(frozen=True)
class WeightedSample:
    """Values in ascending order with their weights, all positive."""

    x: np.ndarray
    w: np.ndarray

    @cached_property
    def cumulative(self) -> np.ndarray:
        """Cumulated weights."""
        return np.cumsum(self.w)

    def after(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index of the last value whose share does not exceed p (-1: none), and of the next one."""
        before = last_reached(self.cumulative, p * self.cumulative[-1])
        return before, np.minimum(before + 1, len(self.x) - 1)


Rule = Callable[[WeightedSample, np.ndarray], np.ndarray]


def weighted_sample(x: np.ndarray, w: np.ndarray) -> WeightedSample:
    """A sample for quantiles: rows without weight left out, the others in order."""
    x, w = x[w > 0], w[w > 0]
    order = np.argsort(x, kind="stable")
    return WeightedSample(x[order], w[order])


def quantile_rule(name: str) -> Rule:
    """The rule of that name: quantiles (k,) of a sample for probabilities (k,)."""
    if name not in RULES:
        raise EstimationError("unknown rule", got=name, expected=", ".join(RULES), hint=nearest(name, list(RULES)))
    return RULES[name]


def _is_exact(sample: WeightedSample, p: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where the distribution function takes the value p itself."""
    share = sample.cumulative[np.maximum(before, 0)] / sample.cumulative[-1]
    return (before >= 0) & (np.abs(p - share) <= ROUNDING)


def _inverse(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    before, following = sample.after(p)
    return np.where(_is_exact(sample, p, before), sample.x[before], sample.x[following])


def _middle(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    before, following = sample.after(p)
    exact = _is_exact(sample, p, before)
    return np.where(exact, (sample.x[before] + sample.x[following]) / 2, sample.x[following])


def _nearest_even(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    """hf3: over distinct values; at an exact share the one with the even number."""
    x, first = np.unique(sample.x, return_index=True)
    distinct = WeightedSample(x, np.add.reduceat(sample.w, first))
    before, following = distinct.after(p)
    lower = _is_exact(distinct, p, before) & ((before + 1) % 2 == 0)
    return np.where(lower, x[before], x[following])


def _between_steps(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    """hf4: linear between the steps of the distribution function."""
    before, following = sample.after(p)
    share = sample.cumulative / sample.cumulative[-1]
    low = np.where(before >= 0, share[before], 0.0)
    step = share[following] - low
    part = np.divide(p - low, step, out=np.zeros_like(p), where=(step > 0) & ~_is_exact(sample, p, before))
    lower = np.where(before >= 0, sample.x[before], sample.x[0])
    # Between equal values there is nothing to interpolate, not even a rounding error.
    return lower + part * (sample.x[following] - lower)


def _shah_vaish(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
    """The largest value with (S_k + 1/2 - w_k/2)/(n + 1) <= p, S of weights with mean 1, w as given."""
    position = (np.cumsum(sample.w / sample.w.mean()) + 0.5 - sample.w / 2) / (len(sample.x) + 1)
    # With weights far above 1 positions need not ascend: they are put in order, with their values.
    order = np.argsort(position, kind="stable")
    index = np.searchsorted(position[order], p + ROUNDING, side="right") - 1
    return sample.x[order][np.clip(index, 0, len(sample.x) - 1)]


def _line(position: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rule:
    """Linear between points (position, value); positions come from the weights and their cumulated sums."""

    def rule(sample: WeightedSample, p: np.ndarray) -> np.ndarray:
        at = position(sample.w, sample.cumulative)
        return np.interp(_snapped(p, at), at, sample.x)

    return rule


def _snapped(p: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Probabilities (k,), those that differ by rounding from a position (n,) put on it: its value is then met exactly,
    which who compares values with the quantile counts on.
    """
    nearest_one = at[np.clip(np.searchsorted(at, p - ROUNDING), 0, len(at) - 1)]
    return np.where(np.abs(nearest_one - p) <= ROUNDING, nearest_one, p)


def _before(cumulative: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], cumulative[:-1]])


def _hf7(w: np.ndarray, c: np.ndarray) -> np.ndarray:
    return _before(c) / c[-2] if len(c) > 1 else np.zeros(1)


# The plotting positions of Hyndman & Fan (1996), definitions 4 to 9, with cumulated weights in place of ranks.
RULES: dict[str, Rule] = {
    "math": _inverse,
    "school": _middle,
    "shahvaish": _shah_vaish,
    "hf1": _inverse,
    "hf2": _middle,
    "hf3": _nearest_even,
    "hf4": _between_steps,
    "hf5": _line(lambda w, c: (c - w / 2) / c[-1]),
    "hf6": _line(lambda w, c: c / (c[-1] + w[-1])),
    "hf7": _line(_hf7),
    "hf8": _line(lambda w, c: (_before(c) / 3 + c * 2 / 3) / (c[-1] + w[-1] / 3)),
    "hf9": _line(lambda w, c: (_before(c) * 3 / 8 + c * 5 / 8) / (c[-1] + w[-1] / 4)),
}


# R survey calls the t interval of the share "mean" and its logit interval "xlogit".
SHARE_INTERVALS = {"mean": "wald", "xlogit": "logit", **{name: name for name in INTERVALS}}


def estimate_quantile(
    design: Design,
    variables: str | Sequence[str],
    quantiles: float | Sequence[float],
    by: By = None,
    level: float = 0.95,
    rule: str = "math",
    interval: str = "mean",
) -> Estimate:
    """Weighted quantiles.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    variables : str or list of str   numeric columns; missing values are outside the variable's domain
    quantiles : float or list of float   probabilities, each above 0 and below 1
    by : str or list of str or None  domain columns
    level : float    of the interval
    rule : str       math, school, shahvaish, hf1 ... hf9 (names and definitions of R survey's ``qrule``)
    interval : str   of the share below the quantile: mean (t), xlogit, beta, wilson, asin; with replicate weights
        also "quantile": the spread of the quantiles of all replicates

    Returns
    -------
    Estimate, in units of the variable, whose table has a column ``quantile``. ``se`` is half the interval divided by
    the t quantile (with "quantile" the replicate standard error). The covariance between quantiles is known only
    with interval="quantile"; else it is missing off the diagonal. A limit is missing where the interval of the share
    leaves 0 to 1.

    Raises
    ------
    EstimationError   unknown rule or interval, a probability outside 0 to 1; variables, ``by``, level and strata of a
        single unit as ``estimate_mean``

    References
    ----------
    Woodruff (1952), JASA 47; Hyndman & Fan (1996), American Statistician 50; Shah & Vaish (2006),
    Proceedings of the ASA Section on Survey Research Methods.

    Examples
    --------
    Half of the weight lies at 3 or below, three quarters at 5 or below.

    >>> from spi_analysis.survey import SurveyDesign
    >>> design = SurveyDesign(pd.DataFrame({"w": 10.0, "score": [1, 3, 5, 7]}), weight="w")
    >>> estimate_quantile(design, "score", [0.5, 0.75]).table[["quantile", "estimate"]].values.tolist()
    [[0.5, 3.0], [0.75, 5.0]]
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    _check_interval(design, interval)
    task = _Task(_probabilities(quantiles), domains_of(design.data, design.in_domain, by), quantile_rule(rule), level)
    parts = [_quantiles(design, name, x, task, interval) for name, x in numeric_columns(design.data, names).items()]
    table = pd.concat([part.table for part in parts], ignore_index=True)
    replicates = np.hstack([part.replicates for part in parts if part.replicates is not None] or [np.empty((0, 0))])
    if isinstance(design, ReplicateDesign) and interval == "quantile":
        covariance = design.covariance_of(table["estimate"].to_numpy(), replicates)
        return overseen(Estimate(table, covariance, level, replicates), design.rule)
    covariance = np.full((len(table), len(table)), np.nan)
    np.fill_diagonal(covariance, table["se"] ** 2)
    return overseen(Estimate(table, covariance, level), design.rule)


@dataclass(frozen=True)
class _Task:
    """Which quantiles, where, by which rule."""

    p: np.ndarray
    domains: Domains
    rule: Rule
    level: float

    def labels(self, name: str) -> pd.DataFrame:
        rows = [{"variable": name, "quantile": p, **d} for d in self.domains.labels.to_dict("records") for p in self.p]
        return pd.DataFrame(rows)

    def of(self, sample: WeightedSample, p: np.ndarray) -> np.ndarray:
        """Quantiles (k,); missing where nobody is in the sample or p is missing."""
        found = np.full(len(p), np.nan)
        known = ~np.isnan(p)
        if len(sample.x):
            found[known] = self.rule(sample, p[known])
        return found


def _check_interval(design: Design, interval: str) -> None:
    known = [*SHARE_INTERVALS, *(["quantile"] if isinstance(design, ReplicateDesign) else [])]
    if interval not in known:
        raise EstimationError(
            "unknown interval", got=interval, expected=", ".join(known), hint=nearest(interval, known)
        )


def _probabilities(quantiles: float | Sequence[float]) -> np.ndarray:
    values = np.atleast_1d(np.asarray(quantiles, dtype=float))
    bad = ~((values > 0) & (values < 1))
    if bad.any():
        raise EstimationError("a probability is out of range", got=f"{values[bad][0]:g}", expected="between 0 and 1")
    return values


def _quantiles(design: Design, name: str, x: np.ndarray, task: _Task, interval: str) -> Estimate:
    """The quantiles of one variable, domain by domain."""
    known = ~np.isnan(x)
    members = [np.flatnonzero((task.domains.codes == d) & known) for d in range(len(task.domains))]
    samples = [weighted_sample(x[rows], design.weights[rows]) for rows in members]
    estimate = np.concatenate([task.of(sample, task.p) for sample in samples])
    if isinstance(design, ReplicateDesign) and interval == "quantile":
        return _by_replicates(design, x, members, task, name, estimate)
    low, high, df, n = _woodruff(design, x, samples, task, estimate, interval)
    # The standard error that a symmetric t interval of this width would have (as R survey).
    se = (high - low) / (2 * student.ppf(0.5 + task.level / 2, np.where(df > 0, df, np.nan)))
    columns = dict(zip(RESULT_COLUMNS, (estimate, se, low, high, df, n), strict=True))
    return Estimate(task.labels(name).assign(**columns), np.diag(se**2), task.level)


def _woodruff(
    design: Design, x: np.ndarray, samples: list[WeightedSample], task: _Task, estimate: np.ndarray, interval: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Limits, degrees of freedom and n of every quantile, domain by domain."""
    # Woodruff (1952): the share of the population at or below the estimated quantile has an interval like any other
    # share; the quantiles at its two ends are the interval of the quantile.
    n_domains, k = len(task.domains), len(task.p)
    limits = np.vstack([estimate.reshape(n_domains, k), np.full(k, np.nan)])
    below = [np.where(np.isnan(x), np.nan, x <= limits[task.domains.codes, i]) for i in range(k)]
    ratios = Ratios(design, [Variable({}, share) for share in below], task.domains)
    n, df = ratios.counts()
    shares = make_table(
        pd.DataFrame(index=range(k * n_domains)),
        ratios.estimates.ravel(),
        ratios.covariance()[0],
        df.ravel(),
        n.ravel(),
        task.level,
    )
    low, high = proportion_interval(shares, SHARE_INTERVALS[interval], task.level)

    def values(share: np.ndarray) -> np.ndarray:
        by_domain = np.where((share >= 0) & (share <= 1), share, np.nan).reshape(k, n_domains).T
        return np.concatenate([task.of(sample, p) for sample, p in zip(samples, by_domain, strict=True)])

    return values(low), values(high), df.T.ravel(), n.T.ravel()


def _by_replicates(
    design: ReplicateDesign, x: np.ndarray, members: list[np.ndarray], task: _Task, name: str, estimate: np.ndarray
) -> Estimate:
    """Quantiles of every replicate, and the t interval from their spread."""
    replicates = np.array(
        [
            np.concatenate([task.of(weighted_sample(x[rows], weights[rows]), task.p) for rows in members])
            for weights in design.replicates.T
        ]
    )
    covariance = design.covariance_of(estimate, replicates)
    n = np.repeat([int((design.weights[rows] > 0).sum()) for rows in members], len(task.p))
    codes = np.where(np.isnan(x), -1, task.domains.codes)
    df = np.repeat(design.df_by(codes, len(task.domains)), len(task.p))
    return Estimate(
        make_table(task.labels(name), estimate, covariance, df, n, task.level), covariance, task.level, replicates
    )
