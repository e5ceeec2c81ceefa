"""What of a contact may be shown: enough to find the cell, never the whole."""

from __future__ import annotations

import re

from spi_analysis.tables.cells.cell import text_of
from spi_analysis.tables.identity import TOKEN_LENGTH

HIDDEN = "••••"
# An address, or nine digits and more with whatever people put between them: spaces, dots, dashes, slashes, brackets.
_CONTACT_IN_TEXT = re.compile(r"\S+@\S+|[+(]*\d(?:[\s.\-–/()]{0,3}\d){8,}\)?")
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
    return _CONTACT_IN_TEXT.sub(HIDDEN, text_of(cell))


def without_contacts(text: str) -> str:
    """A text up to the first contact in it (who is meant often follows); after it, where nothing stands before.

    The text itself where it holds no contact.
    """
    found = _CONTACT_IN_TEXT.search(text)
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
