"""From contact events and answers to one final disposition per person (AAPOR 2023)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import DispositionParams, Instrument, Source
from spi_analysis.tables import MODES, WEB, misfits, with_modes

# I complete, P partial, R refusal or break-off, NC non-contact, O other eligible nonresponse,
# UH/UO unknown eligibility, NE not eligible.
UNKNOWN = ("UH", "UO")
INELIGIBLE = "NE"
# Somebody may be invited in two sources: the events of each belong to it alone.
WHO = ["source", "person_id"]


def final_dispositions(
    sample: pd.DataFrame,
    events: pd.DataFrame,
    responses: pd.DataFrame,
    rules: DispositionParams,
    instrument: Instrument,
) -> pd.Series:
    """One AAPOR code per sampled person.

    Answers decide first: with at least ``min_answered_share`` of the scored items answered a
    person is I (questionnaire sent off) or P (broken off later). Everyone else gets the code
    of the most decisive event; "completed" without enough answers counts as "started". Being
    found ineligible outranks answers where the rules list it before "completed"; a report that
    came only after the answers does so where ``ineligible_after_answers`` is "drop".

    Parameters
    ----------
    sample : DataFrame (n, ...)      person_id, source
    events, responses : DataFrame    tables of the same institution (may be empty); events without the column ``at``
        have no known time, and count as having come before any answer

    Returns
    -------
    Series (n,), name ``disposition``, index of ``sample``.

    References
    ----------
    AAPOR (2023), Standard Definitions, 10th edition, Internet surveys of specifically named persons.
    """
    codes = np.full(len(sample), "", dtype=object)
    logged = events[[name for name in ("person_id", "event", "at") if name in events]]
    for source in sample["source"].unique():
        mine = np.flatnonzero(sample["source"] == source)
        people, theirs = pd.Index(sample["person_id"].iloc[mine]), logged[events["source"] == source]
        event = _most_decisive(people, theirs, rules)
        answered = _answered(people, responses[responses["source"] == source], instrument, source)
        told_later = _told_later(people, theirs, answered.at)
        codes[mine] = _codes(event, answered, told_later, rules, source)
    return pd.Series(codes, sample.index, dtype=object, name="disposition")


@dataclass(frozen=True)
class IneligibleReports:
    """People reported as ineligible; how many of them answered, and of these whose answers count (``kept``) or not."""

    reported: int
    kept: int
    dropped: int


def ineligible_reports(
    people: pd.DataFrame,
    events: pd.DataFrame,
    responses: pd.DataFrame,
    rules: DispositionParams,
    instrument: Instrument,
) -> IneligibleReports:
    """What reports of ineligibility did to answers.

    Parameters
    ----------
    people : DataFrame (n, ...)      source, person_id, disposition (``final_dispositions`` under the same rules)
    events, responses : DataFrame    tables of the same institution (may be empty)
    """
    enough = np.zeros(len(responses), dtype=bool)
    for source in responses["source"].unique():
        theirs = (responses["source"] == source).to_numpy()
        share = scored_items_answered(responses[theirs], instrument, source)
        enough[theirs] = share.ge(rules.min_answered_share)
    who, reported, answered = person_numbers(people, events[events["event"] == "ineligible"], responses[WHO][enough])
    told = np.isin(who, reported)
    with_answers = told & np.isin(who, answered)
    dropped = with_answers & people["disposition"].eq(INELIGIBLE).to_numpy()
    return IneligibleReports(int(told.sum()), int((with_answers & ~dropped).sum()), int(dropped.sum()))


def person_numbers(*tables: pd.DataFrame) -> list[np.ndarray]:
    """The person of every row as a number from 0, the same in all tables.

    Parameters
    ----------
    tables : DataFrame (n, ...)   source, person_id; somebody who is invited in two sources counts as two

    Returns
    -------
    list of array (n,), one for each table.
    """
    together = pd.concat([table[WHO] for table in tables], ignore_index=True)
    source, person = (pd.factorize(together[name])[0] for name in WHO)
    numbers = pd.factorize(source * (person.max(initial=0) + 1) + person)[0]
    return np.split(numbers, np.cumsum([len(table) for table in tables])[:-1])


def scored_items_answered(responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.Series:
    """Share of the source's scored items with any answer ("don't know" included), per response row.

    Raises
    ------
    InputError   a scored item has no column (unless there is no response at all).
    """
    items = instrument.items(source)
    if responses.empty:
        return pd.Series(index=responses.index, dtype=float)
    if without := [item for item in items if item.code not in responses]:
        raise InputError(*misfits(responses, without, instrument))
    return responses[[item.code for item in items]].notna().mean(axis=1)


def _most_decisive(people: pd.Index, events: pd.DataFrame, rules: DispositionParams) -> np.ndarray:
    """The most decisive event of each person, by its place in the rules; their number for who has no event."""
    rank = {event: i for i, event in enumerate(rules.precedence)}
    # "completed" is decided by the answers themselves.
    rank["completed"] = rank.get("started", len(rank))
    # Many events, few names and few people: both are numbered once.
    event, names = pd.factorize(events["event"])
    person, known = pd.factorize(events["person_id"])
    # The last is that of people without events, whose place among the known is -1.
    best = np.full(len(known) + 1, len(rules.precedence))
    np.minimum.at(best, person, np.array([rank.get(name, len(rules.precedence)) for name in names], dtype=int)[event])
    return best[pd.Index(known).get_indexer(people)]


class _Answered(NamedTuple):
    """Per sampled person: share answered, whether and when the questionnaire was sent off (else when it was begun)."""

    share: np.ndarray
    complete: np.ndarray
    at: np.ndarray


def _answered(people: pd.Index, responses: pd.DataFrame, instrument: Instrument, source: Source) -> _Answered:
    sent_off, begun = pd.to_datetime(responses["completed_at"]), responses.get("started_at", pd.NaT)
    share, at = scored_items_answered(responses, instrument, source), sent_off.fillna(begun)
    # -1 for who has not answered: the value that is put behind the others.
    rows = pd.Index(responses["person_id"]).get_indexer(people)
    values = (share.to_numpy(), np.nan), (sent_off.notna().to_numpy(), False), (at.to_numpy(), np.datetime64("NaT"))
    return _Answered(*(np.append(known, [missing])[rows] for known, missing in values))


def _told_later(people: pd.Index, events: pd.DataFrame, answered_at: np.ndarray) -> np.ndarray:
    """Whether each person was first called ineligible after the answers; False where either time is unknown."""
    told = events[events["event"] == "ineligible"]
    if "at" not in told:
        return np.zeros(len(people), dtype=bool)
    first = pd.to_datetime(told.groupby("person_id")["at"].min()).reindex(people)
    return np.asarray(first.to_numpy() > answered_at)


def _codes(
    event: np.ndarray, answered: _Answered, told_later: np.ndarray, rules: DispositionParams, source: Source
) -> np.ndarray:
    enough, ineligible = answered.share >= rules.min_answered_share, rules.precedence.index("ineligible")
    outranked = event == ineligible
    if ineligible > rules.precedence.index("completed"):
        outranked &= False
    if rules.ineligible_after_answers == "keep":
        outranked &= ~told_later
    decided = enough & ~outranked
    by_event = {name: rules.code(name, source) for name in rules.precedence}
    # Whoever has no event was sent the invitation.
    codes = np.array([*by_event.values(), by_event.get("sent")], dtype=object)[event]
    return np.where(decided & answered.complete, "I", np.where(decided, "P", codes))


def answers_by_mode(respondents: pd.DataFrame, responses: pd.DataFrame, least: int) -> pd.DataFrame:
    """How many respondents answered by which mode, per source.

    Parameters
    ----------
    respondents : DataFrame   source, person_id
    responses : DataFrame     source, person_id, mode
    least : int               fewest people that may be told

    Returns
    -------
    DataFrame (sources in which not all answered over the web, MODES) of counts. All of a source are missing where one
    of them is of fewer than ``least`` people: its total is told elsewhere, and the others would tell the small one.
    """
    who = respondents[["source", "person_id"]].merge(with_modes(responses), on=["source", "person_id"])
    counts = pd.crosstab(who["source"], who["mode"]).reindex(columns=list(MODES), fill_value=0)
    counts = counts[counts.drop(columns=WEB).gt(0).any(axis=1)]
    return counts.mask((counts.gt(0) & counts.lt(least)).any(axis=1))


# Response, cooperation, refusal and contact rates (AAPOR 2023).

CODES = ("I", "P", "R", "NC", "O", "UH", "UO", "NE")


def disposition_counts(dispositions: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Number of people per final code, one row per group of ``by``."""
    counts = dispositions.groupby([*by, "disposition"]).size().unstack("disposition", fill_value=0)
    return counts.reindex(columns=list(CODES), fill_value=0).astype(int)


