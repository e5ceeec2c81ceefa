"""Products with blocks X' (p, b) of a model matrix, and systems of their X'WX (p, p)."""

from __future__ import annotations

import numpy as np
from scipy import linalg

# Products are made in pieces below these sizes, for which a BLAS starts no threads: threads wait for each other where
# cores are busy (20 times slower), and pieces give the same digits on any number of cores.
PIECE, PIECE_OF_VECTOR = 2**18, 9000
# A column of which less than this share (squared) is left beside the columns before it is one of their sums.
ALIASED = 1e-11


def predictors(block: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """X b for coefficients (p, K): (b, K)."""
    pieces, end = _pieces(block, coefficients.shape[1])
    made = np.matmul(pieces.transpose(0, 2, 1), coefficients).reshape(end, -1)
    return np.vstack([made, block[:, end:].T @ coefficients])


def products(block: np.ndarray, values: np.ndarray) -> np.ndarray:
    """X'v for values (b, K): (p, K)."""
    pieces, end = _pieces(block, values.shape[1])
    made = np.matmul(pieces, values[:end].reshape(len(pieces), -1, values.shape[1])).sum(axis=0)
    return made + block[:, end:] @ values[end:]


def weighted_grams(block: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """X'WX for every column of ``weights`` (b, K), none negative: (K, p, p)."""
    return np.stack([_gram(block * root) for root in np.sqrt(weights.T)])


def _gram(block: np.ndarray) -> np.ndarray:
    pieces, end = _pieces(block, 1)
    return np.matmul(pieces, pieces.transpose(0, 2, 1)).sum(axis=0) + block[:, end:] @ block[:, end:].T


def _pieces(block: np.ndarray, width: int) -> tuple[np.ndarray, int]:
    """The block as (pieces, p, c), and how many columns these are; the rest is one more, smaller piece."""
    p, b = block.shape
    size = max(1, min(PIECE_OF_VECTOR // max(1, p), PIECE // max(1, p * max(p, width)), b))
    end = b // size * size
    return block[:, :end].reshape(p, -1, size).transpose(1, 0, 2), end


def solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """gram^-1 right (p, K) by Cholesky on a gram scaled to ones; directions without information get 0."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, np.inf)
    scaled = gram / np.outer(size, size)
    scaled[np.isinf(size), np.isinf(size)] = 1.0
    right = right / size[:, None]
    try:
        solved = linalg.cho_solve(linalg.cho_factor(scaled), right)
    except linalg.LinAlgError:
        solved = linalg.pinvh(scaled) @ right
    return solved / size[:, None]


def inverse(gram: np.ndarray) -> np.ndarray:
    """gram^-1."""
    return solve(gram, np.eye(len(gram)))


def independent_columns(gram: np.ndarray) -> np.ndarray:
    """Positions of the columns of X that are no linear combination of the columns before them."""
    size = np.sqrt(np.diag(gram))
    size[size == 0] = 1.0
    left, kept = gram / np.outer(size, size), []
    for j in range(len(left)):
        if left[j, j] > ALIASED:
            kept.append(j)
            left = left - np.outer(left[:, j], left[j]) / left[j, j]
    return np.array(kept, dtype=int)
