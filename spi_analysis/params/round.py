"""One survey round: every judgement of design, weighting, scoring and release."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from spi_analysis.errors import nearest
from spi_analysis.params.base import Cited, Frozen, Judgement, Language, Source, Text
from spi_analysis.params.loading import Wrong
from spi_analysis.params.mapping import EventName

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
# What is known of everyone on a list, and so may divide the list into strata, classes and margins.
ListColumn = Literal["unit", "position_class", "service", "expert_group", "is_asn", "sex", "age_group"]
# House rule for personal data: nothing on fewer people than this, whatever a round says.
LEAST_CELL, LEAST_PANEL = 10, 3
# Fewer replicates say nothing about a variance; more than this is a slip of the pen.
REPLICATES = (20, 10_000)
# A comparison over more years than this is a slip of the pen.
MOST_YEARS_BACK = 10
Disposition = Literal["I", "P", "R", "NC", "O", "UH", "UO", "NE"]


def _once_each(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Wrong("something is listed twice", twice, "each once")
    return names


OnceEach = Annotated[list[ListColumn], Field(min_length=1), AfterValidator(_once_each)]


class SourceWeights(Judgement):
    """How the three source scores make an index."""

    source_weights: dict[Source, Annotated[float, Field(ge=0, le=1)]]
    decimals: Annotated[int, Field(ge=0, le=6)]

    @field_validator("source_weights")
    @classmethod
    def _sums_to_one(cls, weights: dict[Source, float]) -> dict[Source, float]:
        total = sum(weights.values())
        if abs(total - 1) > 1e-9:
            raise Wrong("the source weights do not sum to 1", f"sum {total:.6g}", "internal + external + expert = 1")
        if set(weights) != {"internal", "external", "expert"}:
            raise Wrong("a source has no weight", sorted(weights), "internal, external, expert")
        return weights


class IndexParams(SourceWeights, Cited):
    """The index of a round."""


class CategoryLevel(Frozen):
    """One category; it holds indices below ``below`` (the top one has no limit)."""

    code: str
    label: Text
    below: float | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class CategoryParams(Judgement, Cited):
    """Categories from the lowest to the highest; they apply to the index rounded to its published decimals."""

    levels: list[CategoryLevel]

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


class TargetParams(Judgement):
    """The index to be reached in the national plan."""

    national: Annotated[float, Field(ge=0, le=100)]


class FrameParams(Judgement):
    """How list rows are classed."""

    age_limits: list[Annotated[int, Field(ge=15, le=100)]]
    fuzzy_unit_similarity: Share

    @field_validator("age_limits")
    @classmethod
    def _rising(cls, limits: list[int]) -> list[int]:
        if limits != sorted(set(limits)):
            raise Wrong("the age limits are out of order", limits, "rising ages", f"try {sorted(set(limits))}")
        return limits


class EligibilityParams(Judgement):
    """Who of the listed people may be invited. A rule left out does not apply."""

    min_tenure_years: Annotated[float, Field(ge=0)] | None = None
    min_unit_tenure_years: Annotated[float, Field(ge=0)] | None = None
    main_work_only: bool = False
    excluded_positions: tuple[str, ...] = ()
    max_months_since_service: Annotated[float, Field(gt=0)] | None = None


class DesignParams(Judgement):
    """Sample size, strata and allocation of one probability source."""

    strata: OnceEach
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


class NonresponseParams(Frozen):
    """Weighting classes; thin ones are merged."""

    classes: OnceEach
    min_respondents: Count


class RakeParams(Frozen):
    """Margins of the frame that the weights must reproduce."""

    margins: OnceEach
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


class FieldworkParams(Judgement):
    """When invitations go out and answers close."""

    start: dt.date
    end: dt.date
    reminder_weeks: list[Count]

    @model_validator(mode="after")
    def _start_before_end(self) -> FieldworkParams:
        if self.end <= self.start:
            raise Wrong("fieldwork ends before it starts", self.end, f"after {self.start}")
        return self


class DispositionParams(Judgement):
    """From contact events to one final AAPOR code per person.

    ``precedence`` lists events from the most to the least decisive; the first that
    happened decides, by ``codes`` (one code, or one per source).
    """

    precedence: list[str]
    codes: dict[str, Disposition | dict[Source, Disposition]]
    respondents: Annotated[list[Literal["I", "P"]], Field(min_length=1)]
    min_answered_share: Share

    @model_validator(mode="after")
    def _every_event_has_a_code(self) -> DispositionParams:
        twice = sorted({event for event in self.precedence if self.precedence.count(event) > 1})
        if twice:
            raise Wrong("an event is listed twice in precedence", twice, "each event once")
        names = get_args(EventName)
        unknown = [event for event in self.precedence if event not in names]
        if unknown:
            raise Wrong("precedence names an unknown event", unknown, ", ".join(names), nearest(unknown[0], names))
        left_out = [event for event in names if event not in self.precedence]
        if left_out:
            raise Wrong("precedence leaves out an event", left_out, ", ".join(names))
        if set(self.precedence) != set(self.codes):
            odd = sorted(set(self.precedence) ^ set(self.codes))
            raise Wrong("precedence and codes name different events", odd, "the same events in both")
        return self

    def code(self, event: str, source: Source) -> Disposition:
        """The final code of a person whose most decisive event this is."""
        code = self.codes[event]
        return code[source] if isinstance(code, dict) else code


class DrawParams(Judgement):
    """The public value that fixes the shift of the permanent random numbers."""

    public_value_name: str
    public_value: str
    public_value_date: dt.date


class ReplicateParams(Judgement):
    """Bootstrap replicates."""

    n_replicates: Annotated[int, Field(ge=REPLICATES[0], le=REPLICATES[1])]
    # The upper half of a 64-bit seed; the lower half is the institution's and the source's.
    seed: Annotated[int, Field(ge=0, lt=2**32)]


class DisclosureParams(Judgement):
    """What is too small to be shown."""

    min_cell: int
    min_panel: int
    min_panel_reason: str

    @model_validator(mode="after")
    def _not_below_the_house_rule(self) -> DisclosureParams:
        rule = "house rule for personal data: see docs/methods/disclosure.md"
        if self.min_cell < LEAST_CELL:
            raise Wrong("min_cell is too small to protect people", self.min_cell, f"at least {LEAST_CELL}", rule)
        if self.min_panel < LEAST_PANEL:
            raise Wrong("min_panel is too small to protect people", self.min_panel, f"at least {LEAST_PANEL}", rule)
        return self


class RecommendationParams(Judgement):
    """How many recommendations a report carries."""

    max_shown: Count


class RoundParams(Judgement):
    """A survey round."""

    round_id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    year: Annotated[int, Field(ge=2000, le=2100)]
    previous_year: int
    title: Text
    report_status: Literal["draft", "final"]
    instrument: str
    languages: Annotated[list[Language], Field(min_length=1), AfterValidator(_once_each)]
    level: Annotated[float, Field(gt=0.5, lt=1)]
    index: IndexParams
    categories: CategoryParams
    target: TargetParams
    frame: FrameParams
    sources: dict[Source, SourceParams]
    fieldwork: FieldworkParams
    dispositions: DispositionParams
    draw: DrawParams
    replicates: ReplicateParams
    disclosure: DisclosureParams
    recommendations: RecommendationParams

    @model_validator(mode="after")
    def _compares_with_an_earlier_year(self) -> RoundParams:
        if not self.year - MOST_YEARS_BACK <= self.previous_year < self.year:
            expected = f"a year before {self.year}, at most {MOST_YEARS_BACK} years back"
            raise Wrong("previous_year is no year to compare with", self.previous_year, expected)
        return self

    @field_validator("sources")
    @classmethod
    def _three_sources(cls, sources: dict[Source, SourceParams]) -> dict[Source, SourceParams]:
        if set(sources) != {"internal", "external", "expert"}:
            raise Wrong("a source is missing", sorted(sources), "internal, external, expert")
        return sources

    @property
    def probability_sources(self) -> list[Source]:
        """The sources that are drawn at random, in the order of the file."""
        return [name for name, source in self.sources.items() if source.nature == "probability"]
