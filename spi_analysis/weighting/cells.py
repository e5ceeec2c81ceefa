"""The table of distinct cells: rows that share the level of every margin are one line of it.

Whatever depends on the margins only is computed on this table, independent of the number of rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Margin:
    """A categorical variable: ``codes`` (n,) index into ``levels`` (L,)."""

    name: str
    levels: list[str]
    codes: np.ndarray


@dataclass(frozen=True)
class Cells:
    """Distinct combinations of levels: ``codes`` (n,) the cell of each row, ``levels`` (M, margins) of each cell."""

    codes: np.ndarray
    levels: np.ndarray

    def __len__(self) -> int:
        return len(self.levels)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n,) or (n, K) per cell: (M,) or (M, K)."""
        return group_sums(self.codes, values, len(self.levels))


def group_sums(codes: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sum of ``values`` (n,) or (n, K) per code: (size,) or (size, K)."""
    if values.ndim == 1:
        return np.bincount(codes, values, size)
    if values.shape[1] == 1:
        return np.bincount(codes, values[:, 0], size)[:, None]
    return np.asarray(indicator(codes, size) @ values)


def indicator(codes: np.ndarray, size: int) -> sparse.csc_array:
    """The matrix (size, n) that sums rows by their code."""
    n = len(codes)
    return sparse.csc_array((np.ones(n), codes, np.arange(n + 1)), shape=(size, n))


def cells_of(margins: list[Margin]) -> Cells:
    """The cells that occur, ordered by the first margin, then the second and so on."""
    n = len(margins[0].codes)
    limit = max(4 * n, 4096)
    key, shape, table = np.zeros(n, dtype=np.intp), [1], np.empty((1, 0), dtype=np.intp)
    for margin in margins:
        size = len(margin.levels)
        if math.prod(shape) * size > limit:
            key, table = _present(key, shape, table, limit)
            shape = [len(table)]
        key = key * size + margin.codes
        shape = [*shape, size]
    return Cells(*_present(key, shape, table, limit))


def _present(key: np.ndarray, shape: list[int], table: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the keys that occur without gaps; the levels behind each of them."""
    size = math.prod(shape)
    if size <= limit:
        found = np.flatnonzero(np.bincount(key, minlength=size))
        number = np.empty(size, dtype=np.intp)
        number[found] = np.arange(len(found))
        codes = number[key]
    else:
        found, codes = np.unique(key, return_inverse=True)
    before, *levels = np.unravel_index(found, shape)
    return codes, np.column_stack([table[before], *levels])
