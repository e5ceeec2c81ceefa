"""Exports of survey platforms, told by their own columns: what a heading means, which rows are no answers, whose clock.

To add one: a function that says what a sheet of the platform tells (``Told``), and a line in ``ANSWER_PLATFORMS`` with
the columns by which it is known. Where each shape is documented stands in docs/platforms.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from spi_analysis.params import normalised
from spi_analysis.tables import text_of
from spi_analysis.tables.importing.grids import Row
from spi_analysis.tables.importing.headers import HeaderWords
from spi_analysis.tables.importing.readers import Sheet

LIMESURVEY = "LimeSurvey"
COMPLETED = "completed_at"


@dataclass(frozen=True)
class Platform:
    """A platform: by which headings its exports are known, and what its sheets tell."""

    name: str
    made: Callable[[Sequence[str]], bool]
    read: Callable[[Sheet, HeaderWords], Sheet]


def having(*groups: Sequence[str]) -> Callable[[Sequence[str]], bool]:
    """Known by having all headings of any of these groups."""
    return lambda found: any(set(group) <= set(found) for group in groups)


def beginning(*headings: str) -> Callable[[Sequence[str]], bool]:
    """Known by its first heading."""
    return lambda found: next(iter(found), "") in headings


def as_exported(sheet: Sheet, words: HeaderWords, platforms: Sequence[Platform]) -> Sheet:
    """The sheet with what its platform says of it; that of no known platform as it is."""
    found = [normalised(label) for label in headings(sheet)]
    platform = next((one for one in platforms if one.made(found)), None)
    if platform is None:
        return sheet
    sheet = platform.read(sheet, words)
    return replace(sheet, told=replace(sheet.told, platform=platform.name))


def headings(sheet: Sheet) -> list[str]:
    """The cells of the first row as text."""
    return [text_of(cell) if isinstance(cell, str) else "" for cell in sheet.rows[0]] if sheet.rows else []


def named(sheet: Sheet, words: HeaderWords, forms: Callable[[str], Iterator[str]], **fixed: str) -> dict[str, str]:
    """Heading -> field, for every heading of which one of the forms is known; ``fixed`` gives those of the platform."""
    names = {}
    for label in filter(None, headings(sheet)):
        field = fixed.get(normalised(label).replace(" ", "_"))
        field = field or next((found for form in forms(label) if (found := words.exact(form))), None)
        if field:
            names[label] = field
    return names


def telling(sheet: Sheet, **told: object) -> Sheet:
    """The sheet with more that is told of it."""
    return replace(sheet, told=replace(sheet.told, **told))  # type: ignore[arg-type]


def without_rows(sheet: Sheet, numbers: Sequence[int]) -> Sheet:
    """The sheet with these rows (as a spreadsheet numbers them) empty, so that all others keep their number."""
    return replace(sheet, rows=[() if i in numbers else row for i, row in enumerate(sheet.rows, start=1)])


def cells_of(sheet: Sheet, label: str) -> Iterator[tuple[int, str]]:
    """Row number and text of every cell below a heading, whatever its case; nothing where there is no such heading."""
    found = [i for i, heading in enumerate(headings(sheet)) if normalised(heading) == label]
    for number, row in enumerate(sheet.rows[1:], start=2):
        for i in found[:1]:
            yield number, text_of(row[i]) if i < len(row) else ""


# LimeSurvey. A heading is a code, a text, or both ("Q1. Text", "Q1[SQ2]. Text"); a survey that keeps no times writes
# 1980-01-01 for "sent off".

NO_TIME = "1980-01-01"


def _limesurvey(sheet: Sheet, words: HeaderWords) -> Sheet:
    names = named(sheet, words, _limesurvey_forms, date_submitted=COMPLETED, date_started="started_at")
    columns = [i for i, label in enumerate(headings(sheet)) if names.get(label) == COMPLETED]
    rows, untimed = [], []
    for number, row in enumerate(sheet.rows, start=1):
        found = [i for i in columns if i < len(row) and text_of(row[i]).startswith(NO_TIME)]
        untimed += [number] * bool(found)
        rows.append(tuple(None if i in found else cell for i, cell in enumerate(row)))
    notes = (("time_not_kept", COMPLETED, tuple(untimed)),) if untimed else ()
    return telling(replace(sheet, rows=rows), names=names, notes=notes)


def _limesurvey_forms(label: str) -> Iterator[str]:
    yield label
    code, dot, text = label.partition(". ")
    yield from (code, *re.findall(r"\[([^\[\]]+)\]", code)) if dot else ()
    yield from reversed(re.findall(r"\[([^\[\]]+)\]", label))
    yield text


# KoboToolbox and ODK. A heading carries its groups (group/item, ODK Central: group-item); a question with several
# answers has a column for each of them.


def _kobo(sheet: Sheet, words: HeaderWords) -> Sheet:
    names = named(sheet, words, _kobo_forms, end=COMPLETED, start="started_at", submissiondate="ignored")
    if COMPLETED not in names.values():
        sheet, names = _with_utc(sheet, "submission time"), names | {"_submission_time": COMPLETED}
    sheet, more = _with_choices(sheet, words, names)
    rejected = {
        number: "not_approved" for number, cell in cells_of(sheet, "validation status") if "not" in cell.lower()
    }
    return telling(sheet, names=names | more, set_aside=rejected)


def _kobo_forms(label: str) -> Iterator[str]:
    yield label
    yield re.split(r"[/-]", label)[-1] if "/" in label or "-" in label else ""


def _with_utc(sheet: Sheet, heading: str) -> Sheet:
    """The times of a column with their zone: the server's clock is UTC and does not say so."""
    found = [i for i, label in enumerate(headings(sheet)) if normalised(label) == heading]
    rows = [
        tuple(
            f"{text_of(cell)}Z" if i in found and n and cell and text_of(cell)[-1].isdecimal() else cell
            for i, cell in enumerate(row)
        )
        for n, row in enumerate(sheet.rows)
    ]
    return replace(sheet, rows=rows)


