"""Who may be invited no more: whoever asked to be left alone, in any round; whoever has answered, refused or proved
ineligible in this one.

Nobody is taken out of the sample for it: draw, probabilities and denominators stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from spi_analysis.params import FieldworkParams, RoundSetup
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault

# Why somebody is left out, the weightiest reason first.
REASONS = {
    "opted_out": "asked not to be contacted (in this round or another)",
    "answered": "answered",
    "refused": "refused",
    "ineligible": "found ineligible",
    "broken_off": "began and broke off (to be reminded, not invited)",
}
OBJECTION = "opted_out"
CONTACTS = ("phone", "phone_2", "email", "email_2")


@dataclass(frozen=True)
class Barred:
    """``opted_out``: person codes; ``contacts``: their numbers and addresses; ``others``: source, person_id, reason."""

    opted_out: frozenset[str]
    contacts: frozenset[str]
    others: pd.DataFrame

    def reasons(self, people: pd.DataFrame, source: str) -> pd.Series:
        """Why each person of a source may not be invited (a key of ``REASONS``); None where he or she may.

        ``people`` (n, ...): person_id, and phone and email where they are known.
        """
        own = self.others[self.others["source"] == source].set_index("person_id")["reason"]
        reasons = people["person_id"].map(own).astype(object)
        known = people.reindex(columns=["phone", "email"]).isin(self.contacts).any(axis=1)
        reasons = reasons.mask(people["person_id"].isin(self.opted_out) | known, OBJECTION)
        return reasons.where(reasons.notna(), None)


def barred_people(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> Barred:
    """All who may not be invited to this round.

    An objection holds for every round, institution and source of the data folder, and for the number and the address
    it came from: it is about being contacted, not about one questionnaire. All else is said of one source of one round.
    """
    opted_out = frozenset[str]().union(*(_objections(path) for path in _event_files(store.root.parent)))
    contacts = _contacts_of(opted_out, store, vault, institution_id) if opted_out else frozenset[str]()
    fieldwork = setup.round_for(institution_id).fieldwork
    return Barred(opted_out, contacts, _of_this_round(store, institution_id, fieldwork))


def _event_files(data: Path) -> Iterator[Path]:
    """Every table of events, of whatever round."""
    for folder in sorted(data.glob("*/events")):
        store = Store(folder.parent)
        yield from (store.path("events", code) for code in store.institutions("events"))


def _objections(path: Path) -> frozenset[str]:
    """Person codes of those who opted out, in one table of events."""
    state = path.stat()
    return _read_objections(path, state.st_mtime_ns, state.st_ino)


@cache
def _read_objections(path: Path, changed: int, inode: int) -> frozenset[str]:
    """Read once for every state of the file: 640 institutions are invited one after another."""
    events = Store(path.parents[1]).read("events", path.stem, ["person_id", "event"])
    return frozenset(events.loc[events["event"] == OBJECTION, "person_id"])


def _contacts_of(people: frozenset[str], store: Store, vault: Vault, institution_id: str) -> frozenset[str]:
    """Numbers and addresses under which these people are listed by the institution, in any round that the vault keeps.

    Somebody may be listed with an employee number here and with a telephone there: two codes, one telephone.
    """
    found: set[str] = set()
    for folder in sorted(store.root.parent.glob("*/frame")):
        round_ = Store(folder.parent)
        for source in _sources(round_, institution_id):
            if vault.has_contacts(round_.root.name, institution_id, source):
                listed = vault.read_contacts(round_.root.name, institution_id, source)
                theirs = listed.loc[listed["person_id"].isin(people), list(CONTACTS)]
                found.update(value for value in theirs.to_numpy().ravel() if isinstance(value, str) and value)
    return frozenset(found)


def _sources(store: Store, institution_id: str) -> list[str]:
    if not store.has("frame", institution_id):
        return []
    return sorted(store.read("frame", institution_id, ["source"])["source"].unique())


def _of_this_round(store: Store, institution_id: str, fieldwork: FieldworkParams) -> pd.DataFrame:
    """What this round's events and answers say against inviting somebody again: the weightiest reason of each."""
    found = pd.concat([_by_answers(store, institution_id), _by_events(store, institution_id)], ignore_index=True)
    found = found[found["reason"].isin(["answered", *fieldwork.no_invitation_after])]
    rank = {reason: i for i, reason in enumerate(REASONS)}
    return found.sort_values("reason", key=lambda c: c.map(rank), kind="stable").drop_duplicates(
        ["source", "person_id"]
    )


def _by_answers(store: Store, institution_id: str) -> pd.DataFrame:
    answers = store.read_if_there("responses", institution_id)
    if answers is None:
        return pd.DataFrame(columns=["source", "person_id", "reason"], dtype=object)
    sent_off = answers["completed_at"].notna()
    return answers[["source", "person_id"]].assign(reason=sent_off.map({True: "answered", False: "broken_off"}))


def _by_events(store: Store, institution_id: str) -> pd.DataFrame:
    """The log may know of an answer that is not imported yet."""
    events = store.read_if_there("events", institution_id)
    if events is None:
        return pd.DataFrame(columns=["source", "person_id", "reason"], dtype=object)
    reasons = {"completed": "answered", "refused": "refused", "ineligible": "ineligible"}
    found = events[["source", "person_id"]].assign(reason=events["event"].map(reasons).astype(object))
    return found.dropna(subset=["reason"]).drop_duplicates()
