"""Design-based estimation, for any survey."""

from spi_analysis.estimation.contrasts import contrast
from spi_analysis.estimation.design import SurveyDesign
from spi_analysis.estimation.estimators import estimate_mean, estimate_proportion, estimate_ratio, estimate_total
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import Estimate

__all__ = [
    "Estimate",
    "ReplicateDesign",
    "SurveyDesign",
    "contrast",
    "estimate_mean",
    "estimate_proportion",
    "estimate_ratio",
    "estimate_total",
]
