"""The demo never destroys lists that it did not make, and stands whole or not at all."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from spi_analysis.cli import app
from spi_analysis.errors import StoreError
from spi_analysis.operations import demo as demo_module
from spi_analysis.operations.demo import make_demo_round
from spi_analysis.params import load_setup
from spi_analysis.tables.demo_marks import demo_is_whole, demo_key, demo_seed, mark_demo
from spi_analysis.tables.files import write_text
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault
from tests.demo import copy_inputs

ROUND, SEED = "spi_2024", 7
FRAME = f"{ROUND}/frame/kota-mojokerto.parquet"
LIST = "Nama;Unit Kerja;Jabatan;No HP\nBudi Contoh;Dinas Sosial;Staf;081200000001\n"


@pytest.fixture
def workspace(tmp_path):
    return copy_inputs(tmp_path / "w")


@pytest.fixture
def quick(monkeypatch):
    """The demo with a round of two files instead of five cities: what is tested is how it comes into place."""

    def carry(setup, beside, seed, say):
        store = Store(beside.data / ROUND)
        store.mark_synthetic(seed)
        Vault.create(beside.data / "vault", demo_key(seed))
        write_text(beside.data / FRAME, f"people of seed {seed}")
        write_text(beside.outputs / ROUND / "kota-mojokerto" / "frame_problems.xlsx", "problems")

    monkeypatch.setattr(demo_module, "_carry_round", carry)


def make(workspace, seed=SEED):
    make_demo_round(load_setup(workspace, ROUND), seed, lambda text: None)


def test_a_demo_is_marked_when_it_is_whole(workspace, quick):
    make(workspace)
    assert demo_seed(workspace) == SEED
    assert demo_is_whole(workspace)
    assert (workspace.outputs / ROUND / "kota-mojokerto" / "frame_problems.xlsx").exists()
    make(workspace, SEED + 1)
    assert (workspace.data / FRAME).read_text() == "people of seed 8", "a demo replaces an earlier demo"


def test_an_interrupted_demo_leaves_the_earlier_one_or_nothing(workspace, quick, monkeypatch):
    whole = demo_module._carry_round

    def stopped(setup, beside, seed, say):
        whole(setup, beside, seed, say)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_module, "_carry_round", stopped)
    with pytest.raises(KeyboardInterrupt):
        make(workspace)
    assert demo_seed(workspace) is None
    assert not workspace.data.exists()
    monkeypatch.setattr(demo_module, "_carry_round", whole)
    make(workspace)
    monkeypatch.setattr(demo_module, "_carry_round", stopped)
    with pytest.raises(KeyboardInterrupt):
        make(workspace, SEED + 1)
    assert (workspace.data / FRAME).read_text() == f"people of seed {SEED}"
    assert demo_is_whole(workspace)


def test_if_missing_looks_for_the_tables_and_not_only_for_the_mark(workspace, quick):
    runner = CliRunner()
    arguments = ["demo", "--data-only", "--if-missing", "--workspace", str(workspace.root)]
    make(workspace)
    (workspace.data / FRAME).unlink()
    assert not demo_is_whole(workspace)
    # The stand-in of the round has no counts to print; what matters is that the table is there again.
    runner.invoke(app, arguments)
    assert (workspace.data / FRAME).exists()


@pytest.mark.parametrize(
    "name",
    [
        f"{ROUND}/frame/kota-bengkulu.parquet",
        f"{ROUND}/draw/kota-bengkulu.json",
        f"vault/{ROUND}/contacts/kota-bengkulu__internal.bin",
        "spi_2025/frame/kota-mojokerto.parquet",
        "notes.txt",
    ],
)
def test_a_list_that_the_demo_did_not_make_is_never_replaced(workspace, quick, name):
    make(workspace)
    write_text(workspace.data / name, "real")
    with pytest.raises(StoreError, match=name):
        make(workspace)
    assert (workspace.data / name).read_text() == "real"


def test_a_list_imported_over_one_of_the_demo_is_never_replaced(workspace, quick):
    make(workspace)
    write_text(workspace.data / FRAME, "real people")
    with pytest.raises(StoreError, match=FRAME):
        make(workspace)
    assert (workspace.data / FRAME).read_text() == "real people"


def test_a_list_imported_while_the_demo_was_being_made_is_never_replaced(workspace, quick, monkeypatch):
    whole = demo_module._carry_round

    def meanwhile(setup, beside, seed, say):
        whole(setup, beside, seed, say)
        write_text(workspace.data / FRAME, "real people")

    monkeypatch.setattr(demo_module, "_carry_round", meanwhile)
    with pytest.raises(StoreError, match=FRAME):
        make(workspace)
    assert (workspace.data / FRAME).read_text() == "real people"


def test_what_follows_from_the_demos_lists_is_made_anew_and_published_results_stay(workspace, quick):
    make(workspace)
    write_text(workspace.data / ROUND / "weights" / "kota-mojokerto.parquet", "weights of a notebook")
    write_text(workspace.data / "vault" / ROUND / "rejected" / "unassigned__events.bin", "events")
    pd.DataFrame({"year": [2024]}).to_parquet(workspace.data / "published.parquet")
    make(workspace)
    assert not (workspace.data / ROUND / "weights").exists()
    assert (workspace.data / "published.parquet").exists()


def test_a_vault_with_another_key_is_not_the_demos(workspace, quick):
    make(workspace)
    path = workspace.data / "vault" / "vault.json"
    path.write_text(path.read_text().replace(demo_key(SEED).fingerprint, demo_key(1).fingerprint))
    with pytest.raises(StoreError, match=r"vault/vault\.json"):
        make(workspace)


def test_without_a_demo_a_real_round_stays_and_the_notebooks_may_open(workspace, quick):
    write_text(workspace.data / FRAME, "real people")
    result = CliRunner().invoke(app, ["demo", "--data-only", "--if-missing", "--workspace", str(workspace.root)])
    assert result.exit_code == 0, result.output
    assert "stays as it is" in result.output
    assert (workspace.data / FRAME).read_text() == "real people"


def test_real_lists_do_not_come_into_a_vault_whose_key_is_public(workspace, tmp_path):
    Vault.create(workspace.data / "vault", demo_key(SEED))
    mark_demo(workspace, SEED)
    own = tmp_path / "daftar_pegawai_kota-mojokerto.csv"
    own.write_text(LIST)
    result = CliRunner().invoke(app, ["import", "frame", str(own), "--workspace", str(workspace.root)])
    assert isinstance(result.exception, StoreError)
    assert "spi init" in str(result.exception)
    assert "spi vault init" in str(result.exception)
    assert not (workspace.data / ROUND).exists(), "nobody came in"
