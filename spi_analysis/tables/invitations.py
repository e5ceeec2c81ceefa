"""The file for the sender of the invitations: who gets which link. The only place where contacts leave the vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.errors import InputError, Problem, VaultError, nearest
from spi_analysis.params import RoundSetup
from spi_analysis.tables.files import PRIVATE, one_writer, write_csv
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.invitable import REASONS, barred_people, record_objections, with_contacts
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault

COLUMNS = ("token", "name", "phone", "email", "language")
# Where a person's token stands in the address that is sent to people.
PLACE = "{token}"


@dataclass(frozen=True)
class Invitations:
    """Who is invited, by the name of the file (token, name, phone, email, language), and who is left out.

    ``left_out``: one row per file and reason (a key of ``REASONS``) with the number of people.
    """

    lists: dict[str, pd.DataFrame]
    left_out: pd.DataFrame

    def write(self, store: Store, shape: str = "", link: str = "") -> list[Path]:
        """Write every file, in the place of an earlier one; one with nobody left to invite holds its header."""
        folder, tables = store.root / "invitations", self.shaped(shape, link)
        return [write_csv(folder / name, table, PRIVATE) for name, table in tables.items()]

    def shaped(self, shape: str = "", link: str = "") -> dict[str, pd.DataFrame]:
        """The files by their names, as a platform of ``SHAPES`` takes them in ("": the sender's own columns).

        ``link``: the address in which {token} stands for a person's token; it takes the token's place.

        Raises
        ------
        InputError   the platform is not known, or the address has no place for the token.
        """
        if shape and shape not in SHAPES:
            raise InputError("unknown platform", got=shape, expected=", ".join(SHAPES), hint=nearest(shape, SHAPES))
        if link and PLACE not in link:
            raise InputError("the address has no place for the token", got=link, expected=f"an address with {PLACE}")
        made = SHAPES.get(shape, _plain)
        return {
            f"{name.removesuffix('.csv')}__{shape}.csv" if shape else name: made(people, link)
            for name, people in self.lists.items()
        }

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
    setup: RoundSetup, store: Store, vault: Vault, institution_id: str, shape: str = "", link: str = ""
) -> tuple[Invitations, list[Path]]:
    """Write the files, and log the objections of people in the sample, to whom nothing is sent.

    ``shape``, ``link``: see ``Invitations.shaped``.
    """
    with one_writer(store.root.parent):
        invitations = prepare_invitations(setup, store, vault, institution_id)
        paths = invitations.write(store, shape, link)
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


# The columns that senders take in (docs/platforms.md). A telephone number keeps its +; a name that a spreadsheet would
# run gets an apostrophe.


def _links(people: pd.DataFrame, link: str) -> pd.Series:
    """What leads each person to the questionnaire: the address with the token in it, else the token."""
    return people["token"].map(lambda token: link.replace(PLACE, token) if link else token)


def _plain(people: pd.DataFrame, link: str) -> pd.DataFrame:
    table = people[list(COLUMNS)]
    return table.assign(token=_links(people, link)).rename(columns={"token": "link"}) if link else table


def _limesurvey(people: pd.DataFrame, link: str) -> pd.DataFrame:
    """LimeSurvey's participants; the platform makes the address itself."""
    names = {"firstname": people["name"], "lastname": "", "email": people["email"]}
    return pd.DataFrame(
        {**names, "token": people["token"], "language": people["language"], "attribute_1": people["phone"]}
    )


def _whatsapp(people: pd.DataFrame, link: str) -> pd.DataFrame:
    """The variables of a message template (name, address), for everyone with a number; the number without its +."""
    reached = people[people["phone"].notna()]
    numbers = reached["phone"].str.removeprefix("+")
    return pd.DataFrame(
        {
            "phone_number": numbers,
            "customer_name": reached["name"],
            "body_variable1": reached["name"],
            "body_variable2": _links(reached, link),
        }
    )


SHAPES: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {"limesurvey": _limesurvey, "whatsapp": _whatsapp}
