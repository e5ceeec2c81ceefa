"""Bethel's allocation in whole numbers: rounded up, lowered one by one, and searched to the end on small designs."""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from spi_analysis.sampling.bethel_optimum import Dual
from spi_analysis.sampling.precision import ROUNDING, Ceilings

# All choices are searched while those left are at most this many; the search is cut after so many branches (never by
# the clock: the same input gives the same answer).
MOST_CHOICES = 600
MOST_BRANCHES = 300
# What the solver of whole numbers may overlook in a ceiling.
SOLVER_ROUNDING = 2e-6


def cheapest_whole(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray, real: np.ndarray, prices: np.ndarray
) -> np.ndarray:
    """Whole numbers that meet every ceiling: rounded up, lowered one by one; on small designs the cheapest of all."""
    rounded = np.clip(np.ceil(real - ROUNDING), least, most)
    n = _lowered(ceilings, cost, least, rounded if ceilings.met(rounded) else np.clip(rounded + 1, least, most))
    low, high = _window(ceilings, cost, least, most, prices, float(cost @ n))
    choices = int((high - low).sum())
    if 0 < choices <= MOST_CHOICES:
        for margin in (0.0, SOLVER_ROUNDING):
            found = _searched(ceilings, cost, low, high, margin)
            if found is not None and ceilings.met(found):
                n = found if cost @ found < cost @ n - ROUNDING else n
                break
    return n.astype(int)


def _lowered(ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Take one away where it saves most for the room it uses, as long as every ceiling is met."""
    n, open_ = n.copy(), np.flatnonzero(n > least)
    room = np.maximum(1 + ROUNDING - ceilings.used(n), 0)
    while open_.size:
        now = n[open_]
        step = np.where(now > 1, 1 / np.maximum(now - 1, 1) - 1 / now, np.inf)[:, None]
        loads, left = ceilings.loads[open_], room[ceilings.places[open_]]
        more = np.where(loads > 0, loads * step, 0.0)
        # What cannot be lowered now never can be later: the room only shrinks.
        fits = (more <= left).all(axis=1)
        open_, more, left = open_[fits], more[fits], left[fits]
        if not open_.size:
            break
        used = np.divide(more, left, out=np.zeros_like(more), where=left > 0).sum(axis=1)
        best = int(np.argmax(cost[open_] / np.maximum(used, 1e-300)))
        h = open_[best]
        n[h] -= 1
        np.subtract.at(room, ceilings.places[h], more[best])
        room = np.maximum(room, 0)
        if n[h] <= least[h]:
            open_ = np.delete(open_, best)
    return n


def _window(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray, prices: np.ndarray, reached: float
) -> tuple[np.ndarray, np.ndarray]:
    """Between which sizes of each stratum a cheaper allocation can lie: outside, the bound exceeds what is reached."""
    dual = Dual(ceilings, cost, least, most)
    loads, at = ceilings.priced(prices), dual.allocation(prices)
    spare = max(reached - dual.bound(prices), 0.0) + ROUNDING
    # c n + s / n <= its minimum + spare, a quadratic in n
    level = cost * at + np.divide(loads, at, out=np.zeros_like(loads), where=at > 0) + spare
    root = np.sqrt(np.maximum(level**2 - 4 * cost * loads, 0))
    low = np.ceil((level - root) / (2 * cost) - ROUNDING)
    high = np.floor((level + root) / (2 * cost) + ROUNDING)
    return np.clip(low, least, most), np.clip(high, least, most)


def _searched(
    ceilings: Ceilings, cost: np.ndarray, low: np.ndarray, high: np.ndarray, margin: float
) -> np.ndarray | None:
    """Branch and bound over the steps from low to high: each step of a stratum costs the same and helps less."""
    strata = np.repeat(np.arange(len(low)), (high - low).astype(int))
    first = np.cumsum(high - low) - (high - low)
    step = low[strata] + 1 + np.arange(len(strata)) - first[strata]
    # A stratum without anybody yet has no load on any ceiling (see bethel._least).
    gain = 1 / np.maximum(step - 1, 1) - 1 / step
    columns = np.repeat(np.arange(len(strata)), ceilings.loads.shape[1])
    rows, values = ceilings.places[strata].ravel(), (ceilings.loads[strata] * gain[:, None]).ravel()
    matrix = coo_array((values, (rows, columns)), shape=(ceilings.size, len(strata))).tocsr()
    needed = ceilings.used(low) - 1 + margin
    found = milp(
        cost[strata],
        integrality=np.ones(len(strata)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, lb=needed),
        options={"node_limit": MOST_BRANCHES, "mip_rel_gap": 0.0},
    )
    return None if found.x is None else low + np.bincount(strata, np.rint(found.x), len(low))
