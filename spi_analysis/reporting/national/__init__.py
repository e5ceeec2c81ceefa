"""The national overview, section by section: every function shows one, in all languages."""

from spi_analysis.reporting.national.moves import hold_out_table, moves_table
from spi_analysis.reporting.national.published import (
    agreement_table,
    bridge_view,
    categories_table,
    corrections_table,
    disagreement_table,
    distribution_chart,
    means_table,
    movers_table,
    types_chart,
    unjoined_table,
)
from spi_analysis.reporting.national.round import experiences_table, places_table, round_table
from spi_analysis.reporting.national.years import components_table, levels_view, published_places_table

__all__ = [
    "agreement_table",
    "bridge_view",
    "categories_table",
    "components_table",
    "corrections_table",
    "disagreement_table",
    "distribution_chart",
    "experiences_table",
    "hold_out_table",
    "levels_view",
    "means_table",
    "movers_table",
    "moves_table",
    "places_table",
    "published_places_table",
    "round_table",
    "types_chart",
    "unjoined_table",
]
