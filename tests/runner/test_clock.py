"""A clock over what follows the last cell, here and where pages are made anew."""

import contextlib
import re
import threading
import time

import pytest

from spi_analysis import processes
from spi_analysis.params import load_setup
from spi_analysis.processes import within
from spi_analysis.runner import execute, rerender
from spi_analysis.runner.plan import Limits, plan_steps
from spi_analysis.runner.rerender import render_step
from tests.runner.conftest import HERE, ROUND


def busy(*_, **__):
    """Something that takes a minute, inside of one pattern; Python looks for signals there now and then."""
    # As the names of cells were once looked for: every place of the line is tried anew.
    re.search(r"x*y", "x" * 500_000)


def test_what_takes_too_long_is_ended():
    before = time.process_time()
    with pytest.raises(TimeoutError, match=r"longer than 0\.2 s"), within(0.2):
        busy()
    assert time.process_time() - before < 40, "processor time: on a busy machine the clock itself may come late"
    with within(60):
        pass


def _sleep_twice():
    with contextlib.suppress(BaseException):
        time.sleep(60)
    time.sleep(60)


def test_what_catches_every_exception_is_ended_all_the_same(monkeypatch):
    """The first strike is lost in a place that lets nothing through; another follows."""
    monkeypatch.setattr(processes, "AGAIN", 0.2)
    with pytest.raises(TimeoutError), within(0.1):
        _sleep_twice()


def test_in_another_thread_there_is_no_clock_and_no_error():
    found = []

    def act():
        with within(0.01):
            time.sleep(0.05)
        found.append("done")

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert found == ["done"]


@pytest.mark.slow
@pytest.mark.xdist_group("engines")
@pytest.mark.parametrize(
    "where",
    [pytest.param("normalise_notebook", marks=pytest.mark.long), "require_sound_notebook", "write_pages"],
)
def test_a_step_ends_with_an_error_that_says_where_it_was(run, folder, monkeypatch, where):
    monkeypatch.setattr(execute, where, busy)
    outcome = run("takes_both", limits=Limits(pages=1))
    assert not outcome.ok
    assert "what follows the last cell (tidying, checks, pages) took longer than 1 s" in outcome.error
    assert "cell 2" not in outcome.error, "no cell is to blame"
    assert not outcome.fault, "it would be the same again"
    assert not list(folder.glob("*.html"))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.xdist_group("engines")
def test_pages_made_anew_have_a_clock_too(run, workspace, monkeypatch):
    assert run("takes_both").ok
    monkeypatch.setattr(rerender, "Limits", lambda: Limits(pages=1))
    monkeypatch.setattr(rerender, "write_pages", busy)
    outcome = render_step(load_setup(workspace, ROUND), plan_steps([HERE], ["10"])[0])
    assert "took longer than 1 s" in outcome.error
