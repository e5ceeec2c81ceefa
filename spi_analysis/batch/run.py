"""A batch from plan to summary, with live progress."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spi_analysis.batch.engine import StepResult, step_facts
from spi_analysis.batch.executor import run_steps
from spi_analysis.batch.plan import Step, plan_steps
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
    """Run notebooks for institutions; the national overview comes last."""
    steps = plan_steps([setup.require(i) for i in institution_ids], notebooks)
    say = console or Console()
    results: list[StepResult] = []
    with _progress(say) as progress:
        task = progress.add_task("notebooks", total=len(steps), now="")
        for step, result in run_steps(
            setup, steps, workers or os.cpu_count() or 1, lambda s: progress.update(task, now=str(s))
        ):
            results.append(result)
            progress.advance(task)
            if not result.ok:
                progress.console.print(f"failed  {result.error}", style="bold red", markup=False)
            elif not say.is_terminal:
                say.print(f"done    {step} ({result.seconds:.1f} s)", markup=False)
    _write_run_files(setup, steps, results)
    return BatchSummary(results)


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
