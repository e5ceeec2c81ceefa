"""Dates and times as Indonesians write them, and spans of years."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from spi_analysis.tables.cells.text import Reading, text_of

OUT_OF_RANGE = "time_out_of_range"
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan",
            "feb peb",
            "mar",
            "apr",
            "mei may",
            "jun",
            "jul",
            "agu agt ags aug",
            "sep",
            "okt oct",
            "nov nop",
            "des dec",
        ),
        start=1,
    )
    for name in names.split()
}
_SERIAL_ZERO = dt.datetime(1899, 12, 30)
_ZERO_OF_1904 = dt.datetime(1904, 1, 1)
_SERIALS = (10_000, 80_000)
_YEARS = (1930, 2100)
# No date in a list or a log lies outside these years; a store of times could not even hold some of them.
_POSSIBLE_YEARS = (1800, 2200)

_BEFORE_A_DATE = re.compile(
    r"^(?:tmt|senin|selasa|rabu|kamis|jum'?at|sabtu|minggu|ahad|mon|tue|wed|thu|fri|sat|sun)[\s,.:]+"
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})")
_IN_WORDS = re.compile(r"(?:(\d{1,2})[\s\-/.]*)?([a-z]{3,9})[\s\-/.,]*(\d{4}|\d{2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/. ](\d{4})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_CLOCK = re.compile(
    r"[t\s,]\s*(?:pukul |jam )?(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(am|pm)?\s*"
    r"(wib|wita|wit|z|(?:utc|gmt)(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}:?\d{2})?$"
)
# Seconds, or thousandths of them, since 1970: the clocks of message platforms, from 2001 to 2033.
_UNIX = re.compile(r"1\d{9}(?:\.\d+)?|1\d{12}")
_ZONES = {"wib": 7, "wita": 8, "wit": 9, "z": 0, "utc": 0, "gmt": 0}


def read_date(cell: object, reference: dt.date) -> Reading:
    """A date. The day stands before the month; a month without a day is its first, a year alone is 1 January.

    A two-digit year is of the century that keeps it from lying after ``reference``.
    """
    if isinstance(cell, dt.date):
        return _date(cell.year, cell.month, cell.day)
    return _date_in_text(text_of(cell).lower(), reference)


@lru_cache(maxsize=100_000)
def _date_in_text(text: str, reference: dt.date) -> Reading:
    text = _CLOCK.sub("", _BEFORE_A_DATE.sub("", text.strip(" .,")))
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return _date_in_number(text)
    year, month, day = _parts(text)
    if not year:
        return Reading(problem="date_unreadable")
    if len(year) == 2:
        century = reference.year // 100 * 100
        year = str(int(year) + (century if int(year) <= reference.year % 100 else century - 100))
    return _date(int(year), month, day)


def _parts(text: str) -> tuple[str, int, int]:
    if match := _ISO.fullmatch(text):
        return match[1], int(match[2]), int(match[3])
    if match := _DAY_FIRST.fullmatch(text):
        return match[3], int(match[2]), int(match[1])
    if match := _MONTH_YEAR.fullmatch(text):
        return match[2], int(match[1]), 1
    if (match := _IN_WORDS.fullmatch(text)) and match[2][:3] in _MONTHS:
        return match[3], _MONTHS[match[2][:3]], int(match[1] or 1)
    return "", 0, 0


def _date_in_number(text: str) -> Reading:
    """A spreadsheet's count of days, a year, or 20180301."""
    if match := _COMPACT.fullmatch(text):
        return _date(*(int(part) for part in match.groups()))
    number = float(text)
    if _YEARS[0] <= number <= _YEARS[1]:
        return _date(int(number), 1, 1)
    if _SERIALS[0] <= number < _SERIALS[1]:
        return Reading((_SERIAL_ZERO + dt.timedelta(days=number)).date())
    return Reading(problem="date_unreadable")


def _date(year: int, month: int, day: int) -> Reading:
    if not _POSSIBLE_YEARS[0] <= year <= _POSSIBLE_YEARS[1]:
        return Reading(problem=OUT_OF_RANGE)
    try:
        return Reading(dt.date(year, month, day))
    except ValueError:
        return Reading(problem="date_unreadable")


def first_of(cell: object) -> str:
    """What stands first in a date of three numbers: "day", "month", "either" (3/4/2023) or "" (no such date)."""
    found = _in_numbers(cell)
    first, second = (int(found[1]), int(found[2])) if found else (0, 0)
    if first == second or not (1 <= min(first, second) <= 12 and max(first, second) <= 31):
        return ""
    return "either" if max(first, second) <= 12 else "day" if first > 12 else "month"


