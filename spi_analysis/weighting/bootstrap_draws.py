"""Who is drawn how often in a bootstrap: made from counter-based seeds, a few strata at a time, and never all at once.

Every stratum has a stream of its own (Philox with the key [seed, stratum]). Its integers are
turned into uniform choices by Lemire's exact method with our own arithmetic, so that the
draws depend on neither platform, version, order of work nor the number of replicates asked for.

References
----------
Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3; Lemire (2019), ACM Transactions on
Modeling and Computer Simulation 29.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.inputs import is_whole

# Numbers of one block: 2 MB as floats, which the processor's cache can hold.
BLOCK = 2**18
# Draws from at most this many units use 16 random bits (fewer than 1 in 16 is thrown away), others 32.
SMALL = 2**12


@dataclass(frozen=True)
class Draws:
    """How often each primary unit is drawn: n_h - 1 draws with replacement per stratum and replicate.

    ``sizes`` (H,) units per stratum; ``active`` (H,) False where nothing is drawn (a lone unit, a
    census); ``counts`` (U, R) uint8: the draws themselves, when kept, one byte each.
    """

    sizes: np.ndarray
    active: np.ndarray
    n_replicates: int
    seed: int
    counts: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not is_whole(self.seed) or not 0 <= self.seed < 2**64:
            raise WeightingError("the seed is out of range", got=str(self.seed), expected="a whole number below 2**64")
        if not is_whole(self.n_replicates) or self.n_replicates < 1:
            raise WeightingError(
                "there are no replicates", got=str(self.n_replicates), expected="a whole number above 0"
            )

    def chunks(self) -> Iterator[Chunk]:
        """Consecutive strata, as many as fit into one block (at least one)."""
        ends = np.concatenate([[0], np.cumsum(self.sizes)])
        start = 0
        while start < len(self.sizes):
            room = ends[start] + max(BLOCK // self.n_replicates, 1)
            stop = max(int(np.searchsorted(ends, room, side="right")) - 1, start + 1)
            yield Chunk(self, range(start, stop), slice(int(ends[start]), int(ends[stop])))
            start = stop

    def kept(self) -> Draws:
        """The same draws, held in memory: one byte per unit and replicate."""
        counts = np.empty((int(self.sizes.sum()), self.n_replicates), dtype=np.uint8)
        for chunk in self.chunks():
            for replicates, block in chunk.blocks(np.uint8):
                counts[chunk.units, replicates] = block
        return replace(self, counts=counts)


@dataclass(frozen=True)
class Chunk:
    """Some consecutive strata; ``units`` is the range of their primary units."""

    draws: Draws
    strata: range
    units: slice

    def blocks(self, dtype: type = float) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of replicates, with the draws (units, replicates) in each; one block unless a stratum is huge."""
        n_units, n_replicates = self.units.stop - self.units.start, self.draws.n_replicates
        width = min(max(BLOCK // n_units, 8), n_replicates)
        streams = [
            _Stream(self.draws.seed, h, int(self.draws.sizes[h])) if self.draws.active[h] else None
            for h in self.strata
            if self.draws.counts is None
        ]
        for start in range(0, n_replicates, width):
            replicates = slice(start, min(start + width, n_replicates))
            if self.draws.counts is not None:
                yield replicates, self.draws.counts[self.units, replicates].astype(dtype)
            else:
                yield replicates, self._drawn(streams, replicates.stop - start, dtype)

    def _drawn(self, streams: list[_Stream | None], width: int, dtype: type) -> np.ndarray:
        block = np.zeros((self.units.stop - self.units.start, width), dtype=dtype)
        at = 0
        for h, stream in zip(self.strata, streams, strict=True):
            size = int(self.draws.sizes[h])
            if stream is not None:
                block[at : at + size] = stream.counts(width)
            at += size
        return block


class _Stream:
    """Uniform choices among ``size`` units of one stratum, one after another."""

    def __init__(self, seed: int, stratum: int, size: int) -> None:
        self.size = size
        self.bits = np.random.Philox(key=np.array([seed, stratum], dtype=np.uint64))
        # How many random bits a choice takes, and the types of the bits and of their product with the size.
        self.width, narrow, wide = (16, np.uint16, np.uint32) if size <= SMALL else (32, np.uint32, np.uint64)
        self.narrow, self.wide = np.dtype(narrow), np.dtype(wide)
        self.left = np.empty(0, dtype=wide)

    def counts(self, n_replicates: int) -> np.ndarray:
        """How often each unit is drawn in the next replicates: (size, n_replicates)."""
        places = self._take(n_replicates * (self.size - 1)).reshape(n_replicates, self.size - 1)
        places *= places.dtype.type(n_replicates)
        places += np.arange(n_replicates, dtype=places.dtype)[:, None]
        flat = places.ravel().astype(np.intp)
        return np.bincount(flat, minlength=self.size * n_replicates).reshape(self.size, n_replicates)

    def _take(self, n: int) -> np.ndarray:
        parts, found = [self.left], len(self.left)
        while found < n:
            parts.append(self._choices(n - found))
            found += len(parts[-1])
        drawn = np.concatenate(parts) if len(parts[0]) or len(parts) > 2 else parts[-1]
        self.left = drawn[n:].copy()
        return drawn[:n]

    def _choices(self, n: int) -> np.ndarray:
        """About ``n`` choices, a few more or fewer, from whole 64-bit numbers of the stream."""
        rejected = 2**self.width % self.size
        needed = n + n * rejected // 2**self.width
        raw = self.bits.random_raw(needed * self.width // 64 + 16).astype("<u8", copy=False)
        scaled = raw.view(self.narrow.newbyteorder("<")).astype(self.wide)
        scaled *= self.wide.type(self.size)
        if rejected:
            # The low bits of a product tell whether it is one of the few that would favour some units.
            scaled = _without(scaled, np.flatnonzero(scaled.astype(self.narrow) < rejected))
        scaled >>= self.wide.type(self.width)
        return scaled


def _without(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values without those at a few places, copied in long pieces."""
    if 64 * len(places) > len(values):
        return np.delete(values, places)
    ends, starts = [*places, len(values)], [0, *(places + 1)]
    return np.concatenate([values[start:end] for start, end in zip(starts, ends, strict=True)])
