"""The pool of workers of this machine: takes steps and returns outcomes."""

from __future__ import annotations

import contextlib
import itertools
import math
import multiprocessing
import multiprocessing.resource_tracker as resource_tracker
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from forked_papermill import DEFAULT_PROVISIONER, ForkError, ForkServer, fork, short_folder
from spi_analysis.errors import NotebookError
from spi_analysis.params import RoundSetup
from spi_analysis.runner.forks import MARK, SPI, fixed_environment
from spi_analysis.runner.plan import EngineName, Limits, Outcome, Step, failed, left_out, why_it_died

# Processes that run one step after another; each has one end of a connection, the runner the other.

# Seconds that a worker has for its clean-up when a run is stopped: somebody waits.
GRACE = 3.0
# Seconds that it has to save what there is of a notebook whose time is over: nobody waits, and the machine may be busy.
SAVING = 60.0
# Seconds that looking for what a worker has started may take at most; as a rule there is nothing left at once.
KILLING = 30.0
_numbers = itertools.count()


class Stopped(BaseException):
    """This process was asked to end."""


def forked_worker(number: int, root: str, round_id: str, engine: EngineName, limits: Sequence[int]) -> int:
    """A worker in a child of the fork server."""
    _work(Connection(number), root, round_id, engine, Limits(*limits))
    return 0


def spawned_worker(
    connection: Any, root: str, round_id: str, engine: EngineName, limits: Sequence[int], env: dict[str, str]
) -> None:
    """A worker started by multiprocessing, where forking is not safe."""
    # Multiprocessing has run the main script anew, which may have put back what a notebook must not see.
    os.environ.clear()
    os.environ.update(env)
    os.environ.pop(DEFAULT_PROVISIONER, None)
    threading.Thread(target=_end_with_the_runner, daemon=True).start()
    _work(connection, root, round_id, engine, Limits(*limits))


def _work(connection: Any, root: str, round_id: str, engine: EngineName, limits: Limits) -> None:
    # Imported here, since the process that starts workers runs no notebook itself.
    from spi_analysis.runner.execute import run_step

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.suppress(EOFError, Stopped):
        while True:
            step = connection.recv()
            connection.send(run_step(root, round_id, step, engine, limits, connection.send))


