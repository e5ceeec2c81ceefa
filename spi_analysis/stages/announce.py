"""Stage: what a draw is bound by is announced before the public value can be known; nothing is drawn without it.

The log (``data/<round>/announcements/<institution>.json``) only grows. An announcement holds the commitment of the
secret, digests of all who may be drawn and of all who may not, the plan, and name, date and form of the public value; a
draw adds an entry of its own, so that a second one is seen. Every entry carries the digest of the one before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from spi_analysis.errors import Problem, SamplingError, StoreError
from spi_analysis.params import DesignParams, RoundParams, RoundSetup, Source
from spi_analysis.stages.announcement_log import (
    LOG,
    announcements,
    draws,
    keep_announcement,
    log_entries,
    order_differences,
)
from spi_analysis.stages.interventions import PLAN, analysis_plan
from spi_analysis.stages.plan import (
    History,
    Rotation,
    SourcePlan,
    coordinated_rotation,
    listed_in_strata,
    plan_source,
    response_history,
    strata_columns,
)
from spi_analysis.survey.sampling import Difference, commitment, group_digests, private_digest
from spi_analysis.tables import Store, eligible_list, is_demonstration_name, one_writer

# Anticipated rates in the private part of the record; more decimals would be false precision.
RATE_DECIMALS = 6
# The record holds a keyed digest of what is not published: from six decimals of a stratum's anticipated response last
# year's answers follow exactly, unit by unit.
PRIVATE_DIGEST = "private_digest"
# In the context of a record: the arms of the optional modules with their shares.
ARMS = "arms"
# And the forms of the questionnaire with theirs.
FORMS = "forms"
# The reason given for people who may not be drawn although no rule of the round excludes them.
SELF_REGISTERED, NO_REASON = "self_registered", "not_eligible"


# What is fixed before a draw: the people, their strata, the plan, the method.


class Planned(NamedTuple):
    """All that decides a draw of one source, but the secret and the public value."""

    plan: SourcePlan
    people: pd.DataFrame
    rotation: Rotation
    method: dict[str, Any]
    scope: str


def plan_draw(
    frame: pd.DataFrame, round_: RoundParams, source: Source, history: History | None, store: Store | None
) -> Planned:
    """Plan the draw of one source; ``store`` is where an earlier round is looked for, if there is co-ordination."""
    plan = plan_source(frame, round_, source, history)
    people = stratified(frame, round_, source, plan)
    institution_id = str(people["institution_id"].iloc[0])
    rotation = rotation_of(store, institution_id, round_, source, plan, people)
    method = method_of(round_.sources[source].design, people)
    return Planned(plan, people, rotation, method, f"{round_.round_id}/{institution_id}/{source}")


def plan_draws(setup: RoundSetup, store: Store, institution_id: str, frame: pd.DataFrame) -> dict[Source, Planned]:
    """Plan the draws of all sources of an institution."""
    round_ = setup.round_for(institution_id)
    _require_sources(frame, round_, institution_id)
    return {
        source: plan_draw(frame, round_, source, response_history(setup, store, institution_id, source), store)
        for source in round_.sources
    }


def stratified(frame: pd.DataFrame, round_: RoundParams, source: Source, plan: SourcePlan) -> pd.DataFrame:
    """Who may be drawn, with the stratum that the plan gives."""
    design = round_.sources[source].design
    unit = design.two_stage.unit if design is not None and design.two_stage is not None else None
    return listed_in_strata(frame, source, strata_columns(design), cell_map(plan, design), unit)


def rotation_of(
    store: Store | None, institution_id: str, round_: RoundParams, source: Source, plan: SourcePlan,
    people: pd.DataFrame,
) -> Rotation:  # fmt: skip
    """The rotation of a draw: 0 unless the round is co-ordinated with an earlier one."""
    if store is None:
        return Rotation(0.0, {})
    strata = plan.strata.set_index("stratum")
    return coordinated_rotation(store, institution_id, round_, source, people, strata["drawn"] / strata["pop_size"])


def method_of(design: DesignParams | None, people: pd.DataFrame) -> dict[str, Any]:
    """The method of selection as the record keeps it."""
    if design is None or design.method == "srs":
        return {"name": "srs"}
    if design.two_stage is None:
        return {"name": "systematic", "order": list(design.order)}
    stages, shares = design.two_stage, [1.0, *design.reserves]
    units = {str(h): min(stages.units, int(n)) for h, n in people.groupby("stratum")[stages.unit].nunique().items()}
    inside = round(stages.people * sum(shares))
    return {"name": "two_stage", "unit": stages.unit, "units": units, "people": inside, "wave_shares": shares}


def context_of(round_: RoundParams, source: Source, plan: SourcePlan) -> dict[str, Any]:
    """Plain facts of the record: what the draw was planned by, and anybody may know."""
    design = round_.sources[source].design
    return {
        "round_id": round_.round_id,
        "source": source,
        "strata_columns": strata_columns(design),
        "cells": cell_map(plan, design),
        "design": design.model_dump(mode="json", exclude={"source", "as_of"}) if design else {},
        **({ARMS: round_.arms(source)} if round_.arms(source) else {}),
        **({FORMS: round_.form_shares(source)} if round_.form_shares(source) else {}),
    }


def private_facts(plan: SourcePlan) -> dict[str, Any]:
    """What the draw was planned by and stays in the house: the anticipated response of every stratum."""
    response = zip(plan.strata["stratum"], plan.strata["response"], strict=True)
    return {"response": {stratum: round(float(rate), RATE_DECIMALS) for stratum, rate in response}}


def public_value(round_: RoundParams) -> dict[str, str]:
    """The public value as the record names it."""
    return {
        "public_value": round_.draw.public_value,
        "public_value_name": round_.draw.public_value_name[round_.languages[0]],
        "public_value_date": round_.draw.public_value_date.isoformat(),
    }


def cell_map(plan: SourcePlan, design: DesignParams | None) -> dict[str, str]:
    """Which stratum every cell belongs to."""
    if design is not None and not strata_columns(design):
        return {name: name for name in plan.strata["stratum"]}
    return dict(zip(plan.cells["cell"], plan.cells["group"], strict=True))


def _require_sources(frame: pd.DataFrame, round_: RoundParams, institution_id: str) -> None:
    absent = [source for source in round_.sources if eligible_list(frame, source).empty]
    if absent:
        raise SamplingError(
            *(
                Problem(
                    f"nobody of source {source} may be invited",
                    key=institution_id,
                    got="no eligible person on a list",
                    expected="at least one",
                    hint=f"import the {source} list first: spi import frame FILES...",
                )
                for source in absent
            )
        )


def recorded_context(round_: RoundParams, source: Source, planned: Planned, secret: bytes) -> dict[str, Any]:
    """The context of a draw record: what it was planned by, and a keyed digest of what is not published of that."""
    digest = private_digest(private_facts(planned.plan), planned.scope, secret)
    context = context_of(round_, source, planned.plan) | {"coordination": planned.rotation.facts}
    return context | {PRIVATE_DIGEST: digest}


def excluded_people(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """People on a list who may not be drawn, with the ``reason``: the first rule of the round that excludes them."""
    may = eligible_list(frame, source).index
    others = frame[(frame["source"] == source) & ~frame.index.isin(may)]
    rules = others["frame_problem"].fillna("").str.extract(r"(ineligible_\w+)", expand=False)
    reason = rules.fillna(NO_REASON).where(others["stream"] == "list", SELF_REGISTERED)
    return others.assign(reason=reason)


def bound_parts(
    round_: RoundParams, frame: pd.DataFrame, planned: Mapping[Source, Planned], secret: bytes
) -> dict[str, Any]:
    """What an announcement binds: the secret, the public value's name, date and form, and per source the plan."""
    value, form = public_value(round_), round_.draw.public_value_form
    return {
        "round_id": round_.round_id,
        "secret_commitment": commitment(secret),
        "public_value_name": value["public_value_name"],
        "public_value_date": value["public_value_date"],
        "public_value_form": form.model_dump() if form else {},
        "sources": {
            source: {
                "eligible": group_digests(one.people, "stratum"),
                "excluded": group_digests(excluded_people(frame, source), "reason"),
                "waves": {str(h): [int(size) for size in sizes] for h, sizes in one.plan.waves.items()},
                "method": one.method,
                "turn": float(one.rotation.rotation),
                "context": recorded_context(round_, source, one, secret),
            }
            for source, one in planned.items()
        },
    }


