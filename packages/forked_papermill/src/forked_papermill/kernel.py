"""A kernel provisioner: Jupyter's own kernel, forked from a warm process instead of started anew.

Jupyter finds it by its entry point (``forked``, or that of a subclass with a profile of its own): for every Python
kernel with the environment variable ``JUPYTER_DEFAULT_PROVISIONER_NAME=forked``, or for a kernelspec that names it.
What cannot be forked is started in the usual way.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from forked_papermill.client import Child, ForkError, ForkServer, fork
from forked_papermill.process import clean_environment, settings_below
from forked_papermill.profile import PLAIN, Profile, call_if_any
from forked_papermill.wire import short_folder

LAUNCHER = "ipykernel_launcher"
# Seconds that a kernel may take to end by itself, with its files written, on a busy machine; then it is killed.
SHUTDOWN_SECONDS = 10.0
SHUTDOWN_POLL = 0.005
log = logging.getLogger(__name__)


class ForkedProcess:
    """A forked child as the provisioner expects a process to be."""

    stdin = stdout = stderr = None

    def __init__(self, child: Child) -> None:
        self._child, self.pid = child, child.pid

    def poll(self) -> int | None:
        return self._child.poll()

    def wait(self) -> int | None:
        while self._child.wait(60) is None:
            pass
        code = self._child.poll()
        self._child.close()
        return code

    def send_signal(self, number: int) -> None:
        self._child.signal(number)

    def kill(self) -> None:
        self._child.close()

    terminate = kill


class ForkProvisioner(LocalProvisioner):
    """Forks the kernel; everything but the environment is as in the local provisioner.

    Whoever started JupyterLab, or papermill, may have keys and settings there: a kernel gets what the profile lets
    through, and what its kernelspec adds.
    """

    profile: ClassVar[Profile] = PLAIN
    _settings: Path | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        env = clean_environment(kwargs.pop("env", None) or os.environ, self.profile)
        return await super().pre_launch(env=env, **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        try:
            forked: Any = await asyncio.get_running_loop().run_in_executor(None, self._fork, cmd, kwargs)
        except ForkError as error:
            log.warning("the kernel is started in the usual way: %s", error.what)
            self._settings = self._settings or short_folder()
            kwargs["env"] = kwargs["env"] | settings_below(self._settings)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = forked
        self.pid, self.pgid, self.cwd = forked.pid, None, kwargs.get("cwd", Path.cwd())
        return self.connection_info

    def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> ForkedProcess:
        arguments = {"argv": _arguments(cmd)}
        folder = own_place(self.profile)
        return ForkedProcess(fork(folder, "kernel", arguments, kwargs["env"], cwd=kwargs.get("cwd")))

    async def shutdown_requested(self, restart: bool = False) -> None:
        """A kernel that was asked to end does so in milliseconds: checked more often than every tenth of a second."""
        until = time.monotonic() + SHUTDOWN_SECONDS
        while await self.poll() is None and time.monotonic() < until:
            await asyncio.sleep(SHUTDOWN_POLL)

    async def cleanup(self, restart: bool = False) -> None:
        """Also the settings folder of a kernel that was started in the usual way."""
        await super().cleanup(restart)
        if self._settings is not None and not restart:
            shutil.rmtree(self._settings, ignore_errors=True)

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        return min(recommended, SHUTDOWN_SECONDS)


def _arguments(cmd: list[str]) -> list[str]:
    """Arguments of the kernel application.

    Raises
    ------
    ForkError   the command starts another interpreter, or another kernel than Python's.
    """
    if LAUNCHER not in cmd or not _same_interpreter(cmd[0]):
        raise ForkError("this kernel is not this environment's Python kernel", got=" ".join(cmd[:3]))
    return cmd[cmd.index(LAUNCHER) + 1 :]


def _same_interpreter(command: str) -> bool:
    return command in ("python", "python3") or os.path.abspath(command) == os.path.abspath(sys.executable)


def run_kernel(profile: Profile, argv: list[str]) -> int:
    """In the child: the usual kernel, with warm modules."""
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [LAUNCHER, *argv]
    # 1: no process to watch; the server ends the child when its client has gone.
    app = IPKernelApp.instance(parent_handle=1)
    app.initialize(argv)
    call_if_any(profile.prepare)
    app.start()
    return 0


class _Own:
    """The fork servers of a process that was not given one, such as JupyterLab."""

    def __init__(self, profile: Profile) -> None:
        self._profile, self._lock = profile, threading.Lock()
        self._servers: list[ForkServer] = []
        atexit.register(self.close)

    def current(self) -> ForkServer:
        """The server of the code as it is now; one of older code goes on until its last kernel has ended."""
        with self._lock:
            if not self._servers or not self._servers[-1].is_up_to_date():
                for server in self._servers:
                    server.retire()
                self._servers.append(ForkServer(self._profile))
            self._servers[-1].wait_until_ready()
            return self._servers[-1]

    def close(self) -> None:
        for server in self._servers:
            server.close()


_own: dict[str, _Own] = {}


def own_place(profile: Profile) -> Path:
    """Folder of the server to use: the one that this process was given, else one of its own.

    Raises
    ------
    ForkError   this system cannot fork safely, or the server does not start.
    """
    if profile.server_variable in os.environ:
        return Path(os.environ[profile.server_variable])
    if sys.platform != "linux":
        raise ForkError("forking is safe on Linux only", got=sys.platform)
    if profile.place not in _own:
        _own[profile.place] = _Own(profile)
    return _own[profile.place].current().folder
