"""Units in which somebody told people what to answer.

Coached answers are part of the truth as it is defined here: what a full response would
give. They are there for the conduct checks to find, not for an estimator to undo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.synthetic.item_arrays import ScoredItems

OBEDIENT = 0.8  # share of a coached unit that answers as told
SECOND_BEST = 0.35  # share of the items for which the second-best answer was dictated
SLIP = 0.03  # chance that a coached person answers an item one category lower
UNIT_SIZES = (0.25, 0.6)  # quantiles of unit size between which units are coached


@dataclass(frozen=True)
class CoachedAnswers:
    """Row numbers of the coached people and their levels (people, items)."""

    rows: np.ndarray
    levels: np.ndarray


def draw_coached(units: pd.Series, items: ScoredItems, count: int, rng: np.random.Generator) -> CoachedAnswers:
    """Near-identical, high answers for most people of ``count`` middle-sized units."""
    sizes = units.value_counts(sort=False).sort_index()
    low, high = sizes.quantile(UNIT_SIZES)
    candidates = sizes.index[sizes.between(low, high)].to_numpy(dtype=object)
    chosen = rng.choice(candidates, min(count, candidates.size), replace=False)
    rows = np.flatnonzero(units.isin(chosen).to_numpy() & (rng.random(len(units)) < OBEDIENT))
    dictated = items.steps - (rng.random(len(items.codes)) < SECOND_BEST)
    slips = rng.random((rows.size, len(items.codes))) < SLIP
    return CoachedAnswers(rows, np.maximum(dictated - slips, 0))
