"""The lists of a city as its offices send them: with titles, non-data rows, duplicates, gaps and odd spellings."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from spi_analysis.params import Source
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.data_entry import DataEntryPatterns, patterns_of
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.typing import NOTHING, Cell, list_columns
from spi_analysis.tables import whole_file, write_bytes, write_parquet

DUPLICATES = 0.015  # share of the people who stand on the list twice
WITHOUT_CONTACT = 0.019  # share of the rows with neither phone nor e-mail
GAPS = {"phone": 0.02, "email": 0.02, "sex": 0.02, "birth": 0.02, "employment": 0.02}
GAPS |= {"position": 0.001, "unit": 0.001, "service_unit": 0.001}  # without these a row cannot be used

TITLES = {"internal": "DAFTAR PEGAWAI", "external": "DAFTAR PENGGUNA LAYANAN", "expert": "DAFTAR NARASUMBER EKSPER"}
SHEETS = {"internal": "Pegawai", "external": "Pengguna", "expert": "Narasumber"}
SHEET, OTHER_FILES = "Daftar", "{slug}__{source}.xlsx"
SHORT_NAME = "Pemerintah "
EXPORTED_FILES: dict[Source, str] = {
    "internal": "{slug}__internal.csv",
    "external": "{slug}__external.parquet",
    "expert": "{slug}__expert.csv",
}


def received_lists(city: SyntheticCity, folder: Path, seed: int, *, exported: bool = False) -> list[Path]:
    """Write the lists of employees, users and experts into ``folder``; the same seed gives the same bytes.

    About 2 % of the rows have no contact and 1.5 % repeat a person, at random; experts'
    lists have odd spellings only. ``exported``: as many institutions at once send them, out of a
    database: CSV, for the users Parquet; else as the offices type them, most into spreadsheets.
    """
    patterns, streams = patterns_of(city.institution_id), Streams(city.institution_id, (city.seed, seed))
    if exported:
        patterns = replace(patterns, files=EXPORTED_FILES, encoding="utf-8")
    return [_write_list(city, source, patterns, folder, streams) for source in city.kinds]


def _write_list(
    city: SyntheticCity, source: Source, patterns: DataEntryPatterns, folder: Path, streams: Streams
) -> Path:
    name = city.name.removeprefix(SHORT_NAME)
    path = folder / patterns.files.get(source, OTHER_FILES).format(source=source, slug=city.institution_id, name=name)
    sheet = path.suffix == ".xlsx"
    rows = _listed_rows(city, source, streams(f"{source} rows"))
    columns = list_columns(city, rows, source, patterns, streams, sheet=sheet)
    if city.kinds[source] != "expert":
        _make_gaps(columns, streams(f"{source} gaps"))
    if path.suffix == ".parquet":
        return _write_parquet(path, {patterns.header(column): cells for column, cells in columns.items()})
    table = [[patterns.header(column) for column in columns], *map(list, zip(*columns.values(), strict=True))]
    table = _with_non_data_rows(table, name, len(rows))
    if not sheet:
        return write_bytes(path, _csv_text(table).encode(patterns.encoding))
    year = city.reference_date.year
    titles = [f"{_title(city, source)} {name.upper()}", f"SURVEI PENILAIAN INTEGRITAS TAHUN {year}", name, ""]
    return write_workbook(
        path, SHEETS.get(source, SHEET), [*([title] for title in titles[: patterns.title_lines]), *table]
    )


def _title(city: SyntheticCity, source: Source) -> str:
    return TITLES.get(source) or f"DAFTAR {city.labels[source].upper()}"


def _write_parquet(path: Path, columns: dict[str, list[Cell]]) -> Path:
    """A table out of a database: texts, as they were typed, and neither titles nor totals."""
    texts = {name: [None if cell is None else str(cell) for cell in cells] for name, cells in columns.items()}
    return write_parquet(path, pd.DataFrame(texts, dtype="str"))


def _listed_rows(city: SyntheticCity, source: Source, rng: np.random.Generator) -> np.ndarray:
    """Rows of the people on the list, unit by unit; some people stand on it twice, somewhere."""
    people = np.flatnonzero(city.people["source"] == source)
    if city.kinds[source] == "expert":
        return people
    twice = rng.choice(people, round(DUPLICATES * people.size), replace=False)
    place = np.concatenate([np.arange(people.size, dtype=float), rng.uniform(0, people.size, twice.size)])
    return np.concatenate([people, twice])[np.argsort(place, kind="stable")]


def _make_gaps(columns: dict[str, list[Cell]], rng: np.random.Generator) -> None:
    """Empty some cells, in place, whoever's they are."""
    n = len(columns["number"])
    for column in [name for name in columns if name in GAPS]:
        for row in np.flatnonzero(rng.random(n) < GAPS[column]):
            columns[column][row] = None
    for row in np.flatnonzero(rng.random(n) < WITHOUT_CONTACT):
        for column in ("phone", "email"):
            columns[column][row] = NOTHING[rng.integers(len(NOTHING))]


def _with_non_data_rows(table: list[list[Cell]], name: str, count: int) -> list[list[Cell]]:
    """The table with a subtotal in its middle, and a total and a signature below."""
    width = len(table[0])
    middle = 1 + count // 2

    def line(*cells: Cell, at: int = 0) -> list[Cell]:
        return [*[None] * at, *cells, *[None] * (width - at - len(cells))]

    return [
        *table[:middle],
        line("JUMLAH", count // 2),
        *table[middle:],
        line("TOTAL", count),
        line(),
        line("Mengetahui,", at=1),
        line(f"Inspektur {name}", at=1),
        line(),
        line("(tanda tangan)", at=1),
    ]


def _csv_text(table: list[list[Cell]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", lineterminator="\r\n").writerows(table)
    return buffer.getvalue()


# Spreadsheets that are the same bytes whenever they are written.

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
