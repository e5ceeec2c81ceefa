"""`spi import`: lists, events, answers, published results, the tracker of recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from spi_analysis.commands.common import (
    Files,
    KeyOption,
    Mapping,
    RoundOption,
    Whose,
    WorkspaceOption,
    existing,
    finish,
    open_setup,
    open_store,
    open_vault,
    out,
    print_remarks,
    print_table,
)
from spi_analysis.errors import InputError
from spi_analysis.params import RoundSetup
from spi_analysis.tables.demo_marks import refuse_in_demo
from spi_analysis.tables.store import Store
from spi_analysis.tables.unasked import unasked_items

imports = typer.Typer(
    no_args_is_help=True,
    help="Read lists, events, answers and published results.\n\n"
    "Example: spi import frame daftar_pegawai_kota-mojokerto.xlsx",
)


@imports.command("frame")
def import_frame_command(
    files: Files,
    mapping: Mapping = None,
    institution: Annotated[str | None, typer.Option(help="Whose lists these are (default: the file's name).")] = None,
    source: Annotated[
        str | None, typer.Option(help="internal, external or expert (default: the file's or sheet's name).")
    ] = None,
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
    _, missing = existing(files)
    if missing:
        # The lists of a source come in together or not at all.
        raise InputError(*missing)
    result = import_frame(files, setup, open_store(setup), open_vault(setup.workspace, key_file), mapping=mapping,
                          institution=institution, source=source)  # fmt: skip
    _print_rows(result.counts)
    print_remarks(result.problems, ["rejected"])
    finish(result.failed, result.written, setup.workspace)


@imports.command("events")
def import_events_command(
    files: Files, mapping: Mapping = None, institution: Whose = None,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Contact events from the vendor (sent, delivered, read ...).

    Example: spi import events kejadian_kota-mojokerto.csv
    """
    from spi_analysis.tables.importing.events import import_events

    setup = open_setup(workspace, round_id)
    there, missing = existing(files)
    result = import_events(there, setup, open_store(setup), open_vault(setup.workspace, key_file), mapping=mapping,
                           institution=institution)  # fmt: skip
    _print_rows(result.counts)
    print_remarks(result.problems)
    finish([*missing, *result.failed], result.written, setup.workspace)


@imports.command("responses")
def import_responses_command(
    files: Files, mapping: Mapping = None, institution: Whose = None,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Answers (CSV, XLSX or SPSS); says which items of the instrument nobody has answered so far.

    Example: spi import responses jawaban_internal_kota-mojokerto.csv
    """
    from spi_analysis.tables.importing.responses import import_responses

    setup = open_setup(workspace, round_id)
    there, missing = existing(files)
    store = open_store(setup)
    result = import_responses(there, setup, store, open_vault(setup.workspace, key_file), mapping=mapping,
                              institution=institution)  # fmt: skip
    _print_rows(result.counts)
    print_remarks(result.problems)
    _print_unasked(setup, store, [code for code in result.counts["institution_id"].unique() if code])
    finish([*missing, *result.failed], result.written, setup.workspace)


@imports.command("published")
def import_published_command(
    file: Annotated[
        Path,
        typer.Argument(help="CSV: a row per institution and year (README: columns).", show_default=False),
    ],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Published results of past years (CSV); every report then shows its own history.

    Example: spi import published published_scores.csv
    """
    from spi_analysis.stages.published import import_published

    setup = open_setup(workspace, round_id)
    _, missing = existing([file])
    if missing:
        raise InputError(*missing)
    table = import_published(setup, file)
    out.print(f"{len(table):,} published results, {table['year'].min()} to {table['year'].max()}")


@imports.command("tracker")
def import_tracker_command(
    file: Annotated[
        Path,
        typer.Argument(help="CSV: institution_id, year, recommendation, status, done, total.", show_default=False),
    ],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """What became of the recommendations (CSV); the reports of later years show it.

    Example: spi import tracker tracker_2023.csv
    """
    from spi_analysis.scores import follow_up
    from spi_analysis.stages.tracker import import_tracker

    setup = open_setup(workspace, round_id)
    _, missing = existing([file])
    if missing:
        raise InputError(*missing)
    print_table("Followed up (TLP in percent)", follow_up(import_tracker(setup, file)))


def _print_rows(counts: pd.DataFrame) -> None:
    if len(counts):
        print_table("Rows", counts)


def _print_unasked(setup: RoundSetup, store: Store, institution_ids: list[str]) -> None:
    """Items that are in no file: they will be missing on the page."""
    for institution_id in institution_ids:
        responses = store.read_if_there("responses", institution_id)
        for source, codes in {} if responses is None else unasked_items(responses, setup.instrument).items():
            text = f"{institution_id}, {source}: no answer in any file to {len(codes)} items of the instrument"
            out.print(f"{text}: {', '.join(codes)}", style="yellow", markup=False, highlight=False)
