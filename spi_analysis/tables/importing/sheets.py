"""Files as grids of cells: workbooks, delimited text and SPSS files, with the row numbers a person sees."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import openpyxl
import pyreadstat

from spi_analysis.errors import InputError, nearest

Row = tuple[object, ...]


@dataclass(frozen=True)
class Sheet:
    """One grid. ``rows[0]`` is row 1 of the spreadsheet; ``labels`` are value labels by column (SPSS only)."""

    file: str
    name: str
    rows: list[Row]
    labels: dict[int, dict[object, str]] = field(default_factory=dict)


def in_order(files: Iterable[Path | str]) -> dict[Path, str]:
    """Files in an order that does not depend on the caller, each with the name it is shown by.

    That is the file's name; where two files share it, the folder's name goes before. A file named twice is one file.
    """
    once = {path.resolve(): path for path in sorted(map(Path, files), key=str)}
    paths = sorted(once.values(), key=lambda path: (path.name, str(path)))
    times = Counter(path.name for path in paths)
    return {path: path.name if times[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths}


def read_sheets(path: Path, shown_as: str = "") -> list[Sheet]:
    """All grids of a file that hold anything; ``shown_as`` is the name of the file in what is said about them.

    Raises
    ------
    InputError   the file is missing, of another kind than its name says, damaged, or empty.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            "this kind of file cannot be read",
            file=path.name,
            got=path.suffix or "no ending",
            expected=", ".join(READERS),
            hint=nearest(path.suffix, READERS) if path.suffix != ".xls" else "save it as .xlsx",
        )
    if not path.is_file():
        raise InputError("there is no such file", file=path.name, hint=_beside(path))
    sheets = [sheet for sheet in reader(path) if any(any(cell is not None for cell in row) for row in sheet.rows)]
    if not sheets:
        raise InputError("the file holds nothing", file=path.name, expected="a header row and rows below it")
    return [replace(sheet, file=shown_as or path.name) for sheet in sheets]


def _beside(path: Path) -> str:
    here = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
    return nearest(path.name, here)


def _read_workbook(path: Path) -> list[Sheet]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        old = path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0"
        raise InputError(
            "the workbook cannot be opened",
            file=path.name,
            got="an old .xls or a file with a password" if old else f"a damaged file ({type(error).__name__})",
            expected="an .xlsx without a password",
            hint="open it in a spreadsheet program and save it again as .xlsx",
        ) from None
    try:
        return [_sheet(path.name, sheet) for sheet in book.worksheets]
    except (zipfile.BadZipFile, ValueError, SyntaxError) as error:
        raise InputError(
            "the workbook is damaged",
            file=path.name,
            got=type(error).__name__,
            hint="open it in a spreadsheet program and save it again",
        ) from None
    finally:
        book.close()


def _sheet(file: str, sheet: openpyxl.worksheet._read_only.ReadOnlyWorksheet) -> Sheet:
    # The size a workbook states is often wrong; without it every row that is there is read.
    sheet.reset_dimensions()
    rows = [row if any(cell is not None for cell in row) else () for row in sheet.iter_rows(values_only=True)]
    return Sheet(file, sheet.title, rows)


def _read_text(path: Path) -> list[Sheet]:
    lines = _decoded(path).splitlines(keepends=True)
    delimiter = _delimiter(lines)
    try:
        rows = [tuple(cell or None for cell in row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:
        raise InputError("the text cannot be read as a table", file=path.name, got=str(error)) from None
    # Excel's own first line "sep=;" is no row of the table, but it is a line of the file.
    if rows and len(lines[0]) < 8 and lines[0].lower().startswith("sep="):
        rows[0] = ()
    return [Sheet(path.name, "", rows)]


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise InputError("this is not a text file", file=path.name, expected="CSV in UTF-8 or Windows-1252")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(lines: list[str], looked_at: int = 50) -> str:
    """The delimiter that cuts the first lines into the most cells."""
    head = lines[:looked_at]
    if head and (match := re.match(r"sep=(.)\s*$", head[0], re.IGNORECASE)):
        return match[1]
    cells = {
        d: sum(max(len(row) - 1, 0) for row in csv.reader(io.StringIO("".join(head)), delimiter=d)) for d in ",;\t|"
    }
    return max(cells, key=lambda d: cells[d])


def _read_spss(path: Path) -> list[Sheet]:
    try:
        # Codes such as 8 "do not know" are missing to SPSS, but an answer to us.
        columns, meta = pyreadstat.read_sav(path, output_format="dict", user_missing=True)
    except (pyreadstat.PyreadstatError, pyreadstat.ReadstatError) as error:
        raise InputError("the SPSS file cannot be read", file=path.name, got=str(error)) from None
    names = list(columns)
    rows = list(zip(*(_without_nan(columns[name]) for name in names), strict=True))
    labels = {names.index(name): dict(labels) for name, labels in meta.variable_value_labels.items() if name in columns}
    return [Sheet(path.name, "", [tuple(names), *rows], labels)]


def _without_nan(values: Iterable[object]) -> list[object]:
    return [None if value != value else value for value in values]


READERS: dict[str, Callable[[Path], list[Sheet]]] = {
    ".xlsx": _read_workbook,
    ".xlsm": _read_workbook,
    ".csv": _read_text,
    ".txt": _read_text,
    ".tsv": _read_text,
    ".sav": _read_spss,
    ".zsav": _read_spss,
}
