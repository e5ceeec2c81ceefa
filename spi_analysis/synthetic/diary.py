"""What happens to each person after an invitation, and when.

The diary is drawn for everyone of a city, invited or not, so that a person does the
same whoever else is in the sample. Whether somebody answers depends on the
propensity alone; all that befalls those who do not is at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_analysis.params.round import FieldworkParams
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.times import (
    MINUTE,
    Calendar,
    answer_times,
    burst_times,
    durations,
    next_morning,
    reading_times,
)

BROKEN_OFF = 0.03  # share of those who start and do not finish
WRONG_NUMBERS = {"internal": (0.02, 0.04), "external": (0.04, 0.10), "expert": (0.005, 0.01)}
WRONG_IF_ANSWERING = 0.25  # a wrong number is rarer among those who answer (they are reached by e-mail)
DELIVERED, READ, READ_BEFORE_ANSWER = 0.94, 0.55, 0.92
REFUSED, OPTED_OUT = 0.06, 0.05  # of those who read and do not answer
FIRST_CONTACT = 0.45  # share of the answers that follow the invitation, not a reminder

NEVER = np.datetime64("9999-12-31T00:00:00", "s")


@dataclass(frozen=True)
class Reach:
    """Whether a phone number and an e-mail address are known, per person."""

    phone: np.ndarray
    email: np.ndarray


@dataclass(frozen=True)
class Diary:
    """Arrays over the people of a city. ``contacts`` (people, 1 + reminders) are the times of sending."""

    contacts: np.ndarray
    wrong_number: np.ndarray
    by_phone: np.ndarray
    reachable: np.ndarray
    reached_at: np.ndarray
    delivered: np.ndarray
    reads: np.ndarray
    read_at: np.ndarray
    refuses: np.ndarray
    opts_out: np.ndarray
    left_at: np.ndarray
    starts: np.ndarray
    started_at: np.ndarray
    completes: np.ndarray
    found_ineligible: np.ndarray
    ended_at: np.ndarray

    @property
    def done_at(self) -> np.ndarray:
        """From when on no reminder is sent."""
        done = np.where(self.completes | self.found_ineligible, self.ended_at, NEVER)
        return np.where(self.refuses | self.opts_out, self.left_at, done)


def draw_diary(city: SyntheticCity, fieldwork: FieldworkParams, reach: Reach, streams: Streams) -> Diary:
    """Everyone's diary, as it would be for these contacts."""
    n, calendar = len(city.people), Calendar(fieldwork)
    answers, completes = _answering(city, streams("response"))
    wrong_number = reach.phone & _wrong_numbers(city, answers, streams)
    by_phone = reach.phone & ~wrong_number
    reachable = by_phone | reach.email
    contacts = calendar.contacts(n, streams("contact times"))
    reached_at = np.where(wrong_number, next_morning(contacts[:, 0]), contacts[:, 0])
    starts = answers & reachable
    started_at, called_at = _start_times(city, calendar, contacts, reached_at, streams)
    eligible = city.people["is_eligible"].to_numpy()
    completes = completes & starts & eligible
    ended_at = started_at + durations(city.people["source"].to_numpy(), streams("durations"))
    ended_at = np.where(starts & ~eligible, started_at + np.timedelta64(25, "s"), ended_at)

    chance = streams("what happens").random((4, n))
    delivered = reachable & ((chance[0] < DELIVERED) | starts)
    reads = delivered & (chance[1] < np.where(starts, READ_BEFORE_ANSWER, READ))
    at_leisure = calendar.within(reading_times(reached_at, streams("reading times")))
    just_before = np.maximum(started_at - (1 + 44 * chance[3]) * MINUTE, called_at + 2 * MINUTE)
    read_at = np.where(starts, just_before, at_leisure)
    leaves = reads & ~starts
    return Diary(
        contacts=contacts,
        wrong_number=wrong_number,
        by_phone=by_phone,
        reachable=reachable,
        reached_at=reached_at,
        delivered=delivered,
        reads=reads,
        read_at=read_at,
        refuses=leaves & (chance[2] < REFUSED),
        opts_out=leaves & (chance[2] >= REFUSED) & (chance[2] < REFUSED + OPTED_OUT),
        left_at=read_at + 3 * MINUTE,
        starts=starts,
        started_at=started_at,
        completes=completes,
        found_ineligible=starts & ~eligible,
        ended_at=ended_at,
    )


def _answering(city: SyntheticCity, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Who starts and who would also finish; finishing has exactly the response probability."""
    chance, propensity = rng.random(len(city.people)), city.propensity.to_numpy()
    return chance < propensity / (1 - BROKEN_OFF), chance < propensity


def _wrong_numbers(city: SyntheticCity, answers: np.ndarray, streams: Streams) -> np.ndarray:
    """Dead numbers; over all people of a source their share is the drawn one."""
    source, rng = city.people["source"].to_numpy(), streams("wrong number rates")
    share = np.select(
        [source == name for name in WRONG_NUMBERS], [rng.uniform(*span) for span in WRONG_NUMBERS.values()]
    )
    p = np.minimum(city.propensity.to_numpy() / (1 - BROKEN_OFF), 0.99)
    chance = np.where(answers, WRONG_IF_ANSWERING * share, share * (1 - WRONG_IF_ANSWERING * p) / (1 - p))
    return streams("wrong numbers").random(source.size) < chance


def _start_times(
    city: SyntheticCity, calendar: Calendar, contacts: np.ndarray, reached_at: np.ndarray, streams: Streams
) -> tuple[np.ndarray, np.ndarray]:
    """When people start to answer, and the contact that made them; coached units do it together."""
    n, rounds = contacts.shape
    rng = streams("which contact")
    later = 1 + (rng.random(n) * (rounds - 1)).astype(int) if rounds > 1 else np.zeros(n, dtype=int)
    which = np.where(rng.random(n) < FIRST_CONTACT, 0, later)
    called_at = np.maximum(contacts[np.arange(n), which], reached_at)
    started_at = answer_times(called_at, calendar, streams("answer times"))
    coached = city.people["is_coached"].to_numpy()
    together = burst_times(city.people["unit"][coached].to_numpy(), reached_at[coached], calendar, streams("bursts"))
    started_at[coached], called_at[coached] = together, np.minimum(called_at[coached], reached_at[coached])
    return started_at, called_at