def announce_institution(
    setup: RoundSetup,
    store: Store,
    institution_id: str,
    secret: bytes,
    at: dt.datetime | None = None,
    counted: int = 0,
    reason: str = "",
) -> dict[str, Any]:
    """Announce the draw of an institution, before the public value can be known; the same announced twice is once.

    Parameters
    ----------
    at : datetime with its zone   now; of generated people the time is that of the parameters: the day before the value
    counted : int                 announcements that the vault remembers, also if their log is gone
    reason : str                  why it is announced once more; stands in the register of the report

    Returns
    -------
    The entry of the log: number, at, time_from, previous, what is bound (``bound_parts``), public_key, signature, and
    ``stamp`` where the round names a server.

    Raises
    ------
    SamplingError   the public value is not named, has no form, may be known already, or a list is missing; another
        announcement without a reason.
    StoreError      the sample is drawn; the server gave no time stamp. Nothing is written then.
    """
    with one_writer(store.root.parent):
        setup.require(institution_id)
        round_, entries = setup.round_for(institution_id), log_entries(store, institution_id)
        _require_not_drawn(store, institution_id, entries)
        generated = store.is_synthetic
        at = _time_of_parameters(round_) if generated else at or dt.datetime.now().astimezone()
        if problems := [] if generated else list(_too_late_or_unnamed(round_, at.date())):
            raise SamplingError(*problems)
        frame = store.read("frame", institution_id)
        bound = bound_parts(round_, frame, plan_draws(setup, store, institution_id, frame), secret)
        known = announcements(entries)
        plan = analysis_plan(setup, institution_id)
        same = known and known[-1].get(PLAN) == plan and not list(differences_from(known[-1], bound))
        if same and known[-1]["number"] >= counted:
            return known[-1]
        if (known or counted) and not reason.strip():
            raise SamplingError(_without_reason(institution_id, max(len(known), counted)))
        time_from, server = ("parameters", None) if generated else ("clock", round_.draw.timestamp_server)
        return keep_announcement(
            store,
            institution_id,
            bound,
            secret,
            at,
            time_from=time_from,
            counted=counted,
            server=server,
            plan=plan,
            reason=reason.strip(),
        )


