"""Whose link a token is: tokens are made again from the sample and the vault, and looked up."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from spi_analysis.params import RoundSetup
from spi_analysis.tables import TOKEN_LENGTH, Store, Vault, check_codes, link_tokens, text_of

_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?![a-z0-9])")


class Sampled(NamedTuple):
    """A sampled person in the source the link was made for."""

    institution_id: str
    source: str
    person_id: str


def sampled_by_token(
    setup: RoundSetup, store: Store, vault: Vault, wanted: Collection[str], only: str | None = None
) -> dict[str, Sampled]:
    """The wanted tokens of the round (or of one institution only) with their people. Nothing of this is ever written.

    Only the wanted are kept: those of a whole country's sample would take gigabytes.
    """
    secret = vault.secret("link_token")
    book: dict[str, Sampled] = {}
    for institution_id in store.institutions("sample") if only is None else [only]:
        for source, people in store.read("sample", institution_id).groupby("source")["person_id"]:
            tokens = link_tokens(people, setup.round.round_id, institution_id, str(source), secret)
            pairs = zip(tokens, people, strict=True)
            book |= {token: Sampled(institution_id, str(source), person) for token, person in pairs if token in wanted}
    return book


def listed_by_code(
    setup: RoundSetup, store: Store, vault: Vault, wanted: Collection[str], only: str | None = None
) -> dict[str, Sampled]:
    """The wanted check codes of everyone listed, sampled or not, and the wanted tokens of the sample."""
    secret, book = vault.secret("link_token"), dict[str, Sampled]()
    for institution_id in store.institutions("frame") if only is None else [only]:
        if store.has("sample", institution_id):
            book |= sampled_by_token(setup, store, vault, wanted, institution_id)
        people = store.read("frame", institution_id, ["source", "person_id"]).drop_duplicates()
        for source, listed in people.groupby("source")["person_id"]:
            codes = check_codes(listed, setup.round.round_id, institution_id, str(source), secret)
            pairs = zip(codes, listed, strict=True)
            book |= {code: Sampled(institution_id, str(source), person) for code, person in pairs if code in wanted}
    return book


def tokens_in(cells: Iterable[object]) -> list[str]:
    """The token of each cell, which may stand inside a whole link; "" where there is none."""
    found = ((_TOKEN.search(text.lower()), text) for text in map(text_of, cells))
    return [match[0] if match else text for match, text in found]
