"""Files as sheets of cells, with the row numbers a person sees; the one place where foreign bytes come in."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from spi_analysis.errors import InputError, SpiError, mask_contacts, nearest
from spi_analysis.params import SAVE_AGAIN, BrokenText, lines_of, refuse_nul, strict_rows
from spi_analysis.tables.importing.excel_cells import Formats, read_cells
from spi_analysis.tables.importing.excel_parts import Part, date_styles, read_book, shared_texts
from spi_analysis.tables.importing.grids import Grid, Room, Row, Told, TooMuch, refuse_bomb, too_large
from spi_analysis.tables.importing.old_excel import kind_of, read_old_workbook
from spi_analysis.tables.importing.opendocument import read_tables
from spi_analysis.tables.importing.spss_child import FAILED

# Delimited text (CSV and its relatives) as a grid, whatever the delimiter and the encoding.

DELIMITERS = ",;\t|"
LOOKED_AT = 50
# So many bytes tell UTF-16 that carries no mark.
SNIFFED = 1000
# A table has the same number of cells in so many of its first rows; the others are damaged, or end early.
SAME_WIDTH = 0.9
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
    if not _ODD.search(text):
        return [Grid("", [tuple(cell or None for cell in row) for row in rows], {})]
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
    if encoding := _utf16(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            raise BrokenText(
                "the text is damaged", got="half a character", expected="UTF-16", hint=SAVE_AGAIN
            ) from None
    else:
        text = content.decode("utf-8-sig", errors="surrogateescape")
    refuse_nul(text)
    return text


def _utf16(content: bytes) -> str:
    """UTF-16 by its mark, or because every other byte of most letters is zero and no byte between them is; else ""."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    start = content[:SNIFFED]
    halves = {"utf-16-le": (start[1::2], start[::2]), "utf-16-be": (start[::2], start[1::2])}
    return next((name for name, (zero, low) in halves.items() if 2 * zero.count(0) > len(zero) and 0 not in low), "")


def _delimiter(head: list[str]) -> str:
    """The delimiter that cuts the first lines into a table; where none does, the one that cuts them into most cells."""
    if head and (match := _SEP_LINE.match(head[0])):
        return match[1]
    return max(DELIMITERS, key=lambda delimiter: _fit(head, delimiter))


def _fit(head: list[str], delimiter: str) -> tuple[bool, int, int, int]:
    """Whether a delimiter gives rows of one width (titles above them may be narrower); how early they begin, how many.

    Commas inside names are in most rows of a list, too, but not in its header: the earlier table is the right one.
    """
    widths = _widths(head, delimiter)
    cells = sum(widths) - len(widths)
    width, rows = max(Counter(w for w in widths if w > 1).items(), key=lambda found: found[::-1], default=(0, 0))
    first = widths.index(width) if rows else 0
    if rows < max(SAME_WIDTH * (len(widths) - first), len(widths) / 2):
        return False, 0, 0, cells
    return rows > 0, -first, rows, cells


def _widths(head: list[str], delimiter: str) -> list[int]:
    """The number of cells in every line that is not blank."""
    try:
        return [len(row) for row in csv.reader(head, delimiter=delimiter) if row]
    except csv.Error:
        return [line.count(delimiter) + 1 for line in head if line.strip()]


# Workbooks (.xlsx, .xlsm) as grids, one for each worksheet.
#
# They are read by their cells alone, not through a library that wants every font and filter to be in order: workbooks
# of other programs open in Excel, so they have to open here.


