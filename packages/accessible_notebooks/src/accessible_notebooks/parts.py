"""Parts of a page: prose under its headings, tables with the scope of their headings, text alternatives of pictures."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from nbformat import NotebookNode

_HEADING = re.compile(r"\s*(#{1,2}) +(.+?)\s*")
_FENCE = re.compile(r"\s*(```|~~~)")
_DATAFRAME = re.compile(r"<table[^>]*\bdataframe\b.*?</table>", re.DOTALL)
_TH = re.compile(r"<th(?=[ >])(?! scope)")
# As in Quarto: a comment above the code.
_ALT = re.compile(r"^#\| *(?:fig-)?alt: *\"?(.+?)\"? *$", re.MULTILINE)


class Part(NamedTuple):
    """A heading of level 1 or 2 with the paragraphs below it; level 0: paragraphs without one."""

    level: int
    heading: str
    paragraphs: list[str]


def parts_of(source: str) -> list[Part]:
    """The parts of a markdown cell."""
    found: list[tuple[int, str, list[str]]] = [(0, "", [])]
    fenced = False
    for line in source.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.fullmatch(line)
        if heading:
            found.append((len(heading[1]), heading[2], []))
        else:
            found[-1][2].append(line)
    parts = [Part(level, heading, _paragraphs("\n".join(lines))) for level, heading, lines in found]
    return [part for part in parts if part.heading or part.paragraphs]


def _paragraphs(text: str) -> list[str]:
    return [paragraph for paragraph in text.strip().split("\n\n") if paragraph.strip()]


def slug(text: str) -> str:
    """An id made of a heading's letters and digits."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"


def numbered(headings: Iterable[NotebookNode]) -> None:
    """Give each heading a unique id."""
    taken: set[str] = set()
    for heading in headings:
        plain = heading.id = slug(heading.title)
        number = 1
        while heading.level and heading.id in taken:
            number += 1
            heading.id = f"{plain}-{number}"
        taken |= {heading.id} if heading.level else set()


def with_scopes(html: str) -> str:
    """Tables of pandas with the scope of their headings, which can be scrolled with the keyboard."""
    return _DATAFRAME.sub(lambda table: f'<div class="table" tabindex="0">{_scoped(table[0])}</div>', html)


def _scoped(table: str) -> str:
    # An empty heading has no scope.
    head, end, body = re.sub(r"<th>\s*</th>", "<td></td>", table).partition("</thead>")
    return _TH.sub('<th scope="col"', head) + end + _TH.sub('<th scope="row"', body)


def picture_in_words(output: NotebookNode, source: str) -> str:
    """The alternative text of a picture: its own, or that of the comment ``#| alt: ...`` above the code."""
    kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    own = [output.metadata.get(kind, {}).get("alt", "") for kind in kinds]
    comment = _ALT.search(source) if kinds else None
    return next(filter(None, own), comment[1] if comment else "")
