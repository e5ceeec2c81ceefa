"""Sums over many rows that take one core and no more, and so give the same bits on any number of cores.

A linear algebra library splits large products over all cores, which then wait for each other: on a
machine that is busy (with other institutions, say) this is many times slower than one core alone.
Products of small pieces stay below the size where it does so.
"""

from __future__ import annotations

import numpy as np

# Multiplications in one product of matrices up to which it is not split.
SMALL = 2**18


def dot(left: np.ndarray, right: np.ndarray) -> float:
    """Sum of left * right, (n,) each."""
    return float(np.einsum("i,i->", left, right))


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left @ right, (p, m) and (m, r), where m is long and p, r are short: (p, r)."""
    p, r = len(left), right.shape[1]
    size = max(16, SMALL // max(p * r, 1))
    count = left.shape[1] // size
    whole = count * size
    pieces = left[:, :whole].reshape(p, count, size).transpose(1, 0, 2)
    summed: np.ndarray = np.matmul(pieces, right[:whole].reshape(count, size, r)).sum(axis=0)
    return summed + left[:, whole:] @ right[whole:]
