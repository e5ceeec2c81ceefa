"""One survey round: every judgement of design, weighting, scoring and release."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params.loading import Cited, Frozen, Judgement, Language, Source, Text, Wrong
from spi_analysis.params.mapping import EventName
from spi_analysis.params.roster import CORRECTIONS, InstitutionType
from spi_analysis.params.sources import Count, KnownColumn, Share, SourceParams, unique, with_judgement_of

# What if the nonrespondents differ, and what if answers were coached: the judgements behind both checks.

Phi = Annotated[float, Field(ge=0, le=1)]
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
# And nothing hidden told more closely than this: points of a score, people of a count.
LEAST_POINTS, LEAST_PEOPLE = 10.0, 3
# Number of experts -> first step of their standard deviation. Simulated (make attack): no expert's answer is then told
# within 10 points in more than 5 % of panels, to an outsider or to a member who knows the own one.
PANEL_STEPS, PANEL_GROWTH = {LEAST_PANEL: 24.0, 4: 20.0, 5: 16.0, 8: 11.0}, 1.25
# Fewer replicates say nothing about a variance; more than this is a slip of the pen.
REPLICATES = (20, 10_000)
# A comparison over more years than this is a slip of the pen.
MOST_YEARS_BACK = 10
FinalInRound = Literal["refused", "ineligible", "broken_off"]
Disposition = Literal["I", "P", "R", "NC", "O", "UH", "UO", "NE"]


class ComponentParams(Frozen):
    """A part of the index that no answers make, such as a score of documents: an input per institution, 0 to 100."""

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


class Expected(Frozen):
    """What is expected of a coefficient before the data, and how far an institution may be from it."""

    mean: float
    sd: Annotated[float, Field(gt=0)]


class ForecastParams(Judgement):
    """What is known before of how answers come in, in logarithms of the share of those who have not answered.

    ``by_age``: from week to week after a message; ``first_reminder``: from the invitation to the first reminder;
    ``later_reminder``: from a reminder to the next. ``dispersion``: variance of a week's answers over their mean,
    which counts as much as ``dispersion_weeks`` weeks of data.
    """

    by_age: Expected
    first_reminder: Expected
    later_reminder: Expected
    dispersion: Annotated[float, Field(ge=1)]
    dispersion_weeks: Annotated[float, Field(ge=0)]


class FieldworkParams(Judgement):
    """When invitations go out and answers close, and in which weeks after the start reminders follow.

    ``no_invitation_after``: what keeps somebody out of an invitation file that is written again. An answer and an
    objection always do.
    """

    start: dt.date
    end: dt.date
    reminder_weeks: list[Count]
    forecast: ForecastParams
    # For every number that is to be looked up, so many of people who were not drawn stand in the institution's list.
    others_to_check: Annotated[int, Field(ge=0)] = 1
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


class ValueForm(Frozen):
    """The one way to write a public value that is a number, so that nobody can choose among spellings.

    ``digits``: so many before the point, zeros in front included (None: as many as it takes, and no zero in front);
    ``decimals``: so many behind a point. No other character.
    """

    digits: Annotated[int, Field(ge=1, le=40)] | None = None
    decimals: Annotated[int, Field(ge=0, le=12)] = 0

    def fits(self, value: str) -> bool:
        """Whether a value is written so."""
        whole = "(0|[1-9][0-9]*)" if self.digits is None else f"[0-9]{{{self.digits}}}"
        return re.fullmatch(whole + (rf"\.[0-9]{{{self.decimals}}}" if self.decimals else ""), value) is not None

    @property
    def example(self) -> str:
        """A number that is written so."""
        whole = "7214" if self.digits is None else "7214".zfill(self.digits)[-self.digits :]
        return whole + ("." + "1750".ljust(self.decimals, "0")[: self.decimals] if self.decimals else "")


class DrawParams(Judgement):
    """The public value that fixes the start of the permanent random numbers; empty until its date has come.

    ``timestamp_server``: address of a service (RFC 3161) that confirms when the draw was announced.
    """

    public_value_name: Text
    public_value: str
    public_value_date: dt.date
    # Without it a draw cannot be announced: one number could be written in many ways, each with another start.
    public_value_form: ValueForm | None = None
    timestamp_server: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None

    @field_validator("public_value")
    @classmethod
    def _plain(cls, value: str) -> str:
        """The record holds it letter by letter: a quotation mark that a word processor bent gives another draw."""
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
    """What is too small to be shown, and how closely what is hidden may be told.

    ``min_points``, ``min_people``: the least width of the limits that can be worked out for a hidden score or count.
    A panel's standard deviation is rounded up to a step: the first by the number of experts (``panel_steps``: so many
    and more -> points), each further one ``panel_growth`` times the one before.
    """

    min_cell: int
    min_panel: int
    min_panel_reason: str
    min_points: Annotated[float, Field(ge=LEAST_POINTS, le=100)] = LEAST_POINTS
    min_people: Annotated[int, Field(ge=LEAST_PEOPLE)] = LEAST_PEOPLE
    panel_steps: Annotated[dict[Count, Annotated[float, Field(gt=0)]], Field(min_length=1)] = PANEL_STEPS
    panel_growth: Annotated[float, Field(gt=1)] = PANEL_GROWTH

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
PARAMETER_SCHEMA = 3


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

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, languages: list[Language]) -> list[Language]:
        """Numbers and dates are written by the rules of the language, so these must be known (CLDR)."""
        # Imported where it is used: most parameter files name the usual two.
        for language in languages:
            if language not in ("id", "en"):
                from babel.localedata import exists

                if not exists(language):
                    raise Wrong("there is no such language", language, "a code of ISO 639, such as jv or su")
        return languages

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

    @model_validator(mode="before")
    @classmethod
    def _plain_lists_are_judged_by_the_round(cls, given: Any) -> Any:
        sources = given.get("sources") if isinstance(given, Mapping) else None
        if not isinstance(sources, Mapping):
            return given
        judged = {
            name: {**part, "weighting": with_judgement_of(given, part["weighting"])}
            if isinstance(part, Mapping) and "weighting" in part
            else part
            for name, part in sources.items()
        }
        return {**given, "sources": judged}

    @model_validator(mode="after")
    def _compares_with_an_earlier_year(self) -> RoundParams:
        if not self.year - MOST_YEARS_BACK <= self.previous_year < self.year:
            expected = f"a year before {self.year}, at most {MOST_YEARS_BACK} years back"
            raise Wrong("previous_year is no year to compare with", self.previous_year, expected)
        return self

    @model_validator(mode="after")
    def _speaks_of_its_sources(self) -> RoundParams:
        """The index weighs exactly the sources of the round, and no other group of values names another."""
        if set(self.index.source_weights) != set(self.sources):
            raise Wrong(
                "the index does not weigh the sources of the round",
                ", ".join(self.index.source_weights),
                ", ".join(self.sources),
                key="index.source_weights",
            )
        _require_sources("sensitivity.proxy", self.sensitivity.proxy, self.probability_sources, self.sources)
        for event, code in self.dispositions.codes.items():
            if isinstance(code, dict):
                _require_sources(f"dispositions.codes.{event}", code, self.sources, self.sources)
        return self

    @property
    def probability_sources(self) -> list[Source]:
        """The sources that are drawn at random, in the order of the file."""
        return [name for name, source in self.sources.items() if source.nature == "probability"]

    @property
    def panels(self) -> list[Source]:
        """The sources whose people are nominated and invited whole."""
        return [name for name, source in self.sources.items() if source.nature == "panel"]


def _require_sources(key: str, given: Iterable[Source], needed: Iterable[Source], known: Iterable[Source]) -> None:
    """Values by source: one for every source that needs one, and for nobody whom the round does not ask."""
    if missing := [source for source in needed if source not in given]:
        raise Wrong("a source of the round is left out", ", ".join(given), f"also {', '.join(missing)}", key=key)
    if unknown := sorted(set(given) - set(known)):
        hint = nearest(unknown[0], known)
        raise Wrong("this is no source of the round", ", ".join(unknown), ", ".join(known), hint, key)
