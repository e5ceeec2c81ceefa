"""Permanent random numbers: one secret number per person, the same in every round."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.survey.groups import is_number

COMMITMENT_LABEL = b"permanent random numbers, commitment, version 1\x00"
# The most bits with which the middle of a cell is still a double: neither 0 nor 1 can occur, and a shift is exact.
_BITS = 52
# Shorter secrets could be found by trying; the commitment would then hide nothing.
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
    """
    _require_secret(secret)
    _require_ids(person_ids)
    digests = b"".join(
        hmac.digest(secret, str(person).encode(), "sha256")[:8] for person in person_ids.astype("object")
    )
    return pd.Series(_to_unit(np.frombuffer(digests, dtype=">u8")), index=person_ids.index, name="prn")


def shift_of(public_value: str) -> float:
    """The shift in (0, 1) that a public value fixes."""
    if not isinstance(public_value, str) or not public_value.strip():
        raise SamplingError("there is no public value", got=repr(public_value), expected="the text that was published")
    digest = hashlib.sha256(public_value.encode()).digest()[:8]
    return float(_to_unit(np.frombuffer(digest, dtype=">u8"))[0])


def shifted(prn: pd.Series, shift: float) -> pd.Series:
    """The numbers as seen from the shift on: (prn - shift) modulo 1. The smallest are drawn."""
    if not is_number(shift) or not 0 <= shift < 1:
        raise SamplingError("the shift is out of range", got=str(shift), expected="a number from 0 to below 1")
    return ((prn - shift) % 1.0).rename("prn")


def commitment(secret: bytes) -> str:
    """What is published of the secret before the draw: it binds, and reveals nothing."""
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


# Random numbers that a seed fixes, apart for each stratum: what happens in one changes nothing in another.


def numbers_for(seed: int, stratum: str, count: int = 1) -> np.ndarray:
    """The first ``count`` numbers in (0, 1) of a stratum (Philox counter, keyed by seed and stratum)."""
    key = int.from_bytes(hashlib.sha256(f"{seed}\x1f{stratum}".encode()).digest()[:16], "big")
    return _to_unit(np.random.Philox(key=key).random_raw(count))


def numbers_of(seed: int, ids: Iterable[object]) -> np.ndarray:
    """One number in (0, 1) for each id, whatever the order of the rows: SHA-256 of seed and id."""
    words = b"".join(hashlib.sha256(f"{seed}\x1f{one}".encode()).digest()[:8] for one in ids)
    return _to_unit(np.frombuffer(words, dtype=">u8"))


# Co-ordination of rounds: how far the random numbers are turned, and how many are asked again.
#
# With permanent random numbers a sample of the fraction f is the arc of length f after the
# shift. Two rounds share what their arcs share: turned by 0 they share as much as can be,
# turned past the earlier arc they share as little as can be.

AIMS = ("most", "least")


def turned_shift(shift: float, turn: float) -> float:
    """The shift of a round that is turned by ``turn`` (a part of the circle) against ``shift``."""
    return float((shift + turn) % 1.0)


def turn_for(before: ArrayLike, now: ArrayLike, aim: str = "least", people: ArrayLike = 1) -> float:
    """How far a round is turned against an earlier one so that they share the most, or the fewest, people.

    Parameters
    ----------
    before, now : array (H,)   sampling fractions per stratum, or per person, in both rounds
    aim : str   most: ask the same people again (0: both arcs start together); least: those asked before rest
    people : array (H,)        people that each pair of fractions stands for

    Returns
    -------
    Part of the circle in [0, 1), the smallest of those that are best. One turn serves all strata: people who
    change stratum keep their number. Where a stratum's two fractions exceed 1, some must be asked again.

    References
    ----------
    Ohlsson (1995), in: Business Survey Methods; Nedyalkova, Qualite & Tille (2009), Survey Methodology 35.
    """
    if aim not in AIMS:
        raise SamplingError("unknown aim of co-ordination", got=aim, expected=", ".join(AIMS), hint=nearest(aim, AIMS))
    first, second, counts = np.broadcast_arrays(_fractions(before), _fractions(now), np.asarray(people, dtype=float))
    if aim == "most" or not first.size:
        return 0.0
    pairs, which = np.unique(np.column_stack([first.ravel(), second.ravel()]), axis=0, return_inverse=True)
    weights = np.bincount(which.ravel(), counts.ravel())
    # The overlap is linear between these turns, so that one of them is best.
    turns = np.unique(np.concatenate([pairs[:, 0], 1 - pairs[:, 1]]) % 1.0)
    shared = [expected_overlap(pairs[:, 0], pairs[:, 1], turn, weights) for turn in turns]
    best = min(shared)
    return float(next(turn for turn, n in zip(turns, shared, strict=True) if n <= best + 1e-9 * max(best, 1)))


def shared_fraction(before: ArrayLike, now: ArrayLike, turn: float) -> np.ndarray:
    """The chance to be in both rounds: what the arcs [0, before) and [turn, turn + now) of the circle share.

    Exact for a fixed arc; for a sample of fixed size, whose arc ends at its last person, exact but for terms of
    the order 1/N.
    """
    first, second = _fractions(before), _fractions(now)
    start = turn % 1.0
    return np.clip(np.minimum(first, start + second) - start, 0, None) + np.minimum(
        first, np.clip(start + second - 1, 0, None)
    )


def expected_overlap(before: ArrayLike, now: ArrayLike, turn: float, people: ArrayLike = 1) -> float:
    """How many of ``people`` (N_h of each stratum, or 1 for each person) are expected in both rounds."""
    return float(np.sum(shared_fraction(before, now, turn) * np.asarray(people, dtype=float)))


def rounds_of_rest(fraction: float) -> int:
    """How many rounds somebody rests if each round starts where the last one ended and takes this fraction."""
    share = float(_fractions(fraction))
    if share == 0:
        raise SamplingError("nobody is drawn, so nobody needs a rest", got="0", expected="a fraction above 0")
    # Guards against 1/0.1 being just below 10.
    return max(int(np.floor(1 / share + 1e-9)) - 1, 0)


def overlap(
    before: pd.DataFrame, now: pd.DataFrame, person: str = "person_id", stratum: str = "stratum"
) -> pd.DataFrame:
    """The overlap that came about: per stratum of the new round how many are drawn, and how many of them again.

    Returns
    -------
    DataFrame (H, 3), index stratum: ``drawn``, ``again``, ``share``.
    """
    again = now[person].astype("object").isin(list(before[person]))
    counted = again.groupby(now[stratum].map(str).rename("stratum"))
    table = pd.DataFrame({"drawn": counted.size(), "again": counted.sum().astype(int)})
    return table.assign(share=table["again"] / table["drawn"])


def _fractions(values: ArrayLike) -> np.ndarray:
    fractions = np.asarray(values, dtype=float)
    if not ((fractions >= 0) & (fractions <= 1)).all():
        raise SamplingError("a sampling fraction is out of range", got=str(values), expected="0 to 1")
    return fractions
