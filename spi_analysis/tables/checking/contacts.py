"""The vault: is it there, does the key fit, and does it hold everyone's contacts?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from spi_analysis.errors import Problem, SpiError
from spi_analysis.params.setup import RoundSetup
from spi_analysis.params.workspace import Workspace
from spi_analysis.tables.checking.finding import Finding, Stage, findings_of
from spi_analysis.tables.store import WRITTEN_BY, Store
from spi_analysis.tables.vault import Vault
from spi_analysis.tables.vault_key import VaultKey

NEEDED_BY: tuple[Stage, ...] = ("import", "draw", "fieldwork")


def open_vault(workspace: Workspace, key: VaultKey | None) -> tuple[Vault | None, list[Finding]]:
    """The vault, opened with ``key`` or with the key that the environment names."""
    root = workspace.data / "vault"
    if not Vault.exists(root):
        problem = Problem("there is no contact vault yet", "data/vault", hint="run: spi vault init --key-file FILE")
        return None, [Finding("missing", NEEDED_BY, "", problem)]
    try:
        return Vault.open(root, key or VaultKey.load(workspace.root)), []
    except SpiError as error:
        return None, findings_of(error, NEEDED_BY)


def check_contacts(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> Iterator[Finding]:
    """Everyone on the lists, and above all everyone sampled, must have contacts in the vault."""
    round_id = setup.round.round_id
    people = pd.concat([_people(store, table, institution_id) for table in ("frame", "sample")]).drop_duplicates()
    for source, listed in people.groupby("source")["person_id"]:
        where = f"data/vault/{round_id}/contacts/{institution_id}__{source}"
        try:
            contacts = vault.read_contacts(round_id, institution_id, str(source))["person_id"]
        except SpiError as error:
            yield from findings_of(error, ("fieldwork",), institution_id)
            continue
        missing = int((~listed.isin(contacts)).sum())
        if missing:
            problem = Problem(
                "people of the frame or sample have no contacts in the vault",
                where,
                got=f"{missing} of {len(listed)} without contacts",
                hint=f"restore the vault of that time, or run again: {WRITTEN_BY['frame']}",
            )
            yield Finding("error", ("fieldwork",), institution_id, problem)


def _people(store: Store, table: str, institution_id: str) -> pd.DataFrame:
    """Who is in a table; a table that cannot be read is reported where tables are checked."""
    try:
        return store.read(table, institution_id)[["source", "person_id"]]
    except (SpiError, OSError, ValueError, KeyError):
        return pd.DataFrame(columns=["source", "person_id"])
