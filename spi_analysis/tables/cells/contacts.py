"""Mobile numbers, in the many ways people type them, as +628..."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from spi_analysis.errors import HIDDEN, contact_in, mask_contacts
from spi_analysis.params import PhoneRules
from spi_analysis.tables.cells.text import Reading, text_of
from spi_analysis.tables.identity import TOKEN_LENGTH

# What of a contact may be shown: enough to find the cell, never the whole.

_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?![a-z0-9])")
# "Dinas Sosial, HP 0812...": the word goes with the number.
_LABEL = re.compile(
    r"\b(?:no|nomor|hp|wa|whatsapp|telp|tlp|telepon|ponsel|email|e-mail|surel|kontak|hub|hubungi|cp)\b[\s.:]*$", re.I
)
_DAY = r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}|(?:\d{1,2}[\s\-/.]*)?[a-z]{3,9}[\s\-/.,]*\d{2,4}|\d{5}(?:\.\d+)?"
_TIME = re.compile(
    rf"(?:{_DAY})(?:[t\s,]\s*[\d:.,]{{1,18}}\s*(?:[ap]m)?\s*(?:wib|wita|wit|z|utc|gmt|[+-]\d\d:?\d\d)?)?"
)


def mask_number(cell: object) -> str:
    """A phone or employee number with its middle hidden; a short one is hidden all but two digits."""
    digits = re.sub(r"\D", "", text_of(cell))
    if len(digits) >= 10:
        return f"{digits[:4]}{HIDDEN}{digits[-3:]}"
    return f"{digits[:2]}{HIDDEN}" if len(digits) >= 5 else HIDDEN


def mask_email(cell: object) -> str:
    """An address with the first letters of its two parts and its ending."""
    local, at, domain = text_of(cell).partition("@")
    if not at:
        return HIDDEN
    ending = domain.rpartition(".")[2] if "." in domain else ""
    return f"{local[:1]}{HIDDEN}@{domain[:1]}{HIDDEN}" + (f".{ending}" if 2 <= len(ending) <= 4 else "")


def mask_token(cell: object) -> str:
    """A link token opens a questionnaire, so only its beginning is shown; of anything else, nothing."""
    token = _TOKEN.search(text_of(cell).lower())
    return f"{token[0][:4]}{HIDDEN}" if token else HIDDEN


def mask_time(cell: object) -> str:
    """A time as it stands; what does not look like one may be anything, so it is hidden."""
    text = text_of(cell)
    return text if _TIME.fullmatch(text.lower()) else HIDDEN


def mask_text(cell: object) -> str:
    """Any other cell; contacts that strayed into it are hidden."""
    return mask_contacts(text_of(cell))


def without_contacts(text: str) -> str:
    """A text up to the first contact in it (who is meant often follows); after it, where nothing stands before.

    The text itself where it holds no contact.
    """
    found = contact_in(text)
    if found is None:
        return text
    before, after = (part.strip(" ,;:-–/|(&[") for part in (text[: found.start()], text[found.end() :]))
    return _LABEL.sub("", before).strip(" ,;:-–/|([") or without_contacts(after.strip(" )]"))


def mask_after_contact(cell: object) -> str:
    """A text without a contact that strayed into it, nor what stands behind it: often the name of its owner."""
    text = text_of(cell)
    kept = without_contacts(text)
    return text if kept == text else f"{kept} {HIDDEN}".strip()


MASKS = {
    "name": lambda cell: "",
    "employee_number": mask_number,
    "whatsapp": mask_number,
    "phone": mask_number,
    "email": mask_email,
    "token": mask_token,
    **dict.fromkeys(("unit", "service", "position"), mask_after_contact),
    **dict.fromkeys(("at", "started_at", "completed_at"), mask_time),
}


def shown(field: str, cell: object) -> str:
    """A cell of a field as it may appear in a message or a table."""
    return MASKS.get(field, mask_text)(cell)


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
# Most cells: one number, its groups divided by a single space, dot or dash each, and none of them a single digit.
_PLAIN = re.compile(r"\+?\d{2,}(?:[ .-]\d{2,})*", re.ASCII)
_NO_DIGIT = re.compile(r"\D")
DOUBTFUL = "phone_doubtful"
PHONE_UNUSED = "phone_part_unused"


def read_phones(cell: object, rules: PhoneRules) -> Contacts:
    """All mobile numbers of a cell as E.164. The cell must hold something.

    Spaces, dots, dashes and brackets do not matter, nor whether +62, 62, 0 or nothing stands in front; the letters
    O and l between digits are 0 and 1. A cell may hold several numbers; of those the usable ones are taken, and
    ``problem`` says so where another one is spoilt.

    Nothing else is squeezed out: digits that are no telephone number of their own ("0812345678/79", "(2)",
    "ext 12") may belong to the number or not. Two readings that differ are no reading, so the cell is doubtful.
    """
    return _read_phones(text_of(cell), rules.region, rules.mobile, rules.rounded_zeros)


@lru_cache(maxsize=200_000)
def _read_phones(text: str, region: str, mobile: str, zeros: int) -> Contacts:
    number = _number(region, mobile, zeros)
    if number.is_plain(text):
        return _contacts([number.read(text)])
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
    return Contacts(found, PHONE_UNUSED if set(problems) - {"phone_not_mobile"} else "")


def _prepared(text: str) -> str:
    """The text without what spreadsheets add to a number, and with O and l typed for 0 and 1 as digits."""
    if _AMOUNT.fullmatch(text):
        text = text.replace(",", "")
    text = _COUNTED.sub(" ; ", re.sub(r"(?<=\d)[.,]0$", "", text))
    return _ONE_TYPED_AS_LETTER.sub("1", _ZERO_TYPED_AS_LETTER.sub(lambda found: "0" * len(found[0]), text))


def _digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


class _Plan(NamedTuple):
    """A country's mobile numbers, without the country code: their pattern, fewest and most digits."""

    country: str
    pattern: re.Pattern[str]
    low: int
    high: int


