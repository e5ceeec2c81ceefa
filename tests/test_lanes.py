"""The list of slow tests: how it is written, how it is read, and that nothing in it is gone."""

import re
from collections import Counter

import pytest

from tests import lanes
from tests.conftest import PROJECT


def test_a_file_a_function_or_a_single_case_is_named():
    assert lanes.slow_lines("a.py", {"a.py::x": True, "a.py::y[1]": True}) == {"a.py"}
    mixed = {"a.py::x[1]": True, "a.py::x[2]": True, "a.py::y[1]": True, "a.py::y[2]": False}
    assert lanes.slow_lines("a.py", mixed) == {"a.py::x", "a.py::y[1]"}


@pytest.mark.parametrize(
    ("name", "slow"),
    [("a.py::t", True), ("b.py::x", True), ("b.py::x[1]", True), ("b.py::y[1]", True), ("b.py::y[2]", False)],
)
def test_a_test_is_slow_by_its_file_its_function_or_its_case(monkeypatch, name, slow):
    monkeypatch.setattr(lanes, "listed", lambda: frozenset({"a.py", "b.py::x", "b.py::y[1]"}))
    assert lanes.is_slow(name) == slow


def test_what_is_listed_is_there():
    assert lanes.listed()
    for line in lanes.listed():
        file, _, name = line.partition("::")
        text = (PROJECT / file).read_text(encoding="utf-8")
        assert name.partition("[")[0].rpartition(".")[2] in text, line


def test_what_takes_long_begins():
    """Known to take minutes; then two slow tests of two, one of five, none of three, none of one."""
    groups = {"b": [False], "a": [False] * 3, "c": [True] + [False] * 4, "d": [True, True], "engines": [False]}
    assert lanes.heaviest_first(groups) == ["engines", "d", "c", "a", "b"]


def test_groups_that_begin_are_there():
    named = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r'xdist_group\("(\w+)"\)', path.read_text(encoding="utf-8"))
    }
    assert {name for name in lanes.LONGEST if not (PROJECT / name).is_file()} <= named


FAST = """
import time
def test_quick(): pass
def test_long():
    until = time.process_time() + 0.2
    while time.process_time() < until: pass
"""


def test_in_the_fast_lane_a_test_that_takes_too_long_fails(pytester, monkeypatch):
    pytester.makepyfile(FAST)
    # Put back before this test itself is judged.
    with monkeypatch.context() as patch:
        patch.setattr(lanes, "MOST", 0.1)
        pytester.inline_run("-p", "tests.lanes", "--fast", "-p", "no:cacheprovider").assertoutcome(passed=1, failed=1)
    pytester.inline_run("-p", "tests.lanes", "-p", "no:cacheprovider").assertoutcome(passed=2)


SHARED = """
import time
from collections import Counter

import pytest

def use(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass

@pytest.fixture(scope="module")
def below(): use(0.4)

@pytest.fixture(scope="module")
def above(below): use(0.2)

def test_one(above): use(0.1)
def test_two(above): pass
"""


def test_what_tests_share_is_shared_out(pytester, monkeypatch):
    """0.6 for two tests: each 0.3, and the first 0.1 more; neither pays for all."""
    costs = []

    class Seen:
        def pytest_runtest_logreport(self, report):
            if report.when == "call":
                costs.append(dict(report.user_properties)[lanes.COST])

    pytester.makepyfile(SHARED)
    monkeypatch.setattr(lanes, "_users", Counter())
    monkeypatch.setattr(lanes, "_shared", Counter())
    pytester.inline_run("-p", "tests.lanes", "-p", "no:cacheprovider", plugins=[Seen()])
    assert costs == pytest.approx([0.4, 0.3], abs=0.15)
