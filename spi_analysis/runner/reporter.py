"""Messages of a run: a bar on a terminal, lines elsewhere, everything in a log file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from spi_analysis.runner.ledger import now
from spi_analysis.runner.plan import Outcome, Step
from spi_analysis.tables import naming

# Steps that the bar names at a time.
NAMED = 3


class Reporter:
    """Terminal and log of one run."""

    def __init__(self, console: Console, log: TextIO, progress: Progress, total: int) -> None:
        self._console, self._log, self._progress = console, log, progress
        self._task = progress.add_task("notebooks", total=total, now="")
        self._going: dict[Step, None] = {}

    def note(self, text: str) -> None:
        """A message for the operator."""
        self._write(text)
        self._print(text, style="yellow")

    def started(self, step: Step) -> None:
        """A step begins."""
        self._write(f"started {step}")
        self._going[step] = None
        self._show()

    def passed_over(self, step: Step) -> None:
        """A step is up to date."""
        self._write(f"current {step}")
        self._progress.advance(self._task)

    def left_out(self) -> None:
        """A step will not be run; reasons are reported together."""
        self._progress.advance(self._task)

    def ended(self, step: Step, outcome: Outcome) -> None:
        """A step ended: a line where there is no bar; failures always, with what they say."""
        self._going.pop(step, None)
        self._progress.advance(self._task)
        self._show()
        for note in outcome.notes:
            self.note(f"{step}: {note}")
        if outcome.ok:
            memory = f", {outcome.memory_mb:.0f} MB" if outcome.memory_mb else ""
            line = f"done    {step} ({outcome.seconds:.1f} s{memory})"
            self._write(line)
            if not self._console.is_terminal:
                self._print(line)
        else:
            self._write(f"failed  {outcome.error}" + (f"\n{outcome.traceback}" if outcome.traceback else ""))
            self._print(f"failed  {outcome.error}", style="bold red")

    def _show(self) -> None:
        names = [str(step) for step in self._going]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        self._progress.update(self._task, now=", ".join(names[:NAMED]) + more)

    def _print(self, text: str, style: str | None = None) -> None:
        self._progress.console.print(text, style=style, markup=False, highlight=False)

    def _write(self, text: str) -> None:
        # Line by line, so that the log is complete up to a crash of the machine.
        self._log.write(f"{now()} {text}\n")
        self._log.flush()


@contextmanager
def reporter_for(console: Console, log: Path, total: int) -> Iterator[Reporter]:
    """Progress and log for so many steps."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}"),
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        naming(log),
        log.open("a", encoding="utf-8") as file,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        yield Reporter(console, file, progress, total)
