"""Runs every work in a process of its own, ours and the peers', and puts the seconds beside each other.

A work is timed inside its process, after its data are read: the median of up to ``--runs`` runs (fewer where
one run takes long). Peak memory is that of the whole process, its data and imports included.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import data

HERE = Path(__file__).parent
# Runs are repeated while they have taken less than this many seconds together.
PATIENCE = 20.0
# Goals are ratios on large samples; below, imports and small costs decide.
GOALS_FROM = 100_000
# Seconds grow at most by this power of the rows, from the smallest to the largest sample.
MOST_GROWTH = 1.1

Prepared = Callable[[pd.DataFrame, dict[str, Any]], Callable[[], object]]


@dataclass(frozen=True)
class Work:
    """One thing that is timed. ``prepare`` is not timed, what it returns is; ``goals``: peer -> least ratio."""

    name: str
    title: str
    prepare: Prepared
    goals: dict[str, float] = field(default_factory=dict)
    memory_mb: float | None = None
    largest: int | None = None


@dataclass(frozen=True)
class Speed:
    """The works of one script; ``r/<name>.R`` and ``svy_peer/<name>.py`` are its peers, where they exist."""

    name: str
    works: list[Work]


@dataclass(frozen=True)
class Timing:
    """``seconds`` None: not timed, for the reason in ``why``."""

    seconds: float | None
    runs: int = 0
    peak_mb: float | None = None
    why: str = ""


def main(speeds: list[Speed]) -> None:
    """What ``python -m benchmarks`` and every script do."""
    options = _options()
    if options.worker:
        return _work(speeds, *options.worker.split(":"), Path(options.folder), options.runs)
    peers = {"R": _r_command(), "svy": _svy_command(options.svy_python)}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in options.sizes:
            data.write(Path(folder), n)
            for speed in speeds:
                for work in speed.works:
                    rows.append(_row(speed, work, n, Path(folder), peers, options))
                    print(_line(rows[-1]), flush=True)
    _write(rows, speeds, options)
    return None


def timed(work: Callable[[], object], runs: int) -> list[float]:
    """Seconds of every run."""
    seconds: list[float] = []
    while len(seconds) < runs and (not seconds or sum(seconds) < PATIENCE):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    sizes = [10_000, 100_000, 1_000_000]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="rows (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs per work, of which the median is shown")
    parser.add_argument("--peers-up-to", type=int, default=100_000, help="largest sample that R and svy are timed on")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds after which a peer is given up")
    parser.add_argument("--svy-python", default=os.environ.get("SVY_PYTHON", sys.executable), help="a Python with svy")
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmarks/benchmarks.md"))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


def _work(speeds: list[Speed], script: str, name: str, n: str, folder: Path, runs: int) -> None:
    """In the child process: prepare, time, say so in one line."""
    work = next(w for s in speeds if s.name == script for w in s.works if w.name == name)
    seconds = timed(work.prepare(*data.read(folder, int(n))), runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print("TIMED", json.dumps({"seconds": seconds, "peak_mb": peak}))


def _row(
    speed: Speed, work: Work, n: int, folder: Path, peers: dict[str, list[str] | str], options: argparse.Namespace
) -> dict[str, Any]:
    if work.largest and n > work.largest:
        ours = Timing(None, why=f"only up to {work.largest:,} rows")
    else:
        child = [sys.executable, "-m", "benchmarks", "--worker", f"{speed.name}:{work.name}:{n}"]
        ours = _child([*child, "--folder", str(folder), "--runs", str(options.runs)], None)
    row: dict[str, Any] = {"work": work, "n": n, "ours": ours}
    for peer, command in peers.items():
        row[peer] = _peer(peer, command, speed, work, n, folder, options)
    return row


def _peer(
    peer: str,
    command: list[str] | str,
    speed: Speed,
    work: Work,
    n: int,
    folder: Path,
    options: argparse.Namespace,
) -> Timing:
    file, entry = {
        "R": (f"r/{speed.name}.R", f"{work.name} = function"),
        "svy": (f"svy_peer/{speed.name}.py", f'"{work.name}":'),
    }[peer]
    script = HERE / file
    if not script.is_file() or entry not in script.read_text(encoding="utf-8"):
        return Timing(None, why="has no such thing")
    if isinstance(command, str):
        return Timing(None, why=command)
    if n > options.peers_up_to:
        return Timing(None, why=f"--peers-up-to {options.peers_up_to}")
    return _child([*command, str(script), work.name, str(n), str(folder), str(options.runs)], options.timeout)


def _child(command: list[str], timeout: float | None) -> Timing:
    root = str(HERE.parent)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=root, check=False)
    except subprocess.TimeoutExpired:
        return Timing(None, why=f"more than {timeout:g} s")
    lines = [line for line in done.stdout.splitlines() if line.startswith("TIMED ")]
    if not lines:
        return Timing(None, why=f"failed: {_complaint(done.stderr)[:120]}")
    found = json.loads(lines[-1][6:])
    return Timing(statistics.median(found["seconds"]), len(found["seconds"]), found.get("peak_mb"))


def _complaint(text: str) -> str:
    """The line of an error output that says what is wrong: R's first, Python's last."""
    lines = text.strip().splitlines() or ["no output"]
    return next((line for line in lines if line.startswith("Error")), lines[-1])


def _r_command() -> list[str] | str:
    """How to run R with survey; or why not, in words."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return "R is not installed"
    probe = 'cat(as.character(packageVersion("survey")))'
    found = subprocess.run([rscript, "--vanilla", "-e", probe], capture_output=True, text=True, check=False)
    if found.returncode:
        return "the R package survey is not installed"
    print(f"R survey {found.stdout.strip()}")
    return [rscript, "--vanilla"]


