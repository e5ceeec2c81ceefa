"""Encryption of one entry of the vault: AES-256-GCM, bound to the entry's name.

Fernet would do for secrecy, but it cannot bind a ciphertext to its place: here the entry's name is authenticated with
it, so that the contacts of one institution cannot be put in the place of another's. A sealed entry begins with the
fingerprint of its key; that is what makes changing the key safe to interrupt.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spi_analysis.errors import VaultError
from spi_analysis.tables.vault_key import FINGERPRINT_LENGTH, VaultKey

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
