"""A weighting recipe: an ordered list of steps, declared first, then applied alike to a sample and to every replicate.

What a step needs to know of the data (classes, merged levels, totals) is settled once on
the sample itself; the replicates repeat the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.sampling.strata import cell_labels, merge_thin_cells
from spi_analysis.weighting.auxiliary import auxiliary_of
from spi_analysis.weighting.diagnostics import effective_n, kish_deff
from spi_analysis.weighting.groups import groups_of, require_columns, weights_of
from spi_analysis.weighting.nonresponse import eligibility_weights, nonresponse_weights
from spi_analysis.weighting.raking import MAX_ITERATIONS, TOLERANCE, rake_columns
from spi_analysis.weighting.replicates import ReplicateWeights, bootstrap_replicates
from spi_analysis.weighting.statuses import INELIGIBLE, RESPONDENT, classify
from spi_analysis.weighting.trimming import cap_with_redistribution, iqr_cap


@dataclass(frozen=True)
class Merged:
    """Levels of a variable that were put together because too few answered."""

    variable: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """A step that has seen the data: new weights from old ones (n, K), and what it merged."""

    apply: Callable[[np.ndarray, np.ndarray], np.ndarray]
    merged: list[Merged] = field(default_factory=list)


class Step(Protocol):
    """One step of a recipe. ``column`` names the weight column that it leaves."""

    @property
    def column(self) -> str: ...

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared: ...


@dataclass(frozen=True)
class UnknownEligibility:
    """Spread the weight of those of unknown eligibility inside classes (see ``adjust_unknown_eligibility``)."""

    by: str
    column: str = "elig_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        require_columns(sample, [self.by])
        groups = groups_of(sample[self.by])
        return Prepared(lambda weights, _: eligibility_weights(weights, groups, classes))


@dataclass(frozen=True)
class WeightingClasses:
    """Move the weight of nonrespondents to respondents inside classes (see ``adjust_nonresponse``)."""

    by: str
    column: str = "nr_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        require_columns(sample, [self.by])
        groups = groups_of(sample[self.by])
        return Prepared(lambda weights, _: nonresponse_weights(weights, groups, classes))


@dataclass(frozen=True)
class Rake:
    """Rake to population totals; levels with fewer than ``min_respondents`` are merged first."""

    margins: Mapping[str, Mapping[str, float]]
    min_respondents: int = 1
    tolerance: float = TOLERANCE
    max_iterations: int = MAX_ITERATIONS
    column: str = "cal_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        require_columns(sample, list(self.margins))
        has_weight = np.isin(classes, (RESPONDENT, INELIGIBLE))
        respondents = sample[classes == RESPONDENT]
        totals: dict[str, Mapping[object, float]] = {}
        columns: dict[str, pd.Series] = {}
        merged: list[Merged] = []
        for name, margin in self.margins.items():
            columns[name], totals[name], together = _merged_margin(sample[name], respondents[name], name, margin, self)
            merged += together
        kept = pd.DataFrame(columns)[has_weight]
        auxiliary, targets = auxiliary_of(kept, totals)

        def apply(weights: np.ndarray, _: np.ndarray) -> np.ndarray:
            raked = np.zeros_like(weights)
            raked[has_weight] = rake_columns(
                weights[has_weight], auxiliary, targets, self.tolerance, self.max_iterations
            )
            return raked

        return Prepared(apply, merged)


@dataclass(frozen=True)
class Trim:
    """Cap weights at median + k * IQR and spread the excess (see ``cap_with_redistribution``)."""

    k: float
    column: str = "trimmed_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        def apply(weights: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
            single = np.divide(weights, multiplicity, out=np.zeros_like(weights), where=multiplicity > 0)
            return cap_with_redistribution(weights, iqr_cap(single, self.k), multiplicity)

        return Prepared(apply)


@dataclass(frozen=True)
class DropIneligible:
    """Set the weight of the known ineligible to 0: they have stood for their like up to here."""

    column: str = "weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        stays = (classes != INELIGIBLE)[:, None]
        return Prepared(lambda weights, _: np.where(stays, weights, 0.0))


@dataclass(frozen=True)
class Weighted:
    """A weighted sample.

    ``columns`` (n, steps + 1): the base weight and what each step left; ``replicates``: the
    final weights of every replicate (values (n, R)) or None; ``report``: one row per step
    (step, column, cases, sum, kish_deff, effective_n, smallest, largest, merged).
    """

    columns: pd.DataFrame
    replicates: ReplicateWeights | None
    report: pd.DataFrame

    @property
    def weight(self) -> pd.Series:
        """The final weight."""
        return self.columns.iloc[:, -1].rename("weight")


def apply_recipe(
    sample: pd.DataFrame,
    recipe: list[Step],
    *,
    weight: str = "base_weight",
    status: str = "disposition",
    replicates: ReplicateWeights | None = None,
) -> Weighted:
    """Weight a sample by a recipe.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    recipe : list of steps        applied in order
    weight, status : str          columns: base weight (persons, > 0), final disposition
    replicates : ReplicateWeights or None   of the base weight; every step is repeated on each

    Raises
    ------
    WeightingError   whatever step cannot be carried out, named.
    """
    base = weights_of(sample, weight)
    if (base <= 0).any():
        raise WeightingError("a base weight is 0", column=weight, expected="above 0 for everyone sampled")
    classes = classify(sample[status])
    values = base[:, None] if replicates is None else np.hstack([base[:, None], replicates.values])
    multiplicity = values / base[:, None]
    columns, rows = {weight: base}, [_report_row("base", weight, base, [])]
    for step in recipe:
        prepared = step.prepare(sample, classes)
        values = prepared.apply(values, multiplicity)
        columns[step.column] = values[:, 0]
        rows.append(_report_row(type(step).__name__, step.column, values[:, 0], prepared.merged))
    final = None
    if replicates is not None:
        final = ReplicateWeights(values[:, 1:], replicates.scale, replicates.rscales, replicates.method)
    return Weighted(pd.DataFrame(columns, index=sample.index), final, pd.DataFrame(rows))


def weighting_classes(
    sample: pd.DataFrame, by: list[str], status: str = "disposition", min_respondents: int = 1
) -> pd.DataFrame:
    """Classes of ``by`` in which at least ``min_respondents`` answered; thin ones are merged.

    Returns
    -------
    DataFrame (n, [nr_class, merged]), index of ``sample``: class label, and whether the cell was merged.
    The rule of merging is that of ``merge_thin_cells``.
    """
    require_columns(sample, by)
    answered = pd.Series((classify(sample[status]) == RESPONDENT).astype(float), index=sample.index)
    labels = cell_labels(sample, by)
    first = sample.loc[~labels.duplicated(), by].astype("object").fillna("(unknown)").astype(str)
    cells = first.assign(respondents=answered.groupby(labels).sum().reindex(labels[first.index]).to_numpy())
    merged = merge_thin_cells(cells, by, "respondents", min_respondents).set_index("cell")
    return pd.DataFrame(
        {"nr_class": labels.map(merged["group"]), "merged": labels.map(merged["merged"])}, index=sample.index
    )


def two_phase_replicates(
    sample: pd.DataFrame,
    by: str,
    n_replicates: int,
    seed: int,
    *,
    weight: str = "base_weight",
    status: str = "disposition",
) -> ReplicateWeights:
    """Bootstrap of a sample with nonresponse, whose recipe then repeats every step.

    Given its class, whether somebody answers is the second random phase: inside each class those
    found (respondents and known ineligible) are resampled as a simple random sample of the class,
    with f = respondents/N of the class and Rao and Wu's factor, which is unbiased however few
    they are. Everybody else keeps the base weight, which the recipe hands on.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    by : str                      column of nonresponse classes (see ``weighting_classes``)
    n_replicates, seed, weight, status   as in ``bootstrap_replicates`` and ``apply_recipe``

    Returns
    -------
    ReplicateWeights, values (n, n_replicates) of the base weight, scale 1/R.

    References
    ----------
    Rao & Wu (1988), JASA 83; Sarndal, Swensson & Wretman (1992), section 15.6 (response homogeneity groups).
    """
    found = np.isin(classify(sample[status]), (RESPONDENT, INELIGIBLE))
    fraction = observed_fraction(sample, by, weight, status)
    people = sample[found].assign(observed_fraction=fraction[found])
    drawn = bootstrap_replicates(
        people, weight, stratum=by, fraction="observed_fraction", n_replicates=n_replicates, seed=seed
    )
    values = np.repeat(weights_of(sample, weight)[:, None], n_replicates, axis=1)
    values[found] = drawn.values
    return ReplicateWeights(values, drawn.scale, drawn.rscales, drawn.method)


def observed_fraction(
    sample: pd.DataFrame, by: str, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Share of the population that was observed, per class: respondents / sum of base weights.

    The finite population correction of a sample with nonresponse: response is a second
    random phase without a correction of its own, so f is respondents/N, not n/N.

    Returns
    -------
    Series (n,), name ``observed_fraction``, in [0, 1].
    """
    respondents = pd.Series((classify(sample[status]) == RESPONDENT).astype(float), index=sample.index)
    people = sample[weight].groupby(sample[by]).transform("sum")
    return (respondents.groupby(sample[by]).transform("sum") / people).clip(upper=1.0).rename("observed_fraction")