def read_workbook(path: Path) -> list[Grid]:
    """Every worksheet of a workbook; formulas by the value they had when it was saved, nothing where they had none."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise _damaged(path, "BadZipFile") from None
    with archive:
        refuse_bomb(archive, path)
        book = read_book(archive)
        formats = Formats(shared_texts(archive), date_styles(archive), book.days_from_1904, Room())
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


# OpenDocument spreadsheets (.ods) as grids, one for each table.


def read_opendocument(path: Path) -> list[Grid]:
    """Every table of an OpenDocument spreadsheet; one with a password is refused in words."""
    with zipfile.ZipFile(path) as archive:
        refuse_bomb(archive, path)
        names = archive.namelist()
        sealed = "encrypted-package" in names or (
            "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml")
        )
        if sealed:
            raise InputError(
                "the spreadsheet cannot be opened",
                file=path.name,
                got="a file with a password",
                expected="an .ods without a password",
                hint="open it in a spreadsheet program and save it again without a password",
            )
        with archive.open("content.xml") as source:
            return read_tables(source)


# Parquet files, as databases export them, as a grid: the names of the columns are its first row.


def read_parquet(path: Path) -> list[Grid]:
    """The grid of a Parquet file; cells are what they would be in a spreadsheet: text, number, date or nothing.

    Raises
    ------
    InputError   a column holds lists, structures or bytes: what a cell of a table cannot hold. All of them are named.
    """
    # Alone: a file in a folder named "year=2024" would get a column that it does not hold.
    file = pq.ParquetFile(path)
    Room().take(file.metadata.num_rows * file.metadata.num_columns)
    table = file.read()
    nested = [f"{name} ({kind})" for name, kind in zip(table.column_names, table.schema.types, strict=True)
              if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)]  # fmt: skip
    if nested:
        raise InputError(
            "columns hold what no cell of a table can hold",
            file=path.name,
            got=", ".join(nested),
            expected="texts, numbers, dates, times, yes or no",
            hint="export these columns as text, or leave them out",
        )
    columns = [_cells(table.column(i)) for i in range(table.num_columns)]
    return [Grid("", [tuple(table.column_names), *zip(*columns, strict=True)], {})]


def _cells(column: pa.ChunkedArray) -> list[object]:
    """The cells of a column; an empty text, and a number that is none, are nothing."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        # Nanoseconds would come as a type of pandas; nobody invites people by the nanosecond.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return [None if cell == "" or cell != cell else cell for cell in column.to_pylist()]


# SPSS and Stata files (.sav, .zsav, .dta) as a grid, read in a process of their own: a damaged file can bring it down.

CHILD = Path(__file__).with_name("spss_child.py")
# A file that takes longer than this to read is damaged: real ones take seconds.
MOST_SECONDS = 600


def read_spss(path: Path) -> list[Grid]:
    """The grid of an SPSS or Stata file, variable names in its first row; value labels and missing values by column."""
    columns, value_labels, ranges = _columns(path)
    names = list(columns)
    rows = list(zip(*(_without_nan(columns[name]) for name in names), strict=True))
    labels = {names.index(name): dict(labels) for name, labels in value_labels.items() if name in columns}
    missing = {names.index(name): _declared(columns[name], found) for name, found in ranges.items() if name in columns}
    return [Grid("", [tuple(names), *rows], labels, missing)]


def _declared(cells: Iterable[object], ranges: Sequence[Mapping[str, Any]]) -> frozenset[object]:
    """The values of a column that lie in the ranges which the file declares missing."""
    return frozenset(
        cell
        for cell in set(cells)
        if any(isinstance(cell, type(r["lo"])) and r["lo"] <= cell <= r["hi"] for r in ranges)
    )


def _columns(path: Path) -> tuple[dict[str, list[object]], dict[str, dict[object, str]], dict[str, list[Any]]]:
    command = [sys.executable, "-P", str(CHILD), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _unreadable(path, f"not read after {MOST_SECONDS} seconds") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] if done.returncode == FAILED else []
        raise _unreadable(path, *(said or ["it crashes the program that reads it"]))
    columns, labels, ranges = pd.read_pickle(io.BytesIO(done.stdout))
    return columns, labels, ranges


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"the {'Stata' if path.suffix.lower() == '.dta' else 'SPSS'} file cannot be read",
        file=path.name,
        got=f"a damaged file ({why})",
        expected="a .sav or .zsav as SPSS writes it, a .dta as Stata writes it",
        hint="export it again, or export it as CSV",
    )


def _without_nan(values: Iterable[object]) -> list[object]:
    return [None if value != value else value for value in values]


