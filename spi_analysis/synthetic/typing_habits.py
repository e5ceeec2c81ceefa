"""How people type names, phone numbers, e-mail addresses and units into a list."""

from __future__ import annotations

import numpy as np

from spi_analysis.synthetic.identities import second_phone

Cell = object  # what a spreadsheet cell holds: text, number, date or None

NOTHING = ("-", "tidak ada", None, "", "tdk ada")
TITLES = ("{}, S.E.", "{}, S.Sos.", "Drs. {}", "Hj. {}", "{}, S.Pd., M.M.")
UPPER_NAMES, TITLED_NAMES = 0.08, 0.12

UNIT_SPELLINGS = (0.80, 0.90, 0.965, 0.99, 0.996)  # as is, first and second variant, blanks at the end, two blanks
UNIT_WORDS = {
    "Satuan Polisi Pamong Praja": "Satpol PP",
    "Kecamatan": "Kec.",
    "Puskesmas": "Pusk.",
    "Dinas": "Din.",
    "Badan": "Bdn.",
    "Sekretariat": "Sekr.",
}


def typed_names(names: np.ndarray, rng: np.random.Generator) -> list[Cell]:
    """Names; some in capitals, some with a title, some with a blank too many."""
    chance, title = rng.random(names.size), rng.integers(0, len(TITLES), names.size)
    typed = []
    for name, c, t in zip(names, chance, title, strict=True):
        if c < UPPER_NAMES:
            typed.append(name.upper())
        elif c < UPPER_NAMES + TITLED_NAMES:
            typed.append(TITLES[t].format(name))
        else:
            typed.append(f"{name} " if c > 0.98 else name)
    return typed


def _grouped(national: str, mark: str) -> str:
    return mark.join((national[:3], national[3:7], national[7:]))


# National number without the leading zero -> what is typed, and how often.
PHONE_WAYS = (
    (0.34, lambda n: f"0{n}"),
    (0.10, lambda n: f"0{_grouped(n, '-')}"),
    (0.08, lambda n: f"0{_grouped(n, ' ')}"),
    (0.10, lambda n: f"62{n}"),
    (0.07, lambda n: f"+62{n}"),
    (0.06, lambda n: f"+62 {_grouped(n, '-')}"),
    (0.05, lambda n: f"0{_grouped(n, '.')}"),
    (0.06, lambda n: n),
    (0.07, lambda n: float(n)),
    (0.02, lambda n: f"(0{n[:3]}) {n[3:]}"),
    (0.015, lambda n: f"0{n} / 0{second_phone(n)}"),
    (0.01, lambda n: f"O{n}"),
    (0.01, lambda n: f"0{n} (WA)"),
    (0.015, lambda n: f" 0{n} "),
)


def typed_phones(phones: np.ndarray, rng: np.random.Generator) -> list[Cell]:
    """Phone numbers in the dozen ways people type them; some as the number a spreadsheet makes of them."""
    shares = np.array([share for share, _ in PHONE_WAYS])
    way = rng.choice(len(PHONE_WAYS), size=phones.size, p=shares / shares.sum())
    return [PHONE_WAYS[w][1](phone[3:]) for phone, w in zip(phones, way, strict=True)]


def typed_emails(emails: np.ndarray, rng: np.random.Generator) -> list[Cell]:
    """E-mail addresses; some with a comma for the dot, in capitals or with stray blanks."""
    chance = rng.random(emails.size)
    typed = []
    for email, c in zip(emails, chance, strict=True):
        if c < 0.010:
            typed.append(email.replace(".com", ",com").replace(".org", ",org").replace(".net", ",net"))
        elif c < 0.025:
            typed.append(email.replace("@", " @ "))
        else:
            typed.append(f" {email}" if c < 0.06 else email.upper() if c < 0.08 else email)
    return typed


def typed_units(units: np.ndarray, rng: np.random.Generator) -> list[Cell]:
    """Unit names; each unit in two or three spellings, some with blanks too many, a typo now and then."""
    chance, place = rng.random(units.size), rng.random(units.size)
    spellings = {unit: (unit, *unit_variants(unit)) for unit in dict.fromkeys(units)}
    way = np.searchsorted(UNIT_SPELLINGS, chance)
    typed = []
    for unit, w, p in zip(units, way, place, strict=True):
        if w < 3:
            typed.append(spellings[unit][w])
        else:
            typed.append((f"{unit}  ", unit.replace(" ", "  ", 1), _typo(unit, p))[w - 3])
    return typed


def unit_variants(unit: str) -> tuple[str, str]:
    """Two other ways to write a unit's name."""
    short = unit.replace(" dan ", " & ")
    for word, abbreviation in UNIT_WORDS.items():
        if short.startswith(word):
            short = short.replace(word, abbreviation, 1)
            break
    return unit.upper(), short


def _typo(text: str, place: float) -> str:
    """Two neighbouring letters swapped inside the longest word."""
    word = max(text.split(), key=len)
    at = text.index(word) + 1 + int(place * (len(word) - 3))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
