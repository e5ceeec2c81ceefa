"""Stage: what a list can be trusted with, and what its institution should put right. No count of few people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.params import RoundParams, RoundSetup
from spi_analysis.survey.sampling import coverage, list_quality, lists_shared, safe_count, shown_counts
from spi_analysis.tables import Store, as_shown, write_csv

# Rows that were turned away, by what the institution can do about them (codes of tables/reasons.yaml).
TURNED_AWAY = {
    "no_contact": ("no_contact",),
    "listed_twice": ("duplicate_employee_number", "duplicate_phone", "duplicate_email"),
    "shared_contact": ("shared_phone", "shared_email"),
    "cells_missing": ("missing_name", "missing_unit", "missing_position", "missing_value"),
}
FLAGS = ("no_whatsapp", "no_email", "flagged")
COUNTS = dict.fromkeys(("people", "known", *FLAGS), 0)
AUDITED = ("source", "unit", "channels", "stream", "also_listed_as", "is_eligible", "frame_status")
UNIT_COLUMNS = ["source", "unit", "people", *FLAGS, "known", "share"]
TASK_COLUMNS = ["source", "unit", "task", "people", "known", "share"]


@dataclass(frozen=True)
class FrameAudit:
    """What may be said of an institution's lists; a count that is missing is too small to be shown.

    ``sources``: source, listed, eligible, no_whatsapp, no_email, flagged, also_listed, known, share (coverage), and
    rows turned away by kind; ``units``: source, unit, people, flags, known, share; ``small``: source, unit of units
    with few people; ``tasks``: what to put right: source, unit ("" for the whole list), task, people.
    """

    sources: pd.DataFrame
    units: pd.DataFrame
    small: pd.DataFrame
    tasks: pd.DataFrame


def audit_frame(setup: RoundSetup, store: Store, institution_id: str) -> FrameAudit:
    """Audit the lists of an institution (people of the list stream; those who registered themselves are none)."""
    setup.require(institution_id)
    round_, frame = setup.round_for(institution_id), store.read("frame", institution_id, AUDITED)
    listed = frame[frame["stream"] == "list"]
    known = {(one.source, one.unit): one.known_people for one in setup.units if one.institution_id == institution_id}
    known = {key: people for key, people in known.items() if people is not None}
    turned_away = _turned_away(store.read_record("frame_imports", institution_id) or {})
    sources = _source_table(listed, round_, known, turned_away)
    units, small = _unit_table(listed, round_, known)
    return FrameAudit(sources, units, small, _tasks(sources, units, small, round_))


def save_audit(setup: RoundSetup, institution_id: str, audit: FrameAudit) -> list[Path]:
    """Write ``frame/tasks.csv`` and ``frame/units.csv`` beside the institution's pages."""
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id) / "frame"
    parts = {"tasks": audit.tasks, "units": audit.units}
    return [write_csv(folder / f"{name}.csv", as_shown(table, COUNTS)) for name, table in parts.items()]


def _source_table(
    listed: pd.DataFrame, round_: RoundParams, known: dict[tuple[str, str], int], turned_away: pd.DataFrame
) -> pd.DataFrame:
    least = round_.disclosure.min_cell
    counts = list_quality(listed, "source", _flags(listed)).rename(columns={"people": "listed"})
    counts["eligible"] = listed.groupby("source")["is_eligible"].sum()
    shared = lists_shared(listed["also_listed_as"], listed["source"]).groupby("source")["people"].sum()
    counts["also_listed"] = shared.reindex(counts.index, fill_value=0)
    totals = coverage(counts["listed"], _known_of_sources(known))
    table = counts.join(turned_away.reindex(columns=list(TURNED_AWAY)), how="left").fillna(0).astype(float)
    for column in (*FLAGS, "also_listed"):
        safe = [safe_count(n, all_, least) for n, all_ in zip(counts[column], counts["listed"], strict=True)]
        table[column] = table[column].where(safe)
    for column in TURNED_AWAY:
        table[column] = table[column].where((table[column] == 0) | (table[column] >= least))
    # From the list and those who are eligible the others follow.
    others = counts["listed"] - counts["eligible"]
    table["listed"] = table["listed"].where((others == 0) | (others >= least))
    order = [source for source in round_.sources if source in table.index]
    return _with_coverage(table, totals).loc[order].rename_axis("source").reset_index()


