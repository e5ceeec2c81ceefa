"""Profiles of fork servers: what children have loaded, and which environment variables they get."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The variable by which Jupyter chooses the provisioner of kernels.
DEFAULT_PROVISIONER = "JUPYTER_DEFAULT_PROVISIONER_NAME"
# Variables that are passed on, and why. All others, above all keys and settings of the user, reach no notebook.
ALLOWED = frozenset(
    {
        # Where programs and libraries are found; on Windows nothing starts without the second line.
        *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
        # Where Python finds packages: the same code as the parent's.
        *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "TMPDIR"),
        # Variables of Jupyter for its kernels: how they are started, and the name of the notebook in JupyterLab.
        *(DEFAULT_PROVISIONER, "JPY_SESSION_NAME"),
    }
)
# A process with threads of its own cannot be forked safely: one thread.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
) | {
    # Arrow's allocator would start a thread of its own.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
FIXED = ONE_THREAD | {
    # The order of sets is the same in every run.
    "PYTHONHASHSEED": "0",
    # Text is UTF-8 and the clock is UTC, whatever the machine is set to.
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # Figures go into the notebook, whatever the machine is set to; with another backend they are lost silently.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # A kernel started elsewhere is not the parent of ours.
    "JPY_PARENT_PID": "",
}
# Variables of settings folders of programs: folders below one of our own, empty at first.
SETTINGS = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_CACHE_HOME": "cache",
}
# Beside them; a kernel in JupyterLab keeps its user's home, where the files are that somebody may want to read.
HOME = {"HOME": "home"}


@dataclass(frozen=True)
class Profile:
    """The settings of one project for its forked processes.

    Functions are named as "module:function" and imported where they are called: by the server, which is a process of
    its own, or by a child.

    Parameters
    ----------
    place : where this object is found, "module:NAME"
    provisioner : name of the entry point (``jupyter_client.kernel_provisioners``) whose class has this profile
    server_variable : environment variable that tells a child which folder its server has
    warm_up : called once by the server before it forks: imports what notebooks need, starts no thread
    prepare : called by every kernel and shell before its first cell
    code_digest : gives a text that changes with the code that the server has loaded
    kinds : what a child can become besides a kernel and a shell: name -> function, called with the numbers of the
        open files and the keyword arguments that were sent
    allowed : environment variables that are passed on, besides ``ALLOWED``
    fixed : environment variables with a value of their own, besides ``FIXED``
    """

    place: str
    provisioner: str
    server_variable: str
    warm_up: str = ""
    prepare: str = ""
    code_digest: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_allowed(self) -> frozenset[str]:
        """Names of the environment variables that are passed on."""
        return ALLOWED | self.allowed | {self.server_variable}

    @property
    def all_fixed(self) -> dict[str, str]:
        """Environment variables that are the same whatever the machine is set to."""
        return {**FIXED, **self.fixed}


PLAIN = Profile("forked_papermill.profile:PLAIN", "forked", "FORKED_PAPERMILL_SERVER")


def named(text: str) -> Any:
    """The object named by "module:name"."""
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(module), name)


def call_if_any(text: str) -> Any:
    """The result of the function named by "module:function"; None where none is named."""
    return named(text)() if text else None
