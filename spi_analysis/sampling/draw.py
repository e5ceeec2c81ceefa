"""The draw record: what is published of a draw, and the check that repeats it.

The record holds counts and digests only. Without the secret anybody can check that the
frame is the one that was committed to and that the shift follows from the public
value; with the secret an auditor repeats the selection itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.sampling.coordination import turned_shift
from spi_analysis.sampling.prn import commitment, permanent_random_numbers, shift_of, shifted
from spi_analysis.sampling.selection import select_srs

RECORD_VERSION = 2
SAMPLE_LABEL = b"digest of a drawn sample, version 2\x00"
MISSING = "\x00"
PARAMETERS = (
    "secret",
    "public_value",
    "public_value_name",
    "public_value_date",
    "turn",
    "person_id",
    "stratum",
    "context",
)


@dataclass(frozen=True)
class Difference:
    """One way in which a repeated draw is not the recorded one."""

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


def draw_record(frame: pd.DataFrame, sample: pd.DataFrame, params: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of a draw.

    Parameters
    ----------
    frame : DataFrame (N, ...)    the people who could be drawn; every column enters the digests
    sample : DataFrame (n, ...)   the selected rows
    params : mapping              ``secret`` (bytes), ``public_value``; optional ``public_value_name``,
        ``public_value_date``, ``person_id`` and ``stratum`` (column names), ``context`` (plain facts
        such as the round's name, copied into the record), ``turn`` (what co-ordination with an earlier
        round adds to the shift; see ``coordination.py``)

    Returns
    -------
    dict that can be written as JSON. Digests do not depend on the order of rows or columns.
    """
    unknown = sorted(set(params) - set(PARAMETERS))
    if unknown or "secret" not in params or "public_value" not in params:
        raise SamplingError(
            "the draw's parameters do not fit",
            got=", ".join(unknown) or "no secret or no public_value",
            expected=", ".join(PARAMETERS),
            hint=nearest(unknown[0], PARAMETERS) if unknown else "",
        )
    person, stratum = params.get("person_id", "person_id"), params.get("stratum", "stratum")
    columns = sorted(frame.columns)
    _require_sound(frame, sample, person, stratum)
    return {
        "record_version": RECORD_VERSION,
        "method": "srs_prn",
        "context": dict(params.get("context", {})),
        "person_id": person,
        "stratum": stratum,
        "digest_columns": columns,
        "secret_commitment": commitment(params["secret"]),
        "public_value": str(params["public_value"]),
        "public_value_name": str(params.get("public_value_name", "")),
        "public_value_date": str(params.get("public_value_date", "")),
        "turn": float(params.get("turn", 0.0)),
        "shift": turned_shift(shift_of(str(params["public_value"])), float(params.get("turn", 0.0))),
        "pop_size": len(frame),
        "sample_size": len(sample),
        "strata": _strata_entries(frame, set(sample[person]), columns, person, stratum, params["secret"]),
    }


def _require_sound(frame: pd.DataFrame, sample: pd.DataFrame, person: str, stratum: str) -> None:
    """Nobody twice, nobody without a stratum, nobody drawn who is not listed: such a record could not be verified."""
    twice = frame[person].duplicated()
    checks = [
        ("a person is there twice", int(twice.sum()), "each person once"),
        ("a person has no stratum", int(frame[stratum].isna().sum()), "a stratum for everyone"),
        (
            "a drawn person is not in the frame",
            int((~_is_in(sample[person], frame[person])).sum()),
            "a part of the frame",
        ),
    ]
    problems = [Problem(what, got=f"{count} rows", expected=expected) for what, count, expected in checks if count]
    if problems:
        raise SamplingError(*problems)


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
    secret : bytes or None       the permanent secret; None checks what the public can (frame, shift, counts)
    archived_frame : DataFrame or None   the frame as kept at the draw; with it, changed rows are named
    """
    if record.get("record_version") != RECORD_VERSION:
        version = str(record.get("record_version"))
        return [Difference("the record has another version", recorded=version, found=str(RECORD_VERSION))]
    missing = [c for c in record["digest_columns"] if c not in frame.columns]
    if missing:
        return [Difference("the frame lacks columns that were recorded", found=", ".join(missing))]
    columns, person, stratum = record["digest_columns"], record["person_id"], record["stratum"]
    differences = _header_differences(record, frame, secret)
    selected = _repeat_selection(record, frame, secret) if secret is not None else None
    found = {e["stratum"]: e for e in _strata_entries(frame, selected or set(), columns, person, stratum, secret)}
    recorded = {e["stratum"]: e for e in record["strata"]}
    for name in sorted(set(recorded) | set(found)):
        differences += _stratum_differences(name, recorded.get(name), found.get(name), selected is not None)
    return _with_rows(differences, frame, archived_frame, columns, person, stratum)


def _header_differences(record: Mapping[str, Any], frame: pd.DataFrame, secret: bytes | None) -> list[Difference]:
    checks = [
        ("the frame has another size", record["pop_size"], len(frame)),
        ("the strata do not add up to the frame", record["pop_size"], sum(e["pop_size"] for e in record["strata"])),
        (
            "the strata do not add up to the sample",
            record["sample_size"],
            sum(e["sample_size"] for e in record["strata"]),
        ),
        (
            "the shift does not follow from the public value",
            record["shift"],
            turned_shift(shift_of(record["public_value"]), record.get("turn", 0.0)),
        ),
    ]
    if secret is not None:
        checks.append(("the secret is not the committed one", record["secret_commitment"], commitment(secret)))
    return [Difference(what, recorded=str(a), found=str(b)) for what, a, b in checks if a != b]


def _repeat_selection(record: Mapping[str, Any], frame: pd.DataFrame, secret: bytes) -> set[str]:
    person, stratum = record["person_id"], record["stratum"]
    counts = frame[stratum].map(str).value_counts()
    recorded = {entry["stratum"]: entry["sample_size"] for entry in record["strata"]}
    sizes = {name: min(int(recorded.get(name, 0)), int(count)) for name, count in counts.items()}
    numbers = shifted(permanent_random_numbers(frame[person], secret), record["shift"])
    return set(select_srs(frame.assign(prn=numbers), sizes, stratum=stratum)[person])


def _is_in(people: pd.Series, others: Iterable[str]) -> np.ndarray:
    """Whether each person is among others. As plain objects: pandas' own text type takes ten times as long."""
    known = others.to_numpy(dtype=object) if isinstance(others, pd.Series) else list(others)
    return people.astype("object").isin(known).to_numpy()


