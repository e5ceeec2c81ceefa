"""Processes that run one step after another; each has one end of a connection, the runner the other."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.resource_tracker as resource_tracker
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from spi_analysis.batch.forks.client import ForkServer, fork
from spi_analysis.batch.forks.environment import DEFAULT_PROVISIONER, MARK, fixed_environment
from spi_analysis.batch.limits import EngineName, Limits
from spi_analysis.batch.outcome import NO_MEMORY, Outcome, failed
from spi_analysis.batch.plan import Step

# Seconds that a worker has to put things in order when it is stopped.
GRACE = 3.0
# Seconds that looking for what a worker has started may take at most; as a rule there is nothing left at once.
KILLING = 30.0
_numbers = itertools.count()


class Stopped(BaseException):
    """Somebody wants this process to end."""


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
    # Here, since whoever starts workers runs no notebook itself.
    from spi_analysis.batch.engine import run_step

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

    So nothing escapes that has a session of its own, or whose parent has died.
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
    """The runner's side of a worker: at most one step at a time, with a clock."""

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
        """Take a message; the outcome if it was one, also if the process has gone without a word."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return self._failed(f"its process died ({self.exit_text()}) without saying what became of it", fault=True)
        if isinstance(message, Outcome):
            return message
        self._cell, self._cells_done = message, message is None
        return None

    def overdue(self) -> Outcome:
        """Stop a step whose time is over."""
        self.stop()
        where = ", and was at what follows its last cell" if self._cells_done else ""
        return self._failed(f"the notebook took longer than {self._limits.notebook} s{where}")

    def _failed(self, what: str, fault: bool = False) -> Outcome:
        assert self.step is not None
        error = str(failed(self.step, self._cell, what, NO_MEMORY if fault else ""))
        return Outcome(self.step.key, time.monotonic() - self._started, (), error, cell=self._cell, fault=fault)

    def ask_to_stop(self) -> None:
        """Let it put things in order and end."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, until: float | None = None) -> None:
        """Ask it to stop, wait a little, then kill it with all that it started."""
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
            self._child = fork(server.folder, "worker", arguments, (theirs.fileno(),), env=env, cwd=root)
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
        # What a worker that was killed leaves behind goes with its folder.
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
