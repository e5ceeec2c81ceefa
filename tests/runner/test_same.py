"""Three engines, any number of workers, any order: the same cells, outputs and pages to the last byte."""

import nbformat
import pytest

from spi_analysis.runner.forks.process_environment import seed_of
from spi_analysis.runner.plan import ENGINES
from tests.runner.conftest import ELSEWHERE, EVERY_ENGINE, HERE, files

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engines")]


def executed(folder):
    return nbformat.read(folder / "10_sampling_design.ipynb", as_version=4)


@pytest.mark.parametrize("name", ["everything", "leaves_traces"])
def test_a_tiny_notebook_gives_the_same_bytes_in_every_engine(run, folder, name):
    found = {}
    for engine in ENGINES:
        outcome = run(name, engine)
        assert outcome.ok, outcome.error
        assert outcome.notes == (), "the engine that was asked for ran it"
        found[engine] = ([cell.get("outputs") for cell in executed(folder).cells], files(folder))
    for engine in ("kernel", "fast"):
        for number, (ours, stock) in enumerate(zip(found[engine][0], found["stock"][0], strict=True)):
            assert ours == stock, f"{engine}, cell {number}"
        assert found[engine][1] == found["stock"][1]


def test_what_programs_write_past_python_is_kept_by_the_shell(run, folder):
    """Jupyter's kernel reads it in a thread, and loses what comes when the cell is just over."""
    assert run("raw_output", "fast").ok
    assert [[o.text for o in cell.outputs] for cell in executed(folder).cells[3:]] == [
        ["past Python\n"],
        ["by a program\n", "of its errors\n"],
    ]


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_running_again_gives_the_same_bytes(run, folder, engine):
    assert run("everything", engine).ok
    first = files(folder)
    assert run("everything", engine).ok
    assert files(folder) == first
    notebook = executed(folder)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_random_numbers_follow_from_round_institution_and_notebook(run, workspace):
    """Each has numbers of its own, and they are the same every time."""
    drawn = {}
    for institution_id in (HERE, ELSEWHERE):
        outcome = run("everything", "fast", institution_id)
        assert outcome.ok, outcome.error
        notebook = executed(workspace.institution_outputs("spi_2024", institution_id))
        drawn[institution_id] = notebook.cells[6].outputs[0].data["text/plain"]
    assert drawn[HERE] != drawn[ELSEWHERE]
    assert len({seed_of("r", "i", "n"), seed_of("s", "i", "n"), seed_of("r", "j", "n"), seed_of("r", "i", "m")}) == 4


def test_every_figure_cell_of_a_tiny_notebook_has_its_picture(run, folder):
    """With another backend set on the machine, or chosen by the process forked from, figures vanish without a word."""
    for engine in ENGINES:
        run("everything", engine)
        cells = [cell for cell in executed(folder).cells if "plt.subplots" in cell.source or "plt.hist" in cell.source]
        assert len(cells) == 2
        assert all(any("image/png" in output.get("data", {}) for output in cell.outputs) for cell in cells), engine
