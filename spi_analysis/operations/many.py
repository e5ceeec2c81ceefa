"""Imports, draws and weights of many institutions, one by one: memory for one at a time, whatever their number."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from rich.console import Console

# Imported as packages, so that an import loads no draw and no statistics.
from spi_analysis import stages
from spi_analysis.errors import Problem, SpiError
from spi_analysis.params import Instrument, RoundSetup, Workspace, frame_mapping, load_setup
from spi_analysis.processes import Lost, followed, in_processes
from spi_analysis.runner import WEIGHTS, inputs_digest, is_done, keep_done
from spi_analysis.tables import Store, Vault, VaultKey, importing, join_writer, one_writer_in_parts, record_objections

# One piece of work for each of many institutions: in processes, with progress; one's error never stops the others.


@dataclass(frozen=True)
class RoundContext:
    """Where the work is done: the round's parameters, its store and, with a key, its vault."""

    setup: RoundSetup
    key: VaultKey | None = None

    @cached_property
    def store(self) -> Store:
        return Store(self.setup.workspace.data / self.setup.round.round_id)

    @cached_property
    def vault(self) -> Vault:
        assert self.key is not None, "this work was given no key"
        return Vault.open(self.setup.workspace.data / "vault", self.key)


@dataclass(frozen=True)
class Done:
    """What became of one institution: what the work gave back, or what was wrong."""

    institution_id: str
    value: Any = None
    problems: tuple[Problem, ...] = ()


Work = Callable[[RoundContext, str, Any], Any]


def for_each(
    context: RoundContext, work: Work, tasks: Mapping[str, Any], workers: int | None, console: Console, doing: str
) -> list[Done]:
    """Do ``work(context, institution_id, task)`` for every institution, as the only writer of the workspace.

    Parameters
    ----------
    work : function    of a module; it may write only what is the institution's own
    tasks : dict       institution code -> what the work needs to know beside the context; done in this order
    workers : int      processes (None: all cores; 1, or a single institution: this process)
    doing : str        a word for the progress, such as "drawing"

    Returns
    -------
    One outcome per institution, in the order of ``tasks``. What was done stays done, whatever happens to others.
    """
    width = min(workers or os.cpu_count() or 1, len(tasks))
    with one_writer_in_parts(context.setup.workspace.data):
        outcomes = (
            (_outcome(context, work, code, task) for code, task in tasks.items())
            if width <= 1
            else _in_processes(context, work, tasks, width)
        )
        found = {outcome.institution_id: outcome for outcome in followed(outcomes, len(tasks), console, doing)}
    return [found[code] for code in tasks]


def problems_of(outcomes: Iterable[Done]) -> list[Problem]:
    """Everything that was wrong, institution by institution."""
    return [problem for outcome in outcomes for problem in outcome.problems]


def _outcome(context: RoundContext, work: Work, institution_id: str, task: Any) -> Done:
    try:
        return Done(institution_id, work(context, institution_id, task))
    except SpiError as error:
        return Done(institution_id, problems=error.problems)
    except Exception as error:
        # A mistake of the program's own: the other institutions still get their turn, and this one is named.
        what = f"this institution could not be done: {type(error).__name__}"
        return Done(institution_id, problems=(Problem(what, key=institution_id, got=_place_of(error)),))


def _place_of(error: Exception) -> str:
    """Where in the code it happened; not the error's text, which may hold a cell of a list."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return "" if at is None else f"{Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}"


def _in_processes(context: RoundContext, work: Work, tasks: Mapping[str, Any], workers: int) -> Iterator[Done]:
    """The outcomes as they come. A process that is killed costs the institution it was at, and no other."""
    opening = partial(_open, str(context.setup.workspace.root), context.setup.round.round_id, context.key)
    codes = list(tasks)
    for number, outcome in in_processes(partial(_in_process, work), list(tasks.items()), workers, opening):
        yield Done(codes[number], problems=(_killed(codes[number]),)) if isinstance(outcome, Lost) else outcome


_context: RoundContext | None = None


def _open(root: str, round_id: str, key: VaultKey | None) -> None:
    """In a new process: read the parameters once."""
    global _context
    workspace = Workspace(Path(root))
    join_writer(workspace.data)
    _context = RoundContext(load_setup(workspace, round_id, of=()), key)


def _in_process(work: Work, named_task: tuple[str, Any]) -> Done:
    assert _context is not None
    return _outcome(_context, work, *named_task)


def _killed(institution_id: str) -> Problem:
    return Problem(
        "this institution could not be done: its process was ended from outside",
        key=institution_id,
        hint="most often the memory was full: run it again with fewer processes (--workers 1)",
    )


# What the terminal says of rows; the whole stands in each institution's workbook.
ISSUES = ["row", "code", "severity", "reason_en", "value"]
# What is said in short of the files of many institutions: what may bias the survey, and what was passed over.
SAID = ("unchecked", "replaced", "open", "not_read")
WEIGHED_FROM = ("frame", "sample", "events", "responses")


def _log_import(kind: str) -> Callable[..., Any]:
    """The importer of events or of responses."""
    return {"events": lambda: importing.import_events, "responses": lambda: importing.import_responses}[kind]()


@dataclass(frozen=True)
class Imported:
    """What came of files of many institutions: rows per file, issues for the terminal, problems, files written.

    ``skipped``: how many institutions had these very files in already; ``summary``: of what every import says in short,
    the parts in ``SAID``; ``mapping``: one mapping file that settles what was not understood in any of them.
    """

    counts: pd.DataFrame
    issues: pd.DataFrame
    failed: tuple[Problem, ...]
    written: tuple[Path, ...]
    skipped: int = 0
    summary: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    mapping: dict[Any, Any] = field(default_factory=dict)


def by_institution(
    files: Iterable[Path], context: RoundContext, mapping: Path | None = None
) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files by the institution that their names name, and those whose names do not say."""
    words, groups, others = frame_mapping(context.setup.workspace, None, mapping), dict[str, list[Path]](), []
    for path in files:
        try:
            groups.setdefault(importing.institution_of(path, context.setup, words), []).append(path)
        except SpiError:
            others.append(path)
    return dict(sorted(groups.items())), others


