"""The published years as a hierarchical model: level, change and noise."""

from spi_analysis.scores.years.holdout import hold_out
from spi_analysis.scores.years.levels import levels, moves
from spi_analysis.scores.years.model import YearsFit, YearsModel, components, fit_panel, fit_years

__all__ = ["YearsFit", "YearsModel", "components", "fit_panel", "fit_years", "hold_out", "levels", "moves"]
