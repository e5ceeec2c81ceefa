"""What ends or goes wrong: copies for a lost disk, who asks to be forgotten, whose data leaked, contacts out of date.

Backup and restore take everything below data/ but the key of the vault, which is kept elsewhere. Whoever is forgotten
leaves vault and invitations; the rows that count in the statistics stay under a code that belongs to nobody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spi_analysis.errors import InputError, StoreError, VaultError
from spi_analysis.params import PhoneRules, RoundParams, RoundSetup, Workspace
from spi_analysis.tables.cells.contacts import read_phones
from spi_analysis.tables.cells.text import read_employee_number
from spi_analysis.tables.files import PRIVATE, make_private, naming, whole_file, write_csv, write_parquet
from spi_analysis.tables.identity import ID_LENGTH, answer_tokens, link_tokens
from spi_analysis.tables.invitations import REDIRECTS
from spi_analysis.tables.remains import (
    DRILL,
    RESTORED,
    clear_half_of,
    clear_remains,
    drop_before_import,
    passing_folder,
)
from spi_analysis.tables.schema import KEPT
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import PARQUET, RECORD, damaged, read_record, read_table, record_bytes
from spi_analysis.tables.vault import Vault, VaultKey
from spi_analysis.tables.writer_lock import one_writer
from spi_analysis.threads import pd

MANIFEST = "manifest.json"
SEALS = {".parquet": PARQUET, ".json": RECORD}
# Entry of the vault while somebody is being forgotten, and record of a round and institution afterwards.
FORGETTING, FORGOTTEN = "forgetting", "forgotten"
DESTROYED = "vault_destroyed"
CONTACTS = ("phone", "phone_2", "email", "email_2")


# Copies.


def back_up(workspace: Workspace, target: Path) -> int:
    """Write everything below data/ into one tar file, whole or not at all; gives the number of files.

    The same data give the same bytes. A damaged file is named instead of copied over the last good copy.

    Raises
    ------
    StoreError   the target exists, or lies below data/; a file is damaged; another command is writing.
    """
    if target.exists() or target.resolve().is_relative_to(workspace.data.resolve()):
        raise StoreError("a backup needs a new name outside data/", file=target.name, hint="name another file")
    with one_writer(workspace.data):
        clear_remains(workspace.data)
        clear_half_of(target)
        files = {path.relative_to(workspace.data).as_posix(): path for path in _stored(workspace.data)}
        contents = {name: _whole(path) for name, path in files.items()}
        with whole_file(target, PRIVATE) as beside:
            with tarfile.open(beside, "w") as archive:
                manifest = {"files": {name: _digest(content) for name, content in contents.items()}}
                for name, content in {MANIFEST: record_bytes(manifest), **contents}.items():
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = len(content), PRIVATE
                    archive.addfile(entry, io.BytesIO(content))
            dict(_entries(beside))
    return len(files)


def restore(workspace: Workspace, backup: Path) -> int:
    """Put a backup in the place of a data/ that holds nothing; every file is checked before any is put there.

    Raises
    ------
    StoreError   data/ holds files; the backup is damaged. Nothing was changed then.
    """
    with one_writer(workspace.data):
        if present := [path.name for path in _stored(workspace.data)]:
            raise StoreError(
                "data/ holds files already",
                got=f"{len(present)} files",
                expected="an empty data/",
                hint="move data/ to a safe place first; nothing was changed",
            )
        beside = workspace.root / RESTORED
        shutil.rmtree(beside, ignore_errors=True)
        n = _unpack(backup, beside)
        shutil.rmtree(workspace.data)
        os.replace(beside, workspace.data)
    return n


def drill(workspace: Workspace, backup: Path, key: VaultKey | None = None) -> pd.DataFrame:
    """Restore into a folder that goes away again, and read all of it: per kind the files and rows that came back.

    The folder lies in the workspace, where what a killed drill leaves is found.

    ``key``: a VaultKey; with it every entry of the vault is opened, too.
    """
    with passing_folder(workspace.root, DRILL) as folder:
        place = Workspace(folder)
        _unpack(backup, place.data)
        files = _stored(place.data)
        rows = [(path.parent.name, 1, len(read_table(path))) for path in files if path.suffix == ".parquet"]
        rows += [("records", 1, len(read_record(path))) for path in files if path.suffix == ".json"]
        if key is not None:
            vault = Vault.open(place.data / "vault", key)
            rows += [(f"vault: {name.split('/')[-2]}", 1, len(vault.table(name))) for name in vault.tables()]
    return pd.DataFrame(rows, columns=["what", "files", "rows"]).groupby("what", as_index=False).sum()


def _stored(data: Path) -> list[Path]:
    """Files below data/ without locks, kept copies and what a killed process left half-written."""
    found = (path for path in data.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(data).parts))


def _whole(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix in SEALS and not SEALS[path.suffix].is_whole(content):
        raise damaged(path, "its content is not that of its checksum")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _entries(backup: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a backup, each checked against the manifest; a missing or foreign one is damage, too."""
    try:
        with tarfile.open(backup, "r:") as archive:
            members = [(entry.name, archive.extractfile(entry)) for entry in archive if entry.isfile()]
            contents = {name: member.read() for name, member in members if member is not None}
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise damaged(backup, type(error).__name__, "the backup", "use another backup") from None
    manifest = contents.pop(MANIFEST, b"")
    if not RECORD.is_whole(manifest):
        raise damaged(backup, "its manifest is not that of its digest", "the backup", "use another backup")
    known = json.loads(manifest)["files"]
    for name in sorted({*known, *contents}):
        if known.get(name) != _digest(contents.get(name, b"")) or name not in contents or ".." in Path(name).parts:
            raise damaged(backup, f"{name} is not that of the manifest", "the backup", "use another backup")
        yield name, contents[name]


