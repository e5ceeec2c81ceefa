"""The recommendations that the results support, by strength of evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.params import RecommendationRules
from spi_analysis.survey.estimation import capped_se

# What a rule looks at, by the kind of its condition.
MEASURES = {"score_below": "dimension_score", "rate_above": "experience_rate"}


def applicable(estimates: pd.DataFrame, rules: RecommendationRules, most: int) -> pd.DataFrame:
    """Rules whose condition holds with the certainty they ask for.

    Parameters
    ----------
    estimates : DataFrame   table ``estimates`` of one institution, as shown (hidden figures give no advice)
    most : int              how many at the most

    Returns
    -------
    DataFrame: code, audience, measure, threshold, estimate, ci_low, ci_high, n, certainty; the
    strongest evidence (standard errors beyond the threshold) first.
    """
    rows, figures_of = [], _evidence(estimates)
    for rule in rules.rules:
        evidence = figures_of.get((MEASURES[rule.when.kind], rule.audience, rule.when.measure))
        if evidence is None:
            continue
        distance = _distance(evidence, rule.when.kind, rule.when.threshold)
        certainty = float(student.cdf(distance, evidence["df_design"]))
        if certainty >= rule.when.certainty:
            figures = {name: evidence[name] for name in ("estimate", "ci_low", "ci_high", "n")}
            rows.append(
                {
                    "code": rule.code,
                    "audience": rule.audience,
                    "measure": rule.when.measure,
                    "threshold": rule.when.threshold,
                    **figures,
                    "certainty": certainty,
                    "strength": distance,
                }
            )
    columns = [
        "code",
        "audience",
        "measure",
        "threshold",
        "estimate",
        "ci_low",
        "ci_high",
        "n",
        "certainty",
        "strength",
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["strength", "code"], ascending=[False, True]).head(most).reset_index(drop=True)


def _evidence(estimates: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows that give advice, by measure, source and part (dimension or item): rates of those with contact."""
    score, rate = (estimates["measure"] == MEASURES[kind] for kind in ("score_below", "rate_above"))
    used = estimates[(score | (rate & (estimates["denominator"] == "contacts"))) & (estimates["status"] == "shown")]
    return {(row["measure"], row["source"], row["part"]): row for row in used.to_dict("records")}


def _distance(evidence: dict[str, Any], kind: str, threshold: float) -> float:
    """How far beyond the threshold, in standard errors; a rate counts at most n answers, as in its interval."""
    beyond = threshold - evidence["estimate"] if kind == "score_below" else evidence["estimate"] - threshold
    se = evidence["se"]
    if kind == "rate_above":
        share, n = (np.array(evidence[name], dtype=float) for name in ("estimate", "n"))
        se = float(100 * capped_se(share / 100, np.array(se / 100), n))
    if se > 0 or beyond == 0:
        return float(beyond / se) if beyond else 0.0
    return float(np.copysign(np.inf, beyond))
