"""A survey design, declared once and immutable: who stands for how many, and how they were chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.design_inputs import aligned, fitting_weights, mask_of, stages_of, usable_weights
from spi_analysis.survey.estimation.result import Rule
from spi_analysis.survey.estimation.taylor import LonelyPsu, Stage, stages_covariance
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.weighting import Auxiliary, Totals, auxiliary_of, calibration_factors, post_stratum_cells

# From a table of estimates to what may be seen of it.

# What all designs can do: be restricted to a domain, calibrated, and given further columns.


@dataclass(frozen=True, init=False, repr=False)
class DeclaredDesign(ABC):
    """A table with weights (n,), declared once and immutable; ``in_domain`` (n,) says which rows are looked at."""

    data: pd.DataFrame
    weights: np.ndarray
    in_domain: np.ndarray
    rule: Rule | None

    def __len__(self) -> int:
        return len(self.weights)

    def __repr__(self) -> str:
        looked_at = int(self.in_domain.sum())
        domain = "" if looked_at == len(self) else f", a domain of {looked_at:,} of them"
        rows = f"{len(self):,} rows{domain}; weights sum to {self.weights.sum():,.1f}"
        return "\n  ".join([f"{type(self).__name__}: {rows}", *self._how()])

    @abstractmethod
    def _how(self) -> list[str]:
        """How the sample was drawn or its variance is made, in lines."""

    def subset(self, mask: pd.Series | np.ndarray) -> Self:
        """A domain: the full design is kept, only the rows outside count as 0 (Lumley 2010, Complex Surveys, ch. 2).

        Parameters
        ----------
        mask : Series or array (n,) of true and false   a Series is matched by its index

        Returns
        -------
        The same kind of design, all n rows kept; a second ``subset`` narrows the first.

        Raises
        ------
        EstimationError   the mask has another length or other labels, a value is missing or neither true nor false

        Examples
        --------
        >>> people = pd.DataFrame({"unit": ["a", "a", "b"], "w": 10.0})
        >>> domain = SurveyDesign(people, weight="w").subset(people["unit"] == "a")
        >>> len(domain), domain.in_domain.tolist()
        (3, [True, True, False])
        """
        return self._with(in_domain=self.in_domain & mask_of(mask, self.data.index))

    def calibrated(
        self,
        totals: Totals,
        method: str = "linear",
        bounds: tuple[float, float] | None = None,
        scale_margins: bool = False,
    ) -> Self:
        """The design with calibrated weights (see ``weighting.calibrate``), whose variance knows of it.

        A SurveyDesign then uses residuals (Deville & Sarndal 1992), a ReplicateDesign calibrates every replicate.

        Parameters
        ----------
        totals, method, bounds, scale_margins : as ``weighting.calibrate``

        Returns
        -------
        The same kind of design; its ``weights`` (n,) meet the totals.

        Raises
        ------
        EstimationError   the design is restricted to a domain
        WeightingError    as ``weighting.calibrate``

        Examples
        --------
        >>> people = pd.DataFrame({"sex": ["f", "f", "m", "m"], "w": 2.0})
        >>> design = SurveyDesign(people, weight="w").calibrated({"sex": {"f": 6, "m": 2}})
        >>> design.weights.round(6).tolist()
        [3.0, 3.0, 1.0, 1.0]
        """
        self._refuse_domain()
        return self._calibrated_to(*auxiliary_of(self.data, totals, scale_margins), method, bounds)

    def post_stratified(self, by: str | list[str], totals: Mapping[object, float] | pd.Series) -> Self:
        """The design with post-stratified weights (see ``weighting.post_stratify``).

        Parameters
        ----------
        by, totals : as ``weighting.post_stratify``

        Returns
        -------
        The same kind of design; errors as ``calibrated``.

        Examples
        --------
        >>> people = pd.DataFrame({"sex": ["f", "f", "m", "m"], "w": 2.0})
        >>> SurveyDesign(people, weight="w").post_stratified("sex", {"f": 6, "m": 2}).weights.round(6).tolist()
        [3.0, 3.0, 1.0, 1.0]
        """
        self._refuse_domain()
        labels, cells = post_stratum_cells(self.data, by, totals)
        cell = str(labels.name)
        return self._calibrated_to(*auxiliary_of(self.data.assign(**{cell: labels}), {cell: cells}), "linear", None)

    def with_columns(self, columns: pd.DataFrame | pd.Series) -> Self:
        """The design with more columns in its data, matched by the index.

        Parameters
        ----------
        columns : DataFrame (n, ...), or one Series with a name   a column that the data already have is replaced

        Returns
        -------
        The same kind of design; weights and domain are unchanged.

        Raises
        ------
        EstimationError   the index is not that of the design's data; a Series without a name

        Examples
        --------
        >>> people = pd.DataFrame({"w": [10.0, 10.0], "score": [60, 80]})
        >>> more = SurveyDesign(people, weight="w").with_columns(pd.DataFrame({"high": people["score"] > 70}))
        >>> more.data["high"].tolist()
        [False, True]
        """
        if isinstance(columns, pd.Series):
            if columns.name is None:
                raise EstimationError(
                    "the new column has no name", expected="a Series with a name", hint='series.rename("name")'
                )
            columns = columns.to_frame()
        new = aligned(columns, self.data.index, "the table of new columns")
        return self._with(data=pd.concat([self.data.drop(columns=new.columns, errors="ignore"), new], axis=1))

    def with_rule(self, rule: Rule | None) -> Self:
        """The design whose tables of estimates go through a rule before anybody sees them, such as one of disclosure.

        Parameters
        ----------
        rule : function or None   from a table as ``Estimate.table`` to one of the same rows and columns, where what may
            not be shown is missing; None: no rule

        Returns
        -------
        The same kind of design; a figure that the rule takes away has no covariance either, and nothing its replicates.

        Examples
        --------
        >>> from spi_analysis.survey import estimate_mean
        >>> people = pd.DataFrame({"w": 10.0, "unit": list("aab"), "score": [60.0, 70.0, 80.0]})
        >>> at_least_two = lambda table: table.assign(estimate=table["estimate"].where(table["n"] > 1))
        >>> design = SurveyDesign(people, weight="w").with_rule(at_least_two)
        >>> estimate_mean(design, "score", by="unit").table["estimate"].tolist()
        [65.0, nan]
        """
        return self._with(rule=rule)

    def _refuse_domain(self) -> None:
        if not self.in_domain.all():
            raise EstimationError(
                "a domain cannot be calibrated: the totals would be met by the whole sample",
                got=f"{int(self.in_domain.sum())} of {len(self)} rows in the domain",
                expected="the whole sample",
                hint="calibrate first, then take the domain: design.calibrated(totals).subset(mask)",
            )

    @abstractmethod
    def _calibrated_to(
        self, auxiliary: Auxiliary, targets: np.ndarray, method: str, bounds: tuple[float, float] | None
    ) -> Self: ...

    def _declare(self, **values: object) -> None:
        """Set the fields: a frozen dataclass lets nobody else do it."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _with(self, **changes: object) -> Self:
        copy = object.__new__(type(self))
        copy._declare(**{field.name: changes.get(field.name, getattr(self, field.name)) for field in fields(self)})
        return copy


