"""The workbook of problems that goes back to the institution."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pandas as pd
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from spi_analysis.params import Language
from spi_analysis.tables import write_bytes

HEADER_FONT = Font(bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", fgColor="1F3864")
TITLE_FONT = Font(bold=True, size=14)
WRAPPED = Alignment(wrap_text=True, vertical="top")

SEVERITIES: dict[Language, dict[str, str]] = {
    "id": {"rejected": "ditolak", "flagged": "perlu dilengkapi", "note": "catatan"},
    "en": {"rejected": "rejected", "flagged": "incomplete", "note": "note"},
}
PROBLEM_COLUMNS: dict[Language, dict[str, tuple[str, int]]] = {
    "id": {
        "file": ("Berkas", 30),
        "sheet": ("Lembar", 14),
        "row": ("Baris", 8),
        "column": ("Kolom", 22),
        "severity": ("Akibat", 17),
        "reason": ("Penjelasan", 70),
        "value": ("Isian (disamarkan)", 26),
        "code": ("Kode", 26),
    },
    "en": {
        "file": ("File", 30),
        "sheet": ("Sheet", 14),
        "row": ("Row", 8),
        "column": ("Column", 22),
        "severity": ("Consequence", 17),
        "reason": ("Explanation", 70),
        "value": ("Cell (masked)", 26),
        "code": ("Code", 26),
    },
}
COUNT_COLUMNS = {
    "source": ("Sumber", 16),
    "file": ("Berkas", 44),
    "read": ("Baris dibaca", 14),
    "accepted": ("Diterima", 14),
    "rejected": ("Ditolak", 14),
    "eligible": ("Memenuhi syarat", 16),
    "ineligible": ("Tidak memenuhi syarat", 22),
    "flagged": ("Perlu dilengkapi", 17),
}
SHEET_NAMES: dict[Language, str] = {"id": "Masalah", "en": "Problems"}
# A workbook states when it was made; a fixed day keeps the same content the same bytes.
FIXED_DAY = "2000-01-01T00:00:00Z"


def write_problem_book(
    path: Path, title: str, explanation: list[str], counts: pd.DataFrame, problems: pd.DataFrame
) -> Path:
    """Write the counts with an explanation in Indonesian, and the problems in both languages."""
    book = openpyxl.Workbook()
    _write_summary(book.active, title, explanation, counts)
    rows = {}
    for number, (language, name) in enumerate(SHEET_NAMES.items(), start=2):
        sheet, columns = book.create_sheet(name), PROBLEM_COLUMNS[language]
        _write_header(sheet, columns, 1)
        sheet.freeze_panes = "A2"
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(problems) + 1}"
        rows[f"xl/worksheets/sheet{number}.xml"] = rows_as_xml(_in_words(problems, language)[list(columns)], 2)
    return write_bytes(path, workbook_bytes(book, rows))


def _write_summary(sheet: Worksheet, title: str, explanation: list[str], counts: pd.DataFrame) -> None:
    sheet.title = "Ringkasan"
    _put(sheet, 1, 1, title).font = TITLE_FONT
    columns = {name: words for name, words in COUNT_COLUMNS.items() if name in counts}
    for row, line in enumerate(explanation, start=3):
        _put(sheet, row, 1, line).alignment = WRAPPED
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(columns))
        sheet.row_dimensions[row].height = 32
    _write_table(sheet, counts, columns, len(explanation) + 4)


def _in_words(problems: pd.DataFrame, language: Language) -> pd.DataFrame:
    return problems.assign(
        reason=problems[f"reason_{language}"], severity=problems["severity"].map(SEVERITIES[language])
    )


def _write_table(sheet: Worksheet, data: pd.DataFrame, columns: dict[str, tuple[str, int]], top: int) -> None:
    _write_header(sheet, columns, top)
    rows = data[list(columns)].astype(object).where(data[list(columns)].notna(), None)
    for number, row in enumerate(rows.itertuples(index=False), start=top + 1):
        for i, value in enumerate(row, start=1):
            _put(sheet, number, i, value)


def _write_header(sheet: Worksheet, columns: dict[str, tuple[str, int]], top: int) -> None:
    for i, (title, width) in enumerate(columns.values(), start=1):
        cell = _put(sheet, top, i, title)
        cell.font, cell.fill, cell.alignment = HEADER_FONT, HEADER_FILL, WRAPPED
        sheet.column_dimensions[get_column_letter(i)].width = width


def rows_as_xml(data: pd.DataFrame, top: int) -> str:
    """Rows of plain cells (texts and whole numbers) as they stand in a worksheet, the first one in row ``top``.

    openpyxl makes an object of every cell; for the thousands of issues of each of 640 institutions that takes
    longer than reading their lists. Texts stand in the cells themselves, so none can run as a formula.
    """
    letters = [get_column_letter(i + 1) for i in range(data.shape[1])]
    seen: dict[str, str] = {}
    lines = []
    for number, row in enumerate(data.itertuples(index=False), start=top):
        cells = "".join(_cell_as_xml(f"{a}{number}", v, seen) for a, v in zip(letters, row, strict=True))
        lines.append(f'<row r="{number}">{cells}</row>')
    return "".join(lines)


def _cell_as_xml(place: str, value: object, seen: dict[str, str]) -> str:
    if isinstance(value, str):
        if value not in seen:
            seen[value] = escape(text_of_cell(value))
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{seen[value]}</t></is></c>' if value else ""
    return "" if value is None or value is pd.NA or value != value else f'<c r="{place}"><v>{value}</v></c>'


def _put(sheet: Worksheet, row: int, column: int, value: object) -> openpyxl.cell.Cell:
    return filled(sheet.cell(row, column), value)


def filled(cell: openpyxl.cell.Cell, value: object) -> openpyxl.cell.Cell:
    """The cell with a value; a text is a text, whatever it begins with: nothing that came in runs as a formula."""
    if isinstance(value, str):
        cell.value = text_of_cell(value)
        cell.data_type = "s"
    else:
        cell.value = value
    return cell


def text_of_cell(text: str) -> str:
    """Without what no workbook can hold (control characters)."""
    return openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", text)


def workbook_bytes(book: openpyxl.Workbook, rows: Mapping[str, str] | None = None) -> bytes:
    """The workbook as bytes that depend on its content alone, not on the hour.

    ``rows``: by the name of the worksheet's part, rows (as XML) that stand below those of the book.
    """
    first = io.BytesIO()
    book.save(first)
    return same_every_time(first.getvalue(), rows)


def same_every_time(document: bytes, rows: Mapping[str, str] | None = None) -> bytes:
    """An office document (a zip of parts) without the hour in which it was made; ``rows`` as in `workbook_bytes`."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(?<=>)\d{4}-\d\d-\d\dT[^<]*(?=<)", FIXED_DAY.encode(), content)
            if rows and name in rows:
                content = _with_rows(content, rows[name])
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def _with_rows(sheet: bytes, rows: str) -> bytes:
    """A worksheet with more rows at its end; the size it states is left out, since it says so little."""
    sized = re.sub(rb"<dimension [^>]*/>", b"", sheet)
    return sized.replace(b"</sheetData>", rows.encode("utf-8") + b"</sheetData>", 1)
