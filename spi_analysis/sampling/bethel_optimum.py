"""The convex problem behind Bethel's allocation: prices for the ceilings.

For prices ``p_j >= 0`` of the ceilings the cheapest allocation is
``n_h = clip(sqrt(sum_j p_j a_hj / c_h), least_h, most_h)``, and its priced cost bounds every feasible cost
from below: the bound tells how far an allocation can be from the optimum.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from spi_analysis.sampling.bethel_interior import Interior
from spi_analysis.sampling.precision import ROUNDING, Ceilings

# The search ends when the cost is right to this share of itself, or after so many steps of either kind.
GAP = 1e-6
CHROMY_STEPS = 2000
LOOK_EVERY = 50
INTERIOR_STEPS = 100
# A step of the interior search takes time of the order H**3; on longer lists Chromy's prices and their bound stand.
INTERIOR_MOST = 300


def cheapest_real(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The real-valued optimum, and the prices that prove it."""
    if ceilings.met(least):
        return least, np.zeros(ceilings.size)
    dual = Dual(ceilings, cost, least, most)
    best = _Best(dual)
    prices = np.full(ceilings.size, float(cost @ most) / ceilings.size)
    for step in range(1, CHROMY_STEPS + 1):
        prices = dual.chromy(prices)
        if step % LOOK_EVERY == 0 and best.found(dual.feasible(prices), prices):
            return best.allocation, best.prices
    if len(cost) > INTERIOR_MOST:
        return best.allocation, best.prices
    search = Interior(ceilings, cost, least, most)
    for _ in range(INTERIOR_STEPS):
        if not search.step() or best.found(search.allocation(), search.prices):
            break
    return best.allocation, best.prices


class Dual:
    """Allocations for given prices, and the bound that they prove."""

    def __init__(self, ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        self.ceilings, self.cost, self.least, self.most = ceilings, cost, least, most
        self.census = ceilings.of_a_census()

    def allocation(self, prices: np.ndarray) -> np.ndarray:
        return np.clip(np.sqrt(self.ceilings.priced(prices) / self.cost), self.least, self.most)

    def bound(self, prices: np.ndarray) -> float:
        """The cost that no feasible allocation goes below."""
        n = self.allocation(prices)
        return float(self.cost @ n + prices @ (self.ceilings.used(n) - 1))

    def chromy(self, prices: np.ndarray) -> np.ndarray:
        """A ceiling that is exceeded becomes dearer, one with room to spare cheaper."""
        used = self.ceilings.used(self.allocation(prices))
        return prices * ((used + self.census) / (1 + self.census)) ** 2

    def feasible(self, prices: np.ndarray) -> np.ndarray:
        """The priced allocation, enlarged or lowered as a whole until every ceiling is just met."""
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


class _Best:
    """The cheapest allocation and the highest bound seen so far."""

    def __init__(self, dual: Dual) -> None:
        self.dual, self.allocation, self.prices = dual, dual.most, np.zeros(dual.ceilings.size)
        self.cost, self.bound = float(dual.cost @ dual.most), -np.inf

    def found(self, allocation: np.ndarray, prices: np.ndarray) -> bool:
        """Take what is better of both; True once they have met."""
        cost, bound = float(self.dual.cost @ allocation), self.dual.bound(prices)
        if cost < self.cost and self.dual.ceilings.met(allocation):
            self.allocation, self.cost = allocation, cost
        if bound > self.bound:
            self.prices, self.bound = prices, bound
        return self.cost - self.bound <= GAP * self.cost