def _unpack(backup: Path, folder: Path) -> int:
    files = dict(_entries(backup))
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with naming(path):
            path.write_bytes(content)
    make_private(folder)
    return len(files)


# A person who asks to be forgotten.


@dataclass(frozen=True)
class Forgotten:
    """Entries of the vault, tables and invitation files that a person left; ``kept``: copies that still hold them."""

    entries: int
    tables: int
    invitations: int
    kept: tuple[str, ...]


def forget(workspace: Workspace, vault: Vault, person: str, rules: PhoneRules, on: dt.date) -> Forgotten:
    """Take a person out of vault and invitations of all rounds, and give the rows that remain a code of nobody.

    Interrupted, the next call finishes it first: what is to be done stands in the vault until it is done.

    Parameters
    ----------
    person : str   a phone number or an employee number, as people write it

    Raises
    ------
    InputError   nobody is listed under it, or people with different employee numbers are.
    """
    with one_writer(workspace.data):
        clear_remains(workspace.data, of_runs=True)
        if vault.has(FORGETTING):
            _finish(workspace, vault)
        vault.write_facts(FORGETTING, _plan(vault, person, rules) | {"on": on.isoformat()})
        return _finish(workspace, vault)


def _plan(vault: Vault, person: str, rules: PhoneRules) -> dict[str, object]:
    """Codes that the person has in any round, each with the one that takes its place, and all contacts."""
    numbers, number = set(read_phones(person, rules).values), read_employee_number(person).value
    lists = [vault.table(name) for name in vault.tables() if "/contacts/" in name]
    listed = pd.concat(lists, ignore_index=True) if lists else pd.DataFrame(columns=["person_id", "employee_number"])
    is_theirs = listed["employee_number"].eq(number) if number else pd.Series(False, listed.index)
    is_theirs |= listed.reindex(columns=["phone", "phone_2"]).isin(numbers).any(axis=1)
    rows = listed[listed["person_id"].isin(listed.loc[is_theirs, "person_id"])]
    known = sorted(set(rows["employee_number"].dropna()))
    if rows.empty or len(known) > 1:
        raise InputError(
            "nobody is listed under this number" if rows.empty else "several people are listed under this number",
            got=f"{len(known)} employee numbers" if len(known) > 1 else "",
            expected="the phone number or the employee number of one person",
            hint="ask for the employee number (NIP)" if len(known) > 1 else "compare it with the institution's list",
        )
    contacts = rows.reindex(columns=list(CONTACTS)).to_numpy().ravel()
    codes = {str(code): secrets.token_hex(ID_LENGTH // 2) for code in sorted(set(rows["person_id"]))}
    return {"codes": codes, "contacts": sorted({c for c in contacts if isinstance(c, str) and c}), "numbers": known}


def _finish(workspace: Workspace, vault: Vault) -> Forgotten:
    """Carry out what is planned; each file in one step, and a file that is done already stays as it is."""
    plan = vault.read_facts(FORGETTING)
    codes, contacts, numbers = dict(plan["codes"]), set(plan["contacts"]), set(plan["numbers"])
    rounds = sorted(path.parent for path in workspace.data.glob("*/schema.json"))
    tables = sum(_recode(path, codes) for root in rounds for path in sorted(root.glob("*/[!.]*.parquet")))
    for root in rounds:
        _note(Store(root), codes, str(plan["on"]))
    files = [path for root in rounds for path in sorted(root.glob("invitations/[!.]*.csv"))]
    invitations = sum(_uninvite(path, contacts) for path in files)
    for path in (path for root in rounds for path in sorted(root.glob(f"{REDIRECTS}/[!.]*.csv"))):
        _lead_nowhere(path, codes, vault.secret("link_token"))
    entries = sum(_leave(vault, name, codes, contacts, numbers) for name in vault.tables())
    drop_before_import(workspace.data)
    vault.drop(FORGETTING)
    kept = tuple(path.name for path in sorted(workspace.data.glob(f"{KEPT}/*")))
    return Forgotten(entries, tables, invitations, kept)


def _recode(path: Path, codes: dict[str, str]) -> bool:
    """A table with the new codes; rows that stood in the order of the codes do so again, or their place would tell."""
    table = read_table(path)
    if "person_id" not in table or not table["person_id"].isin(list(codes)).any():
        return False
    order = [name for name in ("source", "person_id") if name in table]
    source = pd.Categorical(table["source"], categories=table["source"].unique()) if "source" in table else None
    keyed = table.assign(**({"source": source} if source is not None else {}))
    new = keyed.assign(person_id=table["person_id"].replace(codes))
    if keyed[order].equals(keyed.sort_values(order, kind="stable")[order].set_axis(keyed.index)):
        new = new.sort_values(order, kind="stable")
    write_parquet(path, new.astype({name: table[name].dtype for name in order}).reset_index(drop=True))
    return True


def _note(store: Store, codes: dict[str, str], on: str) -> None:
    """On record beside the draw, since its digests fit no more: by the new code, which says nothing of the person."""
    for institution_id in store.institutions("frame"):
        frame = store.read("frame", institution_id, ["source", "person_id"])
        theirs = frame[frame["person_id"].isin(list(codes.values()))]
        if len(theirs):
            record = store.read_record(FORGOTTEN, institution_id) or {}
            said = {person: {"source": source, "on": on} for source, person in theirs.itertuples(index=False)}
            store.write_record(FORGOTTEN, institution_id, record | said)


def _uninvite(path: Path, contacts: set[str]) -> bool:
    people = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    # Files for a platform name their columns as it does: whatever cell holds a contact is looked for.
    theirs = _theirs(people.drop(columns=["token", "link"], errors="ignore"), contacts, set())
    if theirs.any():
        write_csv(path, people[~theirs], PRIVATE)
    return bool(theirs.any())


def _lead_nowhere(path: Path, codes: Iterable[str], secret: bytes) -> None:
    """Take the links of these people out of a table of redirects."""
    whose = (codes, path.parents[1].name, *path.stem.split("__")[:2], secret)
    tokens = {*link_tokens(*whose), *answer_tokens(*whose)}
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    theirs = table.map(lambda cell: any(token in cell for token in tokens)).any(axis=1)
    if theirs.any():
        write_csv(path, table[~theirs], PRIVATE)


def _leave(vault: Vault, name: str, codes: dict[str, str], contacts: set[str], numbers: set[str]) -> bool:
    """Take a person's rows out of an entry: by code, else (rows as they came) by whatever contact stands in a cell."""
    table = vault.table(name)
    coded = "person_id" in table
    theirs = table["person_id"].isin(list(codes)) if coded else _theirs(table, contacts, numbers)
    if theirs.any():
        vault.replace(name, table[~theirs].reset_index(drop=True))
    return bool(theirs.any())


def _theirs(table: pd.DataFrame, contacts: set[str], numbers: set[str]) -> pd.Series:
    """The rows in which any cell holds one of the contacts or numbers, however it is written."""
    marks = {_digits(one)[-9:] for one in contacts if one.startswith("+")} | {_digits(one) for one in numbers}
    words = {one.casefold() for one in contacts if "@" in one}
    return table.map(lambda cell: _holds(cell, marks - {""}, words)).any(axis=1)


def _holds(cell: object, marks: set[str], words: set[str]) -> bool:
    text = str(cell).casefold()
    return any(mark in _digits(text) for mark in marks) or any(word in text for word in words)


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


# A file that leaked: whose data are in it.

LEAKED = ("round_id", "institution_id", "source", "name", "phone", "email", "fields")
# Fewer digits are no telephone and no employee number, but a year or an amount.
LEAST_DIGITS = 8


def people_in(vault: Vault, cells: Iterable[object], rules: PhoneRules) -> pd.DataFrame:
    """Everyone in the vault of whom a file holds a name, number, address, code or link: one row each (``LEAKED``).

    ``fields`` names what was found. A name alone may be somebody else's; the row says that it is all there is.
    """
    texts = {str(cell).strip().casefold() for cell in cells if cell is not None} - {""}
    numbers = {text for text in texts if len(_digits(text)) >= LEAST_DIGITS}
    marks = texts | {phone for text in numbers for phone in read_phones(text, rules).values}
    marks |= {str(read_employee_number(text).value) for text in numbers}
    found = [_leaked_of(vault, name, marks) for name in vault.tables() if "/contacts/" in name]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(LEAKED))


def _leaked_of(vault: Vault, name: str, marks: set[str]) -> pd.DataFrame:
    """The people of one list who are in the file."""
    table, round_id = vault.table(name), name.split("/")[0]
    institution_id, source = name.split("/")[-1].rsplit("__", 1)
    whose = (table["person_id"], round_id, institution_id, source, vault.secret("link_token"))
    pairs = zip(link_tokens(*whose), answer_tokens(*whose), strict=True)
    token = [theirs if theirs in marks else ours for ours, theirs in pairs]
    fields = table.reindex(columns=["name", *CONTACTS, "employee_number", "person_id"]).assign(link=token)
    hits = fields.map(lambda cell: isinstance(cell, str) and cell.casefold() in marks)
    said = [", ".join(hits.columns[row]) for row in hits.to_numpy()]
    people = table.assign(round_id=round_id, institution_id=institution_id, source=source, fields=said)
    return people.loc[hits.any(axis=1).to_numpy(), list(LEAKED)]


# Contacts past their retention date.


def destroy_contacts(setup: RoundSetup, vault: Vault, today: dt.date) -> dict[str, object]:
    """Delete all that the vault and the invitations hold of a round; gives the certificate, kept as a record.

    Raises
    ------
    VaultError   the round's parameters name no date, or it has not come.
    """
    round_id, store = setup.round.round_id, Store(setup.workspace.data / setup.round.round_id)
    until = _retention(setup.round)
    if until is None or today <= until:
        raise VaultError(
            "the contacts of this round may not be destroyed yet" if until else "the round names no retention date",
            file=f"params/rounds/{round_id}.yaml",
            key="retention.contacts_until",
            got=f"{until}, and today is {today}" if until else "",
            expected="a date that has passed",
            hint="one person's data: spi forget PERSON",
        )
    with one_writer(setup.workspace.data):
        clear_remains(setup.workspace.data)
        names = [name for name in vault.tables() if name.startswith(f"{round_id}/")]
        before = store.read_record(DESTROYED, "vault") or {}
        facts = {"round_id": round_id, "retention_date": str(until), "key": vault.fingerprint}
        done = {"destroyed_on": str(today), "entries": {name: len(vault.table(name)) for name in names}}
        certificate = facts | done | before
        # First the certificate: a process that is killed below has begun what it says, and the next call ends it.
        store.write_record(DESTROYED, "vault", certificate)
        for name in names:
            vault.drop(name)
        for folder in (vault.root / round_id, store.root / "invitations", store.root / REDIRECTS):
            shutil.rmtree(folder, ignore_errors=True)
        drop_before_import(setup.workspace.data)
    return certificate


def retention_reminder(setup: RoundSetup, today: dt.date) -> str | None:
    """What is to be said once the retention date has passed and contacts of the round are still there."""
    until, folder = _retention(setup.round), setup.workspace.data / "vault" / setup.round.round_id
    if until is None or today <= until or not any(folder.rglob("*.bin")):
        return None
    return f"contacts of {setup.round.round_id} were to be kept until {until}: run spi vault destroy"


def _retention(round_: RoundParams) -> dt.date | None:
    return round_.retention.contacts_until if round_.retention else None
