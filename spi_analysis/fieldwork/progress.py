"""How far fieldwork has come: the funnel, the days, the quota; never who."""

from __future__ import annotations

import pandas as pd

# Somebody may be invited in two sources: the events of each belong to it alone.
WHO = ["source", "person_id"]
# Each stage includes the later ones: who completed has also started.
FUNNEL = ("sent", "delivered", "read", "started", "completed")


def funnel(sample: pd.DataFrame, events: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """People who reached each stage, one row per group.

    Parameters
    ----------
    sample : DataFrame (n, ...)   person_id, source and the columns ``by``
    events : DataFrame            person_id, source, event
    by : list of str              grouping columns of ``sample``, e.g. source

    Returns
    -------
    DataFrame (groups, invited + stages): counts of people.
    """
    stage = events["event"].map({name: i for i, name in enumerate(FUNNEL)}).dropna()
    known = events.loc[stage.index]
    furthest = stage.groupby([known["source"], known["person_id"]]).max()
    reached = pd.Series(furthest.reindex(pd.MultiIndex.from_frame(sample[WHO])).fillna(-1).to_numpy(), sample.index)
    groups = [sample[column] for column in by]
    table = pd.DataFrame({"invited": sample.groupby(by).size()})
    for i, name in enumerate(FUNNEL):
        table[name] = (reached >= i).groupby(groups).sum()
    return table


def daily_completes(sample: pd.DataFrame, responses: pd.DataFrame, by: str = "source") -> pd.DataFrame:
    """Completes per day and group, cumulated, for every day between the first and the last one."""
    done = responses.dropna(subset=["completed_at"])
    if done.empty:
        return pd.DataFrame(columns=sorted(sample[by].unique()), dtype=int)
    days = done["completed_at"].dt.normalize()
    counts = pd.crosstab(days, done[by])
    every_day = pd.date_range(counts.index.min(), counts.index.max(), freq="D", name="day")
    return counts.reindex(every_day, fill_value=0).cumsum()


def quota_progress(completes: pd.Series, quota: pd.Series) -> pd.DataFrame:
    """Completes against the completes needed, per source.

    Reaching a quota never stops a released wave: that would break the probabilities.
    """
    table = pd.DataFrame({"completes": completes, "quota": quota}).fillna(0).astype(int)
    table["share"] = table["completes"] / table["quota"].where(table["quota"] > 0)
    return table
