"""Workbooks of Excel up to 2003 (.xls) as grids, and what a file is, whatever its name says."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import xlrd
from openpyxl.styles.numbers import is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.excel_cells import IMPOSSIBLE_DATE
from spi_analysis.tables.importing.grids import Grid, Merged, Room, Told

OLD_FORMAT, PACKED = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
# The name of the part that holds a workbook behind a password, as the old container writes names.
SEALED = "EncryptedPackage".encode("utf-16-le")
# Web pages and XML begin like this; systems of personnel like to call them .xls.
_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*(<(!doctype|html|head|meta|style|table|\?xml)|mime-version:)", re.IGNORECASE)
_LOOKED_AT = 1000
# Above this a double no longer holds every whole number: such a number stays as it was stored.
_EXACT = 2**53
SAVE_AS = "open it in a spreadsheet program and save it again as .xlsx, without a password"


def kind_of(path: Path) -> str:
    """The ending that fits the content, where its first bytes tell it; else that of the name.

    Raises
    ------
    InputError   it is a web page, or a packed folder.
    """
    with path.open("rb") as source:
        start = source.read(_LOOKED_AT)
    if _MARKUP.match(start):
        raise _misnamed(path, "a web page or XML", SAVE_AS)
    if start.startswith(OLD_FORMAT):
        return ".xls"
    return _packed(path) if start.startswith(PACKED) else path.suffix.lower()


def _packed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return path.suffix.lower()
    if any(name.startswith("xl/") for name in names):
        return ".xlsx"
    if "content.xml" in names or "encrypted-package" in names:
        return ".ods"
    raise _misnamed(path, "a packed folder (zip)", "unpack it, and name the files that are in it")


def _misnamed(path: Path, got: str, hint: str) -> InputError:
    return InputError(
        "the file holds no table that can be read",
        file=path.name,
        got=f"{got} named {path.suffix or 'without an ending'}",
        expected="a workbook (.xlsx, .xls, .ods) or delimited text (.csv)",
        hint=hint,
    )


def read_old_workbook(path: Path) -> list[Grid]:
    """Every worksheet of an .xls; formulas by the value they had when it was saved.

    Such files do not say which values were never computed: a program that does not compute writes 0.
    """
    if SEALED in path.read_bytes():
        raise _locked(path)
    try:
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise _locked(path) from None
        raise
    room = Room()
    return [_grid(book, sheet, room) for sheet in book.sheets()]


def _locked(path: Path) -> InputError:
    return InputError(
        "the workbook cannot be opened",
        file=path.name,
        got="a file with a password",
        expected="a workbook without a password",
        hint=SAVE_AS,
    )


def _grid(book: xlrd.Book, sheet: xlrd.sheet.Sheet, room: Room) -> Grid:
    room.take(sheet.nrows * sheet.ncols)
    hidden = frozenset(row + 1 for row, info in sheet.rowinfo_map.items() if info.hidden and row < sheet.nrows)
    merged = sorted(Merged(top + 1, end, left) for top, end, left, _ in sheet.merged_cells if end - top > 1)
    told = Told(sheet.visibility != 0, hidden, tuple(merged), book.datemode == 1)
    return Grid(sheet.name, [tuple(_cells(book, sheet, row)) for row in range(sheet.nrows)], {}, told=told)


def _cells(book: xlrd.Book, sheet: xlrd.sheet.Sheet, row: int) -> Iterator[object]:
    for cell in sheet.row(row):
        yield _value(book, cell)


def _value(book: xlrd.Book, cell: xlrd.sheet.Cell) -> object:
    """What the reader of .xlsx gives for the same cell."""
    if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK) or cell.value == "":
        return None
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#VALUE!")
    if cell.ctype == xlrd.XL_CELL_DATE:
        return _date(book, cell)
    if cell.ctype == xlrd.XL_CELL_NUMBER and cell.value.is_integer() and abs(cell.value) < _EXACT:
        return int(cell.value)
    return cell.value


def _date(book: xlrd.Book, cell: xlrd.sheet.Cell) -> object:
    style = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
    epoch = MAC_EPOCH if book.datemode == 1 else WINDOWS_EPOCH
    try:
        return from_excel(cell.value, epoch, timedelta=is_timedelta_format(style))
    except (OverflowError, ValueError):
        return IMPOSSIBLE_DATE
