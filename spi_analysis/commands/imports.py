"""`spi import`: lists, events, answers, changed contacts, published results, the tracker of recommendations."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from spi_analysis.commands.common import (
    EXIT_CODES,
    MOST_INSTITUTIONS,
    AsJson,
    Day,
    DryRun,
    Files,
    KeyOption,
    Mapping,
    Reporter,
    RoundOption,
    Whose,
    WorkersOption,
    WorkspaceOption,
    day_of,
    err,
    existing,
    exit_code,
    finish,
    mapping_beside,
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

    from spi_analysis.operations import Imported, RoundContext
    from spi_analysis.params import RoundSetup
    from spi_analysis.tables.importing import FrameImport, LogImport


class AnswerMode(StrEnum):
    """How answers were given."""

    web = "web"
    telephone = "telephone"
    face_to_face = "face_to_face"


class Stream(StrEnum):
    """Whose answers these are: people who were drawn, or whoever found an open link."""

    probability = "probability"
    open = "open"


# Institutions that a line of the journal names.
MOST_NAMED = 5
# `spi imports`: stands beside `spi import`.
past_imports = typer.Typer()
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
        str | None, typer.Option(help="A source of the round, such as internal (default: the file's or sheet's name).")
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(help="list or self_registered (default: the file's name; a form's columns raise the question)."),
    ] = None,
    workers: WorkersOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Lists of people. Writes frame_problems.xlsx for the institution beside its outputs.

    Lists of several institutions go in one by one, side by side; one that cannot be used does not stop the others, and
    one whose very files are in already is passed over. The files may also be named in a text file: @lists.txt

    Example: spi import frame daftar_pegawai_kota-mojokerto.xlsx pengguna_layanan_kota-mojokerto.csv
    """
    # The lists of a source come in together or not at all.
    mapping = mapping_beside(files, mapping)
    files = _all_there(named_files(files))
    from spi_analysis.operations import RoundContext, by_institution, import_lists
    from spi_analysis.tables import are_generated, refuse_in_demo
    from spi_analysis.tables.importing import import_frame

    setup = open_setup(workspace, round_id, [institution] if institution else [])
    if not are_generated(open_store(setup), files):
        refuse_in_demo(setup.workspace, "lists of people")
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    if institution is None and len(by_institution(files, context, mapping)[0]) > 1:
        with _importing("frame", files, context, dry_run) as (there, entry):
            many = import_lists(files, there, mapping, source, workers, err if as_json else out, stream)
            _keep_counts(entry, many.counts)
        _print_imported(many, setup, dry_run=dry_run, as_json=as_json)
        return
    with _importing("frame", files, context, dry_run) as (there, entry):
        result = import_frame(files, there.setup, there.store, there.vault, mapping=mapping, institution=institution,
                              source=source, stream=stream)  # fmt: skip
        _keep_counts(entry, result.counts)
    _say(result, result.failed, _accepted(result.counts), setup, dry_run=dry_run, as_json=as_json)


