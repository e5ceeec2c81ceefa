"""The store: what a killed process left behind is no table; nobody but its owner reads it."""

import os
import stat

import pandas as pd
import pytest

from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.store import Store
from spi_analysis.tables.writer_lock import one_writer


def test_half_written_files_do_not_disturb_a_query(store):
    for name, people in (("kota-a", 2), ("kota-b", 3)):
        write_parquet(store.path("frame", name), pd.DataFrame({"institution_id": [name] * people}))
    (store.root / "frame" / ".kota-c.x1y2.parquet").write_bytes(b"half a file")
    write_parquet(store.root / "frame" / ".kota-b.x1y2.parquet", pd.DataFrame({"institution_id": ["kota-b"]}))
    assert store.institutions("frame") == ["kota-a", "kota-b"]
    counted = store.query("select institution_id, count(*) as n from frame group by all order by all")
    assert counted["n"].tolist() == [2, 3]


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(root):
    return {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_what_is_stored_is_for_its_owner_alone_whatever_the_umask_says(tmp_path, umask):
    store = Store(tmp_path / "data" / "spi_2024")
    with one_writer(tmp_path / "data"):
        write_parquet(store.path("frame", "kota-a"), pd.DataFrame({"a": [1]}))
        store.write_record("frame_imports", "kota-a", {})
        store.mark_synthetic(1)
    found = modes(tmp_path / "data")
    assert len(found) == 9, "the lock, the version, the mark, a table and a record in four folders"
    assert {path.name: mode for path, mode in found.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


def test_a_folder_that_was_open_is_closed_by_the_first_command_that_writes(tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data").chmod(0o755)
    with one_writer(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_folders_above_a_private_file_that_were_there_stay_as_they_are(tmp_path):
    """As the home of whoever keeps a key there."""
    tmp_path.chmod(0o755)
    write_parquet(tmp_path / "a" / "b" / "c.parquet", pd.DataFrame({"a": [1]}))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
