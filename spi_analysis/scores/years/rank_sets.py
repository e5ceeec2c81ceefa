"""Rank sets of the last published year, with the model's noise in place of a standard error."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from spi_analysis.params import RankParams
from spi_analysis.scores import rank_sets
from spi_analysis.scores.years.model import YearsFit, YearsModel

COLUMNS = ["type", "peers", "published", "best", "worst", "best_alone", "worst_alone"]
# With less, the noise is as good as unknown and no order is shown at all.
LEAST_DF = 1.0


def published_rank_sets(model: YearsModel, ranks: RankParams, level: float, of: Collection[str]) -> pd.DataFrame:
    """Between which places each institution lies among those of its type, by the index of the last year.

    Published figures carry no standard error: the noise of the hierarchical model stands in, the same for all of a
    type, estimated with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    of : codes   institutions whose marginal set (for it alone) is wanted too

    Returns
    -------
    DataFrame, index institution_id: type, peers (institutions compared, itself included), published, best, worst (all
    sets of the type together hold the true ranks), best_alone, worst_alone (missing for institutions not in ``of``).
    """
    tables = [_rank_sets_of(fit, ranks, level, of) for fit in model.fits if fit.panel.series == "index"]
    return pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS, index=pd.Index([], name="institution_id"))


def _rank_sets_of(fit: YearsFit, ranks: RankParams, level: float, of: Collection[str]) -> pd.DataFrame:
    last = pd.Series(fit.panel.values[:, -1], index=fit.panel.institution_ids).dropna()
    variance, df = fit.noise_of(-1)
    table = pd.DataFrame({"type": fit.panel.type, "peers": len(last), "published": last, "best": 1, "worst": len(last)})
    own = [code for code in last.index if code in of]
    alone = pd.DataFrame({"best": 1, "worst": len(last)}, index=own)
    if df >= LEAST_DF:
        se = np.full(len(last), np.sqrt(variance))
        options = {"df": df, "level": level, "draws": ranks.draws, "seed": ranks.seed}
        table[["best", "worst"]] = rank_sets(last, se, **options)[["best", "worst"]]
        if own:
            alone = rank_sets(last, se, simultaneous=False, of=own, **options)
    return table.assign(best_alone=alone["best"].reindex(last.index), worst_alone=alone["worst"].reindex(last.index))
