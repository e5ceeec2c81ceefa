"""Simulate many rounds on all cores, with progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import pandas as pd
from rich.console import Console

from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.reporting import designs_file
from spi_analysis.runner import inputs_digest
from spi_analysis.survey.simulation import on_all_cores
from spi_analysis.synthetic import (
    CELL_COLUMNS,
    GRID,
    SimulatedLists,
    compare_weightings,
    simulate_cell,
    simulate_conduct,
    simulate_institution,
)
from spi_analysis.tables import read_table, write_csv, write_parquet

# Below outputs/: every simulated round in a file of its own.
KEPT = "method_checks/rounds"
Simulate = Callable[..., pd.DataFrame]
# Root and round; institution and seed; and where the result of every kind of round is kept.
Task = tuple[str, str, str, int, dict[tuple[str, ...], Path]]


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
    simulate = compare_weightings if compared else simulate_institution
    return _simulated(simulate, setup, seeds, list(itertools.product(worlds, responses)), workers, console)


def simulate_conducts(
    setup: RoundSetup, seeds: Iterable[int], answers: Iterable[str], workers: int | None, console: Console
) -> pd.DataFrame:
    """Every institution of the round, for every seed, honest and coached (see ``simulate_conduct``)."""
    return _simulated(simulate_conduct, setup, seeds, [(one,) for one in answers], workers, console)


def _simulated(
    simulate: Simulate,
    setup: RoundSetup,
    seeds: Iterable[int],
    kinds: Sequence[tuple[str, ...]],
    workers: int | None,
    console: Console,
) -> pd.DataFrame:
    """One round after another; those that an earlier command simulated from the same inputs are read.

    Whoever ends the command, or asks for more rounds later, loses none: a round is kept as soon as it is there, under a
    digest of the code and of the institution's parameters.
    """
    root, round_id = setup.workspace.root, setup.round.round_id
    below = setup.workspace.outputs / KEPT / simulate.__name__
    folders = {
        one: below / one / inputs_digest(setup, one, [], _of_people(setup, one)) for one in setup.institution_ids
    }
    tasks: list[Task] = [
        (str(root), round_id, one, seed, {kind: folders[one] / "_".join([*kind, f"{seed}.parquet"]) for kind in kinds})
        for seed, one in itertools.product(list(seeds), setup.institution_ids)
    ]
    paths = [path for *_, places in tasks for path in places.values()]
    if kept := sum(path.exists() for path in paths):
        console.print(f"kept     {kept} of {len(paths)} rounds, simulated before by the same code")
    return on_all_cores(partial(_kept, simulate), tasks, workers, console)


def simulate_means(seed: int, runs: int, workers: int | None, console: Console) -> pd.DataFrame:
    """Every cell of the grid of calibrated means, those with most answers first (see ``simulate_cell``)."""
    cells = sorted(GRID, key=lambda cell: -cell.population * cell.invited * cell.response)
    found = on_all_cores(partial(simulate_cell, seed=seed, runs=runs), cells, workers, console)
    return found.sort_values(CELL_COLUMNS, ignore_index=True)


def save_simulation(setup: RoundSetup, name: str, results: pd.DataFrame) -> Path:
    """Keep results where notebook 95 looks for them: rounds in coverage.csv, means in means.csv, and so on."""
    return write_csv(setup.workspace.outputs / "method_checks" / f"{name}.csv", results)


def _of_people(setup: RoundSetup, institution_id: str) -> list[str]:
    """What the generated people and answers of an institution are made from, beside its round and questionnaire."""
    made_from = (setup.roster[institution_id], setup.inputs[institution_id], setup.generator)
    return [one.model_dump_json() for one in made_from if one is not None]


def _kept(simulate: Simulate, task: Task) -> pd.DataFrame:
    """All kinds of rounds of an institution and a seed, one below the other: they have people and draw in common."""
    root, round_id, institution_id, seed, places = task
    lists = SimulatedLists(_setup(root, round_id), institution_id, seed)
    for kind, path in places.items():
        if not path.exists():
            write_parquet(path, simulate(lists, *kind))
    hint = "delete it: the command simulates it again"
    found = [read_table(path, what="a simulated round", hint=hint) for path in places.values()]
    return pd.concat(found, ignore_index=True)


@cache
def _setup(root: str, round_id: str) -> RoundSetup:
    """Parameters are read once per process."""
    return load_setup(Workspace(Path(root)), round_id)


# Where the results of the design simulator are kept.


def save_designs(setup: RoundSetup, institution_id: str, table: pd.DataFrame) -> Path:
    """Keep the table where notebook 15 looks for it, whole or not at all."""
    return write_csv(designs_file(setup, institution_id), table)
