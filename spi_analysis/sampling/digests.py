"""Digests of people: of rows, of sets of rows, and sealed with a secret. They depend on no order of rows or columns."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

SAMPLE_LABEL = b"digest of a drawn sample, version 3\x00"
RECORD_LABEL = b"seal of a draw record, version 3\x00"
PRIVATE_LABEL = b"private part of a draw record\x00"
# A text begins with its length, so this is no text.
MISSING = "-"


def row_digests(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """SHA-256 of every row over these columns.

    Every value is written as its length, a colon and its text, a missing one as ``-``: what stands in one column
    cannot be moved into the next without another digest.
    """
    parts = [_fields(frame[c]) for c in columns]
    rows = map("".join, zip(*parts, strict=True))
    return pd.Series([hashlib.sha256(row.encode()).hexdigest() for row in rows], index=frame.index, dtype=object)


def set_digest(rows: Iterable[str]) -> str:
    """One digest for a set of rows, whatever their order."""
    return hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()


def sealed(digest: str, name: str, secret: bytes | None) -> str:
    """The digest of a sample, keyed: in a small stratum a plain one could be found by trying all samples."""
    return "" if secret is None else _keyed(secret, SAMPLE_LABEL + f"{name}\x00{digest}".encode())


def record_seal(record: Mapping[str, Any], secret: bytes) -> str:
    """A keyed digest of all of a record (but the seal): whoever lacks the secret can change nothing in it unseen."""
    return _keyed(secret, RECORD_LABEL + canonical({k: v for k, v in record.items() if k != "seal"}).encode())


def private_digest(facts: Mapping[str, Any], scope: str, secret: bytes) -> str:
    """What a record says of facts that are not published with it, keyed: few people's answers could be tried out."""
    return _keyed(secret, PRIVATE_LABEL + f"{scope}\x00{canonical(facts)}".encode())


def canonical(record: Mapping[str, Any]) -> str:
    """The one way to write a record as text: the same facts give the same text."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _keyed(secret: bytes, text: bytes) -> str:
    return hmac.digest(secret, text, "sha256").hex()


def _fields(column: pd.Series) -> list[str]:
    """Plain Python texts: pandas' own text type would turn the mark of a missing value into an empty text."""
    texts = [f"{len(text)}:{text}" for text in map(str, column.to_numpy(dtype=object).tolist())]
    for i in np.flatnonzero(column.isna().to_numpy()):
        texts[i] = MISSING
    return texts