def _with_coverage(table: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Known totals and shares; a share only where the number listed is shown, which would follow from it."""
    share = totals["share"].reindex(table.index).where(table["listed"].notna())
    return table.assign(known=totals["known"].reindex(table.index), share=share)


def _unit_table(
    listed: pd.DataFrame, round_: RoundParams, known: dict[tuple[str, str], int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units whose counts may be shown, and the names of those with few people. A panel has no units."""
    least = round_.disclosure.min_cell
    people = listed[listed["source"].isin(round_.probability_sources)]
    if people.empty:
        return pd.DataFrame(columns=UNIT_COLUMNS), pd.DataFrame(columns=["source", "unit"])
    counts = list_quality(people, ["source", "unit"], _flags(people))
    shown = shown_counts(counts, least, within="source")
    of_units = {key: n for key, n in known.items() if key[1] and key[0] in round_.probability_sources}
    index = pd.MultiIndex.from_tuples(list(of_units), names=["source", "unit"]) if of_units else counts.index[:0]
    totals = coverage(counts["people"], pd.Series(list(of_units.values()), index=index, dtype=float))
    table = shown.reindex(totals.index).join(totals[["known", "share"]])
    # Where the number of people is hidden its share of a known total would tell it; nobody listed is no secret.
    nobody = ~totals.index.isin(counts.index)
    table.loc[nobody, "people"] = 0.0
    table["share"] = table["share"].where(table["people"].notna())
    table = table.rename_axis(["source", "unit"]).reset_index()
    order = table["source"].map({source: i for i, source in enumerate(round_.sources)})
    table = table.assign(order=order).sort_values(["order", "unit"], ignore_index=True)[UNIT_COLUMNS]
    few = counts.index[counts["people"] < round_.frame.audit.min_unit_people]
    is_few = pd.MultiIndex.from_frame(table[["source", "unit"]]).isin(few)
    hidden = table["people"].isna().to_numpy()
    names = table[["source", "unit"]]
    return table[~hidden].reset_index(drop=True), names[hidden & is_few].reset_index(drop=True)


def _tasks(sources: pd.DataFrame, units: pd.DataFrame, small: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """What to put right, the whole lists first, then units by the number of people concerned."""
    rows: list[dict[str, Any]] = []
    for source in sources.itertuples():
        rows += [
            {"source": source.source, "unit": "", "task": kind, "people": n}
            for kind in (*TURNED_AWAY, "also_listed")
            if pd.isna(n := getattr(source, kind)) or n > 0
        ]
        if source.source in round_.probability_sources:
            # What is missing of a panel's known total would tell its size.
            listed = {"people": source.listed, "known": source.known, "share": source.share}
            rows += _coverage_tasks(source.source, "", listed, round_)
    found: list[dict[str, Any]] = []
    for unit in units.to_dict("records"):
        found += _coverage_tasks(unit["source"], unit["unit"], unit, round_)
        found += _contact_tasks(unit, round_)
    found.sort(key=lambda row: -row["people"])
    rows += found
    rows += [{"source": u.source, "unit": u.unit, "task": "few_people", "people": np.nan} for u in small.itertuples()]
    return pd.DataFrame(rows, columns=TASK_COLUMNS)


def _coverage_tasks(source: str, unit: str, facts: dict[str, Any], round_: RoundParams) -> list[dict[str, Any]]:
    limits, share, least = round_.frame.audit, facts["share"], round_.disclosure.min_cell
    if pd.isna(share) or limits.min_coverage <= share <= limits.max_coverage or pd.isna(facts["people"]):
        return []
    people = abs(facts["known"] - facts["people"])
    task = "people_missing" if share < limits.min_coverage else "too_many_people"
    row = {"source": source, "unit": unit, "task": task, "people": people, "known": facts["known"], "share": share}
    return [row] if people >= least else []


def _contact_tasks(unit: dict[str, Any], round_: RoundParams) -> list[dict[str, Any]]:
    limits = round_.frame.audit
    return [
        {"source": unit["source"], "unit": unit["unit"], "task": flag, "people": unit[flag]}
        for flag in ("no_whatsapp", "no_email")
        if unit[flag] > (1 - limits.min_contact_share) * unit["people"]
    ]


def _flags(people: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "no_whatsapp": ~people["channels"].str.contains("whatsapp"),
        "no_email": ~people["channels"].str.contains("email"),
        "flagged": people["frame_status"].eq("flagged"),
    }


def _turned_away(imports: dict[str, Any]) -> pd.DataFrame:
    """Rows turned away per source and kind."""
    counts = {}
    for source, part in imports.items():
        codes = pd.Series([row["code"] for row in part["problems"] if row.get("row") is not None], dtype=object)
        counts[source] = {kind: int(codes.isin(reasons).sum()) for kind, reasons in TURNED_AWAY.items()}
    return pd.DataFrame.from_dict(counts, orient="index")


def _known_of_sources(known: dict[tuple[str, str], int]) -> dict[str, int]:
    """The known total of a source: its own row."""
    return {source: people for (source, unit), people in known.items() if not unit}
