"""`spi demo`, `spi check`, `spi run`, `spi status`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import (
    Institutions,
    KeyOption,
    RoundOption,
    WorkspaceOption,
    err,
    open_key,
    open_setup,
    out,
    print_table,
)
from spi_analysis.commands.findings import print_findings
from spi_analysis.errors import VaultError
from spi_analysis.params import RoundSetup, Workspace, find_workspace
from spi_analysis.params.workspace import the_round
from spi_analysis.tables.demo_marks import demo_is_whole, demo_seed, not_of_the_demo
from spi_analysis.tables.vault_key import VaultKey

rounds = typer.Typer()
# What a shell says of a program that Ctrl-C ended.
STOPPED = 130


class Engine(StrEnum):
    """How notebooks are run (docs/batch.md)."""

    kernel = "kernel"
    fast = "fast"
    stock = "stock"


EngineOption = Annotated[
    Engine, typer.Option(help="kernel: Jupyter's kernel, forked; fast: a forked shell; stock: plain papermill.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Notebooks at a time (default: all cores).")]


@rounds.command()
def demo(
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated round.")] = 2024,
    data_only: Annotated[bool, typer.Option("--data-only", help="Stop before the notebooks.")] = False,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Do nothing if the demo data are there.")] = False,
    workers: Workers = None,
    engine: EngineOption = Engine.fast,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """A whole round on generated data, from lists to reports.

    Example: spi demo
    """
    from spi_analysis.batch.demo import make_demo_round

    setup = open_setup(workspace, round_id)
    if if_missing and demo_is_whole(setup.workspace):
        return
    if if_missing and demo_seed(setup.workspace) is None and not_of_the_demo(setup.workspace):
        out.print("data/ holds a round that is no demo: it stays as it is, and no demo data are made")
        return
    made = make_demo_round(setup, seed, lambda text: out.print(f"[bold]demo[/bold]  {text}"))
    out.print(
        f"{made.listed:,} rows listed, {made.rejected:,} not clean; {made.invited:,} people invited, "
        f"{made.answered:,} answers"
    )
    if not data_only:
        run_and_report(setup, setup.institution_ids, None, workers, engine)


@rounds.command()
def check(workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None) -> None:
    """What is missing or wrong in all files of a round, and which institution it blocks.

    Example: spi check
    """
    from spi_analysis.tables.preflight import check_round

    place = find_workspace(workspace)
    report = check_round(place, round_id or the_round(place), _key_if_any(place, key_file))
    print_findings(report.findings)
    print_table("Institutions", report.stages)
    raise typer.Exit(1 if report.errors else 0)


@rounds.command()
def run(
    institutions: Institutions = None,
    notebook: Annotated[list[str] | None, typer.Option(help="Notebook number, such as 40 (may be repeated).")] = None,
    workers: Workers = None,
    engine: EngineOption = Engine.kernel,
    cell_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a cell may take.")] = 600,
    notebook_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a notebook may take.")] = 1800,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Execute the notebooks for each institution and make the pages.

    Example: spi run kota-mojokerto --notebook 40 --notebook 50
    """
    setup = open_setup(workspace, round_id)
    limits = (cell_timeout, notebook_timeout)
    run_and_report(setup, institutions or setup.institution_ids, notebook, workers, engine, limits)


@rounds.command()
def render(
    institutions: Institutions = None,
    notebook: Annotated[list[str] | None, typer.Option(help="Notebook number, such as 50 (may be repeated).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Make the pages anew from notebooks that were executed before; nothing is computed again.

    Example: spi render kota-mojokerto --notebook 50
    """
    from spi_analysis.batch.rendering import render_pages

    setup = open_setup(workspace, round_id)
    done = render_pages(setup, institutions or setup.institution_ids, notebook, institutions is None)
    print_pages(setup, [page for outcome in done for page in outcome.pages])
    failed = [outcome for outcome in done if not outcome.ok]
    for outcome in failed:
        err.print(outcome.error, style="red", markup=False, highlight=False)
    if failed:
        raise typer.Exit(1)


@rounds.command()
def status(workspace: WorkspaceOption = None, round_id: RoundOption = None) -> None:
    """What is there for every institution: tables and reports, and which command goes on.

    Example: spi status
    """
    from spi_analysis.batch.status import origin, round_status

    setup = open_setup(workspace, round_id)
    out.print(f"{setup.round.round_id}: {origin(setup)}", markup=False, highlight=False)
    print_table("Status", round_status(setup))


def run_and_report(
    setup: RoundSetup,
    institutions: list[str],
    notebooks: list[str] | None,
    workers: int | None,
    engine: Engine,
    limits: tuple[int, int] | None = None,
) -> None:
    """Run the batch; say where the pages are. Failures are printed as they happen."""
    from spi_analysis.batch.engine import Limits
    from spi_analysis.batch.run import run_batch

    most = Limits(*limits) if limits else None
    summary = run_batch(setup, institutions, notebooks, workers, out, engine.value, most)
    print_pages(setup, summary.pages)
    if summary.stopped:
        err.print("stopped; what was done is kept", style="red")
        raise typer.Exit(STOPPED)
    if summary.failures:
        err.print(f"of {len(summary.results)} notebooks {summary.failed} failed, {summary.not_run} not run; see above",
                  style="red")  # fmt: skip
        raise typer.Exit(1)


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


def _key_if_any(place: Workspace, key_file: Path | None) -> VaultKey | None:
    """The key; None where there is none: the preflight itself says what that means."""
    try:
        return open_key(place, key_file)
    except VaultError:
        return None
