import openpyxl
import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.sheets import read_sheets


def test_row_numbers_are_those_of_the_spreadsheet(write_xlsx):
    (sheet,) = read_sheets(write_xlsx("a.xlsx", [["title"], [], ["x", 1, None, 2.5]]))
    assert sheet.rows[2] == ("x", 1, None, 2.5), "index 2 is row 3"
    assert sheet.rows[1] == ()


def test_a_workbook_that_states_a_wrong_size_is_read_whole(tmp_path):
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    for i in range(5):
        sheet.append([i])
    book.save(tmp_path / "a.xlsx")
    assert read_sheets(tmp_path / "a.xlsx")[0].rows == [(i,) for i in range(5)]


def test_empty_sheets_are_left_out(write_xlsx):
    assert [s.name for s in read_sheets(write_xlsx("a.xlsx", [["x"]], Kosong=[]))] == ["Sheet1"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_text_in_every_delimiter_and_encoding(write_csv, delimiter, encoding):
    rows = [["Nama", "Lama", "Unit"], ["André, S.Pd", "5,5", "Dinas; Sosial"]]
    (sheet,) = read_sheets(write_csv("a.csv", rows, delimiter, encoding))
    assert sheet.rows == [tuple(row) for row in rows]


def test_excels_first_line_about_the_separator_is_no_row(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\na;b\n1;2\n", encoding="utf-8")
    assert read_sheets(tmp_path / "a.csv")[0].rows == [(), ("a", "b"), ("1", "2")]


def test_a_line_break_inside_a_cell_does_not_shift_the_rows(write_csv):
    (sheet,) = read_sheets(write_csv("a.csv", [["a", "b"], ["x\ny", "1"], ["z", "2"]]))
    assert sheet.rows[2] == ("z", "2"), "the spreadsheet's row 3"


def test_spss_files_keep_missing_codes_and_labels(tmp_path):
    data = pd.DataFrame({"q1": [1.0, 8.0, None]})
    labels = {"q1": {1: "Ya", 8: "Tidak tahu"}}
    pyreadstat.write_sav(data, str(tmp_path / "a.sav"), variable_value_labels=labels, missing_ranges={"q1": [8]})
    (sheet,) = read_sheets(tmp_path / "a.sav")
    assert sheet.rows == [("q1",), (1.0,), (8.0,), (None,)], "8 is missing to SPSS, but an answer to us"
    assert sheet.labels == {0: {1.0: "Ya", 8.0: "Tidak tahu"}}


def test_files_that_cannot_be_read_say_why(tmp_path):
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "locked.xlsx").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 100)
    (tmp_path / "binary.csv").write_bytes(b"\0\1\2")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "broken.sav").write_bytes(b"$FL2 nothing")
    (tmp_path / "old.xls").write_bytes(b"")
    for name, words in {
        "broken.xlsx": "damaged file",
        "locked.xlsx": "password",
        "binary.csv": "not a text file",
        "empty.csv": "holds nothing",
        "broken.sav": "SPSS file cannot be read",
        "old.xls": "save it as .xlsx",
        "emptyy.csv": "did you mean 'empty.csv'",
    }.items():
        with pytest.raises(InputError, match=words) as caught:
            read_sheets(tmp_path / name)
        assert name in str(caught.value)
