"""Sample sizes of strata: one optimum for all methods, with bounds, exact in whole numbers.

Every method minimises ``sum(a_h**2 / n_h)`` for its own measure ``a_h`` of a stratum;
without bounds that gives n_h proportional to a_h. In whole numbers the minimum is
found exactly by giving one unit after another to the stratum with the largest
``a_h / sqrt(n_h (n_h + 1))``.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar

from annotated_types import Ge, Gt, Le, MinLen

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import is_number, require_columns
from spi_analysis.survey.registry import Registry
from spi_analysis.threads import np, pd

Bound = float | str | None
COST = "cost"


def allocate(
    strata: pd.DataFrame,
    n: int | None = None,
    method: str = "proportional",
    pop_size: str = "N",
    sd: str = "sd",
    mean: str | None = None,
    cost: str | None = None,
    budget: float | None = None,
    min_n: Bound = None,
    max_n: Bound = None,
    power: float = 0.5,
    integer: bool = True,
) -> pd.Series:
    """Allocate n (or a budget) to strata.

    Parameters
    ----------
    strata : DataFrame (H, ...)   one row per stratum
    n : int                       people in all; or
    budget : float                money in all, in the unit of ``cost``, with ``method="cost"``
    method : str
        equal; proportional (to N_h); neyman (N_h S_h); power (Bankier: (N_h Ybar_h)**power * S_h/Ybar_h,
        needs ``mean``; with ``mean=None`` N_h**power); cost (N_h S_h / sqrt(c_h))
    pop_size, sd, mean, cost : str   columns with N_h, S_h, Ybar_h, c_h (cost per person; None: column ``cost``)
    min_n, max_n : number or column   bounds; n_h never exceeds N_h
    power : float                 exponent of ``method="power"``: with ``mean``, 0 gives nearly equal CVs, 1 is neyman
    integer : bool
        whole numbers (for n the exact optimum; for a budget greedy by gain per cost: never over it, but where prices
        differ another split may spend the last of it a little better), or the real-valued optimum

    Returns
    -------
    Series (H,), index of ``strata``, name ``n``, in people: sums to n, or costs at most the budget.

    Raises
    ------
    SamplingError   no strata, unknown method or column, values that are not finite numbers, n that is no whole number
        (with ``integer``), bounds that cross or cannot hold n, both or neither of n and budget.

    References
    ----------
    Cochran (1977), ch. 5; Bankier (1988), The American Statistician 42; Wright (2012), The American Statistician 66;
    Wright (2017), Statistics & Probability Letters 129.

    Examples
    --------
    >>> strata = pd.DataFrame({"N": [60, 30, 10], "sd": [1.0, 2.0, 6.0]}, index=["a", "b", "c"])
    >>> allocate(strata, 10).tolist()
    [6, 3, 1]
    >>> allocate(strata, 9, method="neyman").tolist()
    [3, 3, 3]
    >>> allocate(strata, 10, min_n=2).tolist()
    [5, 3, 2]
    """
    if strata.empty:
        raise SamplingError("there are no strata", got="an empty table", expected="one row per stratum")
    measure = _measure(strata, method, pop_size, sd, mean, cost, power)
    low, high = _bounds(strata, pop_size, min_n, max_n)
    if integer:
        low, high = np.ceil(low), np.floor(high)
    total = _total(n, budget, method, integer)
    spent = np.ones(len(strata)) if budget is None else column_of(strata, cost or COST, above_zero=True)
    _check_feasible(strata, low, high, total, spent)
    real = _real_optimum(measure, low, high, total, spent)
    if not integer:
        return pd.Series(real, index=strata.index, name="n")
    if budget is not None:
        whole = _greedy(measure, low, high, None, spent, total)
    else:
        whole = _integer_optimum(measure, low, high, round(total), real)
    return pd.Series(whole.astype(int), index=strata.index, name="n")


def _measure(
    strata: pd.DataFrame, method: str, pop_size: str, sd: str, mean: str | None, cost: str | None, power: float
) -> np.ndarray:
    def size() -> np.ndarray:
        return column_of(strata, pop_size)

    def bankier() -> np.ndarray:
        if mean is None:
            return size() ** power
        # Bankier (1988): n_h in proportion to (N_h Ybar_h)**power * S_h / Ybar_h.
        centre = column_of(strata, mean, above_zero=True)
        return (size() * centre) ** power * column_of(strata, sd) / centre

    measures: dict[str, Callable[[], np.ndarray]] = {
        "equal": lambda: np.ones(len(strata)),
        "proportional": size,
        "neyman": lambda: size() * column_of(strata, sd),
        "power": bankier,
        "cost": lambda: size() * column_of(strata, sd) / np.sqrt(column_of(strata, cost or COST, above_zero=True)),
    }
    if method not in measures:
        raise SamplingError("unknown method", got=method, expected=", ".join(measures), hint=nearest(method, measures))
    return measures[method]()


def column_of(strata: pd.DataFrame, name: str, *, above_zero: bool = False) -> np.ndarray:
    """Numbers of the strata, 0 or more; raises for what is none, and for a column that is missing."""
    require_columns(strata, [name], SamplingError)
    values = pd.to_numeric(strata[name], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & ((values > 0) if above_zero else (values >= 0)))
    if bad.any():
        raise SamplingError(
            "a stratum has no usable value",
            column=name,
            row=int(bad.argmax()) + 1,
            got=str(strata[name].to_numpy()[bad][0]),
            expected="above 0" if above_zero else "0 or more",
        )
    return values


def _bounds(strata: pd.DataFrame, pop_size: str, min_n: Bound, max_n: Bound) -> tuple[np.ndarray, np.ndarray]:
    def bound(name: str, value: Bound, default: float) -> np.ndarray:
        if isinstance(value, str):
            return column_of(strata, value)
        if value is None:
            return np.full(len(strata), default)
        if not is_number(value) or value < 0:
            raise SamplingError(f"{name} is out of range", got=str(value), expected="a number, 0 or more, or a column")
        return np.full(len(strata), float(value))

    people = column_of(strata, pop_size) if pop_size in strata.columns else np.full(len(strata), np.inf)
    high = np.minimum(bound("max_n", max_n, np.inf), people)
    # A stratum with fewer people than the minimum is taken whole.
    return np.minimum(bound("min_n", min_n, 0.0), people), high


def _total(n: int | None, budget: float | None, method: str, integer: bool) -> float:
    if (n is None) == (budget is None) or (budget is not None and method != "cost"):
        raise SamplingError(
            "it is not clear what to share out",
            got=f"n={n}, budget={budget}, method={method}",
            expected='n, or budget with method="cost"',
        )
    total = n if n is not None else budget
    if not is_number(total) or total < 0:
        what = "n" if n is not None else "budget"
        raise SamplingError(f"{what} is out of range", got=str(total), expected="a finite number, 0 or more")
    if n is not None and integer and float(n) % 1:
        raise SamplingError("n is no whole number", got=str(n), expected="a whole number, or integer=False")
    return float(total)


def _check_feasible(strata: pd.DataFrame, low: np.ndarray, high: np.ndarray, total: float, spent: np.ndarray) -> None:
    crossed = low > high
    if crossed.any():
        raise SamplingError(
            *(
                Problem("the bounds cross", key=str(strata.index[int(i)]), got=f"{low[i]:g} to {high[i]:g}")
                for i in np.flatnonzero(crossed)
            )
        )
    least, most = float(low @ spent), float(np.where(np.isinf(high), 1e300, high) @ spent)
    if not least <= total + 1e-9 or not total <= most + 1e-9:
        raise SamplingError(
            "the total does not fit the bounds", got=f"{total:g}", expected=f"between {least:g} and {most:g}"
        )


def _real_optimum(
    measure: np.ndarray, low: np.ndarray, high: np.ndarray, total: float, spent: np.ndarray
) -> np.ndarray:
    """n_h = clip(a_h / scale) with the scale at which the total is met."""

    def shared(log_scale: float) -> np.ndarray:
        return np.clip(measure * np.exp(log_scale), low, high)

    def excess(log_scale: float) -> float:
        return float(shared(log_scale) @ spent) - total

    # Here, since everyone who reads parameters loads this module.
    from scipy.optimize import brentq

    if excess(-700.0) >= 0:
        return shared(-700.0)
    if excess(600.0) < 0:
        # Strata with a measure are full; the rest goes to strata with measure 0, where every split is equally good.
        return _real_optimum(np.ones(len(low)), shared(600.0), high, total, spent)
    return shared(float(brentq(excess, -700.0, 600.0, xtol=1e-15, rtol=1e-15, maxiter=500)))


def _integer_optimum(
    measure: np.ndarray, low: np.ndarray, high: np.ndarray, total: int, real: np.ndarray
) -> np.ndarray:
    """Exact: the greedy rule, started a little below the real-valued optimum at a point of its path."""
    start = np.clip(np.floor(real) - 2, low, high)
    while start.sum() > total or not _on_greedy_path(measure, start, low, high):
        start = np.clip(start - np.maximum(1, np.ceil(start * 0.02)), low, high)
    return _greedy(measure, start, high, total - int(start.sum()), None, None)


def _on_greedy_path(measure: np.ndarray, start: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether every unit given so far has a larger priority than every unit still to be given."""
    given, open_ = start > low, start < high
    if not given.any() or not open_.any():
        return True
    # Priorities a / sqrt(n (n + 1)) of the last unit given (at n - 1) and of the next one (at n), Wright (2012).
    last = measure[given] / np.sqrt(start[given] * (start[given] - 1).clip(0) + (start[given] <= 1) * 1e-300)
    following = measure[open_] / np.sqrt(np.maximum(start[open_] * (start[open_] + 1), 1e-300))
    return bool(last.min() >= following.max())


