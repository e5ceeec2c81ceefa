"""Designs side by side: bias, true and estimated error, coverage, answers and cost, each with its Monte-Carlo error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from rich.console import Console

from spi_analysis.errors import InputError, Problem
from spi_analysis.survey.estimation import coverage_summary
from spi_analysis.survey.simulation.candidate import Design
from spi_analysis.survey.simulation.parallel import on_all_cores
from spi_analysis.survey.simulation.population import Population
from spi_analysis.survey.simulation.repeated_draws import settle
from spi_analysis.survey.simulation.response_models import ResponseModel
from spi_analysis.survey.simulation.runs import Settings, simulate_runs

# Runs that one process does before it says that it goes on.
BATCH = 50
Task = tuple[Design, ResponseModel, range]
KEYS = ["design", "response", "answer"]


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

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38.
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
    """All runs of all designs under all response models (see ``simulate_runs``); checked before the first one."""
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
    """
    keys = list(keys)
    missing = results["estimate"].isna()
    groups = results.groupby(keys, sort=False)
    facts = groups[["truth", "n", "invitations", "cost"]].mean().rename(columns={"n": "completes"})
    facts["without_estimate"] = groups["estimate"].agg(lambda values: int(values.isna().sum()))
    facts["why"] = results["why"].where(missing, "").groupby([results[k] for k in keys], sort=False).agg(_reasons)
    found = coverage_summary(results[~missing], keys).set_index(keys)
    figures = found.drop(columns="n").rename(
        columns={"sd": "true_se", "sd_error": "true_se_error", "se": "estimated_se"}
    )
    table = facts.join(figures)
    table["runs"] = table["runs"].fillna(0).astype(int)
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
        settle(design, people)
    for response in responses:
        response.probabilities(people)
