"""Proxy pattern-mixture analysis: what a mean would be if nonresponse depended on the answer itself.

A proxy X is known for everyone, the variable Y for respondents only. Whether somebody answers may
depend on (1 - phi) X* + phi Y, where X* is the proxy on the scale of Y: phi = 0 is nonresponse that depends on the
proxy alone, phi = 1 nonresponse that depends on Y alone. The data say nothing about phi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.contrasts import contrast
from spi_analysis.survey.estimation.design_inputs import numeric_columns
from spi_analysis.survey.estimation.domains import Design
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import Estimate, make_table
from spi_analysis.survey.groups import effective_n, group_counts, group_sums, require_columns


@dataclass(frozen=True)
class ProxyMoments:
    """What the method needs to know: moments of Y and X among respondents, and the mean of X over everyone.

    ``correlation`` is that of Y and X among respondents, in (0, 1].
    """

    y_mean: float
    y_sd: float
    x_mean: float
    x_sd: float
    correlation: float
    x_mean_all: float

    def __post_init__(self) -> None:
        if not 0 < self.correlation <= 1:
            raise EstimationError(
                "the proxy does not go with the variable", got=f"correlation {self.correlation:.3g}", expected="above 0"
            )
        if not (self.x_sd > 0 and self.y_sd > 0):
            raise EstimationError("the variable or the proxy does not vary among the respondents")


def proxy_moments(y: np.ndarray, x: np.ndarray, x_mean_all: float, weights: np.ndarray | None = None) -> ProxyMoments:
    """Moments from respondents' values (n,) of the variable and of the proxy, weighted by design weights (n,)."""
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    y_mean, x_mean = np.average(y, weights=w), np.average(x, weights=w)
    y_sd = np.sqrt(np.average((y - y_mean) ** 2, weights=w))
    x_sd = np.sqrt(np.average((x - x_mean) ** 2, weights=w))
    together = np.average((y - y_mean) * (x - x_mean), weights=w)
    # Rounding may leave a perfect correlation a hair above 1.
    correlation = min(together / (y_sd * x_sd), 1.0) if y_sd > 0 and x_sd > 0 else 0.0
    return ProxyMoments(float(y_mean), float(y_sd), float(x_mean), float(x_sd), float(correlation), float(x_mean_all))


def proxy_factor(correlation: float, phi: float) -> float:
    """How far Y moves, in its standard deviations, for one of the proxy: (phi + (1-phi) r) / (phi r + 1 - phi)."""
    if not 0 <= phi <= 1:
        raise EstimationError("phi is out of range", got=str(phi), expected="0 to 1")
    # g(phi) of Little et al. (2020): r at phi = 0, 1 at phi = 1/2, 1/r at phi = 1.
    return (phi + (1 - phi) * correlation) / (phi * correlation + 1 - phi)


def unadjusted_bias(moments: ProxyMoments, phi: float) -> float:
    """Bias of the respondents' mean of Y under phi (MUB): respondents minus everyone, in units of Y.

    References
    ----------
    Little, West, Boonstra & Hu (2020), Journal of Survey Statistics and Methodology 8.
    """
    return standardised_bias(moments, phi) * moments.y_sd


def standardised_bias(moments: ProxyMoments, phi: float) -> float:
    """The same in standard deviations of Y (SMUB)."""
    # SMUB(phi) = g(phi) (xbar_respondents - xbar_all) / sd of x (Little et al. 2020).
    return proxy_factor(moments.correlation, phi) * (moments.x_mean - moments.x_mean_all) / moments.x_sd


def pattern_mixture_mean(moments: ProxyMoments, phi: float) -> float:
    """Maximum-likelihood estimate of the mean of Y over everyone, for a given phi.

    phi = 0 is the regression estimator, phi = 1 the estimator of inverse regression.

    References
    ----------
    Andridge & Little (2011), Journal of Official Statistics 27.
    """
    return moments.y_mean - unadjusted_bias(moments, phi)