@cache
def _plan(region: str) -> _Plan:
    """The numbering plan of a region, as libphonenumber keeps it."""
    # Imported where it is used: it knows the numbers of all countries, and takes long to load.
    from phonenumbers import PhoneMetadata

    plan = PhoneMetadata.metadata_for_region(region)
    mobile = plan.mobile
    lengths = mobile.possible_length
    return _Plan(str(plan.country_code), re.compile(mobile.national_number_pattern), min(lengths), max(lengths))


@cache
def _number(region: str, mobile: str, zeros: int) -> _Number:
    plan = _plan(region)
    return _Number(plan, re.compile(rf"0?{plan.country}0*(?={mobile})"), re.compile(mobile), "0" * zeros)


class _Number(NamedTuple):
    """The rule of one country, for one number at a time.

    ``country_first``: what stands before a mobile number that begins with the country's code; ``zeros``: an end that no
    true number has.
    """

    plan: _Plan
    country_first: re.Pattern[str]
    mobile: re.Pattern[str]
    zeros: str

    def is_plain(self, text: str) -> bool:
        """Whether the cell can only be one number of which every digit counts, so that nothing has to be taken apart.

        Not where a second number may begin, or where the number may be whole without its last group.
        """
        if not _PLAIN.fullmatch(text) or " 0" in text or " 62" in text:
            return False
        last, digits = re.split("[ .-]", text)[-1], _digits(text)
        before = digits - len(last) - (len(self.plan.country) if text.startswith(f"+{self.plan.country}") else 0)
        return digits >= _FEWEST and (len(last) >= digits or before < self.plan.low)

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
        digits = _NO_DIGIT.sub("", text)
        if len(digits) < _FEWEST:
            return Reading(problem="phone_not_a_number" if not digits else "phone_too_short")
        if text.lstrip("( ").startswith("+") and not digits.startswith(self.plan.country):
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
        country_first = self.country_first.match(digits)
        # 0628 is also an area code: with a zero in front, only a number too long for it begins with the country.
        if country_first and (digits[0] != "0" or len(digits) > self.plan.high):
            return digits[country_first.end() :]
        return digits.lstrip("0")

    def _checked(self, national: str) -> Reading:
        if len(national) > self.plan.high:
            return Reading(problem="phone_too_long")
        if not self.mobile.match(national):
            return Reading(problem="phone_not_mobile")
        if len(national) < self.plan.low:
            return Reading(problem="phone_too_short")
        if national.endswith(self.zeros):
            return Reading(problem="phone_rounded")
        if not self.plan.pattern.fullmatch(national):
            return Reading(problem="phone_not_mobile")
        return Reading(f"+{self.plan.country}{national}")


