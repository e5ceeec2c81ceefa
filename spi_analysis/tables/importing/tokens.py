"""Whose link a token is: tokens are made again from the sample and the vault, and looked up."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from spi_analysis.params import RoundSetup
from spi_analysis.tables import TOKEN_LENGTH, Store, Vault, link_tokens, text_of

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


def tokens_in(cells: Iterable[object]) -> list[str]:
    """The token of each cell, which may stand inside a whole link; "" where there is none."""
    found = ((_TOKEN.search(text.lower()), text) for text in map(text_of, cells))
    return [match[0] if match else text for match, text in found]
