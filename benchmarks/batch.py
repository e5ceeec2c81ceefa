"""Notebooks to pages: our engines against papermill and nbconvert as they come, on the project's own notebooks.

Run in a workspace that holds the demo's data: python -m benchmarks.batch [--rounds 3]

The variants take turns, so that other work on the machine meets all of them. Seconds are per notebook, executed,
written and turned into pages: the peers make one page, ours two (one per language) and check them. The time that a
fork server needs once to warm up is given by itself. ``cpu`` is what all processes of a variant took of the processor:
on a busy machine the better measure.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import psutil

from spi_analysis.params import RoundSetup, find_workspace, load_setup
from spi_analysis.params.workspace import the_round
from spi_analysis.runner.forks.warm import SPI
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS, EngineName, Limits, Step, plan_steps
from spi_analysis.runner.pool import Pool

# Least ratios: against command lines with one worker, against a pool of stock runs with two; two workers against one.
GOALS = {"kernel": (6.0, 3.0), "fast": (10.0, 5.0)}
TWO_WORKERS = 1.7
LINES, STOCK = "command lines, 1 worker", "stock API, 2 workers"


@dataclass
class Variant:
    """One way of running notebooks; ``run`` takes steps that do not depend on each other."""

    name: str
    workers: int
    run: Callable[[Sequence[Step]], None]
    close: Callable[[], None] = lambda: None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self, institutions: Sequence[str]) -> None:
        """All notebooks of as many institutions as there are workers."""
        chosen = list(institutions)[: self.workers]
        started, used = time.perf_counter(), processor_seconds()
        for kind in INSTITUTION_NOTEBOOKS:
            self.run(plan_steps(chosen, [kind.number]))
        count = len(chosen) * len(INSTITUTION_NOTEBOOKS)
        self.wall.append((time.perf_counter() - started) / count)
        self.cpu.append((processor_seconds() - used) / count)


def processor_seconds() -> float:
    """Of this process and all that it started, ended ones included."""
    me = psutil.Process()
    total = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def command_lines(setup: RoundSetup, folder: Path) -> Variant:
    """`papermill` and `jupyter nbconvert`, one after the other."""

    def run(steps: Sequence[Step]) -> None:
        for step in steps:
            source, target = setup.workspace.notebooks / f"{step.notebook.name}.ipynb", folder / "executed.ipynb"
            parameters = ["-p", "round_id", setup.round.round_id, "-p", "institution_id", step.institution_id]
            papermill = ["papermill", str(source), str(target), "--cwd", str(setup.workspace.root), *parameters]
            for arguments in (papermill, ["nbconvert", "--to", "html", str(target)]):
                command = [sys.executable, "-m", *arguments]
                subprocess.run(command, check=True, capture_output=True, cwd=setup.workspace.root)

    return Variant(LINES, 1, run)


def stock_pool(setup: RoundSetup, folder: Path) -> Variant:
    """papermill and nbconvert by their Python doors, in two processes that stay."""
    pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))

    def run(steps: Sequence[Step]) -> None:
        list(pool.map(_stock, [(str(setup.workspace.root), setup.round.round_id, step, str(folder)) for step in steps]))

    return Variant(STOCK, 2, run, pool.shutdown)


def _stock(task: tuple[str, str, Step, str]) -> None:
    import papermill
    from nbconvert import HTMLExporter

    root, round_id, step, folder = task
    target = Path(folder) / f"{step.institution_id}.ipynb"
    source = str(Path(root) / "notebooks" / f"{step.notebook.name}.ipynb")
    parameters = {"round_id": round_id, "institution_id": step.institution_id}
    papermill.execute_notebook(source, str(target), parameters, cwd=root, progress_bar=False)
    html, _ = HTMLExporter().from_filename(str(target))
    target.with_suffix(".html").write_text(html, encoding="utf-8")


def ours(setup: RoundSetup, engine: EngineName, workers: int) -> Variant:
    """Our engine; its fork server is warm before the clock starts."""
    started, used = time.perf_counter(), processor_seconds()
    pool = Pool(setup, engine, workers, Limits(), print)
    warm = (time.perf_counter() - started, processor_seconds() - used)
    print(f"{engine}: warm after {warm[0]:.1f} s ({warm[1]:.1f} s of the processor)")

    def run(steps: Sequence[Step]) -> None:
        waiting, done = list(steps), 0
        while done < len(steps):
            while waiting and pool.free:
                pool.start(waiting.pop(0))
            for _, outcome in pool.wait():
                if not outcome.ok:
                    raise SystemExit(outcome.error)
                done += 1

    return Variant(f"{engine}, {workers} worker{'s' if workers > 1 else ''}", workers, run, pool.close)


def report(variants: Sequence[Variant]) -> None:
    """Medians, spread, and every goal."""
    by_name = {variant.name: variant for variant in variants}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"\nseconds per notebook, {os.cpu_count()} cores, load {load:.1f}: median (smallest to largest)")
    for variant in variants:
        parts = (f"{statistics.median(s):6.2f} ({min(s):.2f} to {max(s):.2f})" for s in (variant.wall, variant.cpu))
        print(f"{variant.name:26} wall {'   cpu '.join(parts)}")
    print("\nratio                                          wall    cpu   goal")
    for engine, (lines, pool) in GOALS.items():
        _ratio(by_name, LINES, f"{engine}, 1 worker", lines)
        _ratio(by_name, STOCK, f"{engine}, 2 workers", pool)
        _ratio(by_name, f"{engine}, 1 worker", f"{engine}, 2 workers", TWO_WORKERS)


def _ratio(variants: dict[str, Variant], peer: str, own: str, goal: float) -> None:
    wall, cpu = (
        statistics.median(
            theirs / mine for theirs, mine in zip(getattr(variants[peer], of), getattr(variants[own], of), strict=True)
        )
        for of in ("wall", "cpu")
    )
    print(f"{peer:24} / {own:20} {wall:6.2f} {cpu:6.2f}   {goal:g}{'' if wall >= goal else '   not reached'}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often every variant has its turn")
    options = parser.parse_args()
    place = find_workspace()
    setup = load_setup(place, the_round(place))
    os.environ.update({name: value for name, value in SPI.all_fixed.items() if name.endswith("_NUM_THREADS")})
    with tempfile.TemporaryDirectory() as folder:
        variants = [command_lines(setup, Path(folder)), stock_pool(setup, Path(folder))]
        variants += [ours(setup, engine, workers) for engine in GOALS for workers in (1, 2)]
        try:
            for _ in range(options.rounds):
                for variant in variants:
                    variant.measure(setup.institution_ids)
            report(variants)
        finally:
            for variant in variants:
                variant.close()


if __name__ == "__main__":
    main()
