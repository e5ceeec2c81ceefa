"""A cell as it came: is anything in it, and what does it say?"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

from rapidfuzz.distance import OSA

from spi_analysis.params import NameRules, normalised
from spi_analysis.tables.identity import is_identity


class Reading(NamedTuple):
    """A value read from a cell (None where nothing could be read), and the code of what is wrong with it."""

    value: Any = None
    problem: str = ""


def text_of(cell: object) -> str:
    """What a person sees in the cell, on one line."""
    if isinstance(cell, str):
        return _tidy(cell)
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e18:
        return str(int(cell))
    if isinstance(cell, dt.datetime | dt.date):
        return cell.isoformat()
    return str(cell)


@lru_cache(maxsize=200_000)
def _tidy(text: str) -> str:
    # ASCII has neither other forms nor invisible characters; most cells of millions are ASCII.
    visible = text if text.isascii() else _visible(text)
    return " ".join(visible.split()).lstrip("'`´’").strip()


def _visible(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def is_nothing(cell: object, nothing: frozenset[str] = frozenset()) -> bool:
    """Whether the cell is blank, holds only punctuation, or says in words that there is nothing."""
    bare = normalised(text_of(cell))
    return not bare or bare in nothing


def coded(cell: object, codes: Mapping[str, Any]) -> Any:
    """The code a cell's word stands for, or None."""
    return codes.get(normalised(text_of(cell)))


# How far two spellings lie apart.


def edit_distance(one: str, other: str) -> int:
    """Letters to add, drop, change or swap with the next to get from one text to the other."""
    return OSA.distance(one, other)


def likeness(one: str, other: str) -> float:
    """1 for the same text, 0 for nothing in common: one minus edits per letter of the longer text."""
    return OSA.normalized_similarity(one, other)


# Names: compared inside the import, never shown.


def names_alike(one: str, other: str, rules: NameRules) -> bool:
    """Whether two names may be one person's: the same but for titles, initials, left-out parts or slips."""
    first, second = _parts(one, rules), _parts(other, rules)
    if not first or not second or "".join(first) == "".join(second):
        return True
    return _is_inside(first, second, rules) or _is_inside(second, first, rules)


def _parts(name: str, rules: NameRules) -> list[str]:
    """The words of a name without titles; degrees stand after a comma."""
    titles = {normalised(title) for title in rules.titles}
    return [word for word in normalised(name.split(",")[0]).split() if word not in titles]


def _is_inside(short: list[str], long: list[str], rules: NameRules) -> bool:
    """Whether every word of one name, or the name its initial stands for, is in the other."""
    return all(
        any(word.startswith(part) if len(part) == 1 else likeness(part, word) >= rules.similarity for word in long)
        for part in short
    )


# Employee numbers, which spreadsheets like to round.

# A spreadsheet keeps 15 digits of a figure and fills the rest with zeros.
_KEPT = 15
_LABEL = re.compile(r"^(?:\s|[.:/]|no\b|nomor\b|nip\b|nipppk\b|nrp\b)+", re.IGNORECASE)
# The number of a civil servant: date of birth, month of appointment, sex, serial number.
_NIP = re.compile(r"(?<!\d)\d{8}[\s.\-/]?\d{6}[\s.\-/]?\d[\s.\-/]?\d{3}(?!\d)")
# Spaces, dots, dashes and slashes stand inside a number; anything else divides it from the next.
_DIVIDER = re.compile(r"[^0-9A-Za-z\s.\-/]+")
_POWER = re.compile(r"\d(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)
DOUBTFUL = "employee_number_doubtful"
ROUNDED = "employee_number_rounded"
# A figure of 17 or 18 digits is kept to the nearest 16 or 32 only; shorter true numbers fit too often by chance.
_LONG = range(17, 19)


def read_employee_number(cell: object) -> Reading:
    """Letters and digits of an employee number. One whose end was lost in a spreadsheet is no number.

    Words beside the 18 digits of a civil servant are left out. Further digits beside a number ("(2)", a second
    number) may belong to it or not, so the cell is doubtful.
    """
    if _is_digits(cell):
        return Reading(problem=ROUNDED) if _is_rounded(cell) else Reading(cell)
    text = _LABEL.sub("", text_of(cell))
    if _POWER.fullmatch(text.replace(" ", "")):
        return Reading(problem=ROUNDED)
    if _holds_more(text):
        return Reading(problem=DOUBTFUL)
    bare = _bare(text)
    if _is_rounded(bare) or (isinstance(cell, float) and len(bare) > _KEPT):
        return Reading(problem=ROUNDED)
    return Reading(bare or None)


def bare_number(cell: object) -> str:
    """Letters and digits of an employee number, whether they can be relied on or not."""
    return cell if _is_digits(cell) else _bare(_LABEL.sub("", text_of(cell)))


def _is_digits(cell: object) -> TypeGuard[str]:
    """Whether the cell is nothing but one number, as most cells of millions are."""
    return isinstance(cell, str) and cell.isascii() and cell.isdigit()


def _is_rounded(bare: str) -> bool:
    return bare.isdigit() and len(bare) > _KEPT and set(bare[_KEPT:]) == {"0"}


def _bare(text: str) -> str:
    found = _NIP.search(text)
    return re.sub(r"[^0-9A-Za-z]", "", found[0] if found else text).upper()


def _holds_more(text: str) -> bool:
    """Whether digits stand beside a number that says who somebody is."""
    if found := _NIP.search(text):
        return any(c.isdecimal() for c in text[: found.start()] + text[found.end() :])
    parts = [part for part in _DIVIDER.split(text) if re.search(r"\d", part)]
    return len(parts) > 1 and any(is_identity(part) for part in parts)


def lost_in_column(numbers: Collection[str], chance: float) -> set[str]:
    """The numbers of a column that went through a figure of double precision, if any did.

    Such a figure holds an 18-digit number to the nearest 32 only, so one true number in 32 fits by chance. Where more
    fit than ``chance`` allows, every one that fits has probably lost its end.

    Parameters
    ----------
    numbers : str   as read, one for every person; those that are no long numbers do not count
    chance : float  probability under which as many fitting numbers are no coincidence
    """
    long = [number for number in numbers if number.isdecimal() and len(number) in _LONG]
    fitting = [number for number in long if int(float(number)) == int(number)]
    if not fitting:
        return set()
    by_chance = 1 / min(math.ulp(float(number)) for number in long)
    return set(fitting) if _at_least(len(fitting), len(long), by_chance) < chance else set()


def _at_least(k: int, n: int, p: float) -> float:
    """Probability of k or more successes in n trials."""
    if k <= n * p:
        return 1.0
    logs = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k, n + 1)
    )
    return math.fsum(math.exp(log) for log in logs)


# From a position in words to its class.


def class_of_position(text: str, classes: dict[str, str]) -> str | None:
    """The class whose word stands first in the text; of words that start together, the longest decides.

    So "Sekretaris Camat" is a secretary and "Plt. Camat" a camat.
    """
    words = normalised(text).split()
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            found = classes.get(" ".join(words[start:end]))
            if found:
                return found
    return None
