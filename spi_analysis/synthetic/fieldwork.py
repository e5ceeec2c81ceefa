"""Fieldwork in memory: the events and responses of whoever is invited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import FieldworkParams, Instrument, Item, RoundSetup, Scale, Source
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.times import (
    MINUTE,
    Calendar,
    answer_times,
    burst_times,
    durations,
    eager_times,
    next_morning,
    reading_times,
)
from spi_analysis.synthetic.worlds import FIRST_CONTACT, reminders_needed
from spi_analysis.tables import checked

# What happens to each person after an invitation, and when.
#
# The diary is drawn for everyone of a city, invited or not, so that a person does the
# same whoever else is in the sample. Whether somebody answers depends on the
# propensity alone; all that befalls those who do not is at random.

BROKEN_OFF = 0.03  # share of those who start and do not finish
WRONG_NUMBERS = {"internal": (0.02, 0.04), "external": (0.04, 0.10), "expert": (0.005, 0.01)}
WRONG_IF_ANSWERING = 0.25  # a wrong number is rarer among those who answer (they are reached by e-mail)
DELIVERED, READ, READ_BEFORE_ANSWER = 0.94, 0.55, 0.92
REFUSED, OPTED_OUT = 0.06, 0.05  # of those who read and do not answer

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
    ended_at = started_at + durations(city.kind, streams("durations"))
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
    chance = rng.random(len(city.people)) if city.resistance is None else city.resistance
    propensity = city.propensity.to_numpy()
    return chance < propensity / (1 - BROKEN_OFF), chance < propensity


def _wrong_numbers(city: SyntheticCity, answers: np.ndarray, streams: Streams) -> np.ndarray:
    """Dead numbers; over all people of a source their share is the drawn one."""
    kind, rng = city.kind, streams("wrong number rates")
    share = np.select([kind == name for name in WRONG_NUMBERS], [rng.uniform(*span) for span in WRONG_NUMBERS.values()])
    p = np.minimum(city.propensity.to_numpy() / (1 - BROKEN_OFF), 0.99)
    chance = np.where(answers, WRONG_IF_ANSWERING * share, share * (1 - WRONG_IF_ANSWERING * p) / (1 - p))
    return streams("wrong numbers").random(kind.size) < chance


def _start_times(
    city: SyntheticCity, calendar: Calendar, contacts: np.ndarray, reached_at: np.ndarray, streams: Streams
) -> tuple[np.ndarray, np.ndarray]:
    """When people start to answer, and the contact that made them; coached units do it together."""
    n, rounds = contacts.shape
    which = _which_contact(city, n, rounds - 1, streams("which contact"))
    called_at = np.maximum(contacts[np.arange(n), which], reached_at)
    started_at = answer_times(called_at, calendar, streams("answer times"))
    coached = city.people["is_coached"].to_numpy()
    if city.world.coached:
        told = eager_times(reached_at[coached], calendar, streams("eager"))
    else:
        told = burst_times(city.people["unit"][coached].to_numpy(), reached_at[coached], calendar, streams("bursts"))
    started_at[coached], called_at[coached] = told, np.minimum(called_at[coached], reached_at[coached])
    return started_at, called_at


def _which_contact(city: SyntheticCity, n: int, reminders: int, rng: np.random.Generator) -> np.ndarray:
    """The contact that each person would answer: by chance, or by what it takes to move them."""
    if city.resistance is not None:
        return np.minimum(reminders_needed(city.resistance, city.propensity.to_numpy(), reminders), reminders)
    later = 1 + (rng.random(n) * reminders).astype(int) if reminders else np.zeros(n, dtype=int)
    return np.where(rng.random(n) < FIRST_CONTACT, 0, later)


# From diaries to the table of contact events.


def contact_events(diary: Diary, reach: Reach, rows: np.ndarray) -> pd.DataFrame:
    """The events of the people in ``rows``: row, event, at, channel."""
    here = np.zeros(diary.starts.size, dtype=bool)
    here[rows] = True
    first = np.where(reach.phone, "whatsapp", "email")
    reached = np.where(diary.by_phone, "whatsapp", "email")
    invited_at, reached_at = diary.contacts[:, 0], diary.reached_at
    known = reach.phone | reach.email
    web = np.full(first.size, "web")
    blocks = [
        (known, "sent", invited_at, first),
        (diary.wrong_number, "invalid_number", invited_at + MINUTE, first),
        (diary.wrong_number & reach.email, "sent", reached_at, reached),
        (diary.delivered, "delivered", reached_at + MINUTE, reached),
        (diary.reads, "read", np.maximum(diary.read_at, reached_at + 2 * MINUTE), reached),
        *_reminders(diary, reach),
        (diary.refuses, "refused", diary.left_at, web),
        (diary.opts_out, "opted_out", diary.left_at, reached),
        (diary.starts, "started", diary.started_at, web),
        (diary.completes, "completed", diary.ended_at, web),
        (diary.found_ineligible, "ineligible", diary.ended_at, web),
    ]
    table = pd.concat([_block(here & mask, event, at, channel) for mask, event, at, channel in blocks])
    return table.sort_values(["at", "row"], kind="stable", ignore_index=True)


def _reminders(diary: Diary, reach: Reach) -> list[tuple[np.ndarray, str, np.ndarray, np.ndarray]]:
    """Further messages to those who are not done: by WhatsApp and e-mail in turn, where both reach the person."""
    blocks = []
    for number, at in enumerate(diary.contacts[:, 1:].T, start=1):
        by_email = ~diary.by_phone | (reach.email & (number % 2 == 0))
        waiting = diary.reachable & (at < diary.done_at)
        blocks.append((waiting, "sent", at, np.where(by_email, "email", "whatsapp")))
    return blocks


def _block(mask: np.ndarray, event: str, at: np.ndarray, channel: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(mask)
    return pd.DataFrame({"row": rows, "event": event, "at": at[rows], "channel": channel[rows].astype(object)})


# Questionnaires as they are filled in: with "don't know", refusals, gaps, and some broken off.

# Chances of "don't know", a refusal and a gap: items with a good and with a bad end, and questions on experience.
GOOD_ITEM = (0.035, 0.015, 0.010)
SENSITIVE_ITEM = (0.050, 0.030, 0.010)
EXPERIENCE_ITEM = (0.015, 0.025, 0.010)


def filled_questionnaires(
    city: SyntheticCity, diary: Diary, instrument: Instrument, rows: np.ndarray, streams: Streams
) -> pd.DataFrame:
    """One row per person in ``rows`` who started and is eligible: row, source, started_at, completed_at, items."""
    here = np.zeros(diary.starts.size, dtype=bool)
    here[rows] = True
    answered = here & diary.starts & ~diary.found_ineligible
    source = city.people["source"].to_numpy()
    parts = []
    for name in city.kinds:
        of_source = np.flatnonzero(source == name)
        codes = city.answers.loc[of_source, instrument.codes(name)].to_numpy(copy=True)
        _leave_out(codes, instrument, name, streams(f"{name} item nonresponse"))
        _break_off(codes, ~diary.completes[of_source], streams(f"{name} break-offs"))
        chosen = answered[of_source]
        parts.append(pd.DataFrame(codes[chosen], columns=instrument.codes(name), index=of_source[chosen]))
    items = pd.concat(parts)
    who = items.index.to_numpy()
    completed_at = np.where(diary.completes, diary.ended_at, np.datetime64("NaT"))
    head = {"row": who, "source": source[who], "started_at": diary.started_at[who], "completed_at": completed_at[who]}
    return pd.concat([pd.DataFrame(head, index=items.index), items], axis=1).reset_index(drop=True)


def _leave_out(codes: np.ndarray, instrument: Instrument, source: Source, rng: np.random.Generator) -> None:
    """Put missing codes and gaps into complete answers, in place; by chance alone, item by item."""
    chance = rng.random(codes.shape)
    for column, question in enumerate(instrument.questions[source]):
        sensitive = isinstance(question, Item) and question.direction == "negative"
        shares = SENSITIVE_ITEM if sensitive else GOOD_ITEM if isinstance(question, Item) else EXPERIENCE_ITEM
        low = 0.0
        for share, code in zip(shares, _missing_codes(instrument.scales[question.scale]), strict=True):
            codes[(chance[:, column] >= low) & (chance[:, column] < low + share), column] = code
            low += share


def _missing_codes(scale: Scale) -> tuple[float, float, float]:
    """Codes of "don't know", a refusal and a gap; a scale without such a code is left empty."""
    code = {meaning: float(number) for number, meaning in scale.missing.items()}
    return code.get("dont_know", np.nan), code.get("refused", np.nan), np.nan


def _break_off(codes: np.ndarray, unfinished: np.ndarray, rng: np.random.Generator) -> None:
    """Empty what comes after the last item that an unfinished questionnaire holds, in place."""
    n, width = codes.shape
    last = rng.integers(1, width, n)
    codes[unfinished[:, None] & (np.arange(width) >= last[:, None])] = np.nan


def simulate_fieldwork(
    city: SyntheticCity, invited: pd.DataFrame, setup: RoundSetup, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The weeks of fieldwork with the people invited.

    Parameters
    ----------
    invited : DataFrame   ``person_id`` (as in ``clean_frame``) and ``source``; who is not of the city never answers

    Returns
    -------
    events, responses : contract tables. Who completes has a row in both; who breaks off
    has a row in ``responses`` without ``completed_at``.
    """
    missing = [column for column in ("person_id", "source") if column not in invited]
    if missing:
        raise InputError("the table of invited people lacks a column", column=", ".join(missing))
    rows = find_rows(city, invited)
    everyone = np.ones(len(city.people), dtype=bool)
    events, responses = run_fieldwork(city, rows[rows >= 0], Reach(everyone, everyone), setup, seed)
    strangers = stranger_events(setup, invited.loc[rows < 0, ["person_id", "source"]].reset_index(drop=True))
    named = [with_ids(table, city) for table in (events, responses)]
    table = pd.concat([named[0], strangers.assign(institution_id=city.institution_id)], ignore_index=True)
    table = table.sort_values("at", kind="stable", ignore_index=True)
    return checked("events", table), checked("responses", named[1])