def _greedy(
    measure: np.ndarray,
    start: np.ndarray,
    high: np.ndarray,
    places: int | None,
    price: np.ndarray | None,
    budget: float | None,
) -> np.ndarray:
    """Give units one by one by priority, until all units (or the budget) are used. Ties go to the first stratum."""
    # Plain numbers, since arrays are slower for one unit at a time.
    n, sizes, most = start.tolist(), measure.tolist(), high.tolist()
    prices = None if price is None else price.tolist()

    def priority(h: int) -> tuple[float, float, int]:
        # A stratum without anybody comes first; among those, the one with the largest measure.
        # Wright (2012): one more unit lowers a**2 (1/n - 1/(n+1)), so the priority is a / sqrt(n (n + 1)).
        gain = sizes[h] / math.sqrt(n[h] * (n[h] + 1)) if n[h] else math.inf if sizes[h] else 0.0
        return (-gain, -sizes[h], h)

    queue = [priority(h) for h in range(len(n)) if n[h] < most[h]]
    heapq.heapify(queue)
    left = float(places) if places is not None else float(budget or 0) - float(start @ price)
    while queue:
        _, _, h = heapq.heappop(queue)
        step = prices[h] if prices is not None else 1.0
        if step > left + 1e-9:
            if prices is None:
                break
            continue
        n[h] += 1
        left -= step
        if n[h] < most[h]:
            heapq.heappush(queue, priority(h))
    return np.array(n)


