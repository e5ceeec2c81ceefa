"""Lists of people in: from the institutions' files to frame, contacts and what goes back to them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.errors import InputError, Problem, StoreError, nearest
from spi_analysis.params import RoundSetup, frame_mapping
from spi_analysis.tables import (
    CONTACT_COLUMNS,
    CONTRACTS,
    STREAMS,
    Store,
    Vault,
    checked,
    one_writer,
    person_ids,
    tenure_bands,
)
from spi_analysis.tables.importing.conversation import Summary, of_lists
from spi_analysis.tables.importing.issues import (
    COLUMNS,
    Where,
    all_names,
    hidden,
    rows_of,
)
from spi_analysis.tables.importing.list_sheets import ListSheet
from spi_analysis.tables.importing.listing import COUNTS, Listed, also_listed, read_source
from spi_analysis.tables.importing.opening import open_lists
from spi_analysis.tables.importing.people import TENURE
from spi_analysis.tables.importing.workbook import SHEET_NAMES, write_problem_book

# Rows that were kept but for a contact in a text: what the institution wrote stays in the vault.
AS_WRITTEN = "_as_written"
Progress = Callable[[int, int, str], None]
# New objects between two searches for circles (Python's own: some hundred).
ALLOCATIONS = 100_000
EXPLANATION = [
    "Berkas ini memuat hasil pemeriksaan daftar yang dikirim. Nomor baris sama dengan nomor baris pada berkas asal.",
    "Ditolak: baris tidak dapat dipakai. Perlu dilengkapi: baris dipakai, tetapi ada isian yang kosong atau meragukan. "
    "Catatan: untuk diketahui; sebagian menjelaskan mengapa seseorang tidak diundang.",
    "Isian kontak disamarkan dan nama tidak ditampilkan, sesuai UU 27/2022 tentang Pelindungan Data Pribadi.",
    "Mohon perbaiki pada berkas asal (lembar Masalah), lalu kirim kembali seluruh daftar sumber tersebut.",
]


@dataclass(frozen=True)
class FrameImport:
    """What came of an import. ``failed`` names the files that could not be used; all others were imported.

    ``counts``: one row per institution, source and file, with read = accepted + rejected and
    accepted = eligible + ineligible. ``problems``: one row per issue. ``written``: the files made. ``summary``: what
    is said of it in short.
    """

    counts: pd.DataFrame
    problems: pd.DataFrame
    failed: tuple[Problem, ...]
    written: tuple[Path, ...]
    summary: Summary


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Cells of lists make no circles; looking for some after every few hundred of them takes a tenth of an import."""
    usual = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@_rare_collections()
def import_frame(
    files: Iterable[Path],
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    *,
    mapping: Path | None = None,
    institution: str | None = None,
    source: str | None = None,
    stream: str | None = None,
    progress: Progress | None = None,
) -> FrameImport:
    """Read lists of people into the frame, their contacts into the vault, and say what was wrong with them.

    A list replaces what was imported before for its institution and source, so all files of one source go together:
    where one of them cannot be used or is empty, none is imported and the earlier list stays.

    Parameters
    ----------
    files : paths                one workbook or CSV per institution and source, or several
    mapping : path, optional     headers and words laid over ``params/mappings/frame.yaml``
    institution, source : str    whose lists these are, where the files' names do not say
    stream : str                 "list" (drawn from) or "self_registered", where the files' names do not say; a file
        with the columns of an online form is refused until somebody does
    progress : callable          called with (done, total, institution_id)

    Raises
    ------
    ParameterError   the institution is not of this round, or a mapping file is wrong.
    StoreError       an institution's sample was drawn already. Nothing is imported then.
    """
    _check_arguments(setup, mapping, institution, source, stream)
    with one_writer(store.root.parent):
        opened = open_lists(files, setup, mapping, institution, source, stream)
        groups = _by_institution(opened.sheets)
        _refuse_after_draw(setup, store, groups)
        results: list[Listed] = []
        written: list[Path] = []
        replaced: list[dict[str, object]] = []
        for done, (institution_id, sheets) in enumerate(groups.items(), start=1):
            listed = [read_source(setup, source_sheets) for source_sheets in _by_source(sheets, setup.round.sources)]
            for where in opened.skipped:
                if where.institution_id == institution_id:
                    listed[0].issues.add(where._replace(source=where.source or listed[0].source), "sheet_skipped")
            for one in listed:
                one.people["person_id"] = person_ids(one.people, vault.secret("person_id"))
            replaced += _replaced(store.read_if_there("frame", institution_id), institution_id, listed)
            written += _keep(setup, store, vault, institution_id, listed)
            results += listed
            if progress:
                progress(done, len(groups), institution_id)
        names = all_names(one.issues.names for one in results)
        return FrameImport(
            counts=_stacked([one.counts for one in results], COUNTS),
            problems=_stacked([one.issues.table() for one in results], COLUMNS),
            failed=tuple(hidden(problem, names) for problem in opened.failed),
            written=tuple(written),
            summary={
                "replaced": replaced,
                **hidden(of_lists(_in_order(groups, setup), opened.skipped, results, setup), names),
            },
        )


