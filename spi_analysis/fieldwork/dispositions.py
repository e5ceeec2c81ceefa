"""From contact events and answers to one final disposition per person (AAPOR 2023)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import DispositionParams, Instrument, Source
from spi_analysis.tables import MODES, NO_COLUMN, WEB, misfits, with_modes

# I complete, P partial, R refusal or break-off, NC non-contact, O other eligible nonresponse,
# UH/UO unknown eligibility, NE not eligible.
UNKNOWN = ("UH", "UO")
INELIGIBLE = "NE"


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
    codes = pd.Series("", index=sample.index, dtype=object, name="disposition")
    for source, people in sample[["source", "person_id"]].groupby("source"):
        theirs = events[events["source"] == source]
        event = people["person_id"].map(_most_decisive(theirs, rules)).astype(object).fillna("sent")
        answered = _answered(people["person_id"], responses[responses["source"] == source], instrument, source)
        told_later = _told_later(people["person_id"], theirs, answered["at"])
        codes.loc[people.index] = _codes(event, answered, told_later, rules, source)
    return codes


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
    reported, answered = _pairs(events[events["event"] == "ineligible"]), [pd.MultiIndex.from_arrays([[], []])]
    for source, part in responses.groupby("source"):
        enough = scored_items_answered(part, instrument, source).ge(rules.min_answered_share)
        answered.append(_pairs(part[enough.to_numpy()]))
    who = _pairs(people)
    told = who.isin(reported)
    with_answers = told & np.logical_or.reduce([who.isin(pairs) for pairs in answered])
    dropped = with_answers & people["disposition"].eq(INELIGIBLE).to_numpy()
    return IneligibleReports(int(told.sum()), int((with_answers & ~dropped).sum()), int(dropped.sum()))


def _pairs(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[["source", "person_id"]])


def scored_items_answered(responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.Series:
    """Share of the source's scored items with any answer ("don't know" included), per response row.

    Raises
    ------
    InputError   a scored item has no column (unless there is no response at all).
    """
    items = [item.code for item in instrument.items(source)]
    if responses.empty:
        return pd.Series(index=responses.index, dtype=float)
    if problems := [p for p in misfits(responses, instrument.items(source), instrument) if p.what == NO_COLUMN]:
        raise InputError(*problems)
    return responses[items].notna().mean(axis=1)


def _most_decisive(events: pd.DataFrame, rules: DispositionParams) -> pd.Series:
    """The most decisive event of each person."""
    rank = {event: i for i, event in enumerate(rules.precedence)}
    # "completed" is decided by the answers themselves.
    rank["completed"] = rank.get("started", len(rank))
    # Many events, few names and few people: both are numbered once.
    event, names = pd.factorize(events["event"])
    person, people = pd.factorize(events["person_id"])
    best = np.full(len(people), len(rules.precedence))
    np.minimum.at(best, person, np.array([rank.get(name, len(rules.precedence)) for name in names], dtype=int)[event])
    return pd.Series(np.array([*rules.precedence, None], dtype=object)[best], index=people)


def _answered(people: pd.Series, responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """Per sampled person: share answered, whether and when the questionnaire was sent off (else when it was begun)."""
    begun = responses.get("started_at", pd.NaT)
    facts = pd.DataFrame(
        {
            "share": scored_items_answered(responses, instrument, source).to_numpy(),
            "complete": responses["completed_at"].notna().to_numpy(),
            "at": pd.to_datetime(responses["completed_at"]).fillna(begun).to_numpy(),
        },
        index=responses["person_id"],
    )
    return facts.reindex(people).set_axis(people.index).assign(complete=lambda t: t["complete"].eq(True))


def _told_later(people: pd.Series, events: pd.DataFrame, answered_at: pd.Series) -> pd.Series:
    """Whether each person was first called ineligible after the answers; False where either time is unknown."""
    told = events[events["event"] == "ineligible"]
    if "at" not in told:
        return pd.Series(False, index=people.index)
    first = told.groupby("person_id")["at"].min().reindex(people).set_axis(people.index)
    return pd.to_datetime(first).gt(pd.to_datetime(answered_at))


def _codes(
    event: pd.Series, answered: pd.DataFrame, told_later: pd.Series, rules: DispositionParams, source: Source
) -> np.ndarray:
    enough = answered["share"].ge(rules.min_answered_share)
    outranked = event.eq("ineligible")
    if rules.precedence.index("ineligible") > rules.precedence.index("completed"):
        outranked &= False
    if rules.ineligible_after_answers == "keep":
        outranked &= ~told_later
    decided = enough & ~outranked
    by_event = event.map({name: rules.code(name, source) for name in rules.precedence})
    return np.where(decided & answered["complete"], "I", np.where(decided, "P", by_event))


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
