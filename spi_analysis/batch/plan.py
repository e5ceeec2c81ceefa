"""Which notebooks run for which institutions, and what each has to wait for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params import Workspace


@dataclass(frozen=True)
class NotebookKind:
    """What a notebook needs (notebooks before it, tables of the store) and makes.

    It makes a page, tables of the store (``writes``) and CSV files in a folder of its own (``files``) beside the page.
    """

    name: str
    needs: tuple[str, ...]
    page: str
    audience: Literal["report", "analyst"]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    files: str = ""

    @property
    def number(self) -> str:
        """The two digits that people call it by."""
        return self.name[:2]


FIELDWORK = ("frame", "sample", "events", "responses")
WEIGHTS = ("weights", "replicates")
INSTITUTION_NOTEBOOKS = (
    NotebookKind("10_sampling_design", (), "10_sampling_design.{language}.html", "analyst", ("frame",), files="frame"),
    NotebookKind("20_fieldwork_progress", (), "20_fieldwork_progress.{language}.html", "analyst", FIELDWORK),
    NotebookKind(
        "30_nonresponse_weighting", (), "30_nonresponse_weighting.{language}.html", "analyst", FIELDWORK, WEIGHTS
    ),
    NotebookKind(
        "40_score_analysis",
        ("30",),
        "40_score_analysis.{language}.html",
        "analyst",
        ("frame", "responses", *WEIGHTS),
        ("estimates",),
    ),
    NotebookKind(
        "50_institution_report",
        ("40",),
        "report.{language}.html",
        "report",
        ("frame", "responses", *WEIGHTS, "estimates"),
        files="tables",
    ),
)
NATIONAL_NOTEBOOKS = (NotebookKind("90_national_overview", ("50",), "index.{language}.html", "report", files="tables"),)
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
    notebooks : two-digit numbers, or None for all; what a chosen notebook needs is not added:
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
    for kind in NATIONAL_NOTEBOOKS:
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


def design_simulator_step(institution_id: str) -> Step:
    """The notebook of the design simulator for an institution."""
    return Step(DESIGN_SIMULATOR, institution_id, ())


def _number(name: str) -> str:
    known = {kind.number: kind for kind in (*INSTITUTION_NOTEBOOKS, *NATIONAL_NOTEBOOKS)}
    number = str(name)[:2]
    if number not in known:
        names = [kind.name for kind in known.values()]
        raise ParameterError("unknown notebook", got=str(name), expected=", ".join(names), hint=nearest(name, names))
    return number
