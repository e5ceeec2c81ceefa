"""How people type names, phone numbers, e-mail addresses and units into a list."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from spi_analysis.params import Source
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.data_entry import DataEntryPatterns, DateStyle
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.residents import MONTHS, second_phone
from spi_analysis.synthetic.times import years_since

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


# How people type dates, ages and tenures into a list.

OTHER_STYLE = 0.12  # share of the cells that do not follow the list's own style


def typed_dates(days: np.ndarray, style: DateStyle, rng: np.random.Generator, *, sheet: bool) -> list[Cell]:
    """Dates; most in the list's style. Outside a spreadsheet there are no date cells."""
    styles = [style, *(other for other in ("slashes", "words", "excel") if other != style)]
    if not sheet:
        styles.remove("excel")
    way = np.where(rng.random(days.size) < OTHER_STYLE, rng.integers(1, len(styles), days.size), 0)
    return [_typed_date(day, styles[w]) for day, w in zip(days.astype("datetime64[D]").tolist(), way, strict=True)]


def typed_ages(days: np.ndarray, at: np.datetime64) -> list[Cell]:
    """Ages in whole years."""
    return np.floor(years_since(days, at)).astype(int).tolist()


def typed_tenures(days: np.ndarray, at: np.datetime64, rng: np.random.Generator, *, words: bool) -> list[Cell]:
    """Tenures as "5 tahun", "5 thn 3 bln" or 5; rounded down, so that nobody crosses a limit."""
    years = years_since(days, at)
    whole, months = np.floor(years).astype(int), np.floor(years % 1 * 12).astype(int)
    way = np.where(words, rng.integers(0, 3, days.size), np.where(rng.random(days.size) < OTHER_STYLE, 1, 2))
    return [
        (f"{y} tahun", f"{y} thn {m} bln", y)[w]
        for y, m, w in zip(whole.tolist(), months.tolist(), way.tolist(), strict=True)
    ]


def _typed_date(day: dt.date, style: DateStyle) -> Cell:
    if style == "words":
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if style == "slashes" else day


# The columns of one list, cell by cell as typed.

SPACED_NUMBERS = 0.3  # share of the NIPs typed in four groups
ECHELONS = {"top_official": "II.b", "structural": "IV.a", "functional": "Fungsional", "staff": "Pelaksana"}
ECHELONS["non_asn"] = ECHELONS["staff"]
EXPERT_WORDS = {
    "auditor": "BPKP",
    "ombudsman": "Ombudsman",
    "journalist": "Jurnalis",
    "academic": "Akademisi",
    "ngo": "LSM",
    "business": "Asosiasi Pengusaha",
    "retired_official": "Pensiunan Pejabat",
}

NOMINATOR_WORDS = {"institution": "Inspektorat", "commission": "KPK"}


def list_columns(
    city: SyntheticCity, rows: np.ndarray, source: Source, patterns: DataEntryPatterns, streams: Streams, *, sheet: bool
) -> dict[str, list[Cell]]:
    """Cells of every column of a list, in the order of the columns."""
    clerk = _Clerk(city, rows, source, patterns, streams, sheet)
    columns = patterns.columns(city.kinds[source])
    if clerk.people["nominator"].notna().any():
        columns.append("nominator")
    return {column: getattr(clerk, column)() for column in columns}


class _Clerk:
    """Types the columns of a list; one method per column of ``data_entry.HEADERS``."""

    def __init__(
        self,
        city: SyntheticCity,
        rows: np.ndarray,
        source: Source,
        patterns: DataEntryPatterns,
        streams: Streams,
        sheet: bool,
    ) -> None:
        self.people = city.people.iloc[rows]
        self.at = np.datetime64(city.reference_date)
        self.source, self.patterns, self.streams, self.sheet = source, patterns, streams, sheet

    def number(self) -> list[Cell]:
        return list(range(1, len(self.people) + 1))

    def employee_number(self) -> list[Cell]:
        spaced = self._rng("employee numbers").random(len(self.people)) < SPACED_NUMBERS
        numbers = self._values("employee_number")
        return [
            "-" if pd.isna(nip) else f"{nip[:8]} {nip[8:14]} {nip[14]} {nip[15:]}" if wide else nip
            for nip, wide in zip(numbers, spaced, strict=True)
        ]

    def name(self) -> list[Cell]:
        return typed_names(self._values("name"), self._rng("names"))

    def phone(self) -> list[Cell]:
        return typed_phones(self._values("phone"), self._rng("phones"))

    def email(self) -> list[Cell]:
        return typed_emails(self._values("email"), self._rng("e-mails"))

    def unit(self) -> list[Cell]:
        return typed_units(self._values("unit"), self._rng("units"))

    def service_unit(self) -> list[Cell]:
        return self.unit()

    def position(self) -> list[Cell]:
        if self.patterns.echelons:
            return self.people["position_class"].map(ECHELONS).tolist()
        return self._values("job_title").tolist()

    def employment(self) -> list[Cell]:
        asn, other = self.patterns.employment
        return np.where(self.people["is_asn"].astype(bool), asn, other).tolist()

    def sex(self) -> list[Cell]:
        return self.people["sex"].map(self.patterns.sexes).tolist()

    def birth(self) -> list[Cell]:
        return typed_ages(self._days("birth_date"), self.at) if self.patterns.ages else self._dates("birth_date")

    def start(self) -> list[Cell]:
        return self._tenures("start_date")

    def unit_start(self) -> list[Cell]:
        return self._tenures("unit_start_date")

    def main_work(self) -> list[Cell]:
        return np.where(self.people["main_work"].astype(bool), "Ya", "Tidak").tolist()

    def service(self) -> list[Cell]:
        return self._values("service").tolist()

    def service_date(self) -> list[Cell]:
        return self._dates("service_date")

    def expert_group(self) -> list[Cell]:
        return self.people["expert_group"].map(EXPERT_WORDS).tolist()

    def nominator(self) -> list[Cell]:
        return self.people["nominator"].map(NOMINATOR_WORDS).tolist()

    def _rng(self, purpose: str) -> np.random.Generator:
        return self.streams(f"{self.source} typed {purpose}")

    def _values(self, column: str) -> np.ndarray:
        return self.people[column].to_numpy(dtype=object)

    def _days(self, column: str) -> np.ndarray:
        return self.people[column].to_numpy()

    def _dates(self, column: str) -> list[Cell]:
        return typed_dates(self._days(column), self.patterns.dates, self._rng(column), sheet=self.sheet)

    def _tenures(self, column: str) -> list[Cell]:
        if self.patterns.tenure == "dates":
            return self._dates(column)
        words = self.patterns.tenure == "words"
        return typed_tenures(self._days(column), self.at, self._rng(column), words=words)
