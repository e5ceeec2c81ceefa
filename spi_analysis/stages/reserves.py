"""Stage: reserves are activated wave by wave; every activation is on record, and weights refer to what was activated.

The log (``data/<round>/releases/<institution>.json``) only grows: every entry carries the digest of the one before
it, the first one that of the draw record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd

from spi_analysis.errors import Problem, SamplingError, StoreError, nearest
from spi_analysis.params import RoundSetup, Source
from spi_analysis.stages.announcement_log import entry_digest
from spi_analysis.stages.draw import PLACE, activated, archive_path
from spi_analysis.tables import NEVER_AGAIN, Store, demo_seed, mark_demo, not_of_the_demo, one_writer, read_table

LOG = "releases"


def activate_reserve(
    setup: RoundSetup,
    store: Store,
    institution_id: str,
    source: Source,
    strata: Sequence[str] | None,
    reason: str,
    date: dt.date,
) -> dict[str, Any]:
    """Activate the next reserve of a source, in all strata that have one or in those named.

    The sample then holds everyone activated so far, with new probabilities and base weights; an activated wave is
    worked to its end.

    Returns
    -------
    The new entry of the log: number, source, strata (stratum -> wave), people, reason, date, previous.

    Raises
    ------
    StoreError       nothing was drawn yet; the activation before was cut short (it is finished now, and no more is
        done).
    SamplingError    the source, a stratum or its next wave does not exist; no reason is given.
    """
    with one_writer(store.root.parent):
        setup.require(institution_id)
        record, drawn = record_of(store, institution_id), drawn_of(store, institution_id)
        part = drawn[drawn["source"] == source]
        _require_source(source, drawn, reason)
        entries = log_of(store, institution_id)
        _finish_last(store, institution_id, drawn, entries)
        waves = _next_waves(part, last_waves(drawn, entries), source, strata)
        entry = {
            "number": len(entries) + 1,
            "source": source,
            "strata": waves,
            "people": int((part["wave"] == part["stratum"].map(waves)).sum()),
            "reason": reason.strip(),
            "date": date.isoformat(),
            "previous": entry_digest(entries[-1] if entries else record),
        }
        _write(setup, store, institution_id, drawn, [*entries, entry])
        return entry


def undo_activation(setup: RoundSetup, store: Store, institution_id: str, reason: str, date: dt.date) -> dict[str, Any]:
    """Take the last activation back, as long as nobody of its wave was invited: one more entry of the log.

    Raises
    ------
    SamplingError   there is nothing to take back, or somebody may have been invited: an activated wave is then worked
        to its end.
    """
    with one_writer(store.root.parent):
        setup.require(institution_id)
        drawn, entries = drawn_of(store, institution_id), log_of(store, institution_id)
        if not entries or "undoes" in entries[-1]:
            raise SamplingError(
                "there is no activation to take back", key=institution_id, hint="only the last one can be"
            )
        _finish_last(store, institution_id, drawn, entries)
        last = entries[-1]
        people = _activated_by(drawn, last)
        _require_nobody_invited(store, institution_id, last, people)
        back = {stratum: wave - 1 for stratum, wave in last["strata"].items()}
        entry = last | {"number": len(entries) + 1, "strata": back, "undoes": last["number"], "reason": reason.strip(),
                        "date": date.isoformat(), "previous": entry_digest(last)}  # fmt: skip
        _write(setup, store, institution_id, drawn, [*entries, entry])
        return entry


def _write(
    setup: RoundSetup, store: Store, institution_id: str, drawn: pd.DataFrame, entries: Sequence[dict[str, Any]]
) -> None:
    seed = demo_seed(setup.workspace)
    marked = seed is not None and not not_of_the_demo(setup.workspace)
    store.write_record(LOG, institution_id, {"institution_id": institution_id, "releases": list(entries)})
    # Last: a process that was killed before leaves a log ahead of the sample; the next activation sees to that first.
    store.write("sample", institution_id, sample_of(drawn, entries))
    if marked:
        mark_demo(setup.workspace, seed or 0)


def _activated_by(drawn: pd.DataFrame, entry: dict[str, Any]) -> pd.DataFrame:
    """The people whom an entry activated."""
    rows = drawn[drawn["source"] == entry["source"]]
    return rows[rows["wave"] == rows["stratum"].map(entry["strata"])]


def _require_nobody_invited(store: Store, institution_id: str, entry: dict[str, Any], people: pd.DataFrame) -> None:
    waves = sorted(set(entry["strata"].values()))
    files = [store.root / "invitations" / f"{institution_id}__{entry['source']}__wave{wave}.csv" for wave in waves]
    events = store.read_if_there("events", institution_id)
    heard = (
        0
        if events is None
        else events[events["source"] == entry["source"]]["person_id"].isin(people["person_id"]).sum()
    )
    written = [path.name for path in files if path.exists()]
    if written or heard:
        raise SamplingError(
            "somebody of this wave may have been invited, so it cannot be taken back",
            key=f"{institution_id}, activation {entry['number']}",
            got=", ".join(written) or f"{heard} contact events",
            expected="no invitation file of the wave, and no event of its people",
            hint="an activated wave is worked to its end",
        )


def sample_of(drawn: pd.DataFrame, entries: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Everyone activated so far, of all sources, weighted by what was activated."""
    last = last_waves(drawn, entries)
    parts = []
    for source, people in drawn.groupby("source", sort=False):
        places = people.groupby(PLACE)["stratum"].first()
        parts.append(activated(people, pd.Series({place: last[source, h] for place, h in places.items()})))
    return pd.concat(parts, ignore_index=True)


