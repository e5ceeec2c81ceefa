"""Formulas that were never computed: no value, or XlsxWriter's 0. Workbooks as their programs write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest

from spi_analysis.tables.importing.readers import read_sheets

HEADER = ("a", "b", "c")


def workbook(folder: Path, value: str, *, asks: bool = True, kind: str = "", more: str = "") -> Path:
    """A workbook of one formula a row in column b; ``value`` is what is stored with it."""
    book = openpyxl.Workbook()
    for row in [HEADER, ("x", "=1+1", 0), ("y", "=2+2", 5)]:
        book.active.append(row)
    book.save(folder / "plain.xlsx")
    path = folder / "book.xlsx"
    with zipfile.ZipFile(folder / "plain.xlsx") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert text.count(b"<f>") == 2
                text = text.replace(b"</f><v />", b"</f><v></v>")
                text = text.replace(b'<c r="B2"', f'<c r="B2"{kind}'.encode())
                text = text.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f>" + value.encode())
                text = text.replace(b"<f>2+2</f><v></v>", b"<f>2+2</f>" + (more or value).encode())
            if name == "xl/workbook.xml" and not asks:
                text = text.replace(b' fullCalcOnLoad="1"', b"")
            target.writestr(name, text)
    return path


@pytest.mark.parametrize("value", ["", "<v></v>", "<v/>", "<v>0</v>"])
def test_a_formula_that_was_never_computed_has_no_value(tmp_path, value):
    (sheet,) = read_sheets(workbook(tmp_path, value))
    assert sheet.rows == [HEADER, ("x", None, 0), ("y", None, 5)], "the 0 of column c was typed and stays"
    assert sheet.unvalued == {1: {2, 3}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"value": "<v>0</v>", "asks": False}, 0),
        ({"value": "<v>0</v>", "more": "<v>4</v>"}, 0),
        ({"value": "<v>7</v>"}, 7),
        ({"value": "<v></v>", "kind": ' t="str"', "more": "<v>4</v>"}, None),
        ({"value": "<v>ya</v>", "kind": ' t="str"', "more": "<v>4</v>"}, "ya"),
    ],
    ids=["computed", "another row of the column has a value", "a value", "a computed empty text", "a text"],
)
def test_a_value_that_was_computed_stays(tmp_path, options, expected):
    (sheet,) = read_sheets(workbook(tmp_path, **options))
    assert sheet.rows[1][1] == expected
    assert sheet.unvalued == {}


def test_a_workbook_without_formulas_says_nothing(write_xlsx):
    (sheet,) = read_sheets(write_xlsx("a.xlsx", [HEADER, ("x", 0, 5)]))
    assert (sheet.rows[1], sheet.unvalued) == (("x", 0, 5), {})
