"""Recipe steps that trim extreme weights and redistribute the excess to the others in proportion.

In a bootstrap replicate a person drawn t times is there t times: limits hold for one of these copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.weighting.inputs import RESPONDENT, limits_of
from spi_analysis.survey.weighting.recipe import Notes, Prepared, register_step
from spi_analysis.survey.weighting.trimming import (
    ROUNDING,
    cap_with_redistribution,
    clip_weights,
    iqr_cap,
    is_feasible,
    potter_cutoff,
)
from spi_analysis.threads import np, pd

CENTRES = ("median", "mean")

# From weights and multiplicity (n, K) to the limits (low, high), each (K,).
LimitsOf = Callable[["np.ndarray", "np.ndarray"], "tuple[np.ndarray, np.ndarray]"]


@register_step
@dataclass(frozen=True)
class Trim:
    """Cap weights at median + k * IQR and spread the excess (see ``cap_with_redistribution``).

    Parameters
    ----------
    k : float      interquartile ranges above the median, of the positive weights; every replicate has its own cap
    column : str   weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) ``k`` is no finite number.

    References
    ----------
    Potter (1990), as in ``potter_cutoff``; Valliant, Dever & Kreuter (2018), section 14.4.

    Examples
    --------
    Median 1, quartiles 1 and 2: the cap is 3. The excess of 2 goes to the others in proportion.

    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"base_weight": [1.0, 1.0, 1.0, 2.0, 5.0], "disposition": "I"})
    >>> apply_recipe(sample, [Trim(k=2)]).weight.round(6).tolist()
    [1.4, 1.4, 1.4, 2.8, 3.0]
    """

    name = "trim"
    k: Annotated[float, Gt(0)]
    column: str = "trimmed_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        limits_of(self.k, None)

        def cap(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            rows = _with_weight(weights)
            return iqr_cap(_single(weights[rows], multiplicity[rows]), self.k)

        def apply(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            rows, trimmed = _with_weight(weights), np.zeros_like(weights)
            caps = cap(weights, multiplicity)
            trimmed[rows] = cap_with_redistribution(weights[rows], caps, multiplicity[rows])
            return trimmed

        def review(before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray) -> Notes:
            caps = cap(before, multiplicity)
            no_limit = np.zeros_like(caps)
            return _notes(before, after, multiplicity, no_limit, caps, f"median + {self.k:g} IQR")

        return Prepared(apply, review=review)


@register_step
@dataclass(frozen=True)
class TrimFixed:
    """Keep weights between limits in persons (see ``clip_weights``).

    Parameters
    ----------
    lower, upper : float or None   persons; None: no limit
    column : str                   weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) a limit is no finite number, or the limits cannot hold the sum of the weights. A
        replicate whose sum they cannot hold stays as it is, with a warning in the report.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, section 14.4.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"base_weight": [1.0, 2.0, 6.0], "disposition": "I"})
    >>> apply_recipe(sample, [TrimFixed(upper=4.5)]).weight.round(6).tolist()
    [1.5, 3.0, 4.5]
    """

    name = "trim_fixed"
    lower: float | None = None
    upper: float | None = None
    column: str = "trimmed_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        def limits(weights: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return _limits(self.lower, self.upper, np.ones(weights.shape[1]))

        return _held(limits, "fixed")


@register_step
@dataclass(frozen=True)
class TrimRatio:
    """Keep weights between multiples of the median (or mean) weight, in every replicate its own.

    Parameters
    ----------
    lower, upper : float or None   multiples, without unit; None: no limit
    of : "median" | "mean"         of the positive weights
    column : str                   weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as ``TrimFixed``; ``of`` is neither median nor mean.

    References
    ----------
    Valliant, Dever & Kreuter (2018), section 14.4.

    Examples
    --------
    The mean weight is 3, the limit 4.5:

    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"base_weight": [1.0, 2.0, 6.0], "disposition": "I"})
    >>> apply_recipe(sample, [TrimRatio(upper=1.5, of="mean")]).weight.round(6).tolist()
    [1.5, 3.0, 4.5]
    """

    name = "trim_ratio"
    lower: float | None = None
    upper: float | None = None
    of: Literal["median", "mean"] = "median"
    column: str = "trimmed_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        if self.of not in CENTRES:
            hint = nearest(self.of, CENTRES)
            raise WeightingError("unknown centre", got=self.of, expected=", ".join(CENTRES), hint=hint)

        def limits(weights: np.ndarray, multiplicity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            single = _single(weights, multiplicity)
            positive = np.where(single > 0, single, np.nan)
            centre = np.nanmedian(positive, axis=0) if self.of == "median" else np.nanmean(positive, axis=0)
            return _limits(self.lower, self.upper, centre)

        return _held(limits, f"multiples of the {self.of}")


@register_step
@dataclass(frozen=True)
class Potter:
    """Cap weights where the estimated mean square error is least (see ``potter_cutoff``).

    Every replicate has its own cap.

    Parameters
    ----------
    outcomes : tuple of str   numeric columns, known for respondents (missing: left out of that outcome's mean)
    levels : int              number of caps tried
    column : str              weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) no outcome, or one that is missing, not a number, or the same for all respondents.

    References
    ----------
    Potter (1990), Proceedings of the ASA Survey Research Methods Section, 225-230.

    Examples
    --------
    The mean of y is 1/2 whatever is cut, so that the least cap tried is best: 4.8 + (20 - 4.8) / 50.

    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"base_weight": [1.0] * 8 + [20.0] * 2, "disposition": "I", "y": [0, 1] * 5})
    >>> apply_recipe(sample, [Potter(("y",))]).weight.round(3).tolist()[7:]
    [4.724, 5.104, 5.104]
    """

    name = "potter"
    outcomes: tuple[str, ...]
    levels: Annotated[int, Ge(1)] = 50
    column: str = "trimmed_weight"

    @property
    def needs(self) -> tuple[str, ...]:
        return self.outcomes

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        names = list(self.outcomes)
        require_columns(sample, names)
        _require_numbers(sample, names, classes == RESPONDENT)
        outcomes = sample[names].to_numpy(dtype=float)

        def caps(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            columns = zip(weights.T, multiplicity.T, strict=True)
            return np.array([potter_cutoff(w, times, outcomes, self.levels).cap for w, times in columns])

        def apply(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            return cap_with_redistribution(weights, caps(weights, multiplicity), multiplicity)

        def review(before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray) -> Notes:
            found = potter_cutoff(before[:, 0], multiplicity[:, 0], outcomes, self.levels)
            first, one = slice(0, 1), np.array([found.cap])
            rule = f"estimated MSE {found.relative_mse:.3g} of that without trimming, {', '.join(names)}"
            return _notes(before[:, first], after[:, first], multiplicity[:, first], np.zeros(1), one, rule)

        return Prepared(apply, review=review)


def _with_weight(weights: np.ndarray) -> np.ndarray:
    """Rows (n,) with weight in any column (all, if none has): limits are computed from these few."""
    rows: np.ndarray = (weights != 0).any(axis=1)
    return rows if rows.any() else np.ones(len(rows), dtype=bool)


def _single(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """Weight of one copy of each person: (n, K)."""
    return np.divide(weights, multiplicity, out=np.zeros_like(weights), where=multiplicity > 0)


def _limits(lower: float | None, upper: float | None, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = limits_of(lower, upper)
    return max(low, 0.0) * unit, high * unit


def _held(limits: LimitsOf, rule: str) -> Prepared:
    """A step that holds weights between limits that it computes from the weights."""

    def apply(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
        low, high = limits(weights, multiplicity)
        if not is_feasible(weights[:, 0], np.where(weights[:, 0] > 0, multiplicity[:, 0], 0.0), low[0], high[0]):
            raise WeightingError(
                "the limits cannot hold the sum of the weights",
                got=f"{int((weights[:, 0] > 0).sum())} weights between {low[0]:g} and {high[0]:g}",
                expected=f"a sum of {weights[:, 0].sum():g}",
            )
        return clip_weights(weights, low, high, multiplicity)

    def review(before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray) -> Notes:
        return _notes(before, after, multiplicity, *limits(before, multiplicity), rule)

    return Prepared(apply, review=review)


def _notes(
    before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray, low: np.ndarray, high: np.ndarray, rule: str
) -> Notes:
    """What was cut in the sample, and where limits could not hold the sum."""
    single = _single(before, multiplicity)[:, 0]
    counts = single > 0
    # Equal weights may differ in their last digits after a division: such differences are not trimmed.
    above, below = counts & (single > high[0] * (1 + ROUNDING)), counts & (single < low[0] * (1 - ROUNDING))
    cut, lifted = int(above.sum()), int(below.sum())
    changed = np.where(above, before[:, 0] - after[:, 0], 0.0).sum()
    done = [f"{cut} weights cut to {high[0]:.4g} ({rule}), {changed:.4g} of {before[:, 0].sum():.6g} moved"]
    done = done if cut else [f"no weight is above {high[0]:.4g} ({rule})"]
    done += [f"{lifted} weights lifted to {low[0]:.4g} ({rule})"] if lifted else []
    warnings = _too_tight(before, multiplicity, low, high)
    in_sample = any("the sample" in warning for warning in warnings)
    return Notes(() if in_sample else tuple(done), tuple(warnings))


def _too_tight(before: np.ndarray, multiplicity: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[str]:
    """A warning where the limits cannot hold the sum of a column."""
    counts = np.where(before > 0, multiplicity, 0.0)
    tight = [k for k in range(before.shape[1]) if not is_feasible(before[:, k], counts[:, k], low[k], high[k])]
    replicates = len([k for k in tight if k])
    where = (["the sample"] if 0 in tight else []) + ([f"{replicates} replicates"] if replicates else [])
    return [f"the limits cannot hold the sum in {' and '.join(where)}: nothing was cut there"] if tight else []


def _require_numbers(sample: pd.DataFrame, names: list[str], answered: np.ndarray) -> None:
    for name in names:
        if not pd.api.types.is_numeric_dtype(sample[name]):
            raise WeightingError("an outcome is not a number", column=name, got=str(sample[name].dtype))
        if sample[name][answered].nunique() < 2:
            raise WeightingError(
                "an outcome does not vary",
                column=name,
                expected="two different values among respondents",
                hint="leave it out: its mean is the same whatever is cut",
            )
    if not names:
        raise WeightingError("no outcome is given", expected="one or more numeric columns")
