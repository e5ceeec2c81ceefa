"""Permanent random numbers, computed again with hashlib alone."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import commitment, from_start, permanent_random_numbers, start_of
from spi_analysis.survey.sampling.random_numbers import _to_unit

SECRET = b"a secret of 24 bytes ..."
PEOPLE = pd.Series(["ani", "budi", "citra", "dewi", "eka"], index=[9, 8, 7, 6, 5])


def hmac_by_hand(secret: bytes, text: str) -> bytes:
    """HMAC-SHA256 as RFC 2104 writes it."""
    key = secret.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + text.encode()).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def unit_by_hand(digest: bytes) -> float:
    return ((int.from_bytes(digest[:8], "big") >> 12) + 0.5) / 2**52


def test_number_is_the_hash_of_the_person() -> None:
    numbers = permanent_random_numbers(PEOPLE, SECRET)
    assert numbers.tolist() == [unit_by_hand(hmac_by_hand(SECRET, person)) for person in PEOPLE]
    assert numbers.index.equals(PEOPLE.index)


def test_number_depends_on_the_person_and_the_secret_only() -> None:
    numbers = permanent_random_numbers(PEOPLE, SECRET)
    fewer = permanent_random_numbers(PEOPLE[[6, 9]], SECRET)
    assert fewer.tolist() == [numbers[6], numbers[9]], "permanent: who else is listed changes nothing"
    assert not permanent_random_numbers(PEOPLE, SECRET[::-1]).isin(numbers).any()


def test_shift_is_the_hash_of_the_public_value() -> None:
    assert start_of("4711") == unit_by_hand(hashlib.sha256(b"4711").digest())


def test_neither_0_nor_1_can_occur() -> None:
    lowest, highest = _to_unit(np.array([0, 2**64 - 1], dtype=np.uint64))
    assert lowest > 0
    assert highest < 1


def test_shift_turns_the_circle() -> None:
    numbers = from_start(pd.Series([0.1, 0.25, 0.9]), 0.25)
    assert numbers.tolist() == pytest.approx([0.85, 0.0, 0.65])


def test_commitment_binds_to_one_secret() -> None:
    label = b"permanent random numbers, commitment, version 1\x00"
    assert commitment(SECRET) == hashlib.sha256(label + SECRET).hexdigest()
    assert commitment(SECRET) != commitment(SECRET + b"\x00")


@pytest.mark.parametrize("use", [commitment, lambda secret: permanent_random_numbers(PEOPLE, secret)])
def test_short_secrets_could_be_guessed_and_are_refused(use) -> None:
    with pytest.raises(SamplingError, match="too short") as caught:
        use(b"123456789012345")
    assert "15 bytes" in str(caught.value)
    assert "123456789" not in str(caught.value), "the secret itself is never in a message"


@pytest.mark.parametrize(
    ("ids", "said"), [(["a", None, "b"], "a person has no id"), (["a", "b", "a"], "a person is there twice")]
)
def test_everyone_has_an_id_of_their_own(ids, said):
    with pytest.raises(SamplingError, match=said):
        permanent_random_numbers(pd.Series(ids, dtype=object), SECRET)


@pytest.mark.parametrize("start", [float("nan"), float("inf"), -0.1, 1.0, "a"])
def test_a_start_lies_within_the_circle(start):
    with pytest.raises(SamplingError, match="start is out of range"):
        from_start(pd.Series([0.1]), start)


@pytest.mark.parametrize("value", ["", "  ", None])
def test_there_must_be_a_public_value(value):
    with pytest.raises(SamplingError, match="no public value"):
        start_of(value)
