"""On a Dask worker: one warm process to fork from, and pools of one place, one for each of the worker's threads.

The facts of a run, a notebook's number and an institution's code are sent over the network; an outcome is returned.
Tables stay in the shared workspace, or go through the exchange; the ledger is the runner's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

from spi_analysis.errors import SpiError
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.runner import GRACE, EngineName, Limits, Outcome, Pool, Step, WarmParent, failed, step_of
from spi_analysis.runner.dask.exchange import Changes, Exchange, ExchangeError, Manifest, Staging, exchange_facts
from spi_analysis.runner.dask.sameness import describe, may_not_start, shared_facts
from spi_analysis.runner.fingerprint import is_output

NAME = "spi-node"
# Seconds between two checks whether the run still waits for a step.
LOOK = 0.25
# Further seconds that ending a notebook may take on a busy machine; usually some tenths.
STOPPING = 60.0


@dataclass(frozen=True)
class Job:
    """Facts common to all steps of a run; ``run`` identifies it.

    ``exchange`` is the address through which files are handed over, if ``root`` is on no shared disk.
    """

    run: str
    root: str
    round_id: str
    engine: EngineName
    limits: Limits
    exchange: str = ""


async def join(job: Job, signed: str, store: str, dask_worker: Any) -> dict[str, Any]:
    """Prepare for a run; returns the facts of this worker (``sameness.describe``)."""
    if NAME not in dask_worker.plugins:
        await dask_worker.plugin_add(Node(), NAME)
    await asyncio.to_thread(dask_worker.plugins[NAME].forget_all_but, job)
    return await asyncio.to_thread(_facts, job, signed, store)


def _facts(job: Job, signed: str, store: str) -> dict[str, Any]:
    return describe(exchange_facts(job.exchange, job.run) if job.exchange else shared_facts(signed, store))


async def leave(job: Job, dask_worker: Any) -> None:
    """Stop the steps of this run; after that none of them writes any more."""
    if NAME in dask_worker.plugins:
        await asyncio.to_thread(dask_worker.plugins[NAME].leave, job)


def do_step(job: Job, key: tuple[str, str], manifest: Manifest) -> tuple[Outcome, Changes]:
    """Run a step, as a Dask task; it is stopped when the run no longer waits for it.

    Its inputs are those of the manifest, and what it has changed is given back, where there is an exchange.
    """
    worker = get_worker()
    task = worker.get_current_task()

    def wanted() -> bool:
        state = worker.state.tasks.get(task)
        return state is not None and state.state == "executing"

    return worker.plugins[NAME].run(job, step_of(key), manifest, wanted)


class _Seat:
    """A pool of one place, and its folder in the place of the workspace where there is an exchange."""

    def __init__(self, job: Job) -> None:
        self._round_id, self._root = job.round_id, Path(job.root)
        self.pool: Pool | None = None
        self._staging: Staging | None = None
        if job.exchange:
            # Dask removes its own folder also for a worker that was killed.
            self._staging = Staging(Exchange(job.exchange, job.run), Path(get_worker().local_directory))
            self._root = self._staging.root

    @cached_property
    def setup(self) -> RoundSetup:
        """Read once the parameters are there."""
        return load_setup(Workspace(self._root), self._round_id, of=())

    def prepare(self, manifest: Manifest) -> None:
        """Bring the folder to the inputs of a step."""
        if self._staging is not None:
            self._staging.prepare(manifest)

    def changes(self, step: Step) -> Changes:
        """Give what a step has made."""
        if self._staging is None:
            return Changes({})
        return self._staging.changes(lambda name: is_output(self.setup, step, name))

    def close(self) -> None:
        """End the processes, then remove the folder."""
        if self.pool is not None:
            self.pool.close()
        if self._staging is not None:
            self._staging.close()


class Node(WorkerPlugin):
    """The state that a Dask worker keeps between steps; it ends with the worker."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._parent = WarmParent(self._said.append)
        self._idle: list[tuple[Job, _Seat]] = []
        self._busy: list[Job] = []
        self._left: set[str] = set()
        self._closed = False
        self._lock = threading.Lock()

    def run(self, job: Job, step: Step, manifest: Manifest, wanted: Callable[[], bool]) -> tuple[Outcome, Changes]:
        """The outcome of a step; the step is stopped if its run ends, the worker closes or the task is cancelled."""
        self._busy.append(job)
        seat = None
        try:
            seat = self._idle_seat(job) or _Seat(job)
            seat.prepare(manifest)
            pool = seat.pool = seat.pool or self._new_pool(job, seat)
            with self._lock:
                pool.start(step)
            while not self._closed and job.run not in self._left and wanted():
                for _, outcome in pool.wait(LOOK):
                    changes = seat.changes(step)
                    self._idle.append((job, seat))
                    seat = None
                    return self._with_notes(outcome), changes
            # If the run still waits, the worker is closing: the step may succeed on another one.
            return _fault(step, "the Dask worker was closed"), Changes({})
        except ExchangeError as error:
            return _fault(step, f"{error.in_short} ({socket.gethostname()})"), Changes({})
        finally:
            if seat is not None:
                seat.close()
            self._busy.remove(job)

    def forget_all_but(self, job: Job) -> None:
        """Close the idle pools of other runs: theirs may have been killed."""
        self._close_idle(lambda other: other != job)

    def leave(self, job: Job) -> None:
        """Stop the steps of this run, and wait until they have stopped."""
        self._left.add(job.run)
        self._wait_until(lambda: job not in self._busy)
        self._close_idle(lambda other: other == job)

    async def teardown(self, worker: Any) -> None:
        """The worker closes: end the steps that run and the warm process."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """End everything."""
        self._closed = True
        self._wait_until(lambda: not self._busy)
        self._close_idle(lambda _: True)
        self._parent.close()

    def _idle_seat(self, job: Job) -> _Seat | None:
        with self._lock:
            for one in self._idle:
                if one[0] == job:
                    self._idle.remove(one)
                    return one[1]
        return None

    def _new_pool(self, job: Job, seat: _Seat) -> Pool:
        pool = Pool(seat.setup, job.engine, 1, job.limits, self._said.append, self._parent)
        if pool.engine == "stock" and multiprocessing.current_process().daemon:
            pool.close()
            raise SpiError(may_not_start(socket.gethostname()))
        return pool

    def _close_idle(self, which: Callable[[Job], bool]) -> None:
        with self._lock:
            closing = [one for one in self._idle if which(one[0])]
            for one in closing:
                self._idle.remove(one)
        for _, seat in closing:
            seat.close()

    def _with_notes(self, outcome: Outcome) -> Outcome:
        said = [f"{text} ({socket.gethostname()})" for text in self._said]
        self._said.clear()
        return replace(outcome, notes=(*outcome.notes, *said)) if said else outcome

    def _wait_until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + GRACE + STOPPING
        while not done() and time.monotonic() < until:
            time.sleep(0.02)


def _fault(step: Step, what: str) -> Outcome:
    return Outcome(step.key, 0.0, (), str(failed(step, None, what)), fault=True)
