"""Scores of parts of an institution (units, position classes)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.estimation.result import RESULT_COLUMNS, t_interval
from spi_analysis.scores.index import score_estimates
from spi_analysis.weighting import effective_n


def domain_scores(
    design: SurveyDesign | ReplicateDesign, by: str, item_weights: pd.DataFrame, level: float
) -> pd.DataFrame:
    """The source score in every level of ``by``, the full design kept.

    Intervals use the smaller of the design's degrees of freedom and n - 1: a unit of
    twelve answers has eleven, whatever the size of the rest.

    Returns
    -------
    DataFrame, one row per level: domain, estimate, se, ci_low, ci_high, df_design, n, effective_n.
    """
    column = design.data[by]
    rows = []
    for name in sorted(column.dropna().unique()):
        inside = (column == name).to_numpy()
        part = score_estimates(design.subset(inside), item_weights, level).table
        score = part[part["variable"] == "score"].iloc[0]
        rows.append({"domain": name, **score.drop("variable"), "effective_n": effective_n(design.weights[inside])})
    table = pd.DataFrame(rows, columns=["domain", *RESULT_COLUMNS, "effective_n"])
    df = np.minimum(table["df_design"].to_numpy(dtype=float), table["n"].to_numpy(dtype=float) - 1)
    low, high = t_interval(table["estimate"].to_numpy(dtype=float), table["se"].to_numpy(dtype=float), df, level)
    return table.assign(df_design=df, ci_low=np.clip(low, 0, 100), ci_high=np.clip(high, 0, 100))
