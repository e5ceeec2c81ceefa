"""Change between two rounds, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from spi_analysis.params.roster import CORRECTIONS

SOURCES = ("internal", "external", "expert")

Verdict = Literal["up", "down", "no_clear_change"]


def verdict_of(ci_low: float, ci_high: float) -> Verdict:
    """What a change's own interval allows to say."""
    return "up" if ci_low > 0 else "down" if ci_high < 0 else "no_clear_change"


def composition(
    scores: Mapping[str, float], weights: Mapping[str, float], corrections: Mapping[str, float]
) -> pd.DataFrame:
    """How the index is made: one row per part, points added (weights x scores) and subtracted (corrections made).

    Returns
    -------
    DataFrame: part, points. The points sum to the index.
    """
    added = [{"part": source, "points": weights[source] * scores[source]} for source in SOURCES]
    subtracted = [{"part": name, "points": -corrections[name]} for name in CORRECTIONS if name in corrections]
    return pd.DataFrame(added + subtracted)


def bridge(
    before: Mapping[str, float],
    after: Mapping[str, float],
    weights_before: Mapping[str, float],
    weights_after: Mapping[str, float],
) -> pd.DataFrame:
    """What a change of the index is made of.

    Each source contributes its change of score at the mean of the two years' weights, the
    change of weights at the mean score; corrections contribute with a minus. What the
    parts leave unexplained of the two published indices (rounding, undocumented
    deductions) is a row of its own, so the rows always sum to the change.

    Parameters
    ----------
    before, after : mapping   index, internal, external, expert, and the corrections (``CORRECTIONS``) that were made
    weights_before, weights_after : mapping   source -> weight

    Returns
    -------
    DataFrame: part (sources, corrections, "weights", "unexplained"), points.
    """
    mean_weight = {s: (weights_before[s] + weights_after[s]) / 2 for s in SOURCES}
    rows = [{"part": s, "points": mean_weight[s] * (after[s] - before[s])} for s in SOURCES]
    reweighted = sum((weights_after[s] - weights_before[s]) * (before[s] + after[s]) / 2 for s in SOURCES)
    rows += [
        {"part": name, "points": -(after.get(name, 0.0) - before.get(name, 0.0))}
        for name in CORRECTIONS
        if name in before or name in after
    ]
    rows.append({"part": "weights", "points": reweighted})
    explained = sum(row["points"] for row in rows)
    rows.append({"part": "unexplained", "points": after["index"] - before["index"] - explained})
    return pd.DataFrame(rows)