def sensitivity(estimate: float, moments: ProxyMoments, phis: Sequence[float]) -> pd.DataFrame:
    """A calibrated mean under several phis.

    Calibration to the variables of the proxy has already done what phi = 0 asks for, so only the rest is added:
    ``estimate - (MUB(phi) - MUB(0))``. The figure of phi = 0 is the calibrated mean itself.

    Parameters
    ----------
    estimate : float           the calibrated mean, in units of Y
    moments : ProxyMoments     of Y and its proxy
    phis : sequence of float   0 (nonresponse depends on the proxy alone) to 1 (on Y alone)

    Returns
    -------
    DataFrame, one row per phi: phi, shift, estimate (units of Y).

    Raises
    ------
    EstimationError   a phi below 0 or above 1

    References
    ----------
    Andridge & Little (2011), Journal of Official Statistics 27; Little, West, Boonstra & Hu (2020), Journal of Survey
    Statistics and Methodology 8.

    Examples
    --------
    Respondents' proxy is 0.2 standard deviations too high, its correlation 0.5: a bias of ``0.5 * 0.2 * 20 = 2`` under
    phi = 0, of ``1 * 0.2 * 20 = 4`` under 0.5 and of ``2 * 0.2 * 20 = 8`` under 1.

    >>> moments = ProxyMoments(y_mean=60, y_sd=20, x_mean=62, x_sd=10, correlation=0.5, x_mean_all=60)
    >>> sensitivity(58.0, moments, [0.0, 0.5, 1.0])["estimate"].round(6).tolist()
    [58.0, 56.0, 52.0]
    """
    start = unadjusted_bias(moments, 0.0)
    shifts = [start - unadjusted_bias(moments, phi) for phi in phis]
    return pd.DataFrame({"phi": list(phis), "shift": shifts, "estimate": [estimate + shift for shift in shifts]})


# A proxy: the best prediction of a variable from what is known of everyone.


@dataclass(frozen=True)
class RegressionProxy:
    """Predictions for respondents (n,) and for everyone (N,).

    ``correlation`` with the variable among respondents; ``adjusted`` takes off what as many
    coefficients explain by chance alone (0 where nothing is left).
    """

    y: np.ndarray
    respondents: np.ndarray
    everyone: np.ndarray
    weights: np.ndarray
    coefficients: int
    correlation: float
    adjusted: float

    @property
    def moments(self) -> ProxyMoments:
        """Moments for the pattern-mixture analysis, with the adjusted correlation.

        The predictions vary more than the true ones, for they follow chance too. The standard deviation of
        the true ones is correlation times that of the variable.
        """
        y_mean = float(np.average(self.y, weights=self.weights))
        y_sd = float(np.sqrt(np.average((self.y - y_mean) ** 2, weights=self.weights)))
        x_mean = float(np.average(self.respondents, weights=self.weights))
        x_sd = self.adjusted * y_sd
        return ProxyMoments(y_mean, y_sd, x_mean, x_sd, self.adjusted, float(self.everyone.mean()))


