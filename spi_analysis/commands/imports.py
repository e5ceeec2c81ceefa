"""`spi import`: lists, events, answers, published results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spi_analysis.commands.common import (
    Files,
    KeyOption,
    Mapping,
    RoundOption,
    WorkspaceOption,
    finish,
    open_setup,
    open_store,
    open_vault,
    out,
    print_table,
)
from spi_analysis.tables.demo_marks import refuse_in_demo

imports = typer.Typer(no_args_is_help=True, help="Read lists, events, answers and published results.")


@imports.command("frame")
def import_frame_command(
    files: Files,
    mapping: Mapping = None,
    institution: Annotated[str | None, typer.Option(help="Whose lists these are.")] = None,
    source: Annotated[str | None, typer.Option(help="internal, external or expert.")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Lists of people. Writes frame_problems.xlsx for the institution beside its outputs.

    Example: spi import frame daftar_pegawai_kota-mojokerto.xlsx pengguna_layanan_kota-mojokerto.csv
    """
    from spi_analysis.tables.importing.frame import import_frame

    setup = open_setup(workspace, round_id)
    refuse_in_demo(setup.workspace, "lists of people")
    result = import_frame(files, setup, open_store(setup), open_vault(setup.workspace, key_file), mapping=mapping,
                          institution=institution, source=source)  # fmt: skip
    print_table("Rows", result.counts)
    finish(result.failed, result.written, setup.workspace)


@imports.command("events")
def import_events_command(
    files: Files, mapping: Mapping = None, institution: Annotated[str | None, typer.Option()] = None,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Contact events from the vendor (sent, delivered, read ...).

    Example: spi import events kejadian_kota-mojokerto.csv
    """
    from spi_analysis.tables.importing.events import import_events

    setup = open_setup(workspace, round_id)
    result = import_events(files, setup, open_store(setup), open_vault(setup.workspace, key_file), mapping=mapping,
                           institution=institution)  # fmt: skip
    print_table("Rows", result.counts)
    finish(result.failed, result.written, setup.workspace)


@imports.command("responses")
def import_responses_command(
    files: Files, mapping: Mapping = None, institution: Annotated[str | None, typer.Option()] = None,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Answers (CSV, XLSX or SPSS).

    Example: spi import responses jawaban_internal_kota-mojokerto.csv
    """
    from spi_analysis.tables.importing.responses import import_responses

    setup = open_setup(workspace, round_id)
    result = import_responses(files, setup, open_store(setup), open_vault(setup.workspace, key_file), mapping=mapping,
                              institution=institution)  # fmt: skip
    print_table("Rows", result.counts)
    finish(result.failed, result.written, setup.workspace)


@imports.command("published")
def import_published_command(
    file: Annotated[Path, typer.Argument()], workspace: WorkspaceOption = None, round_id: RoundOption = None
) -> None:
    """Published results of past years (CSV); every report then shows its own history.

    Example: spi import published published_scores.csv
    """
    from spi_analysis.stages.published import import_published

    table = import_published(open_setup(workspace, round_id), file)
    out.print(f"{len(table):,} published results, {table['year'].min()} to {table['year'].max()}")
