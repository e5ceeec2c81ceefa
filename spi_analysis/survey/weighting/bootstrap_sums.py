"""Sums over bootstrap replicates, and raking of all of them, without the table of replicate weights.

Both go through the strata in chunks that fit into the cache: the draws of a chunk are generated, used in a matrix
product and discarded. A second pass generates the same draws again, or reads them where they are few enough to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import group_sums, indicator, require_columns
from spi_analysis.survey.weighting.bootstrap import (
    BootstrapReplicates,
    CellFactors,
)
from spi_analysis.survey.weighting.raking import rake_columns
from spi_analysis.survey.weighting.totals import auxiliary_of

# Sums over the replicates, and raking of all of them.

# Multiplications in one tile of a matrix product: OpenBLAS works on up to four times 2**16 without threads.
TILE = 2**18
# Draws that raking keeps for the walks after it, one byte each: 512 MB.
KEPT = 2**29


@dataclass(frozen=True)
class ReplicateSums:
    """Weighted sums per domain: ``main`` (D, K) with the weights, ``replicates`` (R, D, K) with every replicate."""

    main: np.ndarray
    replicates: np.ndarray


def replicate_sums(
    plan: BootstrapReplicates, values: np.ndarray, domains: np.ndarray | None = None, n_domains: int = 1
) -> ReplicateSums:
    """Weighted sums of ``values`` in every replicate, per domain.

    Parameters
    ----------
    plan : BootstrapReplicates   of n rows (``bootstrap_plan``, ``raked_replicates``)
    values : array (n, K)        finite
    domains : array (n,) of int or None   domain of every row, 0 to n_domains - 1; below 0: in none

    Returns
    -------
    ReplicateSums: the same as ``plan.values.T @ values`` by domain, up to rounding; R D K numbers and one block.

    Raises
    ------
    WeightingError   values or domains of another number of rows.

    References
    ----------
    Rao, Wu & Yue (1992), Survey Methodology 18.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import bootstrap_plan
    >>> people = pd.DataFrame({"stratum": ["a", "a"], "w": [10.0, 10.0]})
    >>> plan = bootstrap_plan(people, "w", "stratum", n_replicates=3, seed=1)
    >>> sums = replicate_sums(plan, np.array([[1.0], [3.0]]))
    >>> sums.main.tolist(), sorted(set(sums.replicates.ravel().tolist()))
    ([[40.0]], [20.0, 60.0])
    """
    domains = np.zeros(len(values), dtype=np.intp) if domains is None else domains
    if values.shape[:1] != plan.weights.shape or domains.shape != plan.weights.shape:
        raise WeightingError(
            "the values do not fit the replicates", got=str(values.shape), expected=f"({len(plan.weights)}, K)"
        )
    totals = _undrawn(plan, values, domains, n_domains)
    for chunk in plan.draws.chunks():
        rows, drawn = _atoms(plan, plan.units.rows(chunk.units), values, domains)
        parts = _parts(domains[rows])
        for replicates, block in plan.times(chunk, rows):
            if plan.factors is not None:
                block *= plan.factors.replicates[plan.factors.cells[rows], replicates]
            for domain, part in parts:
                totals[domain][:, replicates] += _product(drawn[part], block[part])
    main = group_sums(domains, values, n_domains, plan.main)
    return ReplicateSums(main, np.ascontiguousarray(totals.transpose(2, 0, 1)))


def raked_replicates(
    plan: BootstrapReplicates,
    df: pd.DataFrame,
    margins: Mapping[str, Mapping[object, float]],
    scale_margins: bool = False,
) -> BootstrapReplicates:
    """The plan with its weights, and every replicate of them, raked to the same margins.

    One pass over the draws gives the weight of every distinct cell of the margins in every replicate; that table is
    raked, all replicates at once; the result is a factor per cell and replicate (8 M R bytes for M cells). Up to
    ``KEPT`` draws stay in memory, one byte each.

    Parameters
    ----------
    plan : BootstrapReplicates   of the rows of ``df``, not raked yet
    df : DataFrame (n, ...)      holds the columns of the margins
    margins, scale_margins       as in ``rake``

    Returns
    -------
    BootstrapReplicates, whose ``main`` and ``values`` meet every margin.

    Raises
    ------
    WeightingError   as ``rake``; a table of another number of rows; replicates that have been raked already; a
        replicate that cannot be raked, by its number.

    References
    ----------
    Deming & Stephan (1940), Annals of Mathematical Statistics 11.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import bootstrap_plan
    >>> people = pd.DataFrame({"sex": ["f", "m"] * 3, "w": 10.0})
    >>> plan = bootstrap_plan(people, "w", n_replicates=3, seed=1)
    >>> raked = raked_replicates(plan, people, {"sex": {"f": 60, "m": 30}})
    >>> raked.main.round(6).tolist()
    [20.0, 10.0, 20.0, 10.0, 20.0, 10.0]
    >>> raked.values[people["sex"] == "f"].sum(axis=0).round(6).tolist()
    [60.0, 60.0, 60.0]
    """
    if plan.factors is not None:
        raise WeightingError("the replicates have been raked already", hint="rake to all margins at once")
    if len(df) != len(plan.weights):
        raise WeightingError(
            "the table does not fit the replicates", got=f"{len(df)} rows", expected=f"{len(plan.weights)}"
        )
    plan = plan.kept() if len(plan.units.stratum) * plan.draws.n_replicates <= KEPT else plan
    cells, distinct = _margin_cells(df, list(margins))
    auxiliary, targets = auxiliary_of(distinct, margins, scale_margins)
    before = _cell_weights(plan, cells, len(distinct))
    after = rake_columns(before, auxiliary, targets)
    ratio = np.divide(after, before, out=np.zeros_like(before), where=before > 0)
    return replace(plan, factors=CellFactors(cells, ratio[:, 0].copy(), np.ascontiguousarray(ratio[:, 1:])))


def _undrawn(plan: BootstrapReplicates, values: np.ndarray, domains: np.ndarray, n_domains: int) -> np.ndarray:
    """What the weights add that do not depend on the draws, weight * start: (D, K, R)."""
    totals = np.zeros((n_domains, values.shape[1], plan.draws.n_replicates))
    fixed = plan.weights * plan.start[plan.units.codes]
    if not fixed.any():
        return totals
    if plan.factors is None:
        totals += group_sums(domains, values, n_domains, fixed)[:, :, None]
        return totals
    n_cells = len(plan.factors.main)
    for domain in range(n_domains):
        inside = np.flatnonzero(domains == domain)
        by_cell = group_sums(plan.factors.cells[inside], values[inside], n_cells, fixed[inside])
        totals[domain] = _product(by_cell, plan.factors.replicates)
    return totals


def _atoms(
    plan: BootstrapReplicates, rows: np.ndarray, values: np.ndarray, domains: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a chunk, by domain, and what one draw of each adds (m, K): weight * step * values.

    Rows that share unit, domain and cell are added up: they have the same factor in every replicate.
    """
    of_rows = domains[rows]
    if (of_rows[1:] != of_rows[:-1]).any():
        rows = rows[np.argsort(of_rows, kind="stable")]
    rows = rows[domains[rows] >= 0]
    units = plan.units.codes[rows]
    drawn = values[rows]
    drawn *= (plan.weights[rows] * plan.step[units])[:, None]
    if len(plan.units.stratum) == len(plan.weights) or not len(rows):
        return rows, drawn
    keys = domains[rows].astype(np.int64) * len(plan.units.stratum) + units
    if plan.factors is not None:
        keys = keys * len(plan.factors.main) + plan.factors.cells[rows]
    _, first, atom = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first], group_sums(atom, drawn, len(first))


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a' b for (m, K) and (m, r), in tiles below the size for which the library starts threads.

    Starting them costs more than it gains, and a hundredfold where the cores are busy.
    """
    side = max(int((TILE / a.shape[1]) ** 0.5), 16)
    whole = len(a) - len(a) % side
    tiles = a[:whole].reshape(-1, side, a.shape[1]).transpose(0, 2, 1)
    product = np.empty((a.shape[1], b.shape[1]))
    for start in range(0, b.shape[1], side):
        columns = b[:, start : start + side]
        stack = np.matmul(tiles, columns[:whole].reshape(len(tiles), side, columns.shape[1]))
        product[:, start : start + side] = stack.sum(axis=0) + a[whole:].T @ columns[whole:]
    return product


def _parts(domains: np.ndarray) -> list[tuple[int, slice]]:
    """The domains that occur, and the range of rows of each: ``domains`` is sorted."""
    found, starts = np.unique(domains, return_index=True)
    ends = [*starts[1:], len(domains)]
    return [(int(d), slice(int(a), int(b))) for d, a, b in zip(found, starts, ends, strict=True)]


def _margin_cells(df: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """The cell of every row (n,), and one row of the table per distinct cell."""
    require_columns(df, names)
    code = np.zeros(len(df), dtype=np.int64)
    for name in names:
        levels, labels = pd.factorize(df[name], use_na_sentinel=False)
        code = pd.factorize(code * len(labels) + levels)[0]
    first = np.full(int(code.max()) + 1, -1)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return code, df[names].iloc[first]


def _cell_weights(plan: BootstrapReplicates, cells: np.ndarray, n_cells: int) -> np.ndarray:
    """Weight of every cell: (M, 1 + R), the main weight first."""
    # Sums over the rows of a cell of w_i (start_i + step_i t_i), Rao, Wu & Yue (1992): first the constant part.
    table = np.empty((n_cells, 1 + plan.draws.n_replicates))
    table[:, 0] = group_sums(cells, plan.weights, n_cells)
    table[:, 1:] = group_sums(cells, plan.weights * plan.start[plan.units.codes], n_cells)[:, None]
    drawn = plan.weights * plan.step[plan.units.codes]
    for chunk in plan.draws.chunks():
        rows = plan.units.rows(chunk.units)
        found, inside = np.unique(cells[rows], return_inverse=True)
        gather = indicator(inside, len(found), drawn[rows])
        for replicates, block in plan.times(chunk, rows):
            table[found, 1 + replicates.start : 1 + replicates.stop] += gather @ block
    return table
