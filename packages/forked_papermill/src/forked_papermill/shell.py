"""In a forked child: an IPython shell that runs cells one after another and sends what Jupyter's kernel would send.

The shell, its display hook and its publisher are those of Jupyter's kernel; only the transport differs: one local
socket instead of five, and no threads.
"""

from __future__ import annotations

import builtins
import getpass
import io
import os
import socket
import sys
from types import SimpleNamespace
from typing import Any

from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session
from traitlets.config import Config

from forked_papermill import wire
from forked_papermill.profile import Profile, call_if_any

NO_INPUT = "raw_input was called, but this frontend does not support input requests."
# Characters of printed text that are kept back before they are sent.
BUFFER = 1 << 16


def run_shell(profile: Profile, number: int) -> int:
    """Run cells that arrive on the open file ``number`` until the end is requested."""
    connection = socket.socket(fileno=number)
    shell = Shell(connection)
    call_if_any(profile.prepare)
    while True:
        request = wire.receive(connection)
        if "end" in request:
            wire.send(connection, {"channel": "shell", "type": "end", "content": {"cells": shell.cells}})
            return 0
        shell.run(request["code"])


class Shell:
    """Runs cells and sends their outputs, a reply and a message that the cell is done."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.cells = 0
        sys.argv = ["ipykernel_launcher"]
        if "" not in sys.path:
            sys.path.insert(0, "")
        self._raw = [_RawOutput(descriptor) for descriptor in (1, 2)]
        self._streams = {name: _Stream(name, self._publish, i) for i, name in enumerate(("stdout", "stderr"), start=1)}
        self._shell = _ipython(_Wire(self._publish))
        sys.stdout, sys.stderr = self._streams["stdout"], self._streams["stderr"]
        builtins.input = getpass.getpass = _no_input

    def run(self, code: str) -> None:
        """One cell."""
        self._publish("execute_input", {"code": code, "execution_count": self._shell.execution_count})
        result = self._shell.run_cell(code, store_history=True)
        self.cells += 1
        for stream, raw in zip(self._streams.values(), self._raw, strict=True):
            # Not subject to the limit on printing; the checks look for it.
            _Stream.write(stream, raw.take())
            stream.flush()
        self._send("shell", "execute_reply", self._answer(result))
        self._publish("status", {"execution_state": "idle"})
        if self._shell.exit_now:
            raise SystemExit(0)

    def _answer(self, result: Any) -> dict[str, Any]:
        count = {"execution_count": self._shell.execution_count - 1}
        if result.success and not getattr(self._shell, "_last_traceback_during_displayhook", False):
            return {"status": "ok", **count}
        error = result.error_before_exec or result.error_in_exec
        trace = list(self._shell._last_traceback or [])
        return {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": trace, **count}

    def _publish(self, kind: str, content: dict[str, Any]) -> None:
        self._send("iopub", kind, content)

    def _send(self, channel: str, kind: str, content: dict[str, Any]) -> None:
        message = {"channel": channel, "type": kind, "content": content}
        wire.send(self._connection, message, default=json_default)


class _Wire(Session):
    """Messages of the shell's display hook and publisher go to a function instead of a socket."""

    def __init__(self, publish: Any) -> None:
        super().__init__(key=b"")
        self._publish = publish

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any) -> None:
        if isinstance(msg_or_type, str):
            self._publish(msg_or_type, content)
        else:
            self._publish(msg_or_type["header"]["msg_type"], msg_or_type["content"])


class _Stream(io.TextIOBase):
    """Printed text, sent when it is flushed: before every output and at the end of the cell."""

    encoding = "UTF-8"

    def __init__(self, name: str, publish: Any, descriptor: int) -> None:
        self.name, self._publish, self._descriptor = name, publish, descriptor
        self._kept: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._kept.append(text)
        self._size += len(text)
        if self._size > BUFFER:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text = "".join(self._kept)
        self._kept, self._size = [], 0
        if text:
            self._publish("stream", {"name": self.name, "text": text})

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


class _RawOutput:
    """Output written directly to a descriptor, by a library or a program that a cell starts."""

    def __init__(self, descriptor: int) -> None:
        # In memory, since on a full disk output would be lost, which most programs do not check.
        new = os.memfd_create("printed")
        os.dup2(new, descriptor)
        os.close(new)
        self._descriptor, self._read = descriptor, 0

    def take(self) -> str:
        """The output since the last call."""
        # The position is shared with whoever writes: read from a place instead of moving it.
        new = os.pread(self._descriptor, os.fstat(self._descriptor).st_size - self._read, self._read)
        self._read += len(new)
        return new.decode(errors="replace")


def _ipython(session: Session) -> ZMQInteractiveShell:
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    shell = ZMQInteractiveShell.instance(
        config=config,
        user_ns={},
        kernel=SimpleNamespace(eventloop=None, io_loop=SimpleNamespace(call_later=lambda *_: None, stop=None)),
        compiler_class=XCachingCompiler,
    )
    for part in (shell.displayhook, shell.display_pub):
        part.session, part.pub_socket = session, object()
    shell.displayhook.topic = b"execute_result"
    return shell


def _no_input(*args: Any, **kwargs: Any) -> str:
    raise StdinNotImplementedError(NO_INPUT)
