"""What changed after the draw comes in: numbers and addresses put right, and objections. The draw stays as it is.

New numbers go into the vault, beside those of the list; the register (table ``contact_events``) says who got one, when
and by whom, and not which.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import (
    ContactMapping,
    PhoneRules,
    RoundSetup,
    codes_by_word,
    frame_mapping,
    load_mapping,
    normalised,
)
from spi_analysis.tables import (
    Store,
    Vault,
    add_changes,
    coded,
    log_objections,
    mask_email,
    mask_number,
    one_writer,
    read_emails,
    read_phones,
)
from spi_analysis.tables.importing.headers import HeaderWords
from spi_analysis.tables.importing.keeping import keep_results
from spi_analysis.tables.importing.logs import (
    Log,
    LogImport,
    Sampled,
    listed_by_code,
    note_headers,
    open_log,
    tokens_in,
)

TITLE = "Hasil pemeriksaan perubahan kontak"
CHANGES = ["person_id", "source", "change", "value"]
NEW = {"new_phone": "phone", "new_email": "email"}


def import_contacts(
    files: Iterable[Path],
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    *,
    reported_by: str,
    date: dt.date,
    mapping: Path | None = None,
    institution: str | None = None,
) -> LogImport:
    """Add new numbers, new addresses and objections to register and vault; what is known already changes nothing.

    Parameters
    ----------
    files : paths        lists as ``spi remind`` writes them, filled in: check code (or link token), new number, new
        address, objection
    reported_by : str    person, institution, vendor or operator
    date : date          day from which the new number counts: failures of the old one up to then are forgotten
    mapping : path, optional  columns and words laid over ``params/mappings/contacts.yaml``
    institution : str    refuse the people of all other institutions
    """
    if institution is not None:
        setup.require(institution)
    with one_writer(store.root.parent):
        words: ContactMapping = load_mapping(setup.workspace, "contacts", *([mapping] if mapping else []))
        nothing = frozenset(normalised(word) for word in words.nothing)
        log, sheets, failed = open_log(
            files, HeaderWords(words.fields, words.header), words.required, nothing, words.dates
        )
        book = listed_by_code(setup, store, vault, set(tokens_in(log.cells["token"])), institution)
        log.assign_owners(book, institution, unknown="unknown_check_code")
        note_headers(log, sheets)
        changes = _changes(log, words, frame_mapping(setup.workspace).phones)
        written = []
        for institution_id, theirs in changes.groupby("institution_id"):
            keep_changes(setup, store, vault, str(institution_id), theirs, reported_by, date)
            written.append(store.path("contact_events", str(institution_id)))
        result = keep_results("contacts", TITLE, log, failed, written, setup, store, vault)
        return replace(result, changes=len(changes))


def _changes(log: Log, words: ContactMapping, phones: PhoneRules) -> pd.DataFrame:
    """What every row asks for: institution_id, and CHANGES. A row that was left empty is accepted and asks for nothing:
    few of a list's people have a new number.
    """
    answers, found, empty = codes_by_word(words.opted_out), [], []
    cells = log.cells.reindex(columns=["phone", "email", "opted_out"]).astype(object).loc[list(log.owners)]
    for row, phone, email, objection in cells.itertuples():
        owner = log.owners[row]
        asked = [("new_phone", _read(log, row, "phone", phone, lambda cell: read_phones(cell, phones)))]
        asked.append(("new_email", _read(log, row, "email", email, read_emails)))
        asked.append(("opted_out", _objection(log, row, objection, answers)))
        rows = [
            (owner.institution_id, owner.person_id, owner.source, change, value) for change, value in asked if value
        ]
        if not rows and row not in log.flagged:
            empty.append(row)
        found += rows
        log.accepted.add(row)
    log.flag_together(empty, "nothing_new", "token")
    return pd.DataFrame(found, columns=["institution_id", *CHANGES])


def _read(log: Log, row: Any, name: str, cell: object, reader: Any) -> str | None:
    """The first usable contact of a cell; what cannot be used is flagged."""
    if not isinstance(cell, str | int | float) or pd.isna(cell):
        return None
    contacts = reader(cell)
    if contacts.problem:
        log.flag(row, contacts.problem, name)
    return contacts.values[0] if contacts.values else None


def _objection(log: Log, row: Any, cell: object, answers: dict[str, Any]) -> str | None:
    if cell is None or pd.isna(cell):
        return None
    answer = coded(cell, answers)
    if answer is None:
        log.flag(row, "unknown_objection", "opted_out")
    return "all" if answer == "yes" else None


def keep_changes(
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    institution_id: str,
    changes: pd.DataFrame,
    reported_by: str,
    date: dt.date,
) -> int:
    """Write what is new of the changes (CHANGES; ``value``: number, address, or scope of an objection).

    Returns
    -------
    How many were new.
    """
    at, new = pd.Timestamp(date), []
    for source, theirs in changes.groupby("source"):
        current = vault.current_contacts(setup.round.round_id, institution_id, str(source)).set_index("person_id")
        fresh = theirs[[_is_new(current, change) for change in theirs.itertuples()]]
        _correct(vault, setup.round.round_id, institution_id, str(source), fresh[fresh["change"].isin(list(NEW))], at)
        new.append(fresh)
    rows = (
        pd.concat(new)
        .drop_duplicates(["person_id", "source", "change"], keep="last")
        .assign(at=at, reported_by=reported_by)
    )
    rows["scope"] = rows["value"].where(rows["change"] == "opted_out", "round")
    rows = rows[~_registered(store, institution_id, rows)]
    if len(rows):
        add_changes(store, institution_id, rows[["person_id", "source", "change", "at", "scope", "reported_by"]])
    log_objections(store, institution_id, rows[rows["change"] == "opted_out"])
    return len(rows)


def _is_new(current: pd.DataFrame, change: Any) -> bool:
    return change.change not in NEW or current[NEW[change.change]].get(change.person_id) != change.value


def _registered(store: Store, institution_id: str, rows: pd.DataFrame) -> pd.Series:
    """Objections that are in the register already, from whatever day; a new number is always one more entry."""
    earlier = store.read_if_there("contact_events", institution_id)
    if earlier is None:
        return pd.Series(False, rows.index)
    keys = ["source", "person_id", "change", "scope"]
    known = pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(earlier[keys]))
    return pd.Series(known, rows.index) & rows["change"].eq("opted_out")


def _correct(
    vault: Vault, round_id: str, institution_id: str, source: str, new: pd.DataFrame, at: pd.Timestamp
) -> None:
    if new.empty:
        return
    rows = new[["person_id"]].assign(at=at)
    for change, column in NEW.items():
        rows[column] = new["value"].astype(object).where(new["change"] == change, None)
    earlier = vault.read_corrected(round_id, institution_id, source)
    # All texts: a column that is empty in one of the two would take the other's type along.
    both = pd.concat([earlier.astype(object), rows.astype(object)]).astype({"at": "datetime64[ns]"})
    vault.write_corrected(round_id, institution_id, source, both)


# Objections that come one by one: by the link's token, or by the number or address a message went to.


def opt_out(
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    institution_id: str,
    known_by: str,
    *,
    scope: str,
    reported_by: str,
    date: dt.date,
) -> int:
    """Enter an objection of one person of an institution's lists, in every source where the person is listed.

    ``known_by``: a link token, a check code, a phone number or an e-mail address.

    Returns
    -------
    How many entries are new (0: the register holds them already).

    Raises
    ------
    InputError   nobody is listed under it.
    """
    with one_writer(store.root.parent):
        people = _people_known_by(setup, store, vault, setup.require(institution_id), known_by)
        if not people:
            raise InputError(
                "nobody on this institution's lists is known by this token, number or address",
                got=_masked(known_by), expected="as it stands in an invitation file or on a list",
                hint="look whether the message came from another institution",
            )  # fmt: skip
        rows = [(person, source, "opted_out", scope) for person, source in sorted(people)]
        return keep_changes(setup, store, vault, institution_id, pd.DataFrame(rows, columns=CHANGES), reported_by, date)


def _people_known_by(
    setup: RoundSetup, store: Store, vault: Vault, institution_id: str, known_by: str
) -> set[tuple[str, str]]:
    (token,) = tokens_in([known_by])
    owner: Sampled | None = listed_by_code(setup, store, vault, {token}, institution_id).get(token)
    contacts = {*read_phones(known_by, frame_mapping(setup.workspace).phones).values, *read_emails(known_by).values}
    round_id, found = setup.round.round_id, set()
    for source in setup.round.sources:
        if vault.has_contacts(round_id, institution_id, source):
            for read in (vault.read_contacts, vault.read_corrected):
                table = read(round_id, institution_id, source)
                known = table.reindex(columns=["phone", "phone_2", "email", "email_2"]).isin(contacts).any(axis=1)
                same = known | (table["person_id"] == (owner.person_id if owner else ""))
                found |= {(person, source) for person in table.loc[same, "person_id"]}
    return found


def _masked(text: str) -> str:
    return mask_email(text) if "@" in text else mask_number(text)
