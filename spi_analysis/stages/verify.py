"""Stage: repeat the draw of an institution and name what differs: frame, secret, start, parameters, record, waves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.errors import SpiError
from spi_analysis.params import RoundParams, RoundSetup, Source
from spi_analysis.stages.announce import (
    PRIVATE_DIGEST,
    context_of,
    differences_from,
    excluded_people,
    method_of,
    private_facts,
    public_value,
    rotation_of,
    stratified,
)
from spi_analysis.stages.announcement_log import announcements, entry_digest, log_differences, log_entries
from spi_analysis.stages.draw import ANNOUNCEMENT, ASSIGNED, PRIVATE, archive_path, with_arms_and_forms
from spi_analysis.stages.plan import listed_in_strata, plan_source, response_history
from spi_analysis.stages.reserves import drawn_of, log_of, log_problems, record_of, sample_of
from spi_analysis.survey.sampling import (
    Difference,
    design_of,
    draw_sample,
    group_digests,
    other_version,
    private_digest,
    record_differences,
    verify_draw,
)
from spi_analysis.tables import EXACT_SPANS, FORGOTTEN, NEVER_AGAIN, Store, read_table, tenure_bands

# Probabilities that went through a file and back.
ROUNDING = 1e-12


def verify_institution(
    setup: RoundSetup, store: Store, institution_id: str, secret: bytes | None
) -> dict[str, list[Difference]]:
    """Repeat an institution's draw from record and frame; per source, the differences found (none: the same draw)."""
    record = record_of(store, institution_id, check=False)
    round_ = setup.round_for(institution_id)
    archived = _archive(store, institution_id)
    frame = _as_recorded(store.read("frame", institution_id), archived)
    differences = {}
    for source in round_.sources:
        part = record["sources"].get(source)
        if part is None:
            differences[source] = [Difference("the source is not in the record")]
            continue
        try:
            differences[source] = _source_differences(
                setup, store, institution_id, round_, source, part, frame, secret, archived
            )
        except (SpiError, KeyError, TypeError, AttributeError) as error:
            said = _said(error) if isinstance(error, SpiError) else f"no usable {error}"
            differences[source] = [Difference(f"the record cannot be followed: {said}")]
    differences = _with_announcement(store, institution_id, record, differences, store.read("frame", institution_id))
    return _with_forgotten(store, institution_id, _with_activations(store, institution_id, record, differences))


def _with_announcement(
    store: Store, institution_id: str, record: dict[str, Any], differences: dict[str, list[Difference]],
    frame: pd.DataFrame | None = None,
) -> dict[str, list[Difference]]:  # fmt: skip
    """Also what is not as it was announced; with the frame the excluded people, too. Older records name nothing."""
    said = {part.get("context", {}).get(ANNOUNCEMENT) for part in record["sources"].values()} - {None}
    if not said or any(other_version(part) for part in record["sources"].values()):
        return differences
    entries, first = log_entries(store, institution_id, check=False), next(iter(differences))
    named = [one for one in announcements(entries) if said == {entry_digest(one)}]
    found = log_differences(entries, record)
    if not named:
        found.append(Difference("the announcement that the record names is not in the log"))
    compared = {source: _against(named[-1], source, part, frame) for source, part in record["sources"].items() if named}
    together = {source: [*found_, *compared.get(source, [])] for source, found_ in differences.items()}
    return together | {first: [*found, *together[first]]}


def _against(
    announced: dict[str, Any], source: Source, part: dict[str, Any], frame: pd.DataFrame | None
) -> list[Difference]:
    """What of a record, and of the people whom the frame excludes, is not what was announced."""
    bound = {key: part[key] for key in ("method", "turn")}
    bound["context"] = {key: value for key, value in part["context"].items() if key != ANNOUNCEMENT}
    bound["eligible"] = {
        entry["stratum"]: {"people": entry["pop_size"], "digest": entry["frame_digest"]} for entry in part["strata"]
    }
    if frame is not None:
        bound["excluded"] = group_digests(excluded_people(frame, source), "reason")
    top = {key: part[key] for key in ("secret_commitment", "public_value_name", "public_value_date")}
    return list(differences_from(announced, top | {"sources": {source: bound}}))


def _with_forgotten(
    store: Store, institution_id: str, differences: dict[str, list[Difference]]
) -> dict[str, list[Difference]]:
    """Before the differences of a source: that people were forgotten since, whose rows have another code."""
    forgotten = [entry["source"] for entry in (store.read_record(FORGOTTEN, institution_id) or {}).values()]
    said = "people were forgotten since the draw: the digests of their strata are not those on record any more"
    notes = {source: [Difference(f"{forgotten.count(source)} {said}")] for source in set(forgotten)}
    return {source: [*notes.get(source, []), *found] for source, found in differences.items()}


