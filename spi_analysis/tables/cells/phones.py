"""Mobile numbers, in the many ways people type them, as +628..."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from spi_analysis.params.mapping import PhoneRules
from spi_analysis.tables.cells.cell import Reading, text_of


class Contacts(NamedTuple):
    """The usable contacts of a cell in their order; ``problem`` says why there is none."""

    values: tuple[str, ...] = ()
    problem: str = ""


_POWER = re.compile(r"(\d)(?:[.,](\d+))?e\+?(\d{1,2})", re.IGNORECASE)
_BETWEEN = re.compile(r"[/;,|&]|\batau\b|\bdan\b", re.IGNORECASE)
_ZERO_TYPED_AS_LETTER = re.compile(r"(?<=\d)[oO]+(?![a-zA-Z])|(?<![a-zA-Z])[oO]+(?=[\s.\-]*\d)")
_ONE_TYPED_AS_LETTER = re.compile(r"(?<=\d)[lI](?=\d)")


def read_phones(cell: object, rules: PhoneRules) -> Contacts:
    """All mobile numbers of a cell as E.164. The cell must hold something.

    Spaces, dots, dashes and brackets do not matter, nor whether +62, 62, 0 or nothing stands in front; the letters
    O and l between digits are 0 and 1. A cell may hold several numbers.
    """
    return _read(
        text_of(cell), rules.country_code, rules.mobile, rules.min_digits, rules.max_digits, rules.rounded_zeros
    )


@lru_cache(maxsize=200_000)
def _read(text: str, country: str, mobile: str, low: int, high: int, zeros: int) -> Contacts:
    number = _Number(country, mobile, low, high, zeros)
    whole = number.read(text)
    if whole.value or whole.problem == "phone_rounded":
        return Contacts((whole.value,)) if whole.value else Contacts(problem=whole.problem)
    pieces = [number.read(piece) for piece in _pieces(text)]
    found = tuple(dict.fromkeys(piece.value for piece in pieces if piece.value))
    return Contacts(found) if found else Contacts(problem=pieces[0].problem if len(pieces) > 1 else whole.problem)


def _pieces(text: str) -> list[str]:
    """The numbers of a cell that holds several; those divided by a space alone come last."""
    pieces = [piece for piece in _BETWEEN.split(text) if re.search(r"\d", piece)]
    if len(pieces) <= 1:
        pieces = re.split(r"\s+(?=\+|0|62)", text)
    return pieces


def _with_digits(text: str) -> str:
    """O and l typed for 0 and 1, where a digit stands beside them."""
    return _ONE_TYPED_AS_LETTER.sub("1", _ZERO_TYPED_AS_LETTER.sub(lambda found: "0" * len(found[0]), text))


class _Number(NamedTuple):
    """The rule of one country, for one number at a time."""

    country: str
    mobile: str
    low: int
    high: int
    zeros: int

    def read(self, text: str) -> Reading:
        power = _POWER.fullmatch(text.replace(" ", ""))
        if power:
            return self._from_power(*power.groups(default=""))
        digits = re.sub(r"\D", "", _with_digits(re.sub(r"(?<=\d)[.,]0$", "", text)))
        if len(digits) < 5:
            return Reading(problem="phone_not_a_number" if not digits else "phone_too_short")
        if text.lstrip("( ").startswith("+") and not digits.startswith(self.country):
            return Reading(problem="phone_foreign")
        return self._checked(self._national(digits))

    def _from_power(self, first: str, rest: str, exponent: str) -> Reading:
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
