"""Simulate many rounds on all cores, with progress."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spi_analysis.batch.forks.surroundings import SINGLE_THREAD
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.synthetic.calibrated_mean import CELL_COLUMNS, GRID, simulate_cell
from spi_analysis.synthetic.coverage import simulate_institution
from spi_analysis.tables.files import write_csv

Part = TypeVar("Part")
Item = TypeVar("Item")
Task = tuple[str, str, str, int, str]


def simulate_rounds(
    setup: RoundSetup, seeds: Iterable[int], mechanisms: Iterable[str], workers: int | None, console: Console
) -> pd.DataFrame:
    """Every institution of the round, for every seed and mechanism (see ``simulate_institution``)."""
    root, round_id = str(setup.workspace.root), setup.round.round_id
    tasks: list[Task] = [
        (root, round_id, institution_id, seed, mechanism)
        for mechanism, seed, institution_id in itertools.product(mechanisms, seeds, setup.institution_ids)
    ]
    return _on_all_cores(_simulate, tasks, 4, workers, console)


def simulate_means(seed: int, runs: int, workers: int | None, console: Console) -> pd.DataFrame:
    """Every cell of the grid of calibrated means, those with most answers first (see ``simulate_cell``)."""
    cells = sorted(GRID, key=lambda cell: -cell.population * cell.invited * cell.response)
    found = _on_all_cores(partial(simulate_cell, seed=seed, runs=runs), cells, 1, workers, console)
    return found.sort_values(CELL_COLUMNS, ignore_index=True)


def _on_all_cores(
    work: Callable[[Item], pd.DataFrame], items: list[Item], chunk: int, workers: int | None, console: Console
) -> pd.DataFrame:
    os.environ.update(SINGLE_THREAD)
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        done = pool.map(work, items, chunksize=chunk)
        return pd.concat(followed(done, len(items), console), ignore_index=True)


def followed(done: Iterable[Part], total: int, console: Console) -> Iterator[Part]:
    """The same parts, with how many there are and how long the others will take.

    On a terminal a bar; in a file or pipe a line at every tenth.
    """
    if console.is_terminal:
        columns = (
            TextColumn("simulating"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=console) as progress:
            yield from progress.track(done, total)
        return
    started, tenths = time.monotonic(), 0
    for number, part in enumerate(done, start=1):
        yield part
        if number * 10 // total > tenths:
            tenths = number * 10 // total
            left = (time.monotonic() - started) / number * (total - number)
            console.print(f"simulated {number:,} of {total:,}; about {_minutes(left)} left", highlight=False)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def save_simulation(setup: RoundSetup, name: str, results: pd.DataFrame) -> Path:
    """Keep results where notebook 95 looks for them: rounds in coverage.csv, means in means.csv."""
    return write_csv(setup.workspace.outputs / "method_checks" / f"{name}.csv", results)


def _simulate(task: Task) -> pd.DataFrame:
    root, round_id, institution_id, seed, mechanism = task
    return simulate_institution(_setup(root, round_id), institution_id, seed, mechanism)


@cache
def _setup(root: str, round_id: str) -> RoundSetup:
    """Parameters are read once per process."""
    return load_setup(Workspace(Path(root)), round_id)
