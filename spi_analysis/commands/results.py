"""`spi overview`, `spi peers`, `spi pdf`, `spi export`, `spi publish`, `spi lab`: what comes of a round."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import RoundOption, WorkspaceOption, open_setup, out, print_table

results = typer.Typer()
instruments = typer.Typer(
    no_args_is_help=True, help="The questionnaire.\n\nExample: spi instrument export --as limesurvey"
)


@results.command()
def overview(
    published: Annotated[Path | None, typer.Option(help="CSV of published results (default: those imported).")] = None,
    most: Annotated[int, typer.Option(min=1, help="How many movers to list.")] = 5,
    bridge: Annotated[str | None, typer.Option(help="Institution whose change is to be taken apart.")] = None,
    page: Annotated[Path | None, typer.Option(help="Folder for a page on which all institutions can be asked.")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Published years: the index recomputed from its parts, means beside the official ones, categories, movers.

    Example: spi overview --published published_scores.csv --page build/explorer
    """
    from spi_analysis.reporting.national import write_published_explorer
    from spi_analysis.stages import overview_of, overview_tables

    setup = open_setup(workspace, round_id)
    found = overview_of(setup, published)
    for title, table in overview_tables(found, setup, most, bridge).items():
        print_table(title, table, decimals=3)
    for path in write_published_explorer(found, setup, page) if page else ():
        out.print(str(path))


@results.command()
def peers(
    round_id: Annotated[str, typer.Argument(help="Round whose released results become the table.")],
    as_of: Annotated[
        datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the table (default: today).")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Freeze what all institutions of a round reach, for reports to compare with; released figures alone.

    The table stays as it is until this is run again: a late answer elsewhere makes no report stale. Until there is
    one, reports are compared with the latest published year.

    Example: spi peers spi_2024 --as-of 2024-12-20
    """
    from spi_analysis.stages import freeze_peers, peers_path, round_store

    setup = open_setup(workspace, round_id)
    day = as_of.date() if as_of else datetime.date.today()
    table = freeze_peers(setup, round_store(setup), day)
    out.print(
        f"{table['institution_id'].nunique():,} institutions, {len(table):,} figures, as of {day}", highlight=False
    )
    out.print(f"written  {peers_path(setup)}", markup=False, highlight=False)


@results.command()
def pdf(
    round_id: Annotated[str, typer.Argument(help="Round whose reports become PDFs.")],
    institution: Annotated[str | None, typer.Argument(help="Institution code (default: all with a report).")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """A brief of two A4 pages and the whole report as tagged PDF/UA, in all languages, beside the pages of the report.

    Made from the finished pages: what they say, the PDF says. A page that is made anew needs its PDFs anew. `spi
    publish` takes PDFs along, made from the pages that go, where there are any; published pages link them.

    Example: spi pdf spi_2024 kota-mojokerto
    """
    from spi_analysis.reporting import has_report, write_pdfs

    setup = open_setup(workspace, round_id)
    for code in [institution] if institution else [one for one in setup.institution_ids if has_report(setup, one)]:
        for path in write_pdfs(setup, code):
            out.print(f"written  {path}", markup=False, highlight=False)


@results.command()
def export(
    institution: Annotated[str, typer.Argument(help="Institution code.")],
    folder: Annotated[Path, typer.Option(help="Where to write.")] = Path("build/export"),
    formats: Annotated[str, typer.Option(help="Comma-separated: csv, xlsx, sav, dta, r.")] = "csv,xlsx,sav,dta,r",
    language: Annotated[str, typer.Option(help="Language of the labels, one of the round's.")] = "id",
    without: Annotated[str, typer.Option(help="Columns to leave out, comma-separated: unit,stratum.")] = "",
    least: Annotated[int, typer.Option(min=1, help="Write only if so many people are alike (k).")] = 1,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """An institution's data with labels for CSV, XLSX, SPSS, Stata and R; never contacts. Says who could be told apart.

    Example: spi export kota-mojokerto --formats sav --without unit,stratum --least 5
    """
    from spi_analysis.tables import export_round, read_results

    setup = open_setup(workspace, round_id)
    left_out = tuple(name for name in without.split(",") if name)
    paths = export_round(
        setup.round.round_id, institution, folder, tuple(formats.split(",")), setup.workspace, language, left_out, least
    )
    # The last file is the one that says so.
    print_table("How far people can be told apart", read_results(paths[-1], "spi export"), decimals=0)
    for path in paths:
        out.print(str(path))


@instruments.command("export")
def export_instrument(
    kind: Annotated[str, typer.Option("--as", help="xlsform (ODK, KoboToolbox) or limesurvey.")],
    source: Annotated[str | None, typer.Option(help="A source of the round (default: all of them).")] = None,
    folder: Annotated[Path, typer.Option(help="Where to write.")] = Path("build/questionnaire"),
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """The questionnaire for a survey platform, with all codes and languages: nobody types codes by hand.

    What the platform gives back is read by spi import responses as it is. Where the round has forms in another order,
    the reversed one is a questionnaire of its own, written beside.

    Example: spi instrument export --as limesurvey --source internal
    """
    from spi_analysis.tables import write_questionnaire

    setup = open_setup(workspace, round_id)
    for one in [source] if source else setup.round.sources:
        for form in setup.round.form_shares(one) or ("usual",):
            path = write_questionnaire(setup.instrument, one, setup.round.languages, kind, folder, form)
            out.print(f"written  {path}", markup=False, highlight=False)


@results.command()
def publish(
    folder: Annotated[
        Path | None, typer.Option(help="Where to write (default: build/publish in the workspace).")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Leave out what is missing or stale; list it.")] = False,
    reason: Annotated[str, typer.Option(help="Why released figures have become others; the register shows it.")] = "",
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Pack the reports, their tables and the overview into a folder and a zip with a manifest. Nothing else goes.

    Refuses where a report is missing or not up to date (spi run would make it anew), where a hidden figure could be
    worked out too closely from all that is released (the message gives its limits; the last release counts, too), and
    wherever a file holds a contact, a network address or a traceback.

    Example: spi publish --partial
    """
    from spi_analysis.operations import publish as pack

    setup = open_setup(workspace, round_id)
    made = pack(setup, folder or setup.workspace.root / "build" / "publish", partial, reason)
    if len(made.left_out):
        print_table("Left out", made.left_out)
    institutions = made.manifest["institution_id"].replace("", None).nunique()
    size = made.manifest["size"].sum() / 1e6
    out.print(f"{len(made.manifest):,} files of {institutions:,} institutions, {size:,.1f} MB", highlight=False)
    if made.status != "final":
        out.print(f"the reports are marked as {made.status} (report_status in params/rounds)", style="yellow")
    for path in (made.folder, made.archive):
        out.print(f"written  {path}", markup=False, highlight=False)


@results.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, workspace: WorkspaceOption = None) -> None:
    """Open the project in JupyterLab. The vault's key stays outside.

    On Linux every kernel "Python 3" comes from a process that has the workbench loaded: the first waits until that
    process is ready, the others start at once. All other options are JupyterLab's own. Ends with its server, and its
    server with it.

    Example: spi lab --no-browser --port 8890
    """
    from spi_analysis.params import find_workspace
    from spi_analysis.runner import lab_command, lab_environment

    root = find_workspace(workspace).root
    command, environment = lab_command(root, context.args), lab_environment(os.environ)
    os.chdir(root)
    if os.name == "posix":
        # In the place of this process: who ends it ends the server.
        os.execve(command[0], command, environment)
    raise typer.Exit(subprocess.call(command, env=environment))
