"""A batch from plan to summary, with live progress."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spi_analysis.batch.engine import StepResult, step_facts
from spi_analysis.batch.executor import left_out, run_steps
from spi_analysis.batch.plan import Step, plan_steps
from spi_analysis.batch.ready import blocked_in_words, blocked_steps, keep_overview_inputs, overview_is_current
from spi_analysis.params import RoundSetup
from spi_analysis.tables.files import write_json


@dataclass(frozen=True)
class BatchSummary:
    """Results of all steps."""

    results: list[StepResult]

    @property
    def failures(self) -> list[StepResult]:
        """Steps that failed or were left out."""
        return [result for result in self.results if not result.ok]

    @property
    def failed(self) -> int:
        """How many were run and failed."""
        return sum(result.was_run for result in self.failures)

    @property
    def not_run(self) -> int:
        """How many were never started."""
        return len(self.failures) - self.failed

    @property
    def pages(self) -> list[str]:
        """All pages written, below the workspace."""
        return sorted(page for result in self.results for page in result.pages)


def run_batch(
    setup: RoundSetup,
    institution_ids: Sequence[str],
    notebooks: Sequence[str] | None = None,
    workers: int | None = None,
    console: Console | None = None,
) -> BatchSummary:
    """Run notebooks for institutions; the national overview comes last.

    What lacks a table is not started, and said before the rest begins. The overview is made again only if it was
    asked for or if what it follows from has changed.
    """
    planned = plan_steps([setup.require(i) for i in institution_ids], notebooks)
    say = console or Console()
    blocked = blocked_steps(setup, planned)
    for line in blocked_in_words(blocked):
        say.print(line, style="yellow", markup=False, highlight=False)
    results = [left_out(one.step, one.reason) for one in blocked]
    steps = _without(planned, {one.step.key for one in blocked})

    def is_current(step: Step) -> bool:
        return notebooks is None and not step.institution_id and overview_is_current(setup, step)

    with _progress(say) as progress:
        task = progress.add_task("notebooks", total=len(steps), now="")
        for step, result in run_steps(
            setup, steps, workers or os.cpu_count() or 1, lambda s: progress.update(task, now=str(s)), is_current
        ):
            results.append(result)
            progress.advance(task)
            if result.ok and not step.institution_id:
                keep_overview_inputs(setup, step)
            if not result.ok:
                progress.console.print(f"failed  {result.error}", style="bold red", markup=False)
            elif not say.is_terminal:
                say.print(f"done    {step} ({result.seconds:.1f} s)", markup=False)
    if any(is_current(step) for step in steps) and not any(result.key[1] == "" for result in results):
        say.print("the overview is up to date (made anew with: spi run --notebook 90)", highlight=False)
    _write_run_files(setup, planned, results)
    return BatchSummary(results)


def _without(steps: Sequence[Step], keys: set[tuple[str, str]]) -> list[Step]:
    """The other steps, waiting for none of these."""
    return [
        replace(step, after=tuple(key for key in step.after if key not in keys))
        for step in steps
        if step.key not in keys
    ]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}"),
        console=console,
        disable=not console.is_terminal,
    )


def _write_run_files(setup: RoundSetup, steps: Sequence[Step], results: list[StepResult]) -> None:
    """run.json beside the outputs of every institution: what ran, how long, with what result."""
    for institution_id in sorted({step.institution_id for step in steps if step.institution_id}):
        own = [result for result in results if result.key[1] == institution_id]
        folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
        write_json(folder / "run.json", {"institution_id": institution_id, "steps": step_facts(own)})
