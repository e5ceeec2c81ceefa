"""Simulate many rounds on all cores, with progress."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track

from spi_analysis.batch.executor import SINGLE_THREAD
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.synthetic.coverage import simulate_institution
from spi_analysis.tables.files import write_csv

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
    os.environ.update(SINGLE_THREAD)
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        done = pool.map(_simulate, tasks, chunksize=4)
        parts = list(track(done, "simulating", len(tasks), console=console, disable=not console.is_terminal))
    return pd.concat(parts, ignore_index=True)


def save_simulation(setup: RoundSetup, results: pd.DataFrame) -> Path:
    """Keep the results where notebook 95 looks for them."""
    return write_csv(simulation_path(setup), results)


def simulation_path(setup: RoundSetup) -> Path:
    """Where the last simulation is kept."""
    return setup.workspace.outputs / "method_checks" / "coverage.csv"


def _simulate(task: Task) -> pd.DataFrame:
    root, round_id, institution_id, seed, mechanism = task
    return simulate_institution(_setup(root, round_id), institution_id, seed, mechanism)


@cache
def _setup(root: str, round_id: str) -> RoundSetup:
    """Parameters are read once per process."""
    return load_setup(Workspace(Path(root)), round_id)
