"""Recipe steps that move weight between people by what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.weighting.groups import groups_of
from spi_analysis.weighting.inputs import require_columns
from spi_analysis.weighting.nonresponse import eligibility_weights, nonresponse_weights
from spi_analysis.weighting.recipe import Prepared
from spi_analysis.weighting.statuses import INELIGIBLE


@dataclass(frozen=True)
class UnknownEligibility:
    """Spread the weight of those of unknown eligibility inside classes (see ``adjust_unknown_eligibility``)."""

    by: str
    column: str = "elig_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        require_columns(sample, [self.by])
        groups = groups_of(sample[self.by])
        return Prepared(lambda weights, _: eligibility_weights(weights, groups, classes))


@dataclass(frozen=True)
class WeightingClasses:
    """Move the weight of nonrespondents to respondents inside classes (see ``adjust_nonresponse``)."""

    by: str
    column: str = "nr_weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        require_columns(sample, [self.by])
        groups = groups_of(sample[self.by])
        return Prepared(lambda weights, _: nonresponse_weights(weights, groups, classes))


@dataclass(frozen=True)
class DropIneligible:
    """Set the weight of the known ineligible to 0: they have stood for their like up to here."""

    column: str = "weight"

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        stays = (classes != INELIGIBLE)[:, None]
        return Prepared(lambda weights, _: np.where(stays, weights, 0.0))
