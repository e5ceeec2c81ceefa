"""Stage: between which places the institutions of a round lie among their peers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import RankParams, RoundSetup
from spi_analysis.scores import rank_sets
from spi_analysis.tables import Store, released_estimates

COLUMNS = ["institution_id", "peer_group", "peers", "estimate", "best", "worst", "best_alone", "worst_alone"]


def round_rank_sets(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """Sets of ranks of the indices of a round, among peers (``ranks.peers``: of a type, or of a type and size class).

    Only institutions whose index is shown are compared: a hidden one, or one withheld (also after it was scored), is
    in nobody's comparison, so that no set of ranks tells of it. Errors of different institutions count as independent.

    Returns
    -------
    DataFrame, in the order of the round: institution_id, peer_group, peers (institutions compared, itself included),
    estimate, best, worst (all sets of the group together hold the true ranks), best_alone, worst_alone (the set of
    this one by itself).
    """
    shown = _shown_indices(setup, store)
    if shown.empty:
        return pd.DataFrame(columns=COLUMNS)
    groups = [_ranked(group, setup.round.ranks, setup.round.level) for _, group in shown.groupby("peer_group")]
    return pd.concat(groups).loc[shown.index].reset_index()[COLUMNS]


def _shown_indices(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """estimate, se, df_design, peer_group of every institution whose index is shown, by institution_id."""
    scored = [i for i in setup.institution_ids if store.has("estimates", i)]
    if not scored:
        return pd.DataFrame()
    rows = pd.concat([released_estimates(store, i, setup.inputs[i]) for i in scored])
    rows = rows[(rows["measure"] == "index") & (rows["status"] == "shown")].set_index("institution_id")
    rows = rows[rows["estimate"].notna() & rows["se"].notna() & (rows["df_design"] > 0)]
    return rows[["estimate", "se", "df_design"]].assign(peer_group=[_group(setup, code) for code in rows.index])


def _group(setup: RoundSetup, institution_id: str) -> str:
    institution = setup.roster[institution_id]
    return "/".join(str(getattr(institution, by) or "") for by in setup.round.ranks.peers)


def _ranked(group: pd.DataFrame, ranks: RankParams, level: float) -> pd.DataFrame:
    # The order of the round must not matter.
    ordered = group.sort_index()
    errors = {"se": ordered["se"].to_numpy(), "df": np.asarray(ordered["df_design"], dtype=float)}
    options = {"level": level, "draws": ranks.draws, "seed": ranks.seed}
    together = rank_sets(ordered["estimate"], **errors, **options)
    alone = rank_sets(ordered["estimate"], **errors, **options, simultaneous=False)
    return together.assign(
        peers=len(group), peer_group=group["peer_group"].iloc[0], best_alone=alone["best"], worst_alone=alone["worst"]
    )
