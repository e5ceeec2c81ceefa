"""One survey round: every judgement of design, weighting, scoring and release."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from spi_analysis.errors import nearest
from spi_analysis.params.instrument import Arm
from spi_analysis.params.loading import Frozen, Judgement, Language, Source, Text, Wrong
from spi_analysis.params.mapping import EventName, Interview, Mode
from spi_analysis.params.sources import (
    CategoryParams,
    ComparisonParams,
    Count,
    DrawParams,
    IndexParams,
    KnownColumn,
    Share,
    SourceParams,
    unique,
    with_judgement_of,
)

# Judgements of the sensitivity analysis for nonresponse and of the conduct checks.

Phi = Annotated[float, Field(ge=0, le=1)]
LogOdds = Annotated[float, Field(gt=0, le=2)]
Known = Annotated[list[KnownColumn], Field(min_length=1), AfterValidator(unique)]


class SensitivityParams(Judgement):
    """What if nonrespondents differ: log-odds of nonresponse, proxy pattern mixtures, early against late answers.

    ``log_odds`` not to answer per standard deviation that somebody's score is lower, rising; the last one is what pages
    speak of.
    ``proxy`` names what the list tells of everyone, per probability source; a category with fewer respondents than
    ``min_level_respondents`` is not told apart. Below ``least_correlation`` of proxy and score phi = 1 says nothing.
    An answer is late from the reminder with number ``late_from_reminder`` on.
    """

    log_odds: Annotated[list[LogOdds], Field(min_length=1)]
    phis: Annotated[list[Phi], Field(min_length=2)]
    least_correlation: Share
    proxy: dict[Source, Known]
    min_level_respondents: Count
    late_from_reminder: Count

    @field_validator("log_odds")
    @classmethod
    def _rising(cls, log_odds: list[float]) -> list[float]:
        if log_odds != sorted(set(log_odds)):
            raise Wrong("the log-odds are out of order", log_odds, "rising values above 0", "try [0.1, 0.25, 0.5]")
        return log_odds

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
    ``speeder_share``: of the median time. ``score_block``: the least number of people of about the same score within
    whom units are permuted, of whom at most the share ``most_of_one_unit`` is of one unit.
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


class CoachingParams(Judgement):
    """Comparison of an institution's answers with those of all other institutions at equal score.

    ``min_institutions``: the least number that says what is usual. ``min_answers`` of a source in an institution.
    People are compared inside ``score_classes``, each in ``tendency_classes`` of about equal tendency to tick high.
    ``tail_df``: degrees of freedom of the t distribution that gives the chances. ``false_discovery``: share of false
    ones among the institutions that are flagged. ``surge_hours``: within which answers come together.
    """

    min_institutions: Annotated[int, Field(ge=30)]
    min_answers: Annotated[int, Field(ge=10)]
    score_classes: Annotated[int, Field(ge=2, le=50)]
    tendency_classes: Count
    tail_df: Annotated[float, Field(ge=3)]
    false_discovery: Annotated[float, Field(gt=0, lt=0.5)]
    surge_hours: Count


# House rule for personal data: nothing on fewer people than this, whatever a round says.
LEAST_CELL, LEAST_PANEL = 10, 3
# Least width of the limits of a hidden figure: points of a score, people of a count.
LEAST_POINTS, LEAST_PEOPLE = 10.0, 3
# Number of experts -> first step of their standard deviation. Simulated (make attack): in at most 5 % of panels can an
# outsider, or a member who knows the own answer, find an expert's answer to within 10 points.
PANEL_STEPS, PANEL_GROWTH = {LEAST_PANEL: 24.0, 4: 20.0, 5: 16.0, 8: 11.0}, 1.25
# Fewer replicates cannot estimate a variance; more than this is a typing error.
REPLICATES = (20, 10_000)
# A comparison over more years than this is a typing error.
MOST_YEARS_BACK = 10
FinalInRound = Literal["refused", "ineligible", "broken_off"]
Disposition = Literal["I", "P", "R", "NC", "O", "UH", "UO", "NE"]


class AuditParams(Judgement):
    """Limits above which an institution has to correct its list: shares of people, per source and unit."""

    min_coverage: Share
    max_coverage: Annotated[float, Field(ge=1)]
    min_contact_share: Share
    min_unit_people: Count


class FrameParams(Judgement):
    """How rows of a list are classified."""

    audit: AuditParams
    age_limits: list[Annotated[int, Field(ge=15, le=100)]]
    fuzzy_unit_similarity: Share

    @field_validator("age_limits")
    @classmethod
    def _rising(cls, limits: list[int]) -> list[int]:
        if limits != sorted(set(limits)):
            raise Wrong("the age limits are out of order", limits, "rising ages", f"try {sorted(set(limits))}")
        return limits

    @property
    def age_labels(self) -> list[str]:
        """Labels of the age groups, such as <30, 30-39, 40-49, 50+; without limits there is one group."""
        if not self.age_limits:
            return ["all"]
        between = [f"{low}-{high - 1}" for low, high in pairwise(self.age_limits)]
        return [f"<{self.age_limits[0]}", *between, f"{self.age_limits[-1]}+"]


class Expected(Frozen):
    """Prior mean and standard deviation of a coefficient."""

    mean: float
    sd: Annotated[float, Field(gt=0)]


class ForecastParams(Judgement):
    """Prior of the forecast of answers, in logarithms of the weekly share of nonrespondents who answer.

    ``by_age``: from week to week after a message; ``first_reminder``: from the invitation to the first reminder;
    ``later_reminder``: from a reminder to the next. ``dispersion``: variance of a week's answers over their mean,
    with the weight of ``dispersion_weeks`` weeks of data.
    """

    by_age: Expected
    first_reminder: Expected
    later_reminder: Expected
    dispersion: Annotated[float, Field(ge=1)]
    dispersion_weeks: Annotated[float, Field(ge=0)]


class InterviewWave(Frozen):
    """A week in which interviewers ask those who have not answered."""

    week: Annotated[int, Field(ge=1)]
    mode: Interview


class PublicationParams(Judgement):
    """Who answers for the reports, under which terms they may be used, and of which day this version is.

    ``contact`` stands on the report of an institution, ``national_contact`` (without one: the publisher) on the pages
    of all institutions. An institution that publishes its own report names another publisher in its overrides.
    """

    publisher: Text
    contact: Text
    national_contact: Text | None = None
    licence: Text
    day: dt.date

    @property
    def contact_for_all(self) -> Text:
        """Who is asked about pages of all institutions."""
        return self.national_contact or self.publisher


class FieldworkParams(Judgement):
    """When invitations go out and answers close, and in which weeks after the start reminders follow.

    ``interviews``: weeks in which nonrespondents are asked by another mode, instead of a message.
    ``no_invitation_after``: what keeps somebody out of an invitation file that is written again. An answer and an
    objection always do. ``tokens``: whether the questionnaire knows people by another token than the sender of the
    invitations (decision 0020).
    """

    start: dt.date
    end: dt.date
    reminder_weeks: list[Count]
    interviews: tuple[InterviewWave, ...] = ()
    forecast: ForecastParams
    # A file that says nothing is of a round that began when there was one.
    tokens: Literal["one", "two"] = "one"
    # For every number that is to be looked up, so many of people who were not drawn stand in the institution's list.
    others_to_check: Annotated[int, Field(ge=0)] = 1
    # A refusal and ineligibility are final in a round; people who broke off have the link already and need a reminder.
    no_invitation_after: tuple[FinalInRound, ...] = ("refused", "ineligible", "broken_off")

    @model_validator(mode="after")
    def _start_before_end(self) -> FieldworkParams:
        if self.end <= self.start:
            raise Wrong("fieldwork ends before it starts", self.end, f"after {self.start}")
        return self

    @model_validator(mode="after")
    def _weeks_are_apart(self) -> FieldworkParams:
        weeks = [*self.reminder_weeks, *(wave.week for wave in self.interviews)]
        if twice := sorted({week for week in weeks if weeks.count(week) > 1}):
            raise Wrong("a week has two reminders or interviews", twice, "each week once")
        return self

    @property
    def contact_weeks(self) -> dict[int, Mode]:
        """The weeks of all contacts after the invitation, in their order, each with its mode."""
        weeks: dict[int, Mode] = dict.fromkeys(self.reminder_weeks, "web")
        weeks |= {wave.week: wave.mode for wave in self.interviews}
        return dict(sorted(weeks.items()))


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
    # Eligibility is that of the day of the answer: people move and retire, and the institution that reports may gain by
    # it.
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


class ResponseParams(Judgement):
    """Inputs of anticipated response: an earlier round (if there is one), and the weight of a prior.

    ``score_sd``: the standard deviation of people's scores that is anticipated, in points.
    """

    previous_round: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    prior_invited: Annotated[float, Field(ge=0)]
    score_sd: Annotated[float, Field(gt=0, le=50)]


class ReplicateParams(Judgement):
    """Bootstrap replicates."""

    n_replicates: Annotated[int, Field(ge=REPLICATES[0], le=REPLICATES[1])]
    # The upper half of a 64-bit seed; the lower half is the institution's and the source's.
    seed: Annotated[int, Field(ge=0, lt=2**32)]


class DisclosureParams(Judgement):
    """Thresholds of disclosure control.

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
    """When a result has too few answers or too wide an interval to be released.

    ``min_answers``: people of the sources drawn at random; ``max_half_width``: half of the index's interval, in points
    (None: no such rule).
    """

    min_answers: Count
    max_half_width: Annotated[float, Field(gt=0)] | None