def _without_reason(institution_id: str, times: int) -> Problem:
    return Problem(
        "the draw was announced before, and something else is bound now: readers will ask why",
        key=institution_id,
        got=f"{times} announced, no reason",
        expected="a reason, which the register of the report will show",
        hint='spi announce --reason "the list of the new office came late"',
    )


def require_announced(
    setup: RoundSetup,
    store: Store,
    institution_id: str,
    bound: Mapping[str, Any],
    today: dt.date | None = None,
) -> dict[str, Any]:
    """The announcement that a draw may be made by.

    Raises
    ------
    SamplingError   there is none, it is not older than the public value, the value's date has not come, or lists, plan,
        parameters or secret are not those that were announced.
    """
    found = announcements(log_entries(store, institution_id))
    if not found:
        raise SamplingError(
            "this draw was not announced: whoever draws could have chosen list, plan and secret to suit the value",
            key=institution_id,
            expected="an announcement older than the public value",
            hint=f"run: spi announce {institution_id} (before the day of the public value)",
        )
    draw, last = setup.round_for(institution_id).draw, found[-1]
    problems = [_as_problem(one, institution_id) for one in differences_from(last, bound)]
    problems += [
        Problem(one.what, key=institution_id, got=one.found, expected=one.recorded) for one in order_differences(last)
    ]
    if not store.is_synthetic and (today or dt.date.today()) < draw.public_value_date:
        problems.append(
            Problem(
                "the day of the public value has not come", key="draw.public_value_date",
                got=str(draw.public_value_date), expected="a day that is not after today",
            )
        )  # fmt: skip
    if problems:
        raise SamplingError(*problems)
    return last


