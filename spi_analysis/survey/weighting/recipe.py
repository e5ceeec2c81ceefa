"""A weighting recipe: an ordered list of steps, declared first, then applied to a sample and every replicate alike.

Classes, merged levels and totals of a step are fixed once on the sample itself; the replicates repeat the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, TypeVar

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import require_columns, weights_of
from spi_analysis.survey.registry import Registry
from spi_analysis.survey.weighting.diagnostics import WeightingReport, report_row
from spi_analysis.survey.weighting.inputs import ReplicateWeights, classify
from spi_analysis.survey.weighting.totals import Fitted
from spi_analysis.threads import np, pd

# A step before and after it is prepared for a sample.


@dataclass(frozen=True)
class Merged:
    """Levels of a variable that were merged because too few people answered.

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
    """Notes on the effect of a step, and warnings: sentences for the report."""

    done: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


# From the weights before and after a step and the multiplicity, all (n, K).
Review = Callable[["np.ndarray", "np.ndarray", "np.ndarray"], Notes]


def _nothing(before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray) -> Notes:
    return Notes()


@dataclass(frozen=True)
class Prepared:
    """A step prepared for a sample.

    ``apply``: new weights from old ones and how often each person stands in the replicate, all (n, K),
    column 0 the sample itself; ``merged``: what was put together; ``review``: notes from the weights
    before and after and the multiplicity; ``fitted``: of a calibration, how many people were fitted to how many
    independent totals.
    """

    apply: Callable[[np.ndarray, np.ndarray], np.ndarray]
    merged: list[Merged] = field(default_factory=list)
    review: Review = _nothing
    fitted: Fitted | None = None


