"""Delimited text (CSV and its relatives) as a grid, whatever the delimiter and the encoding."""

from __future__ import annotations

import csv
import re
from itertools import islice
from pathlib import Path

from spi_analysis.errors import InputError
from spi_analysis.params.csv_text import SAVE_AGAIN, BrokenText, lines_of, refuse_nul, strict_rows
from spi_analysis.tables.importing.grids import Grid

DELIMITERS = ",;\t|"
LOOKED_AT = 50
_SEP_LINE = re.compile(r"sep=(.)\s*$", re.IGNORECASE)


def read_text(path: Path) -> list[Grid]:
    """The grid of a text file; quotation marks that are not closed are refused, since they swallow rows silently."""
    try:
        text = _decoded(path.read_bytes())
        head = list(islice(lines_of(text), LOOKED_AT))
        rows = strict_rows(text, _delimiter(head))
    except BrokenText as broken:
        raise InputError(broken.what, file=path.name, **broken.fields) from None
    # Excel's own first line "sep=;" is no row of the table, but it is a line of the file.
    if head and _SEP_LINE.match(head[0]):
        rows[0] = []
    return [Grid("", [tuple(cell or None for cell in row) for row in rows], {})]


def _decoded(content: bytes) -> str:
    """The text, in the encodings that spreadsheets save: UTF-16, UTF-8, else Windows-1252."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            raise BrokenText(
                "the text is damaged", got="half a character", expected="UTF-16", hint=SAVE_AGAIN
            ) from None
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    refuse_nul(text)
    return text


def _delimiter(head: list[str]) -> str:
    """The delimiter that cuts the first lines into the most cells."""
    if head and (match := _SEP_LINE.match(head[0])):
        return match[1]
    return max(DELIMITERS, key=lambda delimiter: _cuts(head, delimiter))


def _cuts(head: list[str], delimiter: str) -> int:
    try:
        return sum(max(len(row) - 1, 0) for row in csv.reader(head, delimiter=delimiter))
    except csv.Error:
        return sum(line.count(delimiter) for line in head)
