"""A run from plan to summary: steps that are up to date are skipped, all others are run and recorded."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console

from forked_papermill import short_folder
from spi_analysis.errors import StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.runner import fingerprint
from spi_analysis.runner.fingerprint import keep_stale, staleness, step_fingerprint, step_outputs
from spi_analysis.runner.ledger import (
    LEDGER,
    Entry,
    Key,
    Ledger,
    Selection,
    Shard,
    batch_folder,
    now,
    one_run,
    read_entries,
    selected_steps,
    without,
)
from spi_analysis.runner.plan import (
    INSTITUTION_NOTEBOOKS,
    EngineName,
    Limits,
    Outcome,
    Step,
    blocked_in_words,
    blocked_steps,
    left_out,
)
from spi_analysis.runner.pool import OpenRunner, Pool, run_steps
from spi_analysis.runner.reporter import Reporter, reporter_for
from spi_analysis.runner.rerender import render_on_record
from spi_analysis.tables import one_writer, write_json
from spi_analysis.tables.files import require_text

# Half-written files of a killed run, removed by the next one.

# The names that tables/files.py gives to incomplete files.
_HALF = re.compile(r"\..+\.[a-z0-9_]{8}(\.[a-z]+)?\Z")
_PREFIX = "spi-run-"
# In a run's temporary folder, held as long as the run lives.
_LOCK = "run.lock"


@contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """One folder for all temporary files of a run and of the processes that run its notebooks.

    The environment of this process stays as it is: what else is started from here meanwhile, such as a Dask worker that
    its nanny replaces, outlives the run, and must not have its files in a folder that goes with it.
    """
    folder, before = short_folder(_PREFIX), tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        with FileLock(folder / _LOCK):
            yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def clear_temporary_folders(names: Sequence[str]) -> None:
    """Remove the temporary folders of killed runs only, whatever the ledger says.

    The ledger of a copied workspace names the folder of a run that may be going on in the original.
    """
    for folder in map(Path, names):
        if folder.name.startswith(_PREFIX) and folder.is_dir() and not folder.is_symlink() and not _is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    """Whether its run is still alive, or may be."""
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def clear_leftovers(setup: RoundSetup, institution_ids: list[str], national: bool) -> int:
    """Remove half-written files of these institutions' outputs and tables; returns how many there were.

    Only the run that holds the lock may call this. Nothing is removed while another command writes: an import writes
    tables, and workbooks of issues beside the pages.
    """
    if not setup.workspace.data.is_dir():
        return 0
    found: list[Path] = []
    with contextlib.suppress(StoreError), one_writer(setup.workspace.data):
        found = [*_half_outputs(setup, institution_ids, national), *_half_tables(setup, institution_ids)]
        for path in found:
            path.unlink(missing_ok=True)
    return len(found)


def _half_outputs(setup: RoundSetup, institution_ids: list[str], national: bool) -> Iterator[Path]:
    base = setup.workspace.outputs / setup.round.round_id
    for code in institution_ids:
        yield from _half_written((base / code).rglob(".*"))
    for folder in (base, base / "tables") if national else ():
        yield from _half_written(folder.glob(".*"))


def _half_tables(setup: RoundSetup, institution_ids: list[str]) -> Iterator[Path]:
    store = setup.workspace.data / setup.round.round_id
    own = {f".{code}" for code in institution_ids}
    for table in (table for kind in INSTITUTION_NOTEBOOKS for table in kind.writes):
        for path in _half_written((store / table).glob(".*")):
            if path.name.rsplit(".", 2)[0] in own:
                yield path


def _half_written(paths: Iterator[Path]) -> Iterator[Path]:
    return (path for path in paths if _HALF.match(path.name) and path.is_file())


@dataclass(frozen=True)
class BatchSummary:
    """Outcomes of all steps that were to be run; ``up_to_date``: those that were up to date.

    ``stopped`` if somebody stopped the batch before its end; ``log``: the file that says everything.
    """

    results: list[Outcome]
    stopped: bool = False
    up_to_date: tuple[Key, ...] = ()
    log: Path | None = None

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
    def failed_in_words(self) -> list[str]:
        """One line per kind of failure: which notebooks of which institutions."""
        lines: dict[tuple[str, str], list[str]] = {}
        for result in self.failures:
            kind = "failed" if result.was_run else "not run"
            lines.setdefault((kind, result.key[1] or "all institutions"), []).append(result.key[0])
        return [f"{kind}: {whose}, {', '.join(sorted(numbers))}" for (kind, whose), numbers in lines.items()]

    @property
    def pages(self) -> list[str]:
        """All pages written, below the workspace."""
        return sorted(page for result in self.results for page in result.pages)


def run_selection(
    setup: RoundSetup,
    selection: Selection,
    workers: int | None = None,
    console: Console | None = None,
    engine: EngineName = "kernel",
    limits: Limits | None = None,
    force: bool = False,
    open_runner: OpenRunner = Pool,
) -> BatchSummary:
    """Run the steps of a selection that are not up to date (``force``: all of them).

    Steps that lack a table are not started, and are named before the others begin. Ctrl-C and SIGTERM end running
    steps; finished steps are kept, and the next run continues from there. ``open_runner`` says where steps are run
    (default: on this machine).

    Raises
    ------
    StoreError   another run of this round is going on, its ledger is damaged, or a folder's name is no text.
    OSError      the outputs cannot be written to.
    """
    steps = selected_steps(setup, selection)
    require_text(setup.workspace.root.absolute(), Path(tempfile.gettempdir()))
    fingerprint.forget()
    run = f"{now()[:23].replace(':', '').replace('.', '')}-{os.getpid()}"
    log = batch_folder(setup) / "logs" / f"{run}.log"
    with (
        one_run(setup, selection.shard),
        own_temporary_folder() as temporary,
        closing(Ledger(_ledger_path(setup, selection.shard), run)) as ledger,
        reporter_for(console or Console(), log, len(steps)) as reporter,
    ):
        clear_temporary_folders(ledger.begin_run(os.getpid(), workers, len(steps), str(temporary)))
        batch = _Batch(setup, ledger, reporter, force, read_entries(setup))
        codes = list(dict.fromkeys(step.institution_id for step in steps if step.institution_id))
        clear_leftovers(setup, codes, national=selection.shard is None)
        startable = batch.leave_out_blocked(steps)
        try:
            stopped = batch.run(startable, workers, engine, limits, open_runner)
        except BaseException:
            # A full disk or a lost scheduler: running steps have been ended, and the ledger records this where
            # possible.
            with suppress(OSError):
                ledger.end_run("stopped")
            raise
        ledger.end_run("stopped" if stopped else "done" if all(o.ok for o in batch.results) else "failed")
        ledger.keep_code(fingerprint.found_code())
    return BatchSummary(batch.results, stopped, tuple(batch.up_to_date), log)


def _ledger_path(setup: RoundSetup, shard: Shard | None) -> Path:
    return batch_folder(setup) / (f"ledger.{shard.name}.sqlite" if shard else LEDGER)


@dataclass
class _Batch:
    """A run under way."""

    setup: RoundSetup
    ledger: Ledger
    reporter: Reporter
    force: bool
    entries: Mapping[Key, Entry]
    results: list[Outcome] = field(default_factory=list)
    up_to_date: list[Key] = field(default_factory=list)
    inputs: dict[Key, dict[str, str]] = field(default_factory=dict)
    attempts: dict[Key, int] = field(default_factory=dict)

    def leave_out_blocked(self, steps: Sequence[Step]) -> list[Step]:
        """Say which steps lack a table; returns the others."""
        blocked = blocked_steps(self.setup, steps)
        for line in blocked_in_words(blocked):
            self.reporter.note(line)
        for one in blocked:
            self.reporter.left_out()
            self._keep(one.step, left_out(one.step, one.reason))
        return without(steps, {one.step.key for one in blocked})

    def run(
        self,
        steps: Sequence[Step],
        workers: int | None,
        engine: EngineName,
        limits: Limits | None,
        open_runner: OpenRunner,
    ) -> bool:
        """Run steps; returns whether the run was stopped."""
        running = run_steps(
            self.setup,
            steps,
            workers,
            self._begin,
            self._is_up_to_date,
            engine,
            limits,
            self.reporter.note,
            open_runner,
        )
        try:
            with _stopped_by_signals(), closing(running):
                for step, outcome in running:
                    self._keep(step, outcome)
                    self.reporter.ended(step, outcome)
        except KeyboardInterrupt:
            known = {*self.up_to_date, *(outcome.key for outcome in self.results)}
            for step in steps:
                if step.key not in known:
                    self.results.append(left_out(step, "the batch was stopped"))
                    # Steps that were not begun are unchanged.
                    if step.key in self.attempts:
                        self._keep_in_folder(step, self.results[-1])
            return True
        return False

    def _is_up_to_date(self, step: Step) -> bool:
        """Whether a step can be passed over; pages that only look differently are made here and now."""
        if not step.institution_id:
            keep_stale(self.setup, read_entries(self.setup))
        if self.force:
            return False
        found = staleness(self.setup, step, self.entries)
        if found.is_up_to_date:
            self.up_to_date.append(step.key)
            self.reporter.passed_over(step)
            return True
        return not found.why and self._rendered(step)

    def _rendered(self, step: Step) -> bool:
        outcome = render_on_record(self.setup, step, self.ledger, self.entries)
        if outcome.ok:
            self.results.append(outcome)
            self.reporter.ended(step, outcome)
        return outcome.ok

    def _begin(self, step: Step) -> None:
        # Before the step reads anything, so that the next run notices changes during this one.
        self.inputs[step.key] = step_fingerprint(self.setup, step)
        self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
        self.ledger.begin(step, self.attempts[step.key])
        self.reporter.started(step)

    def _keep(self, step: Step, outcome: Outcome) -> None:
        self.results.append(outcome)
        outputs = step_outputs(self.setup, step) if outcome.ok else {}
        self.ledger.end(outcome, self.inputs.get(step.key, {}), outputs)
        self._keep_in_folder(step, outcome)

    def _keep_in_folder(self, step: Step, outcome: Outcome) -> None:
        """run.json beside the outputs of an institution: the last execution of every notebook, with its result."""
        if step.institution_id:
            path = step.folder(self.setup.workspace, self.setup.round.round_id) / "run.json"
            facts = outcome.facts() | ({"inputs": self.inputs[step.key]} if step.key in self.inputs else {})
            steps = {**_steps_before(path), step.notebook.number: facts}
            write_json(path, {"institution_id": step.institution_id, "steps": steps})


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM stops a batch as Ctrl-C does; both do also where this process was started with SIGINT ignored.

    So is whatever a shell without job control starts in the background (a script, make, nohup): then Python installs no
    handler of its own, and the signal would reach nobody.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _steps_before(path: Path) -> dict[str, Any]:
    """The entries of earlier runs; none where the file cannot be read."""
    try:
        steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(steps)
