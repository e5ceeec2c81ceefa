"""Whether a machine would make the same bytes as this one: the same workspace, code and installed packages."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spi_analysis.errors import Problem
from spi_analysis.params import RoundSetup
from spi_analysis.runner import EngineName, batch_folder, digests, fingerprint

# Packages named in a message.
NAMED = 5


@contextmanager
def sign(setup: RoundSetup) -> Iterator[Path]:
    """A file with a random word beside the ledger: who reads this word at this path sees the same workspace."""
    path = batch_folder(setup) / f"sign-{secrets.token_hex(8)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(secrets.token_hex(16), encoding="ascii")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def describe(signed: str, store: str) -> dict[str, Any]:
    """What this process is and sees; small, and nothing of a person.

    Parameters
    ----------
    signed : path of the sign
    store : path of the round's tables, of which the names of folders are told
    """
    fingerprint.forget()
    return {
        "host": socket.gethostname(),
        "sign": _text(Path(signed)),
        "tables": sorted(os.listdir(store)) if os.path.isdir(store) else [],
        "writes": _can_write(Path(signed).parent),
        "may_start_processes": not multiprocessing.current_process().daemon,
        "code": digests.code_digest(),
        "look": digests.template_digest(),
        "environment": fingerprint.environment_parts(),
    }


def differences(place: str, engine: EngineName, here: Mapping[str, Any], there: object) -> list[Problem]:
    """All that keeps a worker from running steps of this run; ``there`` may be the error that it answered with."""
    if not isinstance(there, Mapping):
        return [_does_not_know_us(place, there)]
    key = f"{place} on {there['host']}"
    return [
        *_workspace(key, here, there),
        *_code(key, here, there),
        *_environment(key, here, there),
        *([] if engine != "stock" or there["may_start_processes"] else [may_not_start(key)]),
    ]


def may_not_start(place: str) -> Problem:
    """The stock engine starts kernels; Dask's workers may not unless they are told so."""
    return Problem(
        "this Dask worker may not start processes, as the stock engine has to",
        key=place,
        got="a daemonic process",
        expected="DASK_DISTRIBUTED__WORKER__DAEMON=False where the worker is started",
        hint="or use --engine kernel, which forks",
    )


def _does_not_know_us(place: str, error: object) -> Problem:
    return Problem(
        "this Dask worker cannot run the workbench",
        key=place,
        got=f"{type(error).__name__}: {error}".partition("\n")[0],
        expected="spi-analysis installed there, in this version",
        hint="install requirements.lock and the package on every machine, then start its worker again",
    )


def _workspace(key: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Problem]:
    expected = f"the same folder at the same path on every machine: {here['root']}"
    hint = "share the whole workspace (params, notebooks, data, outputs) and mount it at the same path everywhere"
    if there["sign"] != here["sign"]:
        got = "nothing of this workspace at this path" if not there["sign"] else "another workspace at this path"
        yield Problem("this Dask worker does not see the workspace", key=key, got=got, expected=expected, hint=hint)
    elif missing := [name for name in here["tables"] if name not in there["tables"]]:
        got = f"no {', '.join(missing)}"
        yield Problem("this Dask worker does not see the same data", key=key, got=got, expected=expected, hint=hint)
    elif not there["writes"]:
        yield Problem(
            "this Dask worker may not write to the workspace",
            key=key,
            got=f"no right to write in {here['root']}/outputs",
            expected="workers run as a user who may write to outputs/ and data/",
            hint="start the workers as the user who runs spi run",
        )


def _code(key: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Problem]:
    if (there["code"], there["look"]) != (here["code"], here["look"]):
        yield Problem(
            "this Dask worker runs other code",
            key=key,
            got=f"digest {_short(there['code'], there['look'])}",
            expected=f"digest {_short(here['code'], here['look'])}",
            hint="install the same version of spi-analysis there and start the worker again",
        )


def _environment(key: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Problem]:
    theirs, ours = set(there["environment"]), set(here["environment"])
    if theirs != ours:
        yield Problem(
            "this Dask worker has other packages, or another Python",
            key=key,
            got=_listed(sorted(theirs - ours)),
            expected=_listed(sorted(ours - theirs)),
            hint="install requirements.lock there, with the same Python, and start the worker again",
        )


def _listed(parts: list[str]) -> str:
    more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
    return (", ".join(parts[:NAMED]) or "nothing else") + more


def _short(*digested: str) -> str:
    return " ".join(one[:12] for one in digested)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