def import_lists(
    files: Sequence[Path],
    context: RoundContext,
    mapping: Path | None,
    source: str | None,
    workers: int | None,
    console: Console,
    stream: str | None = None,
) -> Imported:
    """Lists of people, institution by institution; one whose very files are in already is passed over."""
    groups, others = by_institution(files, context, mapping)
    tasks = {code: (paths, mapping, source, stream) for code, paths in groups.items()}
    outcomes = for_each(context, _import_lists, tasks, workers, console, "importing lists")
    # A file that names no institution is no one's: the import says so.
    unknown = importing.import_frame(
        others, context.setup, context.store, context.vault, mapping=mapping, source=source, stream=stream
    )
    return _together(outcomes, unknown.failed)


def import_logs(
    kind: Literal["events", "responses"],
    files: Sequence[Path],
    context: RoundContext,
    mapping: Path | None,
    workers: int | None,
    console: Console,
    **options: Any,
) -> Imported:
    """Events or answers; ``options``: what their import also takes.

    Files of one institution each go in side by side; all others one by one at the end.
    """
    groups, others = by_institution(files, context)
    tasks = {code: (kind, paths, mapping, options) for code, paths in groups.items()}
    outcomes = for_each(context, _import_logs, tasks, workers, console, f"importing {kind}")
    mixed = [path for outcome in outcomes if _is_mixed(outcome) for path in groups[outcome.institution_id]]
    rest = []
    for path in [*mixed, *others]:
        log = _log_import(kind)([path], context.setup, context.store, context.vault, mapping=mapping, **options)
        rest.append(Done("", _short(log, context.setup.instrument), log.failed))
    return _together([*(outcome for outcome in outcomes if not _is_mixed(outcome)), *rest])


def announce_all(
    context: RoundContext, institution_ids: Sequence[str], at: dt.datetime, workers: int | None, console: Console,
    reason: str = "",
) -> list[Done]:  # fmt: skip
    """Announce the draws of institutions; the value of an outcome is the entry of its log.

    ``reason``: why, of those that were announced before.
    """
    tasks = dict.fromkeys(institution_ids, (at, reason))
    return for_each(context, _announce, tasks, workers, console, "announcing")


def draw_all(
    context: RoundContext, institution_ids: Sequence[str], workers: int | None, console: Console
) -> list[Done]:
    """Draw the samples of institutions; the value of an outcome is its part of the table of draws."""
    return for_each(context, _draw, dict.fromkeys(institution_ids), workers, console, "drawing")


def weight_all(
    context: RoundContext, institution_ids: Sequence[str], workers: int | None, console: Console
) -> list[Done]:
    """Weights and replicate weights of institutions; the value is False where they were up to date."""
    return for_each(context, _weight, dict.fromkeys(institution_ids), workers, console, "weighting")


def count_progress(
    context: RoundContext, institution_ids: Sequence[str], workers: int | None, console: Console
) -> list[Done]:
    """Count anew how the fieldwork of institutions stands, and keep it."""
    return for_each(context, _progress, dict.fromkeys(institution_ids), workers, console, "counting")


@dataclass(frozen=True)
class Mixed:
    """What a process gives back for files with rows of several institutions, or of nobody: nothing was imported.

    Told by its kind, never by identity: what comes back from another process is a copy.
    """


def _is_mixed(outcome: Done) -> bool:
    return isinstance(outcome.value, Mixed)


