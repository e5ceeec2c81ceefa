"""Stage: from the frame to a sample and its public record, once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_analysis.errors import Problem, SamplingError, StoreError
from spi_analysis.params import RoundParams, RoundSetup, Source
from spi_analysis.sampling import (
    Difference,
    SampleSize,
    allocate,
    cell_labels,
    draw_record,
    margin_of_error,
    merge_thin_cells,
    permanent_random_numbers,
    sample_size,
    select_srs,
    shift_of,
    shifted,
    verify_draw,
)
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.locking import one_writer
from spi_analysis.tables.store import Store

PANEL = "panel"
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


@dataclass(frozen=True)
class SourcePlan:
    """How one source is invited.

    ``cells``: cell, group (the stratum), merged; ``strata``: stratum, pop_size, invited.
    ``margins``: what the design buys, in points of 100: planned (if the anticipated response
    comes) and for a response of a half, a quarter of it.
    """

    source: Source
    population: int
    size: SampleSize
    cells: pd.DataFrame
    strata: pd.DataFrame
    margin: float


def eligible_list(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """The people who may be drawn: eligible, and from a list (self-registration is no probability sample)."""
    return frame[(frame["source"] == source) & frame["is_eligible"] & (frame["stream"] == "list")]


def plan_source(frame: pd.DataFrame, round_: RoundParams, source: Source) -> SourcePlan:
    """Size, strata and allocation of one source."""
    people = eligible_list(frame, source)
    if people.empty:
        raise SamplingError(f"nobody of source {source} may be invited", got="0 eligible people on the list")
    design = round_.sources[source].design
    if design is None:
        return _panel_plan(people, source)
    size = sample_size(
        design.margin, round_.level, design.p, len(people), design.deff, design.eligibility_rate, design.response_rate
    )
    invited = min(len(people), max(size.invitations, _at_least(design.min_completes, design, len(people))))
    cells = _strata_cells(people, design.strata, design.min_stratum_people)
    strata = cells.groupby("group")["people"].sum().rename("pop_size").rename_axis("stratum").reset_index()
    invited = max(invited, int(strata["pop_size"].clip(upper=design.min_per_stratum).sum()))
    strata["invited"] = allocate(
        strata, invited, "proportional", pop_size="pop_size", min_n=design.min_per_stratum
    ).to_numpy()
    expected = max(1.0, invited * design.eligibility_rate * design.response_rate)
    margin = margin_of_error(expected, design.p, round_.level, len(people), design.deff)
    return SourcePlan(source, len(people), size, cells, strata, margin)


def draw_source(
    frame: pd.DataFrame, round_: RoundParams, source: Source, secret: bytes
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Draw one source: sample rows, the frame as drawn from (with stratum), and the record."""
    plan = plan_source(frame, round_, source)
    design = round_.sources[source].design
    context = {
        "round_id": round_.round_id,
        "source": source,
        "strata_columns": design.strata if design else [],
        "cells": _cell_map(plan.cells),
    }
    people = with_strata(eligible_list(frame, source), context["strata_columns"], context["cells"])
    shift = shift_of(round_.draw.public_value)
    numbers = shifted(permanent_random_numbers(people["person_id"], secret), shift)
    sizes = dict(zip(plan.strata["stratum"], plan.strata["invited"].astype(int), strict=True))
    drawn = select_srs(people.assign(prn=numbers), sizes, stratum="stratum")
    drawn["base_weight"] = 1 / drawn["inclusion_prob"]
    drawn["wave"] = 1
    record = draw_record(
        people,
        drawn,
        {
            "secret": secret,
            "public_value": round_.draw.public_value,
            "public_value_name": round_.draw.public_value_name,
            "public_value_date": round_.draw.public_value_date.isoformat(),
            "context": context,
        },
    )
    return drawn[SAMPLE_COLUMNS], people, record


