"""The plan of a run: notebooks, institutions, and the steps that each has to wait for."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from spi_analysis.errors import NotebookError, ParameterError, nearest, room_needed, system_problem
from spi_analysis.params import RoundSetup, Workspace
from spi_analysis.tables import WRITTEN_BY, Store


@dataclass(frozen=True)
class NotebookKind:
    """The inputs (earlier notebooks, tables of the store) and outputs of a notebook.

    It makes a page, tables of the store (``writes``) and the tables of the page as files, in a folder of its own
    (``files``) beside it; ``more``: pages of their own that it makes beside its page.
    """

    name: str
    needs: tuple[str, ...]
    page: str
    audience: Literal["report", "analyst"]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    files: str = "tables"
    more: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """The two digits that name the notebook."""
        return self.name[:2]


FIELDWORK = ("frame", "sample", "events", "responses")
WEIGHTS = ("weights", "replicates")
INSTITUTION_NOTEBOOKS = (
    NotebookKind("10_sampling_design", (), "10_sampling_design.{language}.html", "analyst", ("frame",), files="frame"),
    NotebookKind(
        "20_fieldwork_progress", (), "20_fieldwork_progress.{language}.html", "analyst", FIELDWORK, files="fieldwork"
    ),
    NotebookKind(
        "30_nonresponse_weighting",
        (),
        "30_nonresponse_weighting.{language}.html",
        "analyst",
        FIELDWORK,
        WEIGHTS,
        "weighting",
    ),
    NotebookKind(
        "40_score_analysis",
        ("30",),
        "40_score_analysis.{language}.html",
        "analyst",
        ("frame", "responses", *WEIGHTS),
        ("estimates",),
        "scores",
    ),
    NotebookKind(
        "50_institution_report",
        ("40",),
        "report.{language}.html",
        "report",
        ("frame", "responses", *WEIGHTS, "estimates"),
        more=("plain.{language}.html",),
    ),
)
NATIONAL_NOTEBOOKS = (
    NotebookKind(
        "90_national_overview",
        ("50",),
        "index.{language}.html",
        "report",
        ("frame", "sample", "responses", "weights", "estimates"),
        more=("explorer.{language}.html",),
    ),
    NotebookKind("92_published_years", (), "published_years.{language}.html", "report", files="published_years"),
)
# During fieldwork: run by `spi progress --page`.
NATIONAL_FIELDWORK = NotebookKind(
    "25_national_fieldwork", (), "fieldwork.{language}.html", "analyst", FIELDWORK, files="fieldwork"
)
# For whoever asks for it by its number: what a researcher looks at is no part of a round.
REQUESTED_NOTEBOOKS = (
    NotebookKind(
        "60_explore",
        ("40",),
        "60_explore.{language}.html",
        "analyst",
        ("frame", "sample", "responses", *WEIGHTS, "estimates"),
        files="explore",
    ),
)
# Not part of a round: run by `spi coverage`, after its simulation.
METHOD_CHECKS = NotebookKind("95_method_checks", (), "index.{language}.html", "report")
# Nor this one: run by `spi simulate`, after its simulation.
DESIGN_SIMULATOR = NotebookKind(
    "15_design_simulator", (), "15_design_simulator.{language}.html", "analyst", files="designs"
)


@dataclass(frozen=True)
class Step:
    """One notebook for one institution ("" for a national one), after the steps it needs."""

    notebook: NotebookKind
    institution_id: str
    after: tuple[tuple[str, str], ...]

    @property
    def key(self) -> tuple[str, str]:
        """Number and institution."""
        return (self.notebook.number, self.institution_id)

    def folder(self, workspace: Workspace, round_id: str) -> Path:
        """Where its outputs go."""
        if self.notebook == METHOD_CHECKS:
            return workspace.outputs / "method_checks"
        base = workspace.outputs / round_id
        return base / self.institution_id if self.institution_id else base

    def __str__(self) -> str:
        return f"{self.institution_id or 'all institutions'}: {self.notebook.name}"


def plan_steps(institution_ids: Sequence[str], notebooks: Iterable[str] | None = None) -> list[Step]:
    """Steps in an order that respects what each needs.

    Parameters
    ----------
    institution_ids : codes
    notebooks : two-digit numbers, or None for all of a round; what a chosen notebook needs is not added:
        its inputs must be there from an earlier run
    """
    kinds = (*INSTITUTION_NOTEBOOKS, *NATIONAL_NOTEBOOKS)
    wanted = {kind.number for kind in kinds} if notebooks is None else {_number(name) for name in notebooks}
    steps = [
        Step(kind, institution_id, tuple((number, institution_id) for number in kind.needs if number in wanted))
        for kind in INSTITUTION_NOTEBOOKS
        if kind.number in wanted
        for institution_id in institution_ids
    ]
    for kind in (*REQUESTED_NOTEBOOKS, *NATIONAL_NOTEBOOKS):
        if kind.number in wanted:
            after = tuple(step.key for step in steps if step.notebook.number in kind.needs)
            steps.append(Step(kind, "", after))
    return steps


def step_of(key: tuple[str, str]) -> Step:
    """The step of a number and an institution ("" for a national one), waiting for nothing."""
    number, institution_id = key
    return plan_steps([institution_id] if institution_id else [], [number])[0]


def method_checks_step() -> Step:
    """The notebook of method checks."""
    return Step(METHOD_CHECKS, "", ())


def national_fieldwork_step() -> Step:
    """The notebook of all institutions' fieldwork."""
    return Step(NATIONAL_FIELDWORK, "", ())


def design_simulator_step(institution_id: str) -> Step:
    """The notebook of the design simulator for an institution."""
    return Step(DESIGN_SIMULATOR, institution_id, ())