def _archive(store: Store, institution_id: str) -> pd.DataFrame | None:
    """The frame as the draw kept it."""
    path = archive_path(store, institution_id, "people")
    return read_table(path, None, "the frame of the draw", NEVER_AGAIN) if path.exists() else None


def _as_recorded(frame: pd.DataFrame, archived: pd.DataFrame | None) -> pd.DataFrame:
    """The frame with the exact spans of years that earlier draws put on record, if its bands are those of the spans."""
    if archived is None or not set(EXACT_SPANS) <= set(archived) or set(EXACT_SPANS) <= set(frame):
        return frame
    keys = ["source", "person_id"]
    exact = frame[keys].merge(archived[[*keys, *EXACT_SPANS]], how="left", on=keys).set_axis(frame.index)
    spans = {
        years: exact[years].where(tenure_bands(exact[years]).fillna("") == frame[band].fillna(""))
        for years, band in EXACT_SPANS.items()
    }
    return frame.assign(**spans)


def check_record(store: Store, institution_id: str) -> dict[str, list[Difference]]:
    """What anybody can check with the public record alone: the start and the counts, per source."""
    record = record_of(store, institution_id, check=False)
    found = {source: other_version(part) or record_differences(part) for source, part in record["sources"].items()}
    return _with_announcement(store, institution_id, record, found)


def recorded_strata(frame: pd.DataFrame, part: dict[str, Any], source: Source) -> pd.DataFrame:
    """The eligible people with the strata that the record says."""
    context = part["context"]
    return listed_in_strata(frame, source, context["strata_columns"], context["cells"], part["method"].get("unit"))


def _source_differences(
    setup: RoundSetup, store: Store, institution_id: str, round_: RoundParams, source: Source, part: dict[str, Any],
    frame: pd.DataFrame, secret: bytes | None, archived: pd.DataFrame | None,
) -> list[Difference]:  # fmt: skip
    """All about the draw of one source, but for its activations."""
    if other := other_version(part):
        return other
    people = recorded_strata(frame, part, source)
    kept = None if archived is None else archived[archived["source"] == source]
    # Where the frame or the record is another one, all else follows from that.
    private = _private_part(store, institution_id, source, part)
    return verify_draw(part, people, secret, kept) or [
        *_private_differences(part, private, secret),
        *_params_differences(setup, store, institution_id, round_, source, part, private, frame),
        *_drawn_differences(store, institution_id, source, part, people, secret),
    ]


def _private_part(store: Store, institution_id: str, source: Source, part: dict[str, Any]) -> dict[str, Any] | None:
    """What belongs to a record and is not published; an older record holds it itself. None where it is not there."""
    if PRIVATE_DIGEST not in part["context"]:
        return part["context"]
    return (store.read_record(PRIVATE, institution_id, check=False) or {}).get("sources", {}).get(source)


def _private_differences(
    part: dict[str, Any], private: dict[str, Any] | None, secret: bytes | None
) -> list[Difference]:
    """Whether the private part is that of the draw. Without the secret nobody can tell, nor need anybody have it."""
    recorded = part["context"].get(PRIVATE_DIGEST)
    if secret is None or recorded is None:
        return []
    if private is None:
        return [Difference("the private part of the record is missing: the anticipated response cannot be checked")]
    if private_digest(private, part["scope"], secret) != recorded:
        return [Difference("the private part of the record is not the one of the draw")]
    return []


def _params_differences(
    setup: RoundSetup, store: Store, institution_id: str, round_: RoundParams, source: Source, part: dict[str, Any],
    private: dict[str, Any] | None, frame: pd.DataFrame,
) -> list[Difference]:  # fmt: skip
    """Whether the record follows from the round's parameters: value, method, strata, sizes of waves, rotation."""
    try:
        plan = plan_source(frame, round_, source, response_history(setup, store, institution_id, source))
        people = stratified(frame, round_, source, plan)
        rotation = rotation_of(store, institution_id, round_, source, plan, people)
    except SpiError as error:
        return [Difference(f"the draw does not follow from the round's parameters: {error.problems[0].what}")]
    method = method_of(round_.sources[source].design, people)
    expected = public_value(round_) | {"turn": rotation.rotation, "method": method}
    expected |= {"scope": f"{round_.round_id}/{institution_id}/{source}"}
    context = context_of(round_, source, plan)
    pairs = [(key, part[key], value) for key, value in expected.items()]
    pairs += [(key, part["context"].get(key), value) for key, value in context.items() if key != "design"]
    pairs += [(key, private.get(key), value) for key, value in private_facts(plan).items()] if private else []
    given = part["context"].get("design", {})
    pairs += [(f"design.{key}", given.get(key), value) for key, value in context["design"].items()]
    what = "a parameter is not the one of the draw"
    changed = [Difference(f"{what} ({key})", "", _short(a), _short(b)) for key, a, b in pairs if a != b]
    return changed or _size_differences(part, plan.waves if method["name"] != "two_stage" else {})


