"""What a notebook does to itself: no page, and the message says institution, notebook, cell and error."""

import nbformat
import pytest

from spi_analysis.params import load_setup
from spi_analysis.runner.plan import Limits, plan_steps
from spi_analysis.runner.pool import run_steps
from tests.runner.conftest import ENGINES, EVERY_ENGINE, put

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engines")]
NAME = "10_sampling_design"


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_failing_cell_is_named_and_leaves_no_page(run, folder, engine):
    outcome = run("fails", engine)
    assert not outcome.ok
    for part in ("kota-bengkulu", NAME, "cell 5", "ZeroDivisionError: division by zero"):
        assert part in outcome.error
    assert outcome.cell == 5
    assert "in half(x)" in outcome.traceback
    assert "\x1b" not in outcome.error + outcome.traceback, "no terminal colours in a message"
    assert [path.name for path in folder.iterdir()] == ["failed"], "no page, no half-written notebook"


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_what_there_is_of_a_failed_notebook_is_kept_until_it_works(run, folder, engine):
    run("fails", engine)
    kept = nbformat.read(folder / "failed" / f"{NAME}.ipynb", as_version=4)
    printed = [o.text for cell in kept.cells for o in cell.get("outputs", []) if o.output_type == "stream"]
    assert printed == ["before the error\n"]
    assert run("names_another", engine, limits=Limits()).ok is False
    assert run("takes_both", engine).ok
    assert not (folder / "failed").exists()


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_notebook_that_ends_early_has_failed(run, folder, engine):
    """sys.exit(0) ends an execution with status OK; what comes after it never ran."""
    outcome = run("exits", engine)
    assert not outcome.ok
    assert "before its last cell" in outcome.error
    assert "kota-bengkulu" in outcome.error
    assert not list(folder.glob("*.html"))


@pytest.mark.parametrize("engine", EVERY_ENGINE)
@pytest.mark.parametrize(("name", "cell"), [("dies_at_once", 3), ("ends_without_a_word", 4)])
def test_a_process_that_dies_is_not_a_notebook_without_outputs(run, folder, engine, name, cell):
    """Killed before its first message, or ended with code 0 in its last cell: both are failures."""
    outcome = run(name, engine)
    assert not outcome.ok
    assert "its process died" in outcome.error
    assert outcome.cell == cell
    assert not list(folder.glob("*.*"))


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_cell_that_takes_too_long_is_ended_and_what_came_before_is_kept(run, folder, workspace, engine):
    """Papermill writes nothing after such an end."""
    outcome = run("sleeps", engine, limits=Limits(cell=10))
    assert "longer than 10 s" in outcome.error
    assert outcome.cell == 5
    kept = nbformat.read(folder / "failed" / f"{NAME}.ipynb", as_version=4)
    assert kept.cells[3].outputs[0].text == "awake\n"


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_parameters_reach_the_notebook_and_the_page(run, workspace, engine):
    outcome = run("everything", engine)
    assert outcome.ok, outcome.error
    page = (workspace.root / outcome.pages[0]).read_text()
    assert "I am kota-bengkulu" in page
    assert "nobody" not in page


def test_a_parameter_that_the_notebook_does_not_have_is_an_error(run):
    """Papermill warns, and the notebook goes on with its defaults: another institution's page."""
    outcome = run("takes_no_institution")
    assert not outcome.ok
    assert "no such parameter" in outcome.error
    assert "institution_id" in outcome.error


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("loses_a_figure", "a figure was lost"),
        ("names_another", "another institution"),
        ("names_an_address", "https://cdn.example/x.js"),
        ("prints_a_traceback", "traceback"),
    ],
)
def test_a_page_that_must_not_be_is_not_made(run, folder, name, what):
    outcome = run(name)
    assert not outcome.ok
    assert what in outcome.error
    assert not list(folder.glob("*.html"))


def test_an_unknown_institution_fails_with_the_nearest_name(workspace):
    from spi_analysis.errors import ParameterError
    from spi_analysis.runner.ledger import Selection
    from spi_analysis.runner.run import run_selection

    setup = load_setup(workspace, "spi_2024")
    with pytest.raises(ParameterError, match="kota-bengkulu"):
        run_selection(setup, Selection(["kota-benkulu"]))


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_one_institutions_death_stops_neither_the_others_nor_the_summary(workspace, engine):
    put(workspace, "fails_for_one", ["30_nonresponse_weighting"])
    put(workspace, "takes_both", ["40_score_analysis"])
    setup = load_setup(workspace, "spi_2024")
    steps = plan_steps(["kota-bengkulu", "kota-mojokerto"], ["30", "40"])
    results = {step.key: outcome for step, outcome in run_steps(setup, steps, workers=2, engine=engine)}
    assert results[("30", "kota-mojokerto")].ok, results[("30", "kota-mojokerto")].error
    assert results[("40", "kota-mojokerto")].ok
    assert "its process died" in results[("30", "kota-bengkulu")].error
    assert "not run: notebook 30 of this institution failed" in results[("40", "kota-bengkulu")].error
    assert {outcome.engine for outcome in results.values() if outcome.ok} == {engine}


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_long_line_becomes_a_page(run, folder, engine):
    """It took minutes, which no clock saw: 20, 40, 80 thousand characters 2.6, 9, 42 s."""
    outcome = run("prints_a_long_line", engine)
    assert outcome.ok, outcome.error
    assert "x" * 300_000 in (folder / "10_sampling_design.en.html").read_text()


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_cell_that_prints_without_end_is_stopped_and_named(run, folder, engine):
    outcome = run("prints_without_end", engine)
    assert "PrintedTooMuch: this cell printed more than 1,000,000 characters" in outcome.error
    assert outcome.cell == 3
    kept = nbformat.read(folder / "failed" / "10_sampling_design.ipynb", as_version=4).cells
    texts = [output.get("text", "") for cell in kept for output in cell.get("outputs", [])]
    assert 1_000_000 < sum(map(len, texts)) <= 1_001_000, "what it had shown is kept"
    assert not list(folder.glob("*.html"))


def test_what_is_printed_past_python_is_limited_too(run, folder):
    outcome = run("prints_past_python", "fast")
    assert "more than 1,000,000 characters of plain text" in outcome.error
    assert "cell 3" in outcome.error
    assert "1,001,000" in outcome.error
    assert not list(folder.glob("*.html"))


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_an_error_of_megabytes_is_told_in_brief(run, engine):
    outcome = run("fails_at_length", engine)
    assert "ValueError: xxx" in outcome.error
    assert "characters left out" in outcome.error
    assert len(outcome.error) <= 2_100
    assert len(outcome.traceback) <= 20_100