# Rules of allocation by name, as files of parameters give them.

# A target is met but for rounding.
CV_ROUNDING = 1e-9


class AllocationRule(Protocol):
    """A rule that allocates invitations: a frozen dataclass whose fields are its settings.

    ``invitations`` gives them per stratum (H,), for strata with pop_size, response, sd, mean and the columns that
    divide them. ``sets_size``: the settings themselves say how many answers are needed. ``needs``: columns of the
    strata.
    """

    sets_size: bool

    @property
    def needs(self) -> tuple[str, ...]: ...

    def invitations(self, strata: pd.DataFrame, completes: float, min_invited: int) -> pd.Series: ...


RuleClass = TypeVar("RuleClass", bound=type)


def _load_rules() -> tuple[None, ...]:
    """Every other module that defines rules: none yet."""
    return ()


_RULES: Registry[AllocationRule] = Registry("method", ("invitations", "needs", "sets_size"), SamplingError, _load_rules)


def register_allocation(rule: RuleClass) -> RuleClass:
    """A decorator that enters a rule of allocation into the registry, so that files of parameters can name it.

    Parameters
    ----------
    rule : class   a frozen dataclass with ``name``, ``sets_size``, ``needs`` and ``invitations(strata, completes,
        min_invited)``; its fields are the keys of a file

    Returns
    -------
    The class itself.

    Raises
    ------
    SamplingError   no frozen dataclass, or one without these; another rule has this name.

    References
    ----------
    Cochran (1977), Sampling Techniques, ch. 5.

    Examples
    --------
    >>> @register_allocation
    ... @dataclass(frozen=True)
    ... class Everyone:
    ...     name = "everyone"
    ...     sets_size = True
    ...     needs = ()
    ...
    ...     def invitations(self, strata, completes, min_invited):
    ...         return strata["pop_size"]
    >>> allocation_of("everyone")
    Everyone()
    """
    return _RULES.register(rule)


