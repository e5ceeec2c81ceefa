"""Stage: from the frame to a sample and its public record, once."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from spi_analysis.errors import Problem, SamplingError, StoreError
from spi_analysis.params import DesignParams, RoundParams, RoundSetup, Source
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
from spi_analysis.survey.sampling import DrawDesign, activate_waves, draw_record, draw_sample, private_digest
from spi_analysis.tables import Store, eligible_list, one_writer, write_parquet

SAMPLE_COLUMNS = [
    "institution_id",
    "person_id",
    "source",
    "stratum",
    "pop_size",
    "inclusion_prob",
    "base_weight",
    "prn",
    "wave",
]
# Anticipated rates in the private part of the record; more decimals would be false precision.
RATE_DECIMALS = 6
# The folder of what belongs to a record and is not published: from six decimals of a stratum's anticipated response
# last year's answers follow exactly, unit by unit. The record holds a keyed digest of it.
PRIVATE = "draw_private"
PRIVATE_DIGEST = "private_digest"
# Inside a place everyone drawn has the same chance to be activated: the stratum, or the unit of a two-stage draw.
PLACE = "place"
DRAW_COLUMNS = ["institution_id", "source", "may be invited", "invited first", "in reserve", "strata"]
DRAWN_COLUMNS = [c for c in SAMPLE_COLUMNS if c != "base_weight"] + [PLACE]


class Drawn(NamedTuple):
    """``sample``: who is invited first; ``people``: the frame as drawn from; ``drawn``: with reserves.

    ``record`` is published; ``private`` is what was anticipated, of which the record holds a digest.
    """

    sample: pd.DataFrame
    people: pd.DataFrame
    record: dict[str, Any]
    drawn: pd.DataFrame
    private: dict[str, Any]


def draw_source(
    frame: pd.DataFrame,
    round_: RoundParams,
    source: Source,
    secret: bytes,
    history: History | None = None,
    store: Store | None = None,
) -> Drawn:
    """Draw one source: first wave, the frame as drawn from (with stratum), the record, and all that was drawn.

    ``store`` is where an earlier round is looked for, if the round is co-ordinated with one.
    """
    plan = plan_source(frame, round_, source, history)
    people = stratified(frame, round_, source, plan)
    institution_id = str(people["institution_id"].iloc[0])
    rotation = rotation_of(store, institution_id, round_, source, plan, people)
    method, scope = method_of(round_.sources[source].design, people), f"{round_.round_id}/{institution_id}/{source}"
    design = DrawDesign(round_.draw.public_value, plan.waves, method, rotation.rotation, scope)
    drawn = draw_sample(people, design, secret)
    params = {"secret": secret, "turn": rotation.rotation, "method": method, "scope": scope}
    private = private_facts(plan)
    digest = {PRIVATE_DIGEST: private_digest(private, scope, secret)}
    context = context_of(round_, source, plan) | {"coordination": rotation.facts} | digest
    record = draw_record(people, drawn.drop(columns="prn"), params | {"context": context} | public_value(round_))
    kept = drawn.assign(place=drawn[method.get("unit", "stratum")])[DRAWN_COLUMNS]
    return Drawn(activated(kept, 1), people, record, kept, private)


def activated(drawn: pd.DataFrame, last: int | pd.Series) -> pd.DataFrame:
    """The activated part of all that was drawn, weighted by what was activated; ``last``: place -> last wave."""
    return activate_waves(drawn, last, stratum=PLACE)[SAMPLE_COLUMNS]


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


def draw_institution(setup: RoundSetup, store: Store, institution_id: str, secret: bytes) -> dict[str, Any]:
    """Draw all sources of an institution and write sample, record and archives; refuses to do it twice.

    Returns
    -------
    The record: round, institution, and one draw record per source; what is not published of it lies in PRIVATE.
    """
    with one_writer(store.root.parent):
        setup.require(institution_id)
        if store.has("sample", institution_id):
            raise StoreError(
                "a sample was already drawn",
                file=f"data/{store.root.name}/sample/{institution_id}.parquet",
                expected="one draw per round and institution",
                hint="a drawn sample is never replaced; check it with: spi verify-draw " + institution_id,
            )
        round_ = setup.round_for(institution_id)
        frame = store.read("frame", institution_id)
        _require_sources(frame, round_, institution_id)
        parts = {
            source: draw_source(
                frame, round_, source, secret, response_history(setup, store, institution_id, source), store
            )
            for source in round_.sources
        }
        whose = {"round_id": round_.round_id, "institution_id": institution_id}
        whole = whose | {"sources": {source: part.record for source, part in parts.items()}}
        private = whose | {"sources": {source: part.private for source, part in parts.items()}}
        for name in ("people", "drawn"):
            table = pd.concat([getattr(part, name) for part in parts.values()], ignore_index=True)
            write_parquet(archive_path(store, institution_id, name), table)
        store.write_record(PRIVATE, institution_id, private)
        store.write_record("draw", institution_id, whole)
        # Last, since its presence means that the draw is done.
        store.write("sample", institution_id, pd.concat([part.sample for part in parts.values()], ignore_index=True))
        return whole


def archive_path(store: Store, institution_id: str, name: str) -> Any:
    """Where a draw keeps its frame (``people``) and all that was drawn, reserves included (``drawn``)."""
    return store.root / "draw" / f"{institution_id}.{'frame' if name == 'people' else name}.parquet"


def draw_table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """What was drawn: one row per institution and source."""
    rows = [
        (record["institution_id"], source, part["pop_size"], first, part["sample_size"] - first, len(part["strata"]))
        for record in records
        for source, part in record["sources"].items()
        for first in [sum(entry["waves"][0]["size"] for entry in part["strata"])]
    ]
    return pd.DataFrame(rows, columns=DRAW_COLUMNS)


def planned_table(setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame:
    """What a draw would do, as ``draw_table`` writes what it did; nothing is drawn or written."""
    round_, frame = setup.round_for(setup.require(institution_id)), store.read("frame", institution_id)
    _require_sources(frame, round_, institution_id)
    rows = []
    for source in round_.sources:
        plan = plan_source(frame, round_, source, response_history(setup, store, institution_id, source))
        waves = plan.waves.values()
        first = sum(sizes[0] for sizes in waves)
        rows.append((institution_id, source, plan.population, first, sum(map(sum, waves)) - first, len(plan.strata)))
    return pd.DataFrame(rows, columns=DRAW_COLUMNS)


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
