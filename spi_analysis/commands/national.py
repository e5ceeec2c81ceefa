"""`spi synth`, `spi weight`: many institutions at once."""

from __future__ import annotations

from typing import Annotated

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
)

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

    setup = open_setup(workspace, round_id)
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
