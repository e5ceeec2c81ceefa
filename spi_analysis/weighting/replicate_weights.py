"""Replicate weights as a table, and how to turn them into a variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Method = Literal["bootstrap", "jk1", "jkn", "brr", "fay"]


@dataclass(frozen=True)
class ReplicateWeights:
    """Replicate weights and how to turn them into a variance.

    ``variance = scale * sum_r rscales[r] * (theta_r - centre)**2``.

    ``values`` (n, R): persons per sampled person; ``scale`` a number; ``rscales`` (R,).
    """

    values: np.ndarray
    scale: float
    rscales: np.ndarray
    method: Method
