"""Employee numbers, which spreadsheets like to round."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from spi_analysis.tables.cells.cell import Reading, text_of
from spi_analysis.tables.identity import is_identity

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
    text = _LABEL.sub("", text_of(cell))
    if _POWER.fullmatch(text.replace(" ", "")):
        return Reading(problem=ROUNDED)
    if _holds_more(text):
        return Reading(problem=DOUBTFUL)
    bare = _bare(text)
    rounded = bare.isdigit() and len(bare) > _KEPT and set(bare[_KEPT:]) == {"0"}
    if rounded or (isinstance(cell, float) and len(bare) > _KEPT):
        return Reading(problem=ROUNDED)
    return Reading(bare or None)


def bare_number(cell: object) -> str:
    """Letters and digits of an employee number, whether they can be relied on or not."""
    return _bare(_LABEL.sub("", text_of(cell)))


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
