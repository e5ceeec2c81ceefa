"""What earlier rounds tell a draw: how units answered, and how far the random numbers turn so that people rest."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from spi_analysis.errors import SamplingError
from spi_analysis.params import RoundParams, RoundSetup, Source, UnitFacts
from spi_analysis.sampling import known_levels, turn_for
from spi_analysis.stages.plan import History
from spi_analysis.tables.reading import read_table
from spi_analysis.tables.store import NEVER_AGAIN, Store


class Turn(NamedTuple):
    """What co-ordination adds to the shift; ``facts`` go into the record."""

    turn: float
    facts: dict[str, Any]


def response_history(setup: RoundSetup, store: Store, institution_id: str, source: Source) -> History | None:
    """How a source answered before: by the round's figures of units, else by the earlier round's store; else None."""
    facts = [one for one in setup.unit_facts(institution_id, source) if one.invited_before is not None]
    if facts:
        return _history_of_facts(facts)
    round_ = setup.round_for(institution_id)
    design, name = round_.sources[source].design, round_.response.previous_round
    if design is None or name is None:
        return None
    earlier = Store(store.root.parent / name)
    if not earlier.has("weights", institution_id) or not earlier.has("frame", institution_id):
        return None
    weights, frame = earlier.read("weights", institution_id), earlier.read("frame", institution_id)
    return history_of_round(weights, frame, round_, source)


def history_of_round(weights: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams, source: Source) -> History | None:
    """Invited (but for those who proved ineligible) and answered, by the strata columns of this round's design."""
    design = round_.sources[source].design
    assert design is not None
    found = weights[(weights["source"] == source) & (weights["disposition"] != "NE")]
    people = found.merge(frame[["source", "person_id", *design.strata]], on=["source", "person_id"], validate="1:1")
    if people.empty:
        return None
    answered = people["disposition"].isin(round_.dispositions.respondents)
    grouped = answered.groupby([known_levels(people[column]) for column in design.strata])
    groups = grouped.agg(invited="size", answered="sum").reset_index().assign(sd=float("nan"))
    return History(list(design.strata), groups, len(people), int(answered.sum()))


def coordinated_turn(
    store: Store, institution_id: str, round_: RoundParams, source: Source, people: pd.DataFrame, fractions: pd.Series
) -> Turn:
    """How far this draw is turned against the earlier round's.

    Parameters
    ----------
    people : DataFrame   who may be drawn now: person_id, stratum
    fractions : Series   stratum -> share that is drawn now (reserves included)

    Raises
    ------
    SamplingError   the earlier round has another public value: the two circles then have nothing in common.
    """
    plan = round_.draw.coordination
    if plan is None or round_.sources[source].design is None:
        return Turn(0.0, {})
    earlier = Store(store.root.parent / plan.round)
    record = earlier.read_record("draw", institution_id)
    part = (record or {}).get("sources", {}).get(source)
    archive = earlier.root / "draw" / f"{institution_id}.frame.parquet"
    if part is None or not archive.exists() or not earlier.has("sample", institution_id):
        return Turn(0.0, {"round": plan.round, "aim": plan.aim, "found": False})
    if part["public_value"] != round_.draw.public_value:
        raise SamplingError(
            "a co-ordinated round needs the public value of the round that it is co-ordinated with",
            file=f"params/rounds/{round_.round_id}.yaml",
            key="draw.public_value",
            got=round_.draw.public_value,
            expected=part["public_value"],
            hint="use that value and announce the turn beforehand, or take out draw.coordination",
        )
    before = read_table(archive, None, f"the frame of the draw of {plan.round}", NEVER_AGAIN)
    both = _both_rounds(before, earlier.read("sample", institution_id), source, people, fractions)
    best = turn_for(both["before"], both["now"], plan.aim)
    facts = {"round": plan.round, "aim": plan.aim, "found": True, "people": len(both)}
    return Turn(float((part["turn"] + best + plan.margin) % 1.0), facts)


def _both_rounds(
    listed_before: pd.DataFrame, sample: pd.DataFrame, source: Source, people: pd.DataFrame, fractions: pd.Series
) -> pd.DataFrame:
    """People on both lists, with the share of their stratum that was asked before and is drawn now."""
    asked = sample[sample["source"] == source].groupby("stratum")["inclusion_prob"].mean()
    old = listed_before.loc[listed_before["source"] == source, ["person_id", "stratum"]]
    both = people[["person_id", "stratum"]].merge(old, on="person_id", suffixes=("", "_before"))
    before = both["stratum_before"].map(asked).fillna(0.0).clip(upper=1.0)
    return both.assign(before=before, now=both["stratum"].map(fractions).astype(float))


def _history_of_facts(facts: list[UnitFacts]) -> History:
    rows = pd.DataFrame([one.model_dump() for one in facts])
    table = pd.DataFrame(
        {
            "unit": rows["unit"],
            "invited": rows["invited_before"],
            "answered": rows["answered_before"],
            "sd": pd.to_numeric(rows["sd_before"]) / 100,
        }
    )
    whole, units = table[table["unit"] == ""], table[table["unit"] != ""].reset_index(drop=True)
    total = whole if len(whole) else units
    return History(["unit"], units, int(total["invited"].sum()), int(total["answered"].sum()))
