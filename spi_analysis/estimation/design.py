"""A survey design, declared once and immutable: who stands for how many, and how they were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.estimation.declared import DeclaredDesign
from spi_analysis.estimation.inputs import floats_of, require_columns, usable_weights
from spi_analysis.estimation.taylor import LonelyPsu, Stage, stages_covariance
from spi_analysis.weighting.auxiliary import Auxiliary
from spi_analysis.weighting.calibration import calibration_factors

LONELY_RULES = ("fail", "certainty", "adjust", "average")


@dataclass(frozen=True)
class Calibration:
    """A calibration that the weights went through: the variance uses residuals from its auxiliaries.

    ``before`` and ``after`` (n,) are the weights that went in and came out.
    """

    auxiliary: Auxiliary
    before: np.ndarray
    after: np.ndarray

    def residuals(self, weighted: np.ndarray) -> np.ndarray:
        """Weighted values (n, k) minus what their regression on the auxiliaries explains, weighted by ``before``."""
        after = self.after[:, None]
        values = np.divide(weighted, after, out=np.zeros_like(weighted), where=after != 0)
        gram = self.auxiliary.gram(self.before)
        products = self.auxiliary.products(values * self.before[:, None])
        explained = self.auxiliary.predict(np.linalg.pinv(gram, rcond=1e-12, hermitian=True) @ products)
        return (values - explained) * after


@dataclass(frozen=True, init=False)
class SurveyDesign(DeclaredDesign):
    """Stratified, possibly multistage sampling, with Taylor linearisation.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per observed unit
    weight : str              column: inverse inclusion probability, in population units
    stratum : str or list of str or None   strata, one column per stage
    psu : str or list of str or None   primary (and further) units, one column per stage; None: the rows
    pop_size : str or list of str or None   units in the population of the stratum, one column per
        stage (values of at most 1 are read as sampling fractions); None: with replacement
    nest : bool               unit codes repeat between strata
    lonely_psu : str          what to do with a stratum of one unit: fail; certainty (adds nothing);
        adjust (compare with 0, as R survey); average (mean variance of the other strata)

    References
    ----------
    Lumley (2010), Complex Surveys; Binder (1983), International Statistical Review 51.
    """

    stages: tuple[Stage, ...]
    lonely_psu: LonelyPsu
    calibrations: tuple[Calibration, ...]

    def __init__(
        self,
        df: pd.DataFrame,
        weight: str,
        stratum: str | list[str] | None = None,
        psu: str | list[str] | None = None,
        pop_size: str | list[str] | None = None,
        nest: bool = False,
        lonely_psu: LonelyPsu = "fail",
    ) -> None:
        if lonely_psu not in LONELY_RULES:
            hint = nearest(lonely_psu, LONELY_RULES)
            raise EstimationError(
                "unknown lonely_psu rule", got=lonely_psu, expected=", ".join(LONELY_RULES), hint=hint
            )
        strata, units, sizes = _as_list(stratum), _as_list(psu), _as_list(pop_size)
        require_columns(df, [weight, *strata, *units, *sizes])
        self._declare(
            data=df,
            weights=usable_weights(df, weight),
            stages=tuple(_stages(df, strata, units, sizes, nest)),
            lonely_psu=lonely_psu,
            in_domain=np.ones(len(df), dtype=bool),
            calibrations=(),
        )

    def _calibrated_to(
        self, auxiliary: Auxiliary, targets: np.ndarray, method: str, bounds: tuple[float, float] | None
    ) -> Self:
        after = self.weights * calibration_factors(self.weights, auxiliary, targets, method, bounds)
        step = Calibration(auxiliary, self.weights, after)
        return self._with(weights=after, calibrations=(*self.calibrations, step))

    def with_weights(self, weights: pd.Series | np.ndarray) -> Self:
        """The design with other weights, such as trimmed ones; calibrations before that still count."""
        values = np.asarray(weights, dtype=float)
        if values.shape != self.weights.shape or not np.isfinite(values).all() or (values < 0).any():
            raise EstimationError(
                "the weights do not fit the design",
                got=f"{values.shape}, smallest {np.nanmin(values, initial=np.inf):g}",
                expected=f"{self.weights.shape}, finite and not negative",
            )
        return self._with(weights=values)

    def covariance(self, influence: np.ndarray, present: np.ndarray | None = None) -> np.ndarray:
        """Covariance (k, k) of estimates with influence values (n, k), unweighted, 0 outside their domain.

        ``present`` (n, k): the rows in each estimate's domain; None: the design's domain for all.
        """
        weighted = influence * self.weights[:, None]
        for calibration in self.calibrations:
            weighted = calibration.residuals(weighted)
        if self.calibrations:
            # Residuals lie in all strata, whatever the domain.
            present = None
        elif present is None:
            present = self.in_domain[:, None]
        return stages_covariance(weighted, list(self.stages), self.lonely_psu, present)

    @property
    def census_rows(self) -> np.ndarray:
        """Rows (n,) of strata that were taken whole, at every stage: they have no sampling error."""
        whole = np.ones(len(self), dtype=bool)
        for stage in self.stages:
            whole &= (stage.fraction >= 1 - 1e-12)[stage.stratum]
        return whole

    @property
    def rows_are_units(self) -> bool:
        """Whether every row is a primary unit of one stage and nothing else bears on the variance."""
        stage = self.stages[0]
        alone = stage.lonely.any() and self.lonely_psu != "certainty"
        return len(self.stages) == 1 and not self.calibrations and not alone and len(stage.unit_stratum) == len(self)

    def df(self, rows: np.ndarray | None = None) -> float:
        """Degrees of freedom: primary units minus strata, among the given rows with weight (default: the domain)."""
        inside = self.in_domain if rows is None else rows & self.in_domain
        return float(self.df_by(inside.astype(np.intp) - 1, 1)[0])

    def df_by(self, codes: np.ndarray, n_groups: int) -> np.ndarray:
        """Degrees of freedom in each of the groups that ``codes`` (n,) name; -1 is no group."""
        codes = np.where(self.weights != 0, codes, -1)
        stage = self.stages[0]
        return (_distinct_by(codes, stage.unit, n_groups) - _distinct_by(codes, stage.stratum, n_groups)).astype(float)


def _distinct_by(codes: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    """How many distinct values stand in each group."""
    width = int(values.max()) + 1
    seen = np.zeros((n_groups + 1) * width, dtype=bool)
    seen[(codes + 1) * width + values] = True
    return seen.reshape(n_groups + 1, width).sum(axis=1)[1:]


def _stages(df: pd.DataFrame, strata: list[str], units: list[str], sizes: list[str], nest: bool) -> list[Stage]:
    """Codes of units and strata at every stage, each unique over what lies above."""
    n_stages = max(1, len(units))
    _refuse_more_than_stages(n_stages, strata, sizes)
    above = np.zeros(len(df), dtype=np.intp)
    stages = []
    for s in range(n_stages):
        names, stratum = _strata_of(df, strata[s] if s < len(strata) else None, above)
        own = _unit_codes(df, units[s]) if units else np.arange(len(df))
        # Codes of the first stage may repeat between strata only when nested.
        scope = stratum if (nest or s > 0) else np.zeros_like(stratum)
        unit = _combined(scope, own)
        _refuse_split_units(df, unit, stratum, units, s)
        pop_size = _pop_sizes(df, sizes[s], unit, stratum) if s < len(sizes) else None
        stages.append(Stage(unit, stratum, names, pop_size))
        above = unit
    return stages


def _refuse_more_than_stages(n_stages: int, strata: list[str], sizes: list[str]) -> None:
    for what, columns in (("strata", strata), ("population sizes", sizes)):
        if len(columns) > n_stages:
            raise EstimationError(
                f"more {what} than stages", got=", ".join(columns), expected=f"at most {n_stages}, one per stage"
            )


def _unit_codes(df: pd.DataFrame, column: str) -> np.ndarray:
    codes = pd.factorize(df[column])[0]
    if (codes < 0).any():
        raise EstimationError("a sampling unit is missing", column=column, row=int((codes < 0).argmax()) + 1)
    return codes


def _strata_of(df: pd.DataFrame, column: str | None, above: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Stratum of every row inside the unit above it, with names for messages."""
    own, levels = pd.factorize(df[column], sort=True) if column else (np.zeros(len(df), dtype=np.intp), ["all"])
    if (own < 0).any():
        raise EstimationError("a stratum is missing", column=column or "", row=int((own < 0).argmax()) + 1)
    code = _combined(above, own)
    first = np.unique(code, return_index=True)[1]
    return [str(levels[own[i]]) for i in first], code


