"""The other end of a forked shell, as nbclient expects a kernel's client to be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any
from uuid import uuid4

from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient

from forked_papermill import wire
from forked_papermill.client import Child, fork
from forked_papermill.kernel import SHUTDOWN_SECONDS, own_place
from forked_papermill.process import clean_environment
from forked_papermill.profile import PLAIN, Profile

CHUNK = 1 << 20


class ShellClient(PapermillNotebookClient):
    """Papermill's client, with a forked shell in the kernel's place. It takes no kernel manager."""

    profile: Profile = PLAIN

    @contextmanager
    def setup_kernel(self, **kwargs: Any) -> Iterator[None]:
        """A separate shell for every notebook.

        Raises
        ------
        ForkError   forking is not possible here.
        DeadKernelError   the shell did not say in the end how many cells it ran, or ran others than were sent.
        """
        channels: Any = ShellChannels(self.profile, kwargs.get("cwd"))
        self.kc = channels
        try:
            yield
            channels.end(self.code_cells_executed)
        finally:
            channels.close()
            self.kc = None


class _Channel:
    """A queue of messages in the order of their arrival."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """The next one.

        Raises
        ------
        Empty   none came in ``timeout`` seconds.
        """
        try:
            return await asyncio.wait_for(self.messages.get(), timeout)
        except TimeoutError:
            raise Empty from None


class ShellChannels:
    """Sends cells to the shell and sorts its messages into channels."""

    allow_stdin = False

    def __init__(self, profile: Profile, cwd: str | None) -> None:
        self._socket, theirs = socket.socketpair()
        try:
            env = clean_environment(os.environ, profile)
            self._child: Child = fork(own_place(profile), "shell", {}, env, (theirs.fileno(),), cwd)
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self.shell_channel, self.iopub_channel = _Channel(), _Channel()
        self._received = bytearray()
        self._ended = False
        self._cell = ""
        self._loop = ensure_event_loop()
        self._loop.add_reader(self._socket, self._arrived)

    def execute(self, code: str, **options: Any) -> str:
        """Send a cell; returns the id of its messages."""
        self._cell = uuid4().hex
        with contextlib.suppress(OSError):
            wire.send(self._socket, {"code": code})
        return self._cell

    def kernel_info(self) -> str:
        """Papermill's last request; answered here, since the shell is always Python."""
        self._cell = uuid4().hex
        self._put("shell", "kernel_info_reply", {"language_info": {"name": "python"}})
        return self._cell

    def is_alive(self) -> bool:
        """Whether the shell's process still runs."""
        return not self._ended

    def end(self, cells: int) -> None:
        """Require the shell to confirm the number of cells that it ran, and let it end by itself."""
        self._loop.remove_reader(self._socket)
        self._socket.settimeout(SHUTDOWN_SECONDS)
        try:
            wire.send(self._socket, {"end": True})
            ran = wire.receive(self._socket)["content"]["cells"]
        except (OSError, EOFError, KeyError):
            raise DeadKernelError("the shell ended without saying that it was done") from None
        if ran != cells:
            raise DeadKernelError(f"the shell ran {ran} cells, not {cells}")
        self._child.wait(SHUTDOWN_SECONDS)

    def close(self) -> None:
        """Kill the shell, if it still runs, with all that it started."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._child.close()

    def _arrived(self) -> None:
        try:
            data = self._socket.recv(CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended = True
            self._loop.remove_reader(self._socket)
        self._received += data
        for message in wire.take_messages(self._received):
            self._put(message["channel"], message["type"], message["content"])

    def _put(self, channel: str, kind: str, content: dict[str, Any]) -> None:
        queue = (self.shell_channel if channel == "shell" else self.iopub_channel).messages
        queue.put_nowait(
            {
                "msg_type": kind,
                "header": {"msg_type": kind},
                "parent_header": {"msg_id": self._cell},
                "content": content,
                "buffers": [],
            }
        )
