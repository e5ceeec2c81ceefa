"""Employee numbers, which spreadsheets like to round."""

from __future__ import annotations

import re

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
    found = _NIP.search(text)
    bare = re.sub(r"[^0-9A-Za-z]", "", found[0] if found else text).upper()
    rounded = bare.isdigit() and len(bare) > _KEPT and set(bare[_KEPT:]) == {"0"}
    if rounded or (isinstance(cell, float) and len(bare) > _KEPT):
        return Reading(problem=ROUNDED)
    return Reading(bare or None)


def _holds_more(text: str) -> bool:
    """Whether digits stand beside a number that says who somebody is."""
    if found := _NIP.search(text):
        return any(c.isdecimal() for c in text[: found.start()] + text[found.end() :])
    parts = [part for part in _DIVIDER.split(text) if re.search(r"\d", part)]
    return len(parts) > 1 and any(is_identity(part) for part in parts)
