"""Spreadsheets that are the same bytes whenever they are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from spi_analysis.tables import whole_file

WRITTEN = dt.datetime(2024, 1, 1)
LABEL = "Data buatan, bukan data orang sungguhan / generated data, nobody in it is real"


class _UndatedZip(ZipFile):
    """A zip whose members all carry one date; openpyxl would stamp the time of writing."""

    def writestr(self, name: Any, data: Any, *_: Any, **__: Any) -> None:
        member = ZipInfo(name, WRITTEN.timetuple()[:6])
        member.compress_type = ZIP_DEFLATED
        super().writestr(member, data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        self.writestr(arcname, Path(filename).read_bytes())


def write_workbook(path: Path, sheet: str, rows: Iterable[Sequence[Any]]) -> Path:
    """Write one sheet of rows to an xlsx file; None is an empty cell."""
    workbook = Workbook(write_only=True)
    worksheet = workbook.create_sheet(sheet)
    for row in rows:
        worksheet.append(list(row))
    workbook.properties.description = LABEL
    workbook.properties.created = workbook.properties.modified = WRITTEN
    with whole_file(path) as beside, _UndatedZip(beside, "w") as archive:
        ExcelWriter(workbook, archive).write_data()
    return path
