"""Where the results of the design simulator are kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.designs import designs_file
from spi_analysis.tables.files import write_csv


def save_designs(setup: RoundSetup, institution_id: str, table: pd.DataFrame) -> Path:
    """Keep the table where notebook 15 looks for it, whole or not at all."""
    return write_csv(designs_file(setup, institution_id), table)
