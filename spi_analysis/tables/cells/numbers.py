"""Employee numbers, which spreadsheets like to round."""

from __future__ import annotations

import re

from spi_analysis.tables.cells.cell import Reading, text_of

# A spreadsheet keeps 15 digits of a figure and fills the rest with zeros.
_KEPT = 15


def read_employee_number(cell: object) -> Reading:
    """Letters and digits of an employee number. One whose end was lost in a spreadsheet is no number."""
    text = text_of(cell)
    bare = re.sub(r"[^0-9A-Za-z]", "", re.sub(r"^\s*nip\b", "", text, flags=re.IGNORECASE)).upper()
    written_as_power = re.fullmatch(r"\d(?:[.,]\d+)?e\+?\d+", text.replace(" ", ""), re.IGNORECASE)
    rounded = bare.isdigit() and len(bare) > _KEPT and set(bare[_KEPT:]) == {"0"}
    if written_as_power or rounded or (isinstance(cell, float) and len(bare) > _KEPT):
        return Reading(problem="employee_number_rounded")
    return Reading(bare or None)
