"""`spi run` as a person starts it: again, after a change, after a failure, without room to write."""

import json
import subprocess
import sys

import nbformat
import pytest
from rich.console import Console

from spi_analysis.errors import StoreError
from spi_analysis.params import load_setup
from spi_analysis.runner.ledger import Selection, one_run, read_entries
from spi_analysis.runner.rerender import render_pages
from spi_analysis.runner.run import run_selection
from spi_analysis.tables.files import write_text
from spi_analysis.tables.store import Store
from tests.demo import spi
from tests.runner.conftest import ROUND
from tests.runner.faults import made, make_workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engines")]
A, B = "kota-uji-01", "kota-uji-02"
# Linux ends it before its parents, which have the number that they were started with.
WHO_GOES_FIRST = """import os
ready = [int(open(f"/proc/{pid}/oom_score_adj").read()) for pid in (os.getpid(), os.getppid())]
assert ready[0] == 500 > ready[1]
"""
ALL = ("10", "20", "30", "40", "50")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Two made-up towns with tiny notebooks, run once."""
    workspace = make_workspace(tmp_path_factory.mktemp("running") / "w", 2)
    summary = run(workspace)
    assert summary.failures == []
    return workspace


def run(workspace, force=False, **options):
    setup = load_setup(workspace, ROUND)
    return run_selection(setup, Selection(**options), 2, Console(quiet=True), "fast", force=force)


def ran(summary):
    return sorted(result.key for result in summary.results)


def facts_of_running(workspace):
    """What ledger and run.json say of how the steps were executed."""
    entries = read_entries(load_setup(workspace, ROUND))
    files = [workspace.institution_outputs(ROUND, code) / "run.json" for code in (A, B)]
    seconds = {key: (entry.seconds, entry.memory_mb, entry.engine) for key, entry in entries.items()}
    return seconds, [file.read_bytes() for file in files]


def put_first(workspace, number, source):
    """Put a line before the last cell of a notebook; returns a function that takes it out again."""
    path = next(workspace.notebooks.glob(f"{number}_*.ipynb"))
    before = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(-1, nbformat.v4.new_code_cell(source, id="more"))
    nbformat.write(notebook, path)
    return lambda: path.write_bytes(before)


def test_a_second_run_runs_nothing_and_force_gives_the_same_bytes(town):
    before = made(town)
    again = run(town)
    assert again.results == []
    assert len(again.up_to_date) == 12
    assert "started" not in again.log.read_text()
    forced = run_selection(
        load_setup(town, ROUND), Selection(institutions=[A]), 2, Console(quiet=True), "fast", force=True
    )
    assert ran(forced) == sorted([(n, A) for n in ALL] + [("90", ""), ("92", "")])
    assert made(town) == before


def test_new_answers_of_one_institution_run_its_steps_and_the_overview(town):
    write_text(Store(town.data / ROUND).path("responses", A), "one answer more")
    assert ran(run(town)) == sorted([(n, A) for n in ALL] + [("90", "")])


def test_a_new_look_is_given_to_executed_notebooks(town, monkeypatch):
    before = facts_of_running(town)
    monkeypatch.setattr("spi_analysis.runner.fingerprint.template_digest", lambda: "another")
    summary = run(town)
    assert len(summary.results) == 12
    assert all(result.ok and result.engine == "" for result in summary.results)
    assert "started" not in summary.log.read_text(), "nothing is executed"
    assert facts_of_running(town) == before, "what is known of the execution stays"
    monkeypatch.undo()
    assert len(run(town).results) == 12


def test_pages_rendered_by_hand_are_on_record_too(town, monkeypatch):
    monkeypatch.setattr("spi_analysis.runner.fingerprint.template_digest", lambda: "another")
    setup = load_setup(town, ROUND)
    assert all(outcome.ok for outcome in render_pages(setup, setup.institution_ids, None, national=True))
    assert run(town).results == []
    monkeypatch.undo()
    assert len(run(town).results) == 12
    with one_run(setup), pytest.raises(StoreError, match="another run"):
        render_pages(setup, [A], None, national=False)


def test_an_interrupted_run_leaves_the_record_of_what_was_not_begun(town, monkeypatch):
    before = facts_of_running(town)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("spi_analysis.runner.run.staleness", stop)
    assert run(town).stopped
    assert facts_of_running(town) == before


@pytest.mark.long
def test_a_failure_leaves_the_report_marks_it_and_only_failed_mends_it(town):
    report = town.institution_outputs(ROUND, A) / "report.id.html"
    before = report.read_bytes()
    mend = put_first(town, "40", 'open("tries", "a").write("x"); assert institution_id.endswith("02"), "broken"')
    done = spi(town, "run", "--engine", "fast")
    assert done.returncode == 1
    assert "failed: kota-uji-01, 40" in done.stderr
    assert "not run: kota-uji-01, 50" in done.stderr
    assert "AssertionError: broken" in done.stdout
    assert (town.root / "tries").read_text() == "xx", "once for each: an error of the notebook is not tried again"
    assert report.read_bytes() == before
    entry = read_entries(load_setup(town, ROUND))[("40", A)]
    assert (entry.state, entry.attempts, entry.cell) == ("failed", 1, 5)
    assert "AssertionError" in entry.traceback
    said = spi(town, "status").stdout
    assert "40 failed (stale); 50 left out (stale)" in said
    facts = json.loads(spi(town, "status", "--json").stdout)
    assert {(s["number"], s["institution_id"]) for s in facts["steps"] if s["stale"]} == {("40", A), ("50", A)}
    assert json.loads((town.outputs / ROUND / "stale_reports.json").read_text())["stale"] == [A]
    mend()
    (town.root / "tries").unlink()
    assert ran(run(town, only_failed=True)) == [("40", A), ("50", A), ("90", "")]
    assert json.loads((town.outputs / ROUND / "stale_reports.json").read_text())["stale"] == [B], (
        "made with another notebook 40"
    )
    assert ran(run(town)) == [("40", B), ("90", "")]
    assert not (town.outputs / ROUND / "stale_reports.json").exists()


@pytest.mark.long
def test_a_process_that_dies_is_tried_again_and_its_memory_error_too(town):
    once = 'from pathlib import Path\nflag = Path(f"flag-{institution_id}")\nnew = not flag.exists()\nflag.touch()\n'
    die = "import os\nif new and institution_id.endswith('01'):\n    os.kill(os.getpid(), 9)\n"
    mend = put_first(town, "20", once + die + "if new:\n    raise MemoryError('no room')")
    summary = run(town, notebooks=["20"])
    assert summary.failures == []
    assert {read_entries(load_setup(town, ROUND))[("20", code)].attempts for code in (A, B)} == {2}
    mend()
    assert run(town).failures == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="limits and signs of Linux")
def test_where_memory_runs_out_the_message_says_so_and_the_others_go_on(town):
    """One is killed as the system kills what takes most, the other may hold 50 MB more than it does."""
    kill = "import os, resource\nif institution_id.endswith('01'):\n    os.kill(os.getpid(), 9)\n"
    limit = "now = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
    limit += "resource.setrlimit(resource.RLIMIT_AS, (now + 50_000_000,) * 2)\nheld = bytearray(500_000_000)"
    mend = put_first(town, "20", WHO_GOES_FIRST + kill + limit)
    summary = run(town, notebooks=["20", "30"], force=True)
    assert {(*outcome.key, outcome.ok) for outcome in summary.results} == {
        ("20", A, False),
        ("20", B, False),
        ("30", A, True),
        ("30", B, True),
    }
    said = {outcome.key: outcome.error for outcome in summary.failures}
    assert "its process died" in said[("20", A)]
    assert "memory most likely ran out" in said[("20", A)]
    assert "MemoryError" in said[("20", B)]
    assert "not enough memory for this cell" in said[("20", B)]
    assert all("fewer --workers" in error for error in said.values())
    assert {read_entries(load_setup(town, ROUND))[("20", code)].attempts for code in (A, B)} == {3}
    mend()
    assert run(town, notebooks=["20"]).failures == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a shell")
def test_without_room_the_error_is_clear_and_old_reports_are_whole(town):
    """A limit on the size of files stands in for a full disk: the same calls fail, with another number."""
    before = made(town)
    command = f"ulimit -f 8; exec {sys.executable} -m spi_analysis run --force --engine fast {A}"
    done = subprocess.run(["bash", "-c", command], cwd=town.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "File too large" in done.stdout + done.stderr or "ledger cannot be" in done.stderr
    now = made(town)
    assert {name: now[name] for name in before if name.endswith(".html") and "index" not in name} == {
        name: before[name] for name in before if name.endswith(".html") and "index" not in name
    }
    assert run(town).failures == []
    assert made(town) == before


@pytest.mark.long
def test_outputs_that_cannot_be_written_to_are_an_error_in_words(tmp_path):
    workspace = make_workspace(tmp_path / "w", 1)
    workspace.outputs.write_text("a file where a folder should be")
    done = spi(workspace, "run", "--engine", "fast")
    assert done.returncode == 1
    assert "cannot be read or written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_the_ledger_has_the_peak_memory_of_the_cells(town):
    """A cell that holds 200 MB more than the others."""
    if sys.platform != "linux":
        pytest.skip("the peak is read from /proc")
    mend = put_first(town, "10", "held = bytearray(200_000_000 if institution_id.endswith('01') else 1)")
    assert run(town, notebooks=["10"]).failures == []
    entries = read_entries(load_setup(town, ROUND))
    more = entries[("10", A)].memory_mb - entries[("10", B)].memory_mb
    assert 150 < more < 250
    mend()
