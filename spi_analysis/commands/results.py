"""`spi overview`, `spi export`, `spi lab`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import RoundOption, WorkspaceOption, open_setup, out, print_table

results = typer.Typer()


@results.command()
def overview(
    published: Annotated[Path | None, typer.Option(help="CSV of published results (default: those imported).")] = None,
    most: Annotated[int, typer.Option(min=1, help="How many movers to list.")] = 5,
    bridge: Annotated[str | None, typer.Option(help="Institution whose change is to be taken apart.")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Published years: the index recomputed from its parts, means beside the official ones, categories, movers.

    Example: spi overview --published published_scores.csv --bridge kota-mojokerto
    """
    from spi_analysis.stages import overview_tables

    setup = open_setup(workspace, round_id)
    for title, table in overview_tables(setup, published, most, bridge).items():
        print_table(title, table, decimals=3)


@results.command()
def export(
    institution: Annotated[str, typer.Argument(help="Institution code.")],
    folder: Annotated[Path, typer.Option(help="Where to write.")] = Path("build/export"),
    formats: Annotated[str, typer.Option(help="Comma-separated: csv, xlsx, sav, dta, r.")] = "csv,xlsx,sav,dta,r",
    language: Annotated[str, typer.Option(help="Language of the labels: id or en.")] = "id",
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """An institution's data with labels for CSV, XLSX, SPSS, Stata and R; never contacts.

    Example: spi export kota-mojokerto --formats sav,r
    """
    from spi_analysis.tables import export_round

    setup = open_setup(workspace, round_id)
    for path in export_round(setup.round.round_id, institution, folder, formats=tuple(formats.split(",")),
                             language=language, workspace=setup.workspace):  # fmt: skip
        out.print(str(path))


@results.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, workspace: WorkspaceOption = None) -> None:
    """Open the project in JupyterLab; on Linux with kernels that start at once. The vault's key stays outside.

    All other options are JupyterLab's own. Ends with its server, and its server with it.

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
