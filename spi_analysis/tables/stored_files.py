"""What the workbench itself has written carries a checksum, and is read here: damage is named, with the way out.

A full disk, a pulled cable or a bad copy leaves half a file or one with other bytes. The libraries then raise whatever
they meet first, in words about thrift, magic bytes or columns of a line of JSON; and a flipped byte may raise nothing
at all. So every file carries a checksum of itself, and all of them are read here. Without one a file is not read: a
round of an earlier version gets them by ``upgrade``.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spi_analysis.errors import Problem, SpiError, StoreError
from spi_analysis.threads import pd

# The checksum of a whole file stands in the file itself: it is written in the same step, and cannot be left behind.
#
# Parquet's own checksums cover the values of pages only: a byte changed in a page's head or in the names of the columns
# is read as other values, without a word; JSON and SQLite have none. Here all bytes count. The checksum stands at a
# known place, where a gap of the same length is written first. A file without one is not whole either: else a single
# changed byte in the name of the checksum would hide all others.
#
# CRC-32 finds every single changed byte, and takes a few milliseconds for the largest table; records, which are small,
# carry SHA-256. Both guard against damage, not against people: a draw has its record and seal for that.

KEY = b"spi_crc32"
# Where a record keeps the digest of all else in it.
RECORD_DIGEST = "file_digest"


@dataclass(frozen=True)
class Seal:
    """How a kind of file carries its checksum: what stands before it, its length, and how it is computed."""

    before: bytes
    length: int
    compute: Callable[[bytes], bytes]

    def applied(self, content: bytes) -> bytes:
        """The content with its checksum in the gap."""
        place = self._place(content)
        assert place is not None, "the content holds the gap"
        return self._with(content, place, self._checksum(content, place))

    def is_whole(self, content: bytes) -> bool:
        """Whether a file is as it was written."""
        place = self._place(content)
        return place is not None and content[place : place + self.length] == self._checksum(content, place)

    def is_in(self, content: bytes) -> bool:
        """Whether there is a checksum at all; files of earlier releases have none."""
        return self._place(content) is not None

    def _place(self, content: bytes) -> int | None:
        """The last place of its kind: metadata are at the end of a Parquet file."""
        at = content.rfind(self.before)
        return None if at < 0 else at + len(self.before)

    def _checksum(self, content: bytes, place: int) -> bytes:
        return self.compute(self._with(content, place, b"-" * self.length))

    def _with(self, content: bytes, place: int, text: bytes) -> bytes:
        return content[:place] + text + content[place + self.length :]


def checksum(content: bytes) -> bytes:
    """Eight hexadecimal digits."""
    return f"{zlib.crc32(content):08x}".encode()


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


# How the metadata's encoding (Thrift, compact) goes on after a key: a field of text, eight letters long.
PARQUET = Seal(KEY + b"\x18\x08", 8, checksum)
RECORD = Seal(f'"{RECORD_DIGEST}": "'.encode(), 64, _sha256)


def parquet_bytes(data: pd.DataFrame) -> bytes:
    """The table as a Parquet file (zstd) that carries its checksum."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(data, preserve_index=False)
    buffer = io.BytesIO()
    with_gap = table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: b"-" * PARQUET.length})
    pq.write_table(with_gap, buffer, compression="zstd")
    return PARQUET.applied(buffer.getvalue())


def record_bytes(record: Mapping[str, Any]) -> bytes:
    """The record as JSON that carries its digest; keys are sorted: the same record gives the same bytes."""
    return RECORD.applied(json_text({**record, RECORD_DIGEST: "-" * RECORD.length}).encode())


def was_whole(content: bytes) -> bool:
    """The same of a record of schema 1 or 2: its digest, if it has one, was that of what is read, not of the bytes."""
    record = json.loads(content)
    given = record.pop(RECORD_DIGEST, None)
    return given is None or given == _sha256(json.dumps(record, sort_keys=True).encode()).decode()


def json_text(data: Any) -> str:
    """JSON as all files of the workbench have it."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


# Reading.

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


def without_half(paths: Iterable[Path]) -> Iterator[Path]:
    """Files without those that a killed process left half-written: their names have a dot in front."""
    return (path for path in paths if not path.name.startswith("."))


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
        _refuse_earlier(path, content, seal)
        got = "its content is not that of its checksum" if seal.is_in(content) else "no checksum in it"
        raise damaged(path, got, what, hint)
    return content


def _refuse_earlier(path: Path, content: bytes, seal: Seal) -> None:
    """Raise the way to upgrade if the file is as an earlier version left it, and a round below data/ is of one, too.

    Files beside the rounds, such as the mark of a demo, are read before any round is opened and its version asked for.
    """
    # Here: a version is itself read by what stands above.
    from spi_analysis.tables.schema import SCHEMA_FILE, require_readable, rounds_below

    is_as_left = was_whole(content) if seal == RECORD else not seal.is_in(content)
    if is_as_left and path.name != SCHEMA_FILE and (data := _data_folder(path)):
        for root in rounds_below(data):
            require_readable(root)


def _data_folder(path: Path) -> Path | None:
    return next((folder for folder in path.parents if folder.name == "data"), None)


def read_table_bytes(content: bytes, path: Path, what: str = "", hint: str = RESTORE) -> pd.DataFrame:
    """The same from bytes, such as those of an entry of the vault; ``path`` is where they lie."""
    with reading(path, what, hint):
        return _parquet(content, None)


def table_shape(path: Path, what: str = "", hint: str = RESTORE) -> tuple[int, int]:
    """Rows and columns of a Parquet file, without making a table of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

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
    import pyarrow as pa
    import pyarrow.parquet as pq

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
