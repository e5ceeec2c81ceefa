"""Codes for people: keyed hashes that nobody can turn back without the vault's secrets.

``person_id`` is the same wherever and whenever a person is listed with the same employee number (else the same phone,
else the same e-mail), so rounds can be coordinated. A link token is good for one round, institution and source only.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

from spi_analysis.threads import pd

# Employee numbers of civil servants (18 digits), soldiers and police officers (8) are unique in the country. A shorter
# one is an institution's own ("001" is someone else next door), or words such as "THL 2019": no identity.
NUMBER_DIGITS = 8
ID_LENGTH = 24
TOKEN_LENGTH = 20


def is_identity(employee_number: object) -> bool:
    """Whether an employee number says who somebody is."""
    if not isinstance(employee_number, str):
        return False
    digits = employee_number if employee_number.isdigit() else "".join(filter(str.isdigit, employee_number))
    return len(digits) >= NUMBER_DIGITS and len(set(digits)) > 1


def person_ids(people: pd.DataFrame, secret: bytes) -> pd.Series:
    """The code of each person: HMAC-SHA256 of the employee number, else the phone, else the e-mail.

    Parameters
    ----------
    people : DataFrame (n, ...)   employee_number, phone (E.164), email; all normalised, None where unknown
    secret : bytes                the vault's secret ``person_id``

    Returns
    -------
    Series of str (n,), name ``person_id``: 24 hexadecimal digits; None for a person without any of the three.
    """
    columns = (people[column].tolist() for column in ("employee_number", "phone", "email"))
    keys = (_key(*row) for row in zip(*columns, strict=True))
    ids = [None if key is None else hmac.digest(secret, key.encode(), "sha256").hex()[:ID_LENGTH] for key in keys]
    return pd.Series(ids, people.index, dtype=object, name="person_id")


def _key(number: object, phone: object, email: object) -> str | None:
    """What a person is known by; the kind in front keeps a number from being taken for a phone."""
    if is_identity(number):
        return f"number:{number}"
    known = (("phone", phone), ("email", email))
    return next((f"{kind}:{value}" for kind, value in known if isinstance(value, str) and value), None)


def link_tokens(person_ids: Iterable[str], round_id: str, institution_id: str, source: str, secret: bytes) -> list[str]:
    """The token of each person's link to the questionnaire: 20 small letters and digits (100 bits).

    Base32 on purpose: tokens pass through spreadsheets and telephones, where capitals, "-" and "=" do not survive.
    """
    return [
        _token(hmac.digest(secret, "|".join((round_id, institution_id, source, person)).encode(), "sha256"))
        for person in person_ids
    ]


def answer_tokens(
    person_ids: Iterable[str], round_id: str, institution_id: str, source: str, secret: bytes
) -> list[str]:
    """The token under which the platform of the questionnaire knows each person; it stands in no message."""
    return link_tokens(person_ids, round_id, institution_id, f"answers {source}", secret)


def open_tokens(places: Iterable[str], round_id: str, institution_id: str, source: str, secret: bytes) -> list[str]:
    """The token of each place where an open link hangs (a QR poster): the same for everybody who opens it there."""
    return link_tokens(places, round_id, institution_id, f"open {source}", secret)


def check_codes(person_ids: Iterable[str], round_id: str, institution_id: str, source: str, secret: bytes) -> list[str]:
    """The code by which an institution names a person whose number it checks; it opens no questionnaire."""
    return link_tokens(person_ids, round_id, institution_id, f"check {source}", secret)


def _token(digest: bytes) -> str:
    return base64.b32encode(digest).decode().lower()[:TOKEN_LENGTH]
