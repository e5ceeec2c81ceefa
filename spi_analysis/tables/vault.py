"""The contact vault: names, numbers, addresses and permanent secrets, encrypted, outside every round.

    data/vault/vault.json                                        format, fingerprint of the key, state of a rotation
    data/vault/secrets.bin                                       person_id, prn, link_token: kept for good
    data/vault/<round>/contacts/<institution>__<source>.bin      Parquet, encrypted
    data/vault/<round>/corrected/<institution>__<source>.bin     numbers and addresses that came after the draw
    data/vault/<round>/rejected/<institution>__<source>.bin      rows that were turned away, with their contacts
    data/vault/<round>/rejected/<institution>__<source>_as_written.bin   rows kept, but for a contact in a text

How an entry is encrypted stands in `sealing`, where the key comes from in `vault_key`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spi_analysis.errors import StoreError, VaultError
from spi_analysis.tables.files import PRIVATE, write_bytes, write_record, write_text
from spi_analysis.tables.remains import clear_remains, drop_before_import
from spi_analysis.tables.stored_files import read_record, read_table_bytes, without_half
from spi_analysis.tables.writer_lock import one_writer
from spi_analysis.threads import pd

# The key of the contact vault: where it comes from, where it may be kept, and how to tell keys apart.

KEY_BYTES = 32
FINGERPRINT_LENGTH = 19
VARIABLE = "SPI_VAULT_KEY"
FILE_VARIABLE = "SPI_VAULT_KEY_FILE"
HOW_TO = f"set {FILE_VARIABLE} to the key's file (outside the workspace), or {VARIABLE} to the key itself"


@dataclass(frozen=True)
class VaultKey:
    """A key of 32 random bytes. It is never shown; ``fingerprint`` may be written down beside the vault's name."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise VaultError(
                "this is not a vault key", got=f"{len(self.secret)} bytes", expected=f"{KEY_BYTES} bytes", hint=HOW_TO
            )

    @property
    def fingerprint(self) -> str:
        """Tells which key fits which vault; the key cannot be found from it."""
        digest = hashlib.sha256(b"spi vault key\0" + self.secret).hexdigest()
        return "-".join(digest[i : i + 4] for i in range(0, 16, 4))

    @property
    def text(self) -> str:
        """The key as it is written into a file or an environment variable."""
        return base64.urlsafe_b64encode(self.secret).decode()

    @classmethod
    def from_text(cls, text: str, where: str = "") -> VaultKey:
        """The key from its written form; lines that begin with # are comments."""
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        try:
            return cls(base64.b64decode("".join(lines), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            raise VaultError(
                "this is not a vault key",
                file=where,
                got="text that is not 44 characters of base64",
                expected="a key as create_key_file writes it",
                hint=HOW_TO,
            ) from None

    @classmethod
    def generate(cls) -> VaultKey:
        """A new key."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def load(cls, workspace: Path, path: Path | None = None, environ: Mapping[str, str] = os.environ) -> VaultKey:
        """The key from ``path``, else from SPI_VAULT_KEY, else from the file named by SPI_VAULT_KEY_FILE.

        A key is never made here: a vault whose key was made in passing is a vault that nobody can open tomorrow.
        A key file inside the workspace is refused, since key and vault would be copied, and lost, together.
        """
        if path is None and environ.get(VARIABLE):
            return cls.from_text(environ[VARIABLE], f"environment variable {VARIABLE}")
        if path is None and not environ.get(FILE_VARIABLE):
            raise VaultError("there is no key for the contact vault", hint=HOW_TO)
        return cls._from_file(path or Path(environ[FILE_VARIABLE]), workspace)

    @classmethod
    def _from_file(cls, path: Path, workspace: Path) -> VaultKey:
        refuse_inside(path, workspace)
        try:
            text = path.read_text(encoding="utf-8")
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError) as error:
            raise VaultError(
                "the key file cannot be read", file=path.name, got=type(error).__name__, hint=HOW_TO
            ) from None
        if os.name == "posix" and mode & 0o077:
            raise VaultError(
                "others can read the key file",
                file=path.name,
                got=f"mode {mode & 0o777:o}",
                expected="mode 600",
                hint=f"run: chmod 600 {path.name}",
            )
        return cls.from_text(text, path.name)

    def backup(self, path: Path, workspace: Path) -> Path:
        """Write the key to a second place outside the workspace (a safe, another machine); nothing is overwritten.

        Without the key the contacts are gone for good, and so are the permanent numbers that coordinate rounds.
        Keep two copies in two places, each labelled with the fingerprint that stands in its first line.
        """
        return _write_key(path, workspace, self)


def create_key_file(path: Path, workspace: Path) -> VaultKey:
    """Make a new key and write it to a file that only its owner can read, outside the workspace; never over a file."""
    key = VaultKey.generate()
    _write_key(path, workspace, key)
    return key


def refuse_inside(path: Path, workspace: Path) -> None:
    """Raise if a key would lie inside the workspace, links followed."""
    if path.resolve().is_relative_to(workspace.resolve()):
        raise VaultError(
            "a vault key may not be kept inside the workspace",
            file=path.name,
            got="a path inside the workspace",
            expected="a path outside it, best on another medium",
            hint="key and vault in one folder are copied, synchronised and stolen together",
        )


def _write_key(path: Path, workspace: Path, key: VaultKey) -> Path:
    refuse_inside(path, workspace)
    if path.exists():
        raise VaultError(
            "the key file exists already", file=path.name, expected="a new name", hint="a key is never overwritten"
        )
    return write_text(path, f"# key of an SPI contact vault, fingerprint {key.fingerprint}\n{key.text}\n", PRIVATE)


# Encryption of one entry of the vault: AES-256-GCM, bound to the entry's name.
#
# Fernet would do for secrecy, but it cannot bind a ciphertext to its place: here the entry's name is authenticated with
# it, so that the contacts of one institution cannot be put in the place of another's. A sealed entry begins with the
# fingerprint of its key; that is what makes changing the key safe to interrupt.

MAGIC = b"SPIVAULT"
HEAD_BYTES = len(MAGIC) + FINGERPRINT_LENGTH
NONCE_BYTES = 12
PREVIOUS = "previous key"


def seal(key: VaultKey, name: str, content: bytes) -> bytes:
    """Encrypt an entry under its name."""
    head, nonce = MAGIC + key.fingerprint.encode(), os.urandom(NONCE_BYTES)
    return head + nonce + AESGCM(key.secret).encrypt(nonce, content, head + name.encode())


def sealed_with(sealed: bytes) -> str:
    """Fingerprint of the key that an entry was encrypted with."""
    return sealed[len(MAGIC) : HEAD_BYTES].decode(errors="replace")


def unseal(keys: Iterable[VaultKey], name: str, sealed: bytes) -> bytes:
    """Decrypt an entry with whichever of the keys it was encrypted with."""
    fitting = [key for key in keys if key.fingerprint == sealed_with(sealed)]
    head, nonce, rest = (
        sealed[:HEAD_BYTES],
        sealed[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES],
        sealed[HEAD_BYTES + NONCE_BYTES :],
    )
    try:
        return AESGCM(fitting[0].secret).decrypt(nonce, rest, head + name.encode())
    except (IndexError, InvalidTag, ValueError):
        raise VaultError(
            "an entry of the vault cannot be opened",
            file=f"data/vault/{name}",
            got="a damaged entry, one put in another's place, or one of another key",
            expected="an entry of this name, sealed with this vault's key",
            hint="restore the file from a backup, or import the list again",
        ) from None


def wrap(key: VaultKey, by: VaultKey) -> str:
    """A key, encrypted with another key."""
    return base64.b64encode(seal(by, PREVIOUS, key.secret)).decode()


def unwrap(wrapped: str, by: VaultKey) -> VaultKey:
    """The key that was wrapped."""
    return VaultKey(unseal([by], PREVIOUS, base64.b64decode(wrapped)))


# The state of a vault of the first format has no digest; ``spi upgrade`` gives it one.
UNSEALED_FORMAT, FORMAT = 1, 2
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
    "tenure_years",
    "unit_tenure_years",
)
CORRECTED_COLUMNS = ("person_id", "phone", "email", "at")
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

    def write_corrected(self, round_id: str, institution_id: str, source: str, corrected: pd.DataFrame) -> None:
        """Keep the numbers and addresses that came after the draw, all of them, in the order in which they came.

        ``corrected``: person_id, phone, email (None where it did not change), at.
        """
        self._write_table(_entry(round_id, "corrected", institution_id, source), corrected[list(CORRECTED_COLUMNS)])

    def read_corrected(self, round_id: str, institution_id: str, source: str) -> pd.DataFrame:
        """The numbers and addresses that came after the draw; no row where none did."""
        entry = _entry(round_id, "corrected", institution_id, source)
        return self._read_table(entry) if self._path(entry).exists() else pd.DataFrame(columns=list(CORRECTED_COLUMNS))

    def current_contacts(self, round_id: str, institution_id: str, source: str) -> pd.DataFrame:
        """The contacts of one list, with the newest number and address of everyone in the place of the listed ones."""
        contacts = self.read_contacts(round_id, institution_id, source)
        newest = self.read_corrected(round_id, institution_id, source).groupby("person_id")[["phone", "email"]].last()
        for column in newest:
            new = contacts["person_id"].map(newest[column]).astype(object)
            contacts[column] = new.where(new.notna(), contacts[column])
        return contacts

    def write_rejected(self, round_id: str, institution_id: str, what: str, rows: pd.DataFrame) -> None:
        """Keep rows that were turned away, as they came; ``what`` is a source, "events" or "responses"."""
        self._write_table(_entry(round_id, "rejected", institution_id, what), rows)

    def read_rejected(self, round_id: str, institution_id: str, what: str) -> pd.DataFrame:
        """Rows that were turned away."""
        return self._read_table(_entry(round_id, "rejected", institution_id, what))

    def has_rejected(self, round_id: str, institution_id: str, what: str) -> bool:
        """Whether rows of this kind were turned away before."""
        return self._path(_entry(round_id, "rejected", institution_id, what)).exists()

    def tables(self) -> list[str]:
        """Names of all entries with rows of people: contacts and rejected rows of all rounds."""
        return [name for name in self._names() if "/" in name]

    def table(self, name: str) -> pd.DataFrame:
        """The rows of an entry, by the name that ``tables`` gives."""
        return self._read_table(name)

    def replace(self, name: str, table: pd.DataFrame) -> None:
        """Put other rows into an entry."""
        self._write_table(name, table)

    def has(self, name: str) -> bool:
        """Whether there is an entry of this name."""
        return self._path(name).exists()

    def drop(self, name: str) -> None:
        """Remove an entry."""
        self._path(name).unlink(missing_ok=True)

    def read_facts(self, name: str) -> dict[str, Any]:
        """Facts that are no table, such as what is being forgotten."""
        return dict(json.loads(self._read(name)))

    def write_facts(self, name: str, facts: Mapping[str, Any]) -> None:
        """Keep facts that are no table."""
        self._write(name, json.dumps(facts).encode())

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
            clear_remains(root.parent)
            drop_before_import(root.parent)
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
        # The content of what was left half-written stands whole elsewhere.
        files = without_half(self.root.rglob("*.bin"))
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
        write_bytes(self._path(name), seal(self.keys[0], name, content), PRIVATE)

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        if not path.exists():
            raise VaultError("the vault has no such entry", file=f"data/vault/{name}", hint="import the list first")
        return unseal(self.keys, name, path.read_bytes())


def _entry(round_id: str, kind: str, institution_id: str, what: str) -> str:
    return f"{round_id}/{kind}/{institution_id}__{what}"


def _write_state(root: Path, state: dict[str, Any]) -> None:
    write_record(root / "vault.json", {"format": FORMAT, **state})


def seal_state(root: Path) -> None:
    """Give the state of a vault of the first format its digest."""
    if Vault.exists(root) and (state := _read_state(root))["format"] == UNSEALED_FORMAT:
        _write_state(root, {name: value for name, value in state.items() if name != "format"})


def _read_state(root: Path) -> dict[str, Any]:
    path = root / "vault.json"
    if not path.exists():
        raise VaultError("there is no contact vault", file="data/vault", hint="make one with: spi vault init")
    state = _read_record(path, check=False)
    if state["format"] not in (UNSEALED_FORMAT, FORMAT):
        raise VaultError("the vault is of another format", file=STATE, expected=f"format {FORMAT}", hint=RESTORE)
    return state if state["format"] == UNSEALED_FORMAT else _read_record(path)


def _read_record(path: Path, check: bool = True) -> dict[str, Any]:
    try:
        return read_record(path, "the vault's state", RESTORE, ["format", "key"], check)
    except StoreError as error:
        raise VaultError(*error.problems) from None


def _checked_secrets(secrets: Mapping[str, bytes] | None) -> dict[str, bytes] | None:
    if secrets is None:
        return None
    if set(secrets) != set(SECRETS):
        raise VaultError("these are not the vault's secrets", got=", ".join(secrets), expected=", ".join(SECRETS))
    if any(len(value) < MIN_SECRET_BYTES for value in secrets.values()):
        raise VaultError("a secret is too short", expected=f"at least {MIN_SECRET_BYTES} bytes")
    return dict(secrets)
