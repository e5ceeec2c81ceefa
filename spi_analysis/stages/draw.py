"""Stage: from the frame to a sample and its public record, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from spi_analysis.errors import StoreError
from spi_analysis.params import RoundParams, RoundSetup, Source
from spi_analysis.stages.announce import (
    ARMS,
    FORMS,
    Planned,
    bound_parts,
    plan_draw,
    plan_draws,
    private_facts,
    public_value,
    recorded_context,
    require_announced,
)
from spi_analysis.stages.announcement_log import entry_digest, note_draw
from spi_analysis.stages.plan import History
from spi_analysis.survey.sampling import DrawDesign, activate_waves, draw_record, draw_sample, random_arms
from spi_analysis.tables import Store, one_writer, write_parquet

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
# What the draw gives by chance beside the sample, only where the round has any: the optional module that a person is
# asked, and the form of the questionnaire. Each with its shares in a record's context and a scope of its own.
ASSIGNED = {"arm": (ARMS, ""), "form": (FORMS, "\x00form")}
# The folder of what belongs to a record and is not published.
PRIVATE = "draw_private"
# In the context of a record: the digest of the announcement.
ANNOUNCEMENT = "announcement"
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
    return draw_planned(plan_draw(frame, round_, source, history, store), round_, source, secret)


def draw_planned(
    planned: Planned, round_: RoundParams, source: Source, secret: bytes, announcement: str | None = None
) -> Drawn:
    """Draw one source as planned; ``announcement``: the digest of what it was announced by, kept in the record."""
    method, rotation = planned.method, planned.rotation.rotation
    design = DrawDesign(round_.draw.public_value, planned.plan.waves, method, rotation, planned.scope)
    drawn = draw_sample(planned.people, design, secret)
    context = recorded_context(round_, source, planned, secret)
    context |= {ANNOUNCEMENT: announcement} if announcement else {}
    params = {"secret": secret, "turn": rotation, "method": method, "scope": planned.scope, "context": context}
    record = draw_record(planned.people, drawn.drop(columns="prn"), params | public_value(round_))
    kept = with_arms_and_forms(drawn.assign(place=drawn[method.get("unit", "stratum")])[DRAWN_COLUMNS], record, secret)
    return Drawn(activated(kept, 1), planned.people, record, kept, private_facts(planned.plan))


def activated(drawn: pd.DataFrame, last: int | pd.Series) -> pd.DataFrame:
    """The activated part of all that was drawn, weighted by what was activated; ``last``: place -> last wave."""
    columns = [column for column in (*SAMPLE_COLUMNS, *ASSIGNED) if column in drawn or column == "base_weight"]
    return activate_waves(drawn, last, stratum=PLACE)[columns]


def with_arms_and_forms(drawn: pd.DataFrame, record: Mapping[str, Any], secret: bytes) -> pd.DataFrame:
    """The people with the arm and the form that the record's shares, secret and start give them, where it has any."""
    scope = f"{record['scope']}\x00{float(record['shift']).hex()}"
    given = {
        column: random_arms(drawn["person_id"], record["context"][shares], secret, scope + own)
        for column, (shares, own) in ASSIGNED.items()
        if record["context"].get(shares)
    }
    return drawn.assign(**given)


def draw_institution(
    setup: RoundSetup, store: Store, institution_id: str, secret: bytes, today: dt.date | None = None
) -> dict[str, Any]:
    """Draw all sources of an institution and write sample, record and archives, once, and only as it was announced.

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
        planned = plan_draws(setup, store, institution_id, frame)
        bound = bound_parts(round_, frame, planned, secret)
        announced = entry_digest(require_announced(setup, store, institution_id, bound, today))
        parts = {source: draw_planned(one, round_, source, secret, announced) for source, one in planned.items()}
        whose = {"round_id": round_.round_id, "institution_id": institution_id}
        whole = whose | {"sources": {source: part.record for source, part in parts.items()}}
        private = whose | {"sources": {source: part.private for source, part in parts.items()}}
        for name in ("people", "drawn"):
            table = pd.concat([getattr(part, name) for part in parts.values()], ignore_index=True)
            write_parquet(archive_path(store, institution_id, name), table)
        store.write_record(PRIVATE, institution_id, private)
        store.write_record("draw", institution_id, whole)
        on = round_.draw.public_value_date if store.is_synthetic else today or dt.date.today()
        note_draw(store, institution_id, whole, round_.draw.public_value, on.isoformat(), secret)
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
    setup.require(institution_id)
    rows = []
    for source, planned in plan_draws(setup, store, institution_id, store.read("frame", institution_id)).items():
        plan, waves = planned.plan, planned.plan.waves.values()
        first = sum(sizes[0] for sizes in waves)
        rows.append((institution_id, source, plan.population, first, sum(map(sum, waves)) - first, len(plan.strata)))
    return pd.DataFrame(rows, columns=DRAW_COLUMNS)
