"""Plausible times: invitations in office hours, answers by day and in the evening, all inside fieldwork."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_analysis.params import FieldworkParams

MINUTE = np.timedelta64(60, "s")
YEAR = 365.25  # days
HOUR = 3600
OFFICE = (8 * HOUR, 16 * HOUR)
EVENING = (18 * HOUR, 21 * HOUR)
MORNING = (9 * HOUR, 10.5 * HOUR)
BY_DAY = 0.75  # share of the answers given in office hours
DELAY_DAYS = 1.3  # mean time from a contact to the answer it brings
READING_DAYS = 0.4  # mean time until a message is read
NIGHT = (22, 6)  # hours in which nobody reads; it waits until eight hours later
INVITATION_DAYS = 3  # working days over which invitations go out
SOON = 48 * HOUR  # within which the coached of a coached world answer
BURST_DAYS = (6, 20)  # day of fieldwork on which a coached unit sits down together

MEDIAN_MINUTES = {"internal": 14.0, "external": 8.0, "expert": 10.0}
SPREAD = 0.4  # of the log of the minutes
SPEEDERS, SPEEDERS_TAKE = 0.02, 0.15
LONGEST_MINUTES = 90.0


def years_since(days: np.ndarray, at: np.datetime64) -> np.ndarray:
    """Years from each day to day ``at``; missing where there is no day."""
    return (at - days.astype("datetime64[D]")) / np.timedelta64(1, "D") / YEAR


@dataclass(frozen=True)
class Calendar:
    """The days of fieldwork."""

    fieldwork: FieldworkParams

    @property
    def start(self) -> np.datetime64:
        return np.datetime64(self.fieldwork.start)

    @property
    def last_start(self) -> np.datetime64:
        """The latest time at which somebody starts to answer."""
        return np.datetime64(self.fieldwork.end).astype("datetime64[s]") + np.timedelta64(21, "h")

    @property
    def reminders(self) -> int:
        """How many reminders are sent."""
        return sum(map(self._holds, self.fieldwork.reminder_weeks))

    def contacts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Times of the invitation and of every reminder (people, 1 + reminders), on working days."""
        weeks = [0, *(week for week in self.fieldwork.reminder_weeks if self._holds(week))]
        days = [
            np.busday_offset(self.start + 7 * week, rng.integers(0, INVITATION_DAYS, n), roll="forward")
            for week in weeks
        ]
        return np.stack([_at_time_of_day(day, OFFICE, rng) for day in days], axis=1)

    def within(self, times: np.ndarray) -> np.ndarray:
        """Times no later than the last start."""
        return np.minimum(times, self.last_start)

    def _holds(self, week: int) -> bool:
        """Whether a reminder in this week leaves a week to answer."""
        return self.start + 7 * (week + 1) <= np.datetime64(self.fieldwork.end)


def answer_times(called_at: np.ndarray, calendar: Calendar, rng: np.random.Generator) -> np.ndarray:
    """Times of answering after a contact: mostly in the first days, in office hours or in the evening."""
    n = called_at.size
    day = (called_at + (rng.exponential(DELAY_DAYS, n) * 86_400).astype("timedelta64[s]")).astype("datetime64[D]")
    evening = rng.random(n) >= BY_DAY
    times = np.where(evening, _at_time_of_day(day, EVENING, rng), _at_time_of_day(day, OFFICE, rng))
    soon = called_at + rng.integers(5 * 60, 3 * HOUR, n).astype("timedelta64[s]")
    times = np.where(times < called_at + 5 * MINUTE, soon, times)
    return np.where(times > calendar.last_start, np.minimum(soon, calendar.last_start), times)


def reading_times(reached_at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Times of reading a message, not at night."""
    after = (rng.exponential(READING_DAYS, reached_at.size) * 86_400).astype("timedelta64[s]")
    times = reached_at + after + 2 * MINUTE
    hour = (times - times.astype("datetime64[D]")).astype("timedelta64[h]").astype(int)
    return np.where((hour >= NIGHT[0]) | (hour < NIGHT[1]), times + np.timedelta64(8, "h"), times)


def burst_times(units: np.ndarray, reached_at: np.ndarray, calendar: Calendar, rng: np.random.Generator) -> np.ndarray:
    """Times of answering of people who sit down together with their unit, one morning."""
    names, unit = np.unique(units.astype(str), return_inverse=True)
    day = np.busday_offset(calendar.start, rng.integers(*BURST_DAYS, names.size), roll="forward")
    times = _at_time_of_day(day[unit], MORNING, rng)
    return calendar.within(np.maximum(times, reached_at + 5 * MINUTE))


def eager_times(reached_at: np.ndarray, calendar: Calendar, rng: np.random.Generator) -> np.ndarray:
    """Times of answering of people who are told to, within two days of the invitation."""
    after = rng.integers(5 * 60, SOON, reached_at.size).astype("timedelta64[s]")
    return calendar.within(reached_at + after)


def durations(kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Time from start to end: lognormal, with a few who rush through."""
    median = np.select([kind == name for name in MEDIAN_MINUTES], list(MEDIAN_MINUTES.values()))
    minutes = np.minimum(median * rng.lognormal(0, SPREAD, kind.size), LONGEST_MINUTES)
    minutes *= np.where(rng.random(kind.size) < SPEEDERS, SPEEDERS_TAKE, 1.0)
    return np.maximum(minutes * 60, 40).astype("timedelta64[s]")


def next_morning(times: np.ndarray) -> np.ndarray:
    """Nine o'clock of the next working day."""
    day = np.busday_offset(times.astype("datetime64[D]"), 1, roll="backward")
    return day.astype("datetime64[s]") + np.timedelta64(9, "h")


def _at_time_of_day(day: np.ndarray, hours: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    return day.astype("datetime64[s]") + rng.uniform(*hours, day.size).astype(int).astype("timedelta64[s]")
