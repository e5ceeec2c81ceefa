"""What a result was made from, as one digest: an interrupted command goes on where it was, and repeats nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from spi_analysis.batch.digests import code_digest, file_digest
from spi_analysis.params import RoundSetup
from spi_analysis.tables.store import Store


def inputs_digest(setup: RoundSetup, institution_id: str, files: Iterable[Path], options: Iterable[str] = ()) -> str:
    """SHA-256 over the files' contents, the institution's parameters, the mappings, the code, and options."""
    mappings = sorted((setup.workspace.params / "mappings").glob("*.yaml"))
    parts = [
        code_digest(),
        setup.round_for(institution_id).model_dump_json(),
        setup.instrument.model_dump_json(),
        *(f"{path.name} {file_digest(path)}" for path in [*mappings, *sorted(files)]),
        *options,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_done(store: Store, name: str, institution_id: str, digest: str) -> bool:
    """Whether the result that record ``name`` speaks of was made from just these inputs."""
    return (store.read_record(name, institution_id) or {}).get("inputs") == digest


def keep_done(store: Store, name: str, institution_id: str, digest: str) -> None:
    """Remember what a result was made from."""
    store.write_record(name, institution_id, {"inputs": digest})
