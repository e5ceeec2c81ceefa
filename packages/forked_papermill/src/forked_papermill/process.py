"""The environment of processes that run cells: allowed variables, fixed ones, and separate settings folders.

Whoever starts notebooks has keys and settings in the environment. A notebook gets neither: a key would give any cell
access, and personal settings would change figures.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import site
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from forked_papermill.profile import HOME, SETTINGS, Profile, call_if_any

_PR_SET_PDEATHSIG = 1


def fixed_environment(folder: Path, profile: Profile) -> dict[str, str]:
    """The environment of workers, fork servers and their kernels; ``folder`` stands in for home and settings.

    Temporary files are where this process has its own: a run may have a folder for them that it sets for itself alone.
    """
    clean = clean_environment(os.environ, profile)
    return clean | settings_below(folder, SETTINGS | HOME) | {"TMPDIR": tempfile.gettempdir()}


def clean_environment(environ: Mapping[str, str], profile: Profile) -> dict[str, str]:
    """The allowed variables of an environment, and the fixed ones."""
    allowed = profile.all_allowed
    # On Windows names of variables ignore case.
    kept = {name: value for name, value in environ.items() if name.upper() in allowed}
    return kept | _packages(kept) | profile.all_fixed


def settings_below(folder: Path, names: Mapping[str, str] = SETTINGS) -> dict[str, str]:
    """Settings folders below one of our own."""
    return {name: str(folder / below) for name, below in names.items()}


def _packages(kept: Mapping[str, str]) -> dict[str, str]:
    """Packages are found in another folder, and with another home, too."""
    found = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {"PYTHONNOUSERSITE": "1"}
    if kept.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, kept["PYTHONPATH"].split(os.pathsep)))
    return found


def die_with(parent: int) -> None:
    """This process ends when its parent does, however that ends (on Linux); at once if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def process_digest(profile: Profile) -> str:
    """A digest of what a process has from its start: code, installed packages, interpreter, fixed environment."""
    given = (sys.executable, sys.version, sorted(profile.all_fixed.items()), sorted(profile.all_allowed))
    parts = [repr(given), str(call_if_any(profile.code_digest))]
    for place in sys.path:
        if place.endswith("-packages") and os.path.isdir(place):
            parts.append(f"{place} {os.stat(place).st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
