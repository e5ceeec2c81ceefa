"""As many workers as were asked for; a step goes in, an outcome comes out."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path

from spi_analysis.batch.forks.client import ForkError, ForkServer
from spi_analysis.batch.forks.wire import short_folder
from spi_analysis.batch.limits import EngineName, Limits
from spi_analysis.batch.outcome import Outcome
from spi_analysis.batch.parent import WarmParent
from spi_analysis.batch.plan import Step
from spi_analysis.batch.workers import GRACE, ForkedWorker, SpawnedWorker, Worker
from spi_analysis.params import RoundSetup

# How often a worker is asked of a fork server, and seconds in between.
ATTEMPTS, PAUSE = 3, 0.2


class Pool:
    """Runs steps in processes of their own; closed, it leaves none behind.

    Parameters
    ----------
    engine : "kernel", "fast" or "stock"; where forking is not safe the stock engine takes over, with a message
    workers : steps at a time (None: as many as there are cores)
    say : takes messages for the operator
    parent : a warm process that outlives this pool (default: one of its own)
    """

    def __init__(
        self,
        setup: RoundSetup,
        engine: EngineName,
        workers: int | None,
        limits: Limits,
        say: Callable[[str], None],
        parent: WarmParent | None = None,
    ) -> None:
        self._root, self._round_id = str(setup.workspace.root), setup.round.round_id
        self._size, self._limits, self._engine = workers or os.cpu_count() or 1, limits, engine
        self._workers: list[Worker] = []
        self._parent, self._is_own = parent or WarmParent(say), parent is None
        self._folder: Path | None = None
        self._current_server()

    @property
    def engine(self) -> EngineName:
        """The engine that steps are run with."""
        return self._engine

    @property
    def free(self) -> int:
        """How many more steps can be started now."""
        return self._size - len(self._busy)

    @property
    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.step is not None]

    def start(self, step: Step) -> None:
        """Begin a step; there must be a free place.

        Raises
        ------
        ForkError   the fork server is gone again and again; one that went just now is replaced.
        """
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(ForkError):
                self._idle_worker().start(step)
                return
            time.sleep(PAUSE)
        self._idle_worker().start(step)

    def wait(self, most: float = math.inf) -> list[tuple[Step, Outcome]]:
        """The steps that ended; waits for one at least while any is running, ``most`` seconds at the longest."""
        done: list[tuple[Step, Outcome]] = []
        until = time.monotonic() + most
        while self._busy and not done and time.monotonic() <= until:
            seconds = max(0.0, min(until - time.monotonic(), *(worker.seconds_left for worker in self._busy)))
            ready = wait([worker.connection for worker in self._busy], timeout=seconds)
            for worker in self._busy:
                if worker.connection in ready:
                    outcome = worker.heard()
                elif worker.seconds_left <= 0:
                    outcome = worker.overdue()
                else:
                    continue
                if outcome is not None:
                    done.append((self._finish(worker, outcome), outcome))
        return done

    def close(self) -> None:
        """Stop what runs and end all processes."""
        until = time.monotonic() + GRACE
        for worker in self._workers:
            worker.ask_to_stop()
        for worker in self._workers:
            worker.stop(until)
        if self._is_own:
            self._parent.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _idle_worker(self) -> Worker:
        current = self._current_server()
        for worker in list(self._workers):
            if worker.step is None:
                if worker.server is current:
                    return worker
                self._discard(worker)
        self._workers.append(self._new_worker(current))
        return self._workers[-1]

    def _current_server(self) -> ForkServer | None:
        server = self._parent.current() if self._engine != "stock" else None
        if server is None:
            self._engine = "stock"
        return server

    def _new_worker(self, server: ForkServer | None) -> Worker:
        if server is None:
            self._folder = self._folder or short_folder()
            return SpawnedWorker(self._folder, self._root, self._round_id, self._limits)
        return ForkedWorker(server, self._root, self._round_id, self._engine, self._limits)

    def _finish(self, worker: Worker, outcome: Outcome) -> Step:
        step = worker.step
        assert step is not None
        worker.step = None
        # After a failure a new process takes over: nothing of it reaches the next institution.
        if not outcome.ok:
            self._discard(worker)
        return step

    def _discard(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.kill()
