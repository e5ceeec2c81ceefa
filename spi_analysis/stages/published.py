"""Stage: published results of past years, imported or as carried by the project."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import load_published
from spi_analysis.tables.contracts import checked
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.reading import AGAIN, read_table


def published_results(setup: RoundSetup) -> pd.DataFrame:
    """Published results of past years: the imported table, else the figures that the project carries."""
    imported = setup.workspace.data / "published.parquet"
    if imported.exists():
        table = read_table(imported, None, "the table of published results", f"{AGAIN}spi import published FILE")
        return without_withheld(table, setup)
    return without_withheld(load_published(setup.workspace.params / "published.csv", setup.aliases.present), setup)


def without_withheld(published: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """Published results without what this round withholds by decision: tables of published years may still carry it."""
    withheld = [i for i, inputs in setup.inputs.items() if inputs.release == "withheld"]
    gone = (published["year"] == setup.round.year) & published["institution_id"].isin(withheld)
    return published[~gone].reset_index(drop=True)


def import_published(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read a file of published results and keep it as ``data/published.parquet``; gives the table."""
    table = checked("published", load_published(path, setup.aliases.present), path.name)
    write_parquet(setup.workspace.data / "published.parquet", table)
    return table
