"""Who may run, and what a killed run leaves: locks, half-written files, temporary folders."""

import os
import signal
import subprocess
import sys

import pytest

from spi_analysis.errors import StoreError
from spi_analysis.params import load_setup
from spi_analysis.runner.ledger import Shard, is_running, one_run
from spi_analysis.runner.run import clear_leftovers, clear_temporary_folders
from spi_analysis.tables.files import write_text
from spi_analysis.tables.writer_lock import one_writer
from tests.runner.conftest import ELSEWHERE, HERE, ROUND

HOLDER = """
import sys, time
from pathlib import Path
from spi_analysis.runner.ledger import one_run
from spi_analysis.runner.ledger import read_shard
from spi_analysis.params import Workspace, load_setup
with one_run(load_setup(Workspace(Path(sys.argv[1])), "spi_2024"), read_shard(sys.argv[2]) if sys.argv[2] else None):
    print("held", flush=True)
    time.sleep(120)
"""


@pytest.fixture
def setup(workspace):
    workspace.data.mkdir(parents=True, exist_ok=True)
    return load_setup(workspace, ROUND)


@pytest.fixture
def hold(setup):
    """Another process that runs the round, or a shard of it."""
    held = []

    def hold(shard=""):
        command = [sys.executable, "-c", HOLDER, str(setup.workspace.root), shard]
        held.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        assert held[-1].stdout.readline() == b"held\n"
        return held[-1]

    yield hold
    for process in held:
        process.kill()
        process.communicate()


def test_two_runs_of_a_round_are_kept_apart_and_a_killed_one_holds_nothing(setup, hold):
    other = hold()
    assert is_running(setup)
    for shard in (None, Shard(1, 2)):
        with pytest.raises(StoreError, match="another run of this round"), one_run(setup, shard):
            pass
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert not is_running(setup)
    with one_run(setup):
        assert is_running(setup)


def test_shards_of_one_division_run_side_by_side(setup, hold):
    hold("1/2")
    with one_run(setup, Shard(2, 2)):
        pass
    for shard in (None, Shard(1, 2), Shard(2, 3)):
        with pytest.raises(StoreError, match="another run"), one_run(setup, shard):
            pass


def test_half_written_files_are_cleared_and_no_others(setup, tmp_path):
    base, store = setup.workspace.outputs / ROUND, setup.workspace.data / ROUND
    half = [base / HERE / ".report.id.abcd_123.html", base / "tables" / ".means.a1b2c3d4.csv",
            store / "weights" / f".{HERE}.abcdefgh.parquet"]  # fmt: skip
    others = [base / HERE / ".keep", store / "weights" / f".{ELSEWHERE}.abcdefgh.parquet",
              store / "frame" / f".{HERE}.abcdefgh.parquet"]  # fmt: skip
    for path in (*half, *others):
        write_text(path, "x")
    with one_writer(setup.workspace.data):
        assert clear_leftovers(setup, [HERE], national=True) == 0, "an import may be writing them"
    assert clear_leftovers(setup, [HERE], national=True) == 3
    assert not any(path.exists() for path in half)
    assert all(path.exists() for path in others), "somebody else's, or an import's that is running now"


def test_only_folders_of_runs_are_cleared(tmp_path):
    ours, other = tmp_path / "spi-run-1", tmp_path / "home"
    for folder in (ours, other):
        folder.mkdir()
    clear_temporary_folders([str(ours), str(other), str(tmp_path / "spi-run-gone")])
    assert not ours.exists()
    assert other.exists()
