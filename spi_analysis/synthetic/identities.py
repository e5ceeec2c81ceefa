"""Generated names, phone numbers and e-mail addresses. Fixture data: nobody real is meant.

E-mail addresses lie under domains reserved for examples, so no mailbox is ever addressed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.synthetic.vocabulary import DOMAINS, FEMALE, LAST, MALE, MIDDLE, PHONE_PREFIXES

TWO_WORDS = 0.45  # share of names without a middle word
NUMBERS = 50_000_000  # people have even numbers; the odd one after each belongs to nobody


def make_identities(sex: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Names, phone numbers (E.164) and e-mail addresses; the latter two differ between all people."""
    n = sex.size
    given = np.where(sex == "male", drawn(MALE, n, rng), drawn(FEMALE, n, rng))
    middle = np.where(rng.random(n) < TWO_WORDS, "", drawn(MIDDLE, n, rng))
    last, domain = drawn(LAST, n, rng), drawn(DOMAINS, n, rng)
    return pd.DataFrame(
        {
            "name": [f"{a} {b} {c}" if b else f"{a} {c}" for a, b, c in zip(given, middle, last, strict=True)],
            "phone": _phones(n, rng),
            "email": [
                f"{a}.{c}{number}@{at}".lower()
                for number, (a, c, at) in enumerate(zip(given, last, domain, strict=True))
            ],
        }
    )


def drawn(words: tuple[str, ...], n: int, rng: np.random.Generator) -> np.ndarray:
    """``n`` words at random."""
    return np.array(words, dtype=object)[rng.integers(0, len(words), n)]


def second_phone(phone: str) -> str:
    """A number that belongs to nobody, for cells in which people type two."""
    return phone[:-1] + str(int(phone[-1]) + 1)


def _phones(n: int, rng: np.random.Generator) -> list[str]:
    number = 2 * rng.choice(NUMBERS, size=n, replace=False)
    return [f"+62{prefix}{digits:08d}" for prefix, digits in zip(drawn(PHONE_PREFIXES, n, rng), number, strict=True)]
