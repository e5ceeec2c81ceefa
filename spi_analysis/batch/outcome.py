"""What became of a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spi_analysis.batch.plan import Step
from spi_analysis.errors import NotebookError, system_problem


@dataclass(frozen=True)
class Outcome:
    """A step comes in, this goes out; it carries all that is known, also where the process that ran it died.

    ``cell`` is the number of the cell that failed, counted as papermill counts (its injected cell included), or None;
    ``cells`` are the seconds of every cell; ``notes`` are messages for the operator; ``memory_mb`` is the most that the
    process of the cells held. A ``fault`` is no error of the notebook (a dead process, no memory): it is tried again.
    """

    key: tuple[str, str]
    seconds: float
    pages: tuple[str, ...]
    error: str = ""
    was_run: bool = True
    engine: str = ""
    cell: int | None = None
    traceback: str = ""
    cells: tuple[float, ...] = ()
    notes: tuple[str, ...] = field(default=())
    memory_mb: float | None = None
    fault: bool = False

    @property
    def ok(self) -> bool:
        """Whether it went through."""
        return not self.error

    def facts(self) -> dict[str, Any]:
        """What run.json keeps: all that changes from run to run, and so stands in no notebook or page."""
        failure = {"error": self.error, "cell": self.cell, "traceback": self.traceback} if self.error else {}
        return {
            "ok": self.ok,
            "engine": self.engine,
            "seconds": round(self.seconds, 2),
            "memory_mb": self.memory_mb,
            "cells": [round(seconds, 3) for seconds in self.cells],
            "pages": list(self.pages),
            **failure,
        }


def left_out(step: Step, why: str) -> Outcome:
    """The outcome of a step that was never started."""
    return Outcome(step.key, 0.0, (), f"{step}\n  not run: {why}", was_run=False)


def in_words(step: Step, error: Exception) -> str:
    """Whatever ended a step, with the step."""
    if isinstance(error, NotebookError):
        return str(error)
    if isinstance(error, OSError):
        return str(system_problem(error, str(step)))
    return f"{step}\n  {type(error).__name__}: {error}"


# For a process that died: it cannot say itself what became of it.
NO_MEMORY = (
    "if it was killed, memory most likely ran out and the system ended the largest process (dmesg says so): take fewer "
    "--workers; spi status --json has how much memory each notebook took"
)
TOO_LITTLE_MEMORY = "there was not enough memory for this cell: take fewer --workers, or a machine with more"


# Characters that are kept of an error, and of a traceback: enough to see what happened, and no message of megabytes.
MOST_SAID, MOST_TRACED = 2_000, 20_000


def shortened(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than ``most``; says how much is missing."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} ... [{len(text) - 2 * half:,} characters left out] ... {text[-half:]}"


def too_late(step: Step, seconds: float) -> NotebookError:
    """The error of a step whose cells are done and whose pages are not."""
    what = f"what follows the last cell (tidying, checks, pages) took longer than {seconds:g} s"
    return failed(step, None, what, "all cells had run: look for one that shows very much")


def failed(step: Step, cell: int | None, what: str, hint: str = "") -> NotebookError:
    """A step's error, with the way to it; ``hint``: what helps, if not running the cells by hand."""
    place = f", cell {cell}" if cell is not None else ""
    return NotebookError(
        "a notebook failed",
        key=f"{step.institution_id or 'all institutions'}, {step.notebook.name}{place}",
        got=what,
        hint=hint or f"open notebooks/{step.notebook.name}.ipynb with this institution and run it to that cell",
    )
