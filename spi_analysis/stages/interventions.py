"""Stage: what people did to a round beside its method, as a register: left out, dropped, changed, done once more.

The analysis plan is all parameters of an institution's round, the questionnaire, and a digest of the code that makes
figures. It is bound by the announcement of the draw, before anybody can have answered (of a round announced before
there were plans, by the first `spi invite`). What differs from it later is found by comparing, not told by anybody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import spi_analysis
from spi_analysis.fieldwork import IneligibleReports
from spi_analysis.params import RoundParams, RoundSetup
from spi_analysis.stages.announcement_log import (
    announcements,
    append_entry,
    draws,
    entry_digest,
    log_entries,
    signed,
)
from spi_analysis.stages.audit import LAST_RELEASE, release_digests
from spi_analysis.survey.sampling import canonical
from spi_analysis.tables import Store, one_writer, released_estimates

PLAN = "analysis_plan"
# What makes figures out of answers.
CODE = ("disclosure", "fieldwork", "scores", "stages", "survey")
# Filled in when its day has come: the announcement says which value it is.
COMES_LATER = ("draw.public_value",)
REGISTER = ("kind", "source", "detail", "before", "after", "number", "on", "reason")
# What the parameters of a group are given with: where they come from, and since when.
SAID_WITH = ("source", "as_of")
# Of the plan, and no parameters: digests of what makes figures, and of the questionnaire.
PLAN_DIGESTS = ("code", "instrument")
ONCE_MORE = ("announced_again", "drawn_again", "released_again")


def analysis_plan(setup: RoundSetup, institution_id: str) -> dict[str, str]:
    """Dotted key -> value as text of every parameter that holds for the institution; ``code`` and ``instrument``."""
    found = dict(_flat(setup.round_for(institution_id).model_dump(mode="json")))
    instrument = hashlib.sha256(canonical(setup.instrument.model_dump(mode="json")).encode()).hexdigest()
    others = dict(zip(PLAN_DIGESTS, (_code_digest()[:16], instrument[:16]), strict=True))
    return {key: value for key, value in found.items() if key not in COMES_LATER} | others


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value if isinstance(value, str) else canonical({"": value})[4:-1]


@cache
def _code_digest() -> str:
    root = Path(spi_analysis.__file__).parent
    files = sorted(path for room in CODE for path in (root / room).rglob("*.py"))
    parts = [hashlib.sha256(path.relative_to(root).as_posix().encode() + path.read_bytes()) for path in files]
    return hashlib.sha256(b"".join(part.digest() for part in parts)).hexdigest()


def planned(entries: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """The plan of a log: that of its last announcement, else the one that was stamped by itself; None without any."""
    plans = [entry[PLAN] for entry in announcements(entries) if PLAN in entry]
    plans = plans or [entry[PLAN] for entry in entries if entry["kind"] == "planned"][:1]
    return dict(plans[-1]) if plans else None


def note_changes(setup: RoundSetup, store: Store, institution_id: str, secret: bytes, at: dt.datetime) -> None:
    """Put into the log what differs from the plan and is not noted yet; without any plan, and any answer, the plan."""
    with one_writer(store.root.parent):
        entries, now = log_entries(store, institution_id), analysis_plan(setup, institution_id)
        plan = planned(entries)
        if plan is None:
            facts = {"kind": "planned", PLAN: now} if not store.has("responses", institution_id) else None
        else:
            values = dict(_differences(_as_noted(plan, entries), now))
            facts = {"kind": "changed", "values": values} if values else None
        if facts is not None:
            when = {"at": at.isoformat(timespec="seconds"), "previous": entry_digest(entries[-1]) if entries else ""}
            append_entry(store, institution_id, entries, signed({**facts, **when}, secret))


def _as_noted(plan: Mapping[str, str], entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The plan with all changes that the log has."""
    known: dict[str, str] = dict(plan)
    for entry in entries:
        for key, (_, new) in entry["values"].items() if entry["kind"] == "changed" else ():
            known[key] = new
    return known


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for key in sorted({*before, *now}):
        if (old := before.get(key, "")) != (new := now.get(key, "")):
            yield key, [old, new]


