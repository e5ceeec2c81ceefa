"""Whether a machine gives the same results as this one: the same workspace or exchange, code and packages."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from spi_analysis.errors import ParameterError, Problem, SpiError
from spi_analysis.params import RoundSetup
from spi_analysis.runner import EngineName, OpenRunner, batch_folder, digests, fingerprint

# Packages named in a message.
NAMED = 5


@contextmanager
def sign(setup: RoundSetup) -> Iterator[Path]:
    """A file with a random word beside the ledger: a worker that reads this word there has the same workspace."""
    path = batch_folder(setup) / f"sign-{secrets.token_hex(8)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(secrets.token_hex(16), encoding="ascii")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def shared_facts(signed: str, store: str) -> dict[str, Any]:
    """What this machine sees of a shared workspace.

    Parameters
    ----------
    signed : path of the sign
    store : path of the round's tables, of which the names of folders are told
    """
    return {
        "sign": _text(Path(signed)),
        "tables": sorted(os.listdir(store)) if os.path.isdir(store) else [],
        "writes": _can_write(Path(signed).parent),
    }


def describe(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of this process; small, and without personal data.

    Parameters
    ----------
    seen : what it sees of the place where files are handed over (``shared_facts``, ``exchange_facts``)
    """
    fingerprint.forget()
    return {
        "host": socket.gethostname(),
        **seen,
        "may_start_processes": not multiprocessing.current_process().daemon,
        "code": digests.code_digest(),
        "look": digests.template_digest(),
        "environment": fingerprint.environment_parts(),
    }


def differences(place: str, engine: EngineName, here: Mapping[str, Any], there: object) -> list[Problem]:
    """All differences for which a worker cannot run steps of this run; ``there`` may be the error that it returned."""
    if not isinstance(there, Mapping):
        return [_does_not_know_us(place, there)]
    key = f"{place} on {there['host']}"
    return [
        *(_exchange if "trouble" in here else _workspace)(key, here, there),
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
        got=first_line(error),
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


def _exchange(key: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Problem]:
    if there["trouble"] or there["sign"] != here["sign"]:
        yield Problem(
            "this Dask worker cannot use the exchange",
            key=key,
            got=there["trouble"] or "another exchange at this address",
            expected=f"reading and writing at {here['root']}",
            hint="give this machine the same address and, in its environment, the keys to it (docs/more_machines.md)",
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


def first_line(error: object) -> str:
    """An error's kind and the first line of what it says; the words of what is none."""
    return f"{type(error).__name__}: {error}".partition("\n")[0] if isinstance(error, BaseException) else str(error)


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


# The door to Dask's workers, which run the same steps as the pool of this machine. Nothing here needs Dask: most
# installations have none.


class MachinesError(SpiError):
    """Other machines cannot be reached, or differ from this one."""


def on_dask(scheduler: str, exchange: str = "") -> OpenRunner:
    """Run steps on the workers of the Dask scheduler at an address such as tcp://host:8786.

    Parameters
    ----------
    exchange : address such as s3://bucket/folder through which files are handed over ("": through a shared disk)

    Raises
    ------
    ParameterError   no address, or not of this form.
    MachinesError    Dask is not installed here.
    """
    if "://" not in scheduler:
        raise ParameterError(
            "this is no address of a Dask scheduler" if scheduler else "no Dask scheduler is named",
            key="--scheduler",
            got=scheduler,
            expected="protocol, host and port, such as tcp://10.0.0.5:8786 or tls://10.0.0.5:8786",
            hint="dask scheduler prints its address when it starts; docs/more_machines.md",
        )
    if exchange and "://" not in exchange:
        raise ParameterError(
            "this is no address of an exchange",
            key="--exchange",
            got=exchange,
            expected="protocol and folder, such as s3://bucket/folder or file:///folder",
            hint="without --exchange all machines have to share the workspace's disk; docs/more_machines.md",
        )
    try:
        from spi_analysis.runner.dask.cluster import DaskPool
    except ModuleNotFoundError as error:
        if error.name not in ("distributed", "dask"):
            raise
        raise MachinesError(
            "Dask is not installed here",
            key="--executor dask",
            got=f"no package {error.name}",
            expected="distributed, of the same version on all machines",
            hint='python -m pip install "spi-analysis[dask]", or run without --executor on this machine',
        ) from None
    return partial(DaskPool, scheduler, exchange)
