"""Balanced repeated replication and Fay's method."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.inputs import weights_of
from spi_analysis.weighting.primary_units import PrimaryUnits, primary_units
from spi_analysis.weighting.replicate_weights import ReplicateWeights


def brr_replicates(df: pd.DataFrame, weight: str, stratum: str, psu: str, fay: float = 0.0) -> ReplicateWeights:
    """Balanced repeated replication for two primary units per stratum; with ``fay`` > 0, Fay's method.

    In every replicate one unit of each stratum gets ``weight * (2 - fay)`` and the other
    ``weight * fay``, by the rows of a Hadamard matrix, so that strata are balanced.

    Parameters
    ----------
    df, weight, stratum, psu   as in ``bootstrap_replicates``
    fay : float                0 <= fay < 1

    Returns
    -------
    ReplicateWeights, values (n, R): R the smallest Hadamard order above the number of strata; scale 1/(R (1-fay)**2).

    Raises
    ------
    WeightingError   strata without exactly two primary units, all of them; fay outside 0 to 1.

    References
    ----------
    McCarthy (1969), Review of the International Statistical Institute 37; Judkins (1990), Journal of Official
    Statistics 6.
    """
    if not 0 <= fay < 1:
        raise WeightingError("fay is out of range", got=str(fay), expected="0 or more, below 1")
    weights = weights_of(df, weight)
    units = primary_units(df, stratum, psu)
    _refuse_other_than_pairs(units)
    n_strata = len(units.sizes)
    signs = hadamard(n_strata + 1)[:, 1 : n_strata + 1]
    # Units are numbered in the order of their strata: even ones are the first of their pair.
    side = np.where(units.codes % 2 == 0, 1, -1)
    factors = np.where(signs[:, units.codes // 2].T * side[:, None] > 0, 2 - fay, fay)
    n_replicates = signs.shape[0]
    scale = 1 / (n_replicates * (1 - fay) ** 2)
    method: Literal["brr", "fay"] = "fay" if fay else "brr"
    return ReplicateWeights(weights[:, None] * factors, scale, np.ones(n_replicates), method)


def _refuse_other_than_pairs(units: PrimaryUnits) -> None:
    problems = [
        Problem("a stratum does not have two primary units", key=units.names[h], got=str(units.sizes[h]), expected="2")
        for h in np.flatnonzero(units.sizes != 2)
    ]
    if problems:
        raise WeightingError(*problems)


def hadamard(least: int) -> np.ndarray:
    """A Hadamard matrix of the smallest available order >= least (Sylvester and Paley constructions)."""
    order = max(4, -(-least // 4) * 4)
    while (matrix := _hadamard_of(order)) is None:
        order += 4
    return matrix


def _hadamard_of(order: int) -> np.ndarray | None:
    if order in (1, 2):
        return np.array([[1]]) if order == 1 else np.array([[1, 1], [1, -1]])
    prime = order - 1
    if prime % 4 == 3 and all(prime % d for d in range(2, int(prime**0.5) + 1)):
        return _paley(prime)
    half = _hadamard_of(order // 2) if order % 2 == 0 else None
    return None if half is None else np.kron(np.array([[1, 1], [1, -1]]), half)


def _paley(q: int) -> np.ndarray:
    """Paley's first construction for a prime q = 3 mod 4: order q + 1, first column of ones."""
    squares = {(x * x) % q for x in range(1, q)}
    residue = np.array([0] + [1 if x in squares else -1 for x in range(1, q)])
    jacobsthal = residue[(np.arange(q)[:, None] - np.arange(q)[None, :]) % q]
    matrix = np.ones((q + 1, q + 1), dtype=int)
    matrix[1:, 1:] = jacobsthal - np.eye(q, dtype=int)
    return matrix
