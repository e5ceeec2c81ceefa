"""`spi publish`: what may leave the house."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import RoundOption, WorkspaceOption, open_setup, out, print_table

publishing = typer.Typer()


@publishing.command()
def publish(
    folder: Annotated[
        Path | None, typer.Option(help="Where to write (default: build/publish in the workspace).")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Leave out what is missing or stale; list it.")] = False,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Pack the reports, their tables and the overview into a folder and a zip with a manifest. Nothing else goes.

    Refuses where a report is missing or not up to date (spi run would make it anew), and wherever a file holds a
    contact, a network address or a traceback.

    Example: spi publish --partial
    """
    from spi_analysis.operations import publish as pack

    setup = open_setup(workspace, round_id)
    made = pack(setup, folder or setup.workspace.root / "build" / "publish", partial)
    if len(made.left_out):
        print_table("Left out", made.left_out)
    institutions = made.manifest["institution_id"].replace("", None).nunique()
    size = made.manifest["size"].sum() / 1e6
    out.print(f"{len(made.manifest):,} files of {institutions:,} institutions, {size:,.1f} MB", highlight=False)
    if made.status != "final":
        out.print(f"the reports are marked as {made.status} (report_status in params/rounds)", style="yellow")
    for path in (made.folder, made.archive):
        out.print(f"written  {path}", markup=False, highlight=False)
