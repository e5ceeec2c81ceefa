"""Logs of contact events in: what the vendor's systems say happened to each invitation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.params import (
    EventMapping,
    PhoneRules,
    RoundSetup,
    codes_by_word,
    frame_mapping,
    load_mapping,
    normalised,
)
from spi_analysis.tables import CONTRACTS, OUT_OF_RANGE, Store, Vault, coded, one_writer, read_phones, text_of
from spi_analysis.tables.importing.headers import HeaderWords
from spi_analysis.tables.importing.keeping import REPORT, flag_reports_of_answered, keep_results
from spi_analysis.tables.importing.logs import (
    Log,
    LogImport,
    Sampled,
    note_headers,
    open_log,
    sampled_by_token,
    tokens_in,
)
from spi_analysis.tables.importing.platforms import Platform, cells_of, having, headings, named, telling
from spi_analysis.tables.importing.readers import Sheet

TITLE = "Hasil pemeriksaan catatan pengiriman"


def import_events(
    files: Iterable[Path],
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    *,
    mapping: Path | None = None,
    institution: str | None = None,
    only: str | None = None,
) -> LogImport | None:
    """Add contact events to the store. A file may hold several institutions: the token decides.

    Events imported before stay; the same event given again changes nothing. So a vendor may send the whole log every
    day or only what is new.

    Parameters
    ----------
    files : paths             CSV, XLSX, SPSS or Parquet: token or telephone number, event, time and, if known, channel;
        or a column per event, as platforms of `DELIVERY_PLATFORMS` write them
    mapping : path, optional  columns and words laid over ``params/mappings/events.yaml``
    institution : str         refuse tokens of all other institutions
    only : str                import nothing and return None unless every row is of this institution: then no other
        institution's tables are touched, and several such imports may run side by side
    """
    if institution is not None:
        setup.require(institution)
    with one_writer(store.root.parent):
        words: EventMapping = load_mapping(setup.workspace, "events", *([mapping] if mapping else []))
        nothing = frozenset(normalised(word) for word in words.nothing)
        header_words = HeaderWords(words.fields, words.header)
        log, sheets, failed = open_log(files, header_words, words.required, nothing, words.dates, DELIVERY_PLATFORMS)
        _read_labels(log, sheets)
        phones = frame_mapping(setup.workspace).phones
        keys, book, shared = owners_by_token_or_phone(log, setup, store, vault, phones, only)
        log.assign_owners(book, institution, keys=keys, shared=shared)
        if only and (failed or not len(log.cells) or len(log.owners) < len(log.cells)):
            return None
        note_headers(log, sheets)
        events = _events(log, setup, words)
        flag_reports_of_answered(log, events.index[events["event"] == REPORT], store)
        written = [
            store.write("events", str(institution_id), _with_earlier(store, str(institution_id), new))
            for institution_id, new in events.groupby("institution_id")
        ]
        return keep_results("events", TITLE, log, failed, written, setup, store, vault, sheets)


def _read_labels(log: Log, sheets: Iterable[Any]) -> None:
    """Put the words in the place of coded values (SPSS)."""
    for sheet, header, rows in sheets:
        for name, i in header.columns.items():
            if i in sheet.labels:
                labels = sheet.labels[i]
                log.cells.loc[rows, name] = [labels.get(cell, cell) for cell in log.cells.loc[rows, name]]


def _events(log: Log, setup: RoundSetup, words: EventMapping) -> pd.DataFrame:
    """Accepted events, by their row of the log; what cannot be read, or stands in the files twice, is turned away."""
    codes, channels = codes_by_word(words.events), codes_by_word(words.channels)
    found: dict[tuple[Any, ...], Any] = {}
    ours = [row for row in log.owners if row not in log.rejected]
    cells = log.cells.reindex(columns=["event", "at", "channel"]).loc[ours]
    events = {row: coded(cell, codes) for row, cell in cells["event"].items()}
    settled = failures_settled(log, ours, events, words)
    for row, _, at_cell, channel_cell in cells.itertuples():
        owner, event = log.owners[row], settled.get(row, events[row])
        at, problem = log.time_of(row, at_cell, words.times.zone, setup.round.fieldwork.start)
        if event is None:
            log.reject(row, "unknown_event", "event", known=", ".join(words.events))
        if at is None:
            log.reject(row, OUT_OF_RANGE if problem == OUT_OF_RANGE else "unreadable_time", "at")
        if row in log.rejected:
            continue
        channel = _channel(log, row, channel_cell, words.channel_of_event[event], channels)
        key = (owner.institution_id, owner.person_id, owner.source, event, at, channel)
        if key in found:
            log.reject(row, "repeated_event", "event", **log.place(found[key]))
        else:
            found[key] = row
            log.check_time(row, "at", at, setup, words.times)
    log.accepted = set(found.values())
    return pd.DataFrame(list(found), index=list(found.values()), columns=list(CONTRACTS["events"].columns))


def _channel(log: Log, row: Any, cell: object, usual: str, channels: dict[str, Any]) -> str:
    """The channel of an event: as written, else the usual one of such an event."""
    channel = coded(cell, channels) if isinstance(cell, str) else None
    if channel is None and isinstance(cell, str):
        log.flag(row, "unknown_channel", "channel", read_as=usual)
    return channel or usual


def _with_earlier(store: Store, institution_id: str, new: pd.DataFrame) -> pd.DataFrame:
    """Events known before and the new ones, each once, in a fixed order."""
    earlier = store.read_if_there("events", institution_id)
    events = new.assign(at=new["at"].astype("datetime64[ns]"))
    if earlier is not None:
        events = pd.concat([earlier.astype({"at": "datetime64[ns]"}), events])
    return events.drop_duplicates().sort_values(["source", "person_id", "at", "event", "channel"], ignore_index=True)


# Delivery logs of message platforms: their columns, people known by their telephone number, what a failure means.

FAILED = "failed"
NOT_SENT = "not_sent"


# Kaleyra: a row per message with a column per time; all times are UTC.


def _kaleyra(sheet: Sheet, words: HeaderWords) -> Sheet:
    ours = {"TO": "phone", "REASON_FOR_FAILURE": "error", "FROM": "ignored", "CREATED_AT": "ignored"}
    events = {"SENT_AT": "sent", "DELIVERED_AT": "delivered", "SEEN_AT": "read", "FAILED_AT": FAILED}
    incoming = {number: "inbound_message" for number, cell in cells_of(sheet, "message direction") if cell == "true"}
    return _wide(telling(sheet, set_aside=incoming, zone="UTC"), words, ours, events)


# Twilio: a row per message with its last status; the time is that of sending.


def _twilio(sheet: Sheet, words: HeaderWords) -> Sheet:
    ours = {"To": "phone", "From": "ignored", "SentDate": "at", "ErrorCode": "error", "Body": "ignored"}
    incoming = {n: "inbound_message" for n, cell in cells_of(sheet, "direction") if cell.lower() == "inbound"}
    return telling(sheet, names=_named(sheet, words) | ours, set_aside=incoming, zone="UTC")


# LimeSurvey's participants: the times of invitation, reminder and completion, "N" where there was none.


def _participants(sheet: Sheet, words: HeaderWords) -> Sheet:
    events = {"invited": "sent", "reminded": "sent", "completed": "completed"}
    left = tuple(number for number, cell in cells_of(sheet, "emailstatus") if cell.lower() == "optout")
    notes = (("opted_out_there", "token", left),) if left else ()
    rows = [tuple(None if cell == "N" else cell for cell in row) for row in sheet.rows]
    return _wide(telling(replace(sheet, rows=rows), notes=notes), words, {}, events)


def _named(sheet: Sheet, words: HeaderWords) -> dict[str, str]:
    return named(sheet, words, lambda label: iter([label]))


def _wide(sheet: Sheet, words: HeaderWords, ours: Mapping[str, str], events: Mapping[str, str]) -> Sheet:
    """A sheet with a column per event: those columns are read one by one, and are no fields."""
    found = {i: events[label] for i, label in enumerate(headings(sheet)) if label in events}
    return telling(sheet, names=_named(sheet, words) | dict.fromkeys(events, "ignored") | ours, events=found)


DELIVERY_PLATFORMS = (
    Platform("Kaleyra", having(["whatsapp id", "to", "sent at", "seen at"]), _kaleyra),
    Platform("Twilio", having(["to", "from", "status", "sentdate", "errorcode"]), _twilio),
    Platform("LimeSurvey (participants)", having(["tid", "emailstatus", "token", "invited"]), _participants),
)


# Whose telephone number it is.


def owners_by_token_or_phone(
    log: Log, setup: RoundSetup, store: Store, vault: Vault, rules: PhoneRules, only: str | None
) -> tuple[list[str], dict[str, Sampled], dict[str, int]]:
    """The key of every row (its token, else its number), whose each key is, and how many people share a number."""
    cells = log.cells.reindex(columns=["token", "phone"])
    tokens = tokens_in(cells["token"])
    keys = [token or number_of(phone, rules) for token, phone in zip(tokens, cells["phone"], strict=True)]
    people = sampled_by_phone(setup, store, vault, {key for key in keys if key.startswith("+")}, only)
    book = {key: next(iter(found)) for key, found in people.items() if len(found) == 1}
    shared = {key: len(found) for key, found in people.items() if len(found) > 1}
    return keys, sampled_by_token(setup, store, vault, set(tokens), only) | book, shared


def number_of(cell: object, rules: PhoneRules) -> str:
    """The number of a cell as E.164; what is no mobile number is its own text, which is nobody's."""
    text = "" if cell is None or cell != cell else text_of(cell)
    return next(iter(read_phones(text, rules).values), text) if text else ""


