"""`spi run`, `spi render`, `spi status`."""

from __future__ import annotations

import datetime as dt
import json
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_analysis.commands.common import (
    Institutions,
    RoundOption,
    WorkersOption,
    WorkspaceOption,
    err,
    finish,
    open_setup,
    out,
    print_table,
    print_words,
)
from spi_analysis.errors import ParameterError

if TYPE_CHECKING:
    from spi_analysis.params import RoundSetup
    from spi_analysis.runner import OpenRunner, Selection

running = typer.Typer()
# What a shell says of a program that Ctrl-C ended.
STOPPED = 130
# Seconds between two looks of --watch.
LOOK_AGAIN = 2.0


class Engine(StrEnum):
    """How notebooks are run (docs/batch.md)."""

    kernel = "kernel"
    fast = "fast"
    stock = "stock"


class Executor(StrEnum):
    """Where notebooks are run (docs/more_machines.md)."""

    local = "local"
    dask = "dask"


EngineOption = Annotated[
    Engine, typer.Option(help="kernel: Jupyter's kernel, forked; fast: a forked shell; stock: plain papermill.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Notebooks at a time (default: all cores, or all threads of Dask's workers).")
]
Notebook = Annotated[list[str] | None, typer.Option(help="Notebook number, such as 40 (may be repeated).")]


@running.command()
def run(
    institutions: Institutions = None,
    institution: Annotated[list[str] | None, typer.Option(help="Institution code (may be repeated).")] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Type of institution, as in the roster (may be repeated).")
    ] = None,
    notebook: Notebook = None,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Only what did not go through last time, and what builds on it.")
    ] = False,
    shard: Annotated[
        str, typer.Option(help="i/n: every n-th institution from the i-th; the overview is left to a later spi run.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Also what is up to date.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run and why; run nothing.")] = False,
    workers: Workers = None,
    engine: EngineOption = Engine.kernel,
    executor: Annotated[
        Executor, typer.Option(help="local: on this machine; dask: on the workers of a Dask scheduler.")
    ] = Executor.local,
    scheduler: Annotated[
        str, typer.Option(help="Address of the Dask scheduler, such as tcp://10.0.0.5:8786.", show_default=False)
    ] = "",
    exchange: Annotated[
        str,
        typer.Option(
            help="Address for files between machines without a shared disk, such as s3://bucket/folder.",
            show_default=False,
        ),
    ] = "",
    cell_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a cell may take.")] = 600,
    notebook_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a notebook may take.")] = 1800,
    pages_timeout: Annotated[int, typer.Option(min=1, help="Seconds from a notebook's last cell to its pages.")] = 120,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Execute the notebooks for each institution and make the pages; what is up to date is passed over.

    Example: spi run kota-mojokerto --notebook 40 --notebook 50
    """
    from spi_analysis.runner import Selection, read_shard

    named = [*(institutions or []), *(institution or [])]
    setup = open_setup(workspace, round_id, named or None)
    if setup.blocked:
        err.print("warning: no pages of all institutions are made meanwhile", style="yellow")
    selection = Selection(
        institutions=named,
        types=type_ or [],
        notebooks=notebook,
        only_failed=only_failed,
        shard=read_shard(shard) if shard else None,
    )
    if dry_run:
        _print_plan(setup, selection, force)
    else:
        runner = _runner(executor, scheduler, exchange)
        limits = (cell_timeout, notebook_timeout, pages_timeout)
        run_and_report(setup, selection, workers, engine, limits, force, runner)


@running.command()
def render(
    institutions: Institutions = None,
    notebook: Annotated[list[str] | None, typer.Option(help="Notebook number, such as 50 (may be repeated).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Make the pages anew from notebooks that were executed before; nothing is computed again.

    Example: spi render kota-mojokerto --notebook 50
    """
    from spi_analysis.runner import render_pages

    setup = open_setup(workspace, round_id, institutions or None)
    done = render_pages(setup, institutions or setup.institution_ids, notebook, institutions is None)
    print_pages(setup, [page for outcome in done for page in outcome.pages])
    failed = [outcome for outcome in done if not outcome.ok]
    for outcome in failed:
        err.print(outcome.error, style="red", markup=False, highlight=False)
    if failed:
        raise typer.Exit(1)


