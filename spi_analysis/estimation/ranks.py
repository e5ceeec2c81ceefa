"""Rank of any rows of a table of replicate weights: what the degrees of freedom of a domain are counted from.

One elimination of the whole table says which rows are combinations of others. In the coordinates of the rows that are
not (a basis), the rank of the rows P is the number of basis rows among them, and what the others add once these are
taken out:

    rank(P) = |P and basis| + rank(coefficients[P without basis, basis without P]).

Both parts are small, so a domain costs microseconds where its own decomposition would cost milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpstrf

# What is left of a row after others are taken out, relative to the row: below this it is one of rounding (R's qr).
TOLERANCE = 1e-5
# Up to so many rows the table is eliminated at once (72 MB, under a second); beyond, every domain by itself.
MOST_ROWS = 3_000


@dataclass(frozen=True)
class RowRanks:
    """Ranks of rows of ``values`` (n, R); what was found is kept."""

    values: np.ndarray

    def of(self, rows: np.ndarray) -> int:
        """Rank of the rows (m,) named by their places, each once."""
        rows = rows[self._norms[rows] > 0]
        if not len(rows):
            return 0
        key = blake2b(np.sort(rows).tobytes(), digest_size=16).digest()
        if key not in self._found:
            self._found[key] = self._in_coordinates(rows) if len(self.values) <= MOST_ROWS else self._by_itself(rows)
        return self._found[key]

    def is_everything(self, rows: np.ndarray) -> bool:
        """Whether all rows that have any weight are among these places (m,)."""
        return int((self._norms[rows] > 0).sum()) == self._with_weight

    @cached_property
    def _with_weight(self) -> int:
        return int((self._norms > 0).sum())

    @cached_property
    def whole(self) -> int:
        """Rank of the whole table."""
        return self._by_itself(np.flatnonzero(self._norms > 0))

    @cached_property
    def _found(self) -> dict[bytes, int]:
        return {}

    @cached_property
    def _norms(self) -> np.ndarray:
        return np.sqrt(np.einsum("ij,ij->i", self.values, self.values, dtype=float))

    def _unit_rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows of length 1: their weights have no bearing on the rank, but on what counts as rounding."""
        return self.values[rows] / self._norms[rows, None]

    def _by_itself(self, rows: np.ndarray) -> int:
        """Rank from the cross-products of the shorter side."""
        return _factored(_cross_products(self._unit_rows(rows)))[2]

    def _in_coordinates(self, rows: np.ndarray) -> int:
        basis, place, coefficients = self._elimination
        inside = np.zeros(len(self.values), dtype=bool)
        inside[rows] = True
        own = inside[basis]
        others = coefficients[place[rows[place[rows] >= 0]]]
        return int(own.sum()) + _small_rank(others[:, ~own])

    @cached_property
    def _elimination(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Basis rows (r,), the place of every other row among the coefficients (n,), -1 for none; these (n - r, r).

        By pivoted Cholesky factors of the rows' cross-products ``L L'``: with the first r of them the basis, the other
        rows are ``L_2 L_1^-1`` times the basis.
        """
        rows = np.flatnonzero(self._norms > 0)
        factor, order, rank = _factored(dsyrk(1.0, self._unit_rows(rows), lower=1))
        lower = np.tril(factor)[:, :rank]
        coefficients = solve_triangular(lower[:rank], lower[rank:].T, lower=True, trans="T").T
        place = np.full(len(self.values), -1)
        place[rows[order[rank:]]] = np.arange(len(rows) - rank)
        return rows[order[:rank]], place, coefficients


def _small_rank(table: np.ndarray) -> int:
    """Rank of rows of coefficients, whose size is about 1: most often of none or a few."""
    if not table.size:
        return 0
    if min(table.shape) == 1:
        return int(np.abs(table).max() > TOLERANCE)
    return _factored(_cross_products(table), 1.0)[2]


def _cross_products(table: np.ndarray) -> np.ndarray:
    """Cross-products of the rows or of the columns, whichever are fewer (lower half)."""
    return np.asarray(dsyrk(1.0, table, lower=1, trans=int(table.shape[0] > table.shape[1])))


def _factored(squares: np.ndarray, size: float = 0.0) -> tuple[np.ndarray, np.ndarray, int]:
    """Pivoted Cholesky factor of cross-products (lower half), its order of rows, and the rank.

    What is left of a row is compared with the longest one, or with ``size`` where that is longer.
    """
    largest = float(squares.diagonal().max())
    least = TOLERANCE**2 * max(largest, size**2)
    factor, order, rank, _ = dpstrf(squares, tol=least, lower=1)
    # LAPACK takes the first pivot without a look at the tolerance.
    return factor, order - 1, int(rank) if largest > least else 0
