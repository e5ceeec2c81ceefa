"""The contact vault: names, numbers, addresses and permanent secrets, encrypted, outside every round.

    data/vault/vault.json                                        format, fingerprint of the key, state of a rotation
    data/vault/secrets.bin                                       person_id, prn, link_token: kept for good
    data/vault/<round>/contacts/<institution>__<source>.bin      Parquet, encrypted
    data/vault/<round>/rejected/<institution>__<source>.bin      rows that were turned away, with their contacts
    data/vault/<round>/rejected/<institution>__<source>_as_written.bin   rows kept, but for a contact in a text

How an entry is encrypted stands in `sealing`, where the key comes from in `vault_key`.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.errors import VaultError
from spi_analysis.tables.files import write_bytes, write_text
from spi_analysis.tables.locking import one_writer
from spi_analysis.tables.reading import read_table_bytes
from spi_analysis.tables.sealing import seal, sealed_with, unseal, unwrap, wrap
from spi_analysis.tables.vault_key import VaultKey

FORMAT = 1
SECRETS = ("person_id", "prn", "link_token")
SECRET_BYTES = 32
MIN_SECRET_BYTES = 16
NEEDED_COLUMNS = ("person_id", "name", "phone", "phone_2", "email")
CONTACT_COLUMNS = (
    "person_id",
    "institution_id",
    "source",
    "name",
    "phone",
    "phone_2",
    "email",
    "email_2",
    "employee_number",
)
STATE = "data/vault/vault.json"
RESTORE = "restore it from a backup"


@dataclass(frozen=True)
class Vault:
    """An open vault. ``keys``: the current key first; during a rotation also the one it replaces."""

    root: Path
    keys: tuple[VaultKey, ...] = field(repr=False)

    @classmethod
    def exists(cls, root: Path) -> bool:
        """Whether there is a vault."""
        return (root / "vault.json").exists()

    @classmethod
    def create(cls, root: Path, key: VaultKey, secrets: Mapping[str, bytes] | None = None) -> Vault:
        """Make a new vault with fresh permanent secrets.

        ``secrets`` gives them instead: for a generated demonstration, where all must come out the same twice.
        """
        if cls.exists(root) or any(root.glob("*/*/*.bin")):
            raise VaultError("there is a vault already", file="data/vault", hint="open it with its key")
        given = _checked_secrets(secrets) or {name: os.urandom(SECRET_BYTES) for name in SECRETS}
        vault = cls(root, (key,))
        vault._write("secrets", json.dumps({name: value.hex() for name, value in given.items()}).encode())
        _write_state(root, {"key": key.fingerprint})
        return vault

    @classmethod
    def open(cls, root: Path, key: VaultKey) -> Vault:
        """Open a vault with its key. While a rotation is unfinished the new key opens it, and reads every entry."""
        state = _read_state(root)
        if key.fingerprint == state["key"]:
            return cls(root, (key, *([unwrap(state["previous"], key)] if "previous" in state else [])))
        begun = state.get("previous_key") == key.fingerprint
        raise VaultError(
            "this key is being replaced; the change is not finished" if begun else "this is not the key of this vault",
            file="data/vault",
            got=f"key {key.fingerprint}",
            expected=f"key {state['key']}",
            hint="open it with the new key, or rotate again" if begun else "compare the key files' first lines",
        )

    @property
    def fingerprint(self) -> str:
        """Of the key that fits this vault."""
        return self.keys[0].fingerprint

    def secret(self, name: str) -> bytes:
        """A permanent secret: ``person_id``, ``prn`` or ``link_token``."""
        secrets = json.loads(self._read("secrets"))
        if name not in secrets:
            raise VaultError("unknown secret", got=name, expected=", ".join(SECRETS))
        return bytes.fromhex(secrets[name])

    def write_contacts(self, round_id: str, institution_id: str, source: str, contacts: pd.DataFrame) -> None:
        """Keep the contacts of one list; what was there before is replaced.

        ``contacts``: one row per person with at least person_id, name, phone, phone_2, email.
        """
        missing = [column for column in NEEDED_COLUMNS if column not in contacts]
        if missing:
            raise VaultError("contacts lack columns", got=", ".join(map(str, contacts)), expected=", ".join(missing))
        full = contacts.assign(institution_id=institution_id, source=source).reindex(columns=list(CONTACT_COLUMNS))
        self._write_table(_entry(round_id, "contacts", institution_id, source), full)

    def read_contacts(self, round_id: str, institution_id: str, source: str) -> pd.DataFrame:
        """The contacts of one list."""
        return self._read_table(_entry(round_id, "contacts", institution_id, source))

    def has_contacts(self, round_id: str, institution_id: str, source: str) -> bool:
        """Whether there are contacts of this list."""
        return self._path(_entry(round_id, "contacts", institution_id, source)).exists()

    def write_rejected(self, round_id: str, institution_id: str, what: str, rows: pd.DataFrame) -> None:
        """Keep rows that were turned away, as they came; ``what`` is a source, "events" or "responses"."""
        self._write_table(_entry(round_id, "rejected", institution_id, what), rows)

    def read_rejected(self, round_id: str, institution_id: str, what: str) -> pd.DataFrame:
        """Rows that were turned away."""
        return self._read_table(_entry(round_id, "rejected", institution_id, what))

    def has_rejected(self, round_id: str, institution_id: str, what: str) -> bool:
        """Whether rows of this kind were turned away before."""
        return self._path(_entry(round_id, "rejected", institution_id, what)).exists()

    @classmethod
    def rotate(
        cls, root: Path, old: VaultKey, new: VaultKey, progress: Callable[[int, int], None] | None = None
    ) -> Vault:
        """Encrypt every entry anew with another key; the permanent secrets stay the same.

        First the old key is kept in the vault, encrypted with the new one; from then on the new key alone reads all
        entries, done or not. Each entry is replaced in one step. Only when all are done is the old key dropped. If the
        work is interrupted, nothing is lost: call it again with the same keys and it goes on where it was.
        """
        with one_writer(root.parent):
            return cls._rotate(root, old, new, progress)

    @classmethod
    def _rotate(cls, root: Path, old: VaultKey, new: VaultKey, progress: Callable[[int, int], None] | None) -> Vault:
        begun = _read_state(root)["key"] == new.fingerprint
        vault = cls.open(root, new) if begun else cls.open(root, old)._begin_rotation(new)
        names = vault._names()
        for done, name in enumerate(names, start=1):
            if sealed_with(vault._path(name).read_bytes()) != new.fingerprint:
                vault._write(name, vault._read(name))
            if progress:
                progress(done, len(names))
        _write_state(root, {"key": new.fingerprint})
        return cls.open(root, new)

    def _begin_rotation(self, new: VaultKey) -> Vault:
        if len(self.keys) > 1:
            raise VaultError("another change of key is not finished", expected=f"a rotation to {self.fingerprint}")
        old = self.keys[0]
        _write_state(self.root, {"key": new.fingerprint, "previous_key": old.fingerprint, "previous": wrap(old, new)})
        return Vault.open(self.root, new)

    def _names(self) -> list[str]:
        # A name with a dot in front was left half-written by a killed process; its content stands whole elsewhere.
        files = (path for path in self.root.rglob("*.bin") if not path.name.startswith("."))
        return sorted(path.relative_to(self.root).with_suffix("").as_posix() for path in files)

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.bin"

    def _write_table(self, name: str, table: pd.DataFrame) -> None:
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        self._write(name, buffer.getvalue())

    def _read_table(self, name: str) -> pd.DataFrame:
        return read_table_bytes(self._read(name), self._path(name))

    def _write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        _make_private(path.parent, self.root)
        write_bytes(path, seal(self.keys[0], name, content), mode=0o600)

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        if not path.exists():
            raise VaultError("the vault has no such entry", file=f"data/vault/{name}", hint="import the list first")
        return unseal(self.keys, name, path.read_bytes())


def _entry(round_id: str, kind: str, institution_id: str, what: str) -> str:
    return f"{round_id}/{kind}/{institution_id}__{what}"


def _make_private(folder: Path, root: Path) -> None:
    """Folders of the vault that only their owner can enter."""
    folder.mkdir(parents=True, exist_ok=True)
    for inner in (folder, *folder.parents):
        if inner.is_relative_to(root):
            inner.chmod(0o700)


def _write_state(root: Path, state: dict[str, Any]) -> None:
    _make_private(root, root)
    text = json.dumps({"format": FORMAT, **state}, indent=1, sort_keys=True)
    write_text(root / "vault.json", f"{text}\n", mode=0o600)


def _read_state(root: Path) -> dict[str, Any]:
    try:
        state = json.loads((root / "vault.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VaultError("there is no contact vault", file="data/vault", hint="make one with Vault.create") from None
    except (OSError, ValueError):
        raise VaultError("the vault's state cannot be read", file=STATE, hint=RESTORE) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT or "key" not in state:
        raise VaultError("the vault is of another format", file=STATE, expected=f"format {FORMAT}", hint=RESTORE)
    return state


def _checked_secrets(secrets: Mapping[str, bytes] | None) -> dict[str, bytes] | None:
    if secrets is None:
        return None
    if set(secrets) != set(SECRETS):
        raise VaultError("these are not the vault's secrets", got=", ".join(secrets), expected=", ".join(SECRETS))
    if any(len(value) < MIN_SECRET_BYTES for value in secrets.values()):
        raise VaultError("a secret is too short", expected=f"at least {MIN_SECRET_BYTES} bytes")
    return dict(secrets)