def regression_proxy(
    y: np.ndarray, respondents: pd.DataFrame, everyone: pd.DataFrame, weights: np.ndarray, least: int
) -> RegressionProxy:
    """Weighted least squares of ``y`` on the columns, predicted for respondents and for everyone.

    Parameters
    ----------
    y : array (n,)                         the variable, without missing values
    respondents, everyone : DataFrame (n, ...), (N, ...)
        the same columns; numbers enter as they are (a missing one as the mean, and a mark that it is missing),
        all others as categories
    weights : array (n,)                   design weights of the respondents
    least : int                            a category with fewer respondents is not told apart from the rest

    Returns
    -------
    RegressionProxy: predictions in units of ``y``, their correlation with it, plain and adjusted.

    Raises
    ------
    EstimationError   a column of the respondents that ``everyone`` lacks; fewer respondents than coefficients

    References
    ----------
    Ezekiel (1930), Methods of Correlation Analysis (adjusted R squared); n is Kish's effective number.

    Examples
    --------
    Unit means 2 and 6 explain 16 of the 20 squares; adjusted, ``1 - 0.2 * 3/2 = 0.7``.

    >>> answered, listed = pd.DataFrame({"unit": list("aabb")}), pd.DataFrame({"unit": list("aabbbb")})
    >>> proxy = regression_proxy(np.array([1.0, 3.0, 5.0, 7.0]), answered, listed, np.ones(4), least=1)
    >>> proxy.everyone.round(6).tolist(), round(proxy.correlation**2, 6), round(proxy.adjusted**2, 6)
    ([2.0, 2.0, 6.0, 6.0, 6.0, 6.0], 0.8, 0.7)
    """
    require_columns(everyone, respondents.columns, EstimationError)
    y, weights = np.asarray(y, dtype=float), np.asarray(weights, dtype=float)
    own, all_ = _matrix(respondents, respondents, least), _matrix(everyone, respondents, least)
    centre = np.average(own, axis=0, weights=weights) if own.shape[1] else np.zeros(0)
    root = np.sqrt(weights)[:, None]
    y_mean = float(np.average(y, weights=weights))
    # Of all solutions the shortest: people of a category that nobody answered from get a central prediction.
    beta, _, rank, _ = np.linalg.lstsq(root * (own - centre), root[:, 0] * (y - y_mean), rcond=None)
    predicted, people = y_mean + (own - centre) @ beta, y_mean + (all_ - centre) @ beta
    n = effective_n(weights)
    if n <= rank + 1:
        raise EstimationError(
            "too few respondents for a proxy", got=f"{n:.0f} respondents", expected=f"more than {rank + 1}"
        )
    total = float(weights @ (y - y_mean) ** 2)
    share = float(weights @ (predicted - y_mean) ** 2) / total if total > 0 else 0.0
    # Ezekiel's 1 - (1 - R2)(n - 1)/(n - p - 1).
    adjusted = 1 - (1 - share) * (n - 1) / (n - rank - 1)
    return RegressionProxy(
        y, predicted, people, weights, int(rank), float(np.sqrt(min(share, 1.0))), float(np.sqrt(max(adjusted, 0.0)))
    )


def _matrix(people: pd.DataFrame, respondents: pd.DataFrame, least: int) -> np.ndarray:
    """Columns of the regression for ``people``, as the respondents' values define them."""
    columns: list[np.ndarray] = []
    for name in respondents:
        known, column = respondents[name], people[name]
        if pd.api.types.is_float_dtype(known) or pd.api.types.is_integer_dtype(known):
            columns += _number(column, known, least)
        else:
            columns += _categories(column, known, least)
    return np.column_stack(columns) if columns else np.zeros((len(people), 0))


def _number(column: pd.Series, known: pd.Series, least: int) -> list[np.ndarray]:
    if known.notna().sum() < least:
        return []
    values = column.fillna(known.mean()).to_numpy(dtype=float)
    missing = [column.isna().to_numpy(dtype=float)] if known.isna().sum() >= least else []
    return [(values - known.mean()) / (known.std() or 1.0), *missing]


def _categories(column: pd.Series, known: pd.Series, least: int) -> list[np.ndarray]:
    """0/1 columns of the values that at least ``least`` respondents have; values are compared once, not row by row."""
    codes, values = pd.factorize(known)
    thick = group_counts(codes, len(values)) >= least
    levels = sorted(values[thick].astype(object), key=str)
    codes, values = pd.factorize(column)
    # Place of each value among the levels; the last is for those who have none.
    place = np.append(pd.Index(levels, dtype=object).get_indexer(values.astype(object)), -1)[codes]
    return [(place == level).astype(float) for level in range(len(levels))]


# Delta adjustment: what if those who did not answer differ by so much from what the weights make of them?


def delta_adjusted_mean(estimate: float, response_share: float, delta: float) -> float:
    """The mean over everyone, if the nonrespondents' mean is ``delta`` above what the weights take it for.

    Parameters
    ----------
    estimate : float         weighted mean; it takes nonrespondents to be like the respondents of their class
    response_share : float   share of the population that answers or would answer, 0 to 1
    delta : float            units of the mean

    Returns
    -------
    float, units of the mean

    References
    ----------
    Rubin (1977), Journal of the American Statistical Association 72; National Research Council (2010), The Prevention
    and Treatment of Missing Data in Clinical Trials, ch. 5.

    Examples
    --------
    Four in ten did not answer; were they 5 points lower, the mean would be 2 lower.

    >>> delta_adjusted_mean(70.0, response_share=0.6, delta=-5.0)
    68.0
    """
    # r ybar_R + (1 - r)(ybar_R + delta).
    return estimate + (1 - response_share) * delta


