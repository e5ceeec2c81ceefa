"""Designs side by side: bias, true and estimated error, coverage, answers and cost, each with its Monte-Carlo error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from rich.console import Console

from spi_analysis.errors import InputError, Problem, SpiError
from spi_analysis.processes import Lost, followed, in_processes
from spi_analysis.survey.estimation import coverage_summary
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.simulation.candidate import Design
from spi_analysis.survey.simulation.population import Population
from spi_analysis.survey.simulation.repeated_draws import prepare_draws
from spi_analysis.survey.simulation.response_models import ResponseModel
from spi_analysis.survey.simulation.runs import Settings, simulate_runs

Item = TypeVar("Item")
# Simulations are many and short, and gather little: their processes are replaced seldom.
PER_PROCESS = 500
# Runs that one process does before it says that it goes on.
BATCH = 50
Task = tuple[Design, ResponseModel, range]
KEYS = ["design", "response", "answer"]
RUN_COLUMNS = ["truth", "estimate", "se", "ci_low", "ci_high", "n", "invitations", "cost", "why"]


def compare_designs(
    frame: pd.DataFrame,
    answers: str | Sequence[str],
    responses: Sequence[ResponseModel],
    designs: Sequence[Design],
    *,
    runs: int = 1000,
    seed: int = 1,
    level: float = 0.95,
    n_replicates: int = 200,
    workers: int | None = None,
    console: Console | None = None,
) -> pd.DataFrame:
    """Carry out every design under every response model and compare what comes out with the truth.

    Parameters
    ----------
    frame : DataFrame (N, ...)   everyone on the list: list columns, and the answer each would give
    answers : str or list of str   numeric columns of ``frame`` whose means are to be estimated
    responses, designs : sequences with labels of their own
    runs, seed : how often, and from which random numbers; results do not depend on ``workers``
    level, n_replicates : of the intervals, and replicates behind each standard error
    workers, console : processes (None: all cores), and where progress is shown

    Returns
    -------
    DataFrame as ``summarise`` makes it, one row per design, response model and answer.

    Raises
    ------
    InputError, SamplingError   whatever cannot be carried out, before the first run.
    SpiError   a process was ended from outside.

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38.

    Examples
    --------
    A census to which everyone answers has no error.

    >>> frame = pd.DataFrame({"score": [60, 70, 80]})
    >>> everyone = [ResponseModel("all answer", mean=1)]
    >>> table = compare_designs(frame, "score", everyone, [Design("census")], runs=2, n_replicates=10, workers=1)
    >>> table[["truth", "bias", "true_se", "completes", "invitations"]].iloc[0].tolist()
    [70.0, 0.0, 0.0, 3.0, 3.0]
    """
    people = Population.of(frame, answers)
    settings = Settings(seed, n_replicates, level)
    return summarise(run_designs(people, responses, designs, settings, runs, workers, console))


def run_designs(
    people: Population,
    responses: Sequence[ResponseModel],
    designs: Sequence[Design],
    settings: Settings,
    runs: int,
    workers: int | None = None,
    console: Console | None = None,
) -> pd.DataFrame:
    """All runs of all designs under all response models (see ``simulate_runs``); checked before the first one.

    Parameters
    ----------
    people : Population       everyone on the list, with their answers
    responses, designs : sequences with labels of their own
    settings : Settings       seed, replicates and level of all runs
    runs : int                how often, 1 or more
    workers, console : processes (None: all cores), and where progress is shown

    Returns
    -------
    DataFrame, one row per design, response model, run and answer: design, response, answer, run, truth, estimate, se,
    df, ci_low, ci_high, n, invitations, cost, why ("" or why there is no estimate).

    Raises
    ------
    InputError   labels that are missing or occur twice, nothing to run, a column or level that is not there.
    SamplingError   sizes that do not fit the strata.
    SpiError   a process was ended from outside.

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38.

    Examples
    --------
    >>> people = Population.of(pd.DataFrame({"score": [60, 70, 80]}), "score")
    >>> everyone, settings = [ResponseModel("all answer", mean=1)], Settings(n_replicates=10)
    >>> results = run_designs(people, everyone, [Design("two of three", n=2)], settings, runs=3, workers=1)
    >>> results[["run", "n", "invitations"]].to_numpy().tolist()
    [[0, 2, 2], [1, 2, 2], [2, 2, 2]]
    """
    _check(people, responses, designs, runs)
    tasks: list[Task] = [
        (design, response, range(start, min(start + BATCH, runs)))
        for design in designs
        for response in responses
        for start in range(0, runs, BATCH)
    ]
    return on_all_cores(partial(_simulated, people, settings), tasks, workers, console)


def summarise(results: pd.DataFrame, keys: Sequence[str] = KEYS) -> pd.DataFrame:
    """What the runs say of each design.

    Parameters
    ----------
    results : DataFrame   as ``run_designs`` makes it
    keys : columns that name a row

    Returns
    -------
    DataFrame, one row per combination of ``keys``:
    truth; bias, bias_error (Monte-Carlo standard error); true_se (SD over runs), true_se_error; rmse; bias_share of
    the mean squared error; estimated_se (mean); coverage, coverage_error; width; completes, invitations, cost (means);
    runs (with an estimate), without_estimate (runs), why. An estimate without an interval counts as a miss.

    Raises
    ------
    InputError   a column is missing.

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38 (performance measures, their Monte-Carlo error).

    Examples
    --------
    Two runs, 68 and 74 where 70 is true: a bias of 1, and one of two intervals holds the truth.

    >>> results = pd.DataFrame(
    ...     {"design": "d", "response": "r", "answer": "score", "run": [0, 1], "truth": 70.0, "estimate": [68.0, 74.0],
    ...      "se": 1.5, "df": 9.0, "ci_low": [65.0, 71.0], "ci_high": [71.0, 77.0], "n": 2, "invitations": 2,
    ...      "cost": 2.0, "why": ""}
    ... )
    >>> summarise(results)[["bias", "coverage", "width", "completes"]].iloc[0].tolist()
    [1.0, 0.5, 6.0, 2.0]
    """
    keys = list(keys)
    require_columns(results, [*keys, *RUN_COLUMNS], InputError)
    missing = results["estimate"].isna()
    groups = results.groupby(keys, sort=False)
    facts = groups[["truth", "n", "invitations", "cost"]].mean().rename(columns={"n": "completes"})
    facts["why"] = results["why"].where(missing, "").groupby([results[k] for k in keys], sort=False).agg(_reasons)
    found = coverage_summary(results, keys).set_index(keys)
    figures = found.drop(columns="n").rename(
        columns={"sd": "true_se", "sd_error": "true_se_error", "se": "estimated_se"}
    )
    table = facts.join(figures)
    # Mean squared error = bias**2 + SD**2 (Morris, White & Crowther 2019).
    table["rmse"] = np.hypot(table["bias"], table["true_se"])
    # Of the squared bias, what the runs' own chance adds is no bias.
    squared = (table["bias"] ** 2 - table["bias_error"] ** 2).clip(lower=0)
    table["bias_share"] = squared / (squared + table["true_se"] ** 2).where(lambda total: total > 0)
    return table.reset_index()[[*keys, *FIGURES]]


FIGURES = [
    "truth",
    "bias",
    "bias_error",
    "true_se",
    "true_se_error",
    "rmse",
    "bias_share",
    "estimated_se",
    "coverage",
    "coverage_error",
    "width",
    "completes",
    "invitations",
    "cost",
    "runs",
    "without_estimate",
    "why",
]


def _simulated(people: Population, settings: Settings, task: Task) -> pd.DataFrame:
    design, response, runs = task
    return simulate_runs(people, design, response, settings, runs)


def _reasons(why: pd.Series) -> str:
    """Reasons with their number, most frequent first."""
    counts = why[why != ""].value_counts()
    return "; ".join(f"{reason} ({count})" for reason, count in counts.items())


def _check(people: Population, responses: Sequence[ResponseModel], designs: Sequence[Design], runs: int) -> None:
    problems = []
    for what, parts in (("design", designs), ("response model", responses)):
        labels = [part.label for part in parts]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice or not labels:
            problems.append(Problem(f"every {what} needs a label of its own", got=", ".join(twice) or "none at all"))
    if runs < 1:
        problems.append(Problem("there is nothing to run", got=f"{runs} runs", expected="1 or more"))
    if problems:
        raise InputError(*problems)
    for design in designs:
        prepare_draws(design, people)
    for response in responses:
        response.probabilities(people)


# Independent pieces of work on all cores, with progress.


def on_all_cores(
    work: Callable[[Item], pd.DataFrame],
    items: Sequence[Item],
    workers: int | None = None,
    console: Console | None = None,
) -> pd.DataFrame:
    """The tables that ``work`` makes of the items, one below the other, in the order of the items.

    Parameters
    ----------
    work : function   of a module (it is sent to fresh processes); makes a DataFrame of an item
    items : list      what ``work`` is called with, one after another
    workers : int or None   processes; None: all cores; 1: no other process
    console : Console or None   where progress is shown; None: nowhere

    Returns
    -------
    DataFrame, numbered anew from 0.

    Raises
    ------
    SpiError   there are no items; a process was ended from outside (says at which item): what the others had done is
        lost.

    References
    ----------
    Python Software Foundation, The Python Standard Library: concurrent.futures.

    Examples
    --------
    >>> on_all_cores(lambda n: pd.DataFrame({"square": [n**2]}), [1, 2, 3], workers=1)["square"].tolist()
    [1, 4, 9]
    """
    if not len(items):
        raise SpiError("there is nothing to work on", got="no items", expected="one or more")
    here = workers == 1
    done = enumerate(map(work, items)) if here else in_processes(work, items, workers, per_process=PER_PROCESS)
    sound = _none_lost(done, len(items))
    found = dict(followed(sound, len(items), console, "simulating") if console else sound)
    return pd.concat([found[number] for number in range(len(items))], ignore_index=True)


def _none_lost(done: Iterable[tuple[int, Any]], total: int) -> Iterator[tuple[int, Any]]:
    for number, part in done:
        if isinstance(part, Lost):
            raise SpiError(
                "a process of the simulation was ended from outside",
                got=f"at simulation {number + 1} of {total}",
                hint="most often the memory was full: run it again with fewer processes (--workers 1)",
            )
        yield number, part
