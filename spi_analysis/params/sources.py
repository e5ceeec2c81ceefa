"""The sources of respondents: who may be invited, how many are drawn, how the answers are weighted.

Of all sources together: the draw, and the index that their scores make.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from spi_analysis.errors import ParameterError, SamplingError, SpiError, WeightingError, nearest
from spi_analysis.params.loading import Cited, Frozen, Judgement, Source, Text, Wrong
from spi_analysis.params.roster import CORRECTIONS, Apart, Blank, InstitutionType, Roster, read_rows
from spi_analysis.survey.sampling import AllocationRule, allocation_of
from spi_analysis.survey.weighting import ELIGIBILITY, Step, recipe_of, step_of

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Names = TypeVar("Names", list[str], tuple[str, ...])
# List columns known for everyone, which may form strata, classes and margins.
ListColumn = Literal["unit", "position_class", "service", "expert_group", "nominator", "is_asn", "sex", "age_group"]
# Further list columns known for everyone.
KnownColumn = ListColumn | Literal["tenure_band", "unit_tenure_band", "channels", "n_listings"]
KNOWN = tuple(name for kind in get_args(KnownColumn) for name in get_args(kind))


def unique(names: Names) -> Names:
    """The names, if none is listed twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Wrong("something is listed twice", twice, "each once")
    return names


def _of_library(error: SpiError, named_by: str) -> Wrong:
    """An error of the library on a method, in terms of the parameters; ``named_by``: the key that holds its name."""
    first = error.problems[0]
    what = ": ".join(part for part in (first.what, first.key if first.key != named_by else "") if part)
    return Wrong(what, first.got or "nothing", first.expected, first.hint)


UniqueColumns = Annotated[list[ListColumn], Field(min_length=1), AfterValidator(unique)]


class EligibilityParams(Judgement):
    """Which listed people may be invited. A rule left out does not apply."""

    min_tenure_years: Annotated[float, Field(ge=0)] | None = None
    min_unit_tenure_years: Annotated[float, Field(ge=0)] | None = None
    main_work_only: bool = False
    excluded_positions: tuple[str, ...] = ()
    max_months_since_service: Annotated[float, Field(gt=0)] | None = None


class TwoStageParams(Frozen):
    """Two-stage samples for very large institutions: numbers of units (proportional to size) and of people in each."""

    unit: ListColumn
    units: Annotated[int, Field(ge=2)]
    people: Annotated[int, Field(ge=2)]


def known_allocation(given: str | dict[str, Any]) -> str | dict[str, Any]:
    """The rule of allocation, if the library has it with these settings."""
    try:
        allocation_of(given)
    except SamplingError as error:
        raise _of_library(error, "method") from None
    return given


class DesignParams(Judgement):
    """Sample size, strata, allocation and selection of one probability source.

    ``method``: srs (permanent random numbers), systematic (in the order of ``order``) or two_stage. ``allocation``
    allocates answers, not invitations: a name, or ``method`` with its settings. ``reserves``: drawn at once and
    activated later, each as a share of the first wave.
    """

    method: Literal["srs", "systematic", "two_stage"] = "srs"
    order: Annotated[tuple[ListColumn, ...], AfterValidator(unique)] = ()
    two_stage: TwoStageParams | None = None
    allocation: Annotated[str | dict[str, Any], AfterValidator(known_allocation)] = "proportional"
    reserves: tuple[Share, ...] = ()
    strata: UniqueColumns
    margin: Annotated[float, Field(gt=0, lt=0.5)]
    margin_ceiling: Annotated[float, Field(gt=0, lt=0.5)]
    p: Annotated[float, Field(gt=0, lt=1)]
    deff: Annotated[float, Field(gt=0)]
    eligibility_rate: Share
    response_rate: Share
    min_completes: Count
    min_per_stratum: Annotated[int, Field(ge=2)]
    min_stratum_people: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _margin_below_ceiling(self) -> DesignParams:
        if self.margin > self.margin_ceiling:
            raise Wrong("the margin of error lies above its ceiling", self.margin, f"at most {self.margin_ceiling}")
        return self

    @property
    def rule_name(self) -> str:
        """The name of the rule of allocation."""
        return str(self.allocation if isinstance(self.allocation, str) else self.allocation["method"])

    @property
    def rule(self) -> AllocationRule:
        """The rule that allocates the invitations."""
        return allocation_of(self.allocation)

    @model_validator(mode="after")
    def _allocation_looks_at_strata(self) -> DesignParams:
        unknown = [name for name in self.rule.needs if name not in self.strata]
        if unknown:
            raise Wrong(
                "the allocation names what is no column of the strata",
                unknown,
                ", ".join(self.strata),
                nearest(unknown[0], self.strata),
            )
        return self

    @model_validator(mode="after")
    def _method_has_what_it_needs(self) -> DesignParams:
        if (self.method == "systematic") != bool(self.order):
            raise Wrong("method and order do not fit", (self.method, self.order), "an order for systematic, else none")
        if (self.method == "two_stage") != (self.two_stage is not None):
            raise Wrong("method and two_stage do not fit", self.method, "two_stage: unit, units, people; else none")
        return self


