"""The questionnaire as survey platforms take it in (XLSForm, LimeSurvey), so that nobody types codes by hand.

Every item is required and carries its own code, every answer the code of its scale: what comes back is read without a
mapping (``spi import responses``). The shapes: docs/platforms.md.

The reversed form is a questionnaire of its own, with the same codes: what comes back from both is read together.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from babel import Locale

from spi_analysis.errors import InputError, nearest
from spi_analysis.params import Form, Instrument, Language, Scale, Source
from spi_analysis.tables.files import write_bytes
from spi_analysis.tables.importing import filled, workbook_bytes

TOKEN = "token"
# Which optional module a person gets: a hidden field of the address (XLSForm), an attribute of the participant.
ARM, ANY_ARM, ARM_ATTRIBUTE = "arm", "any", "TOKEN:ATTRIBUTE_2"
# LimeSurvey's limits for the code of a question and of an answer (manual, "Question codes", "Answer codes").
QUESTION_CODE, ANSWER_CODE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}"), re.compile(r"[A-Za-z0-9]{1,5}")


@dataclass(frozen=True)
class Asked:
    """One question as it is put: ``part`` of the questionnaire from 1, and whether its place in the part may change."""

    code: str
    scale: str
    text: dict[Language, str]
    part: int
    in_any_order: bool
    # Whom an optional module asks; "" outside of modules, "any" for everybody with an arm.
    arm: str = ""


def write_questionnaire(
    instrument: Instrument, source: Source, languages: Sequence[Language], kind: str, folder: Path, form: Form = "usual"
) -> Path:
    """Write the questions to one source as ``xlsform`` or ``limesurvey``; the first language is shown first.

    ``form``: reversed, the scored questions of a part and the answers to them are shown from the last to the first.

    Raises
    ------
    InputError   the kind or source is not known, or a code is none that the platform takes.
    """
    for what, given, known in (("platform", kind, list(KINDS)), ("source", source, list(instrument.sources))):
        if given not in known:
            raise InputError(f"unknown {what}", got=given, expected=", ".join(known), hint=nearest(given, known))
    ending, made = KINDS[kind]
    name = form_name(instrument, source, form, "__")
    return write_bytes(folder / f"{name}.{ending}", made(instrument, source, languages, form))


def form_name(instrument: Instrument, source: Source, form: Form, between: str) -> str:
    """What names a questionnaire: instrument and source, and the form unless it is the usual one."""
    return between.join([instrument.instrument_id, source, *([] if form == "usual" else [form])])


def asked(instrument: Instrument, source: Source, languages: Sequence[Language], form: Form = "usual") -> list[Asked]:
    """The questions in their order: a part for each dimension, then contacts and experiences as they stand."""
    part = instrument.sources[source]
    scored = {item.code: n for n, dimension in enumerate(part.dimensions, start=1) for item in dimension.items}
    own = [
        Asked(
            question.code,
            question.scale,
            {language: question.text[language] for language in languages},
            scored.get(question.code, len(part.dimensions) + 1),
            question.code in scored,
        )
        for question in instrument.questions[source]
    ]
    more = [
        Asked(one.code, one.scale, {lang: one.text[lang] for lang in languages}, len(part.dimensions) + 2, False,
              one.arm or ANY_ARM)
        for one in part.modules.questions
    ]  # fmt: skip
    if form == "reversed":
        place = {question.code: n for n, question in enumerate(own)}
        own.sort(key=lambda one: (one.part, -place[one.code] if one.in_any_order else place[one.code]))
    return own + more


def answers_of(scale: Scale, languages: Sequence[Language], last_first: bool = False) -> dict[int, dict[Language, str]]:
    """Every answer code with its words; a step between two labelled ends has its number.

    ``last_first``: the scale is turned round; "do not know" and the like stay at its end.
    """
    steps = range(scale.minimum, scale.maximum + 1)
    codes = [*(reversed(steps) if last_first else steps), *sorted(set(scale.missing))]
    return {
        code: {lang: scale.labels[code][lang] if code in scale.labels else str(code) for lang in languages}
        for code in codes
    }


def _title(language: Language, part: int) -> str:
    return f"Bagian {part}" if language == "id" else f"Part {part}"


# XLSForm (ODK, KoboToolbox): a workbook with the sheets survey, choices and settings. It knows no random order of
# questions.


def xlsform(instrument: Instrument, source: Source, languages: Sequence[Language], form: Form = "usual") -> bytes:
    """The workbook; the link's token comes in through the address (``?d[token]=...``)."""
    questions = asked(instrument, source, languages, form)
    turned = _turned(questions, form)
    names = {language: f"label::{Locale(language).english_name} ({language})" for language in languages}
    book = openpyxl.Workbook()
    book.remove(book.active)
    relevant = ["relevant"] if any(question.arm for question in questions) else []
    rows = [row[: len(languages) + 3 + len(relevant)] for row in _survey(questions, languages)]
    _sheet(book, "survey", ["type", "name", *names.values(), "required", *relevant], rows)
    scales = {question.scale: instrument.scales[question.scale] for question in questions}
    choices = [
        [name, code, *words.values()]
        for name, scale in scales.items()
        for code, words in answers_of(scale, languages, name in turned).items()
    ]
    _sheet(book, "choices", ["list_name", "name", *names.values()], choices)
    title, own = instrument.title[languages[0]], form_name(instrument, source, form, "_")
    settings = [title, own, f"{instrument.as_of:%Y%m%d}", names[languages[0]].removeprefix("label::")]
    _sheet(book, "settings", ["form_title", "form_id", "version", "default_language"], [settings])
    return workbook_bytes(book)


