"""How people were drawn, and what that leaves open of a total."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.groups import Groups, groups_of
from spi_analysis.weighting.inputs import weights_of

# With at most so many distinct weights and no strata given, people of the same weight are taken as a stratum.
MOST_STRATA = 20


@dataclass(frozen=True)
class Sample:
    """Weights (n,), and strata, or None where probabilities are unequal."""

    weights: np.ndarray
    strata: Groups | None

    @property
    def size(self) -> float:
        """Size of the population."""
        return float(self.weights.sum())

    def total_variance(self, values: np.ndarray) -> float:
        """Sampling variance of the estimated total of ``values`` (n,)."""
        n = len(values)
        if self.strata is None:
            weighted = values * self.weights
            return float(((n * weighted - weighted.sum()) ** 2).sum() / n / (n - 1))
        codes = self.strata.codes
        counts, sizes = np.bincount(codes), np.bincount(codes, self.weights)
        centred = values - (np.bincount(codes, values) / counts)[codes]
        spread = np.bincount(codes, centred**2) / np.maximum(counts - 1, 1)
        return float((sizes**2 * (1 - counts / sizes) * spread / counts).sum())


def sample_of(people: pd.DataFrame, weight: str | None, stratum: str | None) -> Sample:
    """The design of a sample; strata inside which weights differ are left aside.

    Raises
    ------
    WeightingError   a stratum with one person.
    """
    weights = np.ones(len(people)) if weight is None else weights_of(people, weight)
    strata = groups_of(people[stratum] if stratum else pd.Series(weights))
    counts = np.bincount(strata.codes)
    if stratum is None:
        return Sample(weights, strata if len(counts) <= MOST_STRATA and counts.min() > 1 else None)
    weight_in = pd.Series(weights).groupby(strata.codes)
    if (weight_in.min() != weight_in.max()).any():
        return Sample(weights, None)
    lonely = (counts == 1) & (weight_in.sum().to_numpy() > 1)
    if lonely.any():
        raise WeightingError(
            "a stratum has one person",
            column=stratum,
            key=strata.labels[int(lonely.argmax())],
            expected="two people or more in every stratum, or all of it",
            hint="merge it with another stratum",
        )
    return Sample(weights, strata)