LONELY_RULES = ("fail", "certainty", "adjust", "average")


@dataclass(frozen=True)
class Calibration:
    """A calibration that the weights went through: the variance uses residuals from its auxiliaries.

    Parameters
    ----------
    auxiliary : Auxiliary        the calibration variables of the n rows
    before, after : array (n,)   weights that went in and came out, in population units

    References
    ----------
    Deville & Sarndal (1992), JASA 87, section 3.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "f", "m", "m"], "w": 2.0})
    >>> (step,) = SurveyDesign(people, weight="w").calibrated({"sex": {"f": 6, "m": 2}}).calibrations
    >>> step.before.tolist(), step.after.round(6).tolist()
    ([2.0, 2.0, 2.0, 2.0], [3.0, 3.0, 1.0, 1.0])
    """

    auxiliary: Auxiliary
    before: np.ndarray
    after: np.ndarray

    def residuals(self, weighted: np.ndarray) -> np.ndarray:
        """Weighted values (n, k) minus what their regression on the auxiliaries explains, weighted by ``before``."""
        after = self.after[:, None]
        values = np.divide(weighted, after, out=np.zeros_like(weighted), where=after != 0)
        # e = y - x'B with B = (sum d x x')^-1 sum d x y, d the weights before (Deville & Sarndal 1992, section 3).
        gram = self.auxiliary.gram(self.before)
        products = self.auxiliary.products(values * self.before[:, None])
        explained = self.auxiliary.predict(np.linalg.pinv(gram, rcond=1e-12, hermitian=True) @ products)
        return (values - explained) * after


