"""The rows of the workbook of problems are what was put in, cell by cell, and never a formula."""

import openpyxl
import pandas as pd

from spi_analysis.tables.importing.issues import COLUMNS, Issues, Where
from spi_analysis.tables.importing.workbook import PROBLEM_COLUMNS, write_problem_book

ODD = '=1+1 <b>&amp; "x" \x07 \' akhir '


def test_every_cell_comes_back(tmp_path):
    issues = Issues()
    issues.add(Where("kota-mojokerto", "internal", "a & b.csv", "", 7), "unit_read_as", "Unit <Kerja>", "unit",
                 ODD, spelling=ODD, read_as="x", rows=2)  # fmt: skip
    issues.add(Where("kota-mojokerto", "internal", "c.csv"), "sheet_skipped")
    problems = issues.table()
    counts = pd.DataFrame([("internal", "c.csv", 3, 2, 1)], columns=["source", "file", "read", "accepted", "rejected"])
    path = write_problem_book(tmp_path / "p.xlsx", "Judul", ["satu"], counts, problems)
    book = openpyxl.load_workbook(path)
    assert list(COLUMNS) == list(problems.columns)
    for name, language in (("Masalah", "id"), ("Problems", "en")):
        rows = list(book[name].iter_rows())
        assert [cell.value for cell in rows[0]] == [title for title, _ in PROBLEM_COLUMNS[language].values()]
        for cells, (_, issue) in zip(rows[1:], problems.iterrows(), strict=True):
            values = [cell.value for cell in cells]
            assert values[0] == issue["file"]
            assert values[2] == (None if pd.isna(issue["row"]) else issue["row"])
            assert (values[3] or "") == issue["column"]
            assert values[5] == issue[f"reason_{language}"].replace("\x07", "")
            assert all(cell.data_type != "f" for cell in cells)
    again = write_problem_book(tmp_path / "q.xlsx", "Judul", ["satu"], counts, problems)
    assert path.read_bytes() == again.read_bytes()
