import zipfile

import openpyxl
import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing import readers
from spi_analysis.tables.importing.readers import read_sheets


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
    (tmp_path / "locked.xlsx").write_bytes(b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"))
    (tmp_path / "binary.csv").write_bytes(b"\0\1\2")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "broken.sav").write_bytes(b"$FL2 nothing")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 600)
    for name, words in {
        "broken.xlsx": "damaged file",
        "locked.xlsx": "password",
        "binary.csv": "NUL character",
        "empty.csv": "holds nothing",
        "broken.sav": "SPSS file cannot be read",
        "old.xls": "damaged file",
        "emptyy.csv": "did you mean 'empty.csv'",
    }.items():
        with pytest.raises(InputError, match=words) as caught:
            read_sheets(tmp_path / name)
        assert name in str(caught.value)


BASE = "Nama;Unit;HP\r\nOrang A;Dinas Sosial;081200000001\r\nOrang B;Dinas Sosial;081200000002\r\nOrang C;;\r\n"


@pytest.mark.parametrize(
    ("old", "new", "said", "row"),
    [
        ("Orang B", '"Orang B', "a quotation mark is not closed", 3),
        ("Orang A;Dinas Sosial;081200000001\r\nOrang B", 'x;"y;1\r\nz', "a quotation mark is not closed", 2),
        (
            "Orang A;Dinas Sosial;081200000001\r\nOrang B;",
            'Orang A;"Dinas;1\r\nOrang B;x";',
            "a cell holds whole rows",
            2,
        ),
        ("Orang B", "Orang\rB", "a line break stands inside a cell", 3),
        ("Orang B", "x" * 200_000, "a cell is too long", 3),
        ("Orang B", '"' + "x" * 200_000, "a cell is too long", 3),
        ("Orang C", "Orang\0C", "NUL character", 4),
    ],
)
def test_text_that_would_swallow_or_tear_rows_is_refused(tmp_path, old, new, said, row):
    (tmp_path / "a.csv").write_text(BASE.replace(old, new), encoding="utf-8", newline="")
    with pytest.raises(InputError, match=said) as caught:
        read_sheets(tmp_path / "a.csv")
    assert caught.value.problems[0].row == row, "the row in which it begins"


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_what_unicode_calls_a_line_break_tears_nobody_apart(tmp_path, mark):
    (tmp_path / "a.csv").write_text(BASE.replace("Orang B", f"Orang{mark}B"), encoding="utf-8", newline="")
    rows = read_sheets(tmp_path / "a.csv")[0].rows
    assert len(rows) == 4
    assert rows[2] == (f"Orang{mark}B", "Dinas Sosial", "081200000002")


def test_line_ends_of_old_macs(tmp_path):
    (tmp_path / "a.csv").write_text(BASE.replace("\r\n", "\r"), encoding="utf-8", newline="")
    assert [row[0] for row in read_sheets(tmp_path / "a.csv")[0].rows] == ["Nama", "Orang A", "Orang B", "Orang C"]


def test_an_address_over_several_lines_is_a_cell(tmp_path):
    (tmp_path / "a.csv").write_text('a,b,c,d\n1,"Jl. Satu\nKota, Jawa",3,4\n', encoding="utf-8")
    assert read_sheets(tmp_path / "a.csv")[0].rows[1] == ("1", "Jl. Satu\nKota, Jawa", "3", "4")


SHARED_STRING = (
    b"<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>"
    b"<sheetData><row><c r='A1' t='s'><v>9</v></c></row></sheetData></worksheet>"
)


def without(name):
    return lambda found, content: None if found == name else content


def instead(name, text):
    return lambda found, content: text if found == name else content


@pytest.mark.parametrize(
    "edit",
    [
        without("xl/workbook.xml"),
        instead("xl/workbook.xml", b"<workbook><broken"),
        instead("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row><c r='A1' t='s'><v>9"),
        instead("xl/worksheets/sheet1.xml", SHARED_STRING),
        instead("xl/styles.xml", b"<styleSheet><cellXfs><xf numFmtId='zz'/></cellXfs></styleSheet>"),
        without("xl/worksheets/sheet1.xml"),
    ],
)
def test_a_damaged_workbook_is_said_in_one_error(write_xlsx, tmp_path, edit):
    good, bad = write_xlsx("good.xlsx", [["Nama", "Unit"], ["x", "y"]]), tmp_path / "bad.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            content = edit(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    with pytest.raises(InputError, match=r"bad\.xlsx"):
        read_sheets(bad)


def test_whatever_a_library_raises_names_the_file(write_csv, monkeypatch):
    def fail(path):
        raise NotImplementedError("compression 99")

    monkeypatch.setitem(readers.READERS, ".csv", fail)
    with pytest.raises(InputError, match=r"a\.csv") as caught:
        read_sheets(write_csv("a.csv", [["x"]]))
    assert "NotImplementedError" in str(caught.value)
    assert "save it again as .xlsx" in str(caught.value)


def test_a_file_that_crashes_the_spss_library_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "a.sav").write_bytes(b"$FL2")
    (tmp_path / "child.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(readers, "CHILD", tmp_path / "child.py")
    with pytest.raises(InputError, match="it crashes the program that reads it"):
        read_sheets(tmp_path / "a.sav")


def test_the_digest_is_that_of_the_bytes(write_csv, tmp_path):
    one, two = write_csv("one.csv", [["a", "b"]]), write_csv("two.csv", [["a", "b"]])
    other = write_csv("three.csv", [["a", "c"]])
    digests = [read_sheets(path)[0].digest for path in (one, two, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("lines", "cells"),
    [
        (["Nama;Unit;HP", "A, S.Sos., M.Si.;Dinas X, Y;1", "B, S.H., M.H.;Dinas X, Y;2"], 3),
        (["Nama,Unit", "A;b;c,Dinas X", "B;b;c,Dinas X"], 2),
        (["Daftar Pegawai", "Nama;Unit", "A, S.E.;Dinas X", "B, S.H.;Dinas X", "C, M.M.;Dinas X"], 2),
        (["Nama|HP", "A;B|1", "C;D|2"], 2),
        (["Nama;Nilai", "A;1,5", "B;2,5"], 2),
        (["a;b;c;d", "1;2", "1;2;3", "x, y;2;3;4"], 4),
    ],
)
def test_the_delimiter_is_the_one_that_makes_a_table(tmp_path, lines, cells):
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    (sheet,) = read_sheets(tmp_path / "a.csv")
    assert max(map(len, sheet.rows)) == cells
    assert len(sheet.rows[-1]) == cells
