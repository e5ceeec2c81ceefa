"""A batch from plan to summary, with live progress."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spi_analysis.batch.engine import EngineName, Limits
from spi_analysis.batch.executor import run_steps
from spi_analysis.batch.outcome import Outcome, left_out
from spi_analysis.batch.plan import Step, plan_steps
from spi_analysis.batch.ready import blocked_in_words, blocked_steps, keep_overview_inputs, overview_is_current
from spi_analysis.params import RoundSetup
from spi_analysis.tables.files import write_json


@dataclass(frozen=True)
class BatchSummary:
    """Outcomes of all steps; ``stopped`` if somebody stopped the batch before its end."""

    results: list[Outcome]
    stopped: bool = False

    @property
    def failures(self) -> list[Outcome]:
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
    engine: EngineName = "kernel",
    limits: Limits | None = None,
) -> BatchSummary:
    """Run notebooks for institutions; the national overview comes last.

    What lacks a table is not started, and said before the rest begins. The overview is made again only if it was
    asked for or if what it follows from has changed. Ctrl-C and SIGTERM end what runs; what was done is kept.
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

    stopped = False
    with _progress(say) as progress, _stopped_by_signals():
        task = progress.add_task("notebooks", total=len(steps), now="")
        running = run_steps(
            setup,
            steps,
            workers or os.cpu_count() or 1,
            lambda step: progress.update(task, now=str(step)),
            is_current,
            engine,
            limits,
            lambda text: progress.console.print(text, style="yellow", markup=False, highlight=False),
        )
        try:
            for step, outcome in running:
                results.append(outcome)
                progress.advance(task)
                if outcome.ok and not step.institution_id:
                    keep_overview_inputs(setup, step)
                _say(progress.console, step, outcome, live=say.is_terminal)
        except KeyboardInterrupt:
            stopped = True
        finally:
            running.close()
    if stopped:
        known = {outcome.key for outcome in results}
        results += [left_out(step, "the batch was stopped") for step in steps if step.key not in known]
    elif any(is_current(step) for step in steps) and not any(result.key[1] == "" for result in results):
        say.print("the overview is up to date (made anew with: spi run --notebook 90)", highlight=False)
    _write_run_files(setup, planned, results)
    return BatchSummary(results, stopped)


def _say(console: Console, step: Step, outcome: Outcome, live: bool) -> None:
    """One line per notebook where there is no progress bar; failures always, with what they say."""
    for note in outcome.notes:
        console.print(f"{step}: {note}", style="yellow", markup=False, highlight=False)
    if not outcome.ok:
        console.print(f"failed  {outcome.error}", style="bold red", markup=False)
    elif not live:
        console.print(f"done    {step} ({outcome.seconds:.1f} s)", markup=False)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM stops a batch as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


def _write_run_files(setup: RoundSetup, steps: Sequence[Step], results: list[Outcome]) -> None:
    """run.json beside the outputs of every institution: what ran last of every notebook, how long, with what result."""
    for institution_id in sorted({step.institution_id for step in steps if step.institution_id}):
        path = setup.workspace.institution_outputs(setup.round.round_id, institution_id) / "run.json"
        ran = {result.key[0]: result.facts() for result in results if result.key[1] == institution_id}
        facts = {"institution_id": institution_id, "steps": {**_steps_before(path), **ran}}
        write_json(path, facts)


def _steps_before(path: Path) -> dict[str, Any]:
    """What earlier runs kept; nothing where the file is not ours to understand."""
    try:
        steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(steps)
