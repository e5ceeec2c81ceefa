"""Estimates with their covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from scipy.stats import beta as beta_distribution
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.design_inputs import usable_level
from spi_analysis.survey.groups import require_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# From a table of estimates to one of the same rows and columns, where what may not be shown is missing.
Rule = Callable[[pd.DataFrame], pd.DataFrame]
RESULT_COLUMNS = ["estimate", "se", "ci_low", "ci_high", "df_design", "n"]


# Rows of a table that are printed; more are cut in the middle, and so is what no screen holds.
PRINTED_ROWS = 20


@dataclass(frozen=True, repr=False)
class Estimate:
    """Estimates, one row each, with the covariance between the rows.

    Parameters
    ----------
    table : DataFrame (k, ...)   variable, (category,) (quantile,) (domain columns,) estimate, se, ci_low,
        ci_high, df_design, n, (deff)
    covariance : array (k, k)    in the table's row order
    level : float                of the intervals
    replicates : array (R, k) or None   the estimates in every replicate, where the design has any, missing
        where a replicate has nobody in the domain
    rule : function or None      the design's (``with_rule``): what is made from the estimates goes through it, too

    Examples
    --------
    >>> from spi_analysis.survey import SurveyDesign, estimate_mean
    >>> people = pd.DataFrame({"w": 10.0, "score": [1, 3, 5, 7]})
    >>> result = estimate_mean(SurveyDesign(people, weight="w"), "score")
    >>> result.table.columns.tolist()
    ['variable', 'estimate', 'se', 'ci_low', 'ci_high', 'df_design', 'n']
    >>> result.covariance.shape, result.level
    ((1, 1), 0.95)
    """

    table: pd.DataFrame
    covariance: np.ndarray
    level: float
    replicates: np.ndarray | None = None
    rule: Rule | None = None

    def __repr__(self) -> str:
        printed = self.table.to_string(index=False, max_rows=PRINTED_ROWS, float_format=_short)
        return f"{printed}\n{self._beside()}"

    def _repr_html_(self) -> str:
        printed = self.table.to_html(index=False, max_rows=PRINTED_ROWS, float_format=_short, border=0)
        return f"{printed}<p>{self._beside()}</p>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Dots with their intervals, from top to bottom; the last of several domain columns gives the colours.

        Parameters
        ----------
        ax : matplotlib Axes or None   where to draw; None: a new figure

        Returns
        -------
        Axes

        Examples
        --------
        >>> from spi_analysis.survey import SurveyDesign, estimate_mean
        >>> people = pd.DataFrame({"w": 10.0, "unit": list("aabb"), "score": [1, 3, 5, 7]})
        >>> axes = estimate_mean(SurveyDesign(people, weight="w"), "score", by="unit").plot()
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['a', 'b']
        """
        return dots(self.table, ax)

    def _beside(self) -> str:
        """What else there is, in a line."""
        kept = "" if self.replicates is None else f", {len(self.replicates)} replicates"
        return f"estimates: {len(self.table)}, level {self.level:g}; covariance {self.covariance.shape}{kept}"

    @property
    def replicates_left_out(self) -> np.ndarray:
        """Replicates (k,) that do not have the estimate, and so are not in its variance (0 without replicates).

        Examples
        --------
        >>> from spi_analysis.survey import ReplicateDesign, estimate_mean
        >>> people = pd.DataFrame({"w": 1.0, "unit": ["a", "b", "b"], "score": [1, 2, 3]})
        >>> drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]])
        >>> design = ReplicateDesign(people, "w", drop_one, "jk1")
        >>> estimate_mean(design, "score", by="unit").replicates_left_out.tolist()
        [1, 0]
        """
        if self.replicates is None:
            return np.zeros(len(self.table), dtype=int)
        return np.isnan(self.replicates).sum(axis=0)


Kind = TypeVar("Kind", bound=Estimate)


def overseen(estimate: Kind, rule: Rule | None, fewest: np.ndarray | None = None) -> Kind:
    """What a design's rule lets through of an estimate: its table, and the covariance of what is left.

    The rule sees ``fewest`` (k,) as a column: the people on the smaller side of a yes or no.
    """
    if rule is None:
        return estimate
    known = estimate.table if fewest is None else estimate.table.assign(fewest=fewest)
    table = rule(known)[estimate.table.columns]
    hidden = (table["estimate"].isna() & estimate.table["estimate"].notna()).to_numpy()
    covariance = np.where(hidden[:, None] | hidden, np.nan, estimate.covariance)
    return replace(estimate, table=table, covariance=covariance, replicates=None, rule=rule)