def _merged_margin(
    column: pd.Series, respondents: pd.Series, name: str, margin: Mapping[str, float], rake: Rake
) -> tuple[pd.Series, dict[object, float], list[Merged]]:
    """A margin whose levels all rest on enough respondents: the column, the totals, and what was merged."""
    # Levels are compared as text, as the names of totals are: True and "True" are one level.
    column, respondents = (part.astype("object").map(str, na_action="ignore") for part in (column, respondents))
    margin = {str(level): total for level, total in margin.items()}
    counts = respondents.value_counts()
    cells = pd.DataFrame({name: list(margin), "respondents": [float(counts.get(level, 0)) for level in margin]})
    merged = merge_thin_cells(cells, [name], "respondents", rake.min_respondents)
    group = dict(zip(merged[name], merged["group"], strict=True))
    totals: dict[object, float] = {}
    for level, total in margin.items():
        totals[group[level]] = totals.get(group[level], 0.0) + total
    together = [Merged(name, tuple(part[name])) for _, part in merged[merged["merged"]].groupby("group")]
    return column.map(lambda level: group.get(level, level)), totals, together


def _report_row(step: str, column: str, weights: np.ndarray, merged: list[Merged]) -> dict[str, object]:
    positive = weights[weights > 0]
    return {
        "step": step,
        "column": column,
        "cases": len(positive),
        "sum": float(weights.sum()),
        "kish_deff": kish_deff(weights),
        "effective_n": effective_n(weights),
        "smallest": float(positive.min()) if len(positive) else 0.0,
        "largest": float(positive.max()) if len(positive) else 0.0,
        "merged": merged,
    }
