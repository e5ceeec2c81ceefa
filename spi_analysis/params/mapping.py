"""Mappings of the headers and words in files of institutions and vendors, such as words that mean "nothing".

A mapping is a parameter like any other. The defaults stand in ``params/mappings/``, one file per kind (``MODELS``);
``params/mappings/<institution_id>.yaml`` and a file given by hand are overlaid on them, so that the next
institution's headers need no code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from spi_analysis.errors import ParameterError
from spi_analysis.params.loading import Judgement, Source, Wrong, read_yaml, validate
from spi_analysis.params.workspace import Workspace

# Words of a mapping file: compared without case and punctuation, each with one meaning, overlaid on one another.

Words = tuple[str, ...]
# In ASCII text (most cells): everything but letters and digits.
_BLANKS = {code: " " for code in range(128) if not chr(code).isalnum()}


@lru_cache(maxsize=100_000)
def normalised(text: str) -> str:
    """A text in the form for comparison: small letters without accents; everything else between words is one space."""
    if text.isascii():
        return " ".join(text.lower().translate(_BLANKS).split())
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", bare.casefold()).strip()


def codes_by_word(words: dict[Any, Words]) -> dict[str, Any]:
    """Each normalised word with the code it stands for. A code is always a word for itself."""
    own = {normalised(str(code)): code for code in words}
    return own | {normalised(word): code for code, listed in words.items() for word in listed}


def require_disjoint(words: dict[Any, Words]) -> dict[Any, Words]:
    """The same words, if each has one meaning only."""
    seen: dict[str, Any] = {}
    for code, listed in words.items():
        for word in listed:
            if seen.setdefault(normalised(word), code) != code:
                raise Wrong("a word stands for two things", word, "one meaning", f"{seen[normalised(word)]} and {code}")
    return words


def overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``over``: groups key by key; words are added, and a word given a new meaning loses the old."""
    claimed = {normalised(word): key for key, value in over.items() if _is_words(value) for word in value}
    result = {
        key: [word for word in value if claimed.get(normalised(word), key) == key] if _is_words(value) else value
        for key, value in base.items()
    }
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = overlay(result[key], value)
        elif _is_words(value) and _is_words(result.get(key)):
            result[key] = [*value, *result[key]]
        else:
            result[key] = value
    return result


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]

FrameField = Literal[
    "employee_number",
    "name",
    "whatsapp",
    "phone",
    "email",
    "unit",
    "position",
    "echelon",
    "employment",
    "sex",
    "birth_date",
    "age",
    "start_date",
    "tenure_years",
    "unit_start_date",
    "unit_tenure_years",
    "main_work",
    "service",
    "service_date",
    "expert_group",
    "nominator",
    "ignored",
]
DateField = Literal["birth_date", "start_date", "unit_start_date", "service_date"]
TimeField = Literal["at", "started_at", "completed_at"]
DateOrder = Literal["day_first", "month_first"]
EventField = Literal["token", "phone", "event", "at", "channel", "error", "ignored"]
ContactField = Literal["token", "phone", "email", "opted_out", "ignored"]
ResponseField = Literal["token", "phone", "started_at", "completed_at", "mode", "ignored"]
PositionClass = Literal["top_official", "structural", "functional", "staff", "non_asn"]
ExpertGroup = Literal["auditor", "ombudsman", "journalist", "academic", "ngo", "business", "retired_official", "other"]
Nominator = Literal["institution", "commission"]
EventName = Literal[
    "sent", "delivered", "read", "started", "completed", "refused", "opted_out", "invalid_number", "ineligible"
]
Channel = Literal["whatsapp", "email", "sms", "telephone", "face_to_face", "web"]
# How an answer was given: by oneself over the web, or to an interviewer.
Interview = Literal["telephone", "face_to_face"]
Mode = Literal["web", "telephone", "face_to_face"]
# Whose answers they are: people who were drawn, or whoever found an open link.
AnswerStream = Literal["probability", "open"]
Kind = Literal["frame", "events", "responses", "contacts"]


class HeaderRules(Judgement):
    """Rules to find the header row, and the largest distance of a misspelt header from a known one."""

    search_rows: Count
    min_matches: Count
    similarity: Share
    min_length: Count


