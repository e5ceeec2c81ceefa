"""The check that repeats a draw and names the differences, by stratum and row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling.draw import (
    RECORD_VERSION,
    DrawDesign,
    design_of,
    draw_sample,
    record_seal,
    require_fields,
    row_digests,
    strata_entries,
)
from spi_analysis.survey.sampling.random_numbers import commitment

# How much of a digest is shown.
_SHOWN = 16


@dataclass(frozen=True)
class Difference:
    """One difference between a repeated draw and the recorded one.

    Parameters
    ----------
    what : str             in words
    stratum : str          where; empty: everywhere
    recorded, found : str  both values; long digests are cut
    rows : tuple of str    people whose rows have changed, where an archived frame was given

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods; see ``draw_record``.

    Examples
    --------
    >>> str(Difference("another number of people", "north", "12", "11"))
    'stratum north: another number of people: recorded 12, found 11'
    """

    what: str
    stratum: str = ""
    recorded: str = ""
    found: str = ""
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"stratum {self.stratum}: " if self.stratum else ""
        rows = f" (rows: {', '.join(self.rows)})" if self.rows else ""
        values = f": recorded {self.recorded}, found {self.found}" if self.recorded or self.found else ""
        return f"{place}{self.what}{values}{rows}"


def verify_draw(
    record: Mapping[str, Any],
    frame: pd.DataFrame,
    secret: bytes | None,
    archived_frame: pd.DataFrame | None = None,
) -> list[Difference]:
    """Repeat a draw from its record; an empty list means: the same draw.

    Parameters
    ----------
    record : mapping             as ``draw_record`` made it
    frame : DataFrame            the frame to be checked
    secret : bytes or None       the permanent secret; None checks what the public can (frame, start, counts)
    archived_frame : DataFrame or None   the frame as kept at the draw; with it, changed rows are named

    Returns
    -------
    list of Difference. A record of another version, and a frame without a recorded column, are one difference: no more
    can be checked.

    Raises
    ------
    SamplingError   a secret that is too short; a record that lacks a field, or whose public value is empty.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods; NIST (2008), FIPS 198-1 (keyed digests).

    Examples
    --------
    >>> from spi_analysis.survey.sampling import draw_record
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2", "p3", "p4"], "stratum": ["a", "a", "a", "b"]})
    >>> secret, design = b"for examples only", DrawDesign("closing price 7214.17", sizes={"a": [2], "b": [1]})
    >>> sample = draw_sample(frame, design, secret)
    >>> record = draw_record(frame, sample, {"secret": secret, "public_value": design.public_value})
    >>> verify_draw(record, frame, secret)
    []
    >>> for difference in verify_draw(record, frame[:3], secret):
    ...     print(difference)
    the frame has another size: recorded 4, found 3
    stratum b: the stratum is not in the frame
    """
    other = other_version(record)
    if other:
        return other
    require_fields(record)
    needed = dict.fromkeys([*record["digest_columns"], record["person_id"], record["stratum"]])
    missing = [c for c in needed if c not in frame.columns]
    if missing:
        return [Difference("the frame lacks columns that were recorded", found=", ".join(missing))]
    columns, person, stratum = record["digest_columns"], record["person_id"], record["stratum"]
    differences = record_differences(record)
    if record["pop_size"] != len(frame):
        differences.append(Difference("the frame has another size", "", str(record["pop_size"]), str(len(frame))))
    selected: dict[Any, int] = {}
    if secret is not None:
        differences += _secret_differences(record, secret)
        selected, failed = _repeated(record, frame, secret)
        differences += failed
    entries = strata_entries(frame, selected, columns, person, stratum, secret)
    recorded, found = ({entry["stratum"]: entry for entry in part} for part in (record["strata"], entries))
    for name in sorted(set(recorded) | set(found)):
        differences += _stratum_differences(name, recorded.get(name), found.get(name), with_sample=secret is not None)
    return _with_rows(differences, frame, archived_frame, columns, person, stratum)


def other_version(record: Mapping[str, Any]) -> list[Difference]:
    """That a record is of another version than this program's, if it is.

    Parameters
    ----------
    record : mapping   as read from its file

    Returns
    -------
    list of Difference: empty for this version, else one.

    Raises
    ------
    SamplingError   what was read is no mapping.

    Examples
    --------
    >>> other_version({"record_version": RECORD_VERSION})
    []
    >>> [difference.recorded for difference in other_version({"record_version": 1})]
    ['1']
    """
    if not isinstance(record, Mapping):
        expected = "a mapping, as draw_record made it"
        raise SamplingError("the record of a draw cannot be read", got=type(record).__name__, expected=expected)
    version = record.get("record_version")
    if version == RECORD_VERSION:
        return []
    return [
        Difference(
            "the record has another version; check it with the release of the program that made it",
            recorded=str(version), found=str(RECORD_VERSION),
        )
    ]  # fmt: skip


def record_differences(record: Mapping[str, Any]) -> list[Difference]:
    """Checks of a record alone: the start follows from public value and rotation, the counts add up.

    Parameters
    ----------
    record : mapping   as ``draw_record`` made it

    Returns
    -------
    list of Difference, empty if the record holds together.

    Raises
    ------
    SamplingError   the record lacks a field; the public value is empty.

    Examples
    --------
    >>> from spi_analysis.survey.sampling import draw_record
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2"], "stratum": "a"})
    >>> record = draw_record(frame, frame[:1], {"secret": b"for examples only", "public_value": "7214.17"})
    >>> record_differences(record)
    []
    >>> [str(difference) for difference in record_differences(record | {"sample_size": 2})]
    ['the strata do not add up to the sample: recorded 2, found 1']
    """
    require_fields(record)
    strata = record["strata"]
    waves = [sum(wave["size"] for wave in entry["waves"]) for entry in strata]
    checks = [
        ("the strata do not add up to the frame", record["pop_size"], sum(e["pop_size"] for e in strata)),
        ("the strata do not add up to the sample", record["sample_size"], sum(e["sample_size"] for e in strata)),
        ("the waves do not add up to the sample", sum(e["sample_size"] for e in strata), sum(waves)),
        ("more were drawn than there are", 0, sum(e["sample_size"] > e["pop_size"] for e in strata)),
        ("the start does not follow from the public value", record["shift"], design_of(record).start),
    ]
    return [Difference(what, recorded=str(a), found=str(b)) for what, a, b in checks if a != b]


def _secret_differences(record: Mapping[str, Any], secret: bytes) -> list[Difference]:
    found = commitment(secret)
    if found != record["secret_commitment"]:
        return [Difference("the secret is not the committed one", "", record["secret_commitment"], found)]
    if record_seal(record, secret) != record.get("seal"):
        return [Difference("the record is not the one that was sealed at the draw")]
    return []


def _repeated(record: Mapping[str, Any], frame: pd.DataFrame, secret: bytes) -> tuple[dict[Any, int], list[Difference]]:
    """Who is drawn when the draw is repeated, and in which wave; a draw that cannot be repeated is a difference."""
    try:
        drawn = draw_sample(frame, _fitting(record, frame), secret)
    except (SamplingError, KeyError, TypeError, ValueError) as error:
        said = error.problems[0].what if isinstance(error, SamplingError) else type(error).__name__
        return {}, [Difference(f"the draw cannot be repeated: {said}")]
    return dict(zip(drawn[record["person_id"]], drawn["wave"].astype(int), strict=True)), []


def _fitting(record: Mapping[str, Any], frame: pd.DataFrame) -> DrawDesign:
    """The recorded design, for the strata of the frame: differences are given by stratum."""
    design = design_of(record)
    counts = frame[design.stratum].map(str).value_counts()
    sizes = {}
    for name, count in counts.items():
        left, kept = int(count), []
        for size in design.sizes.get(str(name), [0]):
            kept.append(min(int(size), left))
            left -= kept[-1]
        sizes[str(name)] = kept
    return replace(design, sizes=sizes)


def _stratum_differences(
    name: str, recorded: Mapping[str, Any] | None, found: Mapping[str, Any] | None, *, with_sample: bool
) -> list[Difference]:
    if recorded is None or found is None:
        return [Difference("the stratum is not in the " + ("record" if recorded is None else "frame"), name)]
    checks = [
        ("another number of people", recorded["pop_size"], found["pop_size"]),
        ("the people or their data have changed", recorded["frame_digest"], found["frame_digest"]),
    ]
    if with_sample:
        checks += [
            (_of_wave(number, len(recorded["waves"])), one["digest"], other["digest"])
            for number, (one, other) in enumerate(_pairs(recorded["waves"], found["waves"]), 1)
        ]
    return [Difference(what, name, str(a)[:_SHOWN], str(b)[:_SHOWN]) for what, a, b in checks if a != b]


def _of_wave(number: int, waves: int) -> str:
    place = f" (wave {number})" if waves > 1 else ""
    return f"the drawn people or their data are not the recorded ones{place}"


def _pairs(recorded: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Waves side by side; one that is missing on a side has no digest."""
    none: dict[str, Any] = {"size": 0, "digest": ""}
    count = max(len(recorded), len(found))
    first, second = ([*waves, *[none] * (count - len(waves))] for waves in (recorded, found))
    return list(zip(first, second, strict=True))


def _with_rows(
    differences: list[Difference],
    frame: pd.DataFrame,
    archived: pd.DataFrame | None,
    columns: list[str],
    person: str,
    stratum: str,
) -> list[Difference]:
    """The differences of strata with the people whose rows are not those of the archived frame."""
    if archived is None or not any(difference.stratum for difference in differences):
        return differences
    now, then = (_digests_by_stratum(part, columns, person, stratum) for part in (frame, archived))
    return [
        replace(difference, rows=_changed(now.get(difference.stratum, {}), then.get(difference.stratum, {})))
        for difference in differences
    ]


def _digests_by_stratum(
    frame: pd.DataFrame, columns: list[str], person: str, stratum: str
) -> dict[str, dict[Any, str]]:
    people, rows = frame[person].to_numpy(dtype=object), row_digests(frame, columns).to_numpy()
    places = frame.groupby(stratum).indices
    return {str(name): dict(zip(people[at], rows[at], strict=True)) for name, at in places.items()}


def _changed(now: Mapping[Any, str], then: Mapping[Any, str]) -> tuple[str, ...]:
    return tuple(sorted(key for key in set(now) | set(then) if now.get(key) != then.get(key)))
