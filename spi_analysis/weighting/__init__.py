"""Weighting, for any survey: nonresponse, calibration, trimming, replicates, and recipes of them."""

from spi_analysis.weighting.calibration import calibrate, post_stratify
from spi_analysis.weighting.diagnostics import balance, effective_n, kish_deff
from spi_analysis.weighting.nonresponse import adjust_nonresponse, adjust_unknown_eligibility
from spi_analysis.weighting.raking import rake
from spi_analysis.weighting.recipe import (
    DropIneligible,
    Merged,
    Rake,
    Step,
    Trim,
    UnknownEligibility,
    Weighted,
    WeightingClasses,
    apply_recipe,
    observed_fraction,
    two_phase_replicates,
    weighting_classes,
)
from spi_analysis.weighting.replicates import (
    ReplicateWeights,
    bootstrap_replicates,
    brr_replicates,
    jackknife_replicates,
)
from spi_analysis.weighting.trimming import trim_weights

__all__ = [
    "DropIneligible",
    "Merged",
    "Rake",
    "ReplicateWeights",
    "Step",
    "Trim",
    "UnknownEligibility",
    "Weighted",
    "WeightingClasses",
    "adjust_nonresponse",
    "adjust_unknown_eligibility",
    "apply_recipe",
    "balance",
    "bootstrap_replicates",
    "brr_replicates",
    "calibrate",
    "effective_n",
    "jackknife_replicates",
    "kish_deff",
    "observed_fraction",
    "post_stratify",
    "rake",
    "trim_weights",
    "two_phase_replicates",
    "weighting_classes",
]
