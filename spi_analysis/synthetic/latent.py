"""The integrity that people perceive: a latent score in points, made of unit, position, sex, age, person and item.

    latent = shift + unit + position + sex + age + person + item + noise

The spreads are chosen so that persons' source scores have a standard deviation of
12-18 points and units carry 5-10 % of the variance (experts: 8-12 points).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from spi_analysis.params import Source
from spi_analysis.synthetic.items import ScoredItems


@dataclass(frozen=True)
class LatentModel:
    """Standard deviations and effects of one source, in points. ``per_decade`` is the effect of ten years of age."""

    person: float
    noise: float
    unit: float
    dimension: float
    item: float
    female: float = 0.0
    per_decade: float = 0.0
    positions: dict[str, float] = field(default_factory=dict)

    def near(self, target: float) -> LatentModel:
        """The model for a mean score of ``target``: near the ceiling latent opinions lie wider apart."""
        stretch = 1 + CEILING_STRETCH * max(target - CEILING_STARTS, 0.0)
        return replace(self, person=self.person * stretch, unit=self.unit * stretch)


CEILING_STARTS = 86.0
CEILING_STRETCH = 0.05
MODELS: dict[Source, LatentModel] = {
    "internal": LatentModel(
        person=15.0,
        noise=20.0,
        unit=3.9,
        dimension=5.0,
        item=4.0,
        female=-0.8,
        per_decade=0.6,
        positions={"top_official": 4.0, "structural": 3.0, "staff": -1.5, "non_asn": -3.0},
    ),
    "external": LatentModel(person=27.0, noise=24.0, unit=9.0, dimension=5.0, item=4.0, female=-0.8, per_decade=0.6),
    "expert": LatentModel(person=8.0, noise=14.0, unit=0.0, dimension=0.0, item=5.0),
}

MIDDLE_AGE = 40.0


@dataclass(frozen=True)
class UnitEffects:
    """Standardised effects of the units on integrity and on response; the two go together a little."""

    integrity: pd.Series
    response: pd.Series


WIDEST_UNIT = 1.6  # standard deviations at which a unit's effect ends
TOGETHER = 0.4


def draw_unit_effects(units: pd.Series, rng: np.random.Generator) -> UnitEffects:
    """Effects with mean 0 and standard deviation about 1 over the people of the listed units."""
    sizes = units.value_counts(sort=False).sort_index()
    first, second = (np.clip(rng.standard_normal(sizes.size), -WIDEST_UNIT, WIDEST_UNIT) for _ in range(2))
    response = TOGETHER * first + np.sqrt(1 - TOGETHER**2) * second
    narrowed = _standardised(response, sizes).clip(lower=-WIDEST_UNIT, upper=WIDEST_UNIT)
    return UnitEffects(_standardised(first, sizes), narrowed)


def latent_scores(
    model: LatentModel,
    people: pd.DataFrame,
    ages: np.ndarray,
    units: UnitEffects,
    items: ScoredItems,
    item_rng: np.random.Generator,
    person_rng: np.random.Generator,
) -> np.ndarray:
    """The latent score (people, items) before the shift that anchors it."""
    fixed = model.female * (people["sex"] == "female").to_numpy() + model.per_decade * (ages - MIDDLE_AGE) / 10
    fixed += people["position_class"].map(model.positions).fillna(0).to_numpy(dtype=float)
    fixed += model.unit * people["unit"].map(units.integrity).fillna(0).to_numpy(dtype=float)
    fixed += model.person * person_rng.standard_normal(len(people))
    noise = person_rng.standard_normal((len(people), len(items.codes)), dtype=np.float32)
    noise *= np.float32(model.noise)
    noise += fixed.astype(np.float32)[:, None]
    noise += item_effects(model, items, item_rng).astype(np.float32)
    return noise


def item_effects(model: LatentModel, items: ScoredItems, rng: np.random.Generator) -> np.ndarray:
    """How easily people agree to each item, relative to the mean."""
    dimensions = model.dimension * rng.standard_normal(len(items.dimensions))
    return dimensions[items.dimension_of_item] + model.item * rng.standard_normal(len(items.codes))


def _standardised(effects: np.ndarray, sizes: pd.Series) -> pd.Series:
    if sizes.size < 2:
        return pd.Series(0.0, index=sizes.index)
    mean = np.average(effects, weights=sizes)
    spread = np.sqrt(np.average((effects - mean) ** 2, weights=sizes))
    return pd.Series((effects - mean) / spread, index=sizes.index)
