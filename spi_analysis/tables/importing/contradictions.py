"""Reports of ineligibility for people who answered: flagged whichever came in first, the report or the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from spi_analysis.tables import Store
from spi_analysis.tables.importing.logs import Log

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
