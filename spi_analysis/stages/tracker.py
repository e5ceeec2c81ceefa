"""Stage: the tracker of recommendations, as imported."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import CHECKED, COLUMNS, load_tracker, with_rate
from spi_analysis.tables import AGAIN, checked, read_table, write_parquet

FILE = "tracker.parquet"


def import_tracker(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read the tracker and keep it as ``data/tracker.parquet``, in the place of an earlier one; gives the table."""
    table = checked("tracker", load_tracker(path, setup.roster.ids()), path.name)
    write_parquet(setup.workspace.data / FILE, table)
    return table


def tracked(setup: RoundSetup, institution_id: str) -> pd.DataFrame:
    """What became of an institution's recommendations of the years before this round; empty if nothing is known."""
    path = setup.workspace.data / FILE
    empty = pd.DataFrame(columns=COLUMNS)
    table = read_table(path, None, "the tracker", f"{AGAIN}spi import tracker FILE") if path.exists() else empty
    # A file kept by an earlier version does not say what was validated: its rates, of what was reported, do not count.
    table = with_rate(table.reindex(columns=[*COLUMNS, *CHECKED]))
    own = table[(table["institution_id"] == institution_id) & (table["year"] < setup.round.year)]
    return own.sort_values(["year", "recommendation"], ascending=[False, True]).reset_index(drop=True)
