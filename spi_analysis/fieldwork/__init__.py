"""Fieldwork: what became of every invitation, rates, progress."""

from spi_analysis.fieldwork.dispositions import (
    ELIGIBLE_NONRESPONSE,
    INELIGIBLE,
    UNKNOWN,
    IneligibleReports,
    final_dispositions,
    ineligible_reports,
    scored_items_answered,
)
from spi_analysis.fieldwork.progress import daily_completes, funnel, log_against_answers, quota_progress
from spi_analysis.fieldwork.rates import disposition_counts, response_rates

__all__ = [
    "ELIGIBLE_NONRESPONSE",
    "INELIGIBLE",
    "UNKNOWN",
    "IneligibleReports",
    "daily_completes",
    "disposition_counts",
    "final_dispositions",
    "funnel",
    "ineligible_reports",
    "log_against_answers",
    "quota_progress",
    "response_rates",
    "scored_items_answered",
]
