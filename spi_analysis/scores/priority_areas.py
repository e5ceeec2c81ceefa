"""Priority areas and recommendations by strength of evidence, with the number of comparisons kept in mind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.params import RecommendationRules
from spi_analysis.survey.estimation import capped_se

ADJUSTMENTS = ("bh", "holm")
# Source and dimension ("" for the whole source) -> points to be compared with.
Yardsticks = Mapping[tuple[str, str], float]
# Measure of the table estimates -> kind of part, whether it is a difference already.
KINDS = {
    "source_score": ("source", False),
    "dimension_score": ("dimension", False),
    "unit_difference": ("unit", True),
    "class_difference": ("class", True),
}
COLUMNS = [
    "kind",
    "source",
    "part",
    "score",
    "yardstick",
    "difference",
    "se",
    "ci_low",
    "ci_high",
    "level",
    "df_design",
    "n",
    "effective_n",
    "p_value",
    "p_adjusted",
    "is_clear",
]


def find_priority_areas(
    estimates: pd.DataFrame,
    threshold: float,
    adjustment: str,
    rate: float,
    yardsticks: Yardsticks = MappingProxyType({}),
) -> pd.DataFrame:
    """Sources, dimensions, units and position classes, the clearest weakness first.

    Sources and dimensions are compared with what peers reach, where it is known, else with a threshold; units and
    position classes with their whole source. The one-sided p-value says how often a part that is not weak would look
    at least so weak. It is adjusted over all parts of the institution together, as they stand in one list. A source
    with one shown dimension only, which is the same figure, is left out.

    Parameters
    ----------
    estimates : DataFrame   table ``estimates`` as shown: what is hidden takes no part
    threshold : float       points of 0-100
    adjustment : str        bh: at most ``rate`` of the parts called clear are expected to be false alarms; holm: the
        chance of even one false alarm is at most ``rate``
    rate : float
    yardsticks : mapping    source and dimension ("" for the whole source) -> points that peers reach, taken as known

    Returns
    -------
    DataFrame: kind, source, part ("" for a source), score, yardstick (missing for units and classes), difference
    (score minus yardstick or whole source), se, ci_low, ci_high, level, df_design, n, effective_n, p_value,
    p_adjusted, is_clear. A part without a known error is left out.

    References
    ----------
    Benjamini & Hochberg (1995), JRSS B 57; Benjamini & Yekutieli (2001), Annals of Statistics 29 (parts that go up and
    down together); Holm (1979), Scandinavian Journal of Statistics 6.
    """
    usable = estimates["measure"].isin(KINDS) & (estimates["status"] == "shown") & ~_said_by_a_dimension(estimates)
    rows = estimates[usable & (estimates["se"] > 0) & (estimates["df_design"] > 0)]
    kind, is_difference = (rows["measure"].map({m: k[i] for m, k in KINDS.items()}) for i in range(2))
    keys = zip(rows["source"], rows["part"].fillna(""), strict=True)
    yardstick = pd.Series([yardsticks.get(key, threshold) for key in keys], rows.index, dtype=float)
    shift = yardstick.mask(is_difference.astype(bool), 0.0)
    table = rows.assign(
        kind=kind,
        part=rows["part"].fillna(rows["domain"]).fillna(""),
        score=_scores(estimates, rows),
        yardstick=yardstick.mask(is_difference.astype(bool)),
        difference=rows["estimate"] - shift,
        ci_low=rows["ci_low"] - shift,
        ci_high=rows["ci_high"] - shift,
    )
    table["p_value"] = student.cdf(table["difference"] / table["se"], table["df_design"])
    table["p_adjusted"] = adjusted_p(table["p_value"].to_numpy(), adjustment)
    table["is_clear"] = table["p_adjusted"] <= rate
    order = ["p_adjusted", "p_value", "kind", "source", "part"]
    return table.sort_values(order, kind="stable").reindex(columns=COLUMNS).reset_index(drop=True)


def adjusted_p(p: np.ndarray, adjustment: str) -> np.ndarray:
    """P-values (k,) adjusted for k comparisons: to be held against the rate as they are."""
    if adjustment not in ADJUSTMENTS:
        hint = nearest(adjustment, ADJUSTMENTS)
        raise EstimationError("unknown adjustment", got=adjustment, expected=", ".join(ADJUSTMENTS), hint=hint)
    k, order = len(p), np.argsort(p, kind="stable")
    if adjustment == "bh":
        steps = np.minimum.accumulate((p[order] * k / np.arange(1, k + 1))[::-1])[::-1]
    else:
        steps = np.maximum.accumulate(p[order] * np.arange(k, 0, -1))
    out = np.empty(k)
    out[order] = np.minimum(steps, 1.0)
    return out


def clear_changes(changes: pd.DataFrame, adjustment: str, rate: float) -> pd.DataFrame:
    """Changes that stand out after all of them were looked at: two-sided p-values of the t distribution, adjusted.

    Parameters
    ----------
    changes : DataFrame   estimate, se, df_design and anything else
    adjustment, rate : as in ``find_priority_areas``

    Returns
    -------
    DataFrame: the same rows with p_value, p_adjusted and direction (up, down, no_clear_change): falls, rises, then the
    others, each with the strongest evidence first.
    """
    distance = (changes["estimate"].abs() / changes["se"]).to_numpy(dtype=float)
    p = 2 * student.sf(distance, changes["df_design"].to_numpy(dtype=float))
    adjusted = adjusted_p(p, adjustment)
    directions = np.where(adjusted > rate, "no_clear_change", np.where(changes["estimate"] > 0, "up", "down"))
    table = changes.assign(p_value=p, p_adjusted=adjusted, direction=directions)
    order = table["direction"].map({"down": 0, "up": 1, "no_clear_change": 2})
    return table.iloc[np.lexsort((p, order))].reset_index(drop=True)


def _said_by_a_dimension(estimates: pd.DataFrame) -> pd.Series:
    """Scores of sources whose only dimension is shown: one figure is one comparison."""
    dimensions = estimates[estimates["measure"] == "dimension_score"]
    shown = (dimensions["status"] == "shown").groupby(dimensions["source"]).agg(["size", "all"])
    alone = set(shown.index[(shown["size"] == 1) & shown["all"]])
    return (estimates["measure"] == "source_score") & estimates["source"].isin(alone)


def _scores(estimates: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """The score of every part, also where the row holds its difference."""
    scores = estimates[estimates["measure"].isin(["unit_score", "class_score"])]
    keys = zip(scores["measure"].str.replace("_score", "_difference"), scores["source"], scores["domain"], strict=True)
    known = dict(zip(keys, scores["estimate"], strict=True))
    own = zip(rows["measure"], rows["source"], rows["domain"], rows["estimate"], strict=True)
    return pd.Series([known.get(tuple(key), estimate) for *key, estimate in own], rows.index, dtype=float)


# The recommendations that the results support.

# What a rule looks at, by the kind of its condition.
MEASURES = {"score_below": "dimension_score", "rate_above": "experience_rate"}


def applicable(
    estimates: pd.DataFrame, rules: RecommendationRules, most: int, yardsticks: Yardsticks = MappingProxyType({})
) -> pd.DataFrame:
    """Rules whose condition holds with the certainty they ask for.

    A score is held against what peers reach, as in ``find_priority_areas``; against the rule's own threshold where
    that is not known.

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
        threshold = rule.when.threshold
        if rule.when.kind == "score_below":
            threshold = yardsticks.get((rule.audience, rule.when.measure), threshold)
        distance = _distance(evidence, rule.when.kind, threshold)
        certainty = float(student.cdf(distance, evidence["df_design"]))
        if certainty >= rule.when.certainty:
            figures = {name: evidence[name] for name in ("estimate", "ci_low", "ci_high", "n")}
            rows.append(
                {
                    "code": rule.code,
                    "audience": rule.audience,
                    "measure": rule.when.measure,
                    "threshold": threshold,
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