def last_waves(drawn: pd.DataFrame, entries: Sequence[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """The last wave activated of every source and stratum: the first wave, and what the log adds."""
    keys = drawn[["source", "stratum"]].drop_duplicates().itertuples(index=False, name=None)
    last = dict.fromkeys(keys, 1)
    for entry in entries:
        last |= {(entry["source"], stratum): wave for stratum, wave in entry["strata"].items()}
    return last


def log_problems(record: dict[str, Any], drawn: pd.DataFrame, entries: Sequence[dict[str, Any]]) -> list[str]:
    """What is wrong with a log: an entry changed, taken out or put in between; a wave out of its turn."""
    problems, previous = [], record
    last = last_waves(drawn, [])
    for number, entry in enumerate(entries, 1):
        place = f"activation {number}"
        if entry["number"] != number or entry["previous"] != entry_digest(previous):
            problems.append(f"{place} does not follow the entry before it")
        known = {h: last.get((entry["source"], h), -1) for h in entry["strata"]}
        # An entry that takes one back names the waves before it.
        step = -1 if "undoes" in entry else 1
        if any(wave != known[h] + step for h, wave in entry["strata"].items()):
            problems.append(f"{place} skips or repeats a wave")
        undone = "undoes" in entry and (previous == record or entry["undoes"] != previous["number"])
        if undone or entry["people"] != len(_activated_by(drawn, previous if "undoes" in entry else entry)):
            problems.append(f"{place} names another number of people than was drawn")
        last |= {(entry["source"], h): wave for h, wave in entry["strata"].items()}
        previous = entry
    return problems


def activation_table(drawn: pd.DataFrame, entries: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Per source: drawn, invited so far, still in reserve."""
    last = last_waves(drawn, entries)
    # As lists: columns of text are slow to go through.
    keys = zip(drawn["source"].tolist(), drawn["stratum"].tolist(), strict=True)
    out = pd.Series(drawn["wave"].to_numpy() <= [last[key] for key in keys], index=drawn.index)
    table = out.groupby(drawn["source"], sort=False).agg(drawn="size", invited="sum").reset_index()
    return table.assign(reserve=table["drawn"] - table["invited"]).astype({"invited": int, "reserve": int})


def log_of(store: Store, institution_id: str) -> list[dict[str, Any]]:
    """The activations so far, in their order."""
    return list((store.read_record(LOG, institution_id) or {}).get("releases", []))


def record_of(store: Store, institution_id: str, check: bool = True) -> dict[str, Any]:
    """The draw record of an institution; without ``check`` also one that was changed, for whoever says what differs."""
    record = store.read_record("draw", institution_id, check)
    if record is None:
        raise StoreError(
            "there is no draw record", file=f"data/{store.root.name}/draw/{institution_id}.json", hint="run: spi draw"
        )
    return record


def drawn_of(store: Store, institution_id: str) -> pd.DataFrame:
    """All that was drawn, reserves included."""
    path = archive_path(store, institution_id, "drawn")
    if not path.exists():
        raise StoreError(
            "what was drawn is not kept beside the record",
            file=f"data/{store.root.name}/draw/{path.name}",
            expected="the file that spi draw writes",
            hint="a draw of an older release has no reserves",
        )
    return read_table(path, None, "what was drawn", NEVER_AGAIN)


def _finish_last(store: Store, institution_id: str, drawn: pd.DataFrame, entries: Sequence[dict[str, Any]]) -> None:
    """Where the sample is not what the log says, make it so and stop: nobody asked for a second wave."""
    sample, expected = store.read("sample", institution_id), sample_of(drawn, entries)
    if _invited(sample) == _invited(expected):
        return
    store.write("sample", institution_id, expected)
    last = f"activation {len(entries)}" if entries else "no activation"
    raise StoreError(
        "the last activation was not finished: its people were on record, but not in the sample",
        file=f"data/{store.root.name}/sample/{institution_id}.parquet",
        got=f"{len(sample)} people",
        expected=f"{len(expected)} people, as the log says ({last})",
        hint="the sample now holds them and no new wave was activated; repeat the command only if one more is wanted",
    )


def _invited(sample: pd.DataFrame) -> set[tuple[Any, ...]]:
    return set(sample[["source", "person_id", "wave"]].itertuples(index=False, name=None))


def _require_source(source: Source, drawn: pd.DataFrame, reason: str) -> None:
    problems, sources = [], sorted(set(drawn["source"]))
    if source not in sources:
        hint = nearest(source, sources)
        problems.append(Problem("this source was not drawn", got=source, expected=", ".join(sources), hint=hint))
    if not reason.strip():
        problems.append(Problem("an activation needs a reason", got="none", expected="a sentence for the log"))
    if problems:
        raise SamplingError(*problems)


def _next_waves(
    part: pd.DataFrame, last: dict[tuple[str, str], int], source: Source, strata: Sequence[str] | None
) -> dict[str, int]:
    """The wave that is next in every stratum asked for."""
    most = part.groupby("stratum")["wave"].max().to_dict()
    waves = {h: last[source, h] + 1 for h in sorted(most) if last[source, h] < most[h]}
    unknown = [h for h in strata or [] if h not in most]
    spent = [h for h in strata or [] if h in most and h not in waves]
    problems = [Problem("there is no such stratum", key=source, got=h, hint=nearest(h, most)) for h in unknown]
    problems += [
        Problem("nobody is left in reserve", key=f"{source}, stratum {h}", got=f"wave {most[h]} was the last one")
        for h in spent
    ]
    if not problems and not waves:
        hint = "reserves are set before the draw: sources.<source>.design.reserves"
        problems.append(
            Problem("nobody is left in reserve", key=source, expected="a wave not activated yet", hint=hint)
        )
    if problems:
        raise SamplingError(*problems)
    return waves if strata is None else {h: waves[h] for h in sorted(set(strata))}
