"""How far fieldwork has come: the funnel, the days, the quota, the end that is to be expected; never who."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from spi_analysis.fieldwork.dispositions import WHO, person_numbers
from spi_analysis.params import FieldworkParams, ForecastParams

# Each stage includes the later ones: who completed has also started.
FUNNEL = ("sent", "delivered", "read", "started", "completed")
# Newton steps of the forecast's fit: three coefficients are settled after ten.
STEPS = 30
STARTED, COMPLETED, NOT_REACHED = FUNNEL.index("started"), FUNNEL.index("completed"), -1


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
    answers = pd.DataFrame(columns=[*WHO, "completed_at"]) if responses is None else responses
    who, logged, answered = person_numbers(sample, events, answers)
    event, names = pd.factorize(events["event"])
    stages = np.array([FUNNEL.index(name) if name in FUNNEL else NOT_REACHED for name in names], dtype=int)
    reached = _furthest(stages[event], logged, who)
    if responses is not None:
        done = np.where(responses["completed_at"].notna(), COMPLETED, STARTED)
        reached = np.maximum(np.minimum(reached, STARTED), _furthest(done, answered, who))
    counted = {"invited": np.ones(len(sample), dtype=int)} | {name: reached >= i for i, name in enumerate(FUNNEL)}
    return pd.DataFrame(counted, sample.index).groupby([sample[column] for column in by]).sum().astype(int)


def log_against_answers(sample: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Where the log of contacts and the answers disagree on who completed, per source.

    Returns
    -------
    DataFrame (sources): ``answers_only``, people who sent their answers off and are not logged as completed;
    ``log_only``, people logged as completed of whom no answers sent off are here.
    """
    done = events.loc[events["event"] == "completed", WHO], responses.loc[responses["completed_at"].notna(), WHO]
    who, *those = person_numbers(sample, *done)
    logged, answered = (np.isin(who, people) for people in those)
    table = pd.DataFrame({"answers_only": answered & ~logged, "log_only": logged & ~answered}, index=sample.index)
    return table.groupby(sample["source"]).sum()


def _furthest(stage: np.ndarray, people: np.ndarray, who: np.ndarray) -> np.ndarray:
    """The furthest stage of every person of the sample (``who``); ``stage``, ``people``: those of each row."""
    furthest = np.full(max(people.max(initial=0), who.max(initial=0)) + 1, NOT_REACHED)
    np.maximum.at(furthest, people, stage)
    return furthest[who]


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


# Why people are silent, and how many will have answered in the end.

# What became of a person, the most telling first; "silent": the message was delivered, or read, and nothing came back.
STATES = ("answered", "ineligible", "refused", "broken_off", "silent", "wrong_number", "not_reached")
_STATE_OF = {
    "ineligible": "ineligible",
    "refused": "refused",
    "opted_out": "refused",
    "started": "broken_off",
    "completed": "broken_off",
    "read": "silent",
    "delivered": "silent",
    "invalid_number": "wrong_number",
}


def contact_states(people: pd.DataFrame, events: pd.DataFrame, answered: pd.Series) -> pd.Series:
    """The state of every person of a sample: answers first, then the most telling event of the log.

    Parameters
    ----------
    people : DataFrame (n, ...)   source, person_id
    events : DataFrame            source, person_id, event (may be empty)
    answered : Series (n,)        whether the person's answers count

    Returns
    -------
    Series (n,), name ``state``: one of STATES.
    """
    rank = {state: i for i, state in enumerate(STATES)}
    told = events["event"].map(_STATE_OF).map(rank).fillna(rank["not_reached"])
    best = told.groupby([events["source"], events["person_id"]]).min()
    state = best.reindex(pd.MultiIndex.from_frame(people[WHO])).fillna(rank["not_reached"]).astype(int)
    names = pd.Series(np.array(STATES, dtype=object)[state], people.index, name="state")
    return names.mask(answered, "answered")


@dataclass(frozen=True)
class Forecast:
    """Answers at the end of fieldwork, with the limits of a prediction interval."""

    estimate: float
    low: float
    high: float


