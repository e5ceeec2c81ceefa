"""The draw record: what is published of a draw.

The record holds counts, parameters and digests only. Without the secret anybody can check that the frame is the one
that was committed to and that the start follows from the public value; with the secret an auditor repeats the
selection itself (``verify.py``).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.sampling.pps import select_systematic, select_two_stage
from spi_analysis.survey.sampling.random_numbers import (
    canonical,
    commitment,
    from_start,
    permanent_random_numbers,
    rotated_start,
    start_of,
)
from spi_analysis.survey.sampling.selection import select_srs
from spi_analysis.survey.sampling.waves import assign_waves, wave_sizes

# Selection: one function for the draw and for the check that repeats it.
#
# All randomness comes from the permanent secret, a public value and a rotation: nobody can choose it, and an auditor
# can reproduce it.

SEED_LABEL = b"seed of a draw, version 3\x00"


@dataclass(frozen=True)
class DrawDesign:
    """Everything that determines the draw, except the frame and the secret.

    Parameters
    ----------
    public_value : str   a text that nobody could know before its date, such as a closing price; it fixes the start
    sizes : mapping stratum -> list of int
        people of each wave, first wave first, such as ``{"north": [6, 2, 2]}``. For two stages the people of a
        stratum follow from its units; ``sizes`` then gives the waves as shares (``wave_shares``)
    method : mapping
        ``{"name": "srs"}``; ``{"name": "systematic", "order": [columns]}``; ``{"name": "two_stage",
        "unit": column, "units": {stratum: m}, "people": k, "wave_shares": [...]}``
    turn : float         part of the circle that co-ordination with an earlier round adds to the start
    scope : str          gives several draws different seeds (such as round, institution and source)
    person, stratum : str   column names

    Raises
    ------
    SamplingError   the public value is no text or empty (once ``start`` or ``seed`` is asked for).

    References
    ----------
    Ohlsson (1995), Coordination of samples using permanent random numbers, in: Business Survey Methods.

    Examples
    --------
    >>> design = DrawDesign("closing price 7214.17", sizes={"north": [6, 2, 2]})
    >>> 0 < design.start < 1
    True
    """

    public_value: str
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    method: Mapping[str, Any] = field(default_factory=lambda: {"name": "srs"})
    rotation: float = 0.0
    scope: str = ""
    person: str = "person_id"
    stratum: str = "stratum"

    @property
    def start(self) -> float:
        """Where on the circle of random numbers the draw begins."""
        return rotated_start(start_of(self.public_value), self.rotation)

    def seed(self, secret: bytes) -> int:
        """The seed of what permanent numbers do not decide: random starts, and waves of unequal probabilities."""
        text = SEED_LABEL + f"{self.start.hex()}\x00{self.scope}".encode()
        return int.from_bytes(hmac.digest(secret, text, "sha256")[:8], "big")


def draw_sample(frame: pd.DataFrame, design: DrawDesign, secret: bytes) -> pd.DataFrame:
    """Select from a frame as a design says.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per person, with a person and a stratum column
    design : DrawDesign
    secret : bytes               the permanent secret

    Returns
    -------
    The selected rows in the order of the frame, with ``prn`` (counted from the start on), ``pop_size``,
    ``inclusion_prob`` (to be drawn, in whatever wave) and ``wave``. The order of rows does not matter.

    Raises
    ------
    SamplingError   a column is missing; an unknown method, or a two-stage one without its unit, units or people; a
        secret that is too short; a person without an id or listed twice; a size that does not fit.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods.

    Examples
    --------
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2", "p3", "p4"], "stratum": ["a", "a", "a", "b"]})
    >>> design = DrawDesign("closing price 7214.17", sizes={"a": [1, 1], "b": [1, 0]})
    >>> sample = draw_sample(frame, design, secret=b"for examples only")
    >>> sample["stratum"].tolist(), sorted(sample["wave"])
    (['a', 'a', 'b'], [1, 1, 2])
    >>> sample["inclusion_prob"].round(3).tolist()
    [0.667, 0.667, 1.0]
    """
    name = str(design.method.get("name", ""))
    if name not in METHODS:
        raise SamplingError(
            "unknown method of selection", got=name, expected=", ".join(METHODS), hint=nearest(name, METHODS)
        )
    require_columns(frame, [design.person, design.stratum], SamplingError)
    numbers = from_start(permanent_random_numbers(frame[design.person], secret), design.start)
    return METHODS[name](frame.assign(prn=numbers), design, design.seed(secret))


def _srs(frame: pd.DataFrame, design: DrawDesign, _: int) -> pd.DataFrame:
    """The smallest numbers; the smallest of those are activated first, so each wave is a simple random sample."""
    sizes = {name: sum(waves) for name, waves in design.sizes.items()}
    return assign_waves(select_srs(frame, sizes, design.stratum), design.sizes, design.stratum)


def _systematic(frame: pd.DataFrame, design: DrawDesign, seed: int) -> pd.DataFrame:
    """Every k-th in an order that ends with the random numbers: people with equal values are in random order."""
    sizes = {name: sum(waves) for name, waves in design.sizes.items()}
    order = [*design.method.get("order", []), "prn"]
    drawn = select_systematic(frame, sizes, design.stratum, order, seed)
    return assign_waves(drawn, design.sizes, design.stratum, seed=seed, person=design.person)


def _two_stage(frame: pd.DataFrame, design: DrawDesign, seed: int) -> pd.DataFrame:
    """Units by size, people inside by their numbers; waves inside each unit, so every wave has people in all units."""
    method = design.method
    lacking = [name for name in ("unit", "units", "people") if name not in method]
    if lacking:
        raise SamplingError("a two-stage method is not complete", got=f"no {', '.join(lacking)}", expected="all three")
    drawn = select_two_stage(
        frame, method["units"], method["people"], method["unit"], stratum=design.stratum, seed=seed,
        person=design.person, prn="prn",
    )  # fmt: skip
    inside = drawn.assign(_place=drawn.groupby([design.stratum, method["unit"]]).ngroup())
    counts = inside["_place"].value_counts()
    sizes = {str(place): wave_sizes(int(n), method.get("wave_shares", [1.0])) for place, n in counts.items()}
    split = assign_waves(inside, sizes, "_place", seed=seed, person=design.person)
    return split.assign(pop_size=split["people_in_unit"]).drop(columns="_place")


METHODS: dict[str, Callable[[pd.DataFrame, DrawDesign, int], pd.DataFrame]] = {
    "srs": _srs,
    "systematic": _systematic,
    "two_stage": _two_stage,
}


# Digests of people: of rows, of sets of rows, and sealed with a secret. They depend on no order of rows or columns.

SAMPLE_LABEL = b"digest of a drawn sample, version 3\x00"
RECORD_LABEL = b"seal of a draw record, version 3\x00"
PRIVATE_LABEL = b"private part of a draw record\x00"
# A text begins with its length, so this is no text.
MISSING = "-"


def row_digests(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """SHA-256 of every row over these columns.

    Every value is written as its length, a colon and its text, a missing one as ``-``: so a text moved from one column
    to the next changes the digest.
    """
    parts = [_fields(frame[c]) for c in columns]
    rows = map("".join, zip(*parts, strict=True))
    return pd.Series([hashlib.sha256(row.encode()).hexdigest() for row in rows], index=frame.index, dtype=object)


def set_digest(rows: Iterable[str]) -> str:
    """One digest for a set of rows, whatever their order."""
    return hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()


def group_digests(frame: pd.DataFrame, by: str) -> dict[str, dict[str, Any]]:
    """The number of people of each group, and a digest of all their rows: a commitment to a list before a draw.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per person; every column enters the digest
    by : str                     column that divides the people into groups

    Returns
    -------
    dict group -> ``{"people": n, "digest": SHA-256}``, whatever the order of rows and columns. Of a frame by stratum
    it is the ``frame_digest`` of the draw record.

    Raises
    ------
    SamplingError   the column is missing.

    References
    ----------
    NIST (2015), FIPS 180-4, Secure Hash Standard.

    Examples
    --------
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2", "p3"], "reason": ["retired", "moved", "retired"]})
    >>> {group: found["people"] for group, found in group_digests(frame, "reason").items()}
    {'moved': 1, 'retired': 2}
    """
    require_columns(frame, [by], SamplingError)
    rows = row_digests(frame, sorted(frame.columns)).to_numpy()
    places = {str(name): at for name, at in frame.groupby(by).indices.items()}
    return {name: {"people": len(at), "digest": set_digest(rows[at])} for name, at in sorted(places.items())}


def sealed(digest: str, name: str, secret: bytes | None) -> str:
    """The keyed digest of a sample: in a small stratum an unkeyed digest could be inverted by trying all samples."""
    return "" if secret is None else _keyed(secret, SAMPLE_LABEL + f"{name}\x00{digest}".encode())


def record_seal(record: Mapping[str, Any], secret: bytes) -> str:
    """A keyed digest of a whole record (except the seal): a change without the secret is detected."""
    return _keyed(secret, RECORD_LABEL + canonical({k: v for k, v in record.items() if k != "seal"}).encode())


def private_digest(facts: Mapping[str, Any], scope: str, secret: bytes) -> str:
    """The keyed digest of facts that are not published with a record: an unkeyed one could be inverted by trying.

    Parameters
    ----------
    facts : mapping   facts that can be written as JSON
    scope : str       keeps several draws apart
    secret : bytes    the permanent secret

    Returns
    -------
    str: HMAC-SHA256 in hexadecimal, 64 characters; the order of the facts changes nothing.

    Raises
    ------
    SamplingError   a fact cannot be written as JSON.

    References
    ----------
    NIST (2008), FIPS 198-1, The Keyed-Hash Message Authentication Code.

    Examples
    --------
    >>> one = private_digest({"a": 1, "b": 2}, "round 1", b"for examples only")
    >>> len(one), one == private_digest({"b": 2, "a": 1}, "round 1", b"for examples only")
    (64, True)
    """
    return _keyed(secret, PRIVATE_LABEL + f"{scope}\x00{canonical(facts)}".encode())


def _keyed(secret: bytes, text: bytes) -> str:
    return hmac.digest(secret, text, "sha256").hex()


def _fields(column: pd.Series) -> list[str]:
    """Plain Python texts: pandas' own text type would turn the mark of a missing value into an empty text."""
    texts = [f"{len(text)}:{text}" for text in map(str, column.to_numpy(dtype=object).tolist())]
    for i in np.flatnonzero(column.isna().to_numpy()):
        texts[i] = MISSING
    return texts


