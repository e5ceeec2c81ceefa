"""Sources in the order in which all pages name them."""

from __future__ import annotations

import pandas as pd

from spi_analysis.columns import SOURCES


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by source: internal, external, experts; those that are there."""
    return table.reindex([source for source in SOURCES if source in table.index])
