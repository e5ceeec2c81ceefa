"""What a result was made from, as one digest: an interrupted command goes on where it was, and repeats nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import spi_analysis
from spi_analysis.params import RoundSetup
from spi_analysis.tables.store import Store


def inputs_digest(setup: RoundSetup, institution_id: str, files: Iterable[Path]) -> str:
    """SHA-256 over the files' contents, the institution's parameters, the mappings and the code."""
    mappings = sorted((setup.workspace.params / "mappings").glob("*.yaml"))
    parts = [
        _code(),
        setup.round_for(institution_id).model_dump_json(),
        setup.instrument.model_dump_json(),
        *(f"{path.name} {_content(path)}" for path in [*mappings, *sorted(files)]),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_done(store: Store, name: str, institution_id: str, digest: str) -> bool:
    """Whether the result that record ``name`` speaks of was made from just these inputs."""
    return (store.read_record(name, institution_id) or {}).get("inputs") == digest


def keep_done(store: Store, name: str, institution_id: str, digest: str) -> None:
    """Remember what a result was made from."""
    store.write_record(name, institution_id, {"inputs": digest})


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _code() -> str:
    folder = Path(spi_analysis.__file__).parent
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".yaml"))
    return "\n".join(f"{path.relative_to(folder)} {_content(path)}" for path in files)
