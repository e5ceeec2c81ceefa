"""What is there for every institution of a round."""

from __future__ import annotations

import pandas as pd

from spi_analysis.batch.plan import INSTITUTION_NOTEBOOKS
from spi_analysis.params import RoundSetup
from spi_analysis.tables.demo_marks import demo_is_whole, demo_seed, national_mark
from spi_analysis.tables.store import WRITTEN_BY, Store


def round_status(setup: RoundSetup) -> pd.DataFrame:
    """One row per institution: which tables are written, and which pages are made.

    Returns
    -------
    DataFrame: institution_id, one column per table ("yes" or ""), pages ("8 of 10"), next (the command that goes on).
    """
    store = Store(setup.workspace.data / setup.round.round_id)
    rows = []
    for institution_id in setup.institution_ids:
        folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
        pages = [k.page.format(language=lang) for k in INSTITUTION_NOTEBOOKS for lang in setup.round.languages]
        made = sum((folder / page).exists() for page in pages)
        tables = {table: "yes" if store.has(table, institution_id) else "" for table in WRITTEN_BY}
        missing = next((WRITTEN_BY[table] for table, there in tables.items() if not there), "")
        next_step = "spi run" if missing.startswith("spi run") or (not missing and made < len(pages)) else missing
        counts = {"pages": f"{made} of {len(pages)}", "next": next_step}
        rows.append({"institution_id": institution_id, **tables, **counts})
    return pd.DataFrame(rows)


def origin(setup: RoundSetup) -> str:
    """What the round's data are: the demo's, real, or not there yet."""
    national = national_mark(setup.workspace)
    if national:
        return f"generated national round (seed {national['seed']}, scale {national['scale']})"
    seed = demo_seed(setup.workspace)
    if seed is not None:
        return f"generated data of the demo (seed {seed})" + ("" if demo_is_whole(setup.workspace) else ", incomplete")
    return "no data yet" if not (setup.workspace.data / setup.round.round_id).exists() else "a round that is no demo"
