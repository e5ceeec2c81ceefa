"""Delivery logs of message platforms: their columns, people known by their telephone number, what a failure means.

A telephone number is looked up in the vault and goes no further: only the person's code is stored.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from spi_analysis.params import EventMapping, PhoneRules, RoundSetup, codes_by_word, normalised
from spi_analysis.tables import Store, Vault, read_phones, text_of
from spi_analysis.tables.importing.headers import HeaderWords
from spi_analysis.tables.importing.logs import Log, Sampled, sampled_by_token, tokens_in
from spi_analysis.tables.importing.platforms import Platform, cells_of, having, headings, named, telling
from spi_analysis.tables.importing.readers import Sheet

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
    keys = [token or _number(phone, rules) for token, phone in zip(tokens, cells["phone"], strict=True)]
    people = sampled_by_phone(setup, store, vault, {key for key in keys if key.startswith("+")}, only)
    book = {key: next(iter(found)) for key, found in people.items() if len(found) == 1}
    shared = {key: len(found) for key, found in people.items() if len(found) > 1}
    return keys, sampled_by_token(setup, store, vault, set(tokens), only) | book, shared


def _number(cell: object, rules: PhoneRules) -> str:
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
