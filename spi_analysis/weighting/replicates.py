"""Replicate weights: the same sample, drawn again on paper many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.groups import groups_of, require_columns, weights_of


@dataclass(frozen=True)
class ReplicateWeights:
    """Replicate weights and how to turn them into a variance.

    ``variance = scale * sum_r rscales[r] * (theta_r - centre)**2``.

    ``values`` (n, R): persons per sampled person; ``scale`` a number; ``rscales`` (R,).
    """

    values: np.ndarray
    scale: float
    rscales: np.ndarray
    method: Literal["bootstrap", "jk1", "jkn", "brr", "fay"]


def bootstrap_replicates(
    df: pd.DataFrame,
    weight: str,
    stratum: str | None = None,
    psu: str | None = None,
    pop_size: str | None = None,
    n_replicates: int = 500,
    seed: int = 1,
    fraction: str | None = None,
) -> ReplicateWeights:
    """Rescaled bootstrap of Rao, Wu and Yue with finite population correction.

    In every stratum n_h - 1 of the n_h primary units are drawn with replacement; unit i,
    drawn t_i times, gets ``weight * (1 - L + L * n_h/(n_h-1) * t_i)`` with L = sqrt(1 - f).
    Base weights of any kind are kept; a stratum with one unit keeps its weight.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person
    weight : str              base weight, in persons
    stratum, psu : str or None   columns; without ``psu`` every row is a primary unit
    pop_size : str or None    column with the primary units N_h of the stratum, f = n_h/N_h; None: f = 0
    fraction : str or None    column with f itself, instead of ``pop_size``. The correction belongs to the
        sampling phase only: where response is a second random phase, f is the share of the
        population that was *observed* (respondents/N per class), never n/N.
    n_replicates, seed : int  R, and the seed; each stratum has its own counter-based stream

    Returns
    -------
    ReplicateWeights, values (n, R), scale 1/R.

    References
    ----------
    Rao, Wu & Yue (1992), Survey Methodology 18; Rao & Wu (1988), JASA 83.
    """
    if not 0 <= seed < 2**64:
        raise WeightingError("the seed is out of range", got=str(seed), expected="0 to 2**64 - 1")
    weights = weights_of(df, weight)
    units, strata = _primary_units(df, stratum, psu)
    f = _fractions(df, units, strata, pop_size, fraction)
    factors = np.ones((len(df), n_replicates))
    for h in range(strata.max() + 1):
        rows = np.flatnonzero(strata == h)
        codes, members = np.unique(units[rows], return_inverse=True)
        n = len(codes)
        if n < 2:
            continue
        stream = np.random.Generator(np.random.Philox(key=[seed, h]))
        times = stream.multinomial(n - 1, np.full(n, 1 / n), size=n_replicates).T
        spread = np.sqrt(1 - f[rows])[:, None]
        factors[rows] = 1 - spread + spread * (n / (n - 1)) * times[members]
    return ReplicateWeights(weights[:, None] * factors, 1 / n_replicates, np.ones(n_replicates), "bootstrap")


def jackknife_replicates(
    df: pd.DataFrame,
    weight: str,
    stratum: str | None = None,
    psu: str | None = None,
    pop_size: str | None = None,
) -> ReplicateWeights:
    """Delete-one-primary-unit jackknife: JK1 without strata, JKn with.

    One replicate per primary unit: that unit gets weight 0, the others of its stratum
    ``weight * n_h/(n_h-1)``. Each replicate's share of the variance is
    ``(1 - n_h/N_h) * (n_h-1)/n_h``.

    Parameters
    ----------
    df, weight, stratum, psu, pop_size   as in ``bootstrap_replicates``

    Returns
    -------
    ReplicateWeights, values (n, number of primary units).

    Raises
    ------
    WeightingError   a stratum with a single primary unit (and more to represent than itself).

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, ch. 4.
    """
    weights = weights_of(df, weight)
    units, strata = _primary_units(df, stratum, psu)
    f = _fractions(df, units, strata, pop_size, None)
    first = np.unique(units, return_index=True)[1]
    unit_stratum = strata[first]
    counts = np.bincount(unit_stratum)
    _refuse_lonely(df, stratum, strata, counts, f)
    n_h = counts[unit_stratum].astype(float)
    inflate = np.where(n_h > 1, n_h / np.maximum(n_h - 1, 1), 1.0)
    factors = np.where(strata[:, None] == unit_stratum[None, :], inflate[None, :], 1.0)
    factors[units[:, None] == np.arange(len(first))[None, :]] = 0.0
    factors[:, n_h == 1] = 1.0
    share = (1 - f[first]) * (n_h - 1) / n_h
    if stratum is None:
        return ReplicateWeights(weights[:, None] * factors, float(share[0]), np.ones(len(first)), "jk1")
    return ReplicateWeights(weights[:, None] * factors, 1.0, share, "jkn")


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

    References
    ----------
    McCarthy (1969); Judkins (1990), Journal of Official Statistics 6.
    """
    if not 0 <= fay < 1:
        raise WeightingError("fay is out of range", got=str(fay), expected="0 or more, below 1")
    weights = weights_of(df, weight)
    units, strata = _primary_units(df, stratum, psu)
    first = np.unique(units, return_index=True)[1]
    counts = np.bincount(strata[first])
    if (counts != 2).any():
        names = groups_of(df[stratum]).labels
        raise WeightingError(
            *(
                Problem("a stratum does not have two primary units", key=names[h], got=str(counts[h]), expected="2")
                for h in np.flatnonzero(counts != 2)
            )
        )
    signs = _hadamard(len(counts) + 1)[:, 1 : len(counts) + 1]
    second = np.concatenate([[False], strata[first][1:] == strata[first][:-1]])
    side = np.where(second, -1, 1)[units]
    factors = np.where(signs[:, strata].T * side[:, None] > 0, 2 - fay, fay)
    n_replicates = signs.shape[0]
    scale = 1 / (n_replicates * (1 - fay) ** 2)
    method: Literal["brr", "fay"] = "fay" if fay else "brr"
    return ReplicateWeights(weights[:, None] * factors, scale, np.ones(n_replicates), method)


