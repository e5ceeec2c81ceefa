"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

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
    """A path to write to; on success it becomes ``path`` in one step, on an error nothing is left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
    return write_text(path, json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_parquet(path: Path, data: pd.DataFrame) -> Path:
    """Write a Parquet file whole."""
    with whole_file(path) as beside:
        data.to_parquet(beside, index=False, compression="zstd")
    return path


def write_csv(path: Path, data: pd.DataFrame) -> Path:
    """Write a CSV whole (UTF-8 with a byte-order mark, so that spreadsheets read it right)."""
    with whole_file(path) as beside:
        data.to_csv(beside, index=False, encoding="utf-8-sig", lineterminator="\n")
    return path


def whole_counts(table: pd.DataFrame, counts: Sequence[str]) -> pd.DataFrame:
    """The columns ``counts`` (those that are there) as whole numbers, also where some are missing."""
    there = [column for column in counts if column in table]
    return table.assign(**{column: table[column].astype("Float64").astype("Int64") for column in there})