def _svy_command(python: str) -> list[str] | str:
    probe = "import svy; from importlib.metadata import version; print(version('svy'))"
    found = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    if found.returncode:
        return "svy is not installed (--svy-python names a Python that has it)"
    print(f"svy {found.stdout.strip()}")
    return [python]


HEAD = ["work", "n", "ours, s", "runs", "peak, MB", "R, s", "ratio", "svy, s", "ratio", "goals", "met"]


def _cells(row: dict[str, Any]) -> list[str]:
    work, ours = row["work"], row["ours"]
    cells = [work.title, f"{row['n']:,}"]
    if ours.seconds is None:
        return [*cells, ours.why, *[""] * 8]
    cells += [f"{ours.seconds:.3g}", str(ours.runs), f"{ours.peak_mb:.0f}"]
    goals, met = [], []
    if work.memory_mb:
        goals.append(f"under {work.memory_mb:.0f} MB")
        met.append("yes" if ours.peak_mb < work.memory_mb else "NO")
    for peer in ("R", "svy"):
        theirs, goal = row[peer], work.goals.get(peer)
        ratio = None if theirs.seconds is None else theirs.seconds / ours.seconds
        cells += ["" if ratio is None else f"{theirs.seconds:.3g}", "" if ratio is None else f"{ratio:.3g}"]
        if goal and row["n"] >= GOALS_FROM:
            goals.append(f"{goal:g} x {peer}")
            met.append("not timed" if ratio is None else "yes" if ratio >= goal else "NO")
    return [*cells, ", ".join(goals), ", ".join(met)]


def _line(row: dict[str, Any]) -> str:
    text = " | ".join(f"{name} {cell}" for name, cell in zip(HEAD, _cells(row), strict=True) if cell)
    skipped = [f"{peer}: {row[peer].why}" for peer in ("R", "svy") if row[peer].why]
    return text + (f"   [{'; '.join(skipped)}]" if skipped else "")


def _write(rows: list[dict[str, Any]], speeds: list[Speed], options: argparse.Namespace) -> None:
    table = [HEAD, ["---"] * len(HEAD), *(_cells(row) for row in rows)]
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    reasons = sorted({f"{p}: {r[p].why}" for r in rows for p in ("R", "svy") if r[p].why})
    lines = [
        "# Speed against peers",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, {load}; Python {platform.python_version()}; medians.",
        "Every program reads the same data beforehand; a ratio is the peer's seconds by ours.",
        "",
        *("| " + " | ".join(cells) + " |" for cells in table),
        "",
        *(f"- Not timed: {reason}" for reason in reasons),
        "",
        *_growth(rows),
        "",
        _goals_in_one_line(rows),
    ]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n" + "\n".join(lines) + f"\n\nwritten to {options.output}")


def _growth(rows: list[dict[str, Any]]) -> list[str]:
    """By which power of the rows the seconds of every work grow, from its smallest to its largest sample."""
    lines = []
    for work in dict.fromkeys(row["work"].title for row in rows):
        timed_rows = [row for row in rows if row["work"].title == work and row["ours"].seconds is not None]
        first, last = timed_rows[:1], timed_rows[-1:]
        if first and first[0]["n"] < last[0]["n"]:
            times, more = last[0]["ours"].seconds / first[0]["ours"].seconds, last[0]["n"] / first[0]["n"]
            power = math.log(times) / math.log(more)
            met = "yes" if power <= MOST_GROWTH else "NO"
            span = f"{first[0]['n']:,} to {last[0]['n']:,} rows"
            lines.append(f"- Growth of {work}, {span}: power {power:.2f} (goal: {MOST_GROWTH:g} at most): {met}")
    return lines


def _goals_in_one_line(rows: list[dict[str, Any]]) -> str:
    """Which goals are met, missed and not judged, in one line."""
    answers = [answer for row in rows for answer in _cells(row)[-1].split(", ") if answer]
    answers += [line.rsplit(": ", 1)[1] for line in _growth(rows)]
    return "Goals " + ", ".join(f"{word}: {answers.count(kind)}" for kind, word in JUDGED.items()) + "."


JUDGED = {"yes": "met", "NO": "missed", "not timed": "without a peer's time"}