def _turned(questions: Sequence[Asked], form: Form) -> set[str]:
    """The scales whose answers are shown from the last to the first: those of scored questions."""
    return {one.scale for one in questions if one.in_any_order} if form == "reversed" else set()


def _survey(questions: Sequence[Asked], languages: Sequence[Language]) -> Iterator[list[object]]:
    none = [None] * len(languages)
    hidden = [TOKEN, *([ARM] if any(question.arm for question in questions) else [])]
    yield from (["start", "start", *none, None, None], ["end", "end", *none, None, None])
    yield from (["hidden", name, *none, None, None] for name in hidden)
    for part in dict.fromkeys(question.part for question in questions):
        yield ["begin_group", f"part_{part}", *(_title(language, part) for language in languages), None, None]
        for question in [one for one in questions if one.part == part]:
            relevant = _asked_if(question, f"${{{ARM}}}", "=", "'")
            yield [f"select_one {question.scale}", question.code, *question.text.values(), "yes", relevant]
        yield ["end_group", None, *none, None, None]


def _asked_if(question: Asked, field: str, equal: str, quote: str) -> str | None:
    """The condition of a question of a module: people of its arm, or everybody with any."""
    if not question.arm:
        return None
    return f"{field} != {quote * 2}" if question.arm == ANY_ARM else f"{field} {equal} {quote}{question.arm}{quote}"


def _sheet(
    book: openpyxl.Workbook, title: str, header: list[str], rows: Iterator[list[object]] | list[list[object]]
) -> None:
    sheet = book.create_sheet(title)
    for number, row in enumerate([header, *rows], start=1):
        for column, value in enumerate(row, start=1):
            filled(sheet.cell(number, column), value)


# LimeSurvey: tab separated text, all rows of the first language, then those of the others; the token is the
# platform's own, of its participants.

LIMESURVEY_COLUMNS = (
    "id", "class", "type/scale", "name", "relevance", "text", "language", "mandatory", "other", "random_group",
)  # fmt: skip


def limesurvey(instrument: Instrument, source: Source, languages: Sequence[Language], form: Form = "usual") -> bytes:
    """The survey's structure; scored items of a part come in a random order, and answers carry their time."""
    questions = asked(instrument, source, languages, form)
    _require_codes(questions, instrument)
    settings = {
        "language": languages[0],
        "additional_languages": " ".join(languages[1:]),
        "anonymized": "N",
        "datestamp": "Y",
    }
    rows: list[dict[str, object]] = [{"class": "S", "name": name, "text": text} for name, text in settings.items()]
    rows += [
        {"class": "SL", "name": "surveyls_title", "text": instrument.title[lang], "language": lang}
        for lang in languages
    ]
    for language in languages:
        rows += _structure(questions, instrument, language, _turned(questions, form))
    text = io.StringIO()
    writer = csv.DictWriter(text, LIMESURVEY_COLUMNS, restval="", delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _structure(
    questions: Sequence[Asked], instrument: Instrument, language: Language, turned: set[str]
) -> Iterator[dict[str, object]]:
    part = 0
    for number, question in enumerate(questions, start=1):
        if question.part != part:
            part = question.part
            yield {
                "id": part,
                "class": "G",
                "type/scale": f"G{part}",
                "name": _title(language, part),
                "relevance": 1,
                "language": language,
            }
        random = f"part{part}" if question.in_any_order else ""
        relevance = _asked_if(question, ARM_ATTRIBUTE, "==", '"') or 1
        yield {"id": number, "class": "Q", "type/scale": "L", "name": limesurvey_code(question.code),
               "relevance": relevance, "text": question.text[language].replace("\n", "<br />"), "language": language,
               "mandatory": "Y", "other": "N", "random_group": random}  # fmt: skip
        scale = instrument.scales[question.scale]
        for code, words in answers_of(scale, [language], question.scale in turned).items():
            yield {
                "id": number,
                "class": "A",
                "type/scale": 0,
                "name": code,
                "text": words[language],
                "language": language,
            }


def limesurvey_code(code: str) -> str:
    """The code of an item as LimeSurvey takes it: letters and digits alone. Imports read it as the item's code."""
    return code.replace("_", "").upper()


def _require_codes(questions: Sequence[Asked], instrument: Instrument) -> None:
    """Every code must be one that the platform takes, and stay different from all others."""
    codes = [limesurvey_code(question.code) for question in questions]
    answers = {str(code) for q in questions for code in answers_of(instrument.scales[q.scale], ["en"])}
    wrong = [
        q.code
        for q, code in zip(questions, codes, strict=True)
        if not QUESTION_CODE.fullmatch(code) or codes.count(code) > 1
    ]
    wrong += sorted(code for code in answers if not ANSWER_CODE.fullmatch(code))
    if wrong:
        raise InputError(
            "codes of the instrument are none that LimeSurvey takes",
            file=f"params/instruments/{instrument.instrument_id}.yaml",
            got=", ".join(wrong),
            expected="letters and digits, at most 20 (a question) or 5 (an answer), different without underscores",
        )


Made = Callable[[Instrument, Source, Sequence[Language], Form], bytes]
KINDS: dict[str, tuple[str, Made]] = {"xlsform": ("xlsx", xlsform), "limesurvey": ("txt", limesurvey)}
