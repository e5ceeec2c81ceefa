"""Work for many institutions: one's error stops no other, a killed process costs one, one writer at a time."""

import io
import os

import pytest
from rich.console import Console

from spi_analysis import processes
from spi_analysis.errors import InputError, StoreError
from spi_analysis.operations.many import RoundContext, for_each, import_lists, problems_of
from spi_analysis.params import load_setup
from spi_analysis.tables.files import write_text
from spi_analysis.tables.vault import Vault, VaultKey
from spi_analysis.tables.writer_lock import one_writer
from tests.demo import copy_inputs

CODES = ["kota-mojokerto", "kabupaten-probolinggo", "kota-bengkulu", "kota-pangkalpinang"]


@pytest.fixture
def context(tmp_path):
    return RoundContext(load_setup(copy_inputs(tmp_path / "w"), "spi_2024"))


def quietly(context, work, tasks, workers=1):
    return for_each(context, work, tasks, workers, Console(file=io.StringIO()), "trying")


def numbered(context, institution_id, number):
    """Gives back its task, and fails in the ways that work can fail."""
    if number == "refused":
        raise InputError("this list cannot be used", key=institution_id)
    if number == "mistake":
        raise KeyError("081200000001 is a cell of a list")
    if number == "killed":
        os._exit(9)
    with one_writer(context.setup.workspace.data):
        write_text(context.setup.workspace.data / institution_id, str(number))
    return number


def test_an_error_stops_no_other_institution(context):
    tasks = dict(zip(CODES, [1, "refused", "mistake", 4], strict=True))
    outcomes = quietly(context, numbered, tasks)
    assert [outcome.value for outcome in outcomes] == [1, None, None, 4]
    assert [outcome.institution_id for outcome in outcomes] == CODES
    refused, mistake = problems_of(outcomes)
    assert refused.what == "this list cannot be used"
    assert "KeyError" in mistake.what
    assert "0812" not in str(mistake), "an error's own text may hold a cell of a list"
    assert "test_institutions.py, line" in mistake.got


def test_nobody_else_writes_meanwhile(context):
    with one_writer(context.setup.workspace.data), pytest.raises(StoreError, match="is running"):
        quietly(context, numbered, {CODES[0]: 1})
    quietly(context, numbered, {CODES[0]: 1})
    with one_writer(context.setup.workspace.data), pytest.raises(StoreError, match="is running"):
        quietly(context, numbered, {CODES[0]: 1})


# The pool itself loses one piece in tests/test_processes.py.
@pytest.mark.slow
@pytest.mark.long
def test_a_killed_process_costs_its_institution_and_no_other(context):
    tasks = dict(zip(CODES, [1, "killed", 3, 4], strict=True))
    outcomes = quietly(context, numbered, tasks, workers=2)
    assert [outcome.value for outcome in outcomes] == [1, None, 3, 4]
    (problem,) = problems_of(outcomes)
    assert problem.key == CODES[1]
    assert "--workers 1" in problem.hint


@pytest.mark.slow
@pytest.mark.long
def test_processes_are_replaced_and_all_work_again_after_one_was_killed(context, monkeypatch):
    """Two institutions per pool of two: three pools; the one that broke is gone through one at a time."""
    pools, in_pool = [], processes._in_pool

    def noted(work, batch, width, opening):
        pools.append((width, len(batch)))
        return in_pool(work, batch, width, opening)

    monkeypatch.setattr(processes, "PER_PROCESS", 1)
    monkeypatch.setattr(processes, "_in_pool", noted)
    tasks = dict(zip(CODES, ["killed", 2, 3, 4], strict=True))
    assert [outcome.value for outcome in quietly(context, numbered, tasks, workers=2)] == [None, 2, 3, 4]
    assert pools[0] == (2, 2)
    assert (1, 1) in pools
    assert pools[-1][0] == 2


def test_the_same_lists_said_to_be_another_stream_are_another_import(context, tmp_path):
    """Passed over as "in already", people who registered themselves would stay on the list that is drawn from."""
    key, lists = VaultKey(b"k" * 32), []
    Vault.create(context.setup.workspace.data / "vault", key)
    for i, code in enumerate(CODES[:2], 1):
        path = tmp_path / f"pengguna layanan {code}.csv"
        path.write_text(f"Nama;Unit Layanan;No HP\nPengguna Satu;Dinas Sosial;08120000000{i}\n")
        lists.append(path)

    def streams(stream):
        result = import_lists(
            lists, RoundContext(context.setup, key), None, None, 1, Console(file=io.StringIO()), stream
        )
        assert not result.failed
        return result.skipped, {context.store.read("frame", code)["stream"].item() for code in CODES[:2]}

    assert streams("list") == (0, {"list"})
    assert streams("self_registered") == (0, {"self_registered"})
    assert streams("self_registered") == (2, {"self_registered"})