def day_put_first(cell: object) -> object:
    """A date of three numbers with the first two changed round; any other cell as it is."""
    found = _in_numbers(cell)
    return text_of(cell).replace(found[0], f"{found[2]}/{found[1]}/{found[3]}", 1) if found else cell


def _in_numbers(cell: object) -> re.Match[str] | None:
    if not isinstance(cell, str):
        return None
    text = text_of(cell).lower().strip(" .,")
    # Most texts of a log are none (2024-08-25 10:15): told at their first letters.
    if text[:1].isdecimal() and not _DAY_FIRST.match(text):
        return None
    return _DAY_FIRST.fullmatch(_CLOCK.sub("", _BEFORE_A_DATE.sub("", text)))


def is_day_count(cell: object) -> bool:
    """Whether the cell is a spreadsheet's count of days."""
    number = re.fullmatch(r"\d{5}(?:\.\d+)?", text_of(cell))
    return number is not None and not isinstance(cell, bool) and _SERIALS[0] <= float(number[0]) < _SERIALS[1]


def from_1904(cell: object) -> object:
    """A count of days as workbooks of old Macs count, as the date it stands for; any other cell as it is."""
    return _ZERO_OF_1904 + dt.timedelta(seconds=round(float(text_of(cell)) * 86_400)) if is_day_count(cell) else cell


def read_time(cell: object, zone: str, reference: dt.date) -> Reading:
    """A time of day with its date, on the clock of ``zone`` and without a zone. A date alone is its midnight."""
    if isinstance(cell, dt.datetime):
        day = read_date(cell, reference)
        return Reading(None, day.problem) if day.problem else Reading(_on_clock(cell, zone))
    text = text_of(cell).lower()
    if _UNIX.fullmatch(text):
        seconds = float(text[:10])
        return Reading(_on_clock(dt.datetime.fromtimestamp(seconds, dt.UTC), zone))
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text):
        # A spreadsheet counts days; the rest is the time of day.
        return Reading(_SERIAL_ZERO + dt.timedelta(seconds=round(float(text) * 86_400)))
    return _time_in_text(text, zone, reference)


@lru_cache(maxsize=200_000)
def _time_in_text(text: str, zone: str, reference: dt.date) -> Reading:
    clock = _CLOCK.search(text)
    day = read_date(text[: clock.start()] if clock else text, reference)
    if day.problem or not clock:
        return Reading(dt.datetime.combine(day.value, dt.time()) if day.value else None, day.problem)
    hour, minute, second = (int(part or 0) for part in clock.groups()[:3])
    hour = hour % 12 + 12 * (clock[4] == "pm") if clock[4] else hour
    if hour > 23 or minute > 59 or second > 59:
        return Reading(problem="date_unreadable")
    try:
        zone_of_text = _zone_of(clock[5])
    except ValueError:
        return Reading(problem=OUT_OF_RANGE)
    moment = dt.datetime.combine(day.value, dt.time(hour, minute, second), tzinfo=zone_of_text)
    return Reading(_on_clock(moment, zone))


def _zone_of(name: str | None) -> dt.timezone | None:
    if not name:
        return None
    if name in _ZONES:
        return dt.timezone(dt.timedelta(hours=_ZONES[name]))
    sign, hours, minutes = re.fullmatch(r"(?:utc|gmt)?([+-])(\d{1,2}):?(\d{2})?", name).groups()  # type: ignore[union-attr]
    offset = int(hours) * 60 + int(minutes or 0)
    return dt.timezone(dt.timedelta(minutes=-offset if sign == "-" else offset))


def _on_clock(moment: dt.datetime, zone: str) -> dt.datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if moment.tzinfo else moment


_YEARS_AND_MONTHS = re.compile(
    r"(?:(\d+(?:\.\d+)?)\s*(?:tahun|thn|th|t|years?|y)\b\.?)?\s*,?\s*(?:dan )?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*(?:bulan|bln|bl|b|months?|m)\b\.?)?\s*,?\s*(?:\d+\s*(?:hari|hr|h)\b\.?)?"
)


def read_years(cell: object) -> Reading:
    """A span in years: 5, "5,5", "5 tahun", "5 thn 3 bln", "10 bulan". A date here is a slip, not a span."""
    text = text_of(cell).lower().replace(",", ".")
    if isinstance(cell, dt.date | bool):
        return Reading(problem="years_unreadable")
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return Reading(float(text))
    match = _YEARS_AND_MONTHS.fullmatch(re.sub(r"(?<=\d)(?=[a-z])", " ", text))
    if match and (match[1] or match[2]):
        return Reading(round(float(match[1] or 0) + float(match[2] or 0) / 12, 2))
    return Reading(problem="years_unreadable")


def whole_months(start: dt.date, end: dt.date) -> int:
    """Full months from one day to another."""
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