@running.command()
def status(
    why: Annotated[
        str | None, typer.Option("--why", help="Institution code, or overview: what is out of date, and what changed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every step with times, memory and errors, as JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again until the run that is going on has ended.")
    ] = False,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """What is there for every institution: tables, reports and what became of the last run; which command goes on.

    Example: spi status --why kota-mojokerto
    """
    from spi_analysis.runner import ledger_facts, origin, round_status, why_table
    from spi_analysis.tables import left_behind, retention_reminder

    setup = open_setup(workspace, round_id)
    if as_json:
        typer.echo(json.dumps(ledger_facts(setup), indent=1, ensure_ascii=False))
        return
    if why is not None:
        print_table(f"Why {why}", why_table(setup, why))
        return
    if watch:
        _watch(setup)
    out.print(f"{setup.round.round_id}: {origin(setup)}", markup=False, highlight=False)
    print_words("Status", round_status(setup))
    if reminder := retention_reminder(setup, dt.date.today()):
        out.print(reminder, style="yellow", markup=False, highlight=False)
    if left := left_behind(setup.workspace.data):
        names = ", ".join(path.relative_to(setup.workspace.root).as_posix() for path in left)
        words = f"left by a command that was killed: {names}; spi backup removes it, and so do spi forget and spi vault"
        out.print(words, style="yellow", markup=False, highlight=False)


def run_and_report(
    setup: RoundSetup,
    selection: Selection,
    workers: int | None,
    engine: Engine,
    limits: tuple[int, int, int] | None = None,
    force: bool = False,
    open_runner: OpenRunner | None = None,
) -> None:
    """Run the batch; say where the pages are and exactly what failed. Failures are also printed as they happen."""
    from spi_analysis.runner import Limits, Pool, run_selection

    most = Limits(*limits) if limits else None
    summary = run_selection(setup, selection, workers, out, engine.value, most, force, open_runner or Pool)
    if summary.log is not None:
        out.print(f"log {summary.log.relative_to(setup.workspace.root)}", markup=False, highlight=False)
    # What to open is said last.
    print_pages(setup, summary.pages)
    if summary.up_to_date:
        out.print(
            f"{len(summary.up_to_date)} notebooks were up to date (made all the same with --force)", highlight=False
        )
    if selection.shard is not None:
        out.print("the overview waits for all shards: spi run, once they are done", highlight=False)
    if summary.stopped:
        err.print("stopped; what was done is kept, and spi run goes on from there", style="red")
        raise typer.Exit(STOPPED)
    if summary.failures:
        for line in summary.failed_in_words:
            err.print(line, style="red", markup=False, highlight=False)
        err.print(f"of {len(summary.results)} notebooks {summary.failed} failed, {summary.not_run} not run; see above",
                  style="red")  # fmt: skip
        raise typer.Exit(1)


def _runner(executor: Executor, scheduler: str, exchange: str = "") -> OpenRunner | None:
    """What --executor, --scheduler and --exchange ask for; None for this machine."""
    if executor is Executor.dask:
        from spi_analysis.runner.dask import on_dask

        return on_dask(scheduler, exchange)
    for option, what, given in (("--scheduler", "a scheduler", scheduler), ("--exchange", "an exchange", exchange)):
        if given:
            raise ParameterError(
                f"{what} is named, but notebooks are to be run on this machine",
                key=option,
                got=given,
                hint=f"add --executor dask, or leave out {option}",
            )
    return None


def _print_plan(setup: RoundSetup, selection: Selection, force: bool) -> None:
    from spi_analysis.runner import plan_table

    table = plan_table(setup, selection, force)
    print_table("Plan", table)
    to_do = int((table["what"] != "up to date").sum())
    out.print(f"{len(table)} notebooks, {to_do} to be made; nothing was run", highlight=False)


def _watch(setup: RoundSetup) -> None:
    from rich.live import Live

    from spi_analysis.runner import is_running, run_line

    with Live(run_line(setup), console=out, transient=True) as live:
        while is_running(setup):
            live.update(run_line(setup))
            time.sleep(LOOK_AGAIN)


def print_pages(setup: RoundSetup, pages: list[str]) -> None:
    """The reports and the overview, and where the analysts' pages are; last, which one to open."""
    reports = [page for page in pages if Path(page).name.startswith(("report.", "index."))]
    for page in reports or pages:
        out.print(f"page  {page}", markup=False, highlight=False)
    base = f"outputs/{setup.round.round_id}"
    if reports and len(pages) > len(reports):
        out.print(f"and {len(pages) - len(reports)} analysts' pages in {base}/<institution>/", highlight=False)
    index = f"{base}/index.{setup.round.languages[0]}.html"
    opening = index if (setup.workspace.root / index).exists() else next(iter(reports or pages), "")
    if opening:
        out.print(f"open {opening}", style="bold", markup=False, highlight=False)


# `spi synth`, `spi weight`: many institutions at once.

national = typer.Typer()


@national.command()
def synth(
    institutions: Annotated[int, typer.Option(min=1, help="How many institutions take part.")] = 640,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated round.")] = 2024,
    scale: Annotated[float, typer.Option(min=0.001, max=10, help="Size of the lists: 1 is a real round's.")] = 1.0,
    lists_only: Annotated[bool, typer.Option("--lists-only", help="Stop at the lists: import them yourself.")] = False,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """A national round on generated data, from lists to answers; goes on where it was interrupted.

    Adds example institutions ("Kabupaten Contoh 001") to params/institutions.csv and to the round's institutions: use
    a fresh copy of the project. The lists and the vendor's files are in build/national/<institution>/.

    Example: spi synth --institutions 12 --scale 0.05
    """
    from spi_analysis.operations import Recipe, make_national_round, problems_of

    setup = open_setup(workspace, round_id)
    made = make_national_round(setup, institutions, Recipe(seed, scale, lists_only), workers, out)
    there = f"{made.already:,} were there already, " if made.already else ""
    out.print(f"{there}{len(made.outcomes):,} institutions generated", highlight=False)
    total = made.institutions.sum()
    if len(made.institutions):
        out.print(
            f"{len(made.institutions):,} institutions: {total['listed']:,} rows listed, {total['rejected']:,} not "
            f"clean; {total['invited']:,} people invited, {total['answered']:,} answers",
            highlight=False,
        )
    finish(problems_of(made.outcomes), [], setup.workspace)


@national.command()
def weight(
    institutions: Institutions = None,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Weights and replicate weights, without the pages of notebook 30; what is up to date is passed over.

    Example: spi weight --workers 2
    """
    from spi_analysis.operations import RoundContext, problems_of, weight_all

    setup = open_setup(workspace, round_id, institutions or None)
    context = RoundContext(setup)
    answered = set(context.store.institutions("responses"))
    codes = institutions or [code for code in setup.institution_ids if code in answered]
    outcomes = weight_all(context, [setup.require(code) for code in codes], workers, out)
    done = sum(outcome.value is True for outcome in outcomes)
    current = sum(outcome.value is False for outcome in outcomes)
    out.print(f"{done:,} institutions weighted, {current:,} up to date", highlight=False)
    if not outcomes:
        err.print("no institution has answers yet: nothing was weighted (run: spi import responses)", style="yellow")
        raise typer.Exit(1)
    finish(problems_of(outcomes), [], setup.workspace)
