"""Damage is found byte by byte, and said of table and file; files of earlier releases are read as they are."""

import zlib

import pandas as pd
import pytest

from spi_analysis.errors import StoreError
from spi_analysis.tables.checksum import KEY, checksum, is_whole, parquet_bytes
from spi_analysis.tables.files import write_json, write_parquet
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import read_record, read_table, with_digest

TABLE = pd.DataFrame({"person_id": ["a", "b"], "answer": [1.0, None], "when": pd.to_datetime(["2024-08-01", None])})


def reads_other(path, content: bytes, read, expected) -> bool:
    """Whether damaged content is taken for something else than what was written."""
    path.write_bytes(content)
    try:
        found = read(path)
    except StoreError:
        return False
    return not (found.equals(expected) if isinstance(expected, pd.DataFrame) else found == expected)


def test_no_byte_of_a_table_can_change_unseen(tmp_path):
    """All of them, one after the other: values, heads of pages, names of columns, metadata."""
    path = write_parquet(tmp_path / "a.parquet", TABLE)
    content = path.read_bytes()
    places = range(len(content))
    changed = (content[:i] + bytes([content[i] ^ 0x01]) + content[i + 1 :] for i in places)
    assert [i for i, damaged in enumerate(changed) if reads_other(path, damaged, read_table, TABLE)] == []
    assert not any(reads_other(path, content[:n], read_table, TABLE) for n in places), "nor can any end be cut off"


def test_no_byte_of_a_record_can_change_unseen(tmp_path):
    record = {"institution_id": "kota-a", "counts": [1, 2.5, None], "texts": {"1": "ä"}}
    path = write_json(tmp_path / "a.json", with_digest(record))
    content = path.read_bytes()
    changed = (content[:i] + bytes([content[i] ^ 0x01]) + content[i + 1 :] for i in range(len(content)))
    assert [i for i, damaged in enumerate(changed) if reads_other(path, damaged, read_record, record)] == []


def test_the_checksum_is_that_of_all_bytes_but_its_own():
    """CRC-32 as zlib has it, over the file with a gap of eight dashes where it stands."""
    content = parquet_bytes(TABLE)
    place = content.rfind(KEY) + len(KEY) + 2
    gap = content[:place] + b"--------" + content[place + 8 :]
    assert content[place : place + 8] == b"%08x" % zlib.crc32(gap) == checksum(gap)
    assert is_whole(content)
    assert parquet_bytes(TABLE) == content, "the same table gives the same bytes"


def test_a_file_without_a_checksum_is_read_as_it_is(tmp_path):
    TABLE.to_parquet(tmp_path / "old.parquet", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "old.parquet"), TABLE)


@pytest.mark.parametrize(
    ("table", "hint"),
    [
        ("responses", "or remove it and make it again: spi import responses FILES..."),
        ("weights", "or remove it and make it again: spi run --notebook 30"),
        ("sample", "a draw is never repeated"),
    ],
)
def test_table_file_and_way_out_are_named(tmp_path, table, hint):
    store = Store(tmp_path / "data" / "spi_2024")
    path = write_parquet(store.path(table, "kota-a"), TABLE)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StoreError) as caught:
        store.read(table, "kota-a")
    (problem,) = caught.value.problems
    assert problem.what.startswith(f"the table {table} of kota-a cannot be read")
    assert problem.file == f"data/spi_2024/{table}/kota-a.parquet"
    assert problem.hint.endswith(hint)
    assert str(tmp_path) not in str(caught.value)


def test_a_column_that_is_not_there_is_named(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", TABLE)
    assert list(read_table(path, ["answer"])) == ["answer"]
    with pytest.raises(StoreError, match="no column unit"):
        read_table(path, ["answer", "unit"])
