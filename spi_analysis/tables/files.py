"""Files that appear whole or not at all."""

from __future__ import annotations

import csv
import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from filelock import FileLock, Timeout

from spi_analysis.errors import StoreError
from spi_analysis.tables.checksum import json_text, parquet_bytes, record_bytes
from spi_analysis.tables.neutral import neutral_table

# What is stored is for its owner alone, whatever the umask says.
PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of the disk says which file it is about: writing to a full one does not."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_DISK and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def whole_file(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A path to write to; on success it becomes ``path`` in one step, on an error nothing is left behind.

    Folders that are made for a private file are private, too.
    """
    make_folder(path.parent, PRIVATE_FOLDER if mode == PRIVATE else None)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        with naming(path):
            yield beside
            beside.chmod(mode)
            os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def make_folder(folder: Path, mode: int | None = None) -> None:
    """Make a folder with those above it; with ``mode`` all that are new get it, whatever the umask says."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in new if mode is not None else []:
        one.chmod(mode)


def make_private(root: Path) -> None:
    """A folder and all in it for its owner alone."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE)


def write_text(path: Path, text: str, mode: int = 0o644) -> Path:
    """Write a text file whole (UTF-8)."""
    with whole_file(path, mode) as beside:
        beside.write_text(text, encoding="utf-8")
    return path


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> Path:
    """Write a binary file whole."""
    with whole_file(path, mode) as beside:
        beside.write_bytes(content)
    return path


def write_json(path: Path, data: Any) -> Path:
    """Write JSON with sorted keys: the same data gives the same bytes."""
    return write_text(path, json_text(data))


def write_record(path: Path, record: Mapping[str, Any]) -> Path:
    """Write a JSON record whole, with a digest of all of it; ``stored_files.read_record`` looks at it."""
    return write_bytes(path, record_bytes(record), PRIVATE)


def write_parquet(path: Path, data: pd.DataFrame) -> Path:
    """Write a Parquet file whole, with a checksum of all of it; ``stored_files.read_table`` looks at it."""
    return write_bytes(path, parquet_bytes(data), PRIVATE)


def write_csv(path: Path, data: pd.DataFrame, mode: int = 0o644) -> Path:
    """Write a CSV whole: UTF-8 with a byte-order mark, so that spreadsheets read it right, and without formulas.

    The only way in which a CSV is written; what is released goes through ``page_figures.as_shown`` first.
    """
    table = neutral_table(data)
    with whole_file(path, mode) as beside:
        table.to_csv(beside, index=False, encoding="utf-8-sig", lineterminator="\n", quoting=_quoting(table))
    return path


def _quoting(table: pd.DataFrame) -> Literal[0, 2]:
    """Quotation marks where they are needed; around all texts where one holds a carriage return.

    The writer would leave that bare, and readers take it for the end of the row.
    """
    texts = (value for name in table.select_dtypes("object") for value in table[name] if isinstance(value, str))
    return csv.QUOTE_NONNUMERIC if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL


# One writer at a time: what is read, changed and written again must not be changed by another in between.

LOCK = ".lock"
_joined: set[Path] = set()


@contextmanager
def one_writer_in_parts(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for a command whose parts write on their own: here, and in processes that ``join_writer``.

    The parts must not write the same files: each has an institution of its own.
    """
    with one_writer(folder):
        join_writer(folder)
        try:
            yield
        finally:
            _joined.discard(folder.resolve())


def join_writer(folder: Path) -> None:
    """Say that this process is a part of the command that holds ``folder``: it need not ask for it again."""
    _joined.add(folder.resolve())


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold ``folder`` (the workspace's ``data``) for one command; the system lets go of it when the process ends.

    What lies there is about people: the folder is opened to its owner alone, also one that was made before or copied.

    Raises
    ------
    StoreError   another command is writing there. Nothing was changed then.
    """
    make_folder(folder, PRIVATE_FOLDER)
    if folder.resolve() in _joined:
        yield
        return
    lock = FileLock(folder / LOCK, mode=PRIVATE)
    try:
        folder.chmod(PRIVATE_FOLDER)
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(
            "another import, draw or change of key is running",
            file=f"{folder.name}/{LOCK}",
            expected="one at a time: each builds on what the one before has written",
            hint="wait until it has ended, then run this again; nothing was changed",
        ) from None
    try:
        yield
    finally:
        lock.release()
