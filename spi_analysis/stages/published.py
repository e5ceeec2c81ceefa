"""Stage: published results of past years, imported or as carried by the project."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import load_published
from spi_analysis.tables.contracts import checked
from spi_analysis.tables.files import write_parquet


def published_results(setup: RoundSetup) -> pd.DataFrame:
    """Published results of past years: the imported table, else the figures that the project carries."""
    imported = setup.workspace.data / "published.parquet"
    if imported.exists():
        return pd.read_parquet(imported)
    return load_published(setup.workspace.params / "published.csv", setup.aliases.present)


def import_published(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read a file of published results and keep it as ``data/published.parquet``; gives the table."""
    table = checked("published", load_published(path, setup.aliases.present), path.name)
    write_parquet(setup.workspace.data / "published.parquet", table)
    return table