def _check_arguments(
    setup: RoundSetup, mapping: Path | None, institution: str | None, source: str | None, stream: str | None
) -> None:
    """What is wrong for all files is said once, before any is opened."""
    frame_mapping(setup.workspace, institution, mapping).require_sources(setup.round.sources)
    if institution is not None:
        setup.require(institution)
    for what, given, known in (("source", source, tuple(setup.round.sources)), ("stream", stream, STREAMS)):
        if given is not None and given not in known:
            raise InputError(f"unknown {what}", got=given, expected=", ".join(known), hint=nearest(given, known))


def _by_institution(sheets: Sequence[ListSheet]) -> dict[str, list[ListSheet]]:
    return {
        code: [s for s in sheets if s.institution_id == code] for code in sorted({s.institution_id for s in sheets})
    }


def _in_order(groups: dict[str, list[ListSheet]], setup: RoundSetup) -> list[ListSheet]:
    """All sheets in the order in which their lists are read."""
    return [s for sheets in groups.values() for part in _by_source(sheets, setup.round.sources) for s in part]


def _by_source(sheets: Sequence[ListSheet], sources: Iterable[str]) -> list[list[ListSheet]]:
    return [found for source in sources if (found := [sheet for sheet in sheets if sheet.source == source])]


def _refuse_after_draw(setup: RoundSetup, store: Store, institutions: Iterable[str]) -> None:
    drawn = [
        Problem(
            "the sample was drawn from the list as it stands; the list may not change any more",
            file=f"data/{setup.round.round_id}/sample/{institution_id}.parquet",
            key=institution_id,
            hint="to start over, set the sample and its draw record aside and say so in the draw's log",
        )
        for institution_id in institutions
        if store.has("sample", institution_id)
    ]
    if drawn:
        raise StoreError(*drawn)


def _replaced(earlier: pd.DataFrame | None, institution_id: str, listed: list[Listed]) -> list[dict[str, object]]:
    """Of every list that takes the place of an earlier one: its people, and how many of them are listed again."""
    rows: list[dict[str, object]] = []
    for one in listed if earlier is not None else []:
        known = earlier.loc[earlier["source"] == one.source, "person_id"]
        if len(known) and len(one.people):
            again = int(known.isin(one.people["person_id"]).sum())
            rows.append({"institution_id": institution_id, "source": one.source, "earlier": len(known), "again": again,
                         "now": len(one.people)})  # fmt: skip
    return rows