class PhoneRules(Judgement):
    """Whose numbering plan holds (``region``: ISO 3166 code; the plan is that of libphonenumber), and how a mobile
    number begins after the country code (``mobile``), which distinguishes it from an office's number and from text
    typed before it. A number that ends in ``rounded_zeros`` zeros has lost its last digits in a spreadsheet
    (8,12346E+11).
    """

    region: str
    mobile: str
    rounded_zeros: Count

    @field_validator("region")
    @classmethod
    def _has_a_plan(cls, region: str) -> str:
        from phonenumbers import SUPPORTED_REGIONS

        if region not in SUPPORTED_REGIONS:
            raise Wrong("no numbering plan is known for this region", region, "an ISO 3166 code, such as ID")
        return region

    @field_validator("mobile")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise Wrong("the pattern cannot be read", pattern, f"a regular expression ({error})") from None
        return pattern


class PlausibleRules(Judgement):
    """Outside these limits a value counts as a typing error, and so as unknown."""

    min_age: Count
    max_age: Count
    max_tenure_years: Count


class NonDataRowRules(Judgement):
    """Rows of a list that are not people: totals, and signatures below in at most ``max_cells`` cells a row."""

    totals: Words
    footers: Words
    max_cells: Count


class UnitRules(Judgement):
    """When two spellings are the same unit.

    ``common_words`` name the kind of unit; a small difference in one of them is a typing error. Any other word may be a
    place: there a difference counts as a typing error only if one spelling is rare beside the other (``rare_share`` of
    its rows, or one row).
    """

    abbreviations: dict[str, str]
    common_words: Words
    rare_share: Share


class NameRules(Judgement):
    """When two names clearly belong to different people: a word of one is similar to no word of the other.

    ``perhaps`` are names of people that also mean "nothing" ("Nihil"): a row with a number is a person.
    """

    titles: Words
    similarity: Share
    perhaps: Words


class DateRules(Judgement):
    """Whether the day or the month stands first in a column: decided by its cells, for all its rows.

    ``otherwise`` holds where no cell decides it. Where cells contradict each other the column is ambiguous, unless at
    most ``slip_share`` of the deciding cells do; ``order`` sets the order of an ambiguous column, by field.
    """

    otherwise: DateOrder
    slip_share: Annotated[float, Field(ge=0, lt=0.5)]
    order: dict[DateField | TimeField, DateOrder]


class NumberRules(Judgement):
    """Employee numbers that lost their last digits in a spreadsheet are recognised in their column.

    Too many of them are then multiples of the rounding step.

    ``chance`` is the probability under true numbers below which they are treated as damaged.
    """

    chance: Annotated[float, Field(gt=0, lt=0.5)]


class SheetRules(Judgement):
    """Sheets that may have been sent by mistake: hidden ones, those named after another institution or year.

    ``take`` names sheets that are read nevertheless.
    """

    take: Words


class FrameMapping(Judgement):
    """Lists of people, as institutions send them."""

    header: HeaderRules
    fields: dict[FrameField, Words]
    required: dict[Source, tuple[tuple[FrameField, ...], ...]]
    sources: dict[Source, Words]
    self_registered: Words
    form_headers: Words
    address_headers: Words
    institution_words: dict[str, str]
    positions: dict[PositionClass, Words]
    position_otherwise: PositionClass
    echelons: dict[PositionClass, Words]
    employment: dict[Literal["asn", "non_asn"], Words]
    sex: dict[Literal["female", "male"], Words]
    main_work: dict[Literal["main", "other"], Words]
    expert_groups: dict[ExpertGroup, Words]
    # Words of a list's column that says who put a name on it; a file without them knows none.
    nominators: dict[Nominator, Words] = Field(default_factory=dict)
    nothing: Words
    stray: NonDataRowRules
    phones: PhoneRules
    plausible: PlausibleRules
    units: UnitRules
    names: NameRules
    dates: DateRules
    employee_numbers: NumberRules
    sheets: SheetRules

    @field_validator(
        "fields", "sources", "positions", "echelons", "employment", "sex", "main_work", "expert_groups", "nominators"
    )
    @classmethod
    def _words_are_apart(cls, words: dict[Any, Words]) -> dict[Any, Words]:
        return require_disjoint(words)

    @model_validator(mode="after")
    def _every_source_is_known(self) -> FrameMapping:
        missing = set(self.required) ^ set(self.sources)
        if missing:
            raise Wrong(
                "a source has no words or no required columns", sorted(missing), "both, in required and sources"
            )
        return self

    def require_sources(self, sources: Iterable[Source]) -> None:
        """Raise unless lists of all these sources can be told apart and read.

        Raises
        ------
        ParameterError   a source has no words and no required columns.
        """
        if missing := [source for source in sources if source not in self.required]:
            raise ParameterError(
                "a source of the round has no words and no required columns",
                file="params/mappings/frame.yaml",
                key=f"required.{missing[0]}, sources.{missing[0]}",
                got=", ".join(self.required),
                expected=f"also {', '.join(missing)}",
            )