def _stop(*_: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _end_with_the_runner() -> None:
    runner = multiprocessing.parent_process()
    assert runner is not None
    runner.join()
    place = Path(os.environ[MARK])
    kill_marked(place)
    shutil.rmtree(place, ignore_errors=True)
    with contextlib.suppress(OSError):
        # The last one finds it empty.
        place.parent.rmdir()
    os._exit(1)


def kill_marked(place: Path) -> None:
    """Kill the processes of a worker, but not this one: all that have its folder in the environment they started with.

    This includes processes with a session of their own, or whose parent has died.
    """
    import psutil

    until, found = time.monotonic() + KILLING, True
    while found and time.monotonic() < until:
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(MARK) == str(place):
                    process.kill()
                    found = True


class Worker:
    """The runner's side of a worker: at most one step at a time, with a time limit."""

    connection: Any
    pid: int

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.step: Step | None = None
        self._cell: int | None = None
        self._cells_done = False
        self._started = 0.0

    def start(self, step: Step) -> None:
        """Hand over a step."""
        self.step, self._cell, self._cells_done, self._started = step, None, False, time.monotonic()
        with contextlib.suppress(OSError):
            self.connection.send(step)

    @property
    def seconds_left(self) -> float:
        """Until the notebook's time is over."""
        return self._started + self._limits.notebook - time.monotonic()

    def heard(self) -> Outcome | None:
        """Receive a message; returns the outcome if it was one, or if the process has died."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return self._failed(f"its process died ({self.exit_text()}) without saying what became of it", fault=True)
        if isinstance(message, Outcome):
            return message
        self._cell, self._cells_done = message, message is None
        return None

    def overdue(self) -> Outcome:
        """Stop a step whose time is over; what there is of its notebook is saved first."""
        self.stop(time.monotonic() + SAVING)
        where = ", and was at what follows its last cell" if self._cells_done else ""
        return self._failed(f"the notebook took longer than {self._limits.notebook} s{where}")

    def _failed(self, what: str, fault: bool = False) -> Outcome:
        assert self.step is not None
        error = str(failed(self.step, self._cell, what, why_it_died() if fault else ""))
        return Outcome(self.step.key, time.monotonic() - self._started, (), error, cell=self._cell, fault=fault)

    def ask_to_stop(self) -> None:
        """Ask the worker to clean up and end."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, until: float | None = None) -> None:
        """Ask the worker to stop, wait briefly, then kill it with all that it started."""
        self.ask_to_stop()
        end = time.monotonic() + GRACE if until is None else until
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll(max(0.0, end - time.monotonic())):
                self.connection.recv()
        self.kill()

    def kill(self) -> None:
        """End the process and all that it started, now."""
        raise NotImplementedError

    def exit_text(self) -> str:
        """How the process ended, in words."""
        raise NotImplementedError


class ForkedWorker(Worker):
    """A worker forked by a server."""

    def __init__(self, server: ForkServer, root: str, round_id: str, engine: EngineName, limits: Limits) -> None:
        super().__init__(limits)
        self.server = server
        arguments = {"root": root, "round_id": round_id, "engine": engine, "limits": astuple(limits)}
        ours, theirs = socket.socketpair()
        with theirs:
            env = fixed_environment(server.folder)
            self._child = fork(server.folder, "worker", arguments, env, (theirs.fileno(),), cwd=root)
        self.pid = self._child.pid
        self.connection = Connection(ours.detach())

    def kill(self) -> None:
        self.connection.close()
        self._child.close()

    def exit_text(self) -> str:
        complaint = self.server.complaint()
        return exit_in_words(self._child.wait(GRACE)) + (f"; {complaint}" if complaint else "")


class SpawnedWorker(Worker):
    """A worker started anew, for the stock engine."""

    server = None

    def __init__(self, folder: Path, root: str, round_id: str, limits: Limits) -> None:
        super().__init__(limits)
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # Files of a killed worker are removed with its folder.
        self._place = folder / f"w{next(_numbers)}"
        self._place.mkdir(mode=0o700, parents=True)
        env = fixed_environment(self._place) | {"TMPDIR": str(self._place), MARK: str(self._place)}
        arguments = (theirs, root, round_id, "stock", astuple(limits), env)
        self._process = context.Process(target=spawned_worker, args=arguments, daemon=False)
        # Of this process, not of the worker, which it outlives.
        resource_tracker.ensure_running()
        with _environment(env):
            self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def kill(self) -> None:
        self.connection.close()
        kill_marked(self._place)
        self._process.join()
        shutil.rmtree(self._place, ignore_errors=True)

    def exit_text(self) -> str:
        self._process.join(GRACE)
        return exit_in_words(self._process.exitcode)


@contextlib.contextmanager
def _environment(env: dict[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def exit_in_words(code: int | None) -> str:
    """An exit code for people."""
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def forking_is_safe_here() -> str:
    """Empty, or why this system cannot fork."""
    return "" if sys.platform == "linux" else f"forking is safe on Linux only, and this is {sys.platform}"


# The warm process that workers are forked from: started when it is first needed, replaced when the code changes.


class WarmParent:
    """Keeps one fork server for all pools of a process; closed, it ends the server with all its children.

    Parameters
    ----------
    report : takes a message for the operator where forking is not safe and the stock engine takes over
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.servers: list[ForkServer] = []
        self._report, self._cannot, self._lock = report, False, threading.Lock()

    def current(self) -> ForkServer | None:
        """A server of the code as it is on disk now; None where forking is not safe."""
        with self._lock:
            # The code has changed, or the server was killed or its folder removed: start another.
            if not self._cannot and not (self.servers and self.servers[-1].is_up_to_date()):
                for server in self.servers:
                    server.retire()
                self._start()
            return None if self._cannot else self.servers[-1]

    def close(self) -> None:
        """End all servers."""
        for server in self.servers:
            server.close()

    def _start(self) -> None:
        why = forking_is_safe_here()
        if not why:
            try:
                self.servers.append(ForkServer(SPI))
                threads = self.servers[-1].wait_until_ready()["threads"]
                why = f"the process to fork from has {threads} threads" if threads > 1 else ""
            except ForkError as error:
                why = str(error)
        if why:
            self._report(f"notebooks are run by the stock engine: {why}")
        self._cannot = bool(why)


# Attempts to get a worker from a fork server, and seconds between them.
START_ATTEMPTS, START_PAUSE = 3, 0.2


class Pool:
    """Runs steps in processes of their own; closed, it leaves none behind.

    Parameters
    ----------
    engine : "kernel", "fast" or "stock"; where forking is not safe the stock engine takes over, with a message
    workers : steps at a time (None: as many as there are cores)
    report : takes messages for the operator
    parent : a warm process that outlives this pool (default: one of its own)
    """

    def __init__(
        self,
        setup: RoundSetup,
        engine: EngineName,
        workers: int | None,
        limits: Limits,
        report: Callable[[str], None],
        parent: WarmParent | None = None,
    ) -> None:
        self._root, self._round_id = str(setup.workspace.root), setup.round.round_id
        self._size, self._limits, self._engine = workers or os.cpu_count() or 1, limits, engine
        self._workers: list[Worker] = []
        self._parent, self._is_own = parent or WarmParent(report), parent is None
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
        NotebookError   the fork server is gone again and again; one that went just now is replaced.
        """
        for _ in range(START_ATTEMPTS - 1):
            with contextlib.suppress(ForkError):
                self._idle_worker().start(step)
                return
            time.sleep(START_PAUSE)
        try:
            self._idle_worker().start(step)
        except ForkError as error:
            hint = "run it again; --engine stock forks no process"
            raise NotebookError("no process can be forked", key=str(step), got=str(error), hint=hint) from None

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


# Run the steps of a plan in their order, as many at a time as there are workers, here or elsewhere.

# Attempts for a step whose process died, since the cause may lie outside the step. Errors of a notebook are not tried
# again, since they would repeat.
ATTEMPTS = 3
# Seconds before the next attempt: a machine without free memory gets some time to recover.
PAUSE = 0.2


class StepRunner(Protocol):
    """What runs steps: the pool of this machine, or Dask's workers (``runner.dask``)."""

    @property
    def free(self) -> int:
        """How many more steps can be started now."""

    def start(self, step: Step) -> None:
        """Begin a step; there must be a free place."""

    def wait(self) -> list[tuple[Step, Outcome]]:
        """The steps that ended; waits for one at least while any is running."""

    def close(self) -> None:
        """Stop running steps; after that none of them writes any more."""


# Called with setup, engine, workers (None: all there are), limits and a function for messages, as ``Pool`` is.
OpenRunner = Callable[[RoundSetup, EngineName, int | None, Limits, Callable[[str], None]], StepRunner]


def run_steps(
    setup: RoundSetup,
    steps: Sequence[Step],
    workers: int | None,
    on_start: Callable[[Step], None] = lambda step: None,
    is_up_to_date: Callable[[Step], bool] = lambda step: False,
    engine: EngineName = "kernel",
    limits: Limits | None = None,
    report: Callable[[str], None] = lambda text: None,
    open_runner: OpenRunner = Pool,
) -> Iterator[tuple[Step, Outcome]]:
    """Run steps as soon as what they need is done; yields each with its outcome.

    A step whose predecessor failed is not run; it is reported as left out, with the reason. A step that is up to date
    when its turn comes is skipped silently; the first process is started for the first step that is not. A step whose
    process died is tried again. Stopping the iteration ends running steps.
    """
    waiting = list(steps)
    done: dict[tuple[str, str], Outcome] = {}
    attempts: Counter[tuple[str, str]] = Counter()
    runner: StepRunner | None = None
    try:
        while waiting or len(done) < len(steps):
            for step in _ready(waiting, done):
                if runner and not runner.free:
                    break
                why = _why_not(step, done)
                if why:
                    done[step.key] = left_out(step, why)
                    yield step, done[step.key]
                elif attempts[step.key] == 0 and is_up_to_date(step):
                    done[step.key] = Outcome(step.key, 0.0, ())
                else:
                    runner = runner or open_runner(setup, engine, workers, limits or Limits(), report)
                    on_start(step)
                    attempts[step.key] += 1
                    runner.start(step)
                waiting.remove(step)
            for step, outcome in runner.wait() if runner else ():
                if outcome.fault and attempts[step.key] < ATTEMPTS:
                    report(f"{step}: tried again, since {outcome.error.partition('got: ')[2].partition(chr(10))[0]}")
                    time.sleep(PAUSE)
                    waiting.append(step)
                else:
                    done[step.key] = _after(outcome, attempts[step.key])
                    yield step, done[step.key]
    finally:
        if runner:
            runner.close()


def _after(outcome: Outcome, attempts: int) -> Outcome:
    note = f"its process died {attempts - 1} times before" if attempts > 1 and outcome.ok else ""
    return replace(outcome, notes=(*outcome.notes, note)) if note else outcome


def _ready(waiting: Sequence[Step], done: dict[tuple[str, str], Outcome]) -> list[Step]:
    return [step for step in waiting if all(key in done for key in step.after)]


def _why_not(step: Step, done: dict[tuple[str, str], Outcome]) -> str:
    failed = [number for number, institution_id in step.after if not done[(number, institution_id)].ok]
    if failed and step.institution_id:
        return f"notebook {', '.join(failed)} of this institution failed"
    return ""