def forecast_answers(
    days: pd.Series, invited: int, fieldwork: FieldworkParams, until: dt.date, level: float
) -> Forecast | None:
    """How many will have answered in the end, from the answers so far and the reminders still to come.

    Answers of week j are a share of those who have not answered, log share = a + b age + c reminded + d later:
    ``age`` counts the weeks since the last message, ``reminded`` is 1 once there was a reminder, ``later`` counts those
    after the first. Penalised quasi-Poisson: the round's parameters say what is known of b, c and d; the data move it.
    The interval holds the error of the fit and the spread of counts (both in the logarithm of the answers to come).

    Parameters
    ----------
    days : Series (answers,)   when each answer came
    invited : int              people in the sample
    until : date               the last day of the data
    level : float              of the interval

    Returns
    -------
    Forecast, or None before the first answer.

    References
    ----------
    Wood (2017), Generalized Additive Models, 2nd ed., ch. 4 (penalised fit and its Bayesian covariance).
    """
    weeks = _weeks(pd.to_datetime(days), invited, fieldwork, until)
    past, coming, so_far = weeks[weeks["past"] > 0], weeks[weeks["coming"] > 0], float(len(days))
    if not len(days):
        return None
    if coming.empty:
        return Forecast(so_far, so_far, so_far)
    fit = _Fit.of(past, fieldwork.forecast)
    expected, gradient, left = 0.0, np.zeros(len(fit.beta)), max(invited - so_far, 0.0)
    for row, share in zip(_terms(coming), fit.shares(coming), strict=True):
        answers = left * (1 - np.exp(-share))
        expected, gradient, left = expected + answers, gradient + answers * row, left - answers
    spread = fit.dispersion / max(expected, 1.0) + gradient @ fit.covariance @ gradient / max(expected, 1.0) ** 2
    factor = np.exp(NormalDist().inv_cdf(0.5 + level / 2) * np.sqrt(spread))
    # People are counted: limits are whole, and outwards.
    high = min(so_far + np.ceil(max(expected, 1.0) * factor), float(invited))
    return Forecast(so_far + expected, so_far + np.floor(expected / factor), high)


def _weeks(days: pd.Series, invited: int, fieldwork: FieldworkParams, until: dt.date) -> pd.DataFrame:
    """Weeks of fieldwork: answers, people at risk, parts of the week that are past and to come, age, reminders."""
    start, end = pd.Timestamp(fieldwork.start), pd.Timestamp(fieldwork.end) + pd.Timedelta(days=1)
    week = ((days - start).dt.days // 7).clip(lower=0)
    rows = []
    for j in range(-(-(end - start).days // 7)):
        first = start + pd.Timedelta(weeks=j)
        length = min(7, (end - first).days)
        past = min(max((pd.Timestamp(until) - first).days + 1, 0), length)
        sent = [0, *(one for one in sorted(fieldwork.reminder_weeks) if one <= j)]
        answers, before = int((week == j).sum()), int((week < j).sum())
        rows.append((answers, invited - before, past / 7, (length - past) / 7, j - sent[-1], len(sent) - 1))
    return pd.DataFrame(rows, columns=["answers", "at_risk", "past", "coming", "age", "reminders"])


def _terms(weeks: pd.DataFrame) -> np.ndarray:
    reminders = weeks["reminders"].to_numpy()
    return np.column_stack([np.ones(len(weeks)), weeks["age"], np.minimum(reminders, 1), np.maximum(reminders - 1, 0)])


@dataclass(frozen=True)
class _Fit:
    """The penalised fit: coefficients, their covariance, and how much more counts spread than a Poisson's."""

    beta: np.ndarray
    covariance: np.ndarray
    dispersion: float

    @classmethod
    def of(cls, past: pd.DataFrame, prior: ForecastParams) -> _Fit:
        x, y = _terms(past), past["answers"].to_numpy(dtype=float)
        exposure = (past["at_risk"] * past["past"]).clip(lower=1e-9).to_numpy(dtype=float)
        known = (prior.by_age, prior.first_reminder, prior.later_reminder)
        mean = np.array([np.log(max(y.sum(), 0.5) / exposure.sum()), *(one.mean for one in known)])
        # The level is free: nothing is known of it before.
        precision = np.diag([0.0, *(one.sd**-2.0 for one in known)])
        beta = mean.copy()
        for _ in range(STEPS):
            fitted = exposure * np.exp(np.clip(x @ beta, -30, 5))
            hessian = x.T @ (fitted[:, None] * x) + precision
            step = np.linalg.solve(hessian, x.T @ (y - fitted) - precision @ (beta - mean))
            beta = beta + np.clip(step, -2, 2)
        chi2 = float(((y - fitted) ** 2 / np.maximum(fitted, 0.5)).sum())
        dispersion = (prior.dispersion * prior.dispersion_weeks + chi2) / (prior.dispersion_weeks + len(y))
        return cls(beta, np.linalg.inv(hessian) * max(dispersion, 1.0), max(dispersion, 1.0))

    def shares(self, weeks: pd.DataFrame) -> np.ndarray:
        return np.exp(np.clip(_terms(weeks) @ self.beta, -30, 5)) * weeks["coming"].to_numpy()
