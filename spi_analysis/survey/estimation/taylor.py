"""Variance of a weighted total under stratified multistage sampling (Taylor linearisation does the rest)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError, Problem
from spi_analysis.survey.groups import group_counts, group_sums

LonelyPsu = Literal["fail", "certainty", "adjust", "average"]


@dataclass(frozen=True)
class Stage:
    """One stage of selection, over all rows.

    ``unit`` and ``stratum`` (n,) are codes that are unique over everything above them;
    ``pop_size`` (n,) is the number of units in the population of the row's stratum, or
    None for sampling with replacement (or a negligible fraction).
    """

    unit: np.ndarray
    stratum: np.ndarray
    stratum_names: list[str]
    pop_size: np.ndarray | None

    @cached_property
    def unit_stratum(self) -> np.ndarray:
        """Stratum of every unit."""
        codes = np.zeros(int(self.unit.max()) + 1, dtype=np.intp)
        codes[self.unit] = self.stratum
        return codes

    @cached_property
    def n(self) -> np.ndarray:
        """Units in the sample, per stratum."""
        return group_counts(self.unit_stratum, len(self.stratum_names)).astype(float)

    @cached_property
    def fraction(self) -> np.ndarray:
        """Sampling fraction per stratum."""
        fraction = np.zeros(len(self.n))
        if self.pop_size is not None:
            fraction[self.stratum] = self.n[self.stratum] / self.pop_size
        return fraction

    @cached_property
    def factor(self) -> np.ndarray:
        """What a stratum's sum of squared deviations counts: (1 - f) n/(n - 1)."""
        spread = np.where(self.n > 1, self.n / np.maximum(self.n - 1, 1), 1.0)
        return np.maximum(1 - self.fraction, 0.0) * spread

    @cached_property
    def lonely(self) -> np.ndarray:
        """Strata with a single unit that stands for more than itself."""
        return (self.n == 1) & (self.fraction < 1 - 1e-12)


def stages_covariance(
    influence: np.ndarray, stages: list[Stage], lonely_psu: LonelyPsu, present: np.ndarray | None = None
) -> np.ndarray:
    """Covariance (k, k) of column totals of ``influence`` (n, k), which holds weighted influence values.

    Stage s adds ``prod_{t<s} f_t * sum_h (1 - f_h) n_h/(n_h-1) * sum_i (z_hi - zbar_h)(z_hi - zbar_h)'``;
    without population sizes only the first stage counts (with-replacement approximation).
    ``present`` (n, k) or (n, 1): the rows in each estimate's domain, whose strata "average" counts; None: all.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), ch. 4; Lumley (2010), Complex Surveys, ch. 3.
    """
    # Stage by stage, what lies above it having been selected with the fractions f_t: the estimator of multistage
    # sampling without replacement (Sarndal, Swensson & Wretman 1992, ch. 4).
    total = np.zeros((influence.shape[1],) * 2)
    earlier = np.ones(len(influence))
    for stage in stages:
        share = _share_of_lonely(stage, present) if lonely_psu == "average" else np.ones(1)
        total += _stage_covariance(influence, stage, earlier, lonely_psu) * np.sqrt(np.outer(share, share))
        if stage.pop_size is None:
            break
        earlier = earlier * stage.fraction[stage.stratum]
    return total


def _stage_covariance(influence: np.ndarray, stage: Stage, earlier: np.ndarray, lonely_psu: LonelyPsu) -> np.ndarray:
    n_units, n_strata = len(stage.unit_stratum), len(stage.n)
    # z_hi: totals of the units; zbar_h: their means by stratum.
    totals = _sums(influence, stage.unit, n_units)
    lonely = stage.lonely
    if lonely.any() and lonely_psu == "fail":
        raise _lonely_error(stage, lonely)
    centre = _sums(totals, stage.unit_stratum, n_strata) / np.maximum(stage.n, 1)[:, None]
    if lonely_psu == "adjust":
        # A lone unit is compared with 0, the mean of influence values over the population.
        centre[lonely] = 0.0
    deviation = totals - centre[stage.unit_stratum]
    before = np.zeros(n_strata)
    before[stage.stratum] = earlier
    # sum_h prod f_t (1 - f_h) n_h/(n_h - 1) sum_i (z_hi - zbar_h)(z_hi - zbar_h)'.
    scaled = deviation * np.sqrt(before * stage.factor)[stage.unit_stratum][:, None]
    return scaled.T @ scaled