@imports.command("events", epilog=EXIT_CODES)
def import_events_command(
    files: Files, mapping: Mapping = None, institution: Whose = None, workers: WorkersOption = None,
    dry_run: DryRun = False, as_json: AsJson = False,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Contact events from the vendor (sent, delivered, read ...).

    Example: spi import events kejadian_kota-mojokerto.csv
    """
    mapping = mapping_beside(files, mapping)
    there, missing = existing(named_files(files))
    from spi_analysis.operations import RoundContext, by_institution, import_logs
    from spi_analysis.tables.importing import import_events

    setup = open_setup(workspace, round_id, [institution] if institution else [])
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    if institution is None and len(by_institution(there, context)[0]) > 1:
        with _importing("events", there, context, dry_run) as (place, entry):
            many = import_logs("events", there, place, mapping, workers, err if as_json else out)
            _keep_counts(entry, many.counts)
        _print_imported(many, setup, missing, dry_run=dry_run, as_json=as_json)
        return
    with _importing("events", there, context, dry_run) as (place, entry):
        result = import_events(there, place.setup, place.store, place.vault, mapping=mapping, institution=institution)
        _keep_counts(entry, result.counts)
    usable = _accepted(result.counts)
    _say(result, [*missing, *result.failed], usable, setup, dry_run=dry_run, as_json=as_json)


@imports.command("responses", epilog=EXIT_CODES)
def import_responses_command(
    files: Files, mapping: Mapping = None, institution: Whose = None,
    mode: Annotated[
        AnswerMode, typer.Option(help="How the answers were given, where no column says it.")
    ] = AnswerMode.web,
    stream: Annotated[
        Stream, typer.Option(help="open: rows without a token came by an open link (needs --institution, --source).")
    ] = Stream.probability,
    source: Annotated[str | None, typer.Option(help="Source of answers by an open link.")] = None,
    workers: WorkersOption = None, dry_run: DryRun = False, as_json: AsJson = False,
    workspace: WorkspaceOption = None, round_id: RoundOption = None, key_file: KeyOption = None,
) -> None:  # fmt: skip
    """Answers (CSV, XLSX, SPSS, Parquet); says which items of the instrument nobody has answered so far.

    Answers by an open link (spi poster) are known by its token; they are kept apart and are in no estimate.

    Example: spi import responses jawaban_internal_kota-mojokerto.csv
    """
    mapping = mapping_beside(files, mapping)
    there, missing = existing(named_files(files))
    from spi_analysis.operations import RoundContext, by_institution, import_logs
    from spi_analysis.tables.importing import import_responses

    setup = open_setup(workspace, round_id, [institution] if institution else [])
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    if institution is None and len(by_institution(there, context)[0]) > 1:
        with _importing("responses", there, context, dry_run) as (place, entry):
            many = import_logs("responses", there, place, mapping, workers, err if as_json else out, mode=mode.value,
                               stream=stream.value, source=source)  # fmt: skip
            _keep_counts(entry, many.counts)
            unasked = _unasked(place, many.counts)
        _print_imported(many, setup, missing, unasked=unasked, dry_run=dry_run, as_json=as_json)
        return
    with _importing("responses", there, context, dry_run) as (place, entry):
        result = import_responses(there, place.setup, place.store, place.vault, mapping=mapping,
                                  institution=institution, mode=mode.value, stream=stream.value,
                                  source=source)  # fmt: skip
        _keep_counts(entry, result.counts)
        unasked = _unasked(place, result.counts)
    usable = _accepted(result.counts)
    _say(result, [*missing, *result.failed], usable, setup, unasked=unasked, settling=result.mapping, dry_run=dry_run,
         as_json=as_json)  # fmt: skip


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

    The list is the one that spi remind writes (..._to_check.csv), filled in by the institution; rows that it left as
    they were change nothing.

    Example: spi import contacts kota-mojokerto__to_check.csv
    """
    mapping = mapping_beside(files, mapping)
    there, missing = existing(named_files(files))
    from spi_analysis.operations import RoundContext
    from spi_analysis.tables.importing import import_contacts

    setup = open_setup(workspace, round_id, [institution] if institution else [])
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    result = import_contacts(there, setup, context.store, context.vault, reported_by=reported_by.value,
                             date=day_of(date), mapping=mapping, institution=institution)  # fmt: skip
    print_rows("Rows", result.counts)
    print_issues_of_import(result.problems)
    finish([*missing, *result.failed], result.written, setup.workspace, result.changes)


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
    _all_there([file])
    from spi_analysis.tables import import_published

    setup = open_setup(workspace, round_id)
    with whole_table(file):
        table = import_published(setup, file)
    out.print(f"{len(table):,} published results, {table['year'].min()} to {table['year'].max()}")


@imports.command("tracker", epilog=EXIT_CODES)
def import_tracker_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="One CSV (institution_id, year, recommendation, status, done, total; conforming, validated), or plans "
            "of action that were filled in (XLSX).",
            show_default=False,
        ),
    ],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """What became of the recommendations; the reports of later years show it.

    A CSV takes the place of all that was known; a plan of action that an institution has filled in (rencana_aksi.xlsx
    beside its report) takes the place of what was known of that institution and year.

    Example: spi import tracker rencana_aksi.xlsx
    """
    _all_there(files)
    from spi_analysis.scores import follow_up
    from spi_analysis.stages import import_tracker

    setup = open_setup(workspace, round_id)
    with whole_table(files[0]):
        table = import_tracker(setup, files)
    print_table("Followed up (TLP in percent)", follow_up(table))


