"""The convex problem behind Bethel's allocation: prices for the ceilings, then whole numbers.

For prices ``p_j >= 0`` of the ceilings the cheapest allocation is
``n_h = clip(sqrt(sum_j p_j a_hj / c_h), least_h, most_h)``, and its priced cost bounds every feasible cost
from below: the bound tells how far an allocation can be from the optimum.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, brentq, milp
from scipy.sparse import coo_array

from spi_analysis.sampling.precision import ROUNDING, Ceilings

# The search for prices ends when the cost is right to this share of itself, or after so many steps.
GAP = 1e-7
STEPS = 4000
LOOK_EVERY = 50
# Whole numbers are searched to the end while the choices left are at most this many; the search is cut after so
# many branches (never by the clock: the same input gives the same answer).
MOST_CHOICES = 1500
MOST_BRANCHES = 300
# What the solver of whole numbers may overlook in a ceiling.
SOLVER_ROUNDING = 2e-6


def cheapest_real(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The real-valued optimum, and the prices that prove it."""
    if ceilings.met(least):
        return least, np.zeros(ceilings.size)
    dual = _Dual(ceilings, cost, least, most)
    prices = dual.chromy()
    return dual.feasible(prices), prices


class _Dual:
    def __init__(self, ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        self.ceilings, self.cost, self.least, self.most = ceilings, cost, least, most

    def allocation(self, prices: np.ndarray) -> np.ndarray:
        return np.clip(np.sqrt(self.ceilings.priced(prices) / self.cost), self.least, self.most)

    def bound(self, prices: np.ndarray) -> float:
        """The cost that no feasible allocation goes below."""
        n = self.allocation(prices)
        return float(self.cost @ n + prices @ (self.ceilings.used(n) - 1))

    def chromy(self) -> np.ndarray:
        """A ceiling that is exceeded becomes dearer, one with room to spare cheaper, until the bound is met."""
        prices = np.full(self.ceilings.size, float(self.cost @ self.most) / self.ceilings.size)
        for step in range(1, STEPS + 1):
            prices = prices * self.ceilings.used(self.allocation(prices)) ** 2
            if step % LOOK_EVERY == 0:
                reached = float(self.cost @ self.feasible(prices))
                if reached - self.bound(prices) <= GAP * reached:
                    break
        return prices

    def feasible(self, prices: np.ndarray) -> np.ndarray:
        """The priced allocation, enlarged as a whole until every ceiling is met."""
        n = np.sqrt(self.ceilings.priced(prices) / self.cost)

        def enlarged(log_factor: float) -> np.ndarray:
            return np.clip(n * np.exp(log_factor), self.least, self.most)

        def excess(log_factor: float) -> float:
            return float(self.ceilings.used(enlarged(log_factor)).max() - 1 - ROUNDING / 2)

        low, high = -1.0, 0.0
        if excess(low) <= 0:
            return enlarged(low)
        while excess(high) > 0:
            low, high = high, 4 * high + 1e-6
            if high > 100:
                # A stratum without a price stays at its least unless a target needs all of it.
                return self.most
        return enlarged(float(brentq(excess, low, high, xtol=1e-13)))


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
    dual = _Dual(ceilings, cost, least, most)
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
