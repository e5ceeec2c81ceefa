"""Workbooks of old Excel, made by xlwt (1.3.0), and what a file is, whatever its name says. Everybody is made up."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from pathlib import Path

import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.grids import Merged
from spi_analysis.tables.importing.readers import read_sheets
from tests.tables.lists import CITY, codes

EXPORTS = Path(__file__).with_name("exports")


def test_cells_are_what_they_would_be_in_a_new_workbook():
    first, second = read_sheets(EXPORTS / "daftar.xls")
    assert [type(cell) for cell in first.rows[1]] == [str, str, str, str, int, dt.datetime, bool, float]
    assert first.rows[1][4:] == (81200000001, dt.datetime(2015, 1, 1), True, 2.5)
    assert first.rows[2][3] is None, "merged with the cell above"
    assert first.rows[2][7] == "#DIV/0!"
    assert (first.told.hidden_rows, first.told.merged, first.told.hidden) == ({3}, (Merged(2, 3, 3),), False)
    assert (second.name, second.told.hidden) == ("2023", True)


def test_days_that_are_counted_from_1904():
    (sheet,) = read_sheets(EXPORTS / "dari_1904.xls")
    assert sheet.told.days_from_1904
    assert sheet.rows[1:] == [(dt.datetime(2023, 11, 3),), (43770,)]


def test_a_list_goes_in_whole(bring, store, vault, tmp_path):
    result = bring(shutil.copy(EXPORTS / "daftar.xls", tmp_path / f"{CITY}__internal.xls"))
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[4, 3, 1]], "one on a hidden sheet"
    people = vault.read_contacts("spi_2024", CITY, "internal").sort_values("phone")
    assert people["phone"].tolist() == [f"+628120000000{i}" for i in (1, 2, 3)]
    assert people["unit_tenure_years"].tolist() == [9.5, 0.67, 9.5], "to 29 July 2024; the second since 3 November 2023"
    assert store.read("frame", CITY)["unit"].value_counts().to_dict() == {"Dinas Sosial": 2, "Dinas Kesehatan": 1}
    assert {"hidden_row", "hidden_sheet", "merged_cell", "employee_number_rounded"} <= set(codes(result))


@pytest.mark.parametrize("name", ["daftar.xlsx", "daftar.csv", "daftar.txt"])
def test_an_old_workbook_under_another_name(tmp_path, name):
    sheets = read_sheets(Path(shutil.copy(EXPORTS / "daftar.xls", tmp_path / name)))
    assert [sheet.rows for sheet in sheets] == [sheet.rows for sheet in read_sheets(EXPORTS / "daftar.xls")]


def test_a_new_workbook_under_another_name(write_xlsx, tmp_path):
    made = write_xlsx("daftar.xlsx", [["Nama", "Unit"], ["Orang A", "x"]])
    (sheet,) = read_sheets(Path(shutil.copy(made, tmp_path / "daftar.xls")))
    assert sheet.rows == [("Nama", "Unit"), ("Orang A", "x")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<table><tr><td>Nama</td></tr></table>", "a web page or XML named .xls"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "a web page or XML named .xls"),
        (b'<?xml version="1.0"?><Workbook>', "a web page or XML named .xls"),
        (b"MIME-Version: 1.0\nX-Document-Type: Workbook", "a web page or XML named .xls"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "a file with a password"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a damaged file"),
    ],
)
def test_what_is_no_workbook_is_named(tmp_path, content, said):
    (tmp_path / "daftar.xls").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_sheets(tmp_path / "daftar.xls")


def test_a_packed_folder_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "daftar.xlsx", "w") as archive:
        archive.writestr("daftar.csv", "Nama;Unit\n")
    with pytest.raises(InputError, match="unpack it"):
        read_sheets(tmp_path / "daftar.xlsx")
