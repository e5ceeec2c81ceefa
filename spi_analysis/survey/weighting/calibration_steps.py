"""Recipe steps that bring weights to known totals: post-stratification, raking, calibration.

People with weight at this point are respondents and the known ineligible, who represent the ineligible people in the
totals. Thin levels are merged once, on the sample. A step that names columns instead of totals has them counted on the
list (``apply_recipe``, ``frame``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import (
    Groups,
    cell_labels,
    group_counts,
    merge_thin_labels,
    require_columns,
    with_unknown_level,
)
from spi_analysis.survey.weighting.calibration import calibration_factors, distance_of, post_stratum_cells, total_cells
from spi_analysis.survey.weighting.inputs import INELIGIBLE, RESPONDENT
from spi_analysis.survey.weighting.nonresponse import columns_of
from spi_analysis.survey.weighting.raking import MAX_ITERATIONS, TOLERANCE, rake_columns
from spi_analysis.survey.weighting.recipe import (
    CALIBRATION,
    Merged,
    Notes,
    Prepared,
    Review,
    in_replicate,
    register_step,
)
from spi_analysis.survey.weighting.totals import INTERCEPT, Bounds, Fitted, Totals, auxiliary_of, one_population
from spi_analysis.threads import np, pd

# Columns whose levels are counted on the list.
Names = tuple[str, ...]
# The least respondents of a level, in persons.
Least = Annotated[int, Ge(1)]
# A margin missed by more than this share would be missed.
MOST_TOLERANCE = 1e-3


@register_step
@dataclass(frozen=True)
class Rake:
    """Rake to population totals (see ``rake``); levels with fewer than ``min_respondents`` are merged first.

    Margins that differ (by rounding; with ``scale_margins`` by up to 5 %) are brought to one total, which is reported.

    Parameters
    ----------
    margins : mapping or sequence of str   as in ``rake``; or columns, whose levels are counted on the list
    tolerance, max_iterations, scale_margins   as in ``rake``
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

    name = "rake"
    place = CALIBRATION
    margins: Mapping[str, Mapping[Any, float]] | Names
    min_respondents: Least = 1
    tolerance: Annotated[float, Gt(0), Lt(MOST_TOLERANCE)] = TOLERANCE
    max_iterations: Annotated[int, Ge(1)] = MAX_ITERATIONS
    column: str = "cal_weight"
    scale_margins: bool = False

    @property
    def needs(self) -> Names:
        return tuple(self.margins)

    def with_totals(self, frame: pd.DataFrame) -> Rake:
        return self if isinstance(self.margins, Mapping) else replace(self, margins=counted(frame, self.margins))

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        kept, totals, merged = _with_merged_levels(sample, classes, _given(self.margins), self.min_respondents)
        auxiliary, targets = auxiliary_of(kept, totals, self.scale_margins)

        def apply(weights: np.ndarray, _: np.ndarray) -> np.ndarray:
            raked = np.zeros_like(weights)
            raked[has_weight] = rake_columns(
                weights[has_weight], auxiliary, targets, self.tolerance, self.max_iterations
            )
            return raked

        fitted = Fitted(int(has_weight.sum()), auxiliary.rank)
        return Prepared(apply, merged, _scaling(totals, self.scale_margins), fitted)


@register_step
@dataclass(frozen=True)
class Calibrate:
    """Calibrate to totals by a distance (see ``calibrate``); thin levels of margins are merged first.

    The bounds limit new/old weight of this step; scaled margins are reported.

    Parameters
    ----------
    totals : mapping or sequence of str   as in ``calibrate``; or columns, whose levels are counted on the list
    method, bounds, scale_margins   as in ``calibrate``
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

    name = "calibrate"
    place = CALIBRATION
    totals: Totals | Names
    method: str = "linear"
    bounds: Bounds | None = None
    min_respondents: Least = 1
    column: str = "cal_weight"
    scale_margins: bool = False

    @property
    def needs(self) -> Names:
        return tuple(name for name in self.totals if name != INTERCEPT)

    def with_totals(self, frame: pd.DataFrame) -> Calibrate:
        return self if isinstance(self.totals, Mapping) else replace(self, totals=counted(frame, self.totals))

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        distance_of(self.method, self.bounds)
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        kept, totals, merged = _with_merged_levels(sample, classes, _given(self.totals), self.min_respondents)
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

        fitted = Fitted(int(has_weight.sum()), auxiliary.rank)
        return Prepared(apply, merged, _scaling(totals, self.scale_margins), fitted)


@register_step
@dataclass(frozen=True)
class PostStratify:
    """Scale the weights of every cell to its total (see ``post_stratify``); thin cells are merged first.

    Parameters
    ----------
    by : str or tuple of str   cell columns
    totals : mapping or None   level (for several columns: tuple of levels) -> population total; None: as counted on
        the list
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

    name = "post_stratify"
    place = CALIBRATION
    by: str | Names
    totals: Mapping[Any, float] | None = None
    min_respondents: Least = 1
    column: str = "cal_weight"

    @property
    def needs(self) -> Names:
        return columns_of(self.by)

    def with_totals(self, frame: pd.DataFrame) -> PostStratify:
        return self if self.totals is not None else replace(self, totals=_cell_counts(frame, self.needs))

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        columns, known = list(self.needs), _given(self.totals)
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        labels, totals = post_stratum_cells(sample, columns, known)
        counts = labels[classes == RESPONDENT].value_counts()
        cells = cell_labels(total_cells(columns, known), columns).tolist()
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

        return Prepared(apply, merged, fitted=Fitted(int(has_weight.sum()), auxiliary.rank))


# What the steps share: totals counted on a list, margins with thin levels merged, and checks of every replicate.


def counted(frame: pd.DataFrame, columns: Iterable[str]) -> dict[str, dict[Any, float]]:
    """How many of the list are of every level of the columns; a missing value is a level of its own."""
    require_columns(frame, columns)
    levels = {column: with_unknown_level(frame[column]).value_counts() for column in columns}
    return {column: {str(level): float(total) for level, total in counts.items()} for column, counts in levels.items()}


def _cell_counts(frame: pd.DataFrame, columns: Names) -> dict[Any, float]:
    """How many of the list are in every cell, by level or tuple of levels."""
    require_columns(frame, columns)
    levels = pd.DataFrame({column: with_unknown_level(frame[column]) for column in columns})
    counts = levels.value_counts()
    return {cell if len(columns) > 1 else cell[0]: float(total) for cell, total in counts.items()}  # type: ignore[index]


def _given(totals: Any) -> Mapping[Any, Any]:
    """The totals, which have been counted by now."""
    if isinstance(totals, Mapping):
        return totals
    raise WeightingError(
        "the step has columns, and no totals",
        got=", ".join(totals or ()) or "none",
        expected="totals of every level",
        hint="give the list that they are counted on: apply_recipe(..., frame=...)",
    )


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
    is_text = isinstance(column.dtype, pd.StringDtype)
    codes, levels = pd.factorize(column if is_text else column.astype("object").map(str, na_action="ignore"))
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
