"""Mobile numbers, in the many ways people type them, as +628..."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from spi_analysis.params.mapping import PhoneRules
from spi_analysis.tables.cells.cell import Reading, text_of


class Contacts(NamedTuple):
    """The usable contacts of a cell in their order; ``problem`` says why there is none, or what else stands there."""

    values: tuple[str, ...] = ()
    problem: str = ""


_POWER = re.compile(r"(\d)(?:[.,](\d+))?e\+?(\d{1,2})", re.IGNORECASE)
_BETWEEN = re.compile(r"[/;,|&]|\batau\b|\bdan\b", re.IGNORECASE)
_ZERO_TYPED_AS_LETTER = re.compile(r"(?<=\d)[oO]+(?![a-zA-Z])|(?<![a-zA-Z])[oO]+(?=[\s.\-]*\d)")
_ONE_TYPED_AS_LETTER = re.compile(r"(?<=\d)[lI](?=\d)")
# What may stand between the digits of one number. Whatever else stands there, letters too, ends the number.
_SEPARATOR = r"\s.()\-_\u2010-\u2015\u2212"
_RUN = re.compile(rf"(?:\(?\+[\s(]*)?\d(?:[{_SEPARATOR}]{{0,4}}\d)*")
_GROUP = re.compile(rf"([{_SEPARATOR}]*)(\d+)")
_NEXT_NUMBER = re.compile(r"\s+(?=\(?0|62)")
# 81,234,567,890: a number that a spreadsheet wrote out as an amount.
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3}){2,}")
# "HP 1: 0812 ...": the digit counts the telephones.
_COUNTED = re.compile(r"\b[a-z]+\.?\s*\d\s*[:=]", re.IGNORECASE)
# Fewer digits than any telephone has: an extension, a remark, the end of another number.
_FEWEST = 5
DOUBTFUL = "phone_doubtful"
UNUSED = "phone_part_unused"


def read_phones(cell: object, rules: PhoneRules) -> Contacts:
    """All mobile numbers of a cell as E.164. The cell must hold something.

    Spaces, dots, dashes and brackets do not matter, nor whether +62, 62, 0 or nothing stands in front; the letters
    O and l between digits are 0 and 1. A cell may hold several numbers; of those the usable ones are taken, and
    ``problem`` says so where another one is spoilt.

    Nothing else is squeezed out: digits that are no telephone number of their own ("0812345678/79", "(2)",
    "ext 12") may belong to the number or not. Two readings that differ are no reading, so the cell is doubtful.
    """
    return _read(
        text_of(cell), rules.country_code, rules.mobile, rules.min_digits, rules.max_digits, rules.rounded_zeros
    )


@lru_cache(maxsize=200_000)
def _read(text: str, country: str, mobile: str, low: int, high: int, zeros: int) -> Contacts:
    number = _Number(country, mobile, low, high, zeros)
    power = _POWER.fullmatch(text.replace(" ", ""))
    if power:
        return _contacts([number.from_power(*power.groups(default=""))])
    pieces = [piece for piece in _BETWEEN.split(_prepared(text)) if _digits(piece)]
    readings = [number.read_piece(piece) for piece in pieces]
    if len(pieces) > 1 and [] in readings:
        # "0812345678/79": what follows is no number, so it belongs to the one before, or takes the place of its end.
        return Contacts(problem=DOUBTFUL)
    if readings == [[]]:
        return Contacts(problem="phone_too_short")
    return _contacts([reading for piece in readings for reading in piece])


def _contacts(readings: list[Reading]) -> Contacts:
    """The numbers among the readings; an office telephone beside them does no harm, a spoilt number is said."""
    problems = [reading.problem for reading in readings if reading.problem]
    found = tuple(dict.fromkeys(reading.value for reading in readings if reading.value))
    if not found:
        return Contacts(problem=DOUBTFUL if DOUBTFUL in problems else (problems or ["phone_not_a_number"])[0])
    return Contacts(found, UNUSED if set(problems) - {"phone_not_mobile"} else "")


def _prepared(text: str) -> str:
    """The text without what spreadsheets add to a number, and with O and l typed for 0 and 1 as digits."""
    if _AMOUNT.fullmatch(text):
        text = text.replace(",", "")
    text = _COUNTED.sub(" ; ", re.sub(r"(?<=\d)[.,]0$", "", text))
    return _ONE_TYPED_AS_LETTER.sub("1", _ZERO_TYPED_AS_LETTER.sub(lambda found: "0" * len(found[0]), text))


def _digits(text: str) -> int:
    return sum(c.isdecimal() for c in text)


class _Number(NamedTuple):
    """The rule of one country, for one number at a time."""

    country: str
    mobile: str
    low: int
    high: int
    zeros: int

    def read_piece(self, piece: str) -> list[Reading]:
        """The numbers of a text without dividers; none where it holds too few digits for a telephone."""
        runs = _RUN.findall(piece)
        long = [run for run in runs if _digits(run) >= _FEWEST]
        readings = [reading for run in long for reading in self._in_run(run)]
        if len(long) == len(runs):
            return readings
        return [Reading(problem=DOUBTFUL) if reading.value else reading for reading in readings]

    def _in_run(self, run: str) -> list[Reading]:
        """The number, or the numbers divided by a space alone, of digits with nothing but separators between."""
        pieces = _NEXT_NUMBER.split(run)
        if len(pieces) > 1 and all(_digits(piece) >= _FEWEST for piece in pieces):
            several = [self._without_appendix(piece) for piece in pieces]
            if any(reading.value for reading in several):
                return several
        return [self._without_appendix(run)]

    def _without_appendix(self, run: str) -> Reading:
        return Reading(problem=DOUBTFUL) if self._has_appendix(run) else self.read(run)

    def _has_appendix(self, run: str) -> bool:
        """Whether the last digits stand apart from a number that is whole without them: "0812-3456-789 1".

        They belong to the number where they are divided off as the digits before them are.
        """
        groups = _GROUP.findall(run)
        if len(groups) < 2 or not self.read(run[: run.rindex(groups[-1][1])]).value:
            return False
        (before, *_), (last, digits) = groups[-2:]
        alone = len(digits) == 1 and any(len(group) > 1 for _, group in groups)
        return alone or len(groups) == 2 or before.strip(" ") != last.strip(" ")

    def read(self, text: str) -> Reading:
        """One number of which every digit counts."""
        digits = re.sub(r"\D", "", text)
        if len(digits) < _FEWEST:
            return Reading(problem="phone_not_a_number" if not digits else "phone_too_short")
        if text.lstrip("( ").startswith("+") and not digits.startswith(self.country):
            return Reading(problem="phone_foreign")
        return self._checked(self._national(digits))

    def from_power(self, first: str, rest: str, exponent: str) -> Reading:
        """8.12345678901E+11 is a number in full; 8,12346E+11 has lost its end."""
        if len(rest) < int(exponent):
            return Reading(problem="phone_rounded")
        return self._checked(self._national((first + rest)[: int(exponent) + 1]))

    def _national(self, digits: str) -> str:
        """The digits after the country code or the leading zero."""
        digits = digits[2:] if digits.startswith("00") else digits
        country_first = re.match(rf"0?{self.country}0*(?={self.mobile})", digits)
        # 0628 is also an area code: with a zero in front, only a number too long for it begins with the country.
        if country_first and (digits[0] != "0" or len(digits) > self.high):
            return digits[country_first.end() :]
        return digits.lstrip("0")

    def _checked(self, national: str) -> Reading:
        if not re.match(self.mobile, national):
            return Reading(problem="phone_not_mobile" if len(national) <= self.high else "phone_too_long")
        if len(national) < self.low:
            return Reading(problem="phone_too_short")
        if len(national) > self.high:
            return Reading(problem="phone_too_long")
        if national.endswith("0" * self.zeros):
            return Reading(problem="phone_rounded")
        return Reading(f"+{self.country}{national}")
