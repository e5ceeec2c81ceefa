"""Which version of tables, columns and codes a round's store holds, and whether this code reads it.

The version stands in ``data/<round>/schema.json``. A store without it was written before there were versions: it is of
version 1. Whatever opens a store asks here first; ``upgrade`` brings an earlier one to today's.
"""

from __future__ import annotations

from pathlib import Path

from spi_analysis.errors import StoreError
from spi_analysis.tables.files import write_record
from spi_analysis.tables.stored_files import read_record, was_whole, without_half

# One more whenever stored tables, columns or codes change: with an entry in MIGRATIONS of ``upgrade``.
SCHEMA = 3
# From this version on every file carries a checksum of its bytes.
SEALED = 3
SCHEMA_FILE = "schema.json"
# Beside the rounds: what stores were before they were upgraded.
KEPT = ".kept"


def schema_of(root: Path) -> int:
    """The version of a store; an empty one is of today's."""
    path, what = root / SCHEMA_FILE, "the version of the store"
    if path.exists():
        found = int(read_record(path, what, keys=["schema"], check=False)["schema"])
        is_earlier = found < SEALED and was_whole(path.read_bytes())
        return found if is_earlier else int(read_record(path, what)["schema"])
    return 1 if any(root.glob("*/*")) else SCHEMA


def rounds_below(data: Path) -> list[Path]:
    """Stores of rounds, of whatever version; the vault is none."""
    folders = without_half(sorted(data.glob("*/")))
    return [root for root in folders if (root / SCHEMA_FILE).exists() or any(root.glob("*/*.parquet"))]


def mark_schema(root: Path) -> None:
    """Say that a store is of today's version, before anything else is written into it."""
    if not (root / SCHEMA_FILE).exists():
        write_record(root / SCHEMA_FILE, {"schema": SCHEMA})


def kept_path(root: Path, schema: int) -> Path:
    """Where a store is kept as it was before it was upgraded."""
    return root.parent / KEPT / f"{root.name}.schema-{schema}"


def interrupted(root: Path) -> Path | None:
    """What a store was, if an upgrade was cut off between putting it aside and the new one in its place."""
    kept = [] if root.exists() else sorted(root.parent.glob(f"{KEPT}/{root.name}.schema-*"))
    return kept[-1] if kept else None


def require_readable(root: Path) -> None:
    """Raise unless this code reads the store.

    Raises
    ------
    StoreError   it was written by an earlier version, or by a later one; an upgrade was cut off.
    """
    refuse_later(root)
    found = schema_of(root)
    if found < SCHEMA or interrupted(root):
        raise StoreError(
            "the upgrade of this round was interrupted"
            if interrupted(root)
            else "this round was made with an earlier version of the workbench",
            file=f"data/{root.name}",
            got="no round, and its kept copy" if interrupted(root) else f"schema {found}",
            expected=f"schema {SCHEMA}, which this version reads",
            hint=f"run: spi upgrade {root.name} (first with --dry-run: it says what would change)",
        )


def refuse_later(root: Path) -> None:
    """Raise if a later version wrote the store: nobody here knows what its columns mean."""
    if (found := schema_of(root)) > SCHEMA:
        raise StoreError(
            "this round was made with a later version of the workbench",
            file=f"data/{root.name}/{SCHEMA_FILE}",
            got=f"schema {found}",
            expected=f"schema {SCHEMA} or earlier",
            hint="use the version of the workbench that wrote it, or a later one",
        )