def _share_of_lonely(stage: Stage, present: np.ndarray | None) -> np.ndarray:
    """By what a lone unit's stratum, given the mean variance of the others, raises each estimate's variance: (k,).

    Only strata with a row in the estimate's domain count, as in R survey; missing where all of them are lonely.
    """
    if not stage.lonely.any():
        return np.ones(1)
    if stage.lonely.all():
        raise _lonely_error(stage, stage.lonely)
    rows = np.ones((len(stage.stratum), 1), dtype=bool) if present is None else present
    met = group_sums(stage.stratum, rows, len(stage.n)).T > 0
    strata, counted = met.sum(axis=1), (met & ~stage.lonely).sum(axis=1)
    share = np.divide(strata, counted, out=np.full(len(met), np.nan), where=counted > 0)
    return np.where(strata > 0, share, 1.0)


def _sums(values: np.ndarray, codes: np.ndarray, n_groups: int) -> np.ndarray:
    if len(codes) == n_groups and np.array_equal(codes, np.arange(n_groups)):
        return values
    return group_sums(codes, values, n_groups)


def _lonely_error(stage: Stage, lonely: np.ndarray) -> EstimationError:
    return EstimationError(
        *(
            Problem(
                "a stratum has a single primary unit, so its variance cannot be estimated",
                key=stage.stratum_names[h],
                got="1 unit",
                expected="2 or more",
                hint='merge strata, or choose lonely_psu="certainty", "adjust" or "average"',
            )
            for h in np.flatnonzero(lonely)
        )
    )


# Degrees of freedom of a stratified variance whose strata are of unequal weight.


def satterthwaite_df(weights: np.ndarray, strata: np.ndarray | pd.Series) -> float:
    """Degrees of freedom of ``sum_h V_h`` where a few strata may carry most of it.

    With the same spread S**2 inside every stratum, ``V_h = (1 - n_h/W_h) sum_h(w**2) S**2`` has n_h - 1 degrees
    of freedom, and their sum ``(sum_h V_h)**2 / sum_h(V_h**2 / (n_h - 1))``: units minus strata where all strata
    are alike, fewer where they are not. Taking S**2 as equal spares the noise of estimating it in strata of five.

    Parameters
    ----------
    weights : ndarray (n,)   persons that each respondent stands for; those of 0 do not count
    strata : array (n,)      stratum or nonresponse class of each; W_h is its sum of weights

    Returns
    -------
    float : between the smallest n_h - 1 above 0 and sum_h(n_h - 1); 0 where no stratum has two respondents.

    Raises
    ------
    EstimationError   weights and strata of different length, a stratum that is missing.

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2; Cochran (1977), Sampling Techniques, section 5.4.

    Examples
    --------
    Two strata of three with equal weights: ``(V + V)**2 / (V**2/2 + V**2/2) = 4``, as 6 units minus 2 strata.

    >>> satterthwaite_df(np.full(6, 10.0), ["a", "a", "a", "b", "b", "b"])
    4.0
    """
    codes, names = pd.factorize(np.asarray(strata, dtype=object))
    if codes.shape != np.shape(weights) or (codes < 0).any():
        raise EstimationError(
            "weights and strata do not fit",
            got=f"{np.size(weights)} weights, {len(codes)} strata, {int((codes < 0).sum())} of them missing",
            expected="a stratum for every weight",
        )
    w = np.asarray(weights, dtype=float)
    n = group_sums(codes, w > 0, len(names))
    people = group_sums(codes, w, len(names))
    several = n > 1
    fraction = np.divide(n, people, out=np.ones_like(people), where=people > 0)
    parts = np.where(several, np.clip(1 - fraction, 0, None) * group_sums(codes, w**2, len(names)), 0.0)
    if not parts.any():
        # A census that everybody answered has no error; nor degrees of freedom that would matter.
        return float((n[several] - 1).sum())
    return float(parts.sum() ** 2 / (parts[several] ** 2 / (n[several] - 1)).sum())