class PriorityAreaParams(Judgement):
    """When a part of an institution is reported as weak, and the accepted rate of false alarms."""

    threshold: Annotated[float, Field(gt=0, lt=100)]
    adjustment: Literal["bh", "holm"]
    rate: Annotated[float, Field(gt=0, lt=0.5)]
    max_shown: Count


class SmallAreaParams(Judgement):
    """The small area model for the scores of units with few answers.

    ``model``: of people (unit level), or of areas (the units' direct scores). ``method`` and ``variance_slope`` are
    those of the areas: how the variance of a unit falls with its answers, in logarithms (-1: as 1/n; None: estimated).
    """

    model: Literal["people", "areas"]
    method: Literal["REML", "ML", "FH"]
    min_units: Annotated[int, Field(ge=3)]
    variance_slope: float | None


class RecommendationParams(Judgement):
    """The most recommendations in a report."""

    max_shown: Count


class RankParams(Judgement):
    """Sets of ranks: draws that give the critical values, and what makes institutions peers."""

    draws: Annotated[int, Field(ge=1000, le=1_000_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    peers: Annotated[list[Literal["type", "size_class"]], Field(min_length=1), AfterValidator(unique)]


class RetentionParams(Judgement):
    """How long names, numbers and addresses of a round are kept; afterwards ``spi vault destroy`` deletes them."""

    contacts_until: dt.date


# Raised whenever a key of the parameter files changes its name or meaning, or a required key is added.
PARAMETER_SCHEMA = 4


class ModuleParams(Judgement):
    """Which institutions and sources get the optional modules of the instrument, and what share of people each arm.

    Everybody drawn there has one arm, by chance from the draw's own secret (``survey.random_arms``).
    """

    institutions: Annotated[list[str], Field(min_length=1), AfterValidator(unique)]
    sources: Annotated[list[Source], Field(min_length=1), AfterValidator(unique)]
    arms: dict[Arm, Share]

    @field_validator("arms")
    @classmethod
    def _make_a_whole(cls, arms: dict[Arm, float]) -> dict[Arm, float]:
        if not math.isclose(sum(arms.values()), 1.0) or ("list_short" in arms) != ("list_long" in arms):
            raise Wrong("the arms make no experiment", arms, "shares that sum to 1, with both lists or none")
        return arms


# In which order questions and answers are shown: that of the instrument, or from the last to the first.
Form = Literal["usual", "reversed"]


class FormParams(Judgement):
    """Which institutions and sources get forms of the questionnaire in different order, and what share of people each.

    Everybody drawn there has one form, by chance from the draw's own secret: who follows a script of places ("question
    1: A, question 2: D") then gives other answers by the other form. ``any_flag``: in what share of rounds without any
    such script some institution is flagged, as simulated.
    """

    institutions: Annotated[list[str], Field(min_length=1), AfterValidator(unique)]
    sources: Annotated[list[Source], Field(min_length=1), AfterValidator(unique)]
    shares: dict[Form, Share]
    any_flag: Annotated[float, Field(gt=0, lt=0.5)] = 0.1

    @field_validator("shares")
    @classmethod
    def _make_a_whole(cls, shares: dict[Form, float]) -> dict[Form, float]:
        if set(shares) != set(get_args(Form)) or not math.isclose(sum(shares.values()), 1.0) or 0 in shares.values():
            expected = f"{' and '.join(get_args(Form))}, each above 0, that sum to 1"
            raise Wrong("the shares of the forms make no experiment", shares, expected)
        return shares


class RoundParams(Judgement):
    """A survey round."""

    round_id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    # Files without it were written before there were versions.
    schema_version: Annotated[int, Field(ge=1)] = 1
    year: Annotated[int, Field(ge=2000, le=2100)]
    previous_year: int
    # The round of that year, if its answers are in the store: the change is then estimated from the answers of both.
    previous_round: str | None = None
    title: Text
    report_status: Literal["draft", "final"]
    publication: PublicationParams | None = None
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
    # What notebook 10 works sizes out for, beside the plan.
    comparisons: ComparisonParams | None = None
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
    # Without them no institution is compared with the others of its round.
    coaching: CoachingParams | None = None
    # Questions that are asked in some institutions only; None: nowhere.
    modules: ModuleParams | None = None
    # Forms of the questionnaire in different order; None: one order for all.
    forms: FormParams | None = None
    # Without it the contacts of a round cannot be deleted as a whole, only for single people.
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
        """The index weights exactly the sources of the round, and no other group of values names another source."""
        if set(self.index.source_weights) != set(self.sources):
            raise Wrong(
                "the index does not weigh the sources of the round",
                ", ".join(self.index.source_weights),
                ", ".join(self.sources),
                key="index.source_weights",
            )
        _require_sources("sensitivity.proxy", self.sensitivity.proxy, self.populations, self.sources)
        for event, code in self.dispositions.codes.items():
            if isinstance(code, dict):
                _require_sources(f"dispositions.codes.{event}", code, self.sources, self.sources)
        if self.modules:
            _require_sources("modules.sources", self.modules.sources, (), self.sources)
        if self.forms:
            _require_sources("forms.sources", self.forms.sources, (), self.populations)
        return self

    def arms(self, source: Source) -> dict[Arm, float]:
        """The arms of a source with their shares; none where it has no modules."""
        return dict(self.modules.arms) if self.modules and source in self.modules.sources else {}

    def form_shares(self, source: Source) -> dict[Form, float]:
        """The forms of a source's questionnaire with their shares; none where all get the usual one."""
        return dict(self.forms.shares) if self.forms and source in self.forms.sources else {}

    @property
    def probability_sources(self) -> list[Source]:
        """The sources that are drawn at random, in the order of the file."""
        return [name for name, source in self.sources.items() if source.nature == "probability"]

    @property
    def panels(self) -> list[Source]:
        """The sources whose people are nominated and invited whole."""
        return [name for name, source in self.sources.items() if source.nature == "panel"]

    @property
    def nominated(self) -> list[Source]:
        """Panels, and sources drawn from a list of nominated people: of neither is told who was asked or silent."""
        return [name for name, source in self.sources.items() if source.nature == "panel" or source.nominated]

    @property
    def populations(self) -> list[Source]:
        """The sources drawn at random from lists of a population (employees, users), not of nominated people."""
        return [name for name in self.probability_sources if name not in self.nominated]


def _require_sources(key: str, given: Iterable[Source], needed: Iterable[Source], known: Iterable[Source]) -> None:
    """Values by source: one for every source that needs one, and none for other sources."""
    if missing := [source for source in needed if source not in given]:
        raise Wrong("a source of the round is left out", ", ".join(given), f"also {', '.join(missing)}", key=key)
    if unknown := sorted(set(given) - set(known)):
        hint = nearest(unknown[0], known)
        raise Wrong("this is no source of the round", ", ".join(unknown), ", ".join(known), hint, key)