def _combined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b, return_inverse=True)[1]


def _refuse_split_units(df: pd.DataFrame, unit: np.ndarray, stratum: np.ndarray, units: list[str], s: int) -> None:
    first = np.full(int(unit.max()) + 1, -1)
    first[unit[::-1]] = stratum[::-1]
    split = first[unit] != stratum
    if split.any():
        raise EstimationError(
            "a unit lies in two strata",
            column=units[s] if units else "",
            got=str(df[units[s]].iloc[int(split.argmax())]) if units else "",
            expected="every unit in one stratum",
            hint="if unit codes repeat between strata, declare nest=True",
        )


def _pop_sizes(df: pd.DataFrame, column: str, unit: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    given = floats_of(df, column, "the population size is not a number")
    n_strata = int(stratum.max()) + 1
    first = np.unique(unit, return_index=True)[1]
    n = np.bincount(stratum[first], minlength=n_strata)[stratum]
    size = n / given if np.all((given > 0) & (given <= 1)) else given
    bad = ~(size >= n - 1e-9)
    if bad.any():
        raise EstimationError(
            "a population size is smaller than the sample",
            column=column,
            row=int(bad.argmax()) + 1,
            got=f"{given[bad][0]:g}",
            expected=f"at least {n[bad][0]:g}",
        )
    low, high = np.full(n_strata, np.inf), np.zeros(n_strata)
    np.minimum.at(low, stratum, size)
    np.maximum.at(high, stratum, size)
    if (high - low > 1e-6 * high).any():
        raise EstimationError(
            "the population size differs inside a stratum", column=column, expected="one value per stratum"
        )
    return size


def _as_list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
