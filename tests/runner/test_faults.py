"""Three kills here; `make fault-test` does twenty."""

import sys

import pytest

from tests.runner.faults import run_with_kills

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.xdist_group("engines"),
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]


def test_after_kills_another_run_gives_what_an_undisturbed_one_gives(tmp_path):
    """kill -9 of runner, fork server and a child, at random moments (seeded)."""
    report = run_with_kills(tmp_path, institutions=4, kills=3, seed=7)
    assert report.wrong == []
    assert len(report.killed) == 3