def draw_institution(setup: RoundSetup, store: Store, institution_id: str, secret: bytes) -> dict[str, Any]:
    """Draw all sources of an institution and write sample, record and archived frame; refuses to do it twice.

    Returns
    -------
    The record: round, institution, and one draw record per source.
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
        samples, frames, records = [], [], {}
        for source in round_.sources:
            sample, people, record = draw_source(frame, round_, source, secret)
            samples.append(sample)
            frames.append(people)
            records[source] = record
        whole = {"round_id": round_.round_id, "institution_id": institution_id, "sources": records}
        write_parquet(store.root / "draw" / f"{institution_id}.frame.parquet", pd.concat(frames, ignore_index=True))
        store.write_record("draw", institution_id, whole)
        # Last, since its presence means that the draw is done.
        store.write("sample", institution_id, pd.concat(samples, ignore_index=True))
        return whole


def draw_table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """What was drawn: one row per institution and source."""
    rows = [
        (record["institution_id"], source, part["pop_size"], part["sample_size"], len(part["strata"]))
        for record in records
        for source, part in record["sources"].items()
    ]
    return pd.DataFrame(rows, columns=["institution_id", "source", "may be invited", "drawn", "strata"])


def verify_institution(
    setup: RoundSetup, store: Store, institution_id: str, secret: bytes | None
) -> dict[str, list[Difference]]:
    """Repeat an institution's draw from record and frame; per source, the differences found (none: the same draw)."""
    record = _record(store, institution_id)
    round_ = setup.round_for(institution_id)
    frame = store.read("frame", institution_id)
    archive = store.root / "draw" / f"{institution_id}.frame.parquet"
    archived = pd.read_parquet(archive) if archive.exists() else None
    differences = {}
    for source in round_.sources:
        part = record["sources"][source]
        context = part["context"]
        people = with_strata(eligible_list(frame, source), context["strata_columns"], context["cells"])
        kept = None if archived is None else archived[archived["source"] == source]
        differences[source] = verify_draw(part, people, secret, kept)
    return differences


def check_record(store: Store, institution_id: str) -> dict[str, list[Difference]]:
    """What anybody can check with the public record alone: the shift and the counts, per source."""
    return {
        source: [Difference(what, recorded=str(a), found=str(b)) for what, a, b in _record_checks(part) if a != b]
        for source, part in _record(store, institution_id)["sources"].items()
    }


def _record_checks(part: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    strata = part["strata"]
    return [
        ("the shift does not follow from the public value", part["shift"], shift_of(part["public_value"])),
        ("the strata do not add up to the frame", part["pop_size"], sum(s["pop_size"] for s in strata)),
        ("the strata do not add up to the sample", part["sample_size"], sum(s["sample_size"] for s in strata)),
        ("more were drawn than there are", 0, sum(s["sample_size"] > s["pop_size"] for s in strata)),
    ]


def _record(store: Store, institution_id: str) -> dict[str, Any]:
    record = store.read_record("draw", institution_id)
    if record is None:
        raise StoreError(
            "there is no draw record", file=f"data/{store.root.name}/draw/{institution_id}.json", hint="run: spi draw"
        )
    return record


def with_strata(people: pd.DataFrame, columns: list[str], cells: dict[str, str]) -> pd.DataFrame:
    """People with their stratum, by the recorded columns and map from cells to strata; a panel is one stratum."""
    if not columns:
        return people.assign(stratum=PANEL)
    labels = cell_labels(people, columns)
    return people.assign(stratum=labels.map(lambda cell: cells.get(cell, f"(not in the record) {cell}")))


def _panel_plan(people: pd.DataFrame, source: Source) -> SourcePlan:
    n = len(people)
    cells = pd.DataFrame({"cell": [PANEL], "group": [PANEL], "merged": [False], "people": [n]})
    strata = pd.DataFrame({"stratum": [PANEL], "pop_size": [n], "invited": [n]})
    return SourcePlan(source, n, SampleSize(n, n, float(n), True), cells, strata, float("nan"))


def _at_least(completes: int, design: Any, population: int) -> int:
    """Invitations for the least number of completes."""
    return min(population, math.ceil(completes / (design.eligibility_rate * design.response_rate)))


def _strata_cells(people: pd.DataFrame, by: list[str], minimum: int) -> pd.DataFrame:
    labels = cell_labels(people, by)
    first = people.loc[~labels.duplicated(), by].astype("object").fillna("(unknown)").astype(str)
    cells = first.assign(people=labels.value_counts().reindex(labels[first.index]).to_numpy())
    merged = merge_thin_cells(cells, by, "people", minimum)
    return merged.assign(people=cells["people"]).sort_values("cell").reset_index(drop=True)


def _cell_map(cells: pd.DataFrame) -> dict[str, str]:
    return dict(zip(cells["cell"], cells["group"], strict=True))


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
