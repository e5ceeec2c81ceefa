"""What a killed command leaves behind is found and removed before a person's data can outlive the person's wish."""

import datetime as dt
import os
import signal
import tempfile
from dataclasses import replace

import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import StoreError
from spi_analysis.params import Workspace
from spi_analysis.params.round import RetentionParams
from spi_analysis.tables.demo_marks import are_generated, keep_generated, not_of_the_demo
from spi_analysis.tables.end_of_life import back_up, destroy_contacts, forget
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.journal import on_trial
from spi_analysis.tables.importing.readers import read_sheets
from spi_analysis.tables.remains import clear_remains, left_behind
from spi_analysis.tables.store import Store
from spi_analysis.tables.upgrade import stored_tables
from spi_analysis.tables.vault import Vault, VaultKey
from tests.demo import spi_here
from tests.tables.lists import CITY
from tests.tables.test_end_of_life import DAY, SITI, content, everything, rules

LATER = VaultKey(b"n" * 32)


@pytest.fixture
def filled(bring, write_xlsx, employees, setup):
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    return setup.workspace


def killed(work):
    """Another process does it, and ends itself with a signal that nothing can catch."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_dry_run_that_was_killed_does_not_keep_who_is_forgotten(filled, setup, vault, key, write_xlsx, employees):
    book = write_xlsx(f"{CITY}__internal.xlsx", employees)

    def work():
        with on_trial(setup) as there:
            theirs = Vault.open(there.workspace.data / "vault", key)
            import_frame([book], there, Store(there.workspace.data / "spi_2024"), theirs)
            os.kill(os.getpid(), signal.SIGKILL)

    killed(work)
    (left,) = filled.root.glob(".trial-*")
    there = Workspace(left)
    assert SITI[1] in everything(there, Vault.open(there.data / "vault", key)), "the copy can be read with the key"
    assert left.name in spi_here(filled, "status", SPI_ROUND="spi_2024").stdout
    forget(filled, vault, SITI[0], rules(filled), DAY)
    assert not left.exists()
    assert left_behind(filled.data) == []
    assert not [mark for mark in SITI if mark in everything(filled, vault)]
    assert "killed" not in spi_here(filled, "status", SPI_ROUND="spi_2024").stdout


def destroy(setup, vault, _):
    retention = RetentionParams(contacts_until=DAY - dt.timedelta(days=1), source="test", as_of=DAY)
    destroy_contacts(replace(setup, round=setup.round.model_copy(update={"retention": retention})), vault, DAY)


ENDINGS = {
    "forget": lambda setup, vault, _: forget(setup.workspace, vault, SITI[0], rules(setup.workspace), DAY),
    "destroy": destroy,
    "backup": lambda setup, vault, folder: back_up(setup.workspace, folder / "copy.tar"),
    "rotate": lambda setup, vault, _: Vault.rotate(vault.root, vault.keys[0], LATER),
}
LEFT = (
    ".trial-abc/data/vault/spi_2024/contacts/a.bin",
    ".drill-abc/data/vault/spi_2024/contacts/a.bin",
    ".data.restored/vault/spi_2024/contacts/a.bin",
    "data/.kept/spi_2024.new/frame/a.parquet",
    f"data/vault/spi_2024/contacts/.{CITY}__internal.ab_cd123.bin",
    f"data/spi_2024/frame/.{CITY}.ab_cd123.parquet",
    f"data/spi_2024/invitations/.{CITY}__internal.ab_cd123.csv",
)
KEPT = ("data/.kept/spi_2024.schema-1/frame/a.parquet", ".hidden/notes.txt", "data/.notes")


def put(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("left")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_end_of_data_removes_what_was_left_and_nothing_else(filled, setup, vault, tmp_path, ending):
    put(filled.root, (*LEFT, *KEPT))
    put(tmp_path, [".copy.ab_cd123.tar"])
    assert len(left_behind(filled.data)) == len(LEFT)
    ENDINGS[ending](setup, vault, tmp_path)
    assert [name for name in LEFT if (filled.root / name).exists()] == []
    assert [name for name in KEPT if not (filled.root / name).exists()] == []
    assert (tmp_path / ".copy.ab_cd123.tar").exists() == (ending != "backup"), "half a backup, beside the whole one"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_trial_that_is_going_on_is_waited_for(filled, setup, vault, tmp_path, ending):
    with on_trial(setup):
        before = content(filled.data)
        assert left_behind(filled.data) == [], "it is alive"
        with pytest.raises(StoreError, match="an import on trial or a drill is going on"):
            ENDINGS[ending](setup, vault, tmp_path)
        assert content(filled.data) == before


def test_half_tables_of_notebooks_are_left_to_a_run_that_may_be_going_on(filled):
    half = f"data/spi_2024/weights/.{CITY}.ab_cd123.parquet"
    put(filled.root, [half])
    assert clear_remains(filled.data) == 0
    assert clear_remains(filled.data, of_runs=True) == 1
    assert not (filled.root / half).exists()


def test_a_list_in_spss_never_lies_readable_on_the_disk(tmp_path, monkeypatch):
    """Killed, both processes would leave it in the folder for temporary files."""
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(pd.DataFrame({"nama": ["Budi Contoh"]}), path)
    for name in ("mkdtemp", "mkstemp", "TemporaryFile", "NamedTemporaryFile"):
        monkeypatch.delattr(tempfile, name)
    (sheet,) = read_sheets(path)
    assert list(sheet.rows) == [("nama",), ("Budi Contoh",)]


def test_what_was_left_half_written_is_read_by_nobody(filled, store, vault):
    """Half a file beside every whole one, as a killed process leaves it."""
    book = filled.root / "generated.xlsx"
    book.write_bytes(b"a list")
    keep_generated(store, CITY, [book])
    whole, entries = set(not_of_the_demo(filled)), vault.tables()
    for path in [path for path in filled.data.rglob("*") if path.is_file()]:
        (path.parent / f".{path.stem}.abcdef{path.suffix}").write_bytes(b"half")
    assert store.institutions("frame") == [CITY]
    assert [path.stem for path in stored_tables(store.root, "frame")] == [CITY]
    assert are_generated(store, [book])
    assert vault.tables() == entries
    assert set(not_of_the_demo(filled)) == whole
