"""Files of a few megabytes that would fill gigabytes: refused in words before they are read."""

import zipfile

import openpyxl
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing import grids
from spi_analysis.tables.importing.readers import read_sheets

ROW = b'<row><c t="inlineStr"><is><t>Budi Contoh</t></is></c></row>'
ODS = (
    '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body><office:spreadsheet>'
    '<table:table table:name="a"><table:table-row table:number-rows-repeated="1000000">'
    '<table:table-cell table:number-columns-repeated="16000"><text:p>x</text:p></table:table-cell></table:table-row>'
    "</table:table></office:spreadsheet></office:body></office:document-content>"
)


@pytest.fixture
def workbook(tmp_path):
    """A small workbook whose only sheet is written anew: called with the pieces of its XML."""

    def make(pieces):
        openpyxl.Workbook().save(tmp_path / "small.xlsx")
        path = tmp_path / "list.xlsx"
        with (
            zipfile.ZipFile(tmp_path / "small.xlsx") as source,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as copy,
        ):
            for name in source.namelist():
                with copy.open(name, "w", force_zip64=True) as part:
                    sheet = name == "xl/worksheets/sheet1.xml"
                    for piece in pieces if sheet else [source.read(name)]:
                        part.write(piece)
        return path

    return make


def refused(path) -> str:
    with pytest.raises(InputError, match="holds more than any list of people") as caught:
        read_sheets(path)
    (problem,) = caught.value.problems
    assert problem.file == path.name
    assert "values only" in problem.hint
    return problem.got


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(workbook, monkeypatch):
    megabyte = ROW * (1_000_000 // len(ROW))
    path = workbook([b"<worksheet><sheetData>", *[megabyte] * 600, b"</sheetData></worksheet>"])
    assert path.stat().st_size < 4_000_000
    monkeypatch.delattr(zipfile.ZipFile, "open")
    assert refused(path).startswith("600 MB, packed into ")


def test_a_smaller_one_is_refused_where_it_is_packed_like_no_list(workbook):
    path = workbook([b"<worksheet><sheetData>", *[b" " * 1_000_000] * 60, b"</sheetData></worksheet>"])
    assert refused(path).startswith("60 MB, packed into 0.1 MB")


def test_one_cell_at_the_right_edge_of_every_row_is_too_much(workbook, monkeypatch):
    """16,384 columns: 1,221 such rows fill 20 million cells."""
    rows = b'<row><c r="XFD1"><v>1</v></c></row>'
    assert len(read_sheets(workbook([b"<worksheet><sheetData>", rows * 1220, b"</sheetData></worksheet>"]))) == 1
    path = workbook([b"<worksheet><sheetData>", rows * 1221, b"</sheetData></worksheet>"])
    assert refused(path) == "more than 20,000,000 cells, empty ones inside rows included"


def test_repeated_cells_of_opendocument_and_long_parquet_are_too_much(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("content.xml", ODS)
    assert "more than 20,000,000 cells" in refused(tmp_path / "a.ods")
    monkeypatch.setattr(grids.Room.__init__, "__defaults__", (99,))
    pd.DataFrame({"a": range(33), "b": "x", "c": "y"}).to_parquet(tmp_path / "short.parquet")
    assert len(read_sheets(tmp_path / "short.parquet")[0].rows) == 34
    pd.DataFrame({"a": range(34), "b": "x", "c": "y"}).to_parquet(tmp_path / "long.parquet")
    assert refused(tmp_path / "long.parquet").startswith("more than")