class TimeRules(Judgement):
    """Time zone of the store, and how far outside fieldwork a time may lie without being flagged."""

    zone: str
    tolerance_days: Annotated[int, Field(ge=0)]

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise Wrong("unknown time zone", zone, "a name such as Asia/Jakarta") from None
        return zone


class EventMapping(Judgement):
    """Logs of contact events, as vendors export them.

    ``errors``: what a failed message means for its person, by the platform's code or words; "not_sent" means nothing (a
    limit, an unpaid bill, a template that was refused).
    """

    header: HeaderRules
    fields: dict[EventField, Words]
    required: tuple[tuple[EventField, ...], ...]
    events: dict[EventName, Words]
    errors: dict[Literal["invalid_number", "opted_out", "not_sent"], Words] = Field(default_factory=dict)
    channels: dict[Channel, Words]
    channel_of_event: dict[EventName, Channel]
    nothing: Words
    dates: DateRules
    times: TimeRules

    @field_validator("fields", "events", "errors", "channels")
    @classmethod
    def _words_are_apart(cls, words: dict[Any, Words]) -> dict[Any, Words]:
        return require_disjoint(words)

    @model_validator(mode="after")
    def _every_event_has_a_channel(self) -> EventMapping:
        missing = sorted(set(self.events) - set(self.channel_of_event))
        if missing:
            raise Wrong("an event has no usual channel", missing, "a channel for every event")
        return self


class ResponseMapping(Judgement):
    """Answers, as the survey platform exports them. ``items`` gives other column names of an item code.

    ``modes``: the words of a column that says how an answer was given. ``answers`` gives further words for the codes
    of a scale of the instrument: what a cell or a label may say.
    """

    header: HeaderRules
    fields: dict[ResponseField, Words]
    required: tuple[tuple[ResponseField, ...], ...]
    items: dict[str, Words]
    modes: dict[Mode, Words] = Field(default_factory=dict)
    answers: dict[str, dict[int, Words]] = Field(default_factory=dict)
    nothing: Words
    dates: DateRules
    times: TimeRules

    @field_validator("fields", "items", "modes")
    @classmethod
    def _words_are_apart(cls, words: dict[Any, Words]) -> dict[Any, Words]:
        return require_disjoint(words)

    @field_validator("answers")
    @classmethod
    def _answers_are_apart(cls, scales: dict[str, dict[int, Words]]) -> dict[str, dict[int, Words]]:
        return {name: require_disjoint(words) for name, words in scales.items()}


class ContactMapping(Judgement):
    """Numbers and addresses that were corrected after the draw, and objections."""

    header: HeaderRules
    fields: dict[ContactField, Words]
    required: tuple[tuple[ContactField, ...], ...]
    opted_out: dict[Literal["yes", "no"], Words]
    nothing: Words
    dates: DateRules

    @field_validator("fields", "opted_out")
    @classmethod
    def _words_are_apart(cls, words: dict[Any, Words]) -> dict[Any, Words]:
        return require_disjoint(words)


MODELS: dict[Kind, type[Judgement]] = {
    "frame": FrameMapping,
    "events": EventMapping,
    "responses": ResponseMapping,
    "contacts": ContactMapping,
}


def load_mapping(workspace: Workspace, kind: Kind, *over: Path) -> Any:
    """The default mapping of a kind of file, with other mapping files overlaid in turn."""
    files = (workspace.params / "mappings" / f"{kind}.yaml", *over)
    return _loaded(kind, files, tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files))


@lru_cache(maxsize=64)
def _loaded(kind: Kind, files: tuple[Path, ...], changed: tuple[int, ...]) -> Any:
    """Read and checked once for every state of the files: hundreds of lists share one mapping."""
    data = read_yaml(files[0])
    for path in files[1:]:
        data = overlay(data, read_yaml(path))
    return validate(MODELS[kind], data, " + ".join(["params/mappings/" + files[0].name, *(p.name for p in files[1:])]))


def frame_mapping(workspace: Workspace, institution_id: str | None = None, given: Path | None = None) -> FrameMapping:
    """The mapping for one institution's lists: defaults, then its own file, then the one given by hand."""
    own = workspace.params / "mappings" / f"{institution_id}.yaml"
    return load_mapping(workspace, "frame", *([own] if own.exists() else []), *([given] if given else []))
