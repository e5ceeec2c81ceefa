"""Seconds and peak memory of a national round, stage by stage. Run: python -m benchmarks.national --sizes 10 40"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from spi_analysis.tables.store import Store

PROJECT = Path(__file__).resolve().parents[1]
ROUND = "spi_2024"
# What a whole round lists and invites (2022), and how often memory is looked at.
LISTED, INVITED, EVERY = 7_777_891, 2_500_000, 0.2


@dataclass(frozen=True)
class Stage:
    """One stage: its command, and the table whose rows its time grows with."""

    title: str
    command: list[str]
    rows: str


@dataclass(frozen=True)
class Measured:
    """Wall-clock and processor seconds, and the most memory that all its processes held at once (MB)."""

    seconds: float
    cpu: float
    peak_mb: float


def stages(institutions: int, scale: float, workers: int) -> list[Stage]:
    synth = ["synth", "--institutions", str(institutions), "--scale", str(scale)]
    count = ["--workers", str(workers)]
    return [
        Stage("generate lists", [*synth, "--lists-only", *count], "frame"),
        Stage("import lists", ["import", "frame", "@lists.txt", *count], "frame"),
        Stage("announce", ["announce", *count], "frame"),
        Stage("draw", ["draw", *count], "frame"),
        Stage("fieldwork, import events and answers", [*synth, *count], "sample"),
        Stage("weight", ["weight", *count], "sample"),
    ]


def measured(command: list[str], folder: Path, project: Path = PROJECT, python: str = sys.executable) -> Measured:
    """Run a command in a workspace; its processes' memory is looked at all the while.

    ``project`` and ``python``: another checkout and the Python of its environment.
    """
    before = os.times()
    started, peak, done = time.perf_counter(), [0.0], threading.Event()
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(
            [python, "-m", "spi_analysis", *command], cwd=folder, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(project)},
        )  # fmt: skip
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
        watcher.start()
        code = process.wait()
    done.set()
    watcher.join()
    if code:
        sys.exit(f"failed: spi {' '.join(command)}\n" + "\n".join((folder / "log.txt").read_text().splitlines()[-8:]))
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(time.perf_counter() - started, cpu, peak[0] / 1e6)


def _watch(pid: int, peak: list[float], done: threading.Event) -> None:
    while not done.wait(EVERY):
        peak[0] = max(peak[0], sum(_memory(pid)))


def _memory(pid: int) -> Iterator[int]:
    """Resident memory of a process and all below it; what they share counts for each of them."""
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            yield process.memory_info().rss
    except psutil.Error:
        return


def run(institutions: int, scale: float, workers: int, folder: Path) -> dict[str, tuple[int, Measured]]:
    """One round of a size, a line per stage; gives back the rows and the measures of each stage."""
    for name in ("params", "notebooks"):
        shutil.copytree(PROJECT / name, folder / name)
    store, found = Store(folder / "data" / ROUND), []
    for stage in stages(institutions, scale, workers):
        found.append((stage, measured(stage.command, folder)))
        lists = sorted((folder / "build" / "national").glob("*/received/*"))
        (folder / "lists.txt").write_text("".join(f"{path}\n" for path in lists))
    rows = {table: sum(store.shape(table, i)[0] for i in store.institutions(table)) for table in ("frame", "sample")}
    print(f"\n{institutions} institutions, scale {scale:g}, {workers} workers: {rows['frame']:,} people on lists, "
          f"{rows['sample']:,} invited, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print("| stage | seconds | processor seconds | peak, MB |\n|---|---|---|---|")
    for stage, result in found:
        print(f"| {stage.title} | {result.seconds:.1f} | {result.cpu:.1f} | {result.peak_mb:.0f} |", flush=True)
    return {stage.title: (rows[stage.rows], result) for stage, result in found}


def project(small: dict[str, tuple[int, Measured]], large: dict[str, tuple[int, Measured]]) -> None:
    """What a whole round takes: starting a command once, and the slope between two sizes for every further row."""
    print("\n| stage | processor minutes of a whole round |\n|---|---|")
    for stage in stages(0, 0, 0):
        (few, first), (many, second) = small[stage.title], large[stage.title]
        slope = (second.cpu - first.cpu) / (many - few)
        whole = {"frame": LISTED, "sample": INVITED}[stage.rows]
        print(f"| {stage.title} | {(first.cpu + slope * (whole - few)) / 60:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 40], help="institutions (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the lists (1: a real round's)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, help="where to work (default: a folder that is removed afterwards)")
    options = parser.parse_args()
    found = []
    for size in sorted(options.sizes):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found.append(run(size, options.scale, options.workers, Path(folder)))
    if len(found) > 1:
        project(found[0], found[-1])


if __name__ == "__main__":
    main()
