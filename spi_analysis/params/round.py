"""One survey round: every judgement of design, weighting, scoring and release."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from spi_analysis.errors import nearest
from spi_analysis.params.base import Cited, Frozen, Judgement, Language, Source, Text
from spi_analysis.params.loading import Wrong
from spi_analysis.params.mapping import EventName
from spi_analysis.params.sources import Count, ListColumn, Share, SourceParams, unique

# What if the nonrespondents differ, and what if answers were coached: the judgements behind both checks.

Phi = Annotated[float, Field(ge=0, le=1)]
KnownColumn = ListColumn | Literal["tenure_band", "unit_tenure_band", "channels", "n_listings"]
Known = Annotated[list[KnownColumn], Field(min_length=1), AfterValidator(unique)]


class SensitivityParams(Judgement):
    """Proxy pattern-mixture analysis and early against late answers.

    ``proxy`` names what the list tells of everyone, per probability source; a category with fewer respondents than
    ``min_level_respondents`` is not told apart. Below ``least_correlation`` of proxy and score phi = 1 says nothing.
    An answer is late from the reminder with number ``late_from_reminder`` on.
    """

    phis: Annotated[list[Phi], Field(min_length=2)]
    least_correlation: Share
    proxy: dict[Source, Known]
    min_level_respondents: Count
    late_from_reminder: Count

    @field_validator("phis")
    @classmethod
    def _rising_from_zero(cls, phis: list[float]) -> list[float]:
        if phis != sorted(set(phis)) or phis[0] != 0:
            raise Wrong("the values of phi are out of order", phis, "rising values, the first 0", "try [0, 0.5, 1]")
        return phis


class ConductParams(Judgement):
    """Checks for coached answers.

    ``alpha``: chance that honest answers raise any flag in an institution. ``near_duplicate``: share of equal answers
    from which on two questionnaires are near-duplicates. ``straight_line``: share of equal codes in one questionnaire.
    ``speeder_share``: of the median time. ``score_block``: at least so many people of about the same score are shuffled
    among each other, of whom at most the share ``most_of_one_unit`` is of one unit.
    """

    alpha: Annotated[float, Field(gt=0, lt=0.5)]
    permutations: Annotated[int, Field(ge=99, le=100_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    near_duplicate: Share
    straight_line: Share
    speeder_share: Share
    burst_minutes: Count
    score_block: Annotated[int, Field(ge=2)]
    most_of_one_unit: Share
    min_answered_share: Share


# House rule for personal data: nothing on fewer people than this, whatever a round says.
LEAST_CELL, LEAST_PANEL = 10, 3
# Fewer replicates say nothing about a variance; more than this is a slip of the pen.
REPLICATES = (20, 10_000)
# A comparison over more years than this is a slip of the pen.
MOST_YEARS_BACK = 10
FinalInRound = Literal["refused", "ineligible", "broken_off"]
Disposition = Literal["I", "P", "R", "NC", "O", "UH", "UO", "NE"]


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


class AuditParams(Judgement):
    """From where on a list goes back to the institution: shares of people, per source and unit."""

    min_coverage: Share
    max_coverage: Annotated[float, Field(ge=1)]
    min_contact_share: Share
    min_unit_people: Count


class FrameParams(Judgement):
    """How list rows are classed."""

    audit: AuditParams
    age_limits: list[Annotated[int, Field(ge=15, le=100)]]
    fuzzy_unit_similarity: Share

    @field_validator("age_limits")
    @classmethod
    def _rising(cls, limits: list[int]) -> list[int]:
        if limits != sorted(set(limits)):
            raise Wrong("the age limits are out of order", limits, "rising ages", f"try {sorted(set(limits))}")
        return limits


class FieldworkParams(Judgement):
    """When invitations go out and answers close.

    ``no_invitation_after``: what keeps somebody out of an invitation file that is written again. An answer and an
    objection always do.
    """

    start: dt.date
    end: dt.date
    reminder_weeks: list[Count]
    # A refusal and ineligibility are final in a round; who broke off holds the link already, and needs a reminder.
    no_invitation_after: tuple[FinalInRound, ...] = ("refused", "ineligible", "broken_off")

    @model_validator(mode="after")
    def _start_before_end(self) -> FieldworkParams:
        if self.end <= self.start:
            raise Wrong("fieldwork ends before it starts", self.end, f"after {self.start}")
        return self


class DispositionParams(Judgement):
    """From contact events to one final AAPOR code per person.

    ``precedence`` lists events from the most to the least decisive; the first that
    happened decides, by ``codes`` (one code, or one per source).

    ``ineligible_after_answers``: whether answers count (keep) or not (drop) where the report that the person is not
    eligible came after them. Earlier reports follow ``precedence``.
    """

    precedence: list[str]
    codes: dict[str, Disposition | dict[Source, Disposition]]
    respondents: Annotated[list[Literal["I", "P"]], Field(min_length=1)]
    min_answered_share: Share
    # Eligibility is that of the day of the answer: people move and retire. And whoever reports may gain by it.
    ineligible_after_answers: Literal["keep", "drop"] = "keep"

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


class CoordinationParams(Judgement):
    """An earlier round whose people rest (least) or are asked again (most); it shares its public value.

    ``margin``: a further rotation, as a part of the circle, where nobody at all may be asked twice.
    """

    round: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    aim: Literal["least", "most"]
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.0


class DrawParams(Judgement):
    """The public value that fixes the start of the permanent random numbers."""

    public_value_name: Text
    public_value: str
    public_value_date: dt.date
    coordination: CoordinationParams | None = None


class ResponseParams(Judgement):
    """What response is anticipated from: an earlier round (if there is one), and how much a prior weighs against it."""

    previous_round: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    prior_invited: Annotated[float, Field(ge=0)]


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


class ReleaseParams(Judgement):
    """When a result rests on too little to be released.

    ``min_answers``: people of the sources drawn at random; ``max_half_width``: half of the index's interval, in points
    (None: no such rule).
    """

    min_answers: Count
    max_half_width: Annotated[float, Field(gt=0)] | None


class PriorityAreaParams(Judgement):
    """When a part of an institution is called weak, and how many false alarms are put up with."""

    threshold: Annotated[float, Field(gt=0, lt=100)]
    adjustment: Literal["bh", "holm"]
    rate: Annotated[float, Field(gt=0, lt=0.5)]
    max_shown: Count


class SmallAreaParams(Judgement):
    """The model that steadies the scores of units with few answers.

    ``variance_slope``: how the variance of a unit falls with its answers, in logarithms (-1: as 1/n; None: estimated).
    """

    method: Literal["REML", "ML", "FH"]
    min_units: Annotated[int, Field(ge=3)]
    variance_slope: float | None


class RecommendationParams(Judgement):
    """How many recommendations a report carries."""

    max_shown: Count


class RankParams(Judgement):
    """Sets of ranks: draws that give the critical values, and what makes institutions peers."""

    draws: Annotated[int, Field(ge=1000, le=1_000_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    peers: Annotated[list[Literal["type", "size_class"]], Field(min_length=1), AfterValidator(unique)]


class RetentionParams(Judgement):
    """How long names, numbers and addresses of a round are kept; afterwards ``spi vault destroy`` deletes them."""

    contacts_until: dt.date


# One more whenever a key of the parameter files changes its name or meaning, or one is added that has to be set.
PARAMETER_SCHEMA = 2


class RoundParams(Judgement):
    """A survey round."""

    round_id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    # Files without it were written before there were versions.
    schema_version: Annotated[int, Field(ge=1)] = 1
    year: Annotated[int, Field(ge=2000, le=2100)]
    previous_year: int
    # The round of that year, if its answers are here: the change is then estimated from both rounds' answers.
    previous_round: str | None = None
    title: Text
    report_status: Literal["draft", "final"]
    instrument: str
    languages: Annotated[list[Language], Field(min_length=1), AfterValidator(unique)]
    level: Annotated[float, Field(gt=0.5, lt=1)]
    index: IndexParams
    categories: CategoryParams
    frame: FrameParams
    sources: dict[Source, SourceParams]
    fieldwork: FieldworkParams
    dispositions: DispositionParams
    response: ResponseParams
    draw: DrawParams
    replicates: ReplicateParams
    disclosure: DisclosureParams
    release: ReleaseParams
    weak_sides: PriorityAreaParams
    small_area: SmallAreaParams
    recommendations: RecommendationParams
    ranks: RankParams
    sensitivity: SensitivityParams
    conduct: ConductParams
    # Without it the contacts of a round cannot be destroyed, only single people forgotten.
    retention: RetentionParams | None = None

    def __repr__(self) -> str:
        kinds = {source: "panel" if part.design is None else "sample" for source, part in self.sources.items()}
        groups = [name for name, value in self if isinstance(value, Frozen)]
        return "\n".join(
            [
                f"Round {self.round_id}: {self.title.en}",
                f"  sources: {', '.join(f'{source} ({kind})' for source, kind in kinds.items())}",
                f"  fieldwork: {self.fieldwork.start} to {self.fieldwork.end}",
                f"  level of intervals: {self.level:g}; instrument {self.instrument}; {self.report_status}",
                f"  more: {', '.join(f'.{name}' for name in groups)}",
            ]
        )

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

    @property
    def panels(self) -> list[Source]:
        """The sources whose people are nominated and invited whole."""
        return [name for name, source in self.sources.items() if source.nature == "panel"]
