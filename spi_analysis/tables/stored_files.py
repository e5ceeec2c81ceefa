"""Reading what the workbench itself has written: a file that was cut short or damaged is named, with the way out.

A full disk, a pulled cable or a bad copy leaves half a file or one with other bytes. The libraries then raise whatever
they meet first, in words about thrift, magic bytes or columns of a line of JSON; and a flipped byte may raise nothing
at all. So every file carries a checksum of itself (``checksum``), and all of them are read here. Without one a file is
not read: a round of an earlier version gets them by ``upgrade``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from spi_analysis.errors import Problem, SpiError, StoreError
from spi_analysis.tables.checksum import PARQUET, RECORD, RECORD_DIGEST, Seal

# Folders that a path is told from.
_PLACES = ("data", "outputs", "notebooks")
MOST_LETTERS = 160
RESTORE = "restore the file from a backup"
AGAIN = f"{RESTORE}, or remove it and make it again: "


@contextmanager
def reading(path: Path, what: str = "", hint: str = RESTORE) -> Iterator[None]:
    """Whatever goes wrong inside while ``path`` is read becomes one StoreError about this file.

    To be put around nothing but the reading. Errors of the system (no such file, no right to read) stay what they are.

    Parameters
    ----------
    what : str   which table or record it is, such as "the table responses of kota-mojokerto"
    hint : str   how to get it back
    """
    try:
        yield
    except (SpiError, TimeoutError):
        # A clock that ends the reading says nothing about the file.
        raise
    except Exception as error:
        # Libraries also raise an OSError without a number, about the content and not the system.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise damaged(path, f"{type(error).__name__}: {_first_line(error, path)}", what, hint) from None


def damaged(path: Path, got: str, what: str = "", hint: str = RESTORE) -> StoreError:
    """The error about a file that is not as it was written."""
    return StoreError(
        Problem(
            f"{what or 'a file'} cannot be read: it was cut short, damaged or changed by hand",
            file=shown_place(path),
            got=got,
            expected="the file as the workbench wrote it",
            hint=hint,
        )
    )


def read_table(path: Path, columns: Sequence[str] | None = None, what: str = "", hint: str = RESTORE) -> pd.DataFrame:
    """A Parquet file, or some of its columns.

    Raises
    ------
    StoreError   the file is damaged, does not fit its checksum, or lacks a column.
    """
    with reading(path, what, hint):
        return _parquet(whole_bytes(path, PARQUET, what, hint), columns)


def whole_bytes(path: Path, seal: Seal, what: str = "", hint: str = RESTORE) -> bytes:
    """The content of a file that is as it was written."""
    content = path.read_bytes()
    if not seal.is_whole(content):
        got = "its content is not that of its checksum" if seal.is_in(content) else "no checksum in it"
        raise damaged(path, got, what, hint)
    return content


def read_table_bytes(content: bytes, path: Path, what: str = "", hint: str = RESTORE) -> pd.DataFrame:
    """The same from bytes, such as those of an entry of the vault; ``path`` is where they lie."""
    with reading(path, what, hint):
        return _parquet(content, None)


def table_shape(path: Path, what: str = "", hint: str = RESTORE) -> tuple[int, int]:
    """Rows and columns of a Parquet file, without making a table of it."""
    with reading(path, what, hint):
        facts = pq.read_metadata(pa.BufferReader(whole_bytes(path, PARQUET, what, hint)))
        return facts.num_rows, facts.num_columns


def read_record(
    path: Path, what: str = "", hint: str = RESTORE, keys: Sequence[str] = (), check: bool = True
) -> dict[str, Any]:
    """A JSON record without its digest.

    Parameters
    ----------
    keys : list of str   what must be in it
    check : bool         whether its content must be that of its digest; else it only has to be a record
    """
    with reading(path, what, hint):
        record = json.loads(whole_bytes(path, RECORD, what, hint) if check else path.read_bytes())
    if not isinstance(record, dict):
        raise damaged(path, f"a {type(record).__name__}, no record", what, hint)
    record.pop(RECORD_DIGEST, None)
    missing = [key for key in keys if key not in record]
    if missing:
        raise damaged(path, f"no {', '.join(missing)} in it", what, hint)
    return record


def read_results(path: Path, command: str) -> pd.DataFrame:
    """Results that a command kept as CSV."""
    with reading(path, "a table of results", f"{AGAIN}{command}"):
        return pd.read_csv(path)


def shown_place(path: Path) -> str:
    """The path as people know it: from data/, outputs/ or notebooks/ on, never a machine's full path."""
    parts = path.parts
    start = max((len(parts) - 1 - parts[::-1].index(place) for place in _PLACES if place in parts), default=-1)
    return "/".join(parts[start:])


def _parquet(content: bytes, columns: Sequence[str] | None) -> pd.DataFrame:
    # Not by pandas' reader, which is made for folders of files and takes a third longer for one small file.
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        missing = [name for name in columns or () if name not in file.schema_arrow.names]
        if missing:
            raise ValueError(f"no column {', '.join(missing)}")
        return file.read(columns, use_threads=False).to_pandas(use_threads=False)


def _first_line(error: Exception, path: Path) -> str:
    """The library's words without the machine's path."""
    line = (str(error).splitlines() or [""])[0].replace(str(path), path.name)
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 3] + "..."
