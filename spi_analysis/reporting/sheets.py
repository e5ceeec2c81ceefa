"""Tables to be taken away: one table of a page in one language, as CSV and as a workbook; the files beside a page."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import xlsxwriter
from nbformat import NotebookNode
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from spi_analysis.errors import NotebookError
from spi_analysis.params import Language
from spi_analysis.reporting.display import TABLES_MIME
from spi_analysis.tables import write_bytes, write_csv_rows
from spi_analysis.tables.importing import text_of_cell

ENDINGS = ("csv", "xlsx")
# The heading stands below the title and an empty row.
HEADING_ROW = 3
LINE_HEIGHT = 15.0
BOLD, WRAPPED = {"bold": True}, {"text_wrap": True, "valign": "top"}
# A book is small, and made in memory; its bytes depend on the content alone, not on the hour.
IN_MEMORY, _CREATED = {"in_memory": True}, dt.datetime(2000, 1, 1)


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

    def to_csv(self, path: Path) -> Path:
        """Headings and rows; no title, no notes."""
        return write_csv_rows(path, self.headings, self.rows)

    def to_xlsx(self, path: Path) -> Path:
        """Title, table and notes; the heading stays in sight, figures are numbers with their format."""
        content = io.BytesIO()
        with xlsxwriter.Workbook(content, IN_MEMORY) as book:
            book.set_properties({"created": _CREATED})
            styled = partial(_style, book, {})
            sheet = book.add_worksheet(self.name[:31])
            sheet.write_string(0, 0, text_of_cell(self.title), styled(**BOLD))
            self._write_table(sheet, styled)
            self._write_notes(sheet, styled(**WRAPPED))
        return write_bytes(path, content.getvalue())

    def _write_table(self, sheet: Worksheet, styled: Callable[..., Format]) -> None:
        for i, (heading, width) in enumerate(zip(self.headings, self.widths, strict=True)):
            sheet.write_string(HEADING_ROW - 1, i, text_of_cell(heading), styled(**BOLD, **WRAPPED))
            sheet.set_column(i, i, width)
        sheet.freeze_panes(HEADING_ROW, 0)
        for number, row in enumerate(self.rows):
            plus = "+" * (number in self.unsigned)
            for i, (value, form) in enumerate(zip(row, self.formats, strict=True)):
                # A text is a text, whatever it begins with: nothing runs as a formula.
                if isinstance(value, str):
                    sheet.write_string(HEADING_ROW + number, i, text_of_cell(value), styled(num_format="@"))
                elif value is not None:
                    sheet.write_number(HEADING_ROW + number, i, value, styled(num_format=form.removeprefix(plus)))

    def _write_notes(self, sheet: Worksheet, wrapped: Format) -> None:
        across, last = sum(self.widths), len(self.headings) - 1
        for row, note in enumerate(self.notes, start=HEADING_ROW + len(self.rows) + 1):
            if last:
                sheet.merge_range(row, 0, row, last, "", wrapped)
            sheet.write_string(row, 0, text_of_cell(note), wrapped)
            sheet.set_row(row, LINE_HEIGHT * (1 + len(note) // across))


def _style(book: xlsxwriter.Workbook, made: dict[tuple[tuple[str, Any], ...], Format], **style: Any) -> Format:
    """A style of a book, made once."""
    key = tuple(style.items())
    if key not in made:
        made[key] = book.add_format(style)
    return made[key]


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
