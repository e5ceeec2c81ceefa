"""Parquet lists say the same as CSV lists; what no cell can hold is refused in words."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.readers import read_sheets


def test_cells_are_what_a_spreadsheet_would_hold(tmp_path):
    table = pa.table(
        {
            "Nama": pa.array(["Contoh Satu", "", None]).dictionary_encode(),
            "No HP": pa.array([6.281200000001e12, float("nan"), None]),
            "TMT": pa.array([dt.date(2010, 1, 1), None, dt.date(2011, 2, 3)]),
            "waktu": pa.array([np.datetime64("2024-08-01T10:00:00", "ns"), None, None]),
            "umur": pa.array([41, None, 30], pa.int16()),
        }
    )
    path = tmp_path / "pegawai.parquet"
    pq.write_table(table, path)
    (sheet,) = read_sheets(path)
    assert sheet.rows == [
        ("Nama", "No HP", "TMT", "waktu", "umur"),
        ("Contoh Satu", 6281200000001.0, dt.date(2010, 1, 1), dt.datetime(2024, 8, 1, 10), 41),
        (None, None, None, None, None),
        (None, None, dt.date(2011, 2, 3), None, 30),
    ]


def test_nested_columns_are_all_named(tmp_path):
    table = pa.table({"Nama": ["A"], "kontak": [["1", "2"]], "foto": pa.array([b"x"]), "unit": [{"a": 1}]})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InputError) as error:
        read_sheets(tmp_path / "x.parquet")
    assert {"kontak", "foto", "unit"} <= {part.split(" ")[0] for part in error.value.problems[0].got.split(", ")}


def test_a_damaged_file_is_one_clear_error(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 this is none PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        read_sheets(tmp_path / "x.parquet")


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path):
    path = tmp_path / "tahun=2024" / "x.parquet"
    path.parent.mkdir()
    pd.DataFrame({"Nama": ["A"]}).to_parquet(path)
    assert read_sheets(path)[0].rows[0] == ("Nama",)