def _time_of_parameters(round_: RoundParams) -> dt.datetime:
    """The day before the public value: generated people give the same bytes whenever they are generated."""
    day = round_.draw.public_value_date - dt.timedelta(days=1)
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _require_not_drawn(store: Store, institution_id: str, entries: Sequence[Mapping[str, Any]]) -> None:
    if store.has("sample", institution_id) or draws(entries):
        raise StoreError(
            "a sample was already drawn, so nothing can be announced any more",
            file=f"data/{store.root.name}/{LOG}/{institution_id}.json",
            hint=f"its page once more: spi announce {institution_id} --page",
        )


def _too_late_or_unnamed(round_: RoundParams, today: dt.date) -> Iterator[Problem]:
    """What keeps a real draw from being announced."""
    draw, where = round_.draw, f"params/rounds/{round_.round_id}.yaml"
    if is_demonstration_name(draw.public_value_name.en):
        yield Problem(
            "the public value has no name yet", where, key="draw.public_value_name",
            expected="a figure that nobody controls, such as a closing price of a stock exchange",
        )  # fmt: skip
    if draw.public_value_form is None:
        yield Problem(
            "the public value has no form: one number could be written in many ways, each with another sample", where,
            key="draw.public_value_form", expected="digits, decimals or both, such as {decimals: 2}",
        )  # fmt: skip
    if draw.coordination is not None:
        return
    if draw.public_value:
        yield Problem(
            "the public value stands in the parameters before the draw is announced", where, key="draw.public_value",
            got=draw.public_value, expected="nothing until its day has come", hint='write: public_value: ""',
        )  # fmt: skip
    if today >= draw.public_value_date:
        yield Problem(
            "the public value may be known already", where, key="draw.public_value_date",
            got=str(draw.public_value_date), expected=f"a day after {today}", hint="name a later value",
        )  # fmt: skip


# What differs from an announcement.


def differences_from(announced: Mapping[str, Any], bound: Mapping[str, Any]) -> Iterator[Difference]:
    """What is not as it was announced, of all that ``bound`` holds (whoever has less to compare, compares less)."""
    for key, value in bound.items():
        if key != "sources" and announced.get(key) != value:
            yield Difference(f"{key} is not what was announced", "", str(announced.get(key)), str(value))
    for source, part in bound.get("sources", {}).items():
        yield from _source_differences(source, announced["sources"].get(source, {}), part)


def _source_differences(source: Source, announced: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[Difference]:
    for key, value in part.items():
        known = announced.get(key)
        if key in ("eligible", "excluded"):
            yield from _people_differences(source, key, known or {}, value)
        elif known != value:
            yield Difference(f"{source}: {key} is not what was announced")


def _people_differences(
    source: Source, kind: str, announced: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[Difference]:
    """Strata of the eligible, and reasons of the excluded, whose people or data are others."""
    none = {"people": 0, "digest": ""}
    what = f"{source}: the {kind} people, or their data, are not those that were announced"
    for group in sorted({*announced, *found}):
        before, now = announced.get(group, none), found.get(group, none)
        if before != now:
            place = "" if kind == "eligible" else f" (reason {group})"
            counts = [f"{one['people']} people" for one in (before, now)]
            yield Difference(what + place, group if kind == "eligible" else "", *counts)


def _as_problem(one: Difference, institution_id: str) -> Problem:
    where = f"{institution_id}, stratum {one.stratum}" if one.stratum else institution_id
    hint = "put it back as it was announced; before the day of the public value it may be announced anew"
    return Problem(one.what, key=where, got=one.found, expected=one.recorded, hint=hint)
