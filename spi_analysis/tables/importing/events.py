"""Logs of contact events in: what the vendor's systems say happened to each invitation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.params import EventMapping, RoundSetup, codes_by_word, frame_mapping, load_mapping, normalised
from spi_analysis.tables import CONTRACTS, OUT_OF_RANGE, Store, Vault, coded, one_writer
from spi_analysis.tables.importing.deliveries import DELIVERY_PLATFORMS, failures_settled, owners_by_token_or_phone
from spi_analysis.tables.importing.headers import HeaderWords
from spi_analysis.tables.importing.keeping import REPORT, flag_reports_of_answered, keep_results
from spi_analysis.tables.importing.logs import Log, LogImport, note_headers, open_log

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
