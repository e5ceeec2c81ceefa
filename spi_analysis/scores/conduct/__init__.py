"""Signs of coached answers, unit by unit: flags with a stated false-alarm rate, never a deduction."""

from spi_analysis.scores.conduct.checks import CHECKS, conduct_checks, flagged
from spi_analysis.scores.conduct.summary import conduct_summary

__all__ = ["CHECKS", "conduct_checks", "conduct_summary", "flagged"]
