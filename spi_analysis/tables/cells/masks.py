"""What of a contact may be shown: enough to find the cell, never the whole."""

from __future__ import annotations

import re

from spi_analysis.tables.cells.cell import text_of

HIDDEN = "••••"
_CONTACT_IN_TEXT = re.compile(r"\S+@\S+|\d(?:[\s.\-]?\d){8,}")


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
    """A link token opens a questionnaire, so only its beginning is shown."""
    return f"{text_of(cell)[:4]}{HIDDEN}"


def mask_text(cell: object) -> str:
    """Any other cell; contacts that strayed into it are hidden."""
    return _CONTACT_IN_TEXT.sub(HIDDEN, text_of(cell))


MASKS = {
    "name": lambda cell: "",
    "employee_number": mask_number,
    "whatsapp": mask_number,
    "phone": mask_number,
    "email": mask_email,
    "token": mask_token,
    **dict.fromkeys(("at", "started_at", "completed_at"), text_of),
}


def shown(field: str, cell: object) -> str:
    """A cell of a field as it may appear in a message or a table."""
    return MASKS.get(field, mask_text)(cell)
