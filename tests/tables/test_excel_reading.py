"""Workbooks are read by their cells alone. What openpyxl reads of a sound workbook is what we read of it."""

import datetime as dt
import re
import warnings
import zipfile

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import PatternFill

from spi_analysis.tables.importing.grids import Merged
from spi_analysis.tables.importing.readers import read_sheets
from tests.tables.lists import CITY

FORMATS = {"D2": "dd mmmm yyyy", "E2": "dd/mm/yy", "F2": "[h]:mm", "G2": "0.00", "H2": "d/m/y"}


def changed(path, edits):
    """The workbook with parts edited as bytes: as other programs write them."""
    target = path.with_name(f"other_{path.name}")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            for part, old, new in edits:
                if re.fullmatch(part, name):
                    content, times = re.subn(old, new, content)
                    assert times, f"{old} is not in {name}"
            copy.writestr(name, content)
    return target


def test_cells_of_every_kind_are_those_that_openpyxl_reads(tmp_path):
    """openpyxl 3.1, load_workbook(read_only=True, data_only=True), read in the test itself."""
    book = openpyxl.Workbook()
    book.active.append(
        ["a", 1, 2.5, True, False, dt.datetime(2020, 1, 2, 3, 4, 5), dt.date(1985, 3, 15), dt.time(3, 4),
         dt.timedelta(hours=30), "line\nbreak", "  spaced ", None, "", 198503152010011001, 1e20, -5]
    )  # fmt: skip
    rich = CellRichText("plain ", TextBlock(InlineFont(b=True), "bold"))
    book.active.append(["#REF!", "&<>", rich, 40000, 1e9, 0.5, 43771, -3])
    for place, code in FORMATS.items():
        book.active[place].number_format = code
    book.active["B9"] = "far below"
    book.create_sheet("Second").append(["x"])
    book.save(tmp_path / "a.xlsx")
    with warnings.catch_warnings(action="ignore"):
        theirs = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True, data_only=True)
        expected = {sheet.title: [bare(row) for row in sheet.iter_rows(values_only=True)] for sheet in theirs}
    ours = {sheet.name: [bare(row) for row in sheet.rows] for sheet in read_sheets(tmp_path / "a.xlsx")}
    assert ours == expected
    assert [list(map(type, row)) for row in ours["Sheet"]] == [list(map(type, row)) for row in expected["Sheet"]]
    assert ours["Sheet"][8] == (None, "far below")


def bare(row):
    """A row without the empty cells at its end."""
    return row[: max((i + 1 for i, cell in enumerate(row) if cell is not None), default=0)]


@pytest.mark.parametrize(
    "edits",
    [
        [("xl/styles.xml", rb'<family val="2" ?/>', b'<family val="34"/>')],
        [("xl/worksheets/sheet1.xml", rb"</sheetData>",
          b'</sheetData><autoFilter ref="A1:B2"><filterColumn colId="1"><customFilters>'
          b'<customFilter val="O*" operator="bogus"/></customFilters></filterColumn></autoFilter>')],
        [("xl/workbook.xml", rb"<definedNames ?/>",
          b'<definedNames><definedName name="_xlnm.Print" localSheetId="5">#REF!</definedName></definedNames>')],
        [("xl/(workbook|styles|worksheets/sheet1).xml", rb"http://schemas\.openxmlformats\.org/spreadsheetml/2006/main",
          b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
         ("xl/workbook.xml|(xl/)?_rels/.*", rb"http://schemas\.openxmlformats\.org/officeDocument/2006/relationships",
          b"http://purl.oclc.org/ooxml/officeDocument/relationships")],
        [("xl/worksheets/sheet1.xml", rb' r="\w+"', b"")],
    ],
    ids=["font family 34", "odd filter", "names of a sheet that is gone", "Strict Open XML", "cells without places"],
)  # fmt: skip
def test_workbooks_that_excel_opens_are_read_without_a_word(write_xlsx, edits):
    path = changed(write_xlsx("a.xlsx", [["Nama", "Umur"], ["Orang Contoh", 40]]), edits)
    with warnings.catch_warnings(action="error"):
        (sheet,) = read_sheets(path)
    assert sheet.rows == [("Nama", "Umur"), ("Orang Contoh", 40)]


def test_what_is_hidden_or_merged_is_handed_on(tmp_path):
    book = openpyxl.Workbook()
    for i in range(6):
        book.active.append([i, i])
    for row in (3, 4):
        book.active.row_dimensions[row].hidden = True
    book.active.row_dimensions[40].hidden = True
    book.active.merge_cells("B2:B4")
    book.active.merge_cells("A5:B5")
    for name, state in (("Lama", "hidden"), ("Sangat lama", "veryHidden"), ("Biasa", "visible")):
        book.create_sheet(name, len(book.sheetnames)).append(["x"])
        book[name].sheet_state = state
    book.save(tmp_path / "a.xlsx")
    first, *others = read_sheets(tmp_path / "a.xlsx")
    assert first.told.hidden_rows == {3, 4}, "an empty row is nothing that anybody hid"
    assert first.told.merged == (Merged(2, 4, 1),), "a title over two columns covers no other row"
    assert [(sheet.name, sheet.told.hidden) for sheet in (first, *others)] == [
        ("Sheet", False), ("Lama", True), ("Sangat lama", True), ("Biasa", False)
    ]  # fmt: skip


def test_a_million_empty_rows_are_no_rows(tmp_path):
    """Rows that hold colours alone, and one cell in the last row that a worksheet can have."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    sheet.append(["Nama"])
    blank = openpyxl.cell.WriteOnlyCell(sheet)
    blank.fill = PatternFill("solid", fgColor="FFFF00")
    for _ in range(500):
        sheet.append([blank] * 12)
    book.save(tmp_path / "a.xlsx")
    last = rb'<row r="1048576"><c r="B1048576" t="inlineStr"><is><t>.</t></is></c></row></sheetData>'
    (found,) = read_sheets(changed(tmp_path / "a.xlsx", [("xl/worksheets/sheet1.xml", rb"</sheetData>", last)]))
    assert len(found.rows) == 1_048_576
    assert [(i, row) for i, row in enumerate(found.rows) if row] == [(0, ("Nama",)), (1_048_575, (None, "."))]


@pytest.mark.parametrize("row", ["1048577", "1", "0", "-3", "x"])
def test_a_row_where_none_can_stand_is_a_damaged_file(write_xlsx, row, bring):
    odd = f'<row r="{row}"><c t="inlineStr"><is><t>x</t></is></c></row></sheetData>'.encode()
    path = write_xlsx(f"{CITY}__internal.xlsx", [["Nama"], ["x"]])
    bad = changed(path, [("xl/worksheets/sheet1.xml", rb"</sheetData>", odd)])
    (problem,) = bring(bad).failed
    assert (problem.what, problem.file) == ("the file cannot be read", bad.name)
