"""Our fork server against the standard library's (multiprocessing, method forkserver, with preload).

python -m benchmarks.forks [--children 100]

Where times and memory are taken, both have loaded the same modules. Printed: seconds until the first child, ms per
child (started, run, ended, waited for; the median), memory of the server and what a child adds to it, and what
becomes of a child and of a program that it has started when the child, the server or the one who asked is killed (-9).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from forked_papermill import ForkServer, Profile, clean_environment, fork

ROOT = Path(__file__).parents[1]
CHILDREN = "benchmarks.fork_children"
BARE = Profile(
    place="benchmarks.forks:BARE",
    provisioner="none",
    server_variable="BENCHMARK_FORK_SERVER",
    kinds={name: f"{CHILDREN}:{name}" for name in ("nothing", "tell_and_wait")},
)
WARM = replace(BARE, place="benchmarks.forks:WARM", warm_up="spi_analysis.runner.forks.warm:warm_up")
# Seconds in which what is to end has ended; a busy machine takes some.
SOON = 5.0


class Ours:
    """A fork server of forked_papermill."""

    def __init__(self, is_warm: bool) -> None:
        self._server = ForkServer(WARM if is_warm else BARE)
        self.pid: int = self._server.wait_until_ready()["pid"]

    def child(self, kind: str, **arguments: str) -> Any:
        return fork(self._server.folder, kind, arguments, clean_environment(os.environ, BARE))

    def run(self) -> None:
        self.child("nothing").wait(60)

    def kill(self, child: Any) -> None:
        child.close()

    def close(self) -> None:
        self._server.close()


class Standard:
    """The forkserver of multiprocessing: one for a process, started with its first child."""

    def __init__(self, is_warm: bool) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.fork_preload"] if is_warm else [])
        self.run()
        self.pid: int = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]

    def child(self, kind: str, **arguments: str) -> Any:
        from benchmarks import fork_children

        process = self._context.Process(target=getattr(fork_children, kind), kwargs=arguments)
        process.start()
        return process

    def run(self) -> None:
        self.child("nothing").join()

    def kill(self, child: Any) -> None:
        child.kill()

    def close(self) -> None:
        """It ends with this process."""


SERVERS: dict[str, Callable[[bool], Any]] = {"ours": Ours, "standard": Standard}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.forks", description=__doc__)
    options.add_argument("--children", type=int, default=100)
    options.add_argument("--worker", help=argparse.SUPPRESS)
    options.add_argument("--folder", help=argparse.SUPPRESS)
    given = options.parse_args()
    # Servers and children find the benchmarks, too.
    os.environ["PYTHONPATH"] = str(ROOT)
    if given.worker:
        _worker(SERVERS[given.worker](False), Path(given.folder))
        return
    rows = {name: _measured(name, given.children) for name in SERVERS}
    for what in rows["ours"]:
        print(f"{what:58} " + " ".join(f"{name} {row[what]!s:>10}" for name, row in rows.items()))


def _measured(name: str, children: int) -> dict[str, Any]:
    began = time.perf_counter()
    server = SERVERS[name](True)
    server.run()
    first = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        row = {
            "seconds until the first child has ended": f"{first:.2f}",
            "milliseconds per child": f"{1000 * statistics.median(_seconds(server.run, children)):.1f}",
            "MB of the server": f"{_megabytes(server.pid):.0f}",
            **_one_child(server, Path(folder)),
            **_ends(name, Path(folder)),
        }
    server.close()
    return row


def _seconds(run: Callable[[], None], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return taken


def _megabytes(pid: int) -> float:
    """Memory of this process alone, without what it shares."""
    return float(psutil.Process(pid).memory_full_info().uss / 1e6)


def _one_child(server: Any, folder: Path) -> dict[str, Any]:
    os.environ["A_SECRET_KEY"] = "x"
    child, seen = _told(server, folder / "one")
    added = _megabytes(seen["pid"])
    server.kill(child)
    return {
        "MB that a child adds": f"{added:.1f}",
        "a key set before the first child is seen": seen["keys"],
        "child killed: its program ends": _gone(seen["program"]),
    }


def _ends(name: str, folder: Path) -> dict[str, Any]:
    found = {}
    for who in ("the server", "the one who asked"):
        path = folder / who.replace(" ", "_")
        asker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.forks", "--worker", name, "--folder", str(path)], cwd=ROOT
        )
        seen = _read(path)
        os.kill(seen["parent"] if who == "the server" else asker.pid, signal.SIGKILL)
        found[f"{who} killed: the child ends"] = _gone(seen["pid"])
        found[f"{who} killed: its program ends"] = _gone(seen["program"])
        asker.kill()
        asker.wait()
    return found


def _worker(server: Any, path: Path) -> None:
    """One who asks for a child and stays."""
    _ = _told(server, path)
    time.sleep(600)


def _told(server: Any, path: Path) -> tuple[Any, dict[str, Any]]:
    child = server.child("tell_and_wait", path=str(path))
    return child, _read(path)


def _read(path: Path) -> dict[str, Any]:
    while not path.exists():
        time.sleep(0.01)
    found: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return found


def _gone(pid: int) -> bool:
    """Whether a process ends by itself soon; one that does not is ended here."""
    until = time.monotonic() + SOON
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    still_there = _runs(pid)
    if still_there:
        os.kill(pid, signal.SIGKILL)
    return not still_there


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main()