RECORD_VERSION = 3
# What a record must hold to be read: fields of its own, of each stratum, of each wave.
FIELDS = (
    "method", "scope", "person_id", "stratum", "digest_columns", "secret_commitment", "public_value", "turn", "shift",
    "pop_size", "sample_size", "strata",
)  # fmt: skip
STRATUM_FIELDS = ("stratum", "pop_size", "sample_size", "frame_digest", "waves")
WAVE_FIELDS = ("size", "digest")
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
    sample : DataFrame (n, ...)   the selected rows; with a column ``wave`` the waves are recorded, else one wave
    params : mapping              ``secret`` (bytes), ``public_value``; optional ``public_value_name``,
        ``public_value_date``, ``person_id`` and ``stratum`` (column names), ``context`` (plain facts
        such as the round's name, copied into the record), ``turn`` (what co-ordination with an earlier
        round adds to the start; see ``rotation_for``), ``method`` and ``scope`` (as in ``DrawDesign``)

    Returns
    -------
    dict that can be written as JSON. Digests do not depend on the order of rows or columns; ``seal`` is keyed with
    the secret and covers all of it.

    Raises
    ------
    SamplingError   a column is missing; parameters that do not fit, a secret that is too short or a public value that
        is empty; a frame and sample that could not be verified (a person twice, without a stratum, or drawn but not in
        the frame).

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods; NIST (2008), FIPS 198-1 (keyed digests).

    Examples
    --------
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2", "p3", "p4"], "stratum": ["a", "a", "a", "b"]})
    >>> secret, design = b"for examples only", DrawDesign("closing price 7214.17", sizes={"a": [2], "b": [1]})
    >>> sample = draw_sample(frame, design, secret)
    >>> record = draw_record(frame, sample, {"secret": secret, "public_value": design.public_value})
    >>> record["pop_size"], record["sample_size"]
    (4, 3)
    >>> [(entry["stratum"], entry["pop_size"], entry["sample_size"]) for entry in record["strata"]]
    [('a', 3, 2), ('b', 1, 1)]
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
        "shift": rotated_start(start_of(str(params["public_value"])), float(params.get("turn", 0.0))),
        "pop_size": len(frame),
        "sample_size": len(sample),
        "strata": strata_entries(frame, selected, columns, person, stratum, params["secret"]),
    }
    return record | {"seal": record_seal(record, params["secret"])}