def allocation_of(given: str | Mapping[str, Any]) -> AllocationRule:
    """The rule of allocation that a name, or a mapping with its settings, stands for.

    Parameters
    ----------
    given : str or mapping   the name; or ``method``: the name, and all else fields of the rule

    Returns
    -------
    The rule: ``invitations(strata, completes, min_invited)`` gives the invitations per stratum.

    Raises
    ------
    SamplingError   an unknown rule or setting (the nearest is named), one that is missing, a value that does not fit.

    References
    ----------
    Cochran (1977), ch. 5; Bankier (1988), The American Statistician 42; Bethel (1989), Survey Methodology 15.

    Examples
    --------
    >>> strata = pd.DataFrame({"pop_size": [100, 50], "response": [0.5, 0.25], "mean": 0.5, "sd": 0.5})
    >>> allocation_of("proportional").invitations(strata, 30, 2).tolist()
    [40, 40]

    A CV of 10 % of one half, in 100 people of whom all answer: 0.5**2 (1/n - 1/100) = 0.05**2, so that n is 50.

    >>> rule = allocation_of({"method": "bethel", "targets": [{"variable": "share", "cv": 0.1}]})
    >>> everyone = pd.DataFrame({"pop_size": [100], "response": 1.0, "mean": 0.5, "sd": 0.5})
    >>> rule.invitations(everyone, 30, 2).tolist(), rule.reached(everyone, pd.Series([50]))["reached"].round(6).tolist()
    ([50], [0.1])
    """
    return _RULES.build({"method": given} if isinstance(given, str) else given)


@dataclass(frozen=True)
class _SharedOut:
    """A number of answers, allocated by a method of ``allocate`` without settings."""

    name = ""
    sets_size = False

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def invitations(self, strata: pd.DataFrame, completes: float, min_invited: int) -> pd.Series:
        from spi_analysis.survey.sampling.response import invitations_for

        return invitations_for(strata, completes, self.name, min_invited=min_invited)


@register_allocation
@dataclass(frozen=True)
class EqualAllocation(_SharedOut):
    """The same answers in every stratum."""

    name = "equal"


@register_allocation
@dataclass(frozen=True)
class ProportionalAllocation(_SharedOut):
    """Answers in proportion to people."""

    name = "proportional"


@register_allocation
@dataclass(frozen=True)
class NeymanAllocation(_SharedOut):
    """Answers in proportion to N_h S_h (Neyman)."""

    name = "neyman"


@register_allocation
@dataclass(frozen=True)
class PowerAllocation(_SharedOut):
    """Answers in proportion to a power of N_h: 0 is equal, 1 proportional."""

    name = "power"
    power: Annotated[float, Ge(0), Le(1)] = 0.5

    def invitations(self, strata: pd.DataFrame, completes: float, min_invited: int) -> pd.Series:
        from spi_analysis.survey.sampling.response import invitations_for

        return invitations_for(strata, completes, self.name, min_invited=min_invited, power=self.power)