def _all_there(files: list[Path]) -> list[Path]:
    _, missing = existing(files)
    if missing:
        raise InputError(*missing)
    return files


@contextmanager
def _importing(
    kind: str, files: Sequence[Path], context: RoundContext, dry_run: bool
) -> Iterator[tuple[RoundContext, dict[str, Any]]]:
    """Where the import is done, and what the journal says of it: a workspace that goes away again for a trial."""
    from spi_analysis.operations import RoundContext
    from spi_analysis.tables.importing import on_trial, remembered

    if dry_run:
        with on_trial(context.setup) as setup:
            yield RoundContext(setup, context.key), {}
    else:
        with remembered(context.setup, kind, files) as entry:
            yield context, entry
        _note_plans(context, entry.get("institutions", []))


def _note_plans(context: RoundContext, institution_ids: Iterable[str]) -> None:
    """Note what of the analysis plan changed, for the register, wherever a draw was announced or made."""
    drawn = [code for code in institution_ids if context.store.has("sample", code)]
    if not drawn:
        return
    # Before a draw, as most lists come in, none of the statistics behind it has to be loaded.
    from spi_analysis.stages import note_changes

    now, secret = dt.datetime.now().astimezone(), context.vault.secret("prn")
    for code in drawn:
        note_changes(context.setup, context.store, code, secret, now)


def _keep_counts(entry: dict[str, Any], counts: pd.DataFrame) -> None:
    """What came of the import, for the journal; files by the names under which they were spoken of."""
    entry["files"] = sorted(counts["file"].unique()) or entry.get("files", [])
    entry["institutions"] = sorted(code for code in counts["institution_id"].unique() if code)
    entry |= {name: int(counts[name].sum()) for name in ("read", "accepted", "rejected")}


