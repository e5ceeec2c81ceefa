"""`spi draw`, `spi invite`, `spi verify-draw`."""

from __future__ import annotations

from typing import Annotated

import typer

from spi_analysis.commands.common import (
    Institutions,
    KeyOption,
    RoundOption,
    WorkspaceOption,
    open_setup,
    open_store,
    open_vault,
    out,
)

sampling = typer.Typer()


@sampling.command()
def draw(
    institutions: Institutions = None, workspace: WorkspaceOption = None, round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Draw the samples, once; refuses to draw again.

    Example: spi draw kota-mojokerto
    """
    from spi_analysis.stages.draw import draw_institution

    setup = open_setup(workspace, round_id)
    vault = open_vault(setup.workspace, key_file)
    for institution_id in institutions or setup.institution_ids:
        record = draw_institution(setup, open_store(setup), institution_id, vault.secret("prn"))
        counts = {source: part["sample_size"] for source, part in record["sources"].items()}
        out.print(f"{institution_id}: drawn {counts}; record in data/{setup.round.round_id}/draw/{institution_id}.json")


@sampling.command()
def invite(
    institutions: Institutions = None, workspace: WorkspaceOption = None, round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Write the invitation files from the vault (link tokens, never person codes).

    Example: spi invite kota-mojokerto
    """
    from spi_analysis.tables.invitations import write_invitations

    setup = open_setup(workspace, round_id)
    vault = open_vault(setup.workspace, key_file)
    for institution_id in institutions or setup.institution_ids:
        for path in write_invitations(setup, open_store(setup), vault, institution_id):
            out.print(str(path.relative_to(setup.workspace.root)))


@sampling.command("verify-draw")
def verify_draw_command(
    institutions: Institutions = None,
    without_secret: Annotated[bool, typer.Option(help="Check only what the public can check.")] = False,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Repeat a draw from its record and the frame; names the stratum (and the row) that differs.

    Example: spi verify-draw kota-mojokerto
    """
    from spi_analysis.stages.draw import verify_institution

    setup = open_setup(workspace, round_id)
    secret = None if without_secret else open_vault(setup.workspace, key_file).secret("prn")
    different = False
    for institution_id in institutions or setup.institution_ids:
        for source, differences in verify_institution(setup, open_store(setup), institution_id, secret).items():
            different |= bool(differences)
            verdict = "another draw" if differences else "same draw" if secret else "same frame"
            out.print(f"{institution_id}, {source}: {verdict}")
            for difference in differences:
                out.print(f"  {difference}", markup=False)
    raise typer.Exit(1 if different else 0)
