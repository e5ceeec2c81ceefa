"""The first and the last steps of a forked child."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from forked_papermill.process import die_with, settings_below
from forked_papermill.profile import Profile, named

# Below the folder of a child's temporary files: settings of programs.
SETTINGS = ".settings"
# Kinds of children: the function that each runs, with the profile as first argument. A profile may add others.
KINDS = {
    "kernel": "forked_papermill.kernel:run_kernel",
    "shell": "forked_papermill.shell:run_shell",
}


def become(request: dict[str, Any], files: tuple[int, ...], folder: Path, server: int, profile: Profile) -> None:
    """Run the requested function in a process environment of its own; never returns.

    Parameters
    ----------
    request : kind, cwd, env, arguments
    files : numbers of the open files that came with the request
    folder : of the fork server; the child gets a folder for temporary files below it
    server : process id of the fork server, without which no child goes on
    profile : of the fork server
    """
    code = 1
    try:
        _prepare_process(request, folder, server)
        os.environ[profile.server_variable] = str(folder)
        code = _run(request["kind"], files, request["arguments"], profile) or 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    leave(code)


def _run(kind: str, files: tuple[int, ...], arguments: dict[str, Any], profile: Profile) -> Any:
    if kind in profile.kinds:
        return named(profile.kinds[kind])(*files, **arguments)
    return named(KINDS[kind])(profile, *files, **arguments)


def _prepare_process(request: dict[str, Any], folder: Path, server: int) -> None:
    os.setsid()
    # The child also ends where the server was killed.
    die_with(server)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own = temporary_folder(folder, os.getpid())
    # With both there IPython takes the folder that it is given, instead of warning in the notebook and taking another.
    for place in (own, own / SETTINGS):
        place.mkdir(mode=0o700)
    os.environ.clear()
    os.environ.update(request["env"], TMPDIR=str(own), **settings_below(own / SETTINGS))
    tempfile.tempdir = None
    os.chdir(request["cwd"])
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)


def temporary_folder(folder: Path, pid: int) -> Path:
    """Where a child's temporary files are; the server removes it afterwards."""
    return folder / f"t{pid}"


def leave(code: int) -> None:
    """End the process: exit handlers of notebooks run and open files are written; nothing else."""
    with contextlib.suppress(BaseException):
        _let_go_of_variables()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _let_go_of_variables() -> None:
    """A file that a cell left open is closed, and so written, as at the end of any other kernel."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.user_ns.clear()
        gc.collect()
