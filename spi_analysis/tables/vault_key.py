"""The key of the contact vault: where it comes from, where it may be kept, and how to tell keys apart."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spi_analysis.errors import VaultError
from spi_analysis.tables.files import write_text

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
        """The key from its written form; lines that begin with # are remarks."""
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
    return write_text(path, f"# key of an SPI contact vault, fingerprint {key.fingerprint}\n{key.text}\n", mode=0o600)