def _primary_units(df: pd.DataFrame, stratum: str | None, psu: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes of primary units (unique over strata, in the order of the strata) and of strata, per row."""
    require_columns(df, [c for c in (stratum, psu) if c])
    strata = groups_of(df[stratum]).codes if stratum else np.zeros(len(df), dtype=int)
    if psu is None:
        order = np.lexsort((np.arange(len(df)), strata))
        units = np.empty(len(df), dtype=int)
        units[order] = np.arange(len(df))
        return units, strata
    inside = groups_of(df[psu]).codes
    return np.unique(strata * (inside.max() + 1) + inside, return_inverse=True)[1], strata


def _fractions(
    df: pd.DataFrame, units: np.ndarray, strata: np.ndarray, pop_size: str | None, fraction: str | None
) -> np.ndarray:
    """f of every row."""
    if pop_size is not None and fraction is not None:
        raise WeightingError("two corrections are given", got=f"{pop_size} and {fraction}", expected="one of them")
    if fraction is not None:
        require_columns(df, [fraction])
        f = df[fraction].to_numpy(dtype=float)
    elif pop_size is not None:
        require_columns(df, [pop_size])
        first = np.unique(units, return_index=True)[1]
        sizes = df[pop_size].to_numpy(dtype=float)
        f = np.divide(np.bincount(strata[first])[strata], sizes, out=np.full(len(df), np.inf), where=sizes > 0)
    else:
        f = np.zeros(len(df))
    bad = ~((f >= 0) & (f <= 1 + 1e-12))
    if bad.any():
        raise WeightingError(
            "a sampling fraction is impossible",
            column=fraction or pop_size or "",
            row=int(bad.argmax()) + 1,
            got=f"{f[bad][0]:.6g}",
            expected="0 to 1",
        )
    return np.minimum(f, 1.0)


def _refuse_lonely(
    df: pd.DataFrame, stratum: str | None, strata: np.ndarray, counts: np.ndarray, f: np.ndarray
) -> None:
    lonely = [h for h in np.flatnonzero(counts == 1) if f[strata == h].max() < 1]
    if lonely:
        names = groups_of(df[stratum]).labels if stratum else ["all"]
        raise WeightingError(
            *(
                Problem(
                    "a stratum has a single primary unit",
                    key=names[h],
                    got="1",
                    expected="2 or more",
                    hint="merge it with another stratum",
                )
                for h in lonely
            )
        )


def _hadamard(least: int) -> np.ndarray:
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
