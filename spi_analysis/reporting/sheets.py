"""Tables to be taken away: one table of a page in one language, as CSV and as a workbook; the files beside a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from nbformat import NotebookNode
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from spi_analysis.errors import NotebookError
from spi_analysis.params import Language
from spi_analysis.reporting.display import TABLES_MIME
from spi_analysis.tables import write_bytes, write_csv
from spi_analysis.tables.importing import filled, workbook_bytes

ENDINGS = ("csv", "xlsx")
# The heading stands below the title and an empty row.
HEADING_ROW = 3
LINE_HEIGHT = 15.0
_BOLD, _WRAPPED = Font(bold=True), Alignment(wrap_text=True, vertical="top")


@dataclass(frozen=True)
class Sheet:
    """One table in one language: texts, and figures as numbers, rounded as the page shows them.

    ``formats`` (of a workbook) and ``widths`` (characters) belong to the ``headings``; a row has a value for each.
    ``unsigned`` are the numbers of the rows whose figures have no plus sign: what others add up to.
    """

    name: str
    title: str
    notes: list[str]
    headings: list[str]
    formats: list[str]
    widths: list[int]
    rows: list[list[str | float | None]]
    programs: str = ""
    unsigned: list[int] = field(default_factory=list)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Sheet:
        """From what `as_json` gave, also through a notebook."""
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Plain values, to travel in a notebook."""
        return asdict(self)

    def table(self) -> pd.DataFrame:
        """Headings and rows as a table."""
        return pd.DataFrame(self.rows, columns=self.headings, dtype=object)

    def to_csv(self, path: Path) -> Path:
        """Headings and rows; no title, no notes."""
        return write_csv(path, self.table())

    def to_xlsx(self, path: Path) -> Path:
        """Title, table and notes; the heading stays in sight, figures are numbers with their format."""
        book = Workbook()
        sheet = book.active
        sheet.title = self.name[:31]
        filled(sheet.cell(1, 1), self.title).font = _BOLD
        self._write_table(sheet)
        self._write_notes(sheet)
        return write_bytes(path, workbook_bytes(book))

    def _write_table(self, sheet: Worksheet) -> None:
        for i, (heading, width) in enumerate(zip(self.headings, self.widths, strict=True), start=1):
            cell = filled(sheet.cell(HEADING_ROW, i), heading)
            cell.font, cell.alignment = _BOLD, _WRAPPED
            sheet.column_dimensions[get_column_letter(i)].width = width
        sheet.freeze_panes = sheet.cell(HEADING_ROW + 1, 1)
        for number, row in enumerate(self.rows):
            plus = "+" * (number in self.unsigned)
            for i, (value, form) in enumerate(zip(row, self.formats, strict=True), start=1):
                if value is not None:
                    written = "@" if isinstance(value, str) else form.removeprefix(plus)
                    filled(sheet.cell(HEADING_ROW + 1 + number, i), value).number_format = written

    def _write_notes(self, sheet: Worksheet) -> None:
        across = sum(self.widths)
        for row, note in enumerate(self.notes, start=HEADING_ROW + len(self.rows) + 2):
            filled(sheet.cell(row, 1), note).alignment = _WRAPPED
            sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(self.headings))
            sheet.row_dimensions[row].height = LINE_HEIGHT * (1 + len(note) // across)


# The files beside a page: made from what the executed notebook holds, so that they say what the page says.


def shown_sheets(output: NotebookNode, language: Language) -> list[Sheet]:
    """The tables of an output of a notebook, in one language."""
    return [Sheet.from_json(one[language]) for one in output.get("data", {}).get(TABLES_MIME, [])]


def file_names(sheet: Sheet, language: Language) -> dict[str, str]:
    """Ending -> name of a table's file."""
    return {ending: f"{sheet.name}.{language}.{ending}" for ending in ENDINGS}


def sheet_files(folder: Path, languages: Iterable[Language]) -> list[Path]:
    """The files of tables that lie in a folder."""
    return sorted(
        path for language in languages for ending in ENDINGS for path in folder.glob(f"[!.]*.{language}.{ending}")
    )


def write_sheets(notebook: NotebookNode, folder: Path, languages: Sequence[Language]) -> list[Path]:
    """Write all tables of an executed notebook as CSV and XLSX, and take away those of an earlier one.

    Raises
    ------
    NotebookError   two different tables have one name.
    """
    written = []
    for language in languages:
        for sheet in _by_name(notebook, language).values():
            paths = {ending: folder / name for ending, name in file_names(sheet, language).items()}
            written += [sheet.to_csv(paths["csv"]), sheet.to_xlsx(paths["xlsx"])]
    for path in set(sheet_files(folder, languages)) - set(written):
        path.unlink()
    return written


def _by_name(notebook: NotebookNode, language: Language) -> dict[str, Sheet]:
    sheets: dict[str, Sheet] = {}
    for sheet in _all_sheets(notebook, language):
        if sheets.setdefault(sheet.name, sheet) != sheet:
            raise NotebookError("two tables of a notebook have one name, so one file would take the other's place",
                                got=sheet.name, hint="give each View a name of its own")  # fmt: skip
    return sheets


def _all_sheets(notebook: NotebookNode, language: Language) -> Iterator[Sheet]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield from shown_sheets(output, language)
