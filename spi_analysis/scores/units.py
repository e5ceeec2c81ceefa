"""Scores of parts of an institution (units, position classes)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.estimation import Estimate, ReplicateDesign, SurveyDesign
from spi_analysis.estimation.result import RESULT_COLUMNS, t_interval
from spi_analysis.scores.index import answerers, score_estimates, score_influence
from spi_analysis.weighting import effective_n

# Below this a difference is one of rounding: a unit that holds everybody differs from nothing.
ROUNDING = 1e-9


def domain_scores(
    design: SurveyDesign | ReplicateDesign, by: str, item_weights: pd.DataFrame, level: float
) -> pd.DataFrame:
    """The source score in every level of ``by``, and its difference from that of everybody; the full design kept.

    Intervals use the smaller of the design's degrees of freedom and n - 1: a unit of
    twelve answers has eleven, whatever the size of the rest.

    Returns
    -------
    DataFrame, one row per level: domain, estimate, se, ci_low, ci_high, df_design, n, effective_n, difference,
    difference_se (with the covariance between the two scores: everybody includes the unit); n and effective_n are
    of those who answered.
    """
    column, whole = design.data[by], score_estimates(design, item_weights, level)
    place = list(item_weights.columns).index("score")
    rows = []
    for name in sorted(column.dropna().unique()):
        inside = (column == name).to_numpy()
        own = design.subset(inside)
        part = score_estimates(own, item_weights, level)
        score = part.table[part.table["variable"] == "score"].iloc[0]
        difference = float(score["estimate"] - whole.table["estimate"].iloc[-1])
        rows.append(
            {
                "domain": name,
                **score.drop("variable"),
                "effective_n": effective_n(design.weights[answerers(own, item_weights)[:, place]]),
                "difference": difference,
                "difference_se": _difference_se(design, inside, part, whole, item_weights),
            }
        )
    columns = ["domain", *RESULT_COLUMNS, "effective_n", "difference", "difference_se"]
    table = pd.DataFrame(rows, columns=columns)
    df = np.minimum(table["df_design"].to_numpy(dtype=float), table["n"].to_numpy(dtype=float) - 1)
    low, high = t_interval(table["estimate"].to_numpy(dtype=float), table["se"].to_numpy(dtype=float), df, level)
    table.loc[table["se"].isna(), "difference_se"] = np.nan
    return table.assign(df_design=df, ci_low=np.clip(low, 0, 100), ci_high=np.clip(high, 0, 100))


def _difference_se(
    design: SurveyDesign | ReplicateDesign, inside: np.ndarray, part: Estimate, whole: Estimate, weights: pd.DataFrame
) -> float:
    """Standard error of a domain's source score minus that of everybody."""
    if isinstance(design, ReplicateDesign):
        assert part.replicates is not None
        assert whole.replicates is not None
        values = [estimate.table["estimate"].to_numpy()[-1:] for estimate in (part, whole)]
        repeated = part.replicates[:, -1:] - whole.replicates[:, -1:]
        variance = design.covariance_of(values[0] - values[1], repeated)
    else:
        influence = score_influence(design.subset(inside), weights) - score_influence(design, weights)
        variance = design.covariance(influence[:, -1:])
    se = float(np.sqrt(max(variance[0, 0], 0.0))) if np.isfinite(variance[0, 0]) else float("nan")
    return 0.0 if se < ROUNDING else se