def _keep(setup: RoundSetup, store: Store, vault: Vault, institution_id: str, listed: list[Listed]) -> list[Path]:
    """Write contacts, rejected rows, frame, record and the workbook of one institution.

    A list of which no row can be used never takes the place of an earlier one; what was wrong with it is said all the
    same.
    """
    round_id, old = setup.round.round_id, store.read_if_there("frame", institution_id)
    earlier = set() if old is None else set(old["source"])
    new = {one.source for one in listed if len(one.people) or one.source not in earlier}
    kept = [] if old is None else [old[~old["source"].isin(new)]]
    contacts = [
        vault.read_contacts(round_id, institution_id, s) for frame in kept for s in sorted(set(frame["source"]))
    ]
    for one in listed:
        vault.write_rejected(round_id, institution_id, one.source, one.rejected)
        vault.write_rejected(round_id, institution_id, f"{one.source}{AS_WRITTEN}", one.as_written)
        if one.source not in new:
            continue
        people = one.people.assign(institution_id=institution_id, source=one.source, also_listed_as=None)
        contacts.append(people[list(CONTACT_COLUMNS)].sort_values("person_id"))
        vault.write_contacts(round_id, institution_id, one.source, contacts[-1])
        banded = {f"{what}_band": tenure_bands(people[f"{what}_years"]) for what in TENURE}
        kept.append(people.assign(**banded)[list(CONTRACTS["frame"].columns)])
    if not new:
        return [_write_back(setup, store, institution_id, listed)]
    frame = _with_other_sources(
        pd.concat([frame.astype(object) for frame in kept if len(frame)] or kept),
        pd.concat(contacts),
        list(setup.round.sources),
    )
    _note_other_sources(setup, frame, listed, institution_id)
    path = store.write("frame", institution_id, checked("frame", frame, sources=setup.round.sources))
    return [path, _write_back(setup, store, institution_id, listed)]


def _with_other_sources(frame: pd.DataFrame, contacts: pd.DataFrame, sources: list[str]) -> pd.DataFrame:
    """The frame in a fixed order, with the other sources in which each person is listed."""
    contacts = contacts.reset_index(drop=True)
    others = contacts[["source", "person_id"]].assign(also_listed_as=also_listed(contacts, sources))
    merged = frame.drop(columns="also_listed_as").merge(others, on=["source", "person_id"], how="left", validate="1:1")
    merged["also_listed_as"] = merged["also_listed_as"].astype(object).where(merged["also_listed_as"].notna(), None)
    rank = {source: i for i, source in enumerate(sources)}
    return merged.sort_values(["source", "person_id"], key=lambda c: c.map(rank) if c.name == "source" else c)


def _note_other_sources(setup: RoundSetup, frame: pd.DataFrame, listed: list[Listed], institution_id: str) -> None:
    """A note at the row of every person who is listed in another source, too."""
    others = frame.set_index(["source", "person_id"])["also_listed_as"].dropna().to_dict()
    labels = {source: part.label for source, part in setup.round.sources.items()}
    for one in listed:
        for person, file, sheet, row in rows_of(one.people, ["person_id", "file", "sheet", "row"]):
            if (one.source, person) in others:
                where = Where(institution_id, one.source, file, sheet, row)
                named = [labels[source] for source in others[one.source, person].split()]
                words = {
                    f"others_{language}": ", ".join(label[language] for label in named) for language in SHEET_NAMES
                }
                one.issues.add(where, "also_listed", **words)


def _write_back(setup: RoundSetup, store: Store, institution_id: str, listed: list[Listed]) -> Path:
    """The workbook for the institution: the latest issues of all its sources, whichever call they came from."""
    record = store.read_record("frame_imports", institution_id) or {}
    for one in listed:
        problems = one.issues.table().astype(object)
        record[one.source] = {
            "counts": one.counts.to_dict("records"),
            "problems": problems.where(problems.notna(), None).to_dict("records"),
        }
    store.write_record("frame_imports", institution_id, record)
    sources = [source for source in setup.round.sources if source in record]
    counts = _stacked([pd.DataFrame(record[s]["counts"], columns=list(COUNTS)) for s in sources], COUNTS)
    problems = _stacked([pd.DataFrame(record[s]["problems"], columns=list(COLUMNS)) for s in sources], COLUMNS)
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
    title = f"Hasil pemeriksaan daftar responden: {setup.roster[institution_id].name}"
    return write_problem_book(folder / "frame_problems.xlsx", title, EXPLANATION, counts, problems)


def _stacked(tables: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Tables below one another; an empty table with the columns if there is none."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))
