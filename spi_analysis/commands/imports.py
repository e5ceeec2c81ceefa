"""`spi import`: lists, events, answers, changed contacts, published results, the tracker of recommendations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_analysis.commands.common import (
    EXIT_CODES,
    Day,
    Files,
    KeyOption,
    Mapping,
    Reporter,
    RoundOption,
    Whose,
    WorkersOption,
    WorkspaceOption,
    day_of,
    existing,
    finish,
    named_files,
    open_key,
    open_setup,
    open_store,
    out,
    print_issues_of_import,
    print_rows,
    print_table,
    whole_table,
)
from spi_analysis.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from spi_analysis.operations import Imported
    from spi_analysis.params import RoundSetup
    from spi_analysis.tables import Store

imports = typer.Typer(
    no_args_is_help=True,
    help="Read lists, events, answers and published results.\n\n"
    "Example: spi import frame daftar_pegawai_kota-mojokerto.xlsx",
    epilog=EXIT_CODES,
)


@imports.command("frame", epilog=EXIT_CODES)
def import_frame_command(
    files: Files,
    mapping: Mapping = None,
    institution: Annotated[str | None, typer.Option(help="Whose lists these are (default: the file's name).")] = None,
    source: Annotated[
        str | None, typer.Option(help="internal, external or expert (default: the file's or sheet's name).")
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(help="list or self_registered (default: the file's name; a form's columns raise the question)."),
    ] = None,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Lists of people. Writes frame_problems.xlsx for the institution beside its outputs.

    Lists of several institutions go in one by one, side by side; one that cannot be used does not stop the others, and
    one whose very files are in already is passed over. The files may also be named in a text file: @lists.txt

    Example: spi import frame daftar_pegawai_kota-mojokerto.xlsx pengguna_layanan_kota-mojokerto.csv
    """
    from spi_analysis.operations import RoundContext, by_institution, import_lists
    from spi_analysis.tables import are_generated, refuse_in_demo
    from spi_analysis.tables.importing import import_frame

    setup = open_setup(workspace, round_id)
    files = named_files(files)
    _, missing = existing(files)
    if not missing and not are_generated(open_store(setup), files):
        refuse_in_demo(setup.workspace, "lists of people")
    if missing:
        # The lists of a source come in together or not at all.
        raise InputError(*missing)
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    if institution is None and len(by_institution(files, context, mapping)[0]) > 1:
        _print_imported(
            import_lists(files, context, mapping, source, workers, out, stream), setup, severities=["rejected"]
        )
        return
    result = import_frame(files, setup, context.store, context.vault, mapping=mapping, institution=institution,
                          source=source, stream=stream)  # fmt: skip
    print_rows("Rows", result.counts)
    print_issues_of_import(result.problems, ["rejected"])
    finish(result.failed, result.written, setup.workspace, _accepted(result.counts))