def response_rates(counts: pd.DataFrame, e: float | None = None) -> pd.DataFrame:
    """AAPOR rates from counts of final codes.

    Parameters
    ----------
    counts : DataFrame (groups, codes)   as ``disposition_counts`` gives
    e : float or None   share of the cases of unknown eligibility that are taken as eligible;
        by default eligible / (eligible + ineligible) among the known cases of each group (the
        proportional allocation), 1 where nothing is known

    Returns
    -------
    DataFrame (groups, ...): n (cases), e, RR1-RR6, COOP1 (cooperation), REF1 (refusal), CON1
    (contact), each a share between 0 and 1; missing where the denominator is 0.

    References
    ----------
    AAPOR (2023), Standard Definitions, 10th edition, "Calculating outcome rates".
    """
    c = {code: counts[code].astype(float) for code in CODES}
    interviews, eligible = c["I"] + c["P"], c["I"] + c["P"] + c["R"] + c["NC"] + c["O"]
    unknown = c["UH"] + c["UO"]
    known = eligible + c["NE"]
    share = (eligible / known.where(known > 0)).fillna(1.0) if e is None else pd.Series(e, index=counts.index)
    everyone, estimated = eligible + unknown, eligible + share * unknown
    rates = {
        "RR1": c["I"] / _positive(everyone),
        "RR2": interviews / _positive(everyone),
        "RR3": c["I"] / _positive(estimated),
        "RR4": interviews / _positive(estimated),
        "RR5": c["I"] / _positive(eligible),
        "RR6": interviews / _positive(eligible),
        "COOP1": c["I"] / _positive(interviews + c["R"] + c["O"]),
        "REF1": c["R"] / _positive(everyone),
        "CON1": (interviews + c["R"] + c["O"]) / _positive(everyone),
    }
    cases: dict[Hashable, pd.Series] = {"n": counts.sum(axis=1), "e": share}
    return pd.DataFrame({**cases, **rates})


def _positive(x: pd.Series) -> pd.Series:
    return x.where(x > 0)
