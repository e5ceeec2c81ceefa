"""An interior-point search for Bethel's real-valued allocation, for targets so unlike that Chromy's rule becomes slow.

It moves in ``u = 1/n - 1/N``, where the ceilings are linear and a census (u = 0) is always inside.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array, diags_array

from spi_analysis.sampling.precision import Ceilings

# How far towards the border a step goes, and how much of the distance to it is kept as the aim of the next.
BORDER, CENTRE = 0.99, 0.15


class Interior:
    """Primal-dual steps: ``v`` (parts of the way from a census to ``least``) and the prices of all its limits."""

    def __init__(self, ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        free = (most > least) & (ceilings.loads > 0).any(axis=1)
        self.least, self.most, self.free = least, most, free
        self.span = 1 / least[free] - 1 / most[free]
        self.cost, self.floor = cost[free], 1 / most[free]
        rows = np.repeat(np.arange(int(free.sum())), ceilings.loads.shape[1])
        loads = (ceilings.loads[free] * self.span[:, None]).ravel()
        shape = (int(free.sum()), ceilings.size)
        self.matrix = csr_array(coo_array((loads, (rows, ceilings.places[free].ravel())), shape=shape))
        most_used = float((self.matrix.sum(axis=0)).max())
        self.v = np.full(shape[0], 0.5 / max(most_used, 1.0))
        # Prices in balance with the slope of the cost at the start.
        start = float(np.median(self.cost * self.span / (self.v * self.span + self.floor) ** 2 * self.v))
        self.prices = np.full(shape[1], start / shape[1])
        self.low, self.high = start / self.v, start / (1 - self.v)

    def allocation(self) -> np.ndarray:
        n = self.least.copy()
        n[self.free] = 1 / (self.v * self.span + self.floor)
        return np.clip(n, self.least, self.most)

    def step(self) -> bool:
        """One step towards the centre and the optimum; False where arithmetic allows no further one."""
        v, room = self.v, 1 - self.matrix.T @ self.v
        up = 1 - v
        at = v * self.span + self.floor
        slope, bend = -self.cost * self.span / at**2, 2 * self.cost * self.span**2 / at**3
        products = self.prices @ room + self.low @ v + self.high @ up
        aim = CENTRE * products / (len(room) + 2 * len(v))
        diagonal = bend + self.low / v + self.high / up
        right = -(slope + self.matrix @ (aim / room) - aim / v + aim / up)
        move = self._solved(diagonal, right, self.prices / room)
        if move is None:
            return False
        used = self.matrix.T @ move
        prices = aim / room - self.prices + self.prices / room * used
        low, high = aim / v - self.low - self.low / v * move, aim / up - self.high + self.high / up * move
        first = _longest((v, move), (up, -move), (room, -used))
        second = _longest((self.prices, prices), (self.low, low), (self.high, high))
        self.v = v + first * move
        self.prices, self.low, self.high = (
            value + second * change for value, change in ((self.prices, prices), (self.low, low), (self.high, high))
        )
        return bool((1 - self.matrix.T @ self.v > 0).all())

    def _solved(self, diagonal: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
        """(diagonal + A W A') move = right, scaled to a diagonal of ones."""
        full = (self.matrix @ diags_array(weight) @ self.matrix.T).toarray()
        full[np.diag_indices_from(full)] += diagonal
        scale = 1 / np.sqrt(np.diag(full))
        try:
            factor = cho_factor(full * scale[:, None] * scale[None, :], check_finite=True)
        except (np.linalg.LinAlgError, ValueError):
            return None
        return scale * cho_solve(factor, scale * right)


def _longest(*pairs: tuple[np.ndarray, np.ndarray]) -> float:
    """The longest step, at most 1, that keeps every value above 0."""
    longest = 1.0
    for value, change in pairs:
        falling = change < 0
        if falling.any():
            longest = min(longest, BORDER * float((value[falling] / -change[falling]).min()))
    return longest
