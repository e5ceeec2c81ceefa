"""A round of tiny notebooks on this machine, on Dask's workers, and through an exchange: what does handing over cost?

Run in the project's folder: python -m benchmarks.executors [--institutions 640] [--workers 4]

The towns and their notebooks are made up, and a notebook's own work is next to nothing, so that the rest is seen:
seconds per step times workers, less the seconds that the steps themselves took. During the two runs on Dask's workers
one is killed (-9) and one added. Ends with code 1 and the names of the files if any byte differs between the three.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import LocalCluster
from rich.console import Console

from spi_analysis.params import Workspace, load_setup
from spi_analysis.runner.dask import on_dask
from spi_analysis.runner.ledger import Selection, read_entries
from spi_analysis.runner.plan import Outcome, Step
from spi_analysis.runner.pool import OpenRunner, Pool, StepRunner
from spi_analysis.runner.run import run_selection
from tests.runner.conftest import ROUND
from tests.runner.faults import made, make_workspace

HEAD = "| where | steps | attempts | seconds | per step | handing over, per step |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Timing:
    """A run: ``own`` are the seconds that its steps took themselves."""

    where: str
    workers: int
    steps: int
    attempts: int
    seconds: float
    own: float

    @property
    def row(self) -> str:
        """A row of the table."""
        each, over = self.seconds / self.steps, (self.seconds * self.workers - self.own) / self.steps
        return f"| {self.where} | {self.steps} | {self.attempts} | {self.seconds:.1f} | {each:.3f} | {over:.3f} |"


class Hit:
    """A runner of steps that does something once, when so many steps have ended."""

    def __init__(self, runner: StepRunner, after: int, act: Callable[[], None]) -> None:
        self._runner, self._left, self._act = runner, after, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def wait(self) -> list[tuple[Step, Outcome]]:
        done, before = self._runner.wait(), self._left
        self._left -= len(done)
        if self._left <= 0 < before:
            self._act()
        return done


def timed(where: str, workspace: Workspace, workers: int, open_runner: OpenRunner) -> Timing:
    """Run all steps of a workspace; ends the benchmark if one fails."""
    setup, started = load_setup(workspace, ROUND), time.perf_counter()
    summary = run_selection(setup, Selection(), workers, Console(quiet=True), "fast", open_runner=open_runner)
    seconds = time.perf_counter() - started
    if summary.failures:
        raise SystemExit("\n".join(outcome.error for outcome in summary.failures))
    attempts = sum(entry.attempts for entry in read_entries(setup).values())
    own = sum(outcome.seconds for outcome in summary.results)
    return Timing(where, workers, len(summary.results), attempts, seconds, own)


def on_workers(where: str, workspace: Workspace, workers: int, after: int, exchange: str = "") -> Timing:
    """The same on processes of Dask, of which one is killed and one added."""
    with LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def act() -> None:
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            cluster.scale(workers + 1)

        def open_runner(*arguments: Any) -> StepRunner:
            return Hit(on_dask(cluster.scheduler_address, exchange)(*arguments), after, act)

        return timed(where, workspace, workers, open_runner)


def differing(workspaces: list[Workspace]) -> list[str]:
    """The files whose bytes are not the same in all workspaces."""
    first, *others = map(made, workspaces)
    return sorted({name for other in others for name in first | other if first.get(name) != other.get(name)})


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 and a list if any byte differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.executors", description=__doc__)
    parser.add_argument("--institutions", type=int, default=640)
    parser.add_argument("--workers", type=int, default=4)
    asked = parser.parse_args(arguments)
    print(f"{asked.institutions} institutions, {asked.workers} workers, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}\n{HEAD}", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        here, shared, apart = (
            make_workspace(Path(folder, name), asked.institutions) for name in ("here", "shared", "apart")
        )
        print(timed("this machine", here, asked.workers, Pool).row, flush=True)
        print(on_workers("Dask, a shared disk", shared, asked.workers, asked.institutions).row, flush=True)
        exchange = f"file://{folder}/exchange"
        print(on_workers("Dask, an exchange", apart, asked.workers, asked.institutions, exchange).row, flush=True)
        different = differing([here, shared, apart])
        print("\n".join(different) or f"all {len(made(here))} files are the same in all three")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
