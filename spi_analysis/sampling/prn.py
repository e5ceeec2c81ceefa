"""Permanent random numbers: one secret number per person, the same in every round."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pandas as pd

from spi_analysis.errors import SamplingError
from spi_analysis.sampling.sizes import is_number

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
