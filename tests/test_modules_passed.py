"""How many modules somebody passes who follows one institution through its weights and its scores."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

import spi_analysis
from spi_analysis import load_round
from spi_analysis.stages import score_round, weight_institution
from tests.demo import Demo

PACKAGE = Path(spi_analysis.__file__).parent
TOWN = "kota-mojokerto"
# What each is made of and what is not on its way: docs/decisions/0016.
MOST = {"weighting": 18, "scoring": 28}


def modules_passed(work: Callable[[], object]) -> list[str]:
    """Modules of the package in which the body of a function runs, faces not counted; all tables are loaded before."""
    work()
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            files.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    inside = [Path(file).relative_to(PACKAGE) for file in files if Path(file).is_relative_to(PACKAGE)]
    return sorted(path.as_posix() for path in inside if path.name != "__init__.py")


def test_one_institution_passes_few_modules(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    data = load_round("spi_2024", TOWN, demo.workspace)
    tables = data.frame, data.sample, data.events, data.responses
    passed = {
        "weighting": modules_passed(lambda: weight_institution(*tables, data.round, data.instrument)),
        "scoring": modules_passed(lambda: score_round(data)),
    }
    with capsys.disabled():
        print("\nmodules passed:", ", ".join(f"{name} {len(found)}" for name, found in passed.items()))
    for name, found in passed.items():
        assert "stages/weight.py" in found, "the count itself works"
        assert len(found) <= MOST[name], "\n".join(found)
