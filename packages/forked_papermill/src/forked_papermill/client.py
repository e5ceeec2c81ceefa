"""Clients: start a fork server, and request a child."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forked_papermill import wire
from forked_papermill.process import fixed_environment, process_digest
from forked_papermill.profile import PLAIN, Profile

LOG = "log"
# Enough for a very busy machine; a server that cannot start ends at once.
WARM_UP_SECONDS = 600


class ForkError(Exception):
    """A child cannot be forked here; a newly started kernel does the same more slowly. ``what`` is wrong, and what was
    ``got``."""

    def __init__(self, what: str, got: str = "") -> None:
        super().__init__(f"{what}: {got}" if got else what)
        self.what, self.got = what, got


class Child:
    """A forked process; it is killed, with all that it started, when this is closed or lost."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.connection, self.pid = connection, pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Exit code (minus the signal that ended it), or None while it runs."""
        if self._code is None and select.select([self.connection], [], [], 0)[0]:
            try:
                self._code = wire.receive(self.connection)["exit"]
            except (EOFError, OSError):
                self._code = -signal.SIGKILL
        return self._code

    def wait(self, seconds: float) -> int | None:
        """The exit code, once the child has ended; None if it still runs after so many seconds."""
        if self._code is None:
            select.select([self.connection], [], [], seconds)
        return self.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the child and all that it started."""
        if self.poll() is None:
            with contextlib.suppress(OSError):
                wire.send(self.connection, {"signal": number})

    def close(self) -> None:
        """Release the child: it is killed if it still runs."""
        self.connection.close()
        if self._code is None:
            self._code = -signal.SIGKILL


def fork(
    folder: Path,
    kind: str,
    arguments: Mapping[str, Any],
    env: Mapping[str, str],
    files: tuple[int, ...] = (),
    cwd: str | None = None,
) -> Child:
    """A new child of the server in ``folder``.

    Parameters
    ----------
    kind : what it becomes (``child.KINDS`` and the kinds of the server's profile), with keyword ``arguments`` that
        JSON can carry
    env : its environment (``clean_environment``); the server adds the variable that names it
    files : numbers of open files that it is given as its first arguments
    cwd : its folder (default: this process's)

    Raises
    ------
    ForkError   there is no server, or forking would not be safe.
    """
    request = {
        "kind": kind,
        "arguments": dict(arguments),
        "env": dict(env),
        "cwd": cwd or os.getcwd(),
    }
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(folder / wire.SOCKET))
        wire.send(connection, request, files)
        answer = wire.receive(connection)
    except (EOFError, OSError) as error:
        connection.close()
        raise ForkError("there is no fork server any more", got=str(error)) from None
    if "refused" in answer:
        connection.close()
        raise ForkError("forking is not safe here", got=f"{answer['refused']} threads, not one")
    return Child(connection, answer["pid"])


class ForkServer:
    """A fork server of this process. Closing it, or losing this process, ends it and all its children."""

    def __init__(self, profile: Profile = PLAIN) -> None:
        self.profile, self.digest = profile, process_digest(profile)
        self.folder = wire.short_folder()
        with (self.folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "forked_papermill.server", str(self.folder), profile.place],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=fixed_environment(self.folder, profile),
                # Not a folder that may hold a user's settings.
                cwd=self.folder,
                # Ctrl-C reaches only the runner, which then decides.
                start_new_session=True,
            )
        self._record: dict[str, Any] = {}

    def wait_until_ready(self) -> dict[str, Any]:
        """What the server says after warming up: ``pid``, ``threads`` (more than one: it will refuse), ``seconds`` (of
        the processor).

        Raises
        ------
        ForkError   it did not start; what it wrote to its log is named.
        """
        if not self._record:
            out = self._process.stdout
            assert out is not None
            ready, _, _ = select.select([out], [], [], WARM_UP_SECONDS)
            line = out.readline() if ready else b""
            if not line:
                complaint = self.complaint()
                self.close()
                raise ForkError("the fork server did not start", got=complaint)
            self._record = json.loads(line)
        return self._record

    def complaint(self) -> str:
        """The last line that the server or a child wrote to the server's log."""
        with contextlib.suppress(OSError):
            lines = (self.folder / LOG).read_text(encoding="utf-8", errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def is_up_to_date(self) -> bool:
        """Whether it runs, with the code that is on disk now, and its folder still exists."""
        reachable = self._process.poll() is None and (self.folder / wire.SOCKET).exists()
        return reachable and self.digest == process_digest(self.profile)

    def retire(self) -> None:
        """Fork no more; end with the last child."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(b"retire\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End the server and all its children; removes its folder."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