@dataclass(frozen=True, init=False, repr=False)
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

    Raises
    ------
    EstimationError   unknown ``lonely_psu``; a column is missing; no rows; a weight is no number, missing, infinite or
        negative; a stratum or unit is missing; more strata or population sizes than stages; a unit in two strata; a
        population size that is no number, smaller than the sample or not the same all over its stratum. A stratum of a
        single unit is refused when a variance is asked for

    References
    ----------
    Lumley (2010), Complex Surveys; Binder (1983), International Statistical Review 51.

    Examples
    --------
    Two of four people in each of two strata: ``var = sum_h (1/2)**2 (1 - 2/4) 2/2 = 0.25``.

    >>> from spi_analysis.survey import estimate_mean
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "score": [1, 3, 5, 7]})
    >>> design = SurveyDesign(people, weight="w", stratum="unit", pop_size="N")
    >>> estimate_mean(design, "score").table[["estimate", "se", "df_design"]].round(6).values.tolist()
    [[4.0, 0.5, 2.0]]
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
        require_columns(df, [weight, *strata, *units, *sizes], EstimationError)
        self._declare(
            data=df,
            weights=usable_weights(df, weight),
            stages=tuple(stages_of(df, strata, units, sizes, nest)),
            lonely_psu=lonely_psu,
            in_domain=np.ones(len(df), dtype=bool),
            rule=None,
            calibrations=(),
        )

    def _how(self) -> list[str]:
        stages = [
            f"stage {number}: {len(np.unique(stage.unit)):,} units in {len(stage.stratum_names):,} strata"
            + ("" if stage.pop_size is not None else ", with replacement")
            for number, stage in enumerate(self.stages, start=1)
        ]
        return [*stages, f"strata of one unit: {self.lonely_psu}; calibrations: {len(self.calibrations)}"]

    def _calibrated_to(
        self, auxiliary: Auxiliary, targets: np.ndarray, method: str, bounds: tuple[float, float] | None
    ) -> Self:
        after = self.weights * calibration_factors(self.weights, auxiliary, targets, method, bounds)
        step = Calibration(auxiliary, self.weights, after)
        return self._with(weights=after, calibrations=(*self.calibrations, step))

    def with_weights(self, weights: pd.Series | np.ndarray) -> Self:
        """The design with other weights, such as trimmed ones; calibrations before that still count.

        Parameters
        ----------
        weights : Series or array (n,)   population units, in the order of the rows

        Returns
        -------
        SurveyDesign

        Raises
        ------
        EstimationError   another length; a weight that is missing, infinite or negative

        Examples
        --------
        >>> people = pd.DataFrame({"w": [10.0, 50.0]})
        >>> SurveyDesign(people, weight="w").with_weights([10.0, 30.0]).weights.tolist()
        [10.0, 30.0]
        """
        return self._with(weights=fitting_weights(weights, len(self)))

    def covariance(self, influence: np.ndarray, present: np.ndarray | None = None) -> np.ndarray:
        """Covariance of estimates from their influence values.

        Parameters
        ----------
        influence : array (n, k)   unweighted, 0 outside the domain of the estimate, in units of the estimate
        present : array (n, k) of bool or None   the rows in each estimate's domain; None: the design's domain for all

        Returns
        -------
        array (k, k)

        Raises
        ------
        EstimationError   a stratum has a single unit and ``lonely_psu`` is "fail"; all strata have, and it is "average"

        Examples
        --------
        >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "score": [1, 3, 5, 7]})
        >>> design = SurveyDesign(people, weight="w", stratum="unit", pop_size="N")
        >>> design.covariance((people[["score"]].to_numpy() - 4) / 8).round(6).tolist()
        [[0.25]]
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
        """Degrees of freedom: primary units minus strata, among the given rows with weight.

        Parameters
        ----------
        rows : array (n,) of bool or None   None: the domain

        Returns
        -------
        float

        Examples
        --------
        >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0})
        >>> SurveyDesign(people, weight="w", stratum="unit").df()
        2.0
        """
        inside = self.in_domain if rows is None else rows & self.in_domain
        return float(self.df_by(inside.astype(np.intp) - 1, 1)[0])

    def df_by(self, codes: np.ndarray, n_groups: int) -> np.ndarray:
        """Degrees of freedom (n_groups,) in each of the groups that ``codes`` (n,) name, as ``df``; -1 is no group.

        Examples
        --------
        >>> people = pd.DataFrame({"unit": ["a", "a", "a", "b", "b"], "w": 2.0})
        >>> SurveyDesign(people, weight="w", stratum="unit").df_by(np.array([0, 0, 0, 1, 1]), 2).tolist()
        [2.0, 1.0]
        """
        codes = np.where(self.weights != 0, codes, -1)
        stage = self.stages[0]
        return (_distinct_by(codes, stage.unit, n_groups) - _distinct_by(codes, stage.stratum, n_groups)).astype(float)


def _distinct_by(codes: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    """How many distinct values stand in each group."""
    width = int(values.max()) + 1
    seen = np.zeros((n_groups + 1) * width, dtype=bool)
    seen[(codes + 1) * width + values] = True
    return seen.reshape(n_groups + 1, width).sum(axis=1)[1:]


def _as_list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
