"""Imports, draws and weights of many institutions, one by one: memory for one at a time, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from rich.console import Console

from spi_analysis.batch.inputs import inputs_digest, is_done, keep_done
from spi_analysis.batch.institutions import Done, Place, for_each, problems_of
from spi_analysis.batch.plan import WEIGHTS
from spi_analysis.errors import Problem, SpiError
from spi_analysis.params.mapping import frame_mapping
from spi_analysis.stages.draw import draw_institution, draw_table
from spi_analysis.stages.weigh import save_weights, weigh_institution
from spi_analysis.tables.importing.addressing import institution_of
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses

LOG_IMPORTS = {"events": import_events, "responses": import_responses}
# What the terminal says of rows; the whole stands in each institution's workbook.
REMARKS = ["row", "code", "severity", "reason_en", "value"]
WEIGHED_FROM = ("frame", "sample", "events", "responses")


@dataclass(frozen=True)
class Imported:
    """What came of files of many institutions: rows per file, remarks for the terminal, problems, files written.

    ``skipped``: how many institutions had these very files in already.
    """

    counts: pd.DataFrame
    remarks: pd.DataFrame
    failed: tuple[Problem, ...]
    written: tuple[Path, ...]
    skipped: int = 0


def by_institution(
    files: Iterable[Path], place: Place, mapping: Path | None = None
) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files by the institution that their names name, and those whose names do not say."""
    words, groups, others = frame_mapping(place.setup.workspace, None, mapping), dict[str, list[Path]](), []
    for path in files:
        try:
            groups.setdefault(institution_of(path, place.setup, words), []).append(path)
        except SpiError:
            others.append(path)
    return dict(sorted(groups.items())), others


def import_lists(
    files: Sequence[Path],
    place: Place,
    mapping: Path | None,
    source: str | None,
    workers: int | None,
    console: Console,
    stream: str | None = None,
) -> Imported:
    """Lists of people, institution by institution; one whose very files are in already is passed over."""
    groups, others = by_institution(files, place, mapping)
    tasks = {code: (paths, mapping, source, stream) for code, paths in groups.items()}
    outcomes = for_each(place, _import_lists, tasks, workers, console, "importing lists")
    # A file that names no institution is no one's: the import says so.
    unknown = import_frame(others, place.setup, place.store, place.vault, mapping=mapping, source=source, stream=stream)
    return _together(outcomes, unknown.failed)


def import_logs(
    kind: Literal["events", "responses"],
    files: Sequence[Path],
    place: Place,
    mapping: Path | None,
    workers: int | None,
    console: Console,
) -> Imported:
    """Events or answers. Files of one institution each go in side by side; all others one by one at the end."""
    groups, others = by_institution(files, place)
    tasks = {code: (kind, paths, mapping) for code, paths in groups.items()}
    outcomes = for_each(place, _import_logs, tasks, workers, console, f"importing {kind}")
    mixed = [path for outcome in outcomes if _is_mixed(outcome) for path in groups[outcome.institution_id]]
    rest = []
    for path in [*mixed, *others]:
        log = LOG_IMPORTS[kind]([path], place.setup, place.store, place.vault, mapping=mapping)
        rest.append(Done("", _short(log), log.failed))
    return _together([*(outcome for outcome in outcomes if not _is_mixed(outcome)), *rest])


def draw_all(place: Place, institution_ids: Sequence[str], workers: int | None, console: Console) -> list[Done]:
    """Draw the samples of institutions; the value of an outcome is its part of the table of draws."""
    return for_each(place, _draw, dict.fromkeys(institution_ids), workers, console, "drawing")


def weigh_all(place: Place, institution_ids: Sequence[str], workers: int | None, console: Console) -> list[Done]:
    """Weights and replicate weights of institutions; the value is False where they were up to date."""
    return for_each(place, _weigh, dict.fromkeys(institution_ids), workers, console, "weighing")


@dataclass(frozen=True)
class Mixed:
    """What a process gives back for files with rows of several institutions, or of nobody: nothing was imported.

    Told by its kind, never by identity: what comes back from another process is a copy.
    """


def _is_mixed(outcome: Done) -> bool:
    return isinstance(outcome.value, Mixed)


def _import_lists(
    place: Place, institution_id: str, task: tuple[list[Path], Path | None, str | None, str | None]
) -> Any:
    files, mapping, source, stream = task
    # The same files said to be another source or stream are another import.
    digest = inputs_digest(
        place.setup, institution_id, [*files, *([mapping] if mapping else [])], [source or "", stream or ""]
    )
    if place.store.has("frame", institution_id) and is_done(place.store, "frame_from", institution_id, digest):
        return None
    # Not institution=: the files' names say whose they are, and what stands in them is held against that.
    result = import_frame(files, place.setup, place.store, place.vault, mapping=mapping, source=source, stream=stream)
    if result.failed:
        return Done(institution_id, _short(result), result.failed)
    if (result.counts.groupby("source")["accepted"].sum() > 0).all():
        keep_done(place.store, "frame_from", institution_id, digest)
    return _short(result)


def _import_logs(place: Place, institution_id: str, task: tuple[str, list[Path], Path | None]) -> Any:
    kind, files, mapping = task
    log = LOG_IMPORTS[kind](files, place.setup, place.store, place.vault, mapping=mapping, only=institution_id)
    return Mixed() if log is None else _short(log)


def _short(result: Any) -> tuple[pd.DataFrame, pd.DataFrame, tuple[Path, ...]]:
    """What goes back to the terminal: a table of all findings of 640 institutions would fill the memory."""
    rows = result.problems[result.problems["severity"] != "note"]
    return result.counts, rows[REMARKS], result.written


def _together(outcomes: Sequence[Done], failed: Sequence[Problem] = ()) -> Imported:
    inner = [outcome.value if isinstance(outcome.value, Done) else outcome for outcome in outcomes]
    found = [outcome.value for outcome in inner if outcome.value is not None]
    counts, remarks, written = zip(*found, strict=True) if found else ((), (), ())
    return Imported(
        counts=_stacked(counts, ["institution_id", "file", "read", "accepted", "rejected"]),
        remarks=_stacked(remarks, REMARKS),
        failed=(*problems_of(inner), *failed),
        written=tuple(path for paths in written for path in paths),
        skipped=sum(outcome.value is None and not outcome.problems for outcome in inner),
    )


def _stacked(tables: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _draw(place: Place, institution_id: str, _: None) -> pd.DataFrame:
    return draw_table([draw_institution(place.setup, place.store, institution_id, place.vault.secret("prn"))])


def _weigh(place: Place, institution_id: str, _: None) -> bool:
    store, setup = place.store, place.setup
    tables = [store.read(table, institution_id) for table in WEIGHED_FROM]
    made_from = [store.path(table, institution_id) for table in WEIGHED_FROM]
    # With what was written: notebook 30 writes weights too, perhaps from other parameters.
    files = [*made_from, *(store.path(table, institution_id) for table in WEIGHTS)]
    if is_done(store, "weights_from", institution_id, inputs_digest(setup, institution_id, files)):
        return False
    weighted = weigh_institution(*tables, setup.round_for(institution_id), setup.instrument)
    save_weights(store, institution_id, weighted)
    keep_done(store, "weights_from", institution_id, inputs_digest(setup, institution_id, files))
    return True
