"""Stage: the tracker of recommendations, as imported."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import load_tracker
from spi_analysis.scores.tracker import COLUMNS
from spi_analysis.tables.contracts import checked
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.reading import AGAIN, read_table

FILE = "tracker.parquet"


def import_tracker(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read the tracker and keep it as ``data/tracker.parquet``, in the place of an earlier one; gives the table."""
    table = checked("tracker", load_tracker(path, setup.roster.ids()), path.name)
    write_parquet(setup.workspace.data / FILE, table)
    return table


def tracked(setup: RoundSetup, institution_id: str) -> pd.DataFrame:
    """What became of an institution's recommendations of the years before this round; empty if nothing is known."""
    path = setup.workspace.data / FILE
    empty = pd.DataFrame(columns=[*COLUMNS, "tlp"])
    table = read_table(path, None, "the tracker", f"{AGAIN}spi import tracker FILE") if path.exists() else empty
    own = table[(table["institution_id"] == institution_id) & (table["year"] < setup.round.year)]
    return own.sort_values(["year", "recommendation"], ascending=[False, True]).reset_index(drop=True)
