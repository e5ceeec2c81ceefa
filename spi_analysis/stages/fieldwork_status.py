"""Stage: how fieldwork stands, institution by institution and source by source; who lags, why, and what could be done.

What is counted is kept beside the tables it was counted from (record ``progress``), since 640 institutions are looked
at many times a day, and few of them have changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.disclosure import few_of_either, size_tells
from spi_analysis.errors import WeightingError
from spi_analysis.fieldwork import STATES, contact_states, forecast_answers
from spi_analysis.params import RoundParams, RoundSetup, Source
from spi_analysis.tables import MODES, WEB, Store, with_modes

RECORD = "progress"
MADE_FROM = ("frame", "sample", "events", "responses", "open_responses")
# Why answers do not come: three states of people who may still answer.
REASONS = ("wrong_number", "not_reached", "silent")
COUNTS = ["invited", "reached", *STATES]
FORECAST = ["forecast", "forecast_low", "forecast_high"]
SPREAD = ["r_indicator", "r_se", "cv"]
# Answers to interviewers, by mode; all others are of the web.
INTERVIEWS = [mode for mode in MODES if mode != WEB]
COLUMNS = [
    "institution_id",
    "source",
    *COUNTS,
    *INTERVIEWS,
    "open_link",
    "aimed",
    *FORECAST,
    *SPREAD,
    "wave",
    "reserve",
    "until",
]
# Counts from which, with the invited, the number of answers follows.
TELL = ["broken_off", "refused", "silent", *FORECAST, *SPREAD]
OTHER_LEVEL = "(other)"


def fieldwork_progress(
    setup: RoundSetup, store: Store, institution_ids: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Progress of institutions that are drawn: a row per source (COLUMNS), and answers per day.

    Events or answers that are not here yet count as none.

    Returns
    -------
    progress : DataFrame   COLUMNS; ``forecast`` is missing before the first answer, SPREAD where it cannot be told
    days : DataFrame       institution_id, source, day, answers of that day
    """
    records = [progress_of(setup, store, code) for code in institution_ids if store.has("sample", code)]
    rows = [row for record in records for row in record["rows"]]
    days = [row for record in records for row in record["days"]]
    progress = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys([*FORECAST, *SPREAD], float))
    table = pd.DataFrame(days, columns=["institution_id", "source", "day", "answers"])
    return progress, table.assign(day=pd.to_datetime(table["day"]))


def progress_of(setup: RoundSetup, store: Store, institution_id: str) -> dict[str, Any]:
    """The record of one institution: as it was kept, if nothing has changed since, else counted anew."""
    record = store.read_record(RECORD, institution_id) or {}
    return (
        record
        if record.get("state") == _state(setup, store, institution_id)
        else _counted(setup, store, institution_id)
    )


def progress_is_old(setup: RoundSetup, store: Store, institution_id: str) -> bool:
    """Whether an institution is drawn and what was kept of it is not that of today's tables and parameters."""
    if not store.has("sample", institution_id):
        return False
    record = store.read_record(RECORD, institution_id) or {}
    return record.get("state") != _state(setup, store, institution_id)


def keep_progress(setup: RoundSetup, store: Store, institution_id: str) -> None:
    """Count an institution anew and keep the record."""
    store.write_record(RECORD, institution_id, _counted(setup, store, institution_id))


def _state(setup: RoundSetup, store: Store, institution_id: str) -> str:
    """What the counts depend on, told by names, sizes and times: 640 institutions' tables are not read for it."""
    places = [store.path(table, institution_id) for table in MADE_FROM]
    places += [store.root / "releases" / f"{institution_id}.json"]
    params = setup.workspace.params
    places += [setup.workspace.round_params(setup.round.round_id), params / "overrides" / f"{institution_id}.yaml"]
    places += [params / "instruments" / f"{setup.round.instrument}.yaml"]
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else () for path in places]
    return hashlib.sha256(repr([COLUMNS, *facts]).encode()).hexdigest()


