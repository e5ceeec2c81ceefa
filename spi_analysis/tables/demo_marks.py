"""What marks a workspace as a demonstration, and the key of its vault."""

from __future__ import annotations

import hashlib
import json

from spi_analysis.params import Workspace
from spi_analysis.tables.files import write_json
from spi_analysis.tables.vault_key import KEY_BYTES, VaultKey

MARK = "demo.json"
SECRETS = ("person_id", "prn", "link_token")


def mark_demo(workspace: Workspace, seed: int) -> None:
    """Say that everything below data/ is generated."""
    write_json(workspace.data / MARK, {"seed": seed, "synthetic": True})


def demo_seed(workspace: Workspace) -> int | None:
    """The seed of the demo in this workspace; None where there is none."""
    path = workspace.data / MARK
    return int(json.loads(path.read_text(encoding="utf-8"))["seed"]) if path.exists() else None


def demo_key(seed: int) -> VaultKey:
    """The vault key of a demo: it follows from the seed, since generated people need no secret."""
    return VaultKey(hashlib.sha256(f"demo vault key {seed}".encode()).digest()[:KEY_BYTES])


def demo_secrets(seed: int) -> dict[str, bytes]:
    """Permanent secrets of the demo's vault, so that the same seed gives the same draw."""
    return {name: hashlib.sha256(f"demo secret {name} {seed}".encode()).digest() for name in SECRETS}
