"""Recipe steps that bring weights to known totals: post-stratification, raking, calibration.

Those with weight at this point are respondents and the known ineligible, who stand for their like
in the totals. Thin levels are merged once, on the sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import Groups, cell_labels, group_counts, merge_thin_labels, require_columns
from spi_analysis.survey.weighting.calibration import calibration_factors, post_stratum_cells, total_cells
from spi_analysis.survey.weighting.distances import Bounds, distance_of
from spi_analysis.survey.weighting.inputs import INELIGIBLE, RESPONDENT
from spi_analysis.survey.weighting.raking import MAX_ITERATIONS, TOLERANCE, rake_columns
from spi_analysis.survey.weighting.recipe import Merged, Notes, Prepared, Review, in_replicate
from spi_analysis.survey.weighting.totals import INTERCEPT, Totals, auxiliary_of, one_population


@dataclass(frozen=True)
class Rake:
    """Rake to population totals (see ``rake``); levels with fewer than ``min_respondents`` are merged first.

    Margins that differ (by rounding; with ``scale_margins`` by up to 5 %) are brought to one total, which is reported.

    Parameters
    ----------
    margins, tolerance, max_iterations, scale_margins   as in ``rake``
    min_respondents : int   the least respondents of a level, in persons
    column : str            weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as ``rake``, in the sample or in any replicate.

    References
    ----------
    Deming & Stephan (1940), Annals of Mathematical Statistics 11; Deville, Sarndal & Sautory (1993), JASA 88.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> people = {"sex": ["f", "f", "m", "m"], "unit": ["a", "b", "a", "b"], "base_weight": 1.0, "disposition": "I"}
    >>> step = Rake({"sex": {"f": 3, "m": 1}, "unit": {"a": 3, "b": 1}})
    >>> apply_recipe(pd.DataFrame(people), [step]).weight.round(6).tolist()
    [2.25, 0.75, 0.75, 0.25]
    """

    margins: Mapping[str, Mapping[Any, float]]
    min_respondents: int = 1
    tolerance: float = TOLERANCE
    max_iterations: int = MAX_ITERATIONS
    column: str = "cal_weight"
    scale_margins: bool = False

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        kept, totals, merged = _with_merged_levels(sample, classes, self.margins, self.min_respondents)
        auxiliary, targets = auxiliary_of(kept, totals, self.scale_margins)

        def apply(weights: np.ndarray, _: np.ndarray) -> np.ndarray:
            raked = np.zeros_like(weights)
            raked[has_weight] = rake_columns(
                weights[has_weight], auxiliary, targets, self.tolerance, self.max_iterations
            )
            return raked

        return Prepared(apply, merged, _scaling(totals, self.scale_margins))


@dataclass(frozen=True)
class Calibrate:
    """Calibrate to totals by a distance (see ``calibrate``); thin levels of margins are merged first.

    The bounds limit new/old weight of this step; scaled margins are reported.

    Parameters
    ----------
    totals, method, bounds, scale_margins   as in ``calibrate``
    min_respondents : int   the least respondents of a level, in persons
    column : str            weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as ``calibrate``, in the sample or in any replicate, which is named.

    References
    ----------
    Deville & Sarndal (1992), JASA 87.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> people = pd.DataFrame({"x": [1.0, 2.0, 3.0], "base_weight": 1.0, "disposition": "I"})
    >>> apply_recipe(people, [Calibrate({"(intercept)": 3, "x": 7})]).weight.round(6).tolist()
    [0.5, 1.0, 1.5]
    """

    totals: Totals
    method: str = "linear"
    bounds: Bounds | None = None
    min_respondents: int = 1
    column: str = "cal_weight"
    scale_margins: bool = False

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        distance_of(self.method, self.bounds)
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        kept, totals, merged = _with_merged_levels(sample, classes, self.totals, self.min_respondents)
        auxiliary, targets = auxiliary_of(kept, totals, self.scale_margins)

        def apply(weights: np.ndarray, _: np.ndarray) -> np.ndarray:
            calibrated = np.zeros_like(weights)
            before = weights[has_weight]
            for k, column in enumerate(np.ascontiguousarray(before.T)):
                try:
                    factors = calibration_factors(column, auxiliary, targets, self.method, self.bounds)
                except WeightingError as error:
                    raise _in_column(error, k) from None
                calibrated[has_weight, k] = column * factors
            return calibrated

        return Prepared(apply, merged, _scaling(totals, self.scale_margins))


@dataclass(frozen=True)
class PostStratify:
    """Scale the weights of every cell to its total (see ``post_stratify``); thin cells are merged first.

    Parameters
    ----------
    by : str or tuple of str   cell columns
    totals : mapping           level (for several columns: tuple of levels) -> population total
    min_respondents : int      the least respondents of a cell, in persons
    column : str               weight column that the step leaves

    Raises
    ------
    WeightingError   (when applied) as ``post_stratify``; a cell with a total but nobody with weight, in the sample or
        in any replicate.

    References
    ----------
    Holt & Smith (1979), Journal of the Royal Statistical Society A 142.

    Examples
    --------
    One respondent of c is too few: the cell joins b, the thinner of the others.

    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> people = pd.DataFrame({"unit": list("aaabbc"), "base_weight": 1.0, "disposition": "I"})
    >>> weighted = apply_recipe(people, [PostStratify("unit", {"a": 6, "b": 4, "c": 5}, min_respondents=2)])
    >>> weighted.weight.round(6).tolist(), weighted.report["merged"][1]
    ([2.0, 2.0, 2.0, 3.0, 3.0, 3.0], [Merged(variable='unit', levels=('b', 'c'))])
    """

    by: str | tuple[str, ...]
    totals: Mapping[object, float]
    min_respondents: int = 1
    column: str = "cal_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        columns = [self.by] if isinstance(self.by, str) else list(self.by)
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        labels, totals = post_stratum_cells(sample, columns, self.totals)
        counts = labels[classes == RESPONDENT].value_counts()
        cells = cell_labels(total_cells(columns, self.totals), columns).tolist()
        name = str(labels.name)
        group, merged = _merged_cells(cells, counts, self.min_respondents, name)
        # Checked like a margin: cells without a total, totals without anybody.
        grouped = labels[has_weight].map(lambda label: group.get(label, label)).to_frame()
        auxiliary, targets = auxiliary_of(grouped, {name: _summed(totals, group)})
        (margin,) = auxiliary.margins
        groups = Groups(margin.codes, margin.levels)

        def apply(weights: np.ndarray, _: np.ndarray) -> np.ndarray:
            scaled = np.zeros_like(weights)
            sums = groups.sums(weights[has_weight])
            _require_everywhere(sums, targets, groups, name)
            factor = np.divide(targets[:, None], sums, out=np.zeros_like(sums), where=sums > 0)
            scaled[has_weight] = weights[has_weight] * groups.spread(factor)
            return scaled

        return Prepared(apply, merged)


# What the steps share: margins with thin levels merged, and checks of every replicate.


def _scaling(totals: Totals, scale_margins: bool) -> Review:
    """A review that says which margins were scaled."""
    notes = Notes(tuple(one_population(totals, scale_margins).notes))
    return lambda before, after, multiplicity: notes


def _with_merged_levels(
    sample: pd.DataFrame,
    classes: np.ndarray,
    totals: Mapping[str, float | Mapping[Any, float]],
    min_respondents: int,
) -> tuple[pd.DataFrame, dict[str, float | Mapping[object, float]], list[Merged]]:
    """Columns of those with weight and totals, both with thin levels merged, and what was merged."""
    require_columns(sample, [name for name in totals if name != INTERCEPT])
    has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
    fixed: dict[str, float | Mapping[object, float]] = {}
    # The index stays even where no column does: totals may be the intercept only.
    kept, merged = pd.DataFrame(index=sample.index[has_weight]), []
    for name, total in totals.items():
        if isinstance(total, Mapping):
            column, fixed[name], together = _merged_margin(sample[name], classes, name, total, min_respondents)
            kept[name] = column[has_weight]
            merged += together
        else:
            fixed[name] = total
            if name != INTERCEPT:
                kept[name] = sample[name][has_weight]
    return kept, fixed, merged


def _merged_margin(
    column: pd.Series, classes: np.ndarray, name: str, total: Mapping[object, float], min_respondents: int
) -> tuple[pd.Series, dict[object, float], list[Merged]]:
    """A margin whose levels all rest on enough respondents: the column, the totals, and what was merged."""
    # Levels are compared as text, as the names of totals are: True and "True" are one level.
    codes, levels = pd.factorize(column.astype("object").map(str, na_action="ignore"))
    totals = {str(level): value for level, value in total.items()}
    counts = pd.Series(group_counts(codes[classes == RESPONDENT], len(levels)), index=levels)
    group, merged = _merged_cells(list(totals), counts, min_respondents, name)
    named = np.array([*(group.get(level, level) for level in levels), np.nan], dtype=object)
    return pd.Series(named[codes], index=column.index, name=column.name), _summed(totals, group), merged


def _merged_cells(
    cells: list[str], counts: pd.Series, min_respondents: int, name: str
) -> tuple[dict[str, str], list[Merged]]:
    """Cell -> group of cells with enough respondents (``counts`` by cell), and what was merged."""
    respondents = counts.reindex(cells, fill_value=0).astype(float).tolist()
    groups, is_merged = merge_thin_labels(cells, respondents, min_respondents)
    together: dict[str, list[str]] = {}
    for cell, group in zip(np.array(cells, dtype=object)[is_merged], groups[is_merged], strict=True):
        together.setdefault(group, []).append(cell)
    merged = [Merged(name, tuple(together[group])) for group in sorted(together)]
    return dict(zip(cells, groups, strict=True)), merged


def _summed(totals: Mapping[Any, float], group: Mapping[str, str]) -> dict[object, float]:
    """Totals of groups of levels."""
    summed: dict[object, float] = {}
    for level, total in totals.items():
        summed[group[level]] = summed.get(group[level], 0.0) + total
    return summed


def _require_everywhere(sums: np.ndarray, targets: np.ndarray, groups: Groups, name: str) -> None:
    """Every cell with a total needs weight, in the sample and in every replicate."""
    empty = (sums == 0) & (targets[:, None] > 0)
    if empty.any():
        raise WeightingError(
            *(
                Problem(
                    "a cell has a total but nobody with weight",
                    column=name,
                    key=groups.labels[g],
                    got=in_replicate(int(empty[g].argmax())),
                    expected=f"somebody to stand for {targets[g]:g}",
                    hint="merge thin cells: min_respondents=...",
                )
                for g in np.flatnonzero(empty.any(axis=1))
            )
        )


def _in_column(error: WeightingError, column: int) -> WeightingError:
    """The same error, with the replicate that it comes from."""
    if not column:
        return error
    return WeightingError(
        *(
            Problem(**{**vars(problem), "what": f"{problem.what} in {in_replicate(column)}"})
            for problem in error.problems
        )
    )
