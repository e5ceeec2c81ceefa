"""What a killed command leaves behind: copies of data that nobody would look for, found, named and removed.

    .trial-*, .drill-*      beside data/: an import on trial, a backup that is read for a trial
    .data.restored          beside data/: a backup that was being put back
    data/.kept/*.new        a round that was being upgraded
    data/**/.name.x.ending  a file that was being written (`files.whole_file`)

A folder of a command that still runs holds a lock. What an import keeps so that it can be taken back is no remains; it
goes when somebody must not be there any more.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spi_analysis.errors import StoreError
from spi_analysis.tables.schema import KEPT
from spi_analysis.tables.store import WRITTEN_BY
from spi_analysis.tables.writer_lock import LOCK, one_writer

TRIAL, DRILL = ".trial-", ".drill-"
RESTORED = ".data.restored"
# What stood in the data before the last import (kept beside them, never in a backup).
BEFORE_IMPORT = ".before_import"
# Tables that notebooks write, whoever holds data/ meanwhile: the next run removes what an earlier one left of them.
_BY_RUNS = {table for table, command in WRITTEN_BY.items() if command.startswith("spi run")}
# Names that `files.whole_file` gives to what is not whole yet.
_HALF = re.compile(r"\..+\.[a-z0-9_]{8}(\.[A-Za-z0-9]+)?")


@contextmanager
def passing_folder(root: Path, prefix: str) -> Iterator[Path]:
    """A folder in ``root`` that goes away again; its lock tells whether the command that made it still runs."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=root) as name, one_writer(Path(name)):
        yield Path(name)


def drop_before_import(data: Path) -> None:
    """Remove what was kept so that the last import can be taken back: it may hold who must not be there any more."""
    if (data / BEFORE_IMPORT).is_dir():
        shutil.rmtree(data / BEFORE_IMPORT)


def left_behind(data: Path) -> list[Path]:
    """What killed commands left beside and below data/; none of its files while a command writes there."""
    folders = [folder for folder in _folders(data) if not _is_held(folder)]
    return folders + ([] if _is_held(data) else _below(data))


def clear_remains(data: Path, of_runs: bool = False) -> int:
    """Remove what killed commands left, and say how much it was; for the command that holds data/.

    ``of_runs``: also half tables of notebooks; none may be running.

    Raises
    ------
    StoreError   an import on trial, or a drill, is going on: its copies would outlive what is done here.
    """
    folders = _folders(data)
    if going := [folder.name for folder in folders if _is_held(folder)]:
        raise StoreError(
            "an import on trial or a drill is going on: it works on copies of the data",
            file=", ".join(going),
            hint="wait until it has ended, then run this again; nothing was changed",
        )
    found = [*folders, *_below(data, of_runs)]
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return len(found)


def clear_half_of(target: Path) -> None:
    """Remove what a killed command left of the same file, such as half a backup, beside it."""
    for path in target.parent.glob(".*"):
        if path.is_file() and _HALF.fullmatch(path.name) and path.name.startswith(f".{target.stem}."):
            path.unlink()


def _folders(data: Path) -> list[Path]:
    hidden = (path for path in sorted(data.parent.glob(".*")) if path.is_dir() and not path.is_symlink())
    return [path for path in hidden if path.name == RESTORED or path.name.startswith((TRIAL, DRILL))]


def _below(data: Path, of_runs: bool = False) -> list[Path]:
    """Half-written files and half upgrades; kept copies are whole."""
    kept = (data / KEPT, data / BEFORE_IMPORT)
    hidden = (path for path in data.rglob(".*") if not any(path.is_relative_to(place) for place in kept))
    half = [path for path in hidden if path.is_file() and _HALF.fullmatch(path.name)]
    half = [path for path in half if of_runs or path.parent.name not in _BY_RUNS]
    return sorted([*half, *(data / KEPT).glob("*.new")])


def _is_held(folder: Path) -> bool:
    """Whether a living command holds the folder; also where that cannot be told."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except (Timeout, OSError):
        return True
