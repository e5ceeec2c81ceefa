"""Workbooks (.xlsx, .xlsm) as grids, one for each worksheet."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.formulas import asks_to_compute, emptied, never_computed
from spi_analysis.tables.importing.grids import Grid

OLD_FORMAT = b"\xd0\xcf\x11\xe0"


def read_workbook(path: Path) -> list[Grid]:
    """Every worksheet of a workbook; formulas by the value they had when it was saved, nothing where they had none."""
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except zipfile.BadZipFile:
        raise _no_workbook(path) from None
    try:
        asks = asks_to_compute(book._archive)
        return [_grid(sheet, asks) for sheet in book.worksheets if hasattr(sheet, "iter_rows")]
    finally:
        book.close()


def _grid(sheet: ReadOnlyWorksheet, asks: bool) -> Grid:
    unvalued = never_computed(sheet.parent._archive, sheet._worksheet_path, asks)
    return Grid(sheet.title, emptied(_rows(sheet), unvalued), {}, unvalued=unvalued)


def _rows(sheet: ReadOnlyWorksheet) -> list[tuple[object, ...]]:
    # The size a workbook states is often wrong; without it every row that is there is read.
    sheet.reset_dimensions()
    return [row if any(cell is not None for cell in row) else () for row in sheet.iter_rows(values_only=True)]


def _no_workbook(path: Path) -> InputError:
    old = path.read_bytes()[: len(OLD_FORMAT)] == OLD_FORMAT
    return InputError(
        "the workbook cannot be opened",
        file=path.name,
        got="an old .xls or a file with a password" if old else "a damaged file (BadZipFile)",
        expected="an .xlsx without a password",
        hint="open it in a spreadsheet program and save it again as .xlsx",
    )
