"""Weighting, for any survey: nonresponse, calibration, trimming, replicates, and recipes of them."""

from spi_analysis.weighting.bootstrap import bootstrap_plan
from spi_analysis.weighting.bootstrap_sums import raked_replicates, replicate_sums
from spi_analysis.weighting.calibration import calibrate, post_stratify
from spi_analysis.weighting.classes import observed_fraction, two_phase_replicates, weighting_classes
from spi_analysis.weighting.diagnostics import balance, effective_n, kish_deff
from spi_analysis.weighting.figures import balance_figure
from spi_analysis.weighting.nonresponse import adjust_nonresponse, adjust_unknown_eligibility
from spi_analysis.weighting.raking import rake
from spi_analysis.weighting.recipe import Merged, Step, Weighted, apply_recipe
from spi_analysis.weighting.replicates import (
    ReplicateWeights,
    bootstrap_replicates,
    brr_replicates,
    jackknife_replicates,
)
from spi_analysis.weighting.report import WeightingReport
from spi_analysis.weighting.response.classes import propensity_classes
from spi_analysis.weighting.response.model import fit_propensity, response_propensity
from spi_analysis.weighting.response.r_indicator import RIndicator, r_indicator
from spi_analysis.weighting.response.step import Propensity
from spi_analysis.weighting.steps import DropIneligible, UnknownEligibility, WeightingClasses
from spi_analysis.weighting.steps_calibration import Calibrate, PostStratify, Rake
from spi_analysis.weighting.steps_checks import Assert
from spi_analysis.weighting.steps_trimming import Potter, Trim, TrimFixed, TrimRatio
from spi_analysis.weighting.trimming import trim_weights

__all__ = [
    "Assert",
    "Calibrate",
    "DropIneligible",
    "Merged",
    "PostStratify",
    "Potter",
    "Propensity",
    "RIndicator",
    "Rake",
    "ReplicateWeights",
    "Step",
    "Trim",
    "TrimFixed",
    "TrimRatio",
    "UnknownEligibility",
    "Weighted",
    "WeightingClasses",
    "WeightingReport",
    "adjust_nonresponse",
    "adjust_unknown_eligibility",
    "apply_recipe",
    "balance",
    "balance_figure",
    "bootstrap_plan",
    "bootstrap_replicates",
    "brr_replicates",
    "calibrate",
    "effective_n",
    "fit_propensity",
    "jackknife_replicates",
    "kish_deff",
    "observed_fraction",
    "post_stratify",
    "propensity_classes",
    "r_indicator",
    "rake",
    "raked_replicates",
    "replicate_sums",
    "response_propensity",
    "trim_weights",
    "two_phase_replicates",
    "weighting_classes",
]