class Step(Protocol):
    """One step of a recipe: a frozen dataclass whose fields are its settings.

    ``column`` names the weight column that it leaves ("": it leaves the weights alone). ``prepare`` gets the sample and
    the class of everyone (n,), fixes classes, merged levels and totals, and returns the arithmetic as ``Prepared``.

    A step may also have: ``name``, by which a file of parameters names it (see ``register_step``); ``place``, where it
    stands among others (ELIGIBILITY ... LAST); ``needs``, the columns that it looks at; ``with_totals(frame)``, the
    same step with its totals counted on the list; ``response_groups(sample, classes, weights)``, a Series of the groups
    in which it assumes response at random.

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


# Steps by name, as files of parameters give them.

StepClass = TypeVar("StepClass", bound=type)


def _load_steps() -> Iterator[None]:
    """Every module that defines steps; one that is not named here is registered once it has been imported."""
    from spi_analysis.survey.weighting import nonresponse, trimming_steps  # noqa: F401

    yield
    from spi_analysis.survey.weighting import calibration_steps  # noqa: F401

    yield
    from spi_analysis.survey.weighting import assertions, propensity  # noqa: F401

    yield


_STEPS: Registry[Step] = Registry("step", ("column", "prepare"), WeightingError, _load_steps)
# Places of steps in the order of a recipe; the known ineligible are dropped last.
ELIGIBILITY, NONRESPONSE, CALIBRATION, LAST = range(4)


def register_step(step: StepClass) -> StepClass:
    """A decorator that enters a step into the registry, so that files of parameters can name it.

    Parameters
    ----------
    step : class   a frozen dataclass with ``name``, ``column`` and ``prepare(sample, classes)`` (see ``Step``); its
        fields are the keys of a file

    Returns
    -------
    The class itself.

    Raises
    ------
    WeightingError   no frozen dataclass, or one without these; a field called step, source or as_of; another step has
        this name.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13 (the order of
    steps).

    Examples
    --------
    >>> @register_step
    ... @dataclass(frozen=True)
    ... class ScaleUp:
    ...     name = "scale_up"
    ...     by: float
    ...     column: str = "multiplied_weight"
    ...
    ...     def prepare(self, sample, classes):
    ...         return Prepared(lambda weights, multiplicity: self.by * weights)
    >>> step_of({"step": "scale_up", "by": 3})
    ScaleUp(by=3.0, column='multiplied_weight')
    """
    return _STEPS.register(step)


def step_of(given: Mapping[str, Any]) -> Step:
    """The step of a mapping with its name and settings.

    Parameters
    ----------
    given : mapping   ``step``: the name; all else are fields of the step

    Returns
    -------
    The step; lists have become tuples.

    Raises
    ------
    WeightingError   an unknown step or setting (the nearest is named), one that is missing, a value that does not fit.

    References
    ----------
    As for the step itself.

    Examples
    --------
    >>> step_of({"step": "unknown_eligibility", "by": ["unit"]})
    UnknownEligibility(by=('unit',), min_respondents=0, column='elig_weight')
    >>> step_of({"step": "rakee"})
    Traceback (most recent call last):
    spi_analysis.errors.WeightingError: unknown step
      where: key step
      got: rakee
      ...
      hint: did you mean 'rake'?
    """
    return _STEPS.build(given)


def recipe_of(given: Sequence[Mapping[str, Any]]) -> list[Step]:
    """A recipe from a list of mappings, in an order in which it can be carried out.

    Parameters
    ----------
    given : sequence of mappings   as in ``step_of``

    Returns
    -------
    list of steps, for ``apply_recipe``.

    Raises
    ------
    WeightingError   as ``step_of``; two steps leave the same column; a step comes after one that has to follow it.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13 and 14: unknown
    eligibility, nonresponse, calibration; the known ineligible keep their weight up to the end.

    Examples
    --------
    >>> [step.column for step in recipe_of([{"step": "propensity", "formula": "sex"}, {"step": "drop_ineligible"}])]
    ['nr_weight', 'weight']
    """
    steps = [step_of(one) for one in given]
    _require_own_columns(steps, "base_weight")
    _require_order([(str(one["step"]), step) for one, step in zip(given, steps, strict=True)])
    return steps


def _require_order(steps: Sequence[tuple[str, Step]]) -> None:
    """Steps with a place stand in the order of their places; no step changes weights after the last place."""
    latest, before = -1, ""
    for name, step in steps:
        place = getattr(step, "place", LAST if latest == LAST and step.column else None)
        if place is None:
            continue
        if place < latest or latest == LAST:
            raise WeightingError(
                "a step comes too late",
                key=name,
                got=f"after {before}",
                expected="unknown eligibility, nonresponse, calibration, and the ineligible dropped at the end",
                hint=f"put {name} before {before}",
            )
        latest, before = place, name


def response_classes(
    sample: pd.DataFrame, recipe: Sequence[Step], *, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """The groups inside which a recipe assumes response at random: those of its last step that has such groups.

    Parameters
    ----------
    sample, recipe, weight, status   as in ``apply_recipe``

    Returns
    -------
    Series (n,) of text, name ``nr_class``; "all" for everyone where no step of the recipe has groups.

    Raises
    ------
    WeightingError   as the step that has the groups.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, section 15.6 (response homogeneity groups).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import WeightingClasses
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 10.0, "disposition": ["I", "R", "I"]})
    >>> response_classes(sample, [WeightingClasses("unit")]).tolist()
    ['a', 'a', 'b']
    """
    require_columns(sample, [weight, status])
    classes, weights = classify(sample[status]), weights_of(sample, weight)
    having = [step for step in recipe if hasattr(step, "response_groups")]
    groups = having[-1].response_groups(sample, classes, weights) if having else pd.Series("all", index=sample.index)
    return groups.astype(str).rename("nr_class")


# Weighting a sample by a recipe.


@dataclass(frozen=True)
class Weighted:
    """A weighted sample.

    Parameters
    ----------
    columns : DataFrame (n, columns)   the base weight and what each step left, in persons
    replicates : ReplicateWeights or None   final weights of every replicate, values (n, R)
    report : WeightingReport           what every step did
    fitted : Fitted or None            people and totals of the last calibration; None: there was none

    References
    ----------
    Valliant (2004), Journal of Official Statistics 20 (replicates repeat every step); Fuller (2002), Survey Methodology
    28 (the variance of a regression estimator has the divisor n - p).

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
    fitted: Fitted | None = None

    @property
    def weight(self) -> pd.Series:
        """The final weight."""
        return self.columns.iloc[:, -1].rename("weight")

    @property
    def variance_factor(self) -> float:
        """By what the variance of the replicates is to be multiplied (``Fitted``); 1 without a calibration."""
        return self.fitted.variance_factor if self.fitted else 1.0


