"""Permanent random numbers: one secret number per person, the same in every round."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pandas as pd

COMMITMENT_LABEL = b"permanent random numbers, commitment, version 1\x00"
_DOUBLE_BITS = 53


def permanent_random_numbers(person_ids: pd.Series, secret: bytes) -> pd.Series:
    """HMAC-SHA256(secret, person_id) mapped to (0, 1).

    Parameters
    ----------
    person_ids : Series of str (n,)   stable between rounds
    secret : bytes                    the permanent secret; at least 16 bytes

    Returns
    -------
    Series (n,), name ``prn``, in (0, 1), with 53 random bits.

    References
    ----------
    Ohlsson (1995), Coordination of samples using permanent random numbers, in: Business Survey Methods.
    """
    digests = b"".join(hmac.digest(secret, str(person).encode(), "sha256")[:8] for person in person_ids)
    return pd.Series(_to_unit(np.frombuffer(digests, dtype=">u8")), index=person_ids.index, name="prn")


def shift_of(public_value: str) -> float:
    """The shift in (0, 1) that a public value fixes."""
    digest = hashlib.sha256(public_value.encode()).digest()[:8]
    return float(_to_unit(np.frombuffer(digest, dtype=">u8"))[0])


def shifted(prn: pd.Series, shift: float) -> pd.Series:
    """The numbers as seen from the shift on: (prn - shift) modulo 1. The smallest are drawn."""
    return ((prn - shift) % 1.0).rename("prn")


def commitment(secret: bytes) -> str:
    """What is published of the secret before the draw: it binds, and reveals nothing."""
    return hashlib.sha256(COMMITMENT_LABEL + secret).hexdigest()


def _to_unit(words: np.ndarray) -> np.ndarray:
    # The middle of each of 2**53 cells, so neither 0 nor 1 can occur.
    return ((words >> np.uint64(64 - _DOUBLE_BITS)).astype(float) + 0.5) / 2.0**_DOUBLE_BITS
