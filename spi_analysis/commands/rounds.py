"""`spi init`, `spi new-round`, `spi demo`, `spi check`, `spi upgrade`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_analysis.commands.common import (
    KeyOption,
    RoundOption,
    WorkspaceOption,
    day_of,
    open_key,
    open_setup,
    out,
    print_issues,
    print_table,
)
from spi_analysis.commands.running import Engine, EngineOption, Workers, run_and_report
from spi_analysis.errors import ParameterError, VaultError

if TYPE_CHECKING:
    from spi_analysis.params import Workspace
    from spi_analysis.tables import VaultKey

rounds = typer.Typer()
PackOption = Annotated[str | None, typer.Option("--pack", help="A survey of another shape, in params/packs.")]


@rounds.command()
def init(folder: Annotated[Path, typer.Argument(help="The new folder.", show_default=False)]) -> None:
    """Make a workspace: parameters, notebooks and a README. Code and a round's data live apart.

    Example: spi init ~/spi-2026
    """
    from spi_analysis.operations import make_workspace

    place = make_workspace(folder)
    out.print(f"workspace {place.root}", markup=False, highlight=False)
    out.print("next: change to it; then spi demo (generated data), or spi vault init for a round of your own")


@rounds.command("new-round")
def new_round_command(
    name: Annotated[str, typer.Argument(help="Name of the new round, such as spi_2026.", show_default=False)],
    earlier: Annotated[
        str | None, typer.Option("--from", help="Round it is made from (default: the only one).")
    ] = None,
    institutions: Annotated[
        str | None, typer.Option(help="Institution codes, separated by commas (default: those of the earlier round).")
    ] = None,
    fieldwork: Annotated[
        tuple[str, str] | None, typer.Option(help="First and last day of fieldwork, YYYY-MM-DD each.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a round from an earlier one; every value that belongs to the year is set, or marked to be looked at.

    spi check and spi draw refuse the round until the marks in its file are gone.

    Example: spi new-round spi_2026 --from spi_2024
    """
    from spi_analysis.operations import new_round

    setup = open_setup(workspace, earlier)
    codes = [code.strip() for code in institutions.split(",")] if institutions else setup.institution_ids
    days = (day_of(fieldwork[0]), day_of(fieldwork[1])) if fieldwork else None
    made = new_round(setup, name, codes, days)
    for path in made.files:
        out.print(f"written  {path.relative_to(setup.workspace.root)}", markup=False, highlight=False)
    for number, line in made.marked:
        out.print(f"to set   line {number}: {line}", markup=False, highlight=False)
    out.print(f"targets of the year: params/targets.csv\nnext: export SPI_ROUND={name}; spi check", highlight=False)


@rounds.command()
def demo(
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated round.")] = 2024,
    data_only: Annotated[bool, typer.Option("--data-only", help="Stop before the notebooks.")] = False,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Do nothing if the demo data are there.")] = False,
    pack: PackOption = None,
    workers: Workers = None,
    engine: EngineOption = Engine.fast,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """A whole round on generated data, from lists to reports; with --pack a survey of another shape.

    Example: spi demo --pack two_sources
    """
    from spi_analysis.operations import make_demo_round, pack_workspace
    from spi_analysis.params import find_workspace
    from spi_analysis.runner import Selection
    from spi_analysis.tables import demo_is_whole, demo_seed, not_of_the_demo

    if pack is not None:
        workspace = pack_workspace(find_workspace(workspace), pack).root
        out.print(f"the pack has a workspace of its own: build/packs/{pack}")
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
        run_and_report(setup, Selection(), workers, engine)


@rounds.command()
def check(workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None) -> None:
    """What is missing or wrong in all files of a round, and which institution it blocks.

    Example: spi check
    """
    from spi_analysis.params import find_workspace, the_round
    from spi_analysis.tables import check_round

    place = find_workspace(workspace)
    report = check_round(place, round_id or the_round(place), _key_if_any(place, key_file))
    print_issues(report.issues)
    _print_untranslated(place, round_id or the_round(place))
    print_table("Institutions", report.stages)
    raise typer.Exit(1 if report.errors else 0)


@rounds.command()
def upgrade(
    round_id: Annotated[
        str | None, typer.Argument(envvar="SPI_ROUND", help="Round, such as spi_2024 (default: the only one).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Bring a round that an earlier version made to the tables and parameters of this one: all of it or nothing.

    Example: spi upgrade spi_2024 --dry-run
    """
    from spi_analysis.params import find_workspace, the_round, upgrade_parameters
    from spi_analysis.tables import SCHEMA, upgrade_store

    place = find_workspace(workspace)
    name = round_id or the_round(place)
    path = place.round_params(name)
    if path.exists() and (kept := upgrade_parameters(path, dry_run)):
        what = "would become a list of steps" if dry_run else f"is a list of steps now (as it was: {kept.name})"
        out.print(f"params/rounds/{path.name}: the weighting {what}", highlight=False)
    done = upgrade_store(place.data / name, dry_run)
    if done.since == SCHEMA:
        out.print(f"{name}: schema {SCHEMA} already, nothing to do", highlight=False)
        return
    out.print(f"{name}: schema {done.since} {'would become' if dry_run else 'is now'} {SCHEMA}", highlight=False)
    for what, files in done.steps:
        out.print(f"  {files:,} files  {what}", highlight=False)
    if done.kept:
        out.print(f"as it was: {done.kept.relative_to(place.root)}\nnext: spi check, spi run", highlight=False)


def _print_untranslated(place: Workspace, round_id: str) -> None:
    """How many texts of each language of the round are missing; nothing where the parameters cannot be read."""
    from spi_analysis.params import load_setup
    from spi_analysis.reporting import untranslated

    try:
        setup = load_setup(place, round_id)
    except ParameterError:
        # Said by the check itself.
        return
    for language in setup.round.languages:
        missing, texts = untranslated(setup, language)
        if missing:
            out.print(
                f"language {language}: {missing:,} of {texts:,} texts are not translated; pages show them in English"
            )


def _key_if_any(place: Workspace, key_file: Path | None) -> VaultKey | None:
    """The key; None where there is none: the preflight itself says what that means."""
    try:
        return open_key(place, key_file)
    except VaultError:
        return None
