"""How far fieldwork has come: the funnel, the days, the quota; never who."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Somebody may be invited in two sources: the events of each belong to it alone.
WHO = ["source", "person_id"]
# Each stage includes the later ones: who completed has also started.
FUNNEL = ("sent", "delivered", "read", "started", "completed")
STARTED, COMPLETED = FUNNEL.index("started"), FUNNEL.index("completed")


def funnel(
    sample: pd.DataFrame, events: pd.DataFrame, by: list[str], responses: pd.DataFrame | None = None
) -> pd.DataFrame:
    """People who reached each stage, one row per group.

    Answers decide what they tell of, as they do for dispositions: who has a row of answers has started, and who sent it
    off has completed, whether or not the log of contacts says so; "completed" in the log without answers sent off is a
    start. Without ``responses`` the log alone decides. Where the two disagree: `log_against_answers`.

    Parameters
    ----------
    sample : DataFrame (n, ...)   person_id, source and the columns ``by``
    events : DataFrame            person_id, source, event
    by : list of str              grouping columns of ``sample``, e.g. source
    responses : DataFrame or None   person_id, source, completed_at

    Returns
    -------
    DataFrame (groups, invited + stages): counts of people.
    """
    logged = events["event"].map({name: i for i, name in enumerate(FUNNEL)}).dropna()
    reached = _furthest(logged, events.loc[logged.index], sample)
    if responses is not None:
        answered = responses["completed_at"].notna().map({True: COMPLETED, False: STARTED})
        reached = np.maximum(np.minimum(reached, STARTED), _furthest(answered, responses, sample))
    groups = [sample[column] for column in by]
    table = pd.DataFrame({"invited": sample.groupby(by).size()})
    for i, name in enumerate(FUNNEL):
        table[name] = pd.Series(reached >= i, sample.index).groupby(groups).sum()
    return table


def log_against_answers(sample: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Where the log of contacts and the answers disagree on who completed, per source.

    Returns
    -------
    DataFrame (sources): ``answers_only``, people who sent their answers off and are not logged as completed;
    ``log_only``, people logged as completed of whom no answers sent off are here.
    """
    who = pd.MultiIndex.from_frame(sample[WHO])
    logged = who.isin(pd.MultiIndex.from_frame(events.loc[events["event"] == "completed", WHO]))
    answered = who.isin(pd.MultiIndex.from_frame(responses.loc[responses["completed_at"].notna(), WHO]))
    table = pd.DataFrame({"answers_only": answered & ~logged, "log_only": logged & ~answered}, index=sample.index)
    return table.groupby(sample["source"]).sum()


def _furthest(stage: pd.Series, rows: pd.DataFrame, sample: pd.DataFrame) -> np.ndarray:
    """The furthest stage of every person of the sample, -1 without one; ``stage``: that of each row."""
    furthest = stage.astype(float).groupby([rows["source"], rows["person_id"]]).max()
    return furthest.reindex(pd.MultiIndex.from_frame(sample[WHO])).fillna(-1).to_numpy()


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
