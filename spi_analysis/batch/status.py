"""What is there for every institution of a round."""

from __future__ import annotations

import pandas as pd

from spi_analysis.batch.plan import INSTITUTION_NOTEBOOKS
from spi_analysis.params import RoundSetup
from spi_analysis.tables.store import WRITTEN_BY, Store


def round_status(setup: RoundSetup) -> pd.DataFrame:
    """One row per institution: which tables are written, and which pages are made.

    Returns
    -------
    DataFrame: institution_id, one column per table ("yes" or ""), pages ("8 of 10").
    """
    store = Store(setup.workspace.data / setup.round.round_id)
    rows = []
    for institution_id in setup.institution_ids:
        folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
        pages = [k.page.format(language=lang) for k in INSTITUTION_NOTEBOOKS for lang in setup.round.languages]
        made = sum((folder / page).exists() for page in pages)
        tables = {table: "yes" if store.has(table, institution_id) else "" for table in WRITTEN_BY}
        rows.append({"institution_id": institution_id, **tables, "pages": f"{made} of {len(pages)}"})
    return pd.DataFrame(rows)
