"""Workbooks (.xlsx, .xlsm) as grids, one for each worksheet.

They are read by their cells alone, not through a library that wants every font and filter to be in order: workbooks
of other programs open in Excel, so they have to open here.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.excel_cells import Formats, read_cells
from spi_analysis.tables.importing.excel_parts import Part, date_styles, read_book, shared_texts
from spi_analysis.tables.importing.grids import Grid, Row, Told

OLD_FORMAT = b"\xd0\xcf\x11\xe0"


def read_workbook(path: Path) -> list[Grid]:
    """Every worksheet of a workbook; formulas by the value they had when it was saved, nothing where they had none."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise _no_workbook(path) from None
    with archive:
        book = read_book(archive)
        formats = Formats(shared_texts(archive), date_styles(archive), book.days_from_1904)
        return [_grid(archive, part, formats, book.asks_to_compute) for part in book.sheets]


def _grid(archive: zipfile.ZipFile, part: Part, formats: Formats, asks: bool) -> Grid:
    with archive.open(part.path) as source:
        cells = read_cells(source, formats)
    unvalued = cells.never_computed(asks=asks)
    told = Told(part.hidden, frozenset(cells.hidden_rows), tuple(sorted(cells.merged)), formats.from_1904)
    return Grid(part.name, _emptied(cells.rows, unvalued), {}, unvalued=unvalued, told=told)


def _emptied(rows: list[Row], unvalued: Mapping[int, frozenset[int]]) -> list[Row]:
    """The rows with nothing in the cells whose formula was never computed."""
    for number in {row for found in unvalued.values() for row in found}:
        row = rows[number - 1]
        rows[number - 1] = tuple(None if number in unvalued.get(i, ()) else cell for i, cell in enumerate(row))
    return rows


def _no_workbook(path: Path) -> InputError:
    old = path.read_bytes()[: len(OLD_FORMAT)] == OLD_FORMAT
    return InputError(
        "the workbook cannot be opened",
        file=path.name,
        got="an old .xls or a file with a password" if old else "a damaged file (BadZipFile)",
        expected="an .xlsx without a password",
        hint="open it in a spreadsheet program and save it again as .xlsx",
    )
