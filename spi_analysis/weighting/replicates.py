"""Replicate weights: the same sample, drawn again on paper many times."""

from __future__ import annotations

from spi_analysis.weighting.bootstrap import BootstrapReplicates, bootstrap_plan, bootstrap_replicates
from spi_analysis.weighting.bootstrap_sums import ReplicateSums, raked_replicates, replicate_sums
from spi_analysis.weighting.brr import brr_replicates
from spi_analysis.weighting.jackknife import jackknife_replicates
from spi_analysis.weighting.replicate_weights import ReplicateWeights

__all__ = [
    "BootstrapReplicates",
    "ReplicateSums",
    "ReplicateWeights",
    "bootstrap_plan",
    "bootstrap_replicates",
    "brr_replicates",
    "jackknife_replicates",
    "raked_replicates",
    "replicate_sums",
]
