"""A small process beside a fork server: where the server is killed, it ends what the children have started.

A child ends with its server, since the system sees to that; a program that the child has started would go on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct

_PID = struct.Struct("!i")


class Guard:
    """The server's side: it reports every child that begins and ends."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        if os.fork() == 0:
            os.close(self._writing)
            _watch(reading)
        os.close(reading)

    def begins(self, pid: int) -> None:
        """A child has been forked."""
        self._tell(pid)

    def ends(self, pid: int) -> None:
        """A child has ended, with all of its group."""
        self._tell(-pid)

    def let_go(self) -> None:
        """In a child: close the copy of the server's connection."""
        os.close(self._writing)

    def _tell(self, number: int) -> None:
        # The server continues without its guard, which may have been killed.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writing, _PID.pack(number))


def kill_group(pid: int) -> None:
    """End a child and all of its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _watch(reading: int) -> None:
    """Wait until the server has ended in whatever way; never returns."""
    try:
        _close_what_is_the_servers()
        there: set[int] = set()
        while told := os.read(reading, _PID.size):
            (number,) = _PID.unpack(told)
            there.add(number) if number > 0 else there.discard(-number)
        for pid in there:
            kill_group(pid)
    finally:
        os._exit(0)


def _close_what_is_the_servers() -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # The guard does not hold the server's pipes open.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