READERS: dict[str, Callable[[Path], list[Grid]]] = {
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".xls": read_old_workbook,
    ".ods": read_opendocument,
    ".csv": read_text,
    ".txt": read_text,
    ".tsv": read_text,
    ".sav": read_spss,
    ".zsav": read_spss,
    ".dta": read_spss,
    ".parquet": read_parquet,
}
DIGEST_LENGTH = 16


@dataclass(frozen=True)
class Sheet:
    """One grid of a file (see ``Grid``). ``digest`` tells the file's content: the same for the same bytes."""

    file: str
    name: str
    rows: list[Row]
    labels: dict[int, dict[object, str]] = field(default_factory=dict)
    digest: str = ""
    missing: Mapping[int, frozenset[object]] = field(default_factory=dict)
    unvalued: Mapping[int, frozenset[int]] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def in_words(self) -> Sheet:
        """The sheet with the words that the file gives for its values; what it declares missing is empty."""
        if not self.labels and not self.missing:
            return self
        return replace(self, rows=[self.rows[0], *(tuple(map(self._in_words, count(), row)) for row in self.rows[1:])])

    def _in_words(self, column: int, cell: object) -> object:
        return None if cell in self.missing.get(column, ()) else self.labels.get(column, {}).get(cell, cell)


def in_order(files: Iterable[Path | str]) -> dict[Path, str]:
    """Files in an order that does not depend on the caller, each with the name it is shown by.

    That is the file's name, contacts in it hidden; where two files share it, the folder's name goes before. A file
    named twice is one file.
    """
    once = {path.resolve(): path for path in sorted(map(Path, files), key=str)}
    paths = sorted(once.values(), key=lambda path: (path.name, str(path)))
    times = Counter(path.name for path in paths)
    names = [path.name if times[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths]
    return dict(zip(paths, told_apart(names), strict=True))


def told_apart(names: Iterable[str]) -> list[str]:
    """Names of files or sheets with the contacts in them hidden; a number tells those apart that are alike then."""
    times, told = Counter[str](), []
    for name in names:
        masked = mask_contacts(name)
        times[masked] += 1
        told.append(f"{masked} ({times[masked]})" if masked != name and times[masked] > 1 else masked)
    return told


def read_sheets(path: Path, shown_as: str = "") -> list[Sheet]:
    """All grids of a file that hold anything; ``shown_as`` is the name of the file in what is said about them.

    The file's name says what it is only where its first bytes do not: a workbook named .csv is read as a workbook.

    Raises
    ------
    InputError   the file is missing, of a kind that is not read, damaged in whatever way, or empty.
    """
    if not path.is_file():
        raise InputError("there is no such file", file=path.name, hint=_beside(path))
    reader = READERS.get(kind_of(path))
    if reader is None:
        raise InputError(
            "this kind of file cannot be read",
            file=path.name,
            got=path.suffix or "no ending",
            expected=", ".join(READERS),
            hint=nearest(path.suffix, READERS),
        )
    grids = [grid for grid in _grids(path, reader) if any(any(cell is not None for cell in row) for row in grid.rows)]
    if not grids:
        raise InputError("the file holds nothing", file=path.name, expected="a header row and rows below it")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LENGTH]
    return [
        Sheet(
            file=shown_as or mask_contacts(path.name),
            name=name,
            rows=grid.rows,
            labels=grid.labels,
            digest=digest,
            missing=grid.missing,
            unvalued=grid.unvalued,
            told=grid.told,
        )
        for grid, name in zip(grids, told_apart(grid.name for grid in grids), strict=True)
    ]


def _grids(path: Path, reader: Callable[[Path], list[Grid]]) -> list[Grid]:
    try:
        return reader(path)
    except SpiError:
        raise
    except TooMuch as error:
        raise too_large(path, str(error)) from None
    except Exception as error:
        # Libraries fail in many ways on damaged files; none of them may end the reading of the other files.
        raise _damaged(path, type(error).__name__) from None


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        "the file cannot be read",
        file=path.name,
        got=f"a damaged file ({why})",
        expected=f"a {path.suffix.lower()} file that opens without a warning",
        hint="open it in a spreadsheet program and save it again as .xlsx",
    )


def _beside(path: Path) -> str:
    here = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
    return nearest(path.name, here)
