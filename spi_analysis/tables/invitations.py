"""The file for the sender of the invitations: who gets which link. The only place where contacts leave the vault."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spi_analysis.errors import Problem, VaultError
from spi_analysis.params.setup import RoundSetup
from spi_analysis.tables.files import write_csv
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault

COLUMNS = ("token", "name", "phone", "email", "language")


def write_invitations(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> list[Path]:
    """Write ``data/<round>/invitations/<institution>__<source>.csv``, readable by its owner only.

    A reserve that was released later has a file of its own (``...__wave2.csv``): nobody is invited twice.

    The file carries a link token and never the person's code, so what the sender sees cannot be joined to answers.

    Raises
    ------
    VaultError   sampled people without contacts, for all sources at once. Nothing is written then.
    """
    sample = store.read("sample", setup.require(institution_id))
    lists, problems = {}, []
    for (source, wave), sampled in sample.groupby(["source", "wave"]):
        people = _with_contacts(setup, vault, institution_id, str(source), sampled)
        missing = int(people["name"].isna().sum())
        if missing:
            problems.append(_no_contacts(setup, institution_id, str(source), missing, len(people)))
        lists[f"{source}__wave{wave}" if wave > 1 else str(source)] = people
    if problems:
        raise VaultError(*problems)
    folder = store.root / "invitations"
    return [_write(folder / f"{institution_id}__{name}.csv", people) for name, people in lists.items()]


def _with_contacts(
    setup: RoundSetup, vault: Vault, institution_id: str, source: str, sampled: pd.DataFrame
) -> pd.DataFrame:
    round_id = setup.round.round_id
    contacts = pd.DataFrame(columns=["person_id", "name", "phone", "email"])
    if vault.has_contacts(round_id, institution_id, source):
        contacts = vault.read_contacts(round_id, institution_id, source)[list(contacts.columns)]
    people = sampled[["person_id"]].merge(contacts, on="person_id", how="left", validate="1:1")
    tokens = link_tokens(people["person_id"], round_id, institution_id, source, vault.secret("link_token"))
    # The order of the tokens is the order of nobody.
    return people.assign(token=tokens, language=setup.round.languages[0]).sort_values("token")


def _no_contacts(setup: RoundSetup, institution_id: str, source: str, missing: int, sampled: int) -> Problem:
    return Problem(
        "sampled people have no contacts in the vault",
        file=f"data/vault/{setup.round.round_id}/contacts/{institution_id}__{source}",
        got=f"{missing} of {sampled} people without contacts",
        expected="contacts of everyone who was sampled",
        hint="restore the vault that was there when the sample was drawn",
    )


def _write(path: Path, people: pd.DataFrame) -> Path:
    # A telephone number keeps its +; a name that a spreadsheet would run gets an apostrophe.
    return write_csv(path, people[list(COLUMNS)], mode=0o600)