# Drawn beside each other, of one row's height; matplotlib and seaborn are loaded when a picture is asked for.
SPREAD = 0.5
NOT_LABELS = (*RESULT_COLUMNS, "deff", "t", "p_value", "share")


def dots(table: pd.DataFrame, ax: Axes | None = None, reference: float | None = None, value: str = "estimate") -> Axes:
    """Dots with intervals, one row per label; of several label columns the last gives the colours."""
    import seaborn
    from matplotlib import pyplot

    labels = table.drop(columns=[name for name in NOT_LABELS if name in table])
    if labels.shape[1] > 1 and "variable" in labels and labels["variable"].nunique() == 1:
        labels = labels.drop(columns="variable")
    text = labels.astype(str)
    rows, colours = (text.iloc[:, :-1], text.iloc[:, -1]) if text.shape[1] > 1 else (text, pd.Series("", text.index))
    names = rows.agg(", ".join, axis=1)
    order, groups = list(names.unique()), list(colours.unique())
    if ax is None:
        with seaborn.axes_style("whitegrid"):
            ax = pyplot.subplots(figsize=(7, 1 + 0.3 * max(len(table), 3)), layout="constrained")[1]
    palette = seaborn.color_palette(n_colors=len(groups))
    for number, (group, colour) in enumerate(zip(groups, palette, strict=True)):
        part = table[(colours == group).to_numpy()]
        at = np.array([order.index(name) for name in names[colours == group]], dtype=float)
        at += SPREAD * ((number + 0.5) / len(groups) - 0.5)
        ax.hlines(at, part["ci_low"], part["ci_high"], color=colour, linewidth=2)
        ax.plot(part[value], at, "o", color=colour, label=group)
    if reference is not None:
        ax.axvline(reference, color="0.4", linewidth=1)
    ax.set_yticks(range(len(order)), order)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_xlabel(value)
    if len(groups) > 1:
        # Beside the picture, where it covers no row.
        ax.legend(title=labels.columns[-1], loc="upper left", bbox_to_anchor=(1.01, 1))
    seaborn.despine(ax=ax, left=True)
    return ax


def _short(x: float) -> str:
    return f"{x:,.5g}"


