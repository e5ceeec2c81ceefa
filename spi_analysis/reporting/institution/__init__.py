"""The stakeholders' page of one institution."""

from spi_analysis.reporting.institution.bridge import bridge_view
from spi_analysis.reporting.institution.files import save_tables
from spi_analysis.reporting.institution.labels import short_name
from spi_analysis.reporting.institution.opening import opening_sentences
from spi_analysis.reporting.institution.tracker import tracker_view
from spi_analysis.reporting.institution.views import (
    change_view,
    composition_view,
    dimensions_view,
    experiences_view,
    glossary_view,
    index_chart,
    opening,
    quality_view,
    recommendations_view,
    units_view,
    who_answered_view,
)
from spi_analysis.reporting.institution.weak_sides import weak_sides_view

__all__ = [
    "bridge_view",
    "change_view",
    "composition_view",
    "dimensions_view",
    "experiences_view",
    "glossary_view",
    "index_chart",
    "opening",
    "opening_sentences",
    "quality_view",
    "recommendations_view",
    "save_tables",
    "short_name",
    "tracker_view",
    "units_view",
    "weak_sides_view",
    "who_answered_view",
]
