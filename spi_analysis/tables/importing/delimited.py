"""Delimited text (CSV and its relatives) as a grid, whatever the delimiter and the encoding."""

from __future__ import annotations

import csv
import re
from itertools import islice
from pathlib import Path

from spi_analysis.errors import InputError
from spi_analysis.params.csv_text import SAVE_AGAIN, BrokenText, lines_of, refuse_nul, strict_rows
from spi_analysis.tables.importing.grids import Grid, Told

DELIMITERS = ",;\t|"
LOOKED_AT = 50
# Python's marks for bytes that are not UTF-8 (surrogateescape).
_ODD_FROM = 0xDC00
_ODD = re.compile("[\udc80-\udcff]")
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
    told = Told(odd_bytes=frozenset(_odd_cells(rows)))
    return [Grid("", [tuple(_mended(cell) or None for cell in row) for row in rows], {}, told=told)]


def _odd_cells(rows: list[list[str]]) -> set[tuple[int, int]]:
    """Row and column of the cells in another encoding than most: bytes that are no UTF-8, or UTF-8 where most are none.

    Letters of Windows-1252 almost never make up a letter of UTF-8, so both kinds in one file are two encodings.
    """
    letters = {
        (number, i): (len(_ODD.findall(cell)), sum(letter > "\x7f" for letter in cell))
        for number, row in enumerate(rows, start=1)
        for i, cell in enumerate(row)
        if not cell.isascii()
    }
    odd = sum(found for found, _ in letters.values())
    is_utf8 = sum(found for _, found in letters.values()) >= 2 * odd
    return {place for place, (found, all_) in letters.items() if (found if is_utf8 else all_ - found)}


def _mended(cell: str) -> str:
    """The cell with bytes that are no UTF-8 read as Windows-1252."""
    if cell.isascii() or not _ODD.search(cell):
        return cell
    return _ODD.sub(lambda odd: bytes([ord(odd[0]) - _ODD_FROM]).decode("cp1252", errors="replace"), cell)


def _decoded(content: bytes) -> str:
    """The text, in the encodings that spreadsheets save: UTF-16, UTF-8; bytes that are neither stay marked (`_ODD`)."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            raise BrokenText(
                "the text is damaged", got="half a character", expected="UTF-16", hint=SAVE_AGAIN
            ) from None
    else:
        text = content.decode("utf-8-sig", errors="surrogateescape")
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
