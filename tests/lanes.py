"""Which tests run where: `--fast` leaves out what was measured to be slow, and fails a test that has become slow.

A test is slow if it takes more than `LIMIT` processor seconds, its part of the fixtures that it shares with others
included; those are named in `slow.txt`, which `make measure` writes. So is what needs a whole round or a fork server.
"""

from __future__ import annotations

import gc
import os
from collections import Counter, defaultdict
from collections.abc import Generator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule

HOUSE = Path(__file__).parents[1]
LIST = Path(__file__).parent / "slow.txt"
LIMIT = 0.25
# In the fast lane a test fails beyond this. Whichever test comes first in its process pays for imports and for what is
# made once for others: up to 14 processor seconds on a slow machine.
MOST = 30.0
# Fixtures that start processes; what these take is not seen by this one.
PROCESSES = {"demo", "server"}
# Groups that take minutes, though they have few tests: they begin, so that no process waits at the end for one of them.
LONGEST = ("demo", "engines", "tests/test_packs.py", "tests/test_docs_site.py")
LONGEST += ("publish", "national", "damaged", "coverage", "simulate")
COST = "processor seconds"
OUTSIDE = ("slow", "long", "browser")
# What shared fixtures took in all, each without those that it asked for, and how many tests use them.
_shared: Counter[pytest.FixtureDef] = Counter()
_users: Counter[pytest.FixtureDef] = Counter()


def processor_seconds() -> float:
    """Of this process and those that it has waited for; other work on the machine does not count."""
    return sum(os.times()[:4])


@cache
def listed() -> frozenset[str]:
    """Tests and whole files that are named as slow."""
    lines = LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_slow(nodeid: str) -> bool:
    """Named itself, or as the function with all its parameters, or with its whole file."""
    return not {nodeid, nodeid.partition("[")[0], nodeid.partition("::")[0]}.isdisjoint(listed())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="without slow tests; a test that has become slow fails")
    parser.addoption("--measure", action="store_true", help="write tests/slow.txt anew for the files that are run")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("fast") and not config.option.markexpr:
        config.option.markexpr = " and ".join(f"not {mark}" for mark in OUTSIDE)
    if config.getoption("measure") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Measured())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files that are slow as a whole are not even imported."""
    inside = config.getoption("fast") and collection_path.is_relative_to(HOUSE)
    return (inside and collection_path.relative_to(HOUSE).as_posix() in listed()) or None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Examples in docstrings are those of the library: to look for some, every helper of the tests would be loaded."""
    found = yield
    return [one for one in found if not (isinstance(one, DoctestModule) and file_path.is_relative_to(HOUSE / "tests"))]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collection makes (modules, tests) stays to the end: the garbage collector need not look at it, ever."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        needed = PROCESSES.intersection(getattr(item, "fixturenames", ()))
        # One demo for all: whoever looks at it does so in the same process. So do the tests of a file, which share what
        # was made for one of them.
        if item.get_closest_marker("xdist_group") is None:
            group = "demo" if "demo" in needed else item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(group))
        if needed or (is_slow(item.nodeid) and not config.getoption("measure")):
            item.add_marker("slow")
    if hasattr(config, "workerinput"):
        _put_in_order(items)


def _put_in_order(items: list[pytest.Item]) -> None:
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        groups[item.get_closest_marker("xdist_group").args[0]].append(item)  # type: ignore[union-attr]
    slow = {name: ["slow" in item.keywords for item in group] for name, group in groups.items()}
    items[:] = [item for name in heaviest_first(slow) for item in groups[name]]


def heaviest_first(groups: Mapping[str, Sequence[bool]]) -> list[str]:
    """The order in which processes take groups of tests: the longest, then those with the most slow tests.

    Parameters
    ----------
    groups : mapping   name -> whether each of its tests is slow
    """
    place = {name: number for number, name in enumerate(LONGEST)}
    return sorted(groups, key=lambda name: (place.get(name, len(LONGEST)), -sum(groups[name]), -len(groups[name])))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef) -> Generator[None, object, object]:
    begun = processor_seconds() - _shared.total()
    result = yield
    if fixturedef.scope != "function":
        _shared[fixturedef] += processor_seconds() - _shared.total() - begun
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.begun, item.known = processor_seconds(), _shared.total()  # type: ignore[attr-defined]
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, object, object]:
    report = yield
    if call.when == "call":
        taken = processor_seconds() - item.begun
        part = sum(_shared[one] / _users[one] for one in _fixtures(item) if _shared[one])
        report.user_properties.append((COST, taken - (_shared.total() - item.known) + part))
        if report.passed and item.config.getoption("fast") and taken > MOST:
            report.outcome = "failed"
            report.longrepr = (
                f"{taken:.1f} processor seconds, in the fast lane at most {MOST:g}: "
                "share or shrink what it does, or have it named as slow (make measure)"
            )
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    _users.update(one for item in session.items for one in _fixtures(item))


def _fixtures(item: pytest.Item) -> set[pytest.FixtureDef]:
    info = getattr(item, "_fixtureinfo", None)
    return {one for found in info.name2fixturedefs.values() for one in found} if info else set()


class _Measured:
    """Gathers what tests took, also from other processes, and writes the list."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bool]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cost = dict(report.user_properties).get(COST)
        if report.when == "call" and cost is not None:
            name = report.nodeid.partition("@")[0]
            self.files[name.partition("::")[0]][name] = cost > LIMIT or not set(OUTSIDE).isdisjoint(report.keywords)

    def pytest_sessionfinish(self) -> None:
        others = {line for line in listed() if line.partition("::")[0] not in self.files}
        lines = others.union(*(slow_lines(file, tests) for file, tests in self.files.items()))
        head = f"# Over {LIMIT} processor seconds, alone or with what they share; written by `make measure`."
        LIST.write_text("\n".join([head, *sorted(lines)]) + "\n", encoding="utf-8")


def slow_lines(file: str, tests: dict[str, bool]) -> set[str]:
    """The file where all its tests are slow; functions where all their cases are; else single cases."""
    if all(tests.values()):
        return {file}
    functions: dict[str, list[bool]] = defaultdict(list)
    for name, slow in tests.items():
        functions[name.partition("[")[0]].append(slow)
    whole = {name for name, cases in functions.items() if all(cases)}
    return whole | {name for name, slow in tests.items() if slow and name.partition("[")[0] not in whole}
