"""One source of respondents: who may be invited, how many are drawn, and how the answers are weighted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from spi_analysis.params.base import Frozen, Judgement, Source, Text
from spi_analysis.params.loading import Wrong
from spi_analysis.params.roster import Blank, Roster, read_rows

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Names = TypeVar("Names", list[str], tuple[str, ...])
# What is known of everyone on a list, and so may divide the list into strata, classes and margins.
ListColumn = Literal["unit", "position_class", "service", "expert_group", "is_asn", "sex", "age_group"]


def unique(names: Names) -> Names:
    """The names, if none is listed twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Wrong("something is listed twice", twice, "each once")
    return names


UniqueColumns = Annotated[list[ListColumn], Field(min_length=1), AfterValidator(unique)]


class EligibilityParams(Judgement):
    """Who of the listed people may be invited. A rule left out does not apply."""

    min_tenure_years: Annotated[float, Field(ge=0)] | None = None
    min_unit_tenure_years: Annotated[float, Field(ge=0)] | None = None
    main_work_only: bool = False
    excluded_positions: tuple[str, ...] = ()
    max_months_since_service: Annotated[float, Field(gt=0)] | None = None


class TwoStageParams(Frozen):
    """For very large institutions: so many units with probability proportional to size, then so many people in each."""

    unit: ListColumn
    units: Annotated[int, Field(ge=2)]
    people: Annotated[int, Field(ge=2)]


class DesignParams(Judgement):
    """Sample size, strata, allocation and selection of one probability source.

    ``method``: srs (permanent random numbers), systematic (in the order of ``order``) or two_stage. ``allocation``
    shares out the answers, not the invitations. ``reserves``: drawn at once and activated later, each as a share of
    the first wave.
    """

    method: Literal["srs", "systematic", "two_stage"] = "srs"
    order: Annotated[tuple[ListColumn, ...], AfterValidator(unique)] = ()
    two_stage: TwoStageParams | None = None
    allocation: Literal["proportional", "equal", "power", "neyman"] = "proportional"
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

    @model_validator(mode="after")
    def _method_has_what_it_needs(self) -> DesignParams:
        if (self.method == "systematic") != bool(self.order):
            raise Wrong("method and order do not fit", (self.method, self.order), "an order for systematic, else none")
        if (self.method == "two_stage") != (self.two_stage is not None):
            raise Wrong("method and two_stage do not fit", self.method, "two_stage: unit, units, people; else none")
        return self


class NonresponseParams(Frozen):
    """Weighting classes; thin ones are merged."""

    classes: UniqueColumns
    min_respondents: Count


class RakeParams(Frozen):
    """Margins of the frame that the weights must reproduce."""

    margins: UniqueColumns
    min_respondents: Count
    tolerance: Annotated[float, Field(gt=0, lt=1e-3)]
    max_iterations: Count


class TrimParams(Frozen):
    """Weights above median + k * IQR are cut and the excess is spread over the rest."""

    k: Annotated[float, Field(gt=0)]


class WeightingParams(Judgement):
    """The weighting recipe of one probability source, step by step."""

    nonresponse: NonresponseParams
    rake: RakeParams
    trim: TrimParams


class SourceParams(Frozen):
    """One source of respondents. A panel is invited whole and is not a probability sample."""

    label: Text
    nature: Literal["probability", "panel"]
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
        """Units that were not drawn have nobody to stand for them: neither classes nor margins can be made of units."""
        if self.design is None or self.design.two_stage is None or self.weighting is None:
            return self
        unit = self.design.two_stage.unit
        if unit in (*self.weighting.nonresponse.classes, *self.weighting.rake.margins):
            raise Wrong("units that are drawn cannot be a class or margin of the weighting", unit, "other list columns")
        return self


# What is known of units from outside their lists: how many people there are, and how last round went.
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


def load_units(path: Path, roster: Roster) -> tuple[UnitFacts, ...]:
    """Read the file, if there is one; every code must be in the roster, every unit stand there once."""
    if not path.exists():
        return ()
    return tuple(read_rows(path, UnitFacts, roster, lambda row: (row.institution_id, row.source, row.unit)))


# What generated people are like: for demonstrations and tests of rounds whose sources are not the usual three.
#
# ``params/generator.yaml``, optional.

ListKind = Literal["internal", "external", "expert"]


class GeneratedSource(Frozen):
    """Generated people of one source.

    ``like``: whose lists and habits they have (employees with a career, users of a service, nominated people);
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

    ``units``: name -> share of the people before chance; ``services``: what users of a unit came for.
    """

    response_rate: Annotated[float, Field(gt=0, lt=1)]
    units: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    services: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: dict[Source, GeneratedSource]