def _with_choices(sheet: Sheet, words: HeaderWords, names: Mapping[str, str]) -> tuple[Sheet, dict[str, str]]:
    """The columns of one question's choices as one more column: the one that was chosen, or all of them."""
    choices: dict[str, dict[str, int]] = {}
    for i, label in enumerate(headings(sheet)):
        question, slash, choice = label.rpartition("/")
        if slash and label not in names and any(words.exact(form) for form in _kobo_forms(question)):
            choices.setdefault(question, {})[choice] = i
    parts = {headings(sheet)[i]: "ignored" for columns in choices.values() for i in columns.values()}
    new = {question: columns for question, columns in choices.items() if question not in names}
    width = len(sheet.rows[0])
    rows = [(*sheet.rows[0], *new), *(_chosen(row, width, new.values()) for row in sheet.rows[1:])]
    fields = {q: field for q in new for form in _kobo_forms(q) if (field := words.exact(form))}
    return (replace(sheet, rows=rows) if new else sheet), parts | fields


def _chosen(row: Row, width: int, questions: object) -> Row:
    if not row:
        return row
    full = (*row, *[None] * (width - len(row)))
    marked = [[c for c, i in columns.items() if text_of(full[i]).lower() in ("1", "true")] for columns in questions]  # type: ignore[attr-defined]
    return (*full, *(" ".join(chosen) or None for chosen in marked))


# Qualtrics. Codes, question texts and an "ImportId" that names the clock are three rows; test answers are among them.

_STATUS_BITS = {1: "platform_preview", 2: "platform_preview", 8: "platform_spam"}


def _qualtrics(sheet: Sheet, words: HeaderWords) -> Sheet:
    third = [text_of(cell) for cell in sheet.rows[2]] if len(sheet.rows) > 2 else []
    ids = [json.loads(cell) for cell in third if cell.startswith('{"ImportId"')]
    zones = sorted({one["timeZone"] for one in ids if one.get("timeZone")})
    names = named(sheet, words, lambda label: iter([label]))
    rejected = {number: code for number, cell in cells_of(sheet, "status") if (code := _no_answer(cell))}
    sheet = without_rows(sheet, (2, 3)) if ids else sheet
    return telling(sheet, names=names, set_aside=rejected, zone=zones[0] if len(zones) == 1 else "")


def _no_answer(status: str) -> str:
    """Why a row is no answer, from its status in words or as a number (a sum of bits), else ""."""
    number = int(float(status)) if re.fullmatch(r"\d{1,2}(\.0)?", status) else 0
    word = status.lower()
    if "preview" in word or "test" in word:
        return "platform_preview"
    return "platform_spam" if "spam" in word else next((c for bit, c in _STATUS_BITS.items() if number & bit), "")


# SurveyMonkey. The second row names the parts of a question, "Response" where it has none; months come first.

_NO_PART = ("", "response", "open ended response")


def _surveymonkey(sheet: Sheet, words: HeaderWords) -> Sheet:
    top, below = headings(sheet), [text_of(cell) for cell in sheet.rows[1]] if len(sheet.rows) > 1 else []
    below += [""] * (len(top) - len(below))
    labels = tuple(t if normalised(b) in _NO_PART else b for t, b in zip(top, below, strict=False))
    sheet = without_rows(replace(sheet, rows=[labels, *sheet.rows[1:]]), (2,))
    names = named(
        sheet,
        words,
        _numbered,
        custom_data_1="token",
        respondent_id="ignored",
        date_created="started_at",
        date_modified=COMPLETED,
    )
    return telling(sheet, names=names, month_first=True)


def _numbered(label: str) -> Iterator[str]:
    """A question's text, without its number, and the row of a grid."""
    yield label
    yield re.sub(r"^[A-Za-z]?\d+[.)]\s*", "", label)
    yield from reversed(re.findall(r"\[([^\[\]]+)\]", label))


# Google Forms. The headings are the questions' texts; a grid adds its row: "Question [Row]".


def _google_forms(sheet: Sheet, words: HeaderWords) -> Sheet:
    submitted = {headings(sheet)[0]: COMPLETED}
    return telling(sheet, names=named(sheet, words, _numbered) | submitted)


ANSWER_PLATFORMS = (
    Platform(LIMESURVEY, having(["last page", "start language"], ["lastpage", "startlanguage"]), _limesurvey),
    Platform("KoboToolbox or ODK", having(["submission time"], ["submissiondate", "key"], ["meta instanceid"]), _kobo),
    Platform("Qualtrics", having(["responseid", "status", "finished"]), _qualtrics),
    Platform("SurveyMonkey", having(["respondent id", "collector id"]), _surveymonkey),
    Platform("Google Forms", beginning("timestamp", "cap waktu", "stempel waktu"), _google_forms),
)