def _number(name: str) -> str:
    known = {kind.number: kind for kind in (*INSTITUTION_NOTEBOOKS, *REQUESTED_NOTEBOOKS, *NATIONAL_NOTEBOOKS)}
    number = str(name)[:2]
    if number not in known:
        names = [kind.name for kind in known.values()]
        raise ParameterError("unknown notebook", got=str(name), expected=", ".join(names), hint=nearest(name, names))
    return number


# Blocked steps: the store is checked before any notebook is started.


@dataclass(frozen=True)
class Blocked:
    """A step that cannot run, since tables are missing that no step of this run writes."""

    step: Step
    tables: tuple[str, ...]

    @property
    def reason(self) -> str:
        """In words, with the command that writes each table."""
        commands = dict.fromkeys(WRITTEN_BY[table] for table in self.tables)
        return f"not there yet: {', '.join(self.tables)} (run: {'; '.join(commands)})"


def blocked_steps(setup: RoundSetup, steps: Sequence[Step]) -> list[Blocked]:
    """The steps whose tables are missing, in the order of the plan; costs no more than a look into the store.

    The national overview needs the estimates of one institution at least.
    """
    store = Store(setup.workspace.data / setup.round.round_id)
    blocked: dict[tuple[str, str], Blocked] = {}
    for step in steps:
        missing = (
            _missing(store, step, steps, blocked) if step.institution_id else _nothing_scored(store, step, blocked)
        )
        if missing:
            blocked[step.key] = Blocked(step, tuple(table for table in WRITTEN_BY if table in missing))
    return list(blocked.values())


def _missing(store: Store, step: Step, steps: Sequence[Step], blocked: dict[tuple[str, str], Blocked]) -> set[str]:
    """Tables that keep a step from running; where an earlier step would write one, what keeps that step."""
    missing: set[str] = set()
    for table in step.notebook.reads:
        makers = [s for s in steps if s.institution_id == step.institution_id and table in s.notebook.writes]
        missing.update(*(blocked[maker.key].tables for maker in makers if maker.key in blocked))
        if not makers and not store.has(table, step.institution_id):
            missing.add(table)
    return missing


def _nothing_scored(store: Store, step: Step, blocked: dict[tuple[str, str], Blocked]) -> set[str]:
    """Why the overview cannot run: no institution is scored, or will be. Run alone, it needs estimates in the store."""
    if not step.after:
        return set() if store.root.exists() else {"frame"}
    if store.institutions("estimates") or any(key not in blocked for key in step.after):
        return set()
    return {table for key in step.after for table in blocked[key].tables}


def blocked_in_words(blocked: Sequence[Blocked]) -> list[str]:
    """One line per reason: which notebooks of which institutions."""
    by_institution: dict[str, dict[str, list[str]]] = {}
    for one in blocked:
        own = by_institution.setdefault(one.step.institution_id or "all institutions", {})
        own.setdefault(one.reason, []).append(one.step.notebook.number)
    lines: dict[tuple[str, str], list[str]] = {}
    for whose, reasons in by_institution.items():
        for reason, numbers in reasons.items():
            lines.setdefault((", ".join(numbers), reason), []).append(whose)
    return [f"not run: {numbers} of {', '.join(whose)}; {reason}" for (numbers, reason), whose in lines.items()]


# The result of a step.

# The folder beside its pages for the notebook that failed, kept with its error.
FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a step, with everything that is known, also where the process that ran it died.

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
        """Whether the step succeeded."""
        return not self.error

    def facts(self) -> dict[str, Any]:
        """The facts in run.json: everything that changes between runs and so is in no notebook or page."""
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
    """Any exception that ended a step, with the step."""
    if isinstance(error, NotebookError):
        return str(error)
    if isinstance(error, OSError):
        return str(system_problem(error, str(step)))
    return f"{step}\n  {type(error).__name__}: {error}"


# Explanations for a process that died, which cannot report itself.
NO_MEMORY = (
    "if it was killed, memory most likely ran out and the system ended the largest process (dmesg says so): take fewer "
    "--workers; spi status --json has how much memory each notebook took"
)
# Bytes that a notebook's process needs for temporary files: settings of its own, sockets, the notebook itself.
LEAST_ROOM = 1_000_000
TOO_LITTLE_MEMORY = "there was not enough memory for this cell: take fewer --workers, or a machine with more"


def why_it_died() -> str:
    """Likely causes where a process died without an error: a full disk of temporary files, else memory."""
    # Where TMPDIR is full, tempfile itself passes on to another folder.
    places = [Path(place) for place in (os.environ.get("TMPDIR"), tempfile.gettempdir()) if place]
    full = [place for place in places if place.is_dir() and shutil.disk_usage(place).free < LEAST_ROOM]
    return room_needed(full[0]) if full else NO_MEMORY


# Characters that are kept of an error, and of a traceback: enough to find the cause, without messages of megabytes.
MOST_SAID, MOST_TRACED = 2_000, 20_000


def shortened(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than ``most``; says how much is missing."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} ... [{len(text) - 2 * half:,} characters left out] ... {text[-half:]}"


def too_late(step: Step, seconds: float) -> NotebookError:
    """The error of a step whose cells are finished and whose pages are not."""
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


# How a notebook is run: engine and time limits. Imports no module that runs notebooks.

EngineName = Literal["kernel", "fast", "stock"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


# Characters that a cell may print. A page may have five million bytes and shows what is printed as it is: a fifth of it
# is more than anybody reads, and far more than the project's notebooks print (a few lines).
MOST_PRINTED = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Seconds that a cell may take, a notebook with its pages, and all that comes after its last cell.

    The latter is made in less than a second (tidying, checks, two pages); the rest is for a machine that is busy.
    """

    cell: int = 600
    notebook: int = 1800
    pages: int = 120
