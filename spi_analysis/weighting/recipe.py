"""A weighting recipe: an ordered list of steps, declared first, then applied alike to a sample and to every replicate.

What a step needs to know of the data (classes, merged levels, totals) is settled once on
the sample itself; the replicates repeat the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.inputs import require_columns, weights_of
from spi_analysis.weighting.replicate_weights import ReplicateWeights
from spi_analysis.weighting.report import WeightingReport, report_row
from spi_analysis.weighting.statuses import classify


@dataclass(frozen=True)
class Merged:
    """Levels of a variable that were put together because too few answered."""

    variable: str
    levels: tuple[str, ...]


class Notes(NamedTuple):
    """What a step did to the weights, and what to beware of: sentences for the report."""

    done: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


# From the weights before and after a step and the multiplicity, all (n, K).
Review = Callable[[np.ndarray, np.ndarray, np.ndarray], Notes]


def _nothing(before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray) -> Notes:
    return Notes()


@dataclass(frozen=True)
class Prepared:
    """A step that has seen the data.

    ``apply``: new weights from old ones and how often each person stands in the replicate, all (n, K),
    column 0 the sample itself; ``merged``: what was put together; ``review``: notes from the weights
    before and after and the multiplicity.
    """

    apply: Callable[[np.ndarray, np.ndarray], np.ndarray]
    merged: list[Merged] = field(default_factory=list)
    review: Review = _nothing


class Step(Protocol):
    """One step of a recipe. ``column`` names the weight column that it leaves ("": it leaves the weights alone)."""

    @property
    def column(self) -> str: ...

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared: ...


@dataclass(frozen=True)
class Weighted:
    """A weighted sample.

    ``columns`` (n, steps + 1): the base weight and what each step left; ``replicates``: the
    final weights of every replicate (values (n, R)) or None; ``report``: what every step did.
    """

    columns: pd.DataFrame
    replicates: ReplicateWeights | None
    report: WeightingReport

    @property
    def weight(self) -> pd.Series:
        """The final weight."""
        return self.columns.iloc[:, -1].rename("weight")


def apply_recipe(
    sample: pd.DataFrame,
    recipe: Sequence[Step],
    *,
    weight: str = "base_weight",
    status: str = "disposition",
    replicates: ReplicateWeights | None = None,
) -> Weighted:
    """Weight a sample by a recipe.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    recipe : sequence of steps    applied in order; declaring steps computes nothing
    weight, status : str          columns: base weight (persons, > 0), final disposition
    replicates : ReplicateWeights or None   of the base weight; every step is repeated on each

    Returns
    -------
    Weighted: a column per step, the final replicates, and the report.

    Raises
    ------
    WeightingError   whatever step cannot be carried out, named; two steps that leave the same column.
    """
    require_columns(sample, [weight, status])
    _require_steps(recipe)
    _require_own_columns(recipe, weight)
    base = weights_of(sample, weight)
    if (base <= 0).any():
        raise WeightingError("a base weight is 0", column=weight, expected="above 0 for everyone sampled")
    classes = classify(sample[status])
    values = base[:, None] if replicates is None else np.hstack([base[:, None], replicates.values])
    multiplicity = values / base[:, None]
    columns, rows = {weight: base}, [report_row("base", weight, base)]
    for step in recipe:
        prepared, after = _carried_out(step, sample, classes, values, multiplicity)
        notes = prepared.review(values, after, multiplicity)
        values = after
        if step.column:
            columns[step.column] = values[:, 0]
        rows.append(report_row(type(step).__name__, step.column or rows[-1]["column"], values[:, 0]))
        warnings = [*notes.warnings, *_negative(values)]
        rows[-1] |= {"merged": prepared.merged, "done": list(notes.done), "warnings": warnings}
    final = None
    if replicates is not None:
        final = ReplicateWeights(values[:, 1:], replicates.scale, replicates.rscales, replicates.method)
    table = pd.DataFrame(columns, index=sample.index)
    return Weighted(table, final, WeightingReport(pd.DataFrame(rows), table))


def _carried_out(
    step: Step, sample: pd.DataFrame, classes: np.ndarray, values: np.ndarray, multiplicity: np.ndarray
) -> tuple[Prepared, np.ndarray]:
    """The step on sample and replicates; its errors say which step it was."""
    name = f"step {type(step).__name__}" + (f" ({step.column})" if step.column else "")
    try:
        prepared = step.prepare(sample, classes)
        after = prepared.apply(values, multiplicity)
    except WeightingError as error:
        raise WeightingError(*(_of_step(problem, name) for problem in error.problems)) from None
    broken = np.flatnonzero(~np.isfinite(after).all(axis=0))
    if len(broken):
        where = in_replicate(int(broken[0]))
        raise WeightingError("a step leaves weights that are no numbers", file=name, key=where, expected="numbers")
    return prepared, after


def _of_step(problem: Problem, name: str) -> Problem:
    """The outermost place of a problem inside a recipe is its step."""
    return problem if problem.file else replace(problem, file=name)


def in_replicate(column: int) -> str:
    """Name of a column of (n, K) weights."""
    return f"replicate {column}" if column else "the sample"


def _negative(values: np.ndarray) -> list[str]:
    below = np.flatnonzero((values < 0).any(axis=0))
    if not len(below):
        return []
    replicates = int((below > 0).sum())
    return [
        f"{int((values[:, 0] < 0).sum())} weights are negative"
        + (f", and some in {replicates} of {values.shape[1] - 1} replicates" if replicates else "")
    ]


def _require_steps(recipe: Sequence[Step]) -> None:
    odd = [step for step in recipe if not hasattr(step, "prepare")] if isinstance(recipe, Sequence) else [recipe]
    if odd:
        raise WeightingError(
            "this is no recipe",
            got=repr(odd[0]),
            expected="a list of steps, such as [UnknownEligibility('unit'), WeightingClasses('unit')]",
        )


def _require_own_columns(recipe: Sequence[Step], weight: str) -> None:
    names = [weight, *(step.column for step in recipe if step.column)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise WeightingError(
            "two steps leave the same column",
            column=", ".join(twice),
            expected="a column of its own for every step, so that nothing is overwritten",
            hint=f"give one of them another name, {twice[0]!r} is taken: column=...",
        )
