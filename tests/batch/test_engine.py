"""Failures of a notebook: no page, and the message says institution, notebook, cell and error."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from spi_analysis.batch.engine import run_step
from spi_analysis.batch.executor import run_steps
from spi_analysis.batch.plan import plan_steps
from spi_analysis.params import load_setup
from tests.demo import copy_inputs

pytestmark = pytest.mark.slow
PARAMETERS = 'institution_id = "nobody"'


def _write(workspace, name, *sources):
    cells = [new_markdown_cell("# Title\n"), new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    cells += [new_code_cell(source) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), workspace.notebooks / f"{name}.ipynb")


@pytest.fixture
def workspace(tmp_path):
    return copy_inputs(tmp_path / "w")


def _run(workspace, number, institution_id="kota-bengkulu"):
    return run_step(str(workspace.root), "spi_2024", plan_steps([institution_id], [number])[0])


def test_a_failing_cell_is_named_and_leaves_no_page(workspace):
    _write(workspace, "10_sampling_design", "x = 1", "raise ValueError('no such list')", "y = 2")
    result = _run(workspace, "10")
    folder = workspace.outputs / "spi_2024" / "kota-bengkulu"
    assert not result.ok
    for part in ("kota-bengkulu", "10_sampling_design", "cell 4", "ValueError: no such list"):
        assert part in result.error
    assert "\x1b" not in result.error, "no terminal colours in a message"
    assert list(folder.glob("*")) == [], "no page, no half-written notebook"


def test_a_notebook_that_ends_early_has_failed(workspace):
    """sys.exit(0) ends an execution with status OK; what comes after it never ran."""
    _write(workspace, "10_sampling_design", "import sys\nsys.exit(0)", "y = 2")
    result = _run(workspace, "10")
    assert not result.ok
    assert "kota-bengkulu" in result.error


def test_parameters_reach_the_notebook_and_the_page(workspace):
    _write(workspace, "10_sampling_design", "print('I am', institution_id)")
    result = _run(workspace, "10")
    assert result.ok, result.error
    page = (workspace.root / result.pages[0]).read_text()
    assert "I am kota-bengkulu" in page
    assert "nobody" not in page


def test_executed_notebook_keeps_nothing_that_changes_from_run_to_run(workspace):
    _write(workspace, "10_sampling_design", "1 + 1")
    path = workspace.outputs / "spi_2024" / "kota-bengkulu" / "10_sampling_design.ipynb"
    assert _run(workspace, "10").ok
    first = path.read_bytes()
    assert _run(workspace, "10").ok
    assert path.read_bytes() == first
    executed = nbformat.read(path, as_version=4)
    assert "papermill" not in executed.metadata
    assert all("papermill" not in cell.metadata for cell in executed.cells)


def test_an_unknown_institution_fails_with_the_nearest_name(workspace):
    from spi_analysis.batch.run import run_batch
    from spi_analysis.errors import ParameterError

    setup = load_setup(workspace, "spi_2024")
    with pytest.raises(ParameterError, match="kota-bengkulu"):
        run_batch(setup, ["kota-benkulu"])


def test_one_institutions_failure_stops_neither_the_others_nor_the_summary(workspace):
    fails_for_one = "if institution_id == 'kota-bengkulu':\n    raise RuntimeError('only here')"
    for name in ("30_nonresponse_weighting", "40_score_analysis"):
        _write(workspace, name, fails_for_one if name.startswith("30") else "1")
    setup = load_setup(workspace, "spi_2024")
    steps = plan_steps(["kota-bengkulu", "kota-mojokerto"], ["30", "40"])
    results = {step.key: result for step, result in run_steps(setup, steps, workers=2)}
    assert results[("30", "kota-mojokerto")].ok
    assert results[("40", "kota-mojokerto")].ok
    assert "only here" in results[("30", "kota-bengkulu")].error
    assert "not run" in results[("40", "kota-bengkulu")].error, "what needs a failed notebook is left out"
