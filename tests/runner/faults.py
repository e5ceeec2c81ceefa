"""Random kill -9 during a batch, then another run: nothing is lost, doubled or left behind.

``python -m tests.runner.faults --kills 20 --institutions 12 --seed 1`` (``make fault-test``). The institutions are
made up for the test, and so are the tables that its tiny notebooks write.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil

from spi_analysis.params import Workspace
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS, NATIONAL_NOTEBOOKS
from spi_analysis.tables.files import write_text
from spi_analysis.tables.schema import mark_schema
from tests.demo import copy_inputs
from tests.runner.conftest import ROUND

TARGETS = ("runner", "server", "child")
PARAMETERS = 'round_id = "spi_2024"\ninstitution_id = "nobody"'
READ = """from spi_analysis.params import find_workspace
from spi_analysis.tables.files import write_text
place = find_workspace()
before = sorted(place.data.glob(f"{round_id}/*/{institution_id}.parquet"))
found = [(path.parent.name, path.read_text()) for path in before if path.parent.name in %r]
found"""
WRITE = '_ = [write_text(place.data / round_id / t / f"{institution_id}.parquet", t + repr(found)) for t in %r]'
# What may differ between two runs: times, the ledger, the logs.
OWN = ("run.json",)


@dataclass
class Report:
    """What happened: what was killed, and all that was wrong."""

    killed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def make_workspace(folder: Path, institutions: int) -> Workspace:
    """Made-up towns, whose notebooks write tables that the next ones read."""
    workspace = copy_inputs(folder)
    codes = [f"kota-uji-{number:02d}" for number in range(1, institutions + 1)]
    roster, inputs = workspace.params / "institutions.csv", workspace.params / "rounds" / f"{ROUND}.institutions.csv"
    _append(roster, [f"{code},Pemerintah Kota Uji {code.rpartition('-')[2]} (buatan),kota,35,kecil" for code in codes])
    row = inputs.read_text().splitlines()[1]
    inputs.write_text(inputs.read_text().splitlines()[0] + "\n")
    _append(inputs, [row.replace(row.split(",")[0], code, 1) for code in codes])
    for kind in (*INSTITUTION_NOTEBOOKS, *NATIONAL_NOTEBOOKS):
        write_notebook(workspace, kind.name, kind.reads, kind.writes)
    mark_schema(workspace.data / ROUND)
    for table in ("frame", "sample", "events", "responses"):
        for code in codes:
            write_text(workspace.data / ROUND / table / f"{code}.parquet", f"{table} of {code}")
    return workspace


def write_notebook(workspace: Workspace, name: str, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
    """A tiny notebook that shows what it reads and writes something that follows from it."""
    parameters = nbformat.v4.new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_markdown_cell("# Title", id="title"), parameters]
    cells.append(nbformat.v4.new_code_cell(READ % (reads,), id="read"))
    cells.append(nbformat.v4.new_code_cell("import time\ntime.sleep(0.05)", id="wait"))
    cells.append(nbformat.v4.new_code_cell(WRITE % (writes,) if writes else '"done"', id="write"))
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), workspace.notebooks / f"{name}.ipynb")


def _append(path: Path, lines: list[str]) -> None:
    path.write_text(path.read_text().rstrip("\n") + "\n" + "\n".join(lines) + "\n")


def start(workspace: Workspace, temporary: Path, engine: str) -> subprocess.Popen[str]:
    """`spi run`, with temporary files in a place of its own."""
    command = [sys.executable, "-m", "spi_analysis", "run", "--workers", "2", "--engine", engine]
    env = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.Popen(
        command, cwd=workspace.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def made(workspace: Workspace) -> dict[str, str]:
    """Digests of all outputs and tables."""
    files = [
        path
        for folder in (workspace.outputs, workspace.data)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in OWN and not {"batch", ".lock"} & set(path.relative_to(folder).parts)
    ]
    return {str(p.relative_to(workspace.root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def left_running(temporary: Path) -> list[int]:
    """Processes that have this folder in their environment, as they and those they were forked from were started."""
    mark, found = str(temporary).encode(), []
    for process in psutil.process_iter():
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
            if mark in environment and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (OSError, psutil.Error):
            continue
    return found


def run_with_kills(folder: Path, institutions: int, kills: int, seed: int, engine: str = "fast") -> Report:
    """Compare a batch that is hit so many times, and run again after each death, with one that was left in peace."""
    chance, report = random.Random(seed), Report()
    calm, hit = make_workspace(folder / "calm", institutions), make_workspace(folder / "hit", institutions)
    # A short path: sockets go below it.
    temporary = Path(tempfile.mkdtemp(prefix="spi-f-", dir="/tmp"))
    try:
        first = start(calm, temporary, engine)
        if first.wait(timeout=900):
            report.wrong.append(f"the undisturbed run failed: {first.stdout.read()}")
            return report
        _hit(hit, temporary, kills, chance, report, engine)
        last = start(hit, temporary, engine)
        said, _ = last.communicate(timeout=900)
        if last.returncode:
            report.wrong.append(f"the last run failed: {said}")
        report.wrong += _differences(calm, hit)
        report.wrong += [f"left running: {pid}" for pid in _after_a_while(lambda: left_running(temporary))]
        report.wrong += [f"left half-written: {path}" for path in _half(hit)]
        report.wrong += [f"left: {path}" for path in _after_a_while(lambda: list(temporary.iterdir()))]
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return report


def _hit(workspace: Workspace, temporary: Path, kills: int, chance: random.Random, report: Report, engine: str) -> None:
    """Kill runner, fork server and children by turns in a random order; start again whenever the run is over."""
    runner: subprocess.Popen[str] | None = None
    for target in _targets(kills, chance):
        if runner is None or runner.poll() is not None:
            runner = start(workspace, temporary, engine)
        victim = _victim(runner, target)
        if victim is None:
            # It came to its end: everything from the beginning, so that there is something to hit.
            shutil.rmtree(workspace.outputs, ignore_errors=True)
            runner = start(workspace, temporary, engine)
            victim = _victim(runner, target) or runner.pid
        time.sleep(chance.random() * 0.8)
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            target = f"{target} (had ended)"
        report.killed.append(target)
        if target == "runner":
            runner.communicate()
            report.wrong += [f"orphan of a killed runner: {p}" for p in _after_a_while(lambda: left_running(temporary))]
    if runner is not None:
        runner.communicate(timeout=900)


def _targets(kills: int, chance: random.Random) -> list[str]:
    """Each in turn as often as the others, in a random order."""
    targets = [TARGETS[number % len(TARGETS)] for number in range(kills)]
    chance.shuffle(targets)
    return targets


def _victim(runner: subprocess.Popen[str], target: str) -> int | None:
    """The process to be killed, once notebooks are being run; None if the run ends before."""
    until = time.monotonic() + 120
    while time.monotonic() < until and runner.poll() is None:
        try:
            servers = psutil.Process(runner.pid).children()
            children = [child for server in servers for child in server.children(recursive=True)]
        except psutil.Error:
            continue
        if children:
            return {"runner": runner.pid, "server": servers[-1].pid, "child": children[-1].pid}[target]
        time.sleep(0.02)
    return None


def _differences(calm: Workspace, hit: Workspace) -> list[str]:
    ours, theirs = made(hit), made(calm)
    return [f"differs: {name}" for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]


def _half(workspace: Workspace) -> list[Path]:
    found = [path for folder in (workspace.outputs, workspace.data) for path in folder.rglob(".*")]
    return [path for path in found if path.name != ".lock"]


def _after_a_while(look, seconds: float = 90) -> list:
    """What is still there after some time: a server that is loading hears of its runner's end when it has loaded.

    On a busy machine that takes half a minute; what is an orphan stays for good.
    """
    until = time.monotonic() + seconds
    while look() and time.monotonic() < until:
        time.sleep(0.1)
    return look()


def main() -> int:
    """Exit code 1 and a list if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 20), ("institutions", 12), ("seed", 2024)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--engine", default="fast")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run_with_kills(Path(folder), asked.institutions, asked.kills, asked.seed, asked.engine)
    print(f"{len(report.killed)} killed: {', '.join(report.killed)}")
    print("\n".join(report.wrong) or "outputs as in an undisturbed run; no process and no temporary file left")
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
