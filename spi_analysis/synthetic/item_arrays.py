"""The scored items of a source as arrays: from levels to codes, and from codes to scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_analysis.params import Instrument, Source


@dataclass(frozen=True)
class ScoredItems:
    """``steps`` is the width of each item's scale; a level counts from 0 (worst) to ``steps`` (best).

    ``weights`` (items, dimensions + 1): the last column belongs to the source score.
    """

    codes: list[str]
    dimensions: list[str]
    minimum: np.ndarray
    steps: np.ndarray
    positive: np.ndarray
    weights: np.ndarray
    dimension_of_item: np.ndarray

    @property
    def score_weights(self) -> np.ndarray:
        """Weight of every item in the source score."""
        return self.weights[:, -1]

    def to_codes(self, levels: np.ndarray) -> np.ndarray:
        """Answer codes of levels (people, items)."""
        return self.minimum + np.where(self.positive, levels, self.steps - levels)

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Scores 0-100 (people, dimensions + 1) of complete answer codes (people, items)."""
        share = (codes - self.minimum) / self.steps
        return 100 * np.where(self.positive, share, 1 - share) @ self.weights

    def levels(self, latent: np.ndarray) -> np.ndarray:
        """The nearest category of a latent score in points (people, items); beyond 0 and 100 the end category."""
        levels = np.rint(latent * (self.steps / 100).astype(latent.dtype))
        return np.clip(levels, 0, self.steps.astype(latent.dtype), out=levels)


def scored_items(instrument: Instrument, source: Source) -> ScoredItems:
    """The scored items of a source, in the order of the questionnaire."""
    items = instrument.items(source)
    scales = [instrument.scales[item.scale] for item in items]
    dimensions = instrument.sources[source].dimensions
    return ScoredItems(
        codes=[item.code for item in items],
        dimensions=[dimension.code for dimension in dimensions],
        minimum=np.array([scale.minimum for scale in scales]),
        steps=np.array([scale.maximum - scale.minimum for scale in scales]),
        positive=np.array([item.direction == "positive" for item in items]),
        weights=instrument.item_weights(source).to_numpy(),
        dimension_of_item=np.repeat(np.arange(len(dimensions)), [len(dimension.items) for dimension in dimensions]),
    )
