"""The published years as a hierarchical model: level, change and noise."""

from spi_analysis.scores.years.holdout import METHODS, hold_out
from spi_analysis.scores.years.levels import levels, moves
from spi_analysis.scores.years.model import YearsFit, YearsModel, components, fit_panel, fit_years
from spi_analysis.scores.years.noise import Noise, published_noise
from spi_analysis.scores.years.panel import SERIES
from spi_analysis.scores.years.places import published_places

__all__ = [
    "METHODS",
    "SERIES",
    "Noise",
    "YearsFit",
    "YearsModel",
    "components",
    "fit_panel",
    "fit_years",
    "hold_out",
    "levels",
    "moves",
    "published_noise",
    "published_places",
]