def _strata_entries(
    frame: pd.DataFrame, selected: set[str], columns: list[str], person: str, stratum: str, secret: bytes | None
) -> list[dict[str, Any]]:
    rows = _row_digests(frame, columns).to_numpy()
    is_selected = _is_in(frame[person], selected)
    places = {str(name): at for name, at in frame.groupby(stratum).indices.items()}
    return [
        {
            "stratum": name,
            "pop_size": len(at),
            "sample_size": int(is_selected[at].sum()),
            "frame_digest": _set_digest(rows[at]),
            "sample_digest": _sealed(_set_digest(rows[at][is_selected[at]]), str(name), secret),
        }
        for name, at in sorted(places.items())
    ]


def _stratum_differences(
    name: str, recorded: Mapping[str, Any] | None, found: Mapping[str, Any] | None, with_sample: bool
) -> list[Difference]:
    if recorded is None or found is None:
        return [Difference("the stratum is not in the " + ("record" if recorded is None else "frame"), name)]
    checks = [("pop_size", "another number of people"), ("frame_digest", "the people or their data have changed")]
    checks += [("sample_digest", "the drawn people or their data are not the recorded ones")] if with_sample else []
    return [
        Difference(what, name, str(recorded[key])[:16], str(found[key])[:16])
        for key, what in checks
        if recorded[key] != found[key]
    ]


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
    people, rows = frame[person].to_numpy(dtype=object), _row_digests(frame, columns).to_numpy()
    places = frame.groupby(stratum).indices
    return {str(name): dict(zip(people[at], rows[at], strict=True)) for name, at in places.items()}


def _changed(now: Mapping[Any, str], then: Mapping[Any, str]) -> tuple[str, ...]:
    return tuple(sorted(key for key in set(now) | set(then) if now.get(key) != then.get(key)))


def _row_digests(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """SHA-256 of every row over the recorded columns; missing values have a mark of their own."""
    parts = [_texts(frame[c]) for c in columns]
    texts = map("\x1f".join, zip(*parts, strict=True))
    return pd.Series([hashlib.sha256(text.encode()).hexdigest() for text in texts], index=frame.index, dtype=object)


def _sealed(digest: str, stratum: str, secret: bytes | None) -> str:
    """The digest of a sample, keyed: in a small stratum a plain one could be found by trying all samples."""
    if secret is None:
        return ""
    return hmac.digest(secret, SAMPLE_LABEL + f"{stratum}\x00{digest}".encode(), "sha256").hex()


def _texts(column: pd.Series) -> list[str]:
    """Plain Python texts: pandas' own text type would turn the mark of a missing value into an empty text."""
    texts = list(map(str, column.to_numpy(dtype=object).tolist()))
    for i in np.flatnonzero(column.isna().to_numpy()):
        texts[i] = MISSING
    return texts


def _set_digest(rows: Iterable[str]) -> str:
    """One digest for a set of rows, whatever their order."""
    return hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()
