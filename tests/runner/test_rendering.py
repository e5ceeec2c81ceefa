"""Pages anew from executed notebooks."""

import pytest

from spi_analysis.params import load_setup
from spi_analysis.runner.rerender import render_pages
from tests.runner.conftest import HERE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engines")]


def test_rendering_again_gives_the_pages_of_the_run_without_running(run, workspace, folder):
    assert run("everything").ok
    pages = {path: path.read_bytes() for path in folder.glob("*.html")}
    assert len(pages) == 2
    for path in pages:
        path.unlink()
    # What is not there any more cannot have been run again.
    (workspace.notebooks / "10_sampling_design.ipynb").unlink()
    (outcome,) = render_pages(load_setup(workspace, "spi_2024"), [HERE], ["10"], national=False)
    assert outcome.ok, outcome.error
    assert {path: path.read_bytes() for path in pages} == pages


def test_what_was_never_executed_says_so_if_it_was_asked_for(workspace):
    setup = load_setup(workspace, "spi_2024")
    (asked,) = render_pages(setup, [HERE], ["50"], national=False)
    assert not asked.ok
    assert "not executed yet (run: spi run --notebook 50)" in asked.error
    assert render_pages(setup, [HERE], None, national=True) == [], "all that is there: nothing"
