"""Rules of allocation by name: what a file of parameters says, and how it is carried out.

What computes is imported when a rule is carried out: reading parameters loads no solver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar

import pandas as pd
from annotated_types import Ge, Gt, Le, MinLen

from spi_analysis.errors import SamplingError
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.registry import Registry

# A target is met but for rounding.
CV_ROUNDING = 1e-9


class AllocationRule(Protocol):
    """How invitations are shared out: a frozen dataclass whose fields are its settings.

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
    """Take a rule of allocation into the registry, so that files of parameters can name it: a decorator.

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
    """A number of answers, shared out by a method of ``allocate`` without settings."""

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
    """Answers by people and spread."""

    name = "neyman"


@register_allocation
@dataclass(frozen=True)
class PowerAllocation(_SharedOut):
    """By a power of the people: 0 is equal, 1 proportional."""

    name = "power"
    power: Annotated[float, Ge(0), Le(1)] = 0.5

    def invitations(self, strata: pd.DataFrame, completes: float, min_invited: int) -> pd.Series:
        from spi_analysis.survey.sampling.response import invitations_for

        return invitations_for(strata, completes, self.name, min_invited=min_invited, power=self.power)


@register_allocation
@dataclass(frozen=True)
class CostAllocation(_SharedOut):
    """By people and spread, fewer where an invitation costs more.

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
    """What is assumed of a variable in every stratum: mean and standard deviation, in its own unit."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012
    mean: Annotated[float, Gt(0)]
    sd: Annotated[float, Gt(0)]


@register_allocation
@dataclass(frozen=True)
class BethelAllocation:
    """The fewest invitations whose expected answers meet every target (see ``bethel``).

    A variable that is not in ``assumed`` has the mean and sd of the strata: what was seen last time, or the share that
    sizes are planned for.
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
