"""A checksum of a whole file, kept in the file itself: it is written in the same step, and cannot be left behind.

Parquet's own checksums cover the values of pages only: a byte changed in a page's head or in the names of the columns
is read as other values, without a word; JSON and SQLite have none. Here all bytes count. The checksum stands at a known
place, where a gap of the same length is written first. A file without one is not whole either: else a single changed
byte in the name of the checksum would hide all others.

CRC-32 finds every single changed byte, and takes a few milliseconds for the largest table; records, which are small,
carry SHA-256. Both guard against damage, not against people: a draw has its record and seal for that.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

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
