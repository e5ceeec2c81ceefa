"""What became of the recommendations: one row per institution, year and recommendation, and how much of it counts.

An action counts as followed up only if it conforms to the recommendation *and* the commission has validated it; that
the institution reports it as done is not enough.
"""

from __future__ import annotations

import pandas as pd

COLUMNS = ["institution_id", "year", "recommendation", "status", "done", "total"]
# Of the actions done those that conform to the recommendation, and of these those that the commission has validated.
CHECKED = ["conforming", "validated"]
KEYS = ["institution_id", "year", "recommendation"]


def with_rate(tracker: pd.DataFrame) -> pd.DataFrame:
    """The tracker with its follow-up rates (``tlp``): validated of all actions, in percent; else missing."""
    return tracker.assign(tlp=100 * tracker["validated"].astype(float) / tracker["total"])


def follow_up(tracker: pd.DataFrame) -> pd.DataFrame:
    """Per year: recommendations, how many are reported as done, their actions, and the follow-up rate in percent (TLP).

    Returns
    -------
    DataFrame: year (latest first), recommendations, completed, done (as reported), conforming, validated, total,
    tlp = 100 validated / total. What is not known of one recommendation is not known of its year.
    """
    groups = tracker.assign(completed=tracker["status"] == "done").groupby("year")
    table = groups.agg(
        recommendations=("recommendation", "size"), completed=("completed", "sum"), done=("done", "sum"),
        conforming=("conforming", _sum), validated=("validated", _sum), total=("total", "sum"),
    )  # fmt: skip
    return with_rate(table).sort_index(ascending=False).reset_index()


def _sum(counts: pd.Series) -> float:
    return float(counts.sum(skipna=False))
