"""Permanent random numbers: one secret number per person, the same in every round."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.survey.groups import group_sums, is_number, require_columns, require_numbers

COMMITMENT_LABEL = b"permanent random numbers, commitment, version 1\x00"
# The most bits with which the middle of a cell is still a double: neither 0 nor 1 can occur, and a start is exact.
_BITS = 52
# Shorter secrets could be found by trying, so the commitment would reveal them.
_SECRET_BYTES = 16


def permanent_random_numbers(person_ids: pd.Series, secret: bytes) -> pd.Series:
    """HMAC-SHA256(secret, person_id) mapped to (0, 1).

    Parameters
    ----------
    person_ids : Series of str (n,)   stable between rounds
    secret : bytes                    the permanent secret; at least 16 bytes

    Returns
    -------
    Series (n,), name ``prn``, in (0, 1), with 52 random bits.

    Raises
    ------
    SamplingError   the secret is too short, or a person has no id or stands there twice: two people with the same
        number would be drawn together.

    References
    ----------
    Ohlsson (1995), Coordination of samples using permanent random numbers, in: Business Survey Methods.

    Examples
    --------
    A person keeps the number, whoever else is on the list.

    >>> first = permanent_random_numbers(pd.Series(["p1", "p2"]), b"for examples only")
    >>> second = permanent_random_numbers(pd.Series(["p3", "p2"]), b"for examples only")
    >>> (first == second).tolist()
    [False, True]
    """
    _require_secret(secret)
    _require_ids(person_ids)
    digests = b"".join(
        hmac.digest(secret, str(person).encode(), "sha256")[:8] for person in person_ids.astype("object")
    )
    return pd.Series(_to_unit(np.frombuffer(digests, dtype=">u8")), index=person_ids.index, name="prn")


ARMS_LABEL = b"arms of an experiment, version 1\x00"


def random_arms(person_ids: pd.Series, arms: Mapping[str, float], secret: bytes, scope: str) -> pd.Series:
    """An arm of an experiment for every person, by chance, whoever else is drawn.

    Parameters
    ----------
    person_ids : Series of str (n,)
    arms : mapping arm -> share   shares that sum to 1
    secret : bytes                the permanent secret; at least 16 bytes
    scope : str                   keeps experiments apart: what names the draw, with the public value of it

    Returns
    -------
    Series (n,) of str, name ``arm``: other numbers than those by which people are drawn, from the same secret.

    Raises
    ------
    SamplingError   no arm, or shares that are not positive or do not sum to 1; ids and secret as
        ``permanent_random_numbers``

    References
    ----------
    Gerber & Green (2012), Field Experiments, ch. 2 (simple random assignment).

    Examples
    --------
    >>> people, shares = pd.Series([f"p{i}" for i in range(1000)]), {"long": 0.5, "short": 0.5}
    >>> arms = random_arms(people, shares, b"for examples only", "round 1, city")
    >>> bool(abs((arms == "long").mean() - 0.5) < 0.05)
    True
    >>> random_arms(people[3:4], shares, b"for examples only", "round 1, city").tolist() == arms[3:4].tolist()
    True
    """
    # In the order of their names: a record that was read again may hold them in another one.
    names = sorted(arms)
    shares = np.array([arms[name] for name in names], dtype=float)
    if not len(shares) or (shares <= 0).any() or abs(shares.sum() - 1) > 1e-9:
        raise SamplingError("the shares of the arms do not fit", got=str(dict(arms)), expected="above 0, sum 1")
    _require_secret(secret)
    own = hmac.digest(secret, ARMS_LABEL + scope.encode(), "sha256")
    numbers = permanent_random_numbers(person_ids, own).to_numpy()
    place = np.minimum(np.searchsorted(shares.cumsum(), numbers, side="right"), len(shares) - 1)
    return pd.Series(np.array(names, dtype=object)[place], person_ids.index, name="arm")


def start_of(public_value: str) -> float:
    """The start in (0, 1) that a public value fixes.

    Parameters
    ----------
    public_value : str   the text as it was published

    Returns
    -------
    float: where on the circle of random numbers the draw begins, from SHA-256 of the text.

    Raises
    ------
    SamplingError   the public value is no text, or empty.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods.

    Examples
    --------
    >>> 0 < start_of("closing price 7214.17") < 1
    True
    >>> start_of("closing price 7214.17") == start_of("closing price 7214.18")
    False
    """
    if not isinstance(public_value, str) or not public_value.strip():
        raise SamplingError("there is no public value", got=repr(public_value), expected="the text that was published")
    digest = hashlib.sha256(public_value.encode()).digest()[:8]
    return float(_to_unit(np.frombuffer(digest, dtype=">u8"))[0])


def from_start(prn: pd.Series, start: float) -> pd.Series:
    """The numbers as seen from the start on: (prn - start) modulo 1. The smallest are drawn.

    Parameters
    ----------
    prn : Series (n,)   random numbers in (0, 1)
    shift : float       from 0 to below 1

    Returns
    -------
    Series (n,), name ``prn``, from 0 to below 1.

    Raises
    ------
    SamplingError   the start is no number from 0 to below 1.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods.

    Examples
    --------
    >>> from_start(pd.Series([0.25, 0.75]), 0.5).tolist()
    [0.75, 0.25]
    """
    if not is_number(start) or not 0 <= start < 1:
        raise SamplingError("the start is out of range", got=str(start), expected="a number from 0 to below 1")
    return ((prn - start) % 1.0).rename("prn")


def commitment(secret: bytes) -> str:
    """The commitment to the secret that is published before the draw: it fixes the secret without revealing it.

    Parameters
    ----------
    secret : bytes   the permanent secret; at least 16 bytes

    Returns
    -------
    str: SHA-256 of a label and the secret in hexadecimal, 64 characters.

    Raises
    ------
    SamplingError   the secret is too short.

    References
    ----------
    NIST (2015), FIPS 180-4, Secure Hash Standard.

    Examples
    --------
    >>> len(commitment(b"for examples only"))
    64
    >>> commitment(b"for examples only") == commitment(b"for examples too.")
    False
    """
    _require_secret(secret)
    return hashlib.sha256(COMMITMENT_LABEL + secret).hexdigest()


def _require_secret(secret: bytes) -> None:
    if len(secret) < _SECRET_BYTES:
        raise SamplingError(
            "the secret of the random numbers is too short",
            got=f"{len(secret)} bytes",
            expected=f"at least {_SECRET_BYTES} random bytes",
        )


def _require_ids(person_ids: pd.Series) -> None:
    missing, twice = int(person_ids.isna().sum()), int(person_ids.dropna().astype(str).duplicated().sum())
    if missing:
        raise SamplingError("a person has no id", got=f"{missing} people without one", expected="an id for everyone")
    if twice:
        raise SamplingError("a person is there twice", got=f"{twice} rows", expected="each person once")


def _to_unit(words: np.ndarray) -> np.ndarray:
    return ((words >> np.uint64(64 - _BITS)).astype(float) + 0.5) / 2.0**_BITS


# Random numbers fixed by a seed, separately for each stratum: a change in one stratum does not affect another.


def numbers_for(seed: int, stratum: str, count: int = 1) -> np.ndarray:
    """The first ``count`` numbers in (0, 1) of a stratum (Philox counter, keyed by seed and stratum)."""
    key = int.from_bytes(hashlib.sha256(f"{seed}\x1f{stratum}".encode()).digest()[:16], "big")
    return _to_unit(np.random.Philox(key=key).random_raw(count))


def numbers_of(seed: int, ids: Iterable[object]) -> np.ndarray:
    """One number in (0, 1) for each id, whatever the order of the rows: SHA-256 of seed and id."""
    words = b"".join(hashlib.sha256(f"{seed}\x1f{one}".encode()).digest()[:8] for one in ids)
    return _to_unit(np.frombuffer(words, dtype=">u8"))


# Co-ordination of rounds: how far the random numbers are rotated, and how many are asked again.
#
# With permanent random numbers a sample of the fraction f is the arc of length f after the
# start. Two rounds share the intersection of their arcs: rotated by 0 the overlap is largest, rotated past the earlier
# arc it is smallest.

AIMS = ("most", "least")


def rotated_start(start: float, rotation: float) -> float:
    """The start of a round that is rotated by ``rotation`` (a part of the circle) against ``start``.

    Parameters
    ----------
    start, rotation : float   parts of the circle

    Returns
    -------
    float: ``(start + rotation) modulo 1``.

    Raises
    ------
    SamplingError   start or rotation is no number.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods.

    Examples
    --------
    >>> rotated_start(0.75, 0.5)
    0.25
    """
    require_numbers(SamplingError, start=start, rotation=rotation)
    return float((start + rotation) % 1.0)


def rotation_for(before: ArrayLike, now: ArrayLike, aim: str = "least", people: ArrayLike = 1) -> float:
    """How far a round is rotated against an earlier one so that they share the most, or the fewest, people.

    Parameters
    ----------
    before, now : array (H,)   sampling fractions per stratum, or per person, in both rounds
    aim : str   most: ask the same people again (0: both arcs start together); least: those asked before rest
    people : array (H,)        people that each pair of fractions stands for

    Returns
    -------
    Part of the circle in [0, 1), the smallest of those that are best. One rotation serves all strata: people who
    change stratum keep their number. Where a stratum's two fractions exceed 1, some must be asked again.

    Raises
    ------
    SamplingError   an unknown aim; a fraction outside 0 to 1; arrays of different length.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods; Nedyalkova, Qualite & Tille (2009), Statistica Neerlandica 63.

    Examples
    --------
    >>> rotation_for([0.25], [0.5], aim="most")
    0.0
    >>> rotation_for([0.25], [0.5], aim="least")
    0.25
    """
    if aim not in AIMS:
        raise SamplingError("unknown aim of co-ordination", got=aim, expected=", ".join(AIMS), hint=nearest(aim, AIMS))
    first, second, counts = _of_one_length(_fractions(before), _fractions(now), people)
    if aim == "most" or not first.size:
        return 0.0
    pairs, which = np.unique(np.column_stack([first.ravel(), second.ravel()]), axis=0, return_inverse=True)
    weights = group_sums(which.ravel(), counts.ravel())
    # The overlap is linear between these rotations, so that one of them is best.
    rotations = np.unique(np.concatenate([pairs[:, 0], 1 - pairs[:, 1]]) % 1.0)
    shared = [expected_overlap(pairs[:, 0], pairs[:, 1], rotation, weights) for rotation in rotations]
    best = min(shared)
    return float(
        next(rotation for rotation, n in zip(rotations, shared, strict=True) if n <= best + 1e-9 * max(best, 1))
    )


def shared_fraction(before: ArrayLike, now: ArrayLike, rotation: float) -> np.ndarray:
    """The chance to be in both rounds: what the arcs [0, before) and [rotation, rotation + now) of the circle share.

    Exact for a fixed arc; for a sample of fixed size, whose arc ends at its last person, exact but for terms of
    the order 1/N.
    """
    first, second = _fractions(before), _fractions(now)
    start = rotation % 1.0
    # The second arc in two pieces: up to 1, and the rest from 0 on; each is intersected with [0, before).
    return np.clip(np.minimum(first, start + second) - start, 0, None) + np.minimum(
        first, np.clip(start + second - 1, 0, None)
    )


def expected_overlap(before: ArrayLike, now: ArrayLike, rotation: float, people: ArrayLike = 1) -> float:
    """How many of ``people`` (N_h of each stratum, or 1 for each person) are expected in both rounds.

    Parameters
    ----------
    before, now : array (H,)   sampling fractions in both rounds
    rotation : float           how far the second round is rotated against the first, as part of the circle
    people : array (H,)        people that each pair of fractions stands for

    Returns
    -------
    float, in people: ``sum(N_h * arc_h)``, arc_h what the arcs [0, before) and [rotation, rotation + now) share.

    Raises
    ------
    SamplingError   a fraction outside 0 to 1; arrays of different length; a rotation that is no number.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods; Nedyalkova, Qualite & Tille (2009), Statistica Neerlandica 63.

    Examples
    --------
    >>> expected_overlap([0.5], [0.5], rotation=0.0, people=[100])
    50.0
    >>> expected_overlap([0.5], [0.5], rotation=0.25, people=[100])
    25.0
    """
    require_numbers(SamplingError, rotation=rotation)
    first, second, counts = _of_one_length(_fractions(before), _fractions(now), people)
    return float(np.sum(shared_fraction(first, second, rotation) * counts))


def rounds_of_rest(fraction: float) -> int:
    """Rounds in which nobody is drawn again if each round starts where the last one ended, with this fraction.

    Parameters
    ----------
    fraction : float   drawn in each round, above 0, at most 1

    Returns
    -------
    int: ``floor(1 / fraction) - 1`` rounds.

    Raises
    ------
    SamplingError   the fraction is 0 or outside 0 to 1.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods.

    Examples
    --------
    >>> rounds_of_rest(0.25), rounds_of_rest(0.6)
    (3, 0)
    """
    share = float(_fractions(fraction))
    if share == 0:
        raise SamplingError("nobody is drawn, so nobody needs a rest", got="0", expected="a fraction above 0")
    # Guards against 1/0.1 being just below 10.
    return max(int(np.floor(1 / share + 1e-9)) - 1, 0)


def overlap(
    before: pd.DataFrame, now: pd.DataFrame, person: str = "person_id", stratum: str = "stratum"
) -> pd.DataFrame:
    """The observed overlap: people drawn in each stratum of the new round, and how many of them were drawn before.

    Parameters
    ----------
    before, now : DataFrame   samples of both rounds, one row per person
    person, stratum : str     column names; the stratum is read in ``now`` only

    Returns
    -------
    DataFrame (H, 3), index stratum: ``drawn`` and ``again`` in people, ``share`` (again / drawn).

    Raises
    ------
    SamplingError   a column is missing.

    Examples
    --------
    >>> before = pd.DataFrame({"person_id": ["p1", "p2"]})
    >>> now = pd.DataFrame({"person_id": ["p2", "p3"], "stratum": "a"})
    >>> overlap(before, now).loc["a"].tolist()
    [2.0, 1.0, 0.5]
    """
    require_columns(before, [person], SamplingError)
    require_columns(now, [person, stratum], SamplingError)
    again = now[person].astype("object").isin(list(before[person]))
    counted = again.groupby(now[stratum].map(str).rename("stratum"))
    table = pd.DataFrame({"drawn": counted.size(), "again": counted.sum().astype(int)})
    return table.assign(share=table["again"] / table["drawn"])


def _of_one_length(*arrays: ArrayLike) -> list[np.ndarray]:
    numbers = [np.asarray(values, dtype=float) for values in arrays]
    lengths = {values.shape for values in numbers if values.ndim}
    if len(lengths) > 1:
        got = " and ".join(str(shape[0]) for shape in sorted(lengths))
        raise SamplingError("the arrays do not fit each other", got=f"{got} numbers", expected="as many, or one number")
    return [np.asarray(values) for values in np.broadcast_arrays(*numbers)]


def _fractions(values: ArrayLike) -> np.ndarray:
    fractions = np.asarray(values, dtype=float)
    if not ((fractions >= 0) & (fractions <= 1)).all():
        raise SamplingError("a sampling fraction is out of range", got=str(values), expected="0 to 1")
    return fractions


# The text of a record, for digests, seals and signatures.


def canonical(record: Mapping[str, Any]) -> str:
    """The canonical text of a record: the same facts give the same text.

    Parameters
    ----------
    record : mapping   facts that can be written as JSON

    Returns
    -------
    str: JSON with sorted keys and without spaces.

    Raises
    ------
    SamplingError   a fact cannot be written as JSON.

    References
    ----------
    Bray (2017), RFC 8259, The JavaScript Object Notation (JSON) Data Interchange Format.

    Examples
    --------
    >>> canonical({"size": 2, "name": "a"})
    '{"name":"a","size":2}'
    """
    try:
        return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except TypeError as error:
        expected = "texts, numbers, lists and mappings with texts as keys"
        raise SamplingError("a fact cannot be written as JSON", got=str(error), expected=expected) from error
