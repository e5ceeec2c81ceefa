"""The draw record: what is published of a draw.

The record holds counts, parameters and digests only. Without the secret anybody can check that the frame is the one
that was committed to and that the shift follows from the public value; with the secret an auditor repeats the
selection itself (``verify.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.sampling.coordination import turned_shift
from spi_analysis.sampling.digests import record_seal, row_digests, sealed, set_digest
from spi_analysis.sampling.methods import METHODS, DrawDesign
from spi_analysis.sampling.prn import commitment, shift_of

RECORD_VERSION = 3
PARAMETERS = (
    "secret",
    "public_value",
    "public_value_name",
    "public_value_date",
    "turn",
    "method",
    "scope",
    "person_id",
    "stratum",
    "context",
)


def draw_record(frame: pd.DataFrame, sample: pd.DataFrame, params: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of a draw.

    Parameters
    ----------
    frame : DataFrame (N, ...)    the people who could be drawn; every column enters the digests
    sample : DataFrame (n, ...)   the selected rows; with a column ``wave`` the waves are recorded, else one release
    params : mapping              ``secret`` (bytes), ``public_value``; optional ``public_value_name``,
        ``public_value_date``, ``person_id`` and ``stratum`` (column names), ``context`` (plain facts
        such as the round's name, copied into the record), ``turn`` (what co-ordination with an earlier
        round adds to the shift; see ``coordination.py``), ``method`` and ``scope`` (as in ``DrawDesign``)

    Returns
    -------
    dict that can be written as JSON. Digests do not depend on the order of rows or columns; ``seal`` is keyed with
    the secret and covers all of it.

    Raises
    ------
    SamplingError   parameters that do not fit; a frame and sample that could not be verified.
    """
    _check_params(params)
    person, stratum = params.get("person_id", "person_id"), params.get("stratum", "stratum")
    columns = sorted(frame.columns)
    _require_sound(frame, sample, person, stratum)
    waves = sample["wave"].astype(int) if "wave" in sample.columns else pd.Series(1, index=sample.index)
    selected = dict(zip(sample[person], waves, strict=True))
    record = {
        "record_version": RECORD_VERSION,
        "method": dict(params.get("method", {"name": "srs"})),
        "scope": str(params.get("scope", "")),
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
        "strata": strata_entries(frame, selected, columns, person, stratum, params["secret"]),
    }
    return record | {"seal": record_seal(record, params["secret"])}


def design_of(record: Mapping[str, Any]) -> DrawDesign:
    """The design that a record was drawn by."""
    return DrawDesign(
        public_value=record["public_value"],
        sizes={entry["stratum"]: [wave["size"] for wave in entry["waves"]] for entry in record["strata"]},
        method=record["method"],
        turn=record["turn"],
        scope=record["scope"],
        person=record["person_id"],
        stratum=record["stratum"],
    )


def strata_entries(
    frame: pd.DataFrame,
    selected: Mapping[Any, int],
    columns: list[str],
    person: str,
    stratum: str,
    secret: bytes | None,
) -> list[dict[str, Any]]:
    """Per stratum counts and digests; ``selected``: person -> wave. Without secret the drawn have no digest."""
    rows = row_digests(frame, columns).to_numpy()
    wave = frame[person].astype("object").map(selected).fillna(0).to_numpy(dtype=int)
    last = int(wave.max(initial=1))
    places = {str(name): at for name, at in frame.groupby(stratum).indices.items()}
    return [
        {
            "stratum": name,
            "pop_size": len(at),
            "sample_size": int((wave[at] > 0).sum()),
            "frame_digest": set_digest(rows[at]),
            "waves": [
                {
                    "size": int((wave[at] == number).sum()),
                    "digest": sealed(set_digest(rows[at][wave[at] == number]), f"{number}\x00{name}", secret),
                }
                for number in range(1, last + 1)
            ],
        }
        for name, at in sorted(places.items())
    ]


def _check_params(params: Mapping[str, Any]) -> None:
    unknown = sorted(set(params) - set(PARAMETERS))
    if unknown or "secret" not in params or "public_value" not in params:
        raise SamplingError(
            "the draw's parameters do not fit",
            got=", ".join(unknown) or "no secret or no public_value",
            expected=", ".join(PARAMETERS),
            hint=nearest(unknown[0], PARAMETERS) if unknown else "",
        )
    method = params.get("method", {"name": "srs"})
    name = str(method.get("name", "")) if isinstance(method, Mapping) else str(method)
    if not isinstance(method, Mapping) or name not in METHODS:
        expected = 'a mapping with "name": ' + ", ".join(METHODS)
        raise SamplingError(
            "unknown method of selection", got=str(method), expected=expected, hint=nearest(name, METHODS)
        )


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


def _is_in(people: pd.Series, others: Iterable[Any]) -> np.ndarray:
    """Whether each person is among others. As plain objects: pandas' own text type takes ten times as long."""
    known = others.to_numpy(dtype=object) if isinstance(others, pd.Series) else list(others)
    return people.astype("object").isin(known).to_numpy()