def run_fieldwork(
    city: SyntheticCity, rows: np.ndarray, reach: Reach, setup: RoundSetup, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and filled questionnaires of the people in ``rows`` of the city, keyed by ``row``."""
    streams = Streams(city.institution_id, (city.seed, seed))
    diary = draw_diary(city, setup.round_for(city.institution_id).fieldwork, reach, streams)
    return contact_events(diary, reach, rows), filled_questionnaires(city, diary, setup.instrument, rows, streams)


def find_rows(city: SyntheticCity, invited: pd.DataFrame) -> np.ndarray:
    """Row in the city's people of every invited person; -1 for somebody unknown."""
    known = pd.MultiIndex.from_arrays([city.people["source"], city.person_ids])
    return known.get_indexer(pd.MultiIndex.from_frame(invited[["source", "person_id"]]))


def with_ids(table: pd.DataFrame, city: SyntheticCity) -> pd.DataFrame:
    """The table with institution, person and source instead of row numbers."""
    rows = table["row"].to_numpy()
    return table.drop(columns="row").assign(
        institution_id=city.institution_id,
        person_id=city.person_ids.to_numpy()[rows],
        source=city.people["source"].to_numpy()[rows],
    )


def stranger_events(setup: RoundSetup, invited: pd.DataFrame) -> pd.DataFrame:
    """A message to somebody who is not of the city comes back as a wrong number."""
    at = pd.Timestamp(setup.round.fieldwork.start) + pd.Timedelta(hours=9) + pd.to_timedelta(invited.index, unit="s")
    sent = invited.assign(event="sent", at=at.as_unit("s"), channel="whatsapp")
    return pd.concat([sent, sent.assign(event="invalid_number", at=sent["at"] + pd.Timedelta(minutes=1))])
