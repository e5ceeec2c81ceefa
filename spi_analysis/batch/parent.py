"""The warm process that workers are forked from: started when it is first needed, replaced when the code changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from spi_analysis.batch.forks.client import ForkError, ForkServer
from spi_analysis.batch.workers import forking_is_safe_here


class WarmParent:
    """Keeps one fork server for all pools of a process; closed, it ends the server with all its children.

    Parameters
    ----------
    say : takes a message for the operator where forking is not safe and the stock engine takes over
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.servers: list[ForkServer] = []
        self._say, self._cannot, self._lock = say, False, threading.Lock()

    def current(self) -> ForkServer | None:
        """A server of the code as it is on disk now; None where forking is not safe."""
        with self._lock:
            # The code has changed, or the server was killed or its folder cleared away: another takes over.
            if not self._cannot and not (self.servers and self.servers[-1].is_current()):
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
                self.servers.append(ForkServer())
                threads = self.servers[-1].wait_until_ready()["threads"]
                why = f"the process to fork from has {threads} threads" if threads > 1 else ""
            except ForkError as error:
                why = f"{error.problems[0].what}: {error.problems[0].got}"
        if why:
            self._say(f"notebooks are run by the stock engine: {why}")
        self._cannot = bool(why)
