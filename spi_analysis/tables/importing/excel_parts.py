"""The parts of a workbook that its cells cannot be read without: sheets, shared texts, formats of dates.

Names are compared without their namespace, since "Strict Open XML" has others; fonts, filters, defined names and all
else that holds no cell is never looked at, so nothing odd in it can keep a list from being read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, NamedTuple
from xml.etree.ElementTree import Element, iterparse
from zipfile import ZipFile

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.escape import unescape

_TRUE = {"1", "true", "on"}


class Part(NamedTuple):
    """A worksheet: its name, where its cells stand in the archive, and whether it is hidden."""

    name: str
    path: str
    hidden: bool


class Book(NamedTuple):
    """The worksheets in their order, the day system, and whether the values of formulas have yet to be computed."""

    sheets: list[Part]
    days_from_1904: bool
    asks_to_compute: bool


class Dates(NamedTuple):
    """Which styles of cells show dates, and which spans of time; by their number."""

    dates: frozenset[int]
    spans: frozenset[int]


@lru_cache(maxsize=1_000)
def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def is_true(value: str | None) -> bool:
    """A yes or no of XML."""
    return value is not None and value.lower() in _TRUE


def elements(source: IO[bytes], name: str) -> Iterator[Element]:
    """All elements of a name, one after another; what was passed is forgotten, so a large part fits into memory."""
    events = iterparse(source, ("start", "end"))
    _, root = next(events)
    for event, element in events:
        if event == "end" and local(element.tag) == name:
            yield element
            root.clear()


def read_book(archive: ZipFile) -> Book:
    """What the workbook says of its worksheets.

    Raises
    ------
    KeyError   the archive lacks a part that a workbook must have.
    """
    path = _target(archive, "_rels/.rels", "officeDocument") or "xl/workbook.xml"
    related, parts, from_1904, asks = _relations(archive, path), [], False, False
    with archive.open(path) as source:
        for _, element in iterparse(source):
            name = local(element.tag)
            if name == "workbookPr":
                from_1904 = is_true(element.get("date1904"))
            elif name == "calcPr":
                asks = is_true(element.get("fullCalcOnLoad"))
            elif name == "sheet":
                kind, target = related[next(v for k, v in element.attrib.items() if k != "id" and local(k) == "id")]
                if kind == "worksheet":
                    parts.append(Part(element.get("name", ""), target, element.get("state", "visible") != "visible"))
    return Book(parts, from_1904, asks)


def _relations(archive: ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: id -> kind and path in the archive."""
    folder, name = posixpath.split(part)
    with archive.open(f"{folder}/_rels/{name}.rels") as source:
        return {
            relation.get("Id", ""): (relation.get("Type", "").rpartition("/")[2], _resolved(relation, folder))
            for relation in elements(source, "Relationship")
        }


def _resolved(relation: Element, folder: str) -> str:
    target = relation.get("Target", "")
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))


def _target(archive: ZipFile, relations: str, kind: str) -> str | None:
    if relations not in archive.namelist():
        return None
    with archive.open(relations) as source:
        found = (r for r in elements(source, "Relationship") if r.get("Type", "").rpartition("/")[2] == kind)
        return next((_resolved(relation, "") for relation in found), None)


def _part_of(archive: ZipFile, kind: str) -> str | None:
    """The path of the one part of a kind that the workbook refers to, if it is there."""
    book = _target(archive, "_rels/.rels", "officeDocument") or "xl/workbook.xml"
    path = next((path for found, path in _relations(archive, book).values() if found == kind), None)
    return path if path in archive.namelist() else None


def shared_texts(archive: ZipFile) -> list[str]:
    """The texts that cells refer to by number."""
    path = _part_of(archive, "sharedStrings")
    if path is None:
        return []
    with archive.open(path) as source:
        return [text_in(element) for element in elements(source, "si")]


def text_in(element: Element) -> str:
    """The text of a shared or an inline string, without readings above its signs (phonetic runs)."""
    pieces = []
    for child in element:
        if local(child.tag) == "t":
            pieces.append(child.text or "")
        elif local(child.tag) == "r":
            pieces += [run.text or "" for run in child if local(run.tag) == "t"]
    return unescaped("".join(pieces))


def unescaped(text: str) -> str:
    """Signs that XML cannot hold are written as _x000D_."""
    return unescape(text) if "_x" in text else text


def date_styles(archive: ZipFile) -> Dates:
    """The styles that make a number a date or a span of time."""
    path = _part_of(archive, "styles")
    if path is None:
        return Dates(frozenset(), frozenset())
    formats, styles = dict(BUILTIN_FORMATS), []
    with archive.open(path) as source:
        for _, element in iterparse(source):
            if local(element.tag) == "numFmt":
                formats[int(element.get("numFmtId", 0))] = element.get("formatCode", "General")
            elif local(element.tag) == "cellXfs":
                styles = [int(style.get("numFmtId", 0)) for style in element if local(style.tag) == "xf"]
    codes = dict(enumerate(formats.get(style, "General") for style in styles))
    return Dates(
        frozenset(number for number, code in codes.items() if is_date_format(code)),
        frozenset(number for number, code in codes.items() if is_timedelta_format(code)),
    )