def _counted(setup: RoundSetup, store: Store, institution_id: str) -> dict[str, Any]:
    # Loaded where something is counted: weighting and planning take seconds, which a look at kept counts need not wait.
    from spi_analysis.stages.open_answers import count_open_answers
    from spi_analysis.stages.plan import plan_source
    from spi_analysis.stages.report import last_day
    from spi_analysis.stages.weight import people_with_disposition

    round_ = setup.round_for(institution_id)
    frame, sample = store.read("frame", institution_id), store.read("sample", institution_id)
    events, responses = _or_none(store, "events", institution_id), _or_none(store, "responses", institution_id)
    people = people_with_disposition(frame, sample, events, responses, round_, setup.instrument)
    people["answered"] = people["disposition"].isin(round_.dispositions.respondents)
    people["state"] = contact_states(people, events, people["answered"])
    people = people.merge(_answer_days(responses), on=["source", "person_id"], how="left")
    until = last_day(events, responses)
    reserves, opened = _reserves(store, institution_id), count_open_answers(setup, store, institution_id)
    rows = []
    for source in round_.sources:
        own, logged = people[people["source"] == source], events[events["source"] == source]
        if len(own):
            aimed = plan_source(frame, round_, source).size.completes
            row = {"institution_id": institution_id, "source": source, **_counts(own, logged), "aimed": int(aimed)}
            row |= _interviews(own) | {"open_link": int(opened.get(source, 0))}
            row |= _forecast(own, round_, until) | _spread(own, round_, source) | reserves.get(source, {})
            rows.append({"until": until.isoformat() if until else None, "wave": 0, "reserve": 0, **row})
    return {"state": _state(setup, store, institution_id), "rows": rows, "days": _days(institution_id, people)}


def _or_none(store: Store, table: str, institution_id: str) -> pd.DataFrame:
    """A table, or one without rows where it is not here yet."""
    there = store.read_if_there(table, institution_id)
    if there is not None:
        return there
    who = {name: pd.Series(dtype=object) for name in ("institution_id", "person_id", "source", "event", "channel")}
    times = {name: pd.Series(dtype="datetime64[ns]") for name in ("at", "started_at", "completed_at")}
    return pd.DataFrame(who | times)


def _answer_days(responses: pd.DataFrame) -> pd.DataFrame:
    """When each person answered (sent off, else begun), and by which mode."""
    at = pd.to_datetime(responses["completed_at"]).fillna(pd.to_datetime(responses["started_at"]))
    return with_modes(responses)[["source", "person_id", "mode"]].assign(day=at.dt.normalize())


def _counts(people: pd.DataFrame, events: pd.DataFrame) -> dict[str, int]:
    states = people["state"].value_counts()
    reached = set(events.loc[events["event"].isin(["delivered", "read", "started", "completed"]), "person_id"])
    came = people["person_id"].isin(reached) | people["answered"]
    return {"invited": len(people), "reached": int(came.sum()), **{name: int(states.get(name, 0)) for name in STATES}}


def _interviews(people: pd.DataFrame) -> dict[str, int]:
    given = people.loc[people["answered"], "mode"].value_counts()
    return {mode: int(given.get(mode, 0)) for mode in INTERVIEWS}


def _forecast(people: pd.DataFrame, round_: RoundParams, until: dt.date | None) -> dict[str, float | None]:
    days = people.loc[people["answered"], "day"].dropna()
    found = until and forecast_answers(days, len(people), round_.fieldwork, until, round_.level)
    limits = (found.estimate, found.low, found.high) if found else (None, None, None)
    return dict(zip(FORECAST, limits, strict=True))


def _spread(people: pd.DataFrame, round_: RoundParams, source: Source) -> dict[str, float | None]:
    """R-indicator and coefficient of variation of the response so far, by the columns that the weights are raked to.

    Missing where nobody or everybody answered, or the model does not converge: then it is too early to tell.
    """
    from spi_analysis.survey import r_indicator, with_unknown_level

    weighting = round_.sources[source].weighting
    nothing = dict.fromkeys(SPREAD)
    if weighting is None:
        return nothing
    table = people[["base_weight", "stratum"]].assign(answered=people["answered"].astype(int))
    margins = weighting.margins or weighting.columns
    least = max(int(getattr(step, "min_respondents", 1)) for step in weighting.recipe)
    for name in margins:
        table[name] = _merged(with_unknown_level(people[name]), people["answered"], least)
    columns = [name for name in margins if table[name].nunique() > 1]
    if not columns or people["answered"].nunique() < 2:
        return nothing
    try:
        found = r_indicator(table, " + ".join(columns), "answered", "base_weight")
    except WeightingError:
        return nothing
    return {"r_indicator": float(found.value), "r_se": float(found.se), "cv": float(found.cv)}


def _merged(column: pd.Series, answered: pd.Series, least: int) -> pd.Series:
    """Levels of which fewer than ``least`` people answered, or did not, become one."""
    counts = answered.groupby(column).agg(["sum", "size"])
    thin = counts.index[(counts["sum"] < least) | (counts["size"] - counts["sum"] < least)]
    return column.mask(column.isin(thin), OTHER_LEVEL)