# E-mail addresses, in the many ways people type them.

_ADDRESS = re.compile(r"[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
# A gap before an ending was a dot, unless the address is whole without it: "budi@contoh.com, id saya".
_WHOLE = "".join(rf"(?<![.,\s]{ending})" for ending in ("com", "net", "org", "id"))
_ENDING = re.compile(rf"(?<=[a-z0-9]){_WHOLE}(?:\s*[.,]\s*|\s+)(?=(?:com|co|net|org|id|go|ac|sch|or)\b)")
# After an address, these begin another one; before it they are a slip like any other gap.
_BETWEEN_EMAILS = re.compile(r"(?<=[a-z0-9.) ])\s*(?:[;|]|\s/|/\s|\s(?:atau|dan|or|and|&)\s)\s*")
EMAIL_UNUSED = "email_part_unused"
# "Budi Santoso <budi@contoh.com>": brackets say where the address begins, so a name before them does no harm.
_IN_BRACKETS = re.compile(r"[^<>@;,/|]*<([^<>]*@[^<>]*)>")
_EMAIL_LABEL = re.compile(r"^(?:e-?mail|surel|mailto)\s*:\s*|[<>()\[\]\"]")


def read_emails(cell: object) -> Contacts:
    """All addresses of a cell in small letters. The cell must hold something.

    Mended: spaces around @, a comma or space for the dot before an ending, dots at the end, two @ in a row.
    Not mended: a space or comma inside the part before @, since nobody can know what stood there; and nothing that
    follows a whole address becomes part of it. Of several addresses the usable ones are taken, and ``problem`` says
    so where another one is spoilt.
    """
    return _read_emails(text_of(cell).lower())


@lru_cache(maxsize=200_000)
def _read_emails(text: str) -> Contacts:
    # Most cells: nothing in a whole address has to be mended.
    if _ADDRESS.fullmatch(text):
        return Contacts((text,))
    text = _IN_BRACKETS.sub(r" \1 ", re.sub(r"\(at\)|\[at\]", "@", text))
    text = re.sub(r"\s*@[@\s]*", "@", _EMAIL_LABEL.sub(" ", text)).strip()
    if "@" not in text:
        return Contacts(problem="email_no_at")
    addresses = list(_addresses(_BETWEEN_EMAILS.split(_mended_ending(text))))
    found = tuple(dict.fromkeys(address for address in addresses if address))
    if not found:
        return Contacts(problem="email_invalid")
    return Contacts(found, "" if all(addresses) else EMAIL_UNUSED)


def _addresses(pieces: Iterable[str]) -> Iterator[str]:
    """The address of every @, "" where it is spoilt; words after an address do no harm, words before it do."""
    for piece_before, piece in pairwise(["@", *pieces]):
        words = [word for word in re.split(r"[,/\s]+", piece) if word]
        before = ["@" if "@" in piece_before else "", *words]
        yield from (
            _address(word) if "@" in earlier else ""
            for earlier, word in zip(before, words, strict=False)
            if "@" in word
        )


def _address(word: str) -> str:
    bare = word.strip(".")
    return bare if _ADDRESS.fullmatch(bare) else ""


def _mended_ending(text: str) -> str:
    """``gmail,com`` and ``gmail com`` become ``gmail.com``; what stands before the @ is left as it is."""
    parts = text.split("@")
    return "@".join([parts[0], *(_ENDING.sub(".", part) for part in parts[1:])])