class ComparisonParams(Judgement):
    """What a round wants to be able to tell apart: for the sizes that notebook 10 shows beside the plan.

    ``difference`` of two scores, ``margin`` of one and ``sd`` of people's scores, in points; ``power``: the chance to
    see the difference; ``correlation`` of a person's scores in two rounds; ``shares``: two shares of a rare experience
    that should be told apart; ``group``: the part of a source that a group is, whose members only asking finds out.
    """

    difference: Annotated[float, Field(gt=0, lt=100)]
    margin: Annotated[float, Field(gt=0, lt=50)]
    sd: Annotated[float, Field(gt=0, le=50)]
    power: Annotated[float, Field(ge=0.5, lt=1)]
    correlation: Annotated[float, Field(ge=0, lt=1)]
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], Annotated[float, Field(gt=0, lt=1)]]
    group: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _shares_differ(self) -> ComparisonParams:
        if not self.shares[0] < self.shares[1]:
            raise Wrong("the shares to be told apart do not rise", self.shares, "a smaller and a larger share")
        return self


class StepParams(Frozen):
    """One step of a recipe: its name, and its settings as they stand in the library's registry of steps.

    ``source`` and ``as_of`` where they differ from those of the list.
    """

    model_config = ConfigDict(extra="allow")

    step: str
    source: str | None = None
    as_of: dt.date | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Name and settings."""
        return {"step": self.step, **(self.model_extra or {})}

    @property
    def made(self) -> Step:
        """The step itself."""
        return step_of(self.given)

    @model_validator(mode="after")
    def _can_be_made(self) -> StepParams:
        try:
            needed = needs_of(self.made)
        except WeightingError as error:
            raise _of_library(error, "step") from None
        unknown = [name for name in needed if name not in KNOWN]
        if unknown:
            raise Wrong("the list has no such column", unknown, ", ".join(KNOWN), nearest(unknown[0], KNOWN))
        for value in self.given.values():
            if isinstance(value, list) and all(isinstance(one, str) for one in value):
                unique(value)
        return self


def needs_of(step: Step) -> tuple[str, ...]:
    """The columns that a step uses."""
    return tuple(getattr(step, "needs", ()))


class WeightingParams(Judgement):
    """The weighting recipe of one probability source: its steps in the order in which they are carried out.

    In the round's file also a plain list of steps, which is then a judgement of the round as a whole.
    """

    steps: Annotated[tuple[StepParams, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_carried_out(self) -> WeightingParams:
        try:
            self.recipe  # noqa: B018
        except WeightingError as error:
            raise _of_library(error, "step") from None
        return self

    @cached_property
    def recipe(self) -> list[Step]:
        """The steps, for ``apply_recipe``."""
        return recipe_of([one.given for one in self.steps])

    @property
    def columns(self) -> list[str]:
        """The columns of the list that any step uses."""
        return _each_once(name for step in self.recipe for name in needs_of(step))

    @cached_property
    def classes(self) -> list[str]:
        """The columns of the classes inside which weight moves to respondents; none where no step has classes."""
        found = [needs_of(step) for step in self.recipe if hasattr(step, "response_groups")]
        return list(found[-1]) if found else []

    @property
    def eligible_column(self) -> str:
        """The column adjusted for unknown eligibility: it sums to the eligible and the known ineligible."""
        made = [step.column for step in self.recipe if getattr(step, "place", None) == ELIGIBILITY]
        return made[-1] if made else "base_weight"

    @cached_property
    def margins(self) -> list[str]:
        """The columns of the margins, whose counts on the list the weights reproduce."""
        return _each_once(name for step in self.recipe if hasattr(step, "with_totals") for name in needs_of(step))

    @property
    def least_of_margins(self) -> int:
        """The least respondents of a level of the margins: thinner ones are merged."""
        with_margins = [step for step in self.recipe if hasattr(step, "with_totals")]
        return max((int(getattr(step, "min_respondents", 1)) for step in with_margins), default=1)


def _each_once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def with_judgement_of(whole: Mapping[str, Any], part: Any) -> Any:
    """A plain list of steps as a group of values, whose source and date are those of the whole round."""
    if not isinstance(part, list):
        return part
    return {"steps": part, **{key: whole[key] for key in ("source", "as_of") if key in whole}}


class SourceParams(Frozen):
    """One source of respondents. A panel is invited whole and is not a probability sample.

    ``nominated``: drawn from a list of people who were nominated to judge, such as experts. Of them as little is told
    as of a panel, whose people are nominated, too.
    """

    label: Text
    nature: Literal["probability", "panel"]
    nominated: bool = False
    eligibility: EligibilityParams
    design: DesignParams | None = None
    weighting: WeightingParams | None = None

    @model_validator(mode="after")
    def _probability_has_a_design(self) -> SourceParams:
        given = [name for name in ("design", "weighting") if getattr(self, name) is not None]
        expected = ["design", "weighting"] if self.nature == "probability" else []
        if given != expected:
            raise Wrong(f"nature is {self.nature}", given or "neither", expected or "neither design nor weighting")
        return self

    @model_validator(mode="after")
    def _drawn_units_are_no_margin(self) -> SourceParams:
        """Units that were not drawn have no respondents, so neither classes nor margins can be made of units."""
        if self.design is None or self.design.two_stage is None or self.weighting is None:
            return self
        unit = self.design.two_stage.unit
        if unit in self.weighting.columns:
            raise Wrong("units that are drawn cannot be a class or margin of the weighting", unit, "other list columns")
        return self


# Facts on units from outside their lists: their number of people, and the response of the last round.
#
# ``params/rounds/<round>.units.csv``, optional: one row per institution, source and unit; an empty unit stands for the
# whole source.

People = Annotated[Annotated[int, Field(ge=0)] | None, Blank]


class UnitFacts(Frozen):
    """One unit of one source: people by the personnel office or the service's register, and last round's response.

    ``invited_before`` leaves out those who proved ineligible; ``sd_before`` is the standard deviation of the score,
    in points. ``basis`` says where the figures come from.
    """

    institution_id: str
    source: Source
    unit: str = ""
    known_people: People = None
    invited_before: People = None
    answered_before: People = None
    sd_before: Annotated[Annotated[float, Field(ge=0, le=50)] | None, Blank] = None
    basis: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _answers_fit(self) -> UnitFacts:
        given = (self.invited_before, self.answered_before)
        if (given[0] is None) != (given[1] is None) or (given[0] is not None and given[1] > given[0]):
            raise Wrong("invited_before and answered_before do not fit", given, "both, answers at most as invited")
        return self


def load_units(path: Path, roster: Roster, apart: Apart | None = None) -> tuple[UnitFacts, ...]:
    """Read the file, if there is one; every code must be in the roster, every unit stand there once."""
    if not path.exists():
        return ()
    return tuple(
        read_rows(path, UnitFacts, roster, lambda row: (row.institution_id, row.source, row.unit), apart=apart)
    )


# Parameters of generated people, for demonstrations and tests of rounds with other than the usual three sources.
#
# ``params/generator.yaml``, optional.

ListKind = Literal["internal", "external", "expert"]


class GeneratedSource(Frozen):
    """Generated people of one source.

    ``like``: the source that they are modelled on (employees with a career, users of a service, nominated people);
    ``people``: fewest and most on a list; ``score``: mean and SD of the true score over institutions, in points.
    """

    like: ListKind
    people: tuple[Count, Count]
    score: tuple[Annotated[float, Field(gt=0, lt=100)], Annotated[float, Field(ge=0, lt=50)]]

    @model_validator(mode="after")
    def _fewest_before_most(self) -> GeneratedSource:
        if self.people[0] > self.people[1]:
            raise Wrong("the fewest people are more than the most", self.people, "fewest, most")
        return self


class GeneratorParams(Judgement):
    """Generated institutions of a round.

    ``units``: name -> share of the people before chance; ``services``: the services that users of a unit came for.
    """

    response_rate: Annotated[float, Field(gt=0, lt=1)]
    units: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    services: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: dict[Source, GeneratedSource]


# What the draw of all sources starts from.


class CoordinationParams(Judgement):
    """Co-ordination with an earlier round: fewest (least) or most people in both; both have the same public value.

    ``margin``: a further rotation, as a part of the circle, so that nobody at all is asked twice.
    """

    round: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    aim: Literal["least", "most"]
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.0


class ValueForm(Frozen):
    """The form of a public value that is a number, so that each number has one spelling.

    ``digits``: so many before the point, zeros in front included (None: as many as it takes, and no zero in front);
    ``decimals``: so many behind a point. No other character.
    """

    digits: Annotated[int, Field(ge=1, le=40)] | None = None
    decimals: Annotated[int, Field(ge=0, le=12)] = 0

    def fits(self, value: str) -> bool:
        """Whether a value has this form."""
        whole = "(0|[1-9][0-9]*)" if self.digits is None else f"[0-9]{{{self.digits}}}"
        return re.fullmatch(whole + (rf"\.[0-9]{{{self.decimals}}}" if self.decimals else ""), value) is not None

    @property
    def example(self) -> str:
        """An example of this form."""
        whole = "7214" if self.digits is None else "7214".zfill(self.digits)[-self.digits :]
        return whole + ("." + "1750".ljust(self.decimals, "0")[: self.decimals] if self.decimals else "")


class DrawParams(Judgement):
    """The public value that fixes the start of the permanent random numbers; empty until its date has come.

    ``timestamp_server``: address of a service (RFC 3161) that confirms when the draw was announced.
    """

    public_value_name: Text
    public_value: str
    public_value_date: dt.date
    # Required for an announcement: otherwise one number could be written in many ways, each with another start.
    public_value_form: ValueForm | None = None
    timestamp_server: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None

    @field_validator("public_value")
    @classmethod
    def _plain(cls, value: str) -> str:
        """Every character counts: a typographic quotation mark from a word processor would give another draw."""
        if not value.isascii() or value != value.strip() or '"' in value or "'" in value:
            expected = "letters, digits, spaces and . , - / of ASCII, without quotation marks"
            raise Wrong("the public value holds quotation marks, or letters that look like others", value, expected)
        return value

    coordination: CoordinationParams | None = None

    @model_validator(mode="after")
    def _in_its_form(self) -> DrawParams:
        form, value = self.public_value_form, self.public_value
        if form is not None and value and not form.fits(value):
            raise Wrong(
                "the public value is not written in its one form",
                value,
                f"a number written like {form.example}",
                "no mark between thousands, a point before decimals, no other character",
                key="public_value",
            )
        return self


# What the index is made of, and its categories.


class ComponentParams(Frozen):
    """A part of the index without answers, such as a score of documents: an input per institution, 0 to 100."""

    label: Text
    weight: Share


class SourceWeights(Judgement):
    """How the scores of the sources, and components beside them, make an index."""

    source_weights: Annotated[dict[Source, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)]
    components: dict[Source, ComponentParams] = Field(default_factory=dict)
    decimals: Annotated[int, Field(ge=0, le=6)]

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every source and component."""
        return {**self.source_weights, **{name: part.weight for name, part in self.components.items()}}

    @model_validator(mode="after")
    def _sums_to_one(self) -> SourceWeights:
        if twice := sorted({*self.components} & {*self.source_weights, *CORRECTIONS}):
            raise Wrong("a component is named like a source or a correction", ", ".join(twice), "a name of its own")
        total = sum(self.weights.values())
        if abs(total - 1) > 1e-9:
            raise Wrong(
                "the source weights do not sum to 1",
                f"sum {total:.6g}",
                f"{' + '.join(self.weights)} = 1",
                key="source_weights",
            )
        return self