def apply_recipe(
    sample: pd.DataFrame,
    recipe: Sequence[Step],
    *,
    weight: str = "base_weight",
    status: str = "disposition",
    replicates: ReplicateWeights | None = None,
    frame: pd.DataFrame | None = None,
) -> Weighted:
    """Weight a sample by a recipe.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    recipe : sequence of steps    applied in order; declaring steps computes nothing
    weight, status : str          columns: base weight (persons, > 0), final disposition
    replicates : ReplicateWeights or None   of the base weight; every step is repeated on each
    frame : DataFrame or None     one row per person of the population: totals of steps that only name columns are
        counted on it

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
    return begin_recipe(sample, recipe, weight=weight, status=status, replicates=replicates, frame=frame).finished()


@dataclass(frozen=True)
class WeightingRun:
    """A sample part of the way through a recipe: the weights after the steps so far, and the remaining steps.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    classes : array (n,)          the class of everyone for the steps
    left : tuple of steps         those to come, with their totals
    values, multiplicity : array (n, K)   weights in persons, the sample first and then the replicates; how often each
        person stands in each of them
    columns : dict                what each step has left, (n,)
    rows : list of dict           a row of the report for the base weight and for each step
    replicates : ReplicateWeights or None   as they were given
    fitted : Fitted or None       as in ``Weighted``

    References
    ----------
    Valliant (2004), Journal of Official Statistics 20 (replicates repeat every step).

    Examples
    --------
    >>> from spi_analysis.survey.weighting import UnknownEligibility, WeightingClasses
    >>> sample = pd.DataFrame({"unit": "a", "base_weight": 10.0, "disposition": ["I", "R", "UH"]})
    >>> run = begin_recipe(sample, [UnknownEligibility("unit"), WeightingClasses("unit")])
    >>> run.advanced(1).so_far.weight.tolist(), len(run.advanced(1).left)
    ([15.0, 15.0, 0.0], 1)
    """

    sample: pd.DataFrame
    classes: np.ndarray
    left: tuple[Step, ...]
    values: np.ndarray
    multiplicity: np.ndarray
    columns: dict[str, np.ndarray]
    rows: list[dict[str, Any]]
    replicates: ReplicateWeights | None
    fitted: Fitted | None = None

    def advanced(self, n_steps: int = 1) -> WeightingRun:
        """The run after so many more of its steps."""
        run = self
        for _ in self.left[:n_steps]:
            run = run._next()
        return run

    def finished(self) -> Weighted:
        """The sample as it is after the last step."""
        return self.advanced(len(self.left)).so_far

    @property
    def so_far(self) -> Weighted:
        """The sample as the steps so far have weighted it."""
        final, given = None, self.replicates
        if given is not None:
            final = ReplicateWeights(self.values[:, 1:], given.scale, given.rscales, given.method)
        table = pd.DataFrame(self.columns, index=self.sample.index)
        return Weighted(table, final, WeightingReport(pd.DataFrame(self.rows), table), self.fitted)

    def _next(self) -> WeightingRun:
        step, *left = self.left
        prepared, after = _carried_out(step, self.sample, self.classes, self.values, self.multiplicity)
        notes = prepared.review(self.values, after, self.multiplicity)
        row = report_row(type(step).__name__, step.column or self.rows[-1]["column"], after[:, 0])
        row |= {"merged": prepared.merged, "done": list(notes.done), "warnings": [*notes.warnings, *_negative(after)]}
        columns = self.columns | ({step.column: after[:, 0]} if step.column else {})
        fitted = prepared.fitted or self.fitted
        return replace(self, left=tuple(left), values=after, columns=columns, rows=[*self.rows, row], fitted=fitted)


def begin_recipe(
    sample: pd.DataFrame,
    recipe: Sequence[Step],
    *,
    weight: str = "base_weight",
    status: str = "disposition",
    replicates: ReplicateWeights | None = None,
    frame: pd.DataFrame | None = None,
) -> WeightingRun:
    """A recipe before its first step, to be carried out step by step.

    Parameters
    ----------
    sample, recipe, weight, status, replicates, frame   as in ``apply_recipe``, which carries out all steps

    Returns
    -------
    WeightingRun: with base weights, and all steps to come.

    Raises
    ------
    WeightingError   as ``apply_recipe``, but for what a step finds when it is carried out.

    References
    ----------
    As for ``apply_recipe``.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import WeightingClasses
    >>> sample = pd.DataFrame({"unit": "a", "base_weight": 10.0, "disposition": ["I", "R"]})
    >>> run = begin_recipe(sample, [WeightingClasses("unit")])
    >>> run.so_far.weight.tolist(), run.finished().weight.tolist()
    ([10.0, 10.0], [20.0, 0.0])
    """
    require_columns(sample, [weight, status])
    _require_steps(recipe)
    _require_own_columns(recipe, weight)
    base = weights_of(sample, weight)
    if (base <= 0).any():
        raise WeightingError("a base weight is 0", column=weight, expected="above 0 for everyone sampled")
    steps = recipe if frame is None else [_with_totals(step, frame) for step in recipe]
    values = base[:, None] if replicates is None else np.hstack([base[:, None], replicates.values])
    begun = {weight: base}, [report_row("base", weight, base)]
    return WeightingRun(
        sample, classify(sample[status]), tuple(steps), values, values / base[:, None], *begun, replicates
    )


def _with_totals(step: Step, frame: pd.DataFrame) -> Step:
    counted: Step = step.with_totals(frame) if hasattr(step, "with_totals") else step
    return counted


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
