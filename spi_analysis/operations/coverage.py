"""Simulate many rounds on all cores, with progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

import pandas as pd
from rich.console import Console

from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.reporting import designs_file
from spi_analysis.survey.simulation import on_all_cores
from spi_analysis.synthetic import (
    CELL_COLUMNS,
    GRID,
    compare_weightings,
    simulate_cell,
    simulate_conduct,
    simulate_institution,
)
from spi_analysis.tables import write_csv

Task = tuple[str, str, str, int, tuple[str, ...]]


def simulate_rounds(
    setup: RoundSetup,
    seeds: Iterable[int],
    worlds: Iterable[str],
    responses: Iterable[str],
    workers: int | None,
    console: Console,
    compared: bool = False,
) -> pd.DataFrame:
    """Every institution of the round, for every seed, world and response (see ``simulate_institution``).

    ``compared``: the same answers weighted in several ways (see ``compare_weightings``).
    """
    kinds = list(itertools.product(worlds, responses))
    simulate = compare_weightings if compared else simulate_institution
    return on_all_cores(partial(_simulate, simulate), _tasks(setup, seeds, kinds), workers, console)


def simulate_conducts(
    setup: RoundSetup, seeds: Iterable[int], answers: Iterable[str], workers: int | None, console: Console
) -> pd.DataFrame:
    """Every institution of the round, for every seed, honest and coached (see ``simulate_conduct``)."""
    tasks = _tasks(setup, seeds, [(one,) for one in answers])
    return on_all_cores(partial(_simulate, simulate_conduct), tasks, workers, console)


def _tasks(setup: RoundSetup, seeds: Iterable[int], kinds: Iterable[tuple[str, ...]]) -> list[Task]:
    root, round_id = str(setup.workspace.root), setup.round.round_id
    return [
        (root, round_id, institution_id, seed, kind)
        for kind, seed, institution_id in itertools.product(kinds, list(seeds), setup.institution_ids)
    ]


def simulate_means(seed: int, runs: int, workers: int | None, console: Console) -> pd.DataFrame:
    """Every cell of the grid of calibrated means, those with most answers first (see ``simulate_cell``)."""
    cells = sorted(GRID, key=lambda cell: -cell.population * cell.invited * cell.response)
    found = on_all_cores(partial(simulate_cell, seed=seed, runs=runs), cells, workers, console)
    return found.sort_values(CELL_COLUMNS, ignore_index=True)


def save_simulation(setup: RoundSetup, name: str, results: pd.DataFrame) -> Path:
    """Keep results where notebook 95 looks for them: rounds in coverage.csv, means in means.csv, and so on."""
    return write_csv(setup.workspace.outputs / "method_checks" / f"{name}.csv", results)


def _simulate(simulate: Callable[..., pd.DataFrame], task: Task) -> pd.DataFrame:
    root, round_id, institution_id, seed, kind = task
    return simulate(_setup(root, round_id), institution_id, seed, *kind)


@cache
def _setup(root: str, round_id: str) -> RoundSetup:
    """Parameters are read once per process."""
    return load_setup(Workspace(Path(root)), round_id)


# Where the results of the design simulator are kept.


def save_designs(setup: RoundSetup, institution_id: str, table: pd.DataFrame) -> Path:
    """Keep the table where notebook 15 looks for it, whole or not at all."""
    return write_csv(designs_file(setup, institution_id), table)
