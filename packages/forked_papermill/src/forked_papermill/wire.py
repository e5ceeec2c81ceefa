"""Messages over a local socket: a length, then JSON; open files may travel with them."""

from __future__ import annotations

import json
import os
import socket
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("!I")
MOST_FILES = 4
# Name of the server's socket in its folder.
SOCKET = "s"
# A socket's path may have 107 bytes; this leaves room for the names below it.
LONGEST_FOLDER = 60


def send(
    connection: socket.socket,
    message: Any,
    files: tuple[int, ...] = (),
    default: Callable[[Any], Any] | None = None,
) -> None:
    """Send one message, with open files (their numbers) where the other side needs them.

    ``default`` serialises objects that JSON does not know.
    """
    data = json.dumps(message, default=default).encode()
    if files:
        socket.send_fds(connection, [_LENGTH.pack(len(data))], list(files))
        connection.sendall(data)
    else:
        connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> Any:
    """The next message.

    Raises
    ------
    EOFError   the other side has gone.
    """
    return receive_with_files(connection)[0]


def receive_with_files(connection: socket.socket) -> tuple[Any, tuple[int, ...]]:
    """The next message and the files that came with it."""
    start, files, _, _ = socket.recv_fds(connection, _LENGTH.size, MOST_FILES)
    start += _exactly(connection, _LENGTH.size - len(start)) if start else b""
    if not start:
        raise EOFError
    return json.loads(_exactly(connection, _LENGTH.unpack(start)[0])), tuple(files)


def take_messages(received: bytearray) -> list[Any]:
    """All complete messages at the start of the received bytes; they are removed from these."""
    messages = []
    while len(received) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(received)[0]
        if len(received) < end:
            break
        messages.append(json.loads(received[_LENGTH.size : end]))
        del received[:end]
    return messages


def short_folder(prefix: str = "fork-") -> Path:
    """A new private folder whose path is short enough for sockets."""
    usual = Path(tempfile.gettempdir()).absolute()
    places = [usual, Path("/tmp"), Path("/var/tmp")]
    short = [place for place in places if len(str(place)) <= LONGEST_FOLDER and os.access(place, os.W_OK)]
    return Path(tempfile.mkdtemp(prefix=prefix, dir=short[0] if short else usual))


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
