"""Stage: what a list can be trusted with, and what its institution should put right. No count of few people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.disclosure import ITEM_SHARES, ROUNDING, TOP, Told, told_cells
from spi_analysis.errors import Problem
from spi_analysis.params import DisclosureParams, RoundParams, RoundSetup
from spi_analysis.stages.respondents import people_cells
from spi_analysis.stages.score import NO_CELLS, dimension_weights
from spi_analysis.survey.sampling import coverage, list_quality, lists_shared, safe_count, shown_counts
from spi_analysis.tables import Store, as_shown, released_estimates, write_csv

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
    # The ineligible follow from the listed and the eligible.
    others = counts["listed"] - counts["eligible"]
    table["listed"] = table["listed"].where((others == 0) | (others >= least))
    order = [source for source in round_.sources if source in table.index]
    return _with_coverage(table, totals).loc[order].rename_axis("source").reset_index()


def _with_coverage(table: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Known totals and shares; a share only where the number listed is shown, since it would give the number away."""
    share = totals["share"].reindex(table.index).where(table["listed"].notna())
    return table.assign(known=totals["known"].reindex(table.index), share=share)


def _unit_table(
    listed: pd.DataFrame, round_: RoundParams, known: dict[tuple[str, str], int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units whose counts may be shown, and the names of those with few people. A panel has no units."""
    least = round_.disclosure.min_cell
    people = listed[listed["source"].isin(round_.populations)]
    if people.empty:
        return pd.DataFrame(columns=UNIT_COLUMNS), pd.DataFrame(columns=["source", "unit"])
    counts = list_quality(people, ["source", "unit"], _flags(people))
    shown = shown_counts(counts, least, within="source")
    of_units = {key: n for key, n in known.items() if key[1] and key[0] in round_.populations}
    index = pd.MultiIndex.from_tuples(list(of_units), names=["source", "unit"]) if of_units else counts.index[:0]
    totals = coverage(counts["people"], pd.Series(list(of_units.values()), index=index, dtype=float))
    table = shown.reindex(totals.index).join(totals[["known", "share"]])
    # A share of a known total would reveal a hidden number of people; that nobody is listed is no secret.
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
        if source.source in round_.populations:
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


# Stage: what is checked once more before anything leaves the house.

LAST_RELEASE = "publications"
# Means of answers, and what rests on a number of answers otherwise: by none of the latter the mean of a few follows.
MEANS = (
    "source_score", "dimension_score", "unit_score", "class_score", "experience_rate", "climate_rate", *ITEM_SHARES,
)  # fmt: skip
COUNTED = (*MEANS, "list_rate", "list_gap", "crosswise_rate", "crosswise_gap", "nominator_difference")
Key = tuple[Any, ...]
# What an earlier release tells of a part that is hidden now.
KNOWN = ["estimate", "slack", "n"]
# Those that releases were compared by at first.
FIRST_MEASURES = tuple(name for name in MEANS if name not in ITEM_SHARES)
PARTS = {"unit_score": "unit", "class_score": "position_class", "dimension_score": None}
RELEASE_KEYS = ["measure", "source", "part", "domain", "denominator"]


def release_problems(setup: RoundSetup, store: Store, institution_id: str) -> list[Problem]:
    """What the figures of an institution tell too closely: hidden cells, and answers between this release and the last.

    Every problem names the cell and the limits that can be worked out for it.
    """
    round_ = setup.round_for(institution_id)
    shown = as_shown(released_estimates(store, institution_id, setup.inputs[institution_id]))
    frame, weights = store.read("frame", institution_id), store.read("weights", institution_id)
    shares, told = dimension_weights(setup.instrument), list[Told]()
    before = _released_before(store, institution_id)
    for source in shown.loc[(shown["measure"] == "source_score") & (shown["status"] == "shown"), "source"]:
        cells = people_cells(frame, weights, source) if source in round_.populations else NO_CELLS
        rows = with_earlier_figures(shown[shown["source"] == source], before, cells, round_.disclosure)
        told += told_cells(rows, cells, shares[source], round_.disclosure)
    return [_told_problem(one, institution_id) for one in told] + _difference_problems(
        before, released_figures(shown), institution_id, round_.disclosure
    )


def with_earlier_figures(
    rows: pd.DataFrame, before: Mapping[Key, Mapping[str, Any]], cells: pd.DataFrame, limits: DisclosureParams
) -> pd.DataFrame:
    """Estimates of a source, with the figures that an earlier release showed of parts that are hidden now.

    Where as many answered as then the figure is known as it was. Where a few came or went, the mean lies so far from it
    as they can move it (column ``slack``), and its number of answers is not known.

    Parameters
    ----------
    before : mapping     released figures by RELEASE_KEYS
    cells : DataFrame    as ``people_cells`` gives them; a dimension has the answers of its source
    """
    rows = rows.assign(slack=ROUNDING)
    whole = rows[rows["measure"] == "source_score"].iloc[0]
    for i, row in rows[rows["measure"].isin(list(PARTS)) & (rows["status"] != "shown")].iterrows():
        old = before.get(_key(row))
        column = PARTS[str(row["measure"])]
        if old is None or (column is None and before.get(_key(whole), old)["n"] != whole["n"]):
            continue
        n = old["n"] if column is None else cells.loc[cells[column] == row["domain"], "answered"].sum()
        if n > 0 and abs(n - old["n"]) < limits.min_cell:
            rows.loc[i, [*KNOWN, "status"]] = [*_known_mean(old, float(n)), "shown"]
    return rows


def _known_mean(old: Mapping[str, Any], n: float) -> tuple[float, float, float]:
    """The mean now, how far it may lie from that, and the number of answers where it is known."""
    if n == old["n"]:
        return float(old["estimate"]), ROUNDING, n
    total, moved = old["n"] * old["estimate"], TOP * (n - old["n"])
    low, high = (total + min(moved, 0.0)) / n, (total + max(moved, 0.0)) / n
    return (low + high) / 2, (high - low) / 2 + ROUNDING, float("nan")


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(None if pd.isna(row[name]) else row[name] for name in RELEASE_KEYS)


def _released_before(store: Store, institution_id: str) -> dict[Key, Mapping[str, Any]]:
    """What was released of an institution, each figure as it was shown last, also if the last release hid it."""
    last = store.read_record(LAST_RELEASE, institution_id) or {}
    return {_key(row): row for row in (*last.get("earlier", ()), *last.get("shown", ()))}


def released_figures(estimates: pd.DataFrame, measures: Sequence[str] = COUNTED) -> list[dict[str, Any]]:
    """Shown figures that rest on a number of answers, to be kept beside a release: keys, n, estimate."""
    rows = estimates[(estimates["status"] == "shown") & estimates["measure"].isin(measures)]
    table = as_shown(rows)[[*RELEASE_KEYS, "n", "estimate"]]
    return table.astype(object).where(table.notna(), None).to_dict("records")


def keep_release(setup: RoundSetup, store: Store, institution_id: str, reason: str = "") -> None:
    """Remember what was released of an institution: the next release is compared with it, and counted if it differs.

    ``reason``: why figures are others than those released before.
    """
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    shown, before = released_figures(estimates), _released_before(store, institution_id)
    earlier = [before[key] for key in before.keys() - {_key(row) for row in shown}]
    earlier.sort(key=lambda row: [str(row[name]) for name in RELEASE_KEYS])
    releases = release_digests(store, institution_id, estimates)
    said = (store.read_record(LAST_RELEASE, institution_id) or {}).get("reasons", [])
    said = [*said, reason] if reason and is_changed(setup, store, institution_id) else said
    kept = {"shown": shown, "earlier": earlier, "releases": releases, "measures": list(COUNTED), "reasons": said}
    store.write_record(LAST_RELEASE, institution_id, kept)


def is_changed(setup: RoundSetup, store: Store, institution_id: str) -> bool:
    """Whether figures are others than those that were released last."""
    last = store.read_record(LAST_RELEASE, institution_id)
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    known = [] if last is None else last.get("releases", [last["shown"]])
    return bool(known) and len(release_digests(store, institution_id, estimates)) > len(known)


def release_digests(store: Store, institution_id: str, estimates: pd.DataFrame) -> list[str]:
    """A digest of every release so far, and of these figures if they are others; the first measures were fewer."""
    last, now = store.read_record(LAST_RELEASE, institution_id) or {}, release_digest(released_figures(estimates))
    releases = list(last.get("releases", [release_digest(last["shown"])] if last else []))
    same = release_digest(released_figures(estimates, last.get("measures", FIRST_MEASURES)))
    return [*releases[:-1], now] if releases and releases[-1] == same else [*releases, now]


def release_digest(shown: list[dict[str, Any]]) -> str:
    """What tells one release from the next: a digest of the figures that it shows."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def _told_problem(told: Told, institution_id: str) -> Problem:
    unit = "points" if told.what == "score" else "people"
    return Problem(
        "what is shown tells a hidden figure too closely",
        key=f"{institution_id}: {told.source} {told.measure} {told.cell or '(no unit)'}",
        got=f"{told.what} between {told.low:.2f} and {told.high:.2f}",
        expected=f"limits at least {told.allowed:g} {unit} apart",
        hint=f"run: spi run --notebook 40 {institution_id}: it hides further cells (or leave it out: --partial)",
    )


def _difference_problems(
    before: Mapping[Key, Mapping[str, Any]], now: list[dict[str, Any]], institution_id: str, limits: DisclosureParams
) -> list[Problem]:
    """Figures of which a few answers came or went since they were released last."""
    pairs = [(before.get(_key(row)), row) for row in now]
    return [
        _difference_problem(old, row, institution_id, limits)
        for old, row in pairs
        if old is not None and 0 < abs(row["n"] - old["n"]) < limits.min_cell
    ]


def _difference_problem(
    old: Mapping[str, Any], row: Mapping[str, Any], institution_id: str, limits: DisclosureParams
) -> Problem:
    cell = " ".join(str(row[key]) for key in RELEASE_KEYS if row[key] is not None)
    told = _mean_of_few(old, row) if row["measure"] in MEANS else ""
    return Problem(
        "two releases of one round differ by a few answers, which can be worked out",
        key=f"{institution_id}: {cell}",
        got=f"n {row['n']:g}, before {old['n']:g}{told}",
        expected=f"the same answers, or at least {limits.min_cell} more or fewer",
        hint="let the last release stand until more answers have changed (leave it out: --partial)",
    )


def _mean_of_few(old: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    few = abs(old["n"] - row["n"])
    mean = abs(old["n"] * old["estimate"] - row["n"] * row["estimate"]) / few
    slack = ROUNDING * (old["n"] + row["n"]) / few
    low, high = max(0.0, mean - slack), min(TOP, mean + slack)
    return f"; the mean of the {few:g} lies between {low:.2f} and {high:.2f}"
