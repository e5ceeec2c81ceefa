"""A checksum of a whole Parquet file, kept in the file itself.

Parquet's own checksums cover the values of pages only: a byte changed in a page's head or in the names of the columns
is read as other values, without a word. Here all bytes count. The checksum stands in the file's metadata, written as
a gap of the same length first; CRC-32 finds every single changed byte, and takes a few milliseconds for the largest
table. It guards against damage, not against people: a draw has its record and seal for that.
"""

from __future__ import annotations

import io
import zlib

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

KEY, GAP = b"spi_crc32", b"-" * 8
# How the metadata's encoding (Thrift, compact) goes on after a key: a field of text, eight letters long.
_AT = KEY + b"\x18\x08"


def parquet_bytes(data: pd.DataFrame) -> bytes:
    """The table as a Parquet file (zstd) that carries its checksum."""
    table = pa.Table.from_pandas(data, preserve_index=False)
    buffer = io.BytesIO()
    with_gap = table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: GAP})
    pq.write_table(with_gap, buffer, compression="zstd")
    content = buffer.getvalue()
    place = _place(content)
    assert place is not None, "the metadata holds the gap"
    return _with(content, place, checksum(content))


def is_whole(content: bytes) -> bool:
    """Whether a file is as it was written; also of one that carries no checksum (an earlier release's)."""
    place = _place(content)
    if place is None:
        return True
    return content[place : place + len(GAP)] == checksum(_with(content, place, GAP))


def checksum(content: bytes) -> bytes:
    """Eight hexadecimal digits."""
    return f"{zlib.crc32(content):08x}".encode()


def _place(content: bytes) -> int | None:
    """Where the checksum stands: the last place of its kind, since the metadata are at the end of the file."""
    at = content.rfind(_AT)
    return None if at < 0 else at + len(_AT)


def _with(content: bytes, place: int, text: bytes) -> bytes:
    return content[:place] + text + content[place + len(text) :]