def sampled_by_phone(
    setup: RoundSetup, store: Store, vault: Vault, wanted: Collection[str], only: str | None = None
) -> dict[str, set[Sampled]]:
    """The wanted numbers with the sampled people who have them, or had them before they were put right."""
    book: dict[str, set[Sampled]] = defaultdict(set)
    for institution_id in (store.institutions("sample") if only is None else [only]) if wanted else []:
        for source, people in store.read("sample", institution_id).groupby("source")["person_id"]:
            whose = (setup.round.round_id, institution_id, str(source))
            for number, person in _numbers(vault, whose, set(people)):
                if number in wanted:
                    book[number].add(Sampled(institution_id, str(source), person))
    return dict(book)


def _numbers(vault: Vault, whose: tuple[str, str, str], people: Collection[str]) -> Iterator[tuple[str, str]]:
    """Every number of these people with its person."""
    if not vault.has_contacts(*whose):
        return
    for table in (vault.read_contacts(*whose), vault.read_corrected(*whose)):
        theirs = table[table["person_id"].isin(people)]
        for column in ("phone", "phone_2"):
            if column in theirs:
                known = theirs.loc[theirs[column].notna(), [column, "person_id"]]
                yield from known.itertuples(index=False, name=None)


# What a failure says of the person: a number that is none, somebody who wants no messages, or nothing at all.


def failures_settled(log: Log, rows: Iterable[Any], events: Mapping[Any, Any], words: EventMapping) -> dict[Any, str]:
    """The event of every row whose message failed, by its error code; a row that tells nothing of the person is out."""
    codes = codes_by_word(dict(words.errors))
    errors = log.cells.reindex(columns=["error"])["error"]
    settled = {}
    for row in rows:
        if events[row] != "invalid_number" or not (said := _said(errors[row])):
            continue
        meaning = next((codes[form] for form in said if form in codes), None)
        if meaning is None:
            log.reject(row, "unknown_error", "error", known=", ".join(words.errors))
        elif meaning == NOT_SENT:
            log.reject(row, "message_not_sent", "error")
        else:
            settled[row] = meaning
    return settled


def _said(cell: object) -> Sequence[str]:
    """The codes in an error, and its words; nothing for an empty cell."""
    text = "" if cell is None or cell != cell else text_of(cell)
    return [*re.findall(r"\d{3,6}", text), normalised(text)] if normalised(text) else []