def _reserves(store: Store, institution_id: str) -> dict[str, dict[str, int]]:
    """Per source the next wave that could be activated, and how many people are in it."""
    from spi_analysis.stages.reserves import drawn_of, last_waves, log_of

    drawn = drawn_of(store, institution_id)
    last = last_waves(drawn, log_of(store, institution_id))
    following = pd.Series([last[key] + 1 for key in zip(drawn["source"], drawn["stratum"], strict=True)], drawn.index)
    waiting = drawn[drawn["wave"] == following]
    found = waiting.groupby("source")["wave"].agg(["min", "size"])
    return {str(source): {"wave": int(row["min"]), "reserve": int(row["size"])} for source, row in found.iterrows()}


def _days(institution_id: str, people: pd.DataFrame) -> list[dict[str, Any]]:
    counts = people[people["answered"]].groupby(["source", "day"]).size()
    return [
        {"institution_id": institution_id, "source": source, "day": day.date().isoformat(), "answers": int(n)}
        for (source, day), n in counts.items()
    ]


# What may be shown, and what follows from it.


def with_outlook(progress: pd.DataFrame) -> pd.DataFrame:
    """Progress with two more columns.

    ``outlook``: "enough" where even the lower limit of the forecast reaches the aim, "behind" where not even the upper
    one does, "open" between them, "unknown" before the first answer. ``reason``: of what most people who did not answer
    are kept (REASONS), where the aim is not sure.
    """
    low, high, aimed = progress["forecast_low"], progress["forecast_high"], progress["aimed"]
    outlook = np.select([low.isna(), low >= aimed, high < aimed], ["unknown", "enough", "behind"], "open")
    left = progress[list(REASONS)]
    reason = pd.Series(left.to_numpy().argmax(axis=1), progress.index).map(dict(enumerate(REASONS)))
    sure = pd.Series(outlook, progress.index).eq("enough") | (left.sum(axis=1) == 0)
    return progress.assign(outlook=outlook, reason=reason.astype(object).where(~sure, None))


def has_enough(setup: RoundSetup, store: Store, institution_id: str, source: Source) -> bool:
    """Whether a source is expected to reach its aim as it is: a further reserve would be beyond it."""
    progress, _ = fieldwork_progress(setup, store, [institution_id])
    rows = with_outlook(progress)
    return bool(((rows["source"] == source) & (rows["outlook"] == "enough")).any())


def shown_progress(progress: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """Progress as it may be shown: what would tell of few people is missing.

    ``bound`` stands in the place of a number of answers that is kept back; of a panel, which grows by one person at a
    time, nothing else is left.
    """
    least, panel = round_.disclosure.min_cell, progress["source"].isin(round_.nominated)
    answered, others = progress["answered"], progress["invited"] - progress["answered"] - progress["ineligible"]
    few, tells = few_of_either(answered, others, least), size_tells(answered, others, least)
    enough = np.where(answered >= round_.disclosure.min_panel, "≥", "<")
    bound = pd.Series(np.where(panel, [f"{sign} {round_.disclosure.min_panel}" for sign in enough], f"< {least}"))
    table = with_outlook(progress).astype(
        dict.fromkeys([*COUNTS, *INTERVIEWS, "open_link", "aimed", "wave", "reserve"], float)
    )
    table["bound"] = bound.to_numpy()
    table.loc[(answered < least) | panel, "answered"] = np.nan
    table.loc[few | panel, TELL] = np.nan
    table.loc[_few_by_a_mode(progress, least) | panel, INTERVIEWS] = np.nan
    table.loc[table["open_link"].between(1, least - 1), "open_link"] = np.nan
    sizes = [name for name in [*COUNTS, "aimed", "reserve"] if name != "answered"]
    table.loc[tells | panel, sizes] = np.nan
    table.loc[panel, ["outlook", "reason"]] = None
    return table


def _few_by_a_mode(progress: pd.DataFrame, least: int) -> pd.Series:
    """Whether fewer than ``least`` people answered by one of the modes: with the total the others would tell them."""
    counts = progress[INTERVIEWS].assign(**{WEB: progress["answered"] - progress[INTERVIEWS].sum(axis=1)})
    return (counts.gt(0) & counts.lt(least)).any(axis=1) & progress[INTERVIEWS].gt(0).any(axis=1)
