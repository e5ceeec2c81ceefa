"""As many workers as were asked for; a step goes in, an outcome comes out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from multiprocessing.connection import wait

from spi_analysis.batch.engine import EngineName, Limits
from spi_analysis.batch.forks.client import ForkError, ForkServer
from spi_analysis.batch.forks.wire import short_folder
from spi_analysis.batch.outcome import Outcome
from spi_analysis.batch.plan import Step
from spi_analysis.batch.workers import GRACE, ForkedWorker, SpawnedWorker, Worker, forking_is_safe_here
from spi_analysis.params import RoundSetup


class Pool:
    """Runs steps in processes of their own; closed, it leaves none behind.

    Parameters
    ----------
    engine : "kernel", "fast" or "stock"; where forking is not safe the stock engine takes over, with a message
    say : takes messages for the operator
    """

    def __init__(
        self, setup: RoundSetup, engine: EngineName, workers: int, limits: Limits, say: Callable[[str], None]
    ) -> None:
        self._root, self._round_id = str(setup.workspace.root), setup.round.round_id
        self._size, self._limits, self._say = workers, limits, say
        self._folder = short_folder()
        self._workers: list[Worker] = []
        self._servers: list[ForkServer] = []
        self._engine = self._start_server(engine)

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
        """Begin a step; there must be a free place."""
        self._idle_worker().start(step)

    def wait(self) -> list[tuple[Step, Outcome]]:
        """The steps that ended; waits for one at least while any is running."""
        done: list[tuple[Step, Outcome]] = []
        while self._busy and not done:
            seconds = max(0.0, min(worker.seconds_left for worker in self._busy))
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
        for server in self._servers:
            server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start_server(self, engine: EngineName) -> EngineName:
        if engine == "stock":
            return engine
        why = forking_is_safe_here()
        if not why:
            try:
                self._servers.append(ForkServer())
                threads = self._servers[-1].wait_until_ready()["threads"]
                why = f"the process to fork from has {threads} threads" if threads > 1 else ""
            except ForkError as error:
                why = f"{error.problems[0].what}: {error.problems[0].got}"
        if why:
            self._say(f"notebooks are run by the stock engine: {why}")
        return "stock" if why else engine

    def _idle_worker(self) -> Worker:
        if self._servers and self._engine != "stock" and not self._servers[-1].is_current():
            # The code has changed, or the server was killed: what starts now runs what is on disk now.
            self._engine = self._start_server(self._engine)
        current = self._servers[-1] if self._engine != "stock" else None
        for worker in list(self._workers):
            if worker.step is None:
                if worker.server is current:
                    return worker
                self._discard(worker)
        self._workers.append(self._new_worker(current))
        return self._workers[-1]

    def _new_worker(self, server: ForkServer | None) -> Worker:
        if server is None:
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
