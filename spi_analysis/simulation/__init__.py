"""Competing designs carried out many times on a population with known answers, for any survey."""

from spi_analysis.simulation.compare import compare_designs, run_designs, summarise
from spi_analysis.simulation.design import Allocation, Design, Waves, Weighting
from spi_analysis.simulation.population import Population
from spi_analysis.simulation.response import ResponseModel, bias_of_respondents

__all__ = [
    "Allocation",
    "Design",
    "Population",
    "ResponseModel",
    "Waves",
    "Weighting",
    "bias_of_respondents",
    "compare_designs",
    "run_designs",
    "summarise",
]
