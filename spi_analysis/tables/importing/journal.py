"""Which imports came in when, a trial that leaves nothing behind, and the last import taken back.

Before an import, what it may write is kept by links (no file is changed in place, so a link keeps what stood there);
afterwards only what it did write stays kept, until the next import. It lies beside the data, for their owner alone, and
goes when contacts are destroyed, somebody is forgotten, or the vault's key changes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spi_analysis.errors import StoreError
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.tables import (
    BEFORE_IMPORT,
    PRIVATE_FOLDER,
    TRIAL,
    Store,
    drop_before_import,
    make_folder,
    one_writer,
    passing_folder,
)
from spi_analysis.tables.importing.readers import in_order

JOURNAL = "imports"
ALL = "all"
KINDS = ("frame", "events", "responses")
WRITTEN = (*KINDS, *(f"{kind}_imports" for kind in KINDS), "frame_from")


@contextmanager
def on_trial(setup: RoundSetup) -> Iterator[RoundSetup]:
    """The round in a workspace of its own, which is gone afterwards: whatever is done there changes nothing here.

    The copies are made while nobody writes, so that who is being forgotten does not come to stand in them.
    """
    root = setup.workspace.root
    with passing_folder(root, TRIAL) as there:
        with one_writer(setup.workspace.data):
            _copy(root, there)
        yield load_setup(Workspace(there), setup.round.round_id, of=())


def _copy(root: Path, there: Path) -> None:
    """Links to all that an import reads: to files below data/ each, since it may put others in their place."""
    for path in root.iterdir():
        if path.name not in ("data", "outputs", "build") and not path.name.startswith("."):
            (there / path.name).symlink_to(path.resolve())
    for path in _files(Workspace(root).data):
        _link(path, there / path.relative_to(root))


@contextmanager
def remembered(setup: RoundSetup, kind: str, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Around an import: the entry of the journal (the import fills in its counts), and what stood there before."""
    root, before = setup.workspace.root, setup.workspace.data / BEFORE_IMPORT
    drop_before_import(setup.workspace.data)
    make_folder(before, PRIVATE_FOLDER)
    was = {path.relative_to(root): path.stat().st_ino for path in _may_change(setup)}
    for name in was:
        _link(root / name, before / name)
    entry: dict[str, Any] = {"kind": kind, "files": sorted(in_order(files).values())}
    yield entry
    now = {path.relative_to(root): path.stat().st_ino for path in _may_change(setup)}
    changed = {name for name in now if was.get(name) != now[name]}
    for name in was.keys() - changed:
        (before / name).unlink()
    if changed:
        _add(setup, entry | {"wrote": {name.as_posix(): _digest(root / name) for name in sorted(changed)}})


def imports_so_far(setup: RoundSetup) -> list[dict[str, Any]]:
    """All imports of the round in the order in which they came in."""
    store = Store(setup.workspace.data / setup.round.round_id)
    return list((store.read_record(JOURNAL, ALL) or {}).get("entries", []))


def take_back(setup: RoundSetup) -> dict[str, Any]:
    """Put back what stood there before the last import; the entry that was taken back.

    Raises
    ------
    StoreError   there is nothing to take back, a sample was drawn from the list, or what the import wrote was changed.
    """
    root = setup.workspace.root
    with one_writer(setup.workspace.data):
        entries = imports_so_far(setup)
        before = setup.workspace.data / BEFORE_IMPORT
        if not entries or entries[-1].get("taken_back") or not before.is_dir():
            raise StoreError(
                "there is no import that can be taken back",
                expected="the last import, not taken back yet, its state before still kept",
                hint="import the right files again: a list takes the place of the earlier one",
            )
        _refuse_changed(setup, entries[-1])
        for name in entries[-1]["wrote"]:
            (root / name).unlink()
            if (before / name).exists():
                _link(before / name, root / name)
        drop_before_import(setup.workspace.data)
        entries[-1]["taken_back"] = _now()
        Store(setup.workspace.data / setup.round.round_id).write_record(JOURNAL, ALL, {"entries": entries})
        return entries[-1]


def _refuse_changed(setup: RoundSetup, entry: dict[str, Any]) -> None:
    """What was built on the import, or written over it, would be left without its ground."""
    root, store = setup.workspace.root, Store(setup.workspace.data / setup.round.round_id)
    drawn = [code for code in entry.get("institutions", []) if entry["kind"] == "frame" and store.has("sample", code)]
    changed = [
        name for name, digest in entry["wrote"].items()
        if not (root / name).exists() or _digest(root / name) != digest
    ]  # fmt: skip
    if drawn or changed:
        raise StoreError(
            "the import cannot be taken back any more",
            got=f"a sample was drawn: {', '.join(drawn)}" if drawn else f"changed since: {', '.join(changed[:5])}",
            expected="nothing was built on it or written over it",
            hint="import the right files again" if not drawn else "the list of a drawn sample may not change",
        )


def _may_change(setup: RoundSetup) -> Iterator[Path]:
    """Files that an import may write: tables, records, the vault's entries of the round, workbooks of problems."""
    place, round_id = setup.workspace, setup.round.round_id
    for name in WRITTEN:
        yield from _files(place.data / round_id / name)
    yield from _files(place.data / "vault" / round_id)
    yield from sorted((place.outputs / round_id).glob("**/*_problems.xlsx"))


def _files(folder: Path) -> Iterator[Path]:
    """All whole files below a folder, without what an earlier import has left."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file() and path.name != ".lock" and BEFORE_IMPORT not in path.parts:
            yield path


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the two places are on different disks."""
    make_folder(target.parent, PRIVATE_FOLDER)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _add(setup: RoundSetup, entry: dict[str, Any]) -> None:
    entries = imports_so_far(setup)
    entries.append({"number": len(entries) + 1, "at": _now(), **entry})
    Store(setup.workspace.data / setup.round.round_id).write_record(JOURNAL, ALL, {"entries": entries})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