def parameter_changes(setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame:
    """Every value that is not the plan's: detail (its key), before, after, on (day noted; None: not noted yet), reason.

    ``reason``: the source that stands with a group of parameters, where it was written anew together with the value;
    None where the value alone is another. Such a source is no row of its own.
    """
    entries = log_entries(store, institution_id)
    plan = planned(entries)
    together = [(entry["values"], entry["at"][:10]) for entry in entries if entry["kind"] == "changed"]
    if plan is not None:
        now = analysis_plan(setup, institution_id)
        together.append((dict(_differences(_as_noted(plan, entries), now)), None))
        plan |= now
    rows = [row for values, on in together for row in _changed_together(values, plan or {}, on)]
    return pd.DataFrame(rows, columns=["detail", "before", "after", "on", "reason"], dtype=object)


def _changed_together(
    values: Mapping[str, Sequence[str]], keys: Mapping[str, str], on: str | None
) -> Iterator[tuple[str | None, ...]]:
    """Rows of one comparison; a source that is the reason of another row, and its date, are no rows."""
    sources = {key: _source_of(key, keys) for key in values if key.rpartition(".")[2] not in SAID_WITH}
    told = {source for source in sources.values() if values.get(source, ("", ""))[1]}
    for key, (before, after) in values.items():
        if key in sources:
            reason = values.get(sources[key], ("", ""))[1] or None
            yield from ((where, old, new, on, reason) for where, old, new in _inside(key, before, after))
        elif _beside(key, SAID_WITH[0]) not in told:
            yield key, before, after, on, None


def _inside(key: str, before: str, after: str) -> Iterator[tuple[str, str, str]]:
    """The values that differ inside two lists of as many groups, such as the steps of a recipe, numbered from 1."""
    parts = [_groups_of(key, text) for text in (before, after)]
    if not parts[0] or len(parts[0]) != len(parts[1]):
        yield key, before, after
        return
    for old, new in zip(*parts, strict=True):
        yield from ((where, *values) for where, values in _differences(dict(_flat(old)), dict(_flat(new))))


def _groups_of(key: str, text: str) -> list[dict[str, Any]]:
    """The groups of a list by their key, each in a mapping of its own; none where the text is no such list."""
    try:
        groups = json.loads(text) if text.startswith("[{") else []
    except json.JSONDecodeError:  # a text of somebody's own that begins like a list
        groups = []
    return [{f"{key}.{number}": group} for number, group in enumerate(groups, 1)]


def _source_of(key: str, keys: Mapping[str, str]) -> str:
    """The key of the source of the nearest group that has one; "" of code and questionnaire, which have none here."""
    while key not in ("", *PLAN_DIGESTS):
        if (source := _beside(key, SAID_WITH[0])) in keys:
            return source
        key = key.rpartition(".")[0]
    return ""


def _beside(key: str, name: str) -> str:
    group = key.rpartition(".")[0]
    return f"{group}.{name}" if group else name


def interventions(setup: RoundSetup, store: Store, institution_id: str, reports: IneligibleReports) -> pd.DataFrame:
    """The register of an institution, with what may be told: one row per intervention (``REGISTER``).

    ``kind``: excluded (of a source, ``detail`` the reason), kept and dropped (answers of people reported as
    ineligible), changed (how many parameters), parameter (one of them), no_plan, announced_again, drawn_again,
    released_again. ``reason``: as it was given when it was done once more; of a parameter see `parameter_changes`.

    ``number``: missing where it is of fewer people than may be shown, or of experts.
    """
    entries, changes = log_entries(store, institution_id), parameter_changes(setup, store, institution_id)
    counts = {
        "announced_again": max(len(announcements(entries)) - 1, 0),
        "drawn_again": max(len(draws(entries)) - 1, 0),
        "released_again": _released_again(setup, store, institution_id),
    }
    stamped = planned(entries) is not None
    rows = [*_excluded(setup.round_for(institution_id), entries), *_reported(reports, setup.round.disclosure.min_cell)]
    rows += [{"kind": "changed", "number": len(changes)}] if stamped else [{"kind": "no_plan", "number": 1}]
    rows += [{"kind": "parameter", "number": 1, **row} for row in changes.to_dict("records")]
    why = {"announced_again": [entry.get("reason", "") for entry in announcements(entries)[1:]]}
    why["released_again"] = (store.read_record(LAST_RELEASE, institution_id) or {}).get("reasons", [])
    reasons = {kind: "; ".join(filter(None, said)) or None for kind, said in why.items()}
    rows += [{"kind": kind, "number": counts[kind], "reason": reasons.get(kind)} for kind in ONCE_MORE]
    table = pd.DataFrame(rows).reindex(columns=list(REGISTER)).astype(object)
    table = table.where(table.notna(), None)
    return table.assign(number=table["number"].astype(float))


def _excluded(round_: RoundParams, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of the last announcement: who stood on a list and could not be drawn, by reason; of panels nobody."""
    sources = announcements(entries)[-1]["sources"] if announcements(entries) else {}
    least = round_.disclosure.min_cell
    return [
        {"kind": "excluded", "source": source, "detail": reason, "number": people if people >= least else None}
        for source in round_.populations
        for reason, people in _without_few(sources.get(source, {}).get("excluded", {}), least).items()
    ]


SEVERAL = "several"


def _without_few(excluded: Mapping[str, Mapping[str, Any]], least: int) -> dict[str, int]:
    """Numbers by reason; the smallest together where one is of fewer people than may be shown, until it follows from
    no sum: how many are left out in all can be told from the numbers listed and eligible.
    """
    counts = {reason: int(one["people"]) for reason, one in excluded.items()}
    together: list[str] = []
    for reason in sorted(counts, key=lambda name: (counts[name], name)):
        enough = sum(counts[one] for one in together) >= least
        if counts[reason] >= least and (not together or (enough and len(together) > 1)):
            break
        together.append(reason)
    if len(together) > 1:
        counts = {name: n for name, n in counts.items() if name not in together} | {
            SEVERAL: sum(counts[one] for one in together)
        }
    return dict(sorted(counts.items()))


def _reported(reports: IneligibleReports, least: int) -> list[dict[str, Any]]:
    """In bands, like the sentence of the page: one report more must not tell whether that person answered."""
    bands = {"kept": reports.kept // least * least, "dropped": reports.dropped // least * least}
    tells = reports.reported - sum(bands.values()) < least
    return [{"kind": kind, "number": None if tells or not n else n} for kind, n in bands.items()]


def _released_again(setup: RoundSetup, store: Store, institution_id: str) -> int:
    """How often figures that had been released became others; what is shown now counts, released or not."""
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    released = store.read_record(LAST_RELEASE, institution_id) is not None
    return len(release_digests(store, institution_id, estimates)) - 1 if released else 0
