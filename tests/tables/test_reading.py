"""Damage is found byte by byte, and said of table and file; a file without a checksum is damaged, too."""

import zlib

import pandas as pd
import pytest

from spi_analysis.errors import StoreError
from spi_analysis.tables.files import write_json, write_parquet, write_record
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import KEY, PARQUET, checksum, parquet_bytes, read_record, read_table

TABLE = pd.DataFrame({"person_id": ["a", "b"], "answer": [1.0, None], "when": pd.to_datetime(["2024-08-01", None])})


def is_read(path, content: bytes, read) -> bool:
    """Whether damaged content is taken for what was written."""
    path.write_bytes(content)
    try:
        read(path)
    except StoreError:
        return False
    return True


def flips(content: bytes, bits: range):
    return (
        content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :] for i in range(len(content)) for bit in bits
    )


def test_no_byte_of_a_table_can_change_unseen(tmp_path):
    """All of them, one after the other: values, heads of pages, names of columns, metadata, the checksum itself."""
    path = write_parquet(tmp_path / "a.parquet", TABLE)
    content = path.read_bytes()
    assert not any(is_read(path, damaged, read_table) for damaged in flips(content, range(1)))
    assert not any(is_read(path, content[:n], read_table) for n in range(len(content))), "nor can any end be cut off"


def test_no_bit_of_a_record_can_change_unseen(tmp_path):
    """Also where what is read stays the same: 1e-05 as 1E-05, or the last of seventeen digits."""
    record = {"institution_id": "kota-a", "counts": [1, 2.5, 1e-05, 0.30000000000000004, None], "texts": {"1": "ä"}}
    path = write_record(tmp_path / "a.json", record)
    assert read_record(path) == record
    assert not any(is_read(path, damaged, read_record) for damaged in flips(path.read_bytes(), range(8)))


def test_the_checksum_is_that_of_all_bytes_but_its_own():
    """CRC-32 as zlib has it, over the file with a gap of eight dashes where it stands."""
    content = parquet_bytes(TABLE)
    place = content.rfind(KEY) + len(KEY) + 2
    gap = content[:place] + b"--------" + content[place + 8 :]
    assert content[place : place + 8] == b"%08x" % zlib.crc32(gap) == checksum(gap)
    assert PARQUET.is_whole(content)
    assert parquet_bytes(TABLE) == content, "the same table gives the same bytes"


def test_a_file_without_a_checksum_is_not_read(tmp_path):
    """Else one changed letter in the checksum's name would hide all other changes."""
    TABLE.to_parquet(tmp_path / "old.parquet", index=False)
    write_json(tmp_path / "old.json", {"a": 1})
    for read, name in ((read_table, "old.parquet"), (read_record, "old.json")):
        with pytest.raises(StoreError, match=r"(?s)cut short, damaged or changed by hand.*got: no checksum in it"):
            read(tmp_path / name)


def test_a_query_sees_a_damaged_table_that_it_names(tmp_path):
    store = Store(tmp_path / "data" / "spi_2024")
    for table in ("responses", "events"):
        write_parquet(store.path(table, "kota-a"), TABLE)
    path = store.path("responses", "kota-a")
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    assert store.query("select count(*) as n from events")["n"].tolist() == [2]
    with pytest.raises(StoreError, match="the table responses of kota-a cannot be read"):
        store.query("select count(*) from Responses")


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
