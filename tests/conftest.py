"""What all tests share: seeded hypothesis, the folder of outside figures, the round's parameters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from spi_analysis.params import RoundSetup, find_workspace, load_setup
from spi_analysis.threads import skip_grammars
from tests.reference.figures import Figures

PROJECT = Path(__file__).resolve().parents[1]
pytest_plugins = ["pytester", "tests.demo", "tests.lanes"]
OUTCOMES = ("passed", "failed", "error", "skipped")

skip_grammars()
settings.register_profile(
    "seeded", derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("seeded")


def reference_folder() -> Path:
    """Where the outside figures are: SPI_REFERENCE_DIR, else the folder ``shared`` beside the project."""
    return Path(os.environ.get("SPI_REFERENCE_DIR") or PROJECT.parent / "shared")


@pytest.fixture(scope="session")
def figures() -> Figures:
    """The outside figures; a test that needs them is skipped where they are not."""
    folder = reference_folder()
    if not Figures.found_in(folder):
        pytest.skip(f"no reference figures in {folder} (set SPI_REFERENCE_DIR to the folder that holds reference/)")
    return Figures.read(folder)


@pytest.fixture(scope="session")
def setup() -> RoundSetup:
    """All parameters of the round 2024, as the project carries them."""
    return load_setup(find_workspace(PROJECT), "spi_2024")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many figures of outside programs were checked, and how many could not be."""
    reports = [
        (outcome, report.nodeid)
        for outcome in OUTCOMES
        for report in terminalreporter.stats.get(outcome, [])
        if "reference" in getattr(report, "keywords", {})
    ]
    if reports:
        skipped = {nodeid for outcome, nodeid in reports if outcome == "skipped"}
        ran = {nodeid for outcome, nodeid in reports if outcome != "skipped"}
        terminalreporter.write_line(f"reference tests: {len(ran)} ran, {len(skipped)} skipped ({reference_folder()})")
