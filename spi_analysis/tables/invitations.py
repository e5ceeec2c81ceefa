"""The file for the sender of the invitations: who gets which link. The only place where contacts leave the vault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.errors import Problem, VaultError
from spi_analysis.params import RoundSetup
from spi_analysis.tables.files import PRIVATE, one_writer, write_csv
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.invitable import REASONS, barred_people, record_objections, with_contacts
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault

COLUMNS = ("token", "name", "phone", "email", "language")


@dataclass(frozen=True)
class Invitations:
    """Who is invited, by the name of the file (token, name, phone, email, language), and who is left out.

    ``left_out``: one row per file and reason (a key of ``REASONS``) with the number of people.
    """

    lists: dict[str, pd.DataFrame]
    left_out: pd.DataFrame

    def write(self, store: Store) -> list[Path]:
        """Write every file, in the place of an earlier one; one with nobody left to invite holds its header."""
        return [_write(store.root / "invitations" / name, people) for name, people in self.lists.items()]

    def said_of(self, name: str) -> str:
        """How many are in a file, and how many were left out, and why."""
        rows = self.left_out[self.left_out["file"] == name]
        reasons = "; ".join(
            f"{n:,} {REASONS[reason]}" for reason, n in zip(rows["reason"], rows["people"], strict=True)
        )
        return f"{len(self.lists[name]):,} invited" + (f"; left out: {reasons}" if reasons else "")


def write_invitations(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> list[Path]:
    """Write ``data/<round>/invitations/<institution>__<source>.csv``, readable by its owner only.

    See ``prepare_invitations`` for who is in it.
    """
    return issue_invitations(setup, store, vault, institution_id)[1]


def issue_invitations(
    setup: RoundSetup, store: Store, vault: Vault, institution_id: str
) -> tuple[Invitations, list[Path]]:
    """Write the files, and log the objections of people in the sample, to whom nothing is sent."""
    with one_writer(store.root.parent):
        invitations = prepare_invitations(setup, store, vault, institution_id)
        paths = invitations.write(store)
        record_objections(setup, store, vault, institution_id)
        return invitations, paths


def prepare_invitations(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> Invitations:
    """Everyone sampled who may still be invited (``invitable``), and how many may not.

    A reserve that was activated later has a file of its own (``...__wave2.csv``). A file written again holds only those
    who have not answered, refused or asked to be left alone meanwhile; they stay in the sample and in its denominators.

    The file carries a link token and never the person's code, so what the sender sees cannot be joined to answers.

    Raises
    ------
    VaultError   people to be invited without contacts, for all sources at once.
    """
    sample = store.read("sample", setup.require(institution_id))
    barred = barred_people(setup, store, vault, institution_id)
    lists, left_out, problems = {}, [], []
    for (source, wave), sampled in sample.groupby(["source", "wave"]):
        people = with_tokens(setup, vault, institution_id, str(source), sampled)
        reasons = barred.reasons(people, str(source))
        invited = people[reasons.isna()]
        missing = int(invited["name"].isna().sum())
        if missing:
            problems.append(_no_contacts(setup, institution_id, str(source), missing, len(invited)))
        name = f"{institution_id}__{source}__wave{wave}.csv" if wave > 1 else f"{institution_id}__{source}.csv"
        lists[name] = invited
        left_out += [(name, reason, int((reasons == reason).sum())) for reason in REASONS if (reasons == reason).any()]
    if problems:
        raise VaultError(*problems)
    return Invitations(lists, pd.DataFrame(left_out, columns=["file", "reason", "people"]))


def with_tokens(
    setup: RoundSetup, vault: Vault, institution_id: str, source: str, sampled: pd.DataFrame
) -> pd.DataFrame:
    """The people with their contacts and the tokens of their links, in the order of the tokens: that of nobody."""
    people = with_contacts(setup, vault, institution_id, source, sampled)
    secret = vault.secret("link_token")
    tokens = link_tokens(people["person_id"], setup.round.round_id, institution_id, source, secret)
    return people.assign(token=tokens, language=setup.round.languages[0]).sort_values("token")


def _no_contacts(setup: RoundSetup, institution_id: str, source: str, missing: int, sampled: int) -> Problem:
    return Problem(
        "sampled people have no contacts in the vault",
        file=f"data/vault/{setup.round.round_id}/contacts/{institution_id}__{source}",
        got=f"{missing} of {sampled} people without contacts",
        expected="contacts of everyone who is to be invited",
        hint="restore the vault that was there when the sample was drawn",
    )


def _write(path: Path, people: pd.DataFrame) -> Path:
    # A telephone number keeps its +; a name that a spreadsheet would run gets an apostrophe.
    return write_csv(path, people[list(COLUMNS)], PRIVATE)
