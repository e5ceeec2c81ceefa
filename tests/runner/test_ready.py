"""Before a batch: what cannot run is said at once and not started; the overview is made again only when needed."""

import nbformat
import pytest
from rich.console import Console

from spi_analysis.params import load_setup
from spi_analysis.runner.ledger import Selection
from spi_analysis.runner.plan import blocked_in_words, blocked_steps, plan_steps
from spi_analysis.runner.run import run_selection
from spi_analysis.tables.files import write_text
from spi_analysis.tables.schema import mark_schema
from spi_analysis.tables.store import Store
from tests.demo import copy_inputs, spi

ROUND, A, B = "spi_2024", "kota-mojokerto", "kota-bengkulu"
FIELDWORK = ("frame", "sample", "events", "responses")


@pytest.fixture
def workspace(tmp_path):
    return copy_inputs(tmp_path / "w")


@pytest.fixture
def setup(workspace):
    return load_setup(workspace, ROUND)


@pytest.fixture
def have(workspace):
    """Put tables into the store; what they hold does not matter here."""

    def put(institution_id, *tables):
        mark_schema(workspace.data / ROUND)
        for table in tables:
            write_text(Store(workspace.data / ROUND).path(table, institution_id), "a table")

    return put


def blocked(setup, institutions, notebooks=None):
    return {one.step.key: one.tables for one in blocked_steps(setup, plan_steps(institutions, notebooks))}


def test_before_the_draw_only_the_design_can_run(setup, have):
    have(A, "frame")
    found = blocked(setup, [A])
    assert ("10", A) not in found
    assert {key[0]: tables for key, tables in found.items()} == dict.fromkeys(
        ("20", "30", "40", "50", "90"), ("sample", "events", "responses")
    ), "what is missing is named, not what would have been made of it"


def test_what_an_earlier_notebook_of_the_same_run_writes_is_not_missing(setup, have):
    have(A, *FIELDWORK)
    assert blocked(setup, [A]) == {}
    assert blocked(setup, [A], ["40"]) == {("40", A): ("weights", "replicates")}
    have(A, "weights", "replicates")
    assert blocked(setup, [A], ["40", "50"]) == {}


def test_one_institution_without_answers_does_not_hold_up_the_overview(setup, have):
    have(A, *FIELDWORK)
    have(B, "frame", "sample", "events")
    assert blocked(setup, [A, B]) == {(n, B): ("responses",) for n in ("20", "30", "40", "50")}


def test_institutions_with_the_same_reason_share_a_line(setup, have):
    for code in (A, B):
        have(code, "frame", "sample", "events")
    lines = blocked_in_words(blocked_steps(setup, plan_steps([A, B], ["20", "30", "40"])))
    reason = "not there yet: responses (run: spi import responses FILES...)"
    assert lines == [f"not run: 20, 30, 40 of {A}, {B}; {reason}"]


@pytest.mark.long
def test_nothing_is_started_for_an_empty_round(workspace):
    done = spi(workspace, "run", A)
    assert done.returncode == 1
    assert "frame" in done.stdout
    assert "spi import frame" in done.stdout
    assert "of 7 notebooks 0 failed, 7 not run" in done.stderr
    assert not (workspace.outputs / ROUND / A / "10_sampling_design.ipynb").exists()


@pytest.mark.long
@pytest.mark.slow
def test_counts_of_failed_and_not_run_and_no_noise_of_the_kernel(workspace, setup, have, capfd):
    have(A, *FIELDWORK)
    for number in ("30_nonresponse_weighting", "40_score_analysis"):
        path = workspace.notebooks / f"{number}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [notebook.cells[0], *[c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]]
        notebook.cells.append(nbformat.v4.new_code_cell("raise RuntimeError('broken')"))
        nbformat.write(notebook, path)
    summary = run_selection(setup, Selection([A], notebooks=["30", "40"]), 1, Console(quiet=True))
    assert (summary.failed, summary.not_run) == (1, 1)
    assert "IPKernelApp" not in "".join(capfd.readouterr())