def _import_lists(
    context: RoundContext, institution_id: str, task: tuple[list[Path], Path | None, str | None, str | None]
) -> Any:
    files, mapping, source, stream = task
    # The same files said to be another source or stream are another import.
    digest = inputs_digest(
        context.setup, institution_id, [*files, *([mapping] if mapping else [])], [source or "", stream or ""]
    )
    if context.store.has("frame", institution_id) and is_done(context.store, "frame_from", institution_id, digest):
        return None
    # Not institution=: the files' names say whose they are, and what stands in them is held against that.
    result = importing.import_frame(
        files, context.setup, context.store, context.vault, mapping=mapping, source=source, stream=stream
    )
    if result.failed:
        return Done(institution_id, _short(result, context.setup.instrument), result.failed)
    if (result.counts.groupby("source")["accepted"].sum() > 0).all():
        keep_done(context.store, "frame_from", institution_id, digest)
    return _short(result, context.setup.instrument)


def _import_logs(
    context: RoundContext, institution_id: str, task: tuple[str, list[Path], Path | None, dict[str, Any]]
) -> Any:
    kind, files, mapping, options = task
    log = _log_import(kind)(
        files, context.setup, context.store, context.vault, mapping=mapping, only=institution_id, **options
    )
    return Mixed() if log is None else _short(log, context.setup.instrument)


def _short(result: Any, instrument: Instrument) -> tuple[pd.DataFrame, pd.DataFrame, tuple[Path, ...], dict, dict]:
    """What goes back to the terminal: a table of all issues of 640 institutions would fill the memory."""
    rows = result.problems[result.problems["severity"] != "note"]
    said = {part: result.summary.get(part, []) for part in SAID}
    settling = getattr(result, "mapping", {}) or importing.mapping_proposed(result.problems, result.summary, instrument)
    return result.counts, rows[ISSUES], result.written, said, settling


def _united(into: dict[Any, Any], further: Mapping[Any, Any]) -> dict[Any, Any]:
    """One mapping that says what both say; the words of a list each once."""
    for key, value in further.items():
        if isinstance(value, Mapping):
            _united(into.setdefault(key, {}), value)
        else:
            into[key] = list(dict.fromkeys([*into.get(key, ()), *value]))
    return into


def _together(outcomes: Sequence[Done], failed: Sequence[Problem] = ()) -> Imported:
    inner = [outcome.value if isinstance(outcome.value, Done) else outcome for outcome in outcomes]
    found = [outcome.value for outcome in inner if outcome.value is not None]
    counts, issues, written, said, settling = zip(*found, strict=True) if found else ((), (), (), (), ())
    return Imported(
        counts=_stacked(counts, ["institution_id", "file", "read", "accepted", "rejected"]),
        issues=_stacked(issues, ISSUES),
        failed=(*problems_of(inner), *failed),
        written=tuple(path for paths in written for path in paths),
        skipped=sum(outcome.value is None and not outcome.problems for outcome in inner),
        summary={part: [row for summary in said for row in summary[part]] for part in SAID},
        mapping=reduce(_united, settling, {}),
    )


def _stacked(tables: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _announce(context: RoundContext, institution_id: str, told: tuple[dt.datetime, str]) -> dict[str, Any]:
    """The vault keeps count, too: whoever removes the log begins with the number after the last one all the same."""
    name = f"announced__{context.setup.round.round_id}__{institution_id}"
    counted = int(context.vault.read_facts(name)["number"]) if context.vault.has(name) else 0
    about, (at, reason) = (context.setup, context.store, institution_id), told
    entry = stages.announce_institution(*about, context.vault.secret("prn"), at, counted, reason)
    context.vault.write_facts(name, {"number": entry["number"]})
    return entry


def _draw(context: RoundContext, institution_id: str, _: None) -> pd.DataFrame:
    secret = context.vault.secret("prn")
    table = stages.draw_table([stages.draw_institution(context.setup, context.store, institution_id, secret)])
    # Who objected earlier stays in the frame and may be drawn, is written to by nobody, and counts as a refusal.
    objected = record_objections(context.setup, context.store, context.vault, institution_id)
    return table.assign(**{"asked not to be contacted": table["source"].map(objected)})


def _progress(context: RoundContext, institution_id: str, _: None) -> bool:
    stages.keep_progress(context.setup, context.store, institution_id)
    return True


def _weight(context: RoundContext, institution_id: str, _: None) -> bool:
    store, setup = context.store, context.setup
    tables = [store.read(table, institution_id) for table in WEIGHED_FROM]
    made_from = [store.path(table, institution_id) for table in WEIGHED_FROM]
    # With what was written: notebook 30 writes weights too, perhaps from other parameters.
    files = [*made_from, *(store.path(table, institution_id) for table in WEIGHTS)]
    if is_done(store, "weights_from", institution_id, inputs_digest(setup, institution_id, files)):
        return False
    weighted = stages.weight_institution(*tables, setup.round_for(institution_id), setup.instrument)
    stages.save_weights(store, institution_id, weighted)
    keep_done(store, "weights_from", institution_id, inputs_digest(setup, institution_id, files))
    return True
