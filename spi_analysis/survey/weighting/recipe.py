"""A weighting recipe: an ordered list of steps, declared first, then applied alike to a sample and to every replicate.

What a step needs to know of the data (classes, merged levels, totals) is fixed once on
the sample itself; the replicates repeat the arithmetic.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import effective_n, require_columns, weights_of
from spi_analysis.survey.weighting.diagnostics import kish_deff
from spi_analysis.survey.weighting.inputs import ReplicateWeights, classify

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a recipe did: one row per step, in print and in pictures.

# How the columns of the report read in print.
FORMATS = {
    "cases": "{:,.0f}",
    "sum": "{:,.1f}",
    "kish_deff": "{:.3f}",
    "effective_n": "{:,.1f}",
    "smallest": "{:.3g}",
    "largest": "{:.3g}",
}


def report_row(step: str, column: str, weights: np.ndarray) -> dict[str, Any]:
    """The figures of one step from its weights (n,)."""
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
        "merged": [],
        "done": [],
        "warnings": [],
    }


@dataclass(frozen=True)
class WeightingReport:
    """What every step of a recipe did.

    Parameters
    ----------
    table : DataFrame   one row per step: step, column, cases with weight, sum in persons, kish_deff, effective_n,
        smallest and largest positive weight, merged, done, warnings; the first row is the base weight
    weights : DataFrame (n, columns)   the weight columns themselves, in persons

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7 (design effect and effective number).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import WeightingClasses
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
    >>> report = apply_recipe(sample, [WeightingClasses("unit")]).report
    >>> report.table[["step", "cases", "sum", "effective_n"]].values.tolist()
    [['base', 3, 30.0, 3.0], ['WeightingClasses', 2, 30.0, 1.8]]
    """

    table: pd.DataFrame
    weights: pd.DataFrame

    def __getitem__(self, column: str) -> pd.Series:
        """A column of the table."""
        return self.table[column]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def warnings(self) -> list[str]:
        """All warnings, each with the step it comes from."""
        rows = zip(self.table["step"], self.table["warnings"], strict=True)
        return [f"{step}: {text}" for step, texts in rows for text in texts]

    def contributions(self) -> pd.DataFrame:
        """What each step added to the cost of unequal weights.

        Returns
        -------
        DataFrame, one row per step (the base weight has none before it): step, column, kish_deff,
        deff_factor (Kish's design effect over that of the step before), effective_n, effective_n_change.

        Examples
        --------
        >>> from spi_analysis.survey.weighting import WeightingClasses
        >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
        >>> changed = apply_recipe(sample, [WeightingClasses("unit")]).report.contributions()
        >>> changed[["column", "deff_factor", "effective_n_change"]].round(3).values.tolist()
        [['nr_weight', 1.111, -1.2]]
        """
        kept = self.table[["step", "column", "kish_deff", "effective_n"]]
        changed = kept.assign(
            deff_factor=kept["kish_deff"] / kept["kish_deff"].shift(),
            effective_n_change=kept["effective_n"].diff(),
        )
        order = ["step", "column", "kish_deff", "deff_factor", "effective_n", "effective_n_change"]
        return changed.loc[1:, order].reset_index(drop=True)

    def plot(self) -> Figure:
        """Distribution of the weights after every step, and Kish's design effect beside it (matplotlib Figure)."""

        return weights_figure(self.table, self.weights)

    def _printed(self) -> pd.DataFrame:
        figures = {name: [form.format(v) for v in self.table[name]] for name, form in FORMATS.items()}
        return self.table[["step", "column"]].assign(**figures)

    def _remarks(self) -> list[str]:
        lines: list[str] = []
        columns = (self.table[name] for name in ("step", "done", "merged", "warnings"))
        for step, done, merged, warnings in zip(*columns, strict=True):
            lines += [f"{step}: {text}" for text in done]
            lines += [f"{step}: merged {m.variable}: {', '.join(m.levels)}" for m in merged]
            lines += [f"{step}: WARNING: {text}" for text in warnings]
        return lines

    def __str__(self) -> str:
        return "\n".join([self._printed().to_string(index=False), *self._remarks()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self._printed().to_html(index=False, border=0)
        remarks = "".join(f"<li>{html.escape(line)}</li>" for line in self._remarks())
        return table + (f"<ul>{remarks}</ul>" if remarks else "")


# What a step is, before and after it has seen the data.


@dataclass(frozen=True)
class Merged:
    """Levels of a variable that were put together because too few answered.

    Parameters
    ----------
    variable : str           column, or columns of a cell
    levels : tuple of str    the levels that are one now

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13 (collapsing of
    classes).

    Examples
    --------
    >>> Merged("unit", ("audit", "legal")).levels
    ('audit', 'legal')
    """

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
    """One step of a recipe: a frozen dataclass whose fields are its settings.

    ``column`` names the weight column that it leaves ("": it leaves the weights alone). ``prepare`` sees the sample
    and the class of everyone (n,), settles what it needs to know, and returns the arithmetic as ``Prepared``.

    References
    ----------
    Valliant (2004), Journal of Official Statistics 20 (replicates repeat every step).

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Double:
    ...     column: str = "doubled"
    ...
    ...     def prepare(self, sample, classes):
    ...         return Prepared(lambda weights, multiplicity: 2 * weights)
    >>> apply_recipe(pd.DataFrame({"base_weight": [3.0], "disposition": "I"}), [Double()]).weight.tolist()
    [6.0]
    """

    @property
    def column(self) -> str: ...

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared: ...


# Weighting a sample by a recipe.


@dataclass(frozen=True)
class Weighted:
    """A weighted sample.

    Parameters
    ----------
    columns : DataFrame (n, columns)   the base weight and what each step left, in persons
    replicates : ReplicateWeights or None   final weights of every replicate, values (n, R)
    report : WeightingReport           what every step did

    References
    ----------
    Valliant (2004), Journal of Official Statistics 20 (replicates repeat every step).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import WeightingClasses
    >>> sample = pd.DataFrame({"unit": "a", "base_weight": 10.0, "disposition": ["I", "R"]})
    >>> weighted = apply_recipe(sample, [WeightingClasses("unit")])
    >>> weighted.columns.to_dict("list"), weighted.weight.name
    ({'base_weight': [10.0, 10.0], 'nr_weight': [20.0, 0.0]}, 'weight')
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
    WeightingError   a column is missing, a base weight is missing or not above 0, a status is not known; what is no
        step; two steps that leave the same column; whatever step cannot be carried out, named.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13 and 14;
    Valliant (2004), Journal of Official Statistics 20 (replicates repeat every step).

    Examples
    --------
    Weight of the one of unknown eligibility goes to the other two of unit a, that of nonrespondents to respondents:

    >>> from spi_analysis.survey.weighting import UnknownEligibility, WeightingClasses
    >>> answers = {"unit": ["a", "a", "a", "b"], "disposition": ["I", "R", "UH", "I"]}
    >>> sample = pd.DataFrame(answers).assign(base_weight=10.0)
    >>> columns = apply_recipe(sample, [UnknownEligibility("unit"), WeightingClasses("unit")]).columns
    >>> columns["elig_weight"].tolist(), columns["nr_weight"].tolist()
    ([15.0, 15.0, 0.0, 10.0], [30.0, 0.0, 0.0, 10.0])
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


# Pictures of weights. matplotlib is loaded when a picture is asked for, and its figures belong to no window.

# Sets of weights differ in shape, not in colour alone.
MARKERS = "osD^v"


def weights_figure(table: pd.DataFrame, weights: pd.DataFrame) -> Figure:
    """Spread of the positive weights of every column, and Kish's design effect after every step.

    Parameters
    ----------
    table, weights   as in ``WeightingReport``

    Returns
    -------
    Figure with two axes, steps from top to bottom: weights in persons (logarithmic; a thin line from the
    smallest to the largest, a thick one over the middle half, a tick at the median), and the design effect.
    """
    figure = _figure(1.2 + 0.4 * len(table), 2)
    distribution, deff = figure.axes
    columns = [column[column > 0] for column in weights.to_numpy(dtype=float).T]
    spread = np.array([np.quantile(c, [0, 0.25, 0.5, 0.75, 1]) if len(c) else np.full(5, np.nan) for c in columns])
    places = np.arange(1, len(columns) + 1)
    distribution.hlines(places, spread[:, 0], spread[:, 4], linewidth=1)
    distribution.hlines(places, spread[:, 1], spread[:, 3], linewidth=7)
    distribution.plot(spread[:, 2], places, marker="|", markersize=14, linestyle="none", color="black")
    distribution.set_yticks(places, list(weights.columns))
    distribution.set_xscale("log")
    distribution.set_xlabel("weight (persons)")
    places = np.arange(1, len(table) + 1)
    deff.plot(table["kish_deff"], places, marker="o")
    deff.set_yticks(places, list(table["step"]))
    deff.set_xlabel("Kish design effect")
    for axes in figure.axes:
        axes.invert_yaxis()
    return figure


def balance_figure(table: pd.DataFrame, names: list[str] | None = None) -> Figure:
    """Love plot: standardised differences from the frame, before and after, one line per level.

    Parameters
    ----------
    table : DataFrame    as ``balance`` gives it
    names : list of str or None   sets of weights to show, in this order; None: all of them

    Returns
    -------
    Figure with one axes; a set of weights that agrees with the frame has all its points at 0.

    Raises
    ------
    WeightingError   a column is missing, such as that of a set of weights that the table does not hold.

    References
    ----------
    Austin (2009), Statistics in Medicine 28 (standardised differences of proportions).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import balance
    >>> frame = pd.DataFrame({"sex": ["f", "m"]})
    >>> table = balance(frame, frame, ["sex"], {"base": np.ones(2), "final": np.array([1.0, 3.0])})
    >>> [line.get_label() for line in balance_figure(table).axes[0].lines][:2]
    ['base', 'final']
    """
    ending = "_std_diff"
    names = names or [str(c).removesuffix(ending) for c in table.columns if str(c).endswith(ending)]
    require_columns(table, ["variable", "level", *(f"{name}{ending}" for name in names)])
    figure = _figure(1.2 + 0.25 * len(table), 1)
    (axes,) = figure.axes
    places = np.arange(len(table))
    for name, marker in zip(names, itertools.cycle(MARKERS), strict=False):
        axes.plot(table[f"{name}{ending}"], places, marker=marker, linestyle="none", label=name)
    axes.axvline(0, linewidth=0.8, color="black")
    axes.set_yticks(places, [f"{v}: {level}" for v, level in zip(table["variable"], table["level"], strict=True)])
    axes.invert_yaxis()
    axes.set_xlabel("standardised difference from the frame")
    axes.legend()
    return figure


def _figure(height: float, panels: int) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, max(height, 2.5)), layout="constrained")
    figure.subplots(1, panels)
    return figure