def _size_differences(part: dict[str, Any], planned: dict[str, list[int]]) -> list[Difference]:
    """Whether every stratum's waves have the size that the plan gives them."""
    recorded = {entry["stratum"]: [wave["size"] for wave in entry["waves"]] for entry in part["strata"]}
    what = "the number drawn does not follow from the round's parameters"
    return [
        Difference(what, h, str(recorded.get(h, [])), str(sizes))
        for h, sizes in planned.items()
        if _without_zeros(recorded.get(h, [])) != _without_zeros(sizes)
    ]


def _drawn_differences(
    store: Store, institution_id: str, source: Source, part: dict[str, Any], people: pd.DataFrame, secret: bytes | None
) -> list[Difference]:
    """Whether the people kept as drawn are those of the draw, each in its wave and with its probability."""
    if secret is None:
        return []
    repeated = with_arms_and_forms(draw_sample(people, design_of(part), secret), part, secret)
    kept = drawn_of(store, institution_id)
    kept = kept[kept["source"] == source]
    columns = ["person_id", "stratum", "wave", "pop_size", "inclusion_prob", "prn", *_by_chance(part)]
    return _row_differences(
        kept.reindex(columns=columns), repeated[columns], "the archive of drawn people is not the draw"
    )


def _with_activations(
    store: Store, institution_id: str, record: dict[str, Any], differences: dict[str, list[Difference]]
) -> dict[str, list[Difference]]:
    """Also what is wrong with the log of activations, and with the sample that follows from it."""
    if any(other_version(part) for part in record["sources"].values()):
        return differences
    try:
        drawn, entries = drawn_of(store, institution_id), log_of(store, institution_id)
        problems = log_problems(record, drawn, entries)
        sample, expected = store.read("sample", institution_id), None if problems else sample_of(drawn, entries)
    except (SpiError, KeyError, TypeError) as error:
        first = next(iter(differences))
        said = _said(error) if isinstance(error, SpiError) else "an entry lacks something"
        return differences | {first: [*differences[first], Difference(f"the activations cannot be checked: {said}")]}
    for source in differences:
        of_log = [Difference(f"the log of activations: {text}") for text in problems]
        if expected is None:
            differences[source] = [*differences[source], *of_log]
            continue
        columns = ["person_id", "stratum", "wave", "pop_size", "inclusion_prob", "base_weight", "prn"]
        columns += _by_chance(record["sources"][source])
        parts = (table.loc[table["source"] == source].reindex(columns=columns) for table in (sample, expected))
        found = _row_differences(*parts, "the sample is not what was drawn and activated")
        differences[source] = [*differences[source], *found]
    return differences


def _by_chance(part: dict[str, Any]) -> list[str]:
    """The columns of arms and forms, where the draw gave any."""
    return [column for column, (shares, _) in ASSIGNED.items() if part.get("context", {}).get(shares)]


def _row_differences(kept: pd.DataFrame, expected: pd.DataFrame, what: str) -> list[Difference]:
    """Per stratum the people whose rows differ, by their code."""
    both = kept.merge(expected, on="person_id", how="outer", suffixes=("", "_expected"), indicator=True)
    differs = both["_merge"].ne("both").to_numpy(copy=True)
    for column in (c for c in expected.columns if c != "person_id"):
        a, b = both[column], both[f"{column}_expected"]
        floats = pd.api.types.is_float_dtype(a) and pd.api.types.is_float_dtype(b)
        differs |= np.asarray((a - b).abs() > ROUNDING if floats else a.astype(object) != b.astype(object), dtype=bool)
    bad = both[differs]
    strata = bad["stratum"].astype(object).where(bad["stratum"].notna(), bad["stratum_expected"])
    return [Difference(what, str(h), rows=tuple(sorted(people))) for h, people in bad["person_id"].groupby(strata)]


def _said(error: SpiError) -> str:
    """The first problem in a line, with the file that it is about."""
    first = error.problems[0]
    return f"{first.what} ({first.file})" if first.file else first.what


def _without_zeros(sizes: list[int]) -> list[int]:
    """Waves without anybody at the end say nothing."""
    kept = list(sizes)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _short(value: object, most: int = 60) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"
