"""What is kept of imports of events and answers: rows turned away, and the workbook of problems, over all imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.errors import Problem
from spi_analysis.params import RoundSetup
from spi_analysis.tables import Store, Vault, text_of
from spi_analysis.tables.importing.conversation import of_logs
from spi_analysis.tables.importing.headers import Header
from spi_analysis.tables.importing.issues import (
    COLUMNS,
    Names,
    Where,
    all_names,
    hidden,
    hide_people,
    names_of,
    without_people,
)
from spi_analysis.tables.importing.logs import LOG_COUNTS, Log, LogImport
from spi_analysis.tables.importing.readers import Sheet
from spi_analysis.tables.importing.workbook import write_problem_book

EXPLANATION = [
    "Berkas ini memuat hasil pemeriksaan semua data yang diimpor sejauh ini. Nomor baris sama dengan nomor baris pada "
    "berkas asal.",
    "Ditolak: baris tidak dipakai dan disimpan terpisah. Perlu dilengkapi: baris dipakai, tetapi ada isian yang "
    "meragukan atau dikosongkan. Catatan: untuk diketahui. Kode tautan disamarkan.",
]
UNASSIGNED = "unassigned"


def keep_results(
    kind: str,
    title: str,
    log: Log,
    failed: Iterable[Problem],
    written: list[Path],
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    sheets: Iterable[tuple[Sheet, Header, pd.Index]] = (),
) -> LogImport:
    """Put rejected rows aside and write a workbook of problems for every institution of the files."""
    names = log.issues.names = _named(setup, vault, {owner.institution_id for owner in log.owners.values()})
    counts, problems = without_people(log.counts(), names), log.issues.table()
    digests = {hide_people(file, names): digest for file, digest in log.digests.items()}
    owners = pd.Series({row: log.owners[row].institution_id if row in log.owners else "" for row in log.cells.index})
    rejected = log.cells.loc[sorted(log.rejected)]
    for institution_id in sorted(set(counts["institution_id"]) | _unassigned_before(kind, store)):
        rows = rejected[owners.loc[rejected.index] == institution_id]
        _keep_rejected(vault, setup.round.round_id, institution_id or UNASSIGNED, kind, rows, log.digests)
        mine, here = (table[table["institution_id"] == institution_id] for table in (counts, problems))
        record = _record(store, f"{kind}_imports", institution_id or UNASSIGNED, mine, here, digests)
        name = setup.roster[institution_id].name if institution_id else "tanpa instansi"
        path = setup.workspace.institution_outputs(setup.round.round_id, institution_id) / f"{kind}_problems.xlsx"
        all_counts, all_problems = _together(record, "counts", LOG_COUNTS), _together(record, "problems", COLUMNS)
        written.append(write_problem_book(path, f"{title}: {name}", EXPLANATION, all_counts, all_problems))
    passed = problems.loc[problems["code"] == "sheet_skipped", ["file", "sheet"]]
    summary = of_logs(sheets, [Where("", "", file, sheet) for file, sheet in passed.itertuples(index=False)])
    told = tuple(hidden(problem, names) for problem in failed)
    return LogImport(counts, problems[list(COLUMNS)], told, tuple(written), hidden(summary, names))


def _named(setup: RoundSetup, vault: Vault, institutions: Iterable[str]) -> Names:
    """The names of all who are listed at these institutions."""
    lists = [(setup.round.round_id, code, source) for code in sorted(institutions) for source in setup.round.sources]
    known = [names_of(vault.read_contacts(*whose)["name"]) for whose in lists if vault.has_contacts(*whose)]
    return all_names(known)


def _unassigned_before(kind: str, store: Store) -> set[str]:
    """Rows that belonged to nobody may have found their person when the file is given again."""
    return set() if store.read_record(f"{kind}_imports", UNASSIGNED) is None else {""}


def _keep_rejected(
    vault: Vault, round_id: str, whose: str, kind: str, rows: pd.DataFrame, digests: dict[str, str]
) -> None:
    """Add rows to those kept from earlier imports. A file given again brings its rows once, as they are judged now."""
    texts = rows.map(lambda cell: text_of(cell) or None).assign(digest=rows["file"].map(digests)).astype(object)
    if vault.has_rejected(round_id, whose, kind):
        earlier = vault.read_rejected(round_id, whose, kind)
        again = earlier["digest"].isin(digests.values()) if "digest" in earlier else pd.Series(False, earlier.index)
        texts = pd.concat([earlier[~again], texts], ignore_index=True).astype(object)
        # A log that grows from day to day brings its old rows again under another digest.
        texts = texts[~texts.drop(columns="digest").duplicated()]
        texts = texts.where(texts.notna(), None)
    vault.write_rejected(round_id, whose, kind, texts)


def _record(
    store: Store, name: str, whose: str, counts: pd.DataFrame, problems: pd.DataFrame, digests: dict[str, str]
) -> dict[str, Any]:
    """What was said of every file so far, by the digest of its content; written and given back."""
    record = store.read_record(name, whose) or {}
    for file, digest in digests.items():
        entry = {
            part: table[table["file"] == file].astype(object).where(lambda cells: cells.notna(), None)
            for part, table in (("counts", counts), ("problems", problems))
        }
        if any(len(table) for table in entry.values()):
            record[digest] = {"file": file, **{part: table.to_dict("records") for part, table in entry.items()}}
        else:
            record.pop(digest, None)
    store.write_record(name, whose, record)
    return record


def _together(record: dict[str, Any], part: str, columns: Sequence[str]) -> pd.DataFrame:
    """One table of all files, in the order of their names; what two files say alike stands once."""
    files = sorted(record, key=lambda digest: (record[digest]["file"], digest))
    rows = [row for digest in files for row in record[digest][part]]
    table = pd.DataFrame(rows, columns=list(columns))
    return table if part == "counts" else table.drop_duplicates(ignore_index=True)


# Reports of ineligibility for people who answered: flagged whichever came in first, the report or the answers.

REPORT = "ineligible"


def flag_reports_of_answered(log: Log, reports: Iterable[Any], store: Store) -> None:
    """Flag the rows (of a log of events) that call somebody ineligible whose answers are in the store."""
    _flag(log, reports, "ineligible_but_answered", "event", lambda code: _answered(store, code))


def flag_answers_of_reported(log: Log, answers: Iterable[Any], store: Store) -> None:
    """Flag the rows (of a file of answers) of people whom an event in the store calls ineligible."""
    _flag(log, answers, "answered_but_ineligible", "token", lambda code: _reported(store, code))


def _flag(log: Log, rows: Iterable[Any], code: str, name: str, known: Callable[[str], set[tuple[str, str]]]) -> None:
    people: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        institution_id, source, person_id = log.owners[row]
        if institution_id not in people:
            people[institution_id] = known(institution_id)
        if (source, person_id) in people[institution_id]:
            log.flag(row, code, name)


def _answered(store: Store, institution_id: str) -> set[tuple[str, str]]:
    if not store.has("responses", institution_id):
        return set()
    return _pairs(store.read("responses", institution_id, ["source", "person_id"]))


def _reported(store: Store, institution_id: str) -> set[tuple[str, str]]:
    if not store.has("events", institution_id):
        return set()
    events = store.read("events", institution_id, ["source", "person_id", "event"])
    return _pairs(events[events["event"] == REPORT])


def _pairs(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["source"], table["person_id"], strict=True))
