"""E-mail addresses, in the many ways people type them."""

from __future__ import annotations

import re
from functools import lru_cache

from spi_analysis.tables.cells.cell import text_of
from spi_analysis.tables.cells.phones import Contacts

_ADDRESS = re.compile(r"[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_ENDING = re.compile(r"(?<=[a-z0-9])\s*(?:,|\s)\s*(?=(?:com|co|net|org|id|go|ac|sch|or)\b)")
_IN_BRACKETS = re.compile(r"^[^<@]*<([^<>]+)>\s*$")
_LABEL = re.compile(r"^(?:e-?mail|surel|mailto)\s*:\s*|[<>()\[\]\"]")


def read_emails(cell: object) -> Contacts:
    """All addresses of a cell in small letters. The cell must hold something.

    Mended: spaces around @ and dots, a comma or space for the dot before an ending, dots at the end, two @ in a row.
    Not mended: a space or comma inside the part before @, since nobody can know what stood there.
    """
    return _read(text_of(cell).lower())


@lru_cache(maxsize=200_000)
def _read(text: str) -> Contacts:
    text = _IN_BRACKETS.sub(r"\1", re.sub(r"\(at\)|\[at\]", "@", text))
    text = re.sub(r"@+", "@", _LABEL.sub(" ", text)).strip()
    if "@" not in text:
        return Contacts(problem="email_no_at")
    if text.count("@") == 1:
        return _single(text)
    pieces = (piece.strip(". ") for piece in re.split(r"[;,/|\s]+", _mended_ending(text)))
    found = tuple(dict.fromkeys(piece for piece in pieces if _ADDRESS.fullmatch(piece)))
    return Contacts(found) if found else Contacts(problem="email_invalid")


def _single(text: str) -> Contacts:
    """The one address of a text; words after it do no harm, words before it do."""
    squeezed = re.sub(r"\s*([@.])\s*", r"\1", _mended_ending(text))
    address = re.split(r"[;,/|\s]", squeezed.strip("., "), maxsplit=1)[0].strip(".")
    return Contacts((address,)) if _ADDRESS.fullmatch(address) else Contacts(problem="email_invalid")


def _mended_ending(text: str) -> str:
    """``gmail,com`` and ``gmail com`` become ``gmail.com``; what stands before the @ is left as it is."""
    parts = text.split("@")
    return "@".join([parts[0], *(_ENDING.sub(".", part) for part in parts[1:])])
