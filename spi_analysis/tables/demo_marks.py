"""What marks a workspace as a demonstration, what in it the demo made, and the key of its vault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spi_analysis.errors import Problem, StoreError
from spi_analysis.params import RoundSetup, Workspace
from spi_analysis.tables.files import write_record
from spi_analysis.tables.schema import KEPT, SCHEMA_FILE
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import RESTORE, read_record, without_half
from spi_analysis.tables.vault import KEY_BYTES, VaultKey

MARK = "demo.json"
# Of a generated national round, which grows institution by institution: written first.
NATIONAL = "synth.json"
# Folder of the store with the digests of the lists that were generated, by institution.
GENERATED_LISTS = "generated_lists"
SECRETS = ("person_id", "prn", "link_token")
# Published results are no lists of people: a new demo keeps them.
PUBLISHED = "published.parquet"
# Folders that notebooks and later imports write into; all in them follows from the demo's lists and is made anew.
MADE_FROM_LISTS = (
    "events",
    "responses",
    "weights",
    "weights_from",
    "publications",
    "replicates",
    "estimates",
    "invitations",
    "reminders",
    "progress",
    "contact_events",
    "open_responses",
    "open_links",
    "contacts_imports",
    "corrected",
    "rejected",
)
REMAKE = f"{RESTORE}, or remove data/ and make the demo again: spi demo"
OWN_WORKSPACE = (
    "bring your own lists in a workspace of their own: spi init ../my-round, then there: spi vault init --key-file FILE"
    "; docs/first_real_round.md goes on from there"
)


def mark_demo(workspace: Workspace, seed: int) -> None:
    """Say that everything below data/ is generated. Written last: the mark means that the demo is whole."""
    made = {name: _digest(workspace.data / name) for name in _files(workspace.data)}
    write_record(workspace.data / MARK, {"seed": seed, "synthetic": True, "made": made})


def demo_seed(workspace: Workspace) -> int | None:
    """The seed of the generated people in this workspace (demo or national round); None where there are none."""
    mark = _mark(workspace) or national_mark(workspace)
    return int(mark["seed"]) if mark else None


def mark_national(workspace: Workspace, facts: dict[str, Any]) -> None:
    """Say that everything below data/ is a generated national round. Written first: all that follows is generated."""
    write_record(workspace.data / NATIONAL, {"synthetic": True, **facts})


def national_mark(workspace: Workspace) -> dict[str, Any]:
    """What a generated national round was made with (seed, scale, round); empty where there is none."""
    path = workspace.data / NATIONAL
    return read_record(path, "the mark of a generated round", keys=["seed"]) if path.exists() else {}


def keep_generated(store: Store, institution_id: str, lists: Iterable[Path]) -> None:
    """Remember the lists that were generated for an institution: only these may be imported among generated people."""
    store.write_record(GENERATED_LISTS, institution_id, {path.name: _digest(path) for path in lists})


def are_generated(store: Store, files: Iterable[Path]) -> bool:
    """Whether all files are lists that were generated for this round, unchanged."""
    records = without_half(sorted((store.root / GENERATED_LISTS).glob("*.json")))
    known = {digest for path in records for digest in read_record(path, "the record of generated lists").values()}
    return all(path.is_file() and _digest(path) in known for path in files)


def demo_is_whole(workspace: Workspace) -> bool:
    """Whether there is a demo, with everything that it made still there."""
    made = _mark(workspace).get("made", {})
    return bool(made) and all((workspace.data / name).is_file() for name in made)


def not_of_the_demo(workspace: Workspace) -> list[str]:
    """Files below data/ that no demo made: lists, draws, vaults of other people. A demo must not touch them.

    A frame or a draw that was written anew since counts, too: it may hold other people.
    """
    mark = _mark(workspace)
    if not mark and workspace.data.is_dir():
        # Even an empty folder says that a round has begun.
        return _files(workspace.data) or sorted(f"{path.name}/" for path in workspace.data.iterdir() if path.is_dir())
    made = mark.get("made", {})
    return [name for name in _files(workspace.data) if not _is_made(workspace.data, name, made)]


def _is_made(data: Path, name: str, made: dict[str, str]) -> bool:
    rounds = {Path(known).parts[0] for known in made} - {"vault"}
    *folders, file = Path(name).parts
    # Upgraded, a demo holds its version and what it was before.
    if folders and (folders[0] == KEPT or file == SCHEMA_FILE):
        return True
    if folders and folders[-1] in MADE_FROM_LISTS and rounds & set(folders):
        return True
    return name in made and made[name] == _digest(data / name)


def refuse_in_demo(workspace: Workspace, what: str) -> None:
    """Raise if the workspace is the demo's: its key follows from the seed, so real people must stay out."""
    if demo_seed(workspace) is not None:
        raise StoreError(
            f"{what} must not come into a workspace that holds the demo",
            file=f"data/{MARK if _mark(workspace) else NATIONAL}",
            got="generated data, and a vault whose key anybody can compute",
            expected="a workspace of its own for real people",
            hint=OWN_WORKSPACE,
        )


# How the parameters that the project carries, and the records drawn with them, name a value that is none.
PLACEHOLDERS = ("demonstration value", "nilai peragaan")


def is_demonstration_value(value: str, name: str) -> bool:
    """Whether a public value is the placeholder that the project carries: known to all before the lists are."""
    return not value.strip().strip("0") or is_demonstration_name(name)


def is_demonstration_name(name: str) -> bool:
    """Whether a public value is named as the one that the project carries."""
    return any(mark in name.casefold() for mark in PLACEHOLDERS)


def public_value_problem(setup: RoundSetup) -> Problem | None:
    """What is wrong with the public value of a real round's draw; None where it is one, or where this is the demo."""
    draw, workspace = setup.round.draw, setup.workspace
    name = draw.public_value_name.en
    if demo_seed(workspace) is not None or not is_demonstration_value(draw.public_value, name):
        return None
    return Problem(
        "the public value of the draw is still the demonstration value: whoever draws could have chosen the sample"
        if draw.public_value
        else "the public value of the draw is not filled in",
        file=f"params/rounds/{setup.round.round_id}.yaml",
        key="draw.public_value",
        got=f"{draw.public_value} ({name})",
        expected="a figure that nobody controls, named before it is known, and its date",
        hint="set public_value_name, public_value and public_value_date; docs/methods/draw.md says why",
    )


def demo_key(seed: int) -> VaultKey:
    """The vault key of a demo: it follows from the seed, since generated people need no secret."""
    return VaultKey(hashlib.sha256(f"demo vault key {seed}".encode()).digest()[:KEY_BYTES])


def demo_secrets(seed: int) -> dict[str, bytes]:
    """Permanent secrets of the demo's vault, so that the same seed gives the same draw."""
    return {name: hashlib.sha256(f"demo secret {name} {seed}".encode()).digest() for name in SECRETS}


def _mark(workspace: Workspace) -> dict[str, Any]:
    path = workspace.data / MARK
    return read_record(path, "the mark of the demo", REMAKE, keys=["seed"]) if path.exists() else {}


def _files(data: Path) -> list[str]:
    """Everything below data/ but the mark and the published results, by its path from there."""
    found = (path for path in without_half(data.rglob("*")) if path.is_file())
    names = (path.relative_to(data).as_posix() for path in found)
    return sorted(name for name in names if name not in (MARK, PUBLISHED))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