class IndexParams(SourceWeights, Cited):
    """The index of a round."""


class CategoryLevel(Frozen):
    """One category; it holds indices below ``below`` (the top one has no limit)."""

    code: str
    label: Text
    below: float | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class TypeSpread(Frozen):
    """Mean and standard deviation of the index over the institutions of a type, in points."""

    mean: Annotated[float, Field(ge=0, le=100)]
    sd: Annotated[float, Field(gt=0, le=50)]


class CategoryParams(Judgement, Cited):
    """Categories from the lowest to the highest; they apply to the index rounded to its published decimals.

    ``by_type``: where it is given, the limits are not points but standard deviations from the mean of the
    institution's type; `of_type` gives the points.
    """

    levels: list[CategoryLevel]
    by_type: dict[InstitutionType, TypeSpread] = Field(default_factory=dict)

    def of_type(self, kind: InstitutionType) -> CategoryParams:
        """The categories of an institution of a type, with limits in points: mean + limit x SD.

        Raises
        ------
        ParameterError   limits are by type, and of this one no mean and SD are given.
        """
        if not self.by_type:
            return self
        if kind not in self.by_type:
            raise ParameterError(
                "no mean and standard deviation are given for a type of institution",
                key=f"categories.by_type.{kind}",
                got=", ".join(self.by_type),
                expected=f"also {kind}",
            )
        spread = self.by_type[kind]
        levels = [
            level if level.below is None else level.model_copy(update={"below": spread.mean + level.below * spread.sd})
            for level in self.levels
        ]
        return self.model_copy(update={"levels": levels, "by_type": {}})

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: list[CategoryLevel]) -> list[CategoryLevel]:
        limits = [level.below for level in levels]
        if not limits or limits[-1] is not None or None in limits[:-1]:
            raise Wrong("only the last category may (and must) be without a limit", limits, "e.g. 73, 78, none")
        bounded = [limit for limit in limits if limit is not None]
        if bounded != sorted(set(bounded)):
            raise Wrong("the thresholds are out of order", bounded, "rising limits", f"try {sorted(set(bounded))}")
        return levels