def _say(
    result: FrameImport | LogImport,
    failed: Sequence[Problem],
    usable: int,
    setup: RoundSetup,
    *,
    unasked: Sequence[str] = (),
    settling: dict[str, Any] | None = None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """What came of an import: in short first, then the counts and what was noticed, then what could not be used."""
    from spi_analysis.tables.importing import lines_of, mapping_proposed

    mapping = settling or mapping_proposed(result.problems, result.summary, setup.instrument)
    if as_json:
        _print_json(result.counts, result.problems, failed, usable, dry_run, result.summary, mapping)
    for line in lines_of(result.summary):
        out.print(line, markup=False, highlight=False)
    print_rows("Rows", result.counts)
    print_issues_of_import(result.problems)
    _print_mapping(mapping)
    _end(result.written, failed, usable, setup, unasked, dry_run)


def _print_mapping(mapping: dict[str, Any]) -> None:
    """The lines of a mapping file that would say what the words mean that were not understood."""
    from yaml import safe_dump

    if mapping:
        out.print("a mapping file (--mapping) that settles what was not understood, once FILL_IN is replaced:")
        out.print(safe_dump(mapping, allow_unicode=True, sort_keys=False), markup=False, highlight=False)


def _end(
    written: Sequence[Path], failed: Sequence[Problem], usable: int | None, setup: RoundSetup, unasked: Sequence[str],
    dry_run: bool,
) -> None:  # fmt: skip
    for line in unasked:
        out.print(line, style="yellow", markup=False, highlight=False)
    if dry_run:
        out.print("dry run: nothing was changed", style="yellow")
    finish(failed, () if dry_run else written, setup.workspace, usable)


def _print_json(
    counts: pd.DataFrame,
    issues: pd.DataFrame,
    failed: Sequence[Problem],
    usable: int | None,
    dry_run: bool,
    summary: dict[str, list[dict[str, object]]],
    mapping: dict[str, Any],
) -> NoReturn:
    """All of it for a program, and the exit code. Values of cells are in none of it."""
    said = issues.groupby(["code", "severity"], as_index=False).agg(
        times=("code", "size"), reason=("reason_en", "first")
    )
    code = exit_code(failed, usable)
    typer.echo(json.dumps({
        "exit_code": code, "dry_run": dry_run, "counts": counts.to_dict("records"), "summary": summary,
        "issues": said.to_dict("records"), "failed": [asdict(problem) for problem in failed], "mapping": mapping,
    }, indent=1, ensure_ascii=False, default=str))  # fmt: skip
    raise typer.Exit(code)


def _print_imported(
    result: Imported,
    setup: RoundSetup,
    missing: Sequence[Problem] = (),
    *,
    unasked: Sequence[str] = (),
    dry_run: bool,
    as_json: bool,
) -> None:
    """What came of files of many institutions; all problems at the end."""
    failed = [*missing, *result.failed]
    # What was in already is no import without a usable row.
    usable = None if result.skipped else _accepted(result.counts)
    if as_json:
        _print_json(result.counts, result.issues, failed, usable, dry_run, result.summary, result.mapping)
    _print_short(result.summary)
    print_rows("Rows", result.counts)
    if result.skipped:
        out.print(f"{result.skipped:,} institutions had these very files in already", highlight=False)
    print_issues_of_import(result.issues)
    _print_mapping(result.mapping)
    _end(result.written, failed, usable, setup, unasked, dry_run)


def _print_short(summary: dict[str, list[dict[str, object]]]) -> None:
    """What may bias the survey first; of very many institutions the first lines."""
    from spi_analysis.tables.importing import lines_of

    lines = list(lines_of({"sheets": [], "columns": [], **summary}))
    for line in lines[:MOST_INSTITUTIONS]:
        out.print(line, markup=False, highlight=False)
    if len(lines) > MOST_INSTITUTIONS:
        out.print(f"and {len(lines) - MOST_INSTITUTIONS:,} more such lines (--json has all)", highlight=False)


def _accepted(counts: pd.DataFrame) -> int:
    """Rows that came in. A source of which none did, beside others, is named: its earlier list stays."""
    if "source" in counts and counts["accepted"].any():
        rows = counts.groupby(["institution_id", "source"], sort=False)["accepted"].sum()
        for institution_id, source in rows.index[rows == 0]:
            text = f"{institution_id}, {source}: no row could be used; what was imported before is kept"
            out.print(text, style="yellow", highlight=False)
    return int(counts["accepted"].sum())


def _unasked(context: RoundContext, counts: pd.DataFrame) -> list[str]:
    """Items that are in no file: they will be missing on the page."""
    from spi_analysis.tables import unasked_items

    lines = []
    for institution_id in [code for code in counts["institution_id"].unique() if code]:
        responses = context.store.read_if_there("responses", institution_id)
        for source, codes in {} if responses is None else unasked_items(responses, context.setup.instrument).items():
            text = f"{institution_id}, {source}: no answer in any file to {len(codes)} items of the instrument"
            lines.append(f"{text}: {', '.join(codes)}")
    return lines


@past_imports.command("imports", epilog=EXIT_CODES)
def list_imports(
    take_back_last: Annotated[
        bool, typer.Option("--take-back", help="Put back what stood there before the last import.")
    ] = False,
    as_json: AsJson = False,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """What came in when. The last import can be taken back as long as nothing was built on it or written over it.

    Example: spi imports --take-back
    """
    from spi_analysis.tables.importing import imports_so_far, take_back

    setup = open_setup(workspace, round_id)
    if take_back_last:
        entry = take_back(setup)
        out.print(f"taken back: {entry['kind']} from {', '.join(entry['files'])}", markup=False, highlight=False)
    entries = imports_so_far(setup)
    if as_json:
        typer.echo(json.dumps(entries, indent=1, ensure_ascii=False))
    elif not take_back_last:
        for entry in entries:
            back = f"; taken back {entry['taken_back']}" if entry.get("taken_back") else ""
            text = f"{entry['number']}  {entry['at']}  {entry['kind']}: {', '.join(entry['files'])}"
            whose = ", ".join(entry.get("institutions", [])[:MOST_NAMED])
            counts = f"{entry.get('accepted', 0):,} of {entry.get('read', 0):,} rows came in"
            out.print(f"{text}; {whose}; {counts}{back}", markup=False, highlight=False)
