"""E-mail addresses, in the many ways people type them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from spi_analysis.tables.cells.cell import text_of
from spi_analysis.tables.cells.phones import Contacts

_ADDRESS = re.compile(r"[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
# A gap before an ending was a dot, unless the address is whole without it: "budi@contoh.com, id saya".
_WHOLE = "".join(rf"(?<![.,\s]{ending})" for ending in ("com", "net", "org", "id"))
_ENDING = re.compile(rf"(?<=[a-z0-9]){_WHOLE}(?:\s*[.,]\s*|\s+)(?=(?:com|co|net|org|id|go|ac|sch|or)\b)")
# After an address, these begin another one; before it they are a slip like any other gap.
_BETWEEN = re.compile(r"(?<=[a-z0-9.) ])\s*(?:[;|]|\s/|/\s|\s(?:atau|dan|or|and|&)\s)\s*")
UNUSED = "email_part_unused"
# "Budi Santoso <budi@contoh.com>": brackets say where the address begins, so a name before them does no harm.
_IN_BRACKETS = re.compile(r"[^<>@;,/|]*<([^<>]*@[^<>]*)>")
_LABEL = re.compile(r"^(?:e-?mail|surel|mailto)\s*:\s*|[<>()\[\]\"]")


def read_emails(cell: object) -> Contacts:
    """All addresses of a cell in small letters. The cell must hold something.

    Mended: spaces around @, a comma or space for the dot before an ending, dots at the end, two @ in a row.
    Not mended: a space or comma inside the part before @, since nobody can know what stood there; and nothing that
    follows a whole address becomes part of it. Of several addresses the usable ones are taken, and ``problem`` says
    so where another one is spoilt.
    """
    return _read(text_of(cell).lower())


@lru_cache(maxsize=200_000)
def _read(text: str) -> Contacts:
    text = _IN_BRACKETS.sub(r" \1 ", re.sub(r"\(at\)|\[at\]", "@", text))
    text = re.sub(r"\s*@[@\s]*", "@", _LABEL.sub(" ", text)).strip()
    if "@" not in text:
        return Contacts(problem="email_no_at")
    addresses = list(_addresses(_BETWEEN.split(_mended_ending(text))))
    found = tuple(dict.fromkeys(address for address in addresses if address))
    if not found:
        return Contacts(problem="email_invalid")
    return Contacts(found, "" if all(addresses) else UNUSED)


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