def t_interval(estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """estimate -/+ t * se; the normal where df is infinite, missing where df is 0 or less.

    Without degrees of freedom a standard error of 0 says nothing: one answer cannot differ from itself.

    Parameters
    ----------
    estimate, se : array (k,)   in one unit
    df : array (k,)             degrees of freedom
    level : float               above 0, below 1

    Returns
    -------
    (array (k,), array (k,)): lower and upper limits, in the unit of the estimate.

    Raises
    ------
    EstimationError   the level is not between 0 and 1

    References
    ----------
    Student (1908), Biometrika 6; Korn & Graubard (1999), Analysis of Health Surveys.

    Examples
    --------
    >>> low, high = t_interval(np.array([50.0]), np.array([2.0]), np.array([np.inf]), 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([46.08], [53.92])
    """
    quantile = student.ppf(0.5 + usable_level(level) / 2, np.where(df > 0, df, np.nan))
    # With no variability there is nothing to multiply, however large the quantile.
    half = np.where((se == 0) & (df > 0), 0.0, quantile * se)
    return estimate - half, estimate + half


def logit_interval(
    estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float, top: float = 100.0
) -> tuple[np.ndarray, np.ndarray]:
    """The t interval of logit(estimate / top), carried back: it never leaves 0 to ``top``, and is wider inwards.

    Near an end a mean has a small standard error exactly when it lies too far out, so that an interval of equal arms
    misses mostly on one side.

    Parameters
    ----------
    estimate, se : array (k,)   means of something between 0 and ``top``, and their standard errors, in one unit
    df : array (k,)             degrees of freedom
    level : float               above 0, below 1
    top : float                 the upper end of the scale

    Returns
    -------
    (array (k,), array (k,)): lower and upper limits; a point where nothing varies (se 0); at the ends, where there is
    no logit, the t interval inside the scale; missing where df is 0 or less.

    Raises
    ------
    EstimationError   the level is not between 0 and 1

    References
    ----------
    Korn & Graubard (1999), Analysis of Health Surveys, section 3.5 (logit interval); delta method.

    Examples
    --------
    >>> low, high = logit_interval(np.array([50.0, 95]), np.array([2.0, 2]), np.array([np.inf, np.inf]), 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([46.09, 89.28], [53.91, 97.75])
    """
    low, high = t_interval(estimate, se, df, level)
    inside = (estimate > 0) & (estimate < top)
    share = np.where(inside, estimate, top / 2) / top
    # d logit(p) / dp = 1 / (p (1 - p)).
    below, above = t_interval(np.log(share / (1 - share)), se / top / (share * (1 - share)), df, level)
    carried_back = (top / (1 + np.exp(-limit)) for limit in (below, above))
    ends = [
        np.where(inside & (se > 0), own, np.clip(limit, 0, top))
        for own, limit in zip(carried_back, (low, high), strict=True)
    ]
    return ends[0], ends[1]


def make_table(
    labels: pd.DataFrame,
    estimate: np.ndarray,
    covariance: np.ndarray,
    df: np.ndarray,
    n: np.ndarray,
    level: float,
    certain: np.ndarray | None = None,
) -> pd.DataFrame:
    """Labels and the columns of a result, with Wald-type t intervals.

    Parameters
    ----------
    labels : DataFrame (k, ...)   what each estimate is of
    estimate : array (k,)
    covariance : array (k, k)     only its diagonal is used
    df, n : array (k,)            degrees of freedom; rows that the estimate is made of
    level : float                 of the interval
    certain : array (k,) of bool or None   what is known without error, as in a census, where the interval is a point
        whatever df is

    Returns
    -------
    DataFrame (k, ...): the columns of ``labels``, then ``RESULT_COLUMNS``.

    Raises
    ------
    EstimationError   the level is not between 0 and 1

    Examples
    --------
    >>> labels = pd.DataFrame({"variable": ["score"]})
    >>> table = make_table(labels, np.array([50.0]), np.array([[4.0]]), np.array([np.inf]), np.array([100]), 0.95)
    >>> table.round(2).values.tolist()
    [['score', 50.0, 2.0, 46.08, 53.92, inf, 100]]
    """
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    low, high = t_interval(estimate, se, df, level)
    if certain is not None:
        known = certain & (se == 0)
        low, high = np.where(known, estimate, low), np.where(known, estimate, high)
    values = dict(zip(RESULT_COLUMNS, (estimate, se, low, high, df, n), strict=True))
    return pd.DataFrame({name: labels[name].array for name in labels} | values)


def is_certain(table: pd.DataFrame) -> np.ndarray:
    """Rows (k,) of a result that have no error at all: their interval is a point."""
    return ((table["se"] == 0) & (table["ci_low"] == table["ci_high"])).to_numpy()


# Intervals for proportions that hold near 0 and 1.

INTERVALS = ("wald", "logit", "wilson", "beta", "asin")


def proportion_interval(
    table: pd.DataFrame, method: str, level: float, cap_effective_n: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Limits for the proportions of a result table.

    Parameters
    ----------
    table : DataFrame (k, ...)   columns estimate, se (shares, 0 to 1), df_design, n
    method : str                 wald (t), logit, wilson, beta (Korn & Graubard), asin
    level : float                above 0, below 1
    cap_effective_n : bool
        the effective number of answers p(1-p)/se**2 is never more than ``n``: a few rare answers in cells of small
        weight make a standard error that is too small just where the estimate is too low. R's svyciprop has no cap.

    Returns
    -------
    (array (k,), array (k,)): lower and upper limits; missing without degrees of freedom.

    Raises
    ------
    EstimationError   a column is missing; unknown method; with "wald", a level that is not between 0 and 1

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24; Brown, Cai & DasGupta (2001), Statistical Science 16;
    Parker et al. (2017), National Center for Health Statistics, Vital and Health Statistics 2(175) (the cap).

    Examples
    --------
    Half of 100 answers drawn one by one (a standard error of 0.05): Wilson's interval.

    >>> table = pd.DataFrame({"estimate": [0.5], "se": [0.05], "df_design": [np.inf], "n": [100]})
    >>> low, high = proportion_interval(table, "wilson", 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.404], [0.596])
    """
    require_columns(table, ["estimate", "se", "df_design", "n"], EstimationError)
    p, se = table["estimate"].to_numpy(dtype=float), table["se"].to_numpy(dtype=float)
    df, n = table["df_design"].to_numpy(dtype=float), table["n"].to_numpy(dtype=float)
    # Nobody in the domain: nothing to say.
    n = np.where(n > 0, n, np.nan)
    if cap_effective_n:
        se = capped_se(p, se, n)
    if method == "wald":
        return t_interval(p, se, df, level)
    if method not in INTERVALS:
        raise EstimationError(
            "unknown interval", got=method, expected=", ".join(INTERVALS), hint=nearest(method, INTERVALS)
        )
    quantile = student.ppf(0.5 + level / 2, np.where(df > 0, df, np.nan))
    inside = (p > 0) & (p < 1) & (se > 0)
    # At 0 or 1 the design says nothing about precision: the sample size stands in.
    effective = np.where(inside, p * (1 - p) / np.where(inside, se, 1) ** 2, n)
    if method == "logit":
        return _logit(p, se, quantile, inside, effective)
    if method == "wilson":
        return _wilson(p, effective, quantile)
    if method == "asin":
        return _arcsine(p, se, quantile, inside, effective)
    return _beta(p, effective, df, n, level, inside, cap_effective_n)


def capped_se(p: np.ndarray, se: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Standard errors of proportions, none below that of ``n`` answers drawn one by one; unknown ones stay so.

    Parameters
    ----------
    p, se : array (k,)   shares, 0 to 1, and their standard errors
    n : array (k,)       answers

    Returns
    -------
    array (k,)

    References
    ----------
    Parker et al. (2017), National Center for Health Statistics, Vital and Health Statistics 2(175).

    Examples
    --------
    >>> capped_se(np.array([0.5, 0.5]), np.array([0.01, 0.2]), np.array([25, 25])).tolist()
    [0.1, 0.2]
    """
    least = np.sqrt(p * (1 - p) / n)
    return np.where(se < least, least, se)


def _logit(
    p: np.ndarray, se: np.ndarray, quantile: np.ndarray, inside: np.ndarray, effective: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # logit p -/+ t se / (p (1 - p)), carried back (Korn & Graubard 1998).
    safe = np.where(inside, p, 0.5)
    centre, half = np.log(safe / (1 - safe)), quantile * se / (safe * (1 - safe))
    low, high = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
    # The logit of 0 or 1 does not exist; Wilson's interval does.
    outer_low, outer_high = _wilson(p, effective, quantile)
    return np.where(inside, low, outer_low), np.where(inside, high, outer_high)


def _arcsine(
    p: np.ndarray, se: np.ndarray, quantile: np.ndarray, inside: np.ndarray, effective: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # arcsin sqrt(p) -/+ t se / (2 sqrt(p (1 - p))): the angle has a variance that hardly depends on p.
    safe = np.where(inside, p, 0.5)
    centre, half = np.arcsin(np.sqrt(safe)), quantile * se / (2 * np.sqrt(safe * (1 - safe)))
    low, high = (np.sin(np.clip(angle, 0, np.pi / 2)) ** 2 for angle in (centre - half, centre + half))
    outer_low, outer_high = _wilson(p, effective, quantile)
    return np.where(inside, low, outer_low), np.where(inside, high, outer_high)


def _wilson(p: np.ndarray, effective: np.ndarray, quantile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Wilson's score interval with the effective number of answers (Brown, Cai & DasGupta 2001).
    z2 = quantile**2 / effective
    centre = (p + z2 / 2) / (1 + z2)
    half = quantile / (1 + z2) * np.sqrt(p * (1 - p) / effective + z2 / (4 * effective))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def _beta(
    p: np.ndarray,
    effective: np.ndarray,
    df: np.ndarray,
    n: np.ndarray,
    level: float,
    inside: np.ndarray,
    capped: bool,
) -> tuple[np.ndarray, np.ndarray]:
    tail = (1 - level) / 2
    # No degrees of freedom, no interval.
    n = np.where(df > 0, n, np.nan)
    # Clopper and Pearson's limits for the effective number of answers times (t_{n-1} / t_df)**2 (Korn & Graubard 1998).
    shrink = (student.ppf(tail, np.maximum(n - 1, 1)) / student.ppf(tail, np.maximum(df, 1))) ** 2
    size = np.where(inside, effective * shrink, n)
    if capped:
        # In a small domain of a large design the factor is above 1.
        size = np.minimum(size, n)
    low = beta_distribution.ppf(tail, size * p, size * (1 - p) + 1)
    high = beta_distribution.ppf(1 - tail, size * p + 1, size * (1 - p))
    return np.where((p <= 0) & (df > 0), 0.0, low), np.where((p >= 1) & (df > 0), 1.0, high)