@register_allocation
@dataclass(frozen=True)
class CostAllocation(_SharedOut):
    """Answers in proportion to N_h S_h / sqrt(c_h), c_h the cost of an answer.

    ``costs`` per level of the column ``by``; levels that are not named cost ``otherwise``.
    """

    name = "cost"
    by: str
    costs: Mapping[str, Annotated[float, Gt(0)]]
    otherwise: Annotated[float, Gt(0)] = 1.0

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.by,)

    def invitations(self, strata: pd.DataFrame, completes: float, min_invited: int) -> pd.Series:
        from spi_analysis.survey.sampling.response import invitations_for

        require_columns(strata, ["response", self.by], SamplingError)
        # An answer takes 1/response invitations.
        per_answer = strata[self.by].map(dict(self.costs)).fillna(self.otherwise) / strata["response"]
        priced = strata.assign(_cost=per_answer)
        return invitations_for(priced, completes, self.name, min_invited=min_invited, cost="_cost")


@dataclass(frozen=True)
class CvTarget:
    """The most that the coefficient of variation of a mean may be; of every level of ``domain`` ("": of all strata)."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012
    variable: str
    cv: Annotated[float, Gt(0), Le(1)]
    domain: str = ""


@dataclass(frozen=True)
class Moments:
    """Assumed moments of a variable in every stratum: mean and standard deviation, in its own unit."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012
    mean: Annotated[float, Gt(0)]
    sd: Annotated[float, Gt(0)]


@register_allocation
@dataclass(frozen=True)
class BethelAllocation:
    """The fewest invitations whose expected answers meet every target (see ``bethel``).

    A variable that is not in ``assumed`` has the mean and sd of the strata: those of the last round, or of the share
    that sizes are planned for.
    """

    name = "bethel"
    sets_size = True
    targets: Annotated[tuple[CvTarget, ...], MinLen(1)]
    assumed: Mapping[str, Moments] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(target.domain for target in self.targets if target.domain))

    @property
    def table(self) -> pd.DataFrame:
        """The targets as ``bethel`` takes them."""
        rows = [(target.domain, target.variable, target.cv) for target in self.targets]
        return pd.DataFrame(rows, columns=["domain", "variable", "cv"])

    def _with_moments(self, strata: pd.DataFrame) -> pd.DataFrame:
        require_columns(strata, ["mean", "sd"], SamplingError)
        columns: dict[str, Any] = {}
        for name in self.table["variable"].unique():
            own = self.assumed.get(name)
            columns[f"mean_{name}"] = strata["mean"] if own is None else own.mean
            columns[f"sd_{name}"] = strata["sd"] if own is None else own.sd
        return strata.assign(**columns)

    def invitations(self, strata: pd.DataFrame, completes: float, min_invited: int) -> pd.Series:
        from spi_analysis.survey.sampling.bethel_allocation import bethel

        return bethel(self._with_moments(strata), self.table, "pop_size", min_n=min_invited, response="response")

    def reached(self, strata: pd.DataFrame, invited: pd.Series) -> pd.DataFrame:
        """The CV of every target that these invitations may be expected to reach (see ``achieved_cv``)."""
        from spi_analysis.survey.sampling.bethel_allocation import achieved_cv

        return achieved_cv(self._with_moments(strata), invited, self.table, "pop_size", "response")

    def proportional(self, strata: pd.DataFrame, min_invited: int) -> pd.Series:
        """The fewest invitations for answers in proportion to people that meet every target; everyone where none do."""
        from spi_analysis.survey.sampling.response import invitations_by

        missed, enough = 0, int(strata["pop_size"].sum())
        while enough - missed > 1:
            middle = (missed + enough) // 2
            table = self.reached(strata, invitations_by(strata, middle, min_invited=min_invited))
            met = bool((table["reached"] <= table["cv"] * (1 + CV_ROUNDING)).all())
            missed, enough = (missed, middle) if met else (middle, enough)
        return invitations_by(strata, enough, min_invited=min_invited)
