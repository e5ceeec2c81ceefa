"""Shift latent scores until the true score of a source is the published one."""

from __future__ import annotations

import math

import numpy as np

from spi_analysis.synthetic.coaching import CoachedAnswers
from spi_analysis.synthetic.items import ScoredItems
from spi_analysis.synthetic.randomness import solve_increasing

WIDEST_SHIFT = 400.0  # points; no published score lies beyond
CLOSE_ENOUGH = 0.005  # the shift stops here; single answers do the rest
MOST_NUDGES = 5_000

_normal_cdf = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)), otypes=[float])


def anchored_levels(
    latent: np.ndarray,
    items: ScoredItems,
    target: float,
    counted: np.ndarray,
    coached: CoachedAnswers,
    rng: np.random.Generator,
) -> np.ndarray:
    """Levels (people, items) whose mean source score over the ``counted`` people is ``target``.

    Coached answers stay as they are. One shift moves everyone else alike; then single
    random answers move by one category, which takes out the rest down to half of one
    answer's share.
    """
    free = counted.copy()
    free[coached.rows] = False
    weights = items.score_weights / items.steps * 100 / max(counted.sum(), 1)
    rest = float((coached.levels[counted[coached.rows]] @ weights).sum())
    moving = latent[free]

    def mean_score(shift: float) -> float:
        return rest + float(items.levels(moving + np.float32(shift)).sum(axis=0, dtype=float) @ weights)

    shift = solve_increasing(mean_score, target, -WIDEST_SHIFT, WIDEST_SHIFT, CLOSE_ENOUGH)
    levels = items.levels(latent + np.float32(shift)).astype(int)
    levels[coached.rows] = coached.levels
    _nudge(levels, items, weights, np.flatnonzero(free), target - mean_score(shift), rng)
    return levels


def superpopulation_mean(centre: np.ndarray, spread: float, items: ScoredItems) -> np.ndarray:
    """Expected scores (dimensions + 1) where every item's latent score is normal around ``centre``."""
    expected = np.empty(len(items.codes))
    for item, steps in enumerate(items.steps):
        borders = (np.arange(1, steps + 1) - 0.5) * 100 / steps
        expected[item] = _normal_cdf((centre[item] - borders) / spread).sum() / steps
    return 100 * expected @ items.weights


def superpopulation_shift(centre: np.ndarray, spread: float, items: ScoredItems, target: float) -> float:
    """The shift of ``centre`` at which the expected source score is ``target``."""
    return solve_increasing(
        lambda shift: float(superpopulation_mean(centre + shift, spread, items)[-1]),
        target,
        -WIDEST_SHIFT,
        WIDEST_SHIFT,
    )


def _nudge(
    levels: np.ndarray,
    items: ScoredItems,
    weights: np.ndarray,
    rows: np.ndarray,
    gap: float,
    rng: np.random.Generator,
) -> None:
    """Move random single answers by one category, in place, until the mean is as near as it gets."""
    cells = rows.size * len(items.codes)
    picked = rng.choice(cells, size=min(cells, MOST_NUDGES), replace=False)
    row, item = rows[picked // len(items.codes)], picked % len(items.codes)
    step = int(np.sign(gap))
    movable = (levels[row, item] + step >= 0) & (levels[row, item] + step <= items.steps[item])
    row, item = row[movable], item[movable]
    moved = np.concatenate([[0.0], weights[item].cumsum()])
    enough = int(np.abs(moved - abs(gap)).argmin())
    levels[row[:enough], item[:enough]] += step
