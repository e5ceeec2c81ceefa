"""Sums over groups of rows, for one weight vector or many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from spi_analysis.errors import WeightingError


@dataclass(frozen=True)
class Groups:
    """Rows in groups: ``codes`` (n,) index into ``labels`` (G,)."""

    codes: np.ndarray
    labels: list[str]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, K) per group: (G, K)."""
        n = len(self.codes)
        indicator = sparse.csr_array((np.ones(n), (self.codes, np.arange(n))), shape=(len(self.labels), n))
        return np.asarray(indicator @ values)

    def spread(self, per_group: np.ndarray) -> np.ndarray:
        """The value of each row's group: (G, K) to (n, K)."""
        return per_group[self.codes]


def groups_of(labels: pd.Series) -> Groups:
    """Groups of equal labels, in the order of the labels."""
    codes, names = pd.factorize(labels, sort=True)
    if (codes < 0).any():
        raise WeightingError(
            "a grouping value is missing",
            column=str(labels.name),
            row=int((codes < 0).argmax()) + 1,
            expected="a value for everyone in the sample",
        )
    return Groups(codes, [str(name) for name in names])
