"""One thing that is wrong or not there yet, and which stages of the round it holds up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spi_analysis.errors import Problem, SpiError

Stage = Literal["import", "draw", "fieldwork", "weights", "scores", "reports"]
STAGES: tuple[Stage, ...] = ("import", "draw", "fieldwork", "weights", "scores", "reports")


@dataclass(frozen=True)
class Finding:
    """``severity``: error = wrong; missing = not there yet; warning = worth a look, holds nothing up.

    ``institution_id`` is "" where it concerns all institutions.
    """

    severity: Literal["error", "missing", "warning"]
    blocks: tuple[Stage, ...]
    institution_id: str
    problem: Problem


def findings_of(error: SpiError, blocks: tuple[Stage, ...], institution_id: str = "") -> list[Finding]:
    """The problems of an error as findings."""
    return [Finding("error", blocks, institution_id, problem) for problem in error.problems]
