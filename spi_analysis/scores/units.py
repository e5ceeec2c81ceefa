"""Scores of parts of an institution (units, position classes)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.scores.index import answerers, score_estimates, score_influence
from spi_analysis.survey import effective_n
from spi_analysis.survey.estimation import RESULT_COLUMNS, Estimate, ReplicateDesign, SurveyDesign

# Below this a difference is one of rounding: a unit that holds everybody differs from nothing.
ROUNDING = 1e-9
# So many levels are estimated at once: the covariance of all items in all of them grows with the square.
AT_ONCE = 30
COLUMNS = ["domain", *RESULT_COLUMNS, "effective_n", "difference", "difference_se"]


def domain_scores(
    design: SurveyDesign | ReplicateDesign,
    by: str,
    item_weights: pd.DataFrame,
    level: float,
    whole: Estimate | None = None,
) -> pd.DataFrame:
    """The source score in every level of ``by``, and its difference from that of everybody; the full design kept.

    Degrees of freedom are those of the level's own rows, as everywhere (``design.df_by``): a unit of twelve answers
    has eleven, whatever the size of the rest.

    Parameters
    ----------
    whole : Estimate or None   ``score_estimates`` of everybody, where they are there already

    Returns
    -------
    DataFrame, one row per level: domain, estimate, se, ci_low, ci_high, df_design, n, effective_n, difference,
    difference_se (with the covariance between the two scores: everybody includes the unit); n and effective_n are
    of those who answered.
    """
    column, whole = design.data[by], whole or score_estimates(design, item_weights, level)
    names = sorted(column[design.in_domain].dropna().unique())
    parts = [
        _some_scores(design, by, names[i : i + AT_ONCE], whole, item_weights, level)
        for i in range(0, len(names), AT_ONCE)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _some_scores(
    design: SurveyDesign | ReplicateDesign,
    by: str,
    names: list[str],
    whole: Estimate,
    item_weights: pd.DataFrame,
    level: float,
) -> pd.DataFrame:
    """``domain_scores`` of some of the levels."""
    column = design.data[by]
    parts = score_estimates(design.subset(column.isin(names).to_numpy()), item_weights, level, by)
    table = parts.table[parts.table["variable"] == "score"].rename(columns={by: "domain"}).reset_index(drop=True)
    inside = np.column_stack([(column == name).to_numpy() for name in table["domain"]])
    answered = inside & answerers(design, item_weights)[:, [list(item_weights.columns).index("score")]]
    table = table.assign(
        effective_n=[effective_n(design.weights[rows]) for rows in answered.T],
        difference=table["estimate"] - whole.table["estimate"].iloc[-1],
        difference_se=_difference_se(design, inside, parts, whole, item_weights),
    )[COLUMNS]
    table.loc[table["se"].isna(), "difference_se"] = np.nan
    return table


def _difference_se(
    design: SurveyDesign | ReplicateDesign, inside: np.ndarray, parts: Estimate, whole: Estimate, weights: pd.DataFrame
) -> np.ndarray:
    """Standard errors (D,) of the domains' source scores minus that of everybody; ``inside`` (n, D) of bool."""
    if isinstance(design, ReplicateDesign):
        assert parts.replicates is not None
        assert whole.replicates is not None
        scores = parts.table["estimate"].to_numpy()[-inside.shape[1] :]
        repeated = parts.replicates[:, -inside.shape[1] :] - whole.replicates[:, -1:]
        covariance = design.covariance_of(scores - whole.table["estimate"].iloc[-1], repeated)
    else:
        own = [score_influence(design.subset(rows), weights)[:, -1] for rows in inside.T]
        covariance = design.covariance(np.column_stack(own) - score_influence(design, weights)[:, -1:])
    variance = np.diag(covariance)
    se = np.sqrt(np.where(np.isfinite(variance), np.maximum(variance, 0.0), np.nan))
    return np.where(se < ROUNDING, 0.0, se)
