"""The runner's side: sends steps to Dask's workers, one by one, and receives their outcomes.

The runner chooses the worker, so that a step is never with two of them, nothing waits in Dask's queues, and a worker
that dies is a fault of the step like a dead process on this machine: the rule of ``pool.run_steps`` tries it again.
With an exchange it gives the inputs of each step before it is sent, and takes what was made when it is done.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from uuid import uuid4

from distributed import Client, Future, Security

from spi_analysis.errors import Problem
from spi_analysis.params import RoundSetup
from spi_analysis.runner import EngineName, Limits, Outcome, Step, failed
from spi_analysis.runner.dask.exchange import Changes, ExchangeError, Manifest, RunnerExchange
from spi_analysis.runner.dask.node import Job, do_step, join, leave
from spi_analysis.runner.dask.sameness import MachinesError, describe, differences, first_line, shared_facts, sign

T = TypeVar("T")
# Seconds until a scheduler has to answer.
CONNECT = 30
# Seconds that a run waits for a worker when there is none, since a new worker takes some time to start.
PATIENCE = 120
# Seconds between two checks of the list of workers.
LOOK = 1.0


@dataclass(frozen=True)
class _Running:
    step: Step
    worker: str
    future: Future
    started: float
    manifest: Manifest


class DaskPool:
    """Runs steps on the workers of a Dask scheduler; after closing, no step runs on.

    Parameters
    ----------
    scheduler : its address
    exchange : address through which files are handed over ("": through a shared disk)
    workers : steps at a time (None: as many as the workers have threads)
    report : takes messages for the operator

    Raises
    ------
    MachinesError   the scheduler does not answer, has no workers, or some of them are not as this machine is; the
        exchange cannot be used.
    """

    def __init__(
        self,
        scheduler: str,
        exchange: str,
        setup: RoundSetup,
        engine: EngineName,
        workers: int | None,
        limits: Limits,
        report: Callable[[str], None],
    ) -> None:
        self._scheduler, self._setup, self._most, self._report = scheduler, setup, workers, report
        run = uuid4().hex
        self._exchange = RunnerExchange(exchange, run, setup, report) if exchange else None
        address = self._exchange.address if self._exchange else ""
        self._job = Job(run, str(setup.workspace.root), setup.round.round_id, engine, limits, address)
        # Address -> threads of the workers that match this machine; differences of others have been reported.
        self._places: dict[str, int] = {}
        self._refused: set[str] = set()
        self._running: dict[str, _Running] = {}
        self._tried: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._ended: SimpleQueue[Future] = SimpleQueue()
        self._looked = 0.0
        # Steps whose inputs could not be given.
        self._not_sent: list[tuple[Step, Outcome]] = []
        self._client = self._connect()
        try:
            if self._exchange:
                self._exchange.open()
            wrong = self._wait_for_workers()
            if wrong:
                raise MachinesError(*wrong)
        except BaseException:
            self.close()
            raise

    @property
    def free(self) -> int:
        """How many more steps can be started now."""
        free = sum(self._free_at(worker) for worker in self._places)
        return free if self._most is None else min(free, self._most - len(self._running))

    def start(self, step: Step) -> None:
        """Begin a step on the worker with most free places, preferably one that has not tried it yet."""
        tried = self._tried[step.key]
        worker = max(self._places, key=lambda one: (self._free_at(one) > 0, one not in tried, self._free_at(one)))
        tried.add(worker)
        started = time.monotonic()
        try:
            manifest = self._exchange.give(step) if self._exchange else {}
        except ExchangeError as error:
            self._not_sent.append((step, _fault(step, started, error.in_short)))
            return
        # Each attempt has a key of its own: Dask would give the outcome of the one before.
        key = f"{step.notebook.number}-{step.institution_id or 'overview'}-{uuid4().hex}"
        future = self._client.submit(
            do_step,
            self._job,
            step.key,
            manifest,
            key=key,
            workers=[worker],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        self._running[key] = _Running(step, worker, future, started, manifest)
        future.add_done_callback(self._ended.put)

    def wait(self) -> list[tuple[Step, Outcome]]:
        """The steps that ended; waits for one at least while any is running, and for a worker if there is none.

        Raises
        ------
        MachinesError   the scheduler has gone, or all workers have, and none has come for a while.
        """
        if self._not_sent:
            not_sent, self._not_sent = self._not_sent, []
            return not_sent
        while self._running:
            with contextlib.suppress(Empty):
                running = self._running.pop(self._ended.get(timeout=LOOK).key, None)
                if running is not None:
                    return [(running.step, self._outcome(running))]
            if time.monotonic() - self._looked >= LOOK:
                self._look(self._note)
            lost = [(key, one) for key, one in self._running.items() if one.worker not in self._places]
            if lost:
                return [self._lost(key, one) for key, one in lost]
        if not self._places:
            self._report("no Dask worker is left; waiting for one")
            self._note(self._wait_for_workers())
        return []

    def close(self) -> None:
        """Stop running steps on the workers; disconnect from the scheduler; remove what lies in the exchange."""
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._client.cancel([one.future for one in self._running.values()])
            if self._places:
                self._client.run(leave, self._job, workers=list(self._places), on_error="ignore")
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._client.close(timeout=CONNECT)
        if self._exchange:
            self._exchange.close()

    def _connect(self) -> Client:
        if self._scheduler.startswith("tls://") and not (Security().tls_ca_file and Security().tls_client_cert):
            raise MachinesError(
                "this address asks for TLS, and no certificates are named",
                key=self._scheduler,
                expected="DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and ...__CLIENT__KEY",
                hint="docs/more_machines.md has all of them",
            )
        try:
            return Client(self._scheduler, timeout=CONNECT, name="spi-run", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise MachinesError(
                "the Dask scheduler cannot be reached",
                key=self._scheduler,
                got=first_line(error),
                expected=f"an answer within {CONNECT} s",
                hint="is it running (dask scheduler), is the port open to this machine, and is it tcp:// or tls://?",
            ) from None

    def _asked(self, call: Callable[..., T], *arguments: Any, **options: Any) -> T:
        try:
            return call(*arguments, **options)
        except (OSError, RuntimeError, TimeoutError) as error:
            raise MachinesError(
                "the Dask scheduler does not answer any more",
                key=self._scheduler,
                got=first_line(error),
                hint="start it and its workers again, then spi run: it goes on where it was",
            ) from None

    def _wait_for_workers(self) -> list[Problem]:
        """Wait until there is a worker that can be used, or one that cannot; returns the differences of the latter.

        Raises
        ------
        MachinesError   none came.
        """
        until, wrong = time.monotonic() + PATIENCE, list[Problem]()
        while True:
            self._look(wrong.extend)
            if self._places or wrong:
                return wrong
            if time.monotonic() > until:
                break
            time.sleep(LOOK)
        raise MachinesError(
            "the Dask scheduler has no workers",
            key=self._scheduler,
            got=f"none for {PATIENCE} s" + (f"; {len(self._refused)} that cannot be used" if self._refused else ""),
            expected="one worker at least, on a machine that shares this "
            + ("exchange" if self._exchange else "workspace"),
            hint=f"start one on each machine: dask worker {self._scheduler}",
        )

    def _look(self, tell: Callable[[list[Problem]], Any]) -> None:
        """Update the list of workers; new ones are compared with this machine."""
        threads = self._asked(self._client.nthreads)
        self._places = {worker: n for worker, n in threads.items() if worker in self._places}
        self._refused &= set(threads)
        new = [worker for worker in threads if worker not in self._places and worker not in self._refused]
        if new:
            tell(self._join(new, threads))
        self._looked = time.monotonic()

    def _join(self, workers: list[str], threads: dict[str, int]) -> list[Problem]:
        problems: list[Problem] = []
        store = str(self._setup.workspace.data / self._setup.round.round_id)
        with sign(self._setup) if not self._exchange else contextlib.nullcontext("") as signed:
            seen = self._exchange.facts() if self._exchange else shared_facts(str(signed), store)
            here = describe(seen) | {"root": self._exchange.place if self._exchange else self._job.root}
            answers = self._asked(
                self._client.run, join, self._job, str(signed), store, workers=workers, on_error="return"
            )
        for worker, answer in answers.items():
            if isinstance(answer, OSError) and answer.errno is None:
                # The worker left while it was asked (an error of Dask, not of its files); if it is still there, it is
                # asked again.
                continue
            wrong = differences(f"Dask worker {worker}", self._job.engine, here, answer)
            problems += wrong
            if wrong:
                self._refused.add(worker)
            else:
                self._places[worker] = threads[worker]
        return problems

    def _note(self, problems: Iterable[Problem]) -> None:
        """Workers that came later and cannot be used: the run goes on with the others."""
        for problem in problems:
            self._report(f"not used: {problem}")

    def _free_at(self, worker: str) -> int:
        return self._places[worker] - Counter(one.worker for one in self._running.values())[worker]

    def _outcome(self, running: _Running) -> Outcome:
        if running.future.status == "finished":
            outcome, changes = running.future.result()
            return self._with_files(running, outcome, changes) if self._exchange else outcome
        # Errors of a notebook do not come here: a step that could not be started is sent to the worker again.
        self._places.pop(running.worker, None)
        self._looked = 0.0
        error = running.future.exception() if running.future.status == "error" else "Dask let go of it"
        return _fault(
            running.step, running.started, f"the Dask worker {running.worker} did not run it ({first_line(error)})"
        )

    def _with_files(self, running: _Running, outcome: Outcome, changes: Changes) -> Outcome:
        """What became of a step once its files are here."""
        assert self._exchange is not None
        try:
            if outcome.fault:
                self._exchange.forget(running.manifest)
            notes = self._exchange.take(running.step, changes, outcome.ok)
        except ExchangeError as error:
            return _fault(running.step, running.started, error.in_short)
        return replace(outcome, notes=(*outcome.notes, *notes))

    def _lost(self, key: str, running: _Running) -> tuple[Step, Outcome]:
        del self._running[key]
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._client.cancel([running.future])
        return running.step, _fault(running.step, running.started, f"the Dask worker {running.worker} has gone")


def _fault(step: Step, started: float, what: str) -> Outcome:
    return Outcome(step.key, time.monotonic() - started, (), str(failed(step, None, what)), fault=True)
