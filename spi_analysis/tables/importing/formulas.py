"""Formulas of a workbook that were never computed: a program wrote them, and no spreadsheet has opened the file since.

Such a cell holds no value, or the 0 that XlsxWriter puts there; neither is what anybody answered.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, NamedTuple
from xml.etree import ElementTree

from openpyxl.utils import column_index_from_string

from spi_analysis.tables.importing.grids import Row

# A workbook that asks for everything to be computed when it is opened says that its values are not yet known.
_ASKS_TO_COMPUTE = re.compile(rb"<(?:\w+:)?calcPr\b[^>]*\bfullCalcOnLoad=[\"'](?:1|true)[\"']")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_PLACE = re.compile(r"([A-Z]+)(\d+)")
_BLOCK = 1 << 20
# More than the longest beginning of a formula's tag, so that one cut in two by a block is still seen.
_OVERLAP = 64


class Formula(NamedTuple):
    """One formula: spreadsheet row, column counted from 0, and the stored value ("" where there is none)."""

    row: int
    column: int
    value: str


def asks_to_compute(archive: zipfile.ZipFile) -> bool:
    """Whether a workbook says of itself that its formulas have yet to be computed."""
    name = "xl/workbook.xml"
    return name in archive.namelist() and bool(_ASKS_TO_COMPUTE.search(archive.read(name)))


def never_computed(archive: zipfile.ZipFile, part: str, asks: bool) -> dict[int, frozenset[int]]:
    """Rows in which a formula has no value, by column, of the worksheet in ``part``.

    A stored 0 is no value where the workbook asks to be computed (``asks``) and all formulas of its column hold 0.
    """
    with archive.open(part) as sheet:
        if not _holds_formulas(sheet):
            return {}
    with archive.open(part) as sheet:
        columns: dict[int, list[Formula]] = {}
        for formula in _formulas(sheet):
            columns.setdefault(formula.column, []).append(formula)
    found = {column: _without_value(formulas, asks) for column, formulas in columns.items()}
    return {column: rows for column, rows in found.items() if rows}


def emptied(rows: list[Row], unvalued: Mapping[int, frozenset[int]]) -> list[Row]:
    """The rows with nothing in the cells whose formula was never computed."""
    if not unvalued:
        return rows
    return [
        tuple(None if number in unvalued.get(i, ()) else cell for i, cell in enumerate(row))
        for number, row in enumerate(rows, start=1)
    ]


def _without_value(formulas: list[Formula], asks: bool) -> frozenset[int]:
    zeros_too = asks and all(formula.value in ("", "0") for formula in formulas)
    return frozenset(formula.row for formula in formulas if not formula.value or (zeros_too and formula.value == "0"))


def _holds_formulas(sheet: IO[bytes]) -> bool:
    """Whether there is a formula at all: few lists hold one, and looking for it takes little time."""
    end = b""
    while block := sheet.read(_BLOCK):
        if _FORMULA.search(end + block):
            return True
        end = block[-_OVERLAP:]
    return False


def _formulas(sheet: IO[bytes]) -> Iterator[Formula]:
    for _, element in ElementTree.iterparse(sheet):
        kind = _name(element)
        if kind == "c" and (place := _PLACE.fullmatch(element.get("r", ""))):
            parts = {_name(part): part for part in element}
            if "f" in parts:
                yield Formula(int(place[2]), column_index_from_string(place[1]) - 1, _stored(element, parts))
        if kind == "row":
            element.clear()


def _stored(cell: ElementTree.Element, parts: Mapping[str, ElementTree.Element]) -> str:
    """The stored value; a computed empty text (``t="str"``) is one, too."""
    value = parts["v"].text or "" if "v" in parts else ""
    return value or ("text" if cell.get("t") == "str" else "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