def tipping_delta(estimate: float, nonrespondent_share: float, limit: float) -> float:
    """The delta at which the adjusted mean is ``limit``; infinite where everyone answered.

    Parameters
    ----------
    estimate, limit : float   in one unit
    nonrespondent_share : float      share of nonrespondents, 0 to 1; for a composite the sum of weights times shares

    Returns
    -------
    float, the same unit: how far nonrespondents must differ for the mean to reach the limit

    References
    ----------
    National Research Council (2010), The Prevention and Treatment of Missing Data in Clinical Trials, ch. 5.

    Examples
    --------
    >>> tipping_delta(70.0, nonrespondent_share=0.4, limit=68.0)
    -5.0
    """
    if nonrespondent_share <= 0:
        return float("inf") if limit > estimate else float("-inf")
    return (limit - estimate) / nonrespondent_share


# The selection model: what if the odds not to answer rise as the answer gets worse?


def tilted_means(
    design: Design,
    y: str,
    nonrespondent_share: float,
    log_odds: Sequence[float],
    by: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """A mean over everyone if the odds not to answer rise by so much per standard deviation that somebody is lower.

    Nothing has to be known of nonrespondents: where ``log P(answer) / P(no answer)`` rises by L per standard deviation
    of y inside a class, nonrespondents of the class have the respondents' distribution weighted by
    ``exp(-L (y - class mean) / sd)``. Deviations of all classes are taken together. The error of the
    shift counts that of the class means (anew in every replicate, or by their influence values). The standard deviation
    is a unit of measurement and taken as known: estimated anew it follows the few lowest answers, and hides what they
    do to the shift.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign   of the respondents; its weights take nonrespondents to be like them
    y : str                            numeric column; rows without it, or outside the domain, are left out
    nonrespondent_share : float        of the population, 0 to 1, taken as known
    log_odds : sequence of float       per standard deviation of y among the respondents (weighted); 0 is the mean
    by : str or None                   column of the classes inside which the answer decides
    level : float                      of the t interval of the shift

    Returns
    -------
    DataFrame, one row per log-odds: log_odds, estimate (of the mean over everyone), shift (from the mean as weighted;
    both in units of y), shift_se, shift_low, shift_high, and ``added_variance``: what the assumption adds to the
    variance of the mean (negative where shift and mean go together so that it takes some off).

    Raises
    ------
    EstimationError   a column is missing or not a number; the share is not between 0 and 1; nothing varies inside
        the classes.

    References
    ----------
    Rotnitzky, Robins & Scharfstein (1998), JASA 93; Kim & Yu (2011), JASA 106 (exponential tilting); range of the
    log-odds: Yiadom & Andridge (2024), arXiv 2409.18117.

    Examples
    --------
    Half answered, half of these 60 and half 80, standard deviation 10: nonrespondents lie ``10 tanh(0.5) = 4.62``
    lower, everyone half of it.

    >>> from spi_analysis.survey import SurveyDesign
    >>> design = SurveyDesign(pd.DataFrame({"w": 2.0, "score": [60.0, 80.0] * 50}), "w")
    >>> tilted_means(design, "score", 0.5, [0.0, 0.5])["estimate"].round(2).tolist()
    [70.0, 67.69]
    """
    if not 0 <= nonrespondent_share <= 1:
        raise EstimationError("no share of nonrespondents", got=str(nonrespondent_share), expected="0 to 1")
    tilt = _tilt_of(design, y, by, log_odds)
    found = _together(design, tilt, log_odds, level)
    rise = nonrespondent_share * np.eye(len(log_odds))
    moves = np.column_stack([np.zeros(len(log_odds)), rise])
    shifts, moved = contrast(found, moves), contrast(found, moves + np.eye(1, len(log_odds) + 1))
    rows = shifts.table[["estimate", "se", "ci_low", "ci_high"]].to_numpy(dtype=float).T
    return pd.DataFrame(
        {
            "log_odds": list(log_odds),
            "estimate": moved.table["estimate"].to_numpy(),
            **dict(zip(("shift", "shift_se", "shift_low", "shift_high"), rows, strict=True)),
            "added_variance": moved.table["se"].to_numpy() ** 2 - found.covariance[0, 0],
        }
    )


@dataclass(frozen=True)
class _Tilt:
    """Respondents that count: their rows, values (n,), classes (n,) 0 to C - 1; log-odds (L,) per unit of y."""

    rows: np.ndarray
    values: np.ndarray
    classes: np.ndarray
    per_unit: np.ndarray

    def apart(self, weights: np.ndarray) -> np.ndarray:
        """Deviations from the class means under K weightings (n, K)."""
        # From some middle value: large values would lose digits.
        y = (self.values - self.values.mean())[:, None]
        every, total = weights.sum(axis=0), group_sums(self.classes, weights)
        known = np.where(total > 0, total, 1.0)
        means = group_sums(self.classes, weights * y) / known
        # Class means follow their few people: so much wider are deviations from the true ones. By Kish's effective
        # numbers; of equal weights (n - 1) / (n - classes).
        squares = group_sums(self.classes, weights**2)
        kept = 1 - (squares / known).sum(axis=0) / every
        wider = (1 - squares.sum(axis=0) / every**2) / np.where(kept > 0, kept, np.nan)
        return (y - means[self.classes]) * np.sqrt(wider)

    def means(self, weights: np.ndarray) -> np.ndarray:
        """The mean, and how far nonrespondents lie from it under each of the log-odds: (K, 1 + L)."""
        apart = self.apart(weights)
        tilted = [weights * np.exp(-one * apart) for one in self.per_unit]
        # sum w t e / sum w t.
        moved = [(part * apart).sum(axis=0) / part.sum(axis=0) for part in tilted]
        return np.column_stack([self.values @ weights / weights.sum(axis=0), *moved])

    def influence(self, weights: np.ndarray) -> np.ndarray:
        """Influence values of the same figures (n, 1 + L), those through the class means included."""
        apart, own = self.apart(weights[:, None])[:, 0], group_sums(self.classes, weights)[self.classes]
        found = [(self.values - np.average(self.values, weights=weights)) / weights.sum()]
        for one in self.per_unit:
            tilt = np.exp(-one * apart)
            share = tilt / (weights @ tilt)
            away = apart - weights * share @ apart
            # The derivative by a deviation is share (1 - L away): that by a class mean their sum.
            by_class = group_sums(self.classes, weights * share * (1 - one * away))
            found.append(share * away - by_class[self.classes] * apart / own)
        return np.column_stack(found)


def _tilt_of(design: Design, y: str, by: str | None, log_odds: Sequence[float]) -> _Tilt:
    require_columns(design.data, [y, *([by] if by else [])], EstimationError)
    values = numeric_columns(design.data, [y])[y]
    rows = np.flatnonzero(design.in_domain & ~np.isnan(values) & (design.weights > 0))
    labels = np.zeros(len(rows)) if by is None else design.data[by].iloc[rows]
    classes = pd.factorize(labels, use_na_sentinel=False)[0]
    weights, values = design.weights[rows], values[rows]
    inside = _Tilt(rows, values, classes, np.zeros(0)).apart(weights[:, None])
    # Of equal values rounding may leave a trace.
    if not np.ptp(inside) > np.finfo(float).eps * np.abs(values).max(initial=0.0) * len(rows):
        raise EstimationError("the answers do not differ inside the classes", expected="different values", column=by)
    return _Tilt(rows, values, classes, np.asarray(log_odds, dtype=float) / _spread(values, weights))


def _spread(values: np.ndarray, weights: np.ndarray) -> float:
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def _together(design: Design, tilt: _Tilt, log_odds: Sequence[float], level: float) -> Estimate:
    """The mean and the tilted deviations of one design, with their covariance."""
    weights = design.weights[tilt.rows]
    estimates = tilt.means(weights[:, None])[0]
    replicates = None
    if isinstance(design, ReplicateDesign):
        replicates = tilt.means(design.replicates[tilt.rows])
        covariance = design.covariance_of(estimates, replicates)
    else:
        influence = np.zeros((len(design), len(estimates)))
        influence[tilt.rows] = tilt.influence(weights)
        covariance = design.covariance(influence)
    used = np.isin(np.arange(len(design)), tilt.rows)
    df, n = (np.full(len(estimates), one) for one in (design.df(used), len(tilt.rows)))
    labels = pd.DataFrame({"variable": ["mean", *(f"log-odds {one:g}" for one in log_odds)]})
    return Estimate(make_table(labels, estimates, covariance, df, n, level), covariance, level, replicates)
