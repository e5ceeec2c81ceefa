"""Random numbers that a seed fixes, apart for each stratum: what happens in one changes nothing in another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from spi_analysis.sampling.prn import _to_unit


def numbers_for(seed: int, stratum: str, count: int = 1) -> np.ndarray:
    """The first ``count`` numbers in (0, 1) of a stratum (Philox counter, keyed by seed and stratum)."""
    key = int.from_bytes(hashlib.sha256(f"{seed}\x1f{stratum}".encode()).digest()[:16], "big")
    return _to_unit(np.random.Philox(key=key).random_raw(count))


def numbers_of(seed: int, ids: Iterable[object]) -> np.ndarray:
    """One number in (0, 1) for each id, whatever the order of the rows: SHA-256 of seed and id."""
    words = b"".join(hashlib.sha256(f"{seed}\x1f{one}".encode()).digest()[:8] for one in ids)
    return _to_unit(np.frombuffer(words, dtype=">u8"))
