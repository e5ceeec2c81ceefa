"""The fork server: imports everything once, single-threaded, and forks a clean child on request.

Started by ``client.ForkServer`` as ``python -m forked_papermill.server FOLDER PROFILE``. It lives as long as its
standard input is open, and each child as long as the connection of the process that asked for it: kill -9 of the
runner, of a worker or of the server leaves no process behind.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from forked_papermill import child, wire
from forked_papermill.guard import Guard, kill_group
from forked_papermill.profile import PLAIN, Profile, call_if_any, named

# Seconds that a request may take to arrive after a connection.
PATIENCE = 30.0
# New objects after which the garbage collector of a child runs (Python: 700). Charts and tables make so many that the
# default would take some 7 % of a notebook's time.
COLLECT_AFTER = 50_000
# Modules that every kernel and shell needs.
MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "IPython.display",
    "forked_papermill.kernel",
    "forked_papermill.shell",
)


def tasks() -> int:
    """Threads of this process, as the system counts them: also those that Python knows nothing of."""
    return len(os.listdir("/proc/self/task"))


class Server:
    """Forks on request, reports when a child has ended, and kills it when its client has gone."""

    def __init__(self, folder: Path, profile: Profile = PLAIN) -> None:
        self.folder, self.profile, self.pid = folder, profile, os.getpid()
        self.guard = Guard()
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(folder / wire.SOCKET))
        self.listening.listen(64)
        self.woken, self.waker = socket.socketpair()
        for end in (self.woken, self.waker):
            end.setblocking(False)
        self.children: dict[int, socket.socket] = {}
        self.retiring = False
        self.selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Until standard input ends."""
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for source, act in ((self.listening, self._accept), (self.woken, self._reap)):
            self.selector.register(source, selectors.EVENT_READ, act)
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._told)
        while not (self.retiring and not self.children):
            for key, _ in self.selector.select():
                key.data()

    def close(self) -> None:
        """Kill all children and remove the folder."""
        for pid in self.children:
            _kill_group(pid)
        for pid in self.children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _told(self) -> None:
        """Standard input: a line means that a newer server takes over, its end that the client has gone."""
        if os.read(0, 64):
            self.retiring = True
        else:
            raise SystemExit(0)

    def _accept(self) -> None:
        connection, _ = self.listening.accept()
        connection.settimeout(PATIENCE)
        try:
            request, files = wire.receive_with_files(connection)
        except (EOFError, OSError, ValueError):
            connection.close()
            return
        threads = tasks()
        if threads > 1:
            wire.send(connection, {"refused": threads})
            connection.close()
        else:
            self._fork(connection, request, files)
        for number in files:
            os.close(number)

    def _fork(self, connection: socket.socket, request: dict[str, Any], files: tuple[int, ...]) -> None:
        pid = os.fork()
        if pid == 0:
            self._forget(connection)
            child.become(request, files, self.folder, self.pid, self.profile)
        self.guard.begins(pid)
        self.children[pid] = connection
        self.selector.register(connection, selectors.EVENT_READ, lambda: self._heard(pid))
        _answer(connection, {"pid": pid})

    def _forget(self, connection: socket.socket) -> None:
        """In the child: close everything that belongs to the server."""
        signal.set_wakeup_fd(-1)
        self.guard.let_go()
        self.selector.close()
        for one in (connection, self.listening, self.woken, self.waker, *self.children.values()):
            one.close()

    def _heard(self, pid: int) -> None:
        """A signal to pass on; or the client has gone, and the child is ended."""
        try:
            signal_number = wire.receive(self.children[pid])["signal"]
        except (EOFError, OSError, ValueError):
            self.selector.unregister(self.children[pid])
            _kill_group(pid)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal_number)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.woken.recv(4096)
        for pid in list(self.children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._ended(pid, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, code: int) -> None:
        # Programs that a notebook left running end with it.
        _kill_group(pid)
        self.guard.ends(pid)
        connection = self.children.pop(pid)
        with contextlib.suppress(KeyError):
            self.selector.unregister(connection)
        _answer(connection, {"exit": code})
        connection.close()
        shutil.rmtree(child.temporary_folder(self.folder, pid), ignore_errors=True)


def _answer(connection: socket.socket, message: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        wire.send(connection, message)


def _kill_group(pid: int) -> None:
    kill_group(pid)
    # A child that was killed before it had a group of its own.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def warm_up(profile: Profile) -> None:
    """Import what kernels need and what the profile names, without threads, connections or open files."""
    with warnings.catch_warnings():
        # Warnings that are shown once must still be shown by the notebook.
        warnings.simplefilter("ignore")
        for name in MODULES:
            importlib.import_module(name)
        call_if_any(profile.warm_up)


def main() -> None:
    """Warm up, say so in one line of JSON, serve."""
    server = Server(Path(sys.argv[1]), named(sys.argv[2]))
    try:
        warm_up(server.profile)
        gc.collect()
        # Shared memory stays shared: the garbage collector does not write to objects from before the fork.
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)
        record = {"pid": os.getpid(), "threads": tasks(), "seconds": round(time.process_time(), 2)}
        os.write(1, json.dumps(record).encode() + b"\n")
        os.dup2(2, 1)
        server.serve()
    finally:
        if os.getpid() == server.pid:
            server.close()


if __name__ == "__main__":
    main()
