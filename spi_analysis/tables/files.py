"""Files that appear whole or not at all."""

from __future__ import annotations

import csv
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from spi_analysis.errors import Problem, StoreError
from spi_analysis.tables.neutral_texts import neutral_table, neutral_value
from spi_analysis.tables.stored_files import json_text, parquet_bytes, record_bytes
from spi_analysis.threads import pd

# What is stored is for its owner alone, whatever the umask says.
PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
# With a byte-order mark.
_ENCODING = "utf-8-sig"
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

    A CSV is written by this or, from plain values, by ``write_csv_rows``; what is released goes through
    ``page_figures.as_shown`` first.
    """
    table = neutral_table(data)
    texts = chain.from_iterable(column for _, column in table.select_dtypes("object").items())
    with whole_file(path, mode) as beside:
        table.to_csv(beside, index=False, encoding=_ENCODING, lineterminator="\n", quoting=_quoting(texts))
    return path


def write_csv_rows(
    path: Path, headings: Sequence[str], rows: Iterable[Sequence[str | float | None]], mode: int = 0o644
) -> Path:
    """The same file from plain values, row by row: many small tables need no frame of pandas each."""
    cells = [[neutral_value(value) for value in row] for row in (headings, *rows)]
    with whole_file(path, mode) as beside, beside.open("w", encoding=_ENCODING, newline="") as file:
        csv.writer(file, lineterminator="\n", quoting=_quoting(chain.from_iterable(cells[1:]))).writerows(cells)
    return path


def _quoting(values: Iterable[object]) -> Literal[0, 2]:
    """Quotation marks where they are needed; around all texts where one holds a carriage return.

    The writer would leave that bare, and readers take it for the end of the row.
    """
    texts = (value for value in values if isinstance(value, str))
    return csv.QUOTE_NONNUMERIC if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL


# Names of folders that can be written down.


def require_text(*folders: Path) -> None:
    """Ledger, logs and pages are UTF-8: a folder whose name is none can be opened, but not written down.

    Raises
    ------
    StoreError   names the folders, with the bytes that are no text.
    """
    problems = [
        Problem(
            "the name of this folder is no text in UTF-8",
            file=str(folder).encode("utf-8", "backslashreplace").decode(),
            hint="rename it, or choose another (TMPDIR names the one for temporary files)",
        )
        for folder in folders
        if not _is_text(str(folder))
    ]
    if problems:
        raise StoreError(*problems)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