@imports.command("events", epilog=EXIT_CODES)
def import_events_command(
    files: Files, mapping: Mapping = None, institution: Whose = None, workers: WorkersOption = None,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Contact events from the vendor (sent, delivered, read ...).

    Example: spi import events kejadian_kota-mojokerto.csv
    """
    from spi_analysis.operations import RoundContext, by_institution, import_logs
    from spi_analysis.tables.importing import import_events

    setup = open_setup(workspace, round_id)
    there, missing = existing(named_files(files))
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    if institution is None and len(by_institution(there, context)[0]) > 1:
        _print_imported(import_logs("events", there, context, mapping, workers, out), setup, missing)
        return
    result = import_events(there, setup, context.store, context.vault, mapping=mapping, institution=institution)
    print_rows("Rows", result.counts)
    print_issues_of_import(result.problems)
    finish([*missing, *result.failed], result.written, setup.workspace, _accepted(result.counts))


@imports.command("responses", epilog=EXIT_CODES)
def import_responses_command(
    files: Files, mapping: Mapping = None, institution: Whose = None, workers: WorkersOption = None,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Answers (CSV, XLSX, SPSS, Parquet); says which items of the instrument nobody has answered so far.

    Example: spi import responses jawaban_internal_kota-mojokerto.csv
    """
    from spi_analysis.operations import RoundContext, by_institution, import_logs
    from spi_analysis.tables.importing import import_responses

    setup = open_setup(workspace, round_id)
    there, missing = existing(named_files(files))
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    store = context.store
    if institution is None and len(by_institution(there, context)[0]) > 1:
        result = import_logs("responses", there, context, mapping, workers, out)
        _print_unasked(setup, store, [code for code in result.counts["institution_id"].unique() if code])
        _print_imported(result, setup, missing)
        return
    result = import_responses(there, setup, store, context.vault, mapping=mapping, institution=institution)
    print_rows("Rows", result.counts)
    print_issues_of_import(result.problems)
    _print_unasked(setup, store, [code for code in result.counts["institution_id"].unique() if code])
    finish([*missing, *result.failed], result.written, setup.workspace, _accepted(result.counts))


@imports.command("contacts", epilog=EXIT_CODES)
def import_contacts_command(
    files: Files,
    reported_by: Annotated[
        Reporter, typer.Option("--by", help="Who says so: institution, person, vendor or operator.")
    ] = Reporter.institution,
    date: Day = None,
    mapping: Mapping = None,
    institution: Whose = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Numbers and addresses put right after the draw, and objections; the draw stays as it is.

    The list is the one that spi remind writes (..._to_check.csv), filled in by the institution.

    Example: spi import contacts kota-mojokerto__to_check.csv
    """
    from spi_analysis.operations import RoundContext
    from spi_analysis.tables.importing import import_contacts

    setup = open_setup(workspace, round_id)
    there, missing = existing(named_files(files))
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    result = import_contacts(there, setup, context.store, context.vault, reported_by=reported_by.value,
                             date=day_of(date), mapping=mapping, institution=institution)  # fmt: skip
    print_rows("Rows", result.counts)
    print_issues_of_import(result.problems)
    finish([*missing, *result.failed], result.written, setup.workspace, _accepted(result.counts))


@imports.command("published", epilog=EXIT_CODES)
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
    from spi_analysis.tables import import_published

    setup = open_setup(workspace, round_id)
    _require_file(file)
    with whole_table(file):
        table = import_published(setup, file)
    out.print(f"{len(table):,} published results, {table['year'].min()} to {table['year'].max()}")


@imports.command("tracker", epilog=EXIT_CODES)
def import_tracker_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: institution_id, year, recommendation, status, done, total; conforming, validated.",
            show_default=False,
        ),
    ],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """What became of the recommendations (CSV); the reports of later years show it.

    Example: spi import tracker tracker_2023.csv
    """
    from spi_analysis.scores import follow_up
    from spi_analysis.stages import import_tracker

    setup = open_setup(workspace, round_id)
    _require_file(file)
    with whole_table(file):
        table = import_tracker(setup, file)
    print_table("Followed up (TLP in percent)", follow_up(table))


def _require_file(file: Path) -> None:
    _, missing = existing([file])
    if missing:
        raise InputError(*missing)


def _print_imported(
    result: Imported,
    setup: RoundSetup,
    missing: Sequence[Problem] = (),
    severities: Sequence[str] = ("rejected", "flagged"),
) -> None:
    """What came of files of many institutions; all problems at the end."""
    print_rows("Rows", result.counts)
    if result.skipped:
        out.print(f"{result.skipped:,} institutions had these very files in already", highlight=False)
    print_issues_of_import(result.issues, severities)
    # What was in already is no import without a usable row.
    usable = None if result.skipped else _accepted(result.counts)
    finish([*missing, *result.failed], result.written, setup.workspace, usable)


def _accepted(counts: pd.DataFrame) -> int:
    """Rows that came in. A source of which none did, beside others, is named: its earlier list stays."""
    if "source" in counts and counts["accepted"].any():
        rows = counts.groupby(["institution_id", "source"], sort=False)["accepted"].sum()
        for institution_id, source in rows.index[rows == 0]:
            text = f"{institution_id}, {source}: no row could be used; what was imported before is kept"
            out.print(text, style="yellow", highlight=False)
    return int(counts["accepted"].sum())


def _print_unasked(setup: RoundSetup, store: Store, institution_ids: list[str]) -> None:
    """Items that are in no file: they will be missing on the page."""
    from spi_analysis.tables import unasked_items

    for institution_id in institution_ids:
        responses = store.read_if_there("responses", institution_id)
        for source, codes in {} if responses is None else unasked_items(responses, setup.instrument).items():
            text = f"{institution_id}, {source}: no answer in any file to {len(codes)} items of the instrument"
            out.print(f"{text}: {', '.join(codes)}", style="yellow", markup=False, highlight=False)