def design_of(record: Mapping[str, Any]) -> DrawDesign:
    """The design that a record was drawn by.

    Parameters
    ----------
    record : mapping   as ``draw_record`` made it

    Returns
    -------
    DrawDesign, with the sizes of the waves in people.

    Raises
    ------
    SamplingError   the record lacks a field.

    Examples
    --------
    >>> frame = pd.DataFrame({"person_id": ["p1", "p2"], "stratum": "a"})
    >>> record = draw_record(frame, frame[:1], {"secret": b"for examples only", "public_value": "7214.17"})
    >>> design_of(record).sizes
    {'a': [1]}
    """
    require_fields(record)
    return DrawDesign(
        public_value=record["public_value"],
        sizes={entry["stratum"]: [wave["size"] for wave in entry["waves"]] for entry in record["strata"]},
        method=record["method"],
        rotation=record["turn"],
        scope=record["scope"],
        person=record["person_id"],
        stratum=record["stratum"],
    )


def require_fields(record: Mapping[str, Any]) -> None:
    """Raise for a record that lacks fields; names them all."""
    problems = _lacking(record, FIELDS, "")
    for place, entry in enumerate(record.get("strata", ()), 1):
        problems += _lacking(entry, STRATUM_FIELDS, f", stratum {place}")
        for number, wave in enumerate(entry.get("waves", ()), 1):
            problems += _lacking(wave, WAVE_FIELDS, f", stratum {place}, wave {number}")
    if problems:
        raise SamplingError(*problems)


def _lacking(part: Mapping[str, Any], fields: Iterable[str], where: str) -> list[Problem]:
    return [
        Problem("the record lacks a field", key=field + where, hint="a record is kept as it was published")
        for field in fields
        if field not in part
    ]


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
    require_columns(frame, [person, stratum], SamplingError)
    require_columns(sample, [person], SamplingError)
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
