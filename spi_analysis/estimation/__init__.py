"""Design-based estimation, for any survey."""

from spi_analysis.estimation.association import TestResult, chi_square, t_test
from spi_analysis.estimation.bootstrap import bootstrap_means
from spi_analysis.estimation.contrasts import contrast
from spi_analysis.estimation.degrees import satterthwaite_df
from spi_analysis.estimation.design import SurveyDesign
from spi_analysis.estimation.estimators import estimate_mean, estimate_proportion, estimate_ratio, estimate_total
from spi_analysis.estimation.overlap import Linearised, overlap_covariance
from spi_analysis.estimation.quantiles import estimate_quantile
from spi_analysis.estimation.regression import SeparationWarning, estimate_regression
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import Estimate
from spi_analysis.estimation.small_area import FayHerriot, fay_herriot, smooth_variances
from spi_analysis.estimation.smooth import difference, smooth_contrast
from spi_analysis.estimation.variances import estimate_variance

__all__ = [
    "Estimate",
    "FayHerriot",
    "Linearised",
    "ReplicateDesign",
    "SeparationWarning",
    "SurveyDesign",
    "TestResult",
    "bootstrap_means",
    "chi_square",
    "contrast",
    "difference",
    "estimate_mean",
    "estimate_proportion",
    "estimate_quantile",
    "estimate_ratio",
    "estimate_regression",
    "estimate_total",
    "estimate_variance",
    "fay_herriot",
    "overlap_covariance",
    "satterthwaite_df",
    "smooth_contrast",
    "smooth_variances",
    "t_test",
]
