"""Everyone of a generated city: employees, users and experts in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from spi_analysis.params import EligibilityParams, GeneratorParams, ListKind, RoundParams, RoundSetup, Source
from spi_analysis.synthetic.profiles import (
    Field,
    Office,
    head_title,
    list_kinds,
    offices_of,
    profile_of,
    service_units_of,
)
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.times import YEAR, years_since

# Generated service users and experts.

EXPERT_GROUPS = ("auditor", "ombudsman", "journalist", "academic", "ngo", "business", "retired_official")
NOMINATORS = ("institution", "commission")
FEMALE_USERS = 0.5
FEMALE_EXPERTS = 0.3
SERVED_LONG_AGO = 0.05


def make_users(
    units: tuple[tuple[str, float, tuple[str, ...]], ...], n: int, at: np.datetime64, rng: np.random.Generator
) -> pd.DataFrame:
    """``n`` users of the services, unit by unit; nobody within three weeks of the twelve-month limit."""
    weights = np.array([weight for _, weight, _ in units]) * rng.lognormal(0, 0.25, len(units))
    unit = np.repeat(np.arange(len(units)), rng.multinomial(n, weights / weights.sum()))
    age = np.clip(18 + rng.gamma(3.2, 6.5, n), 18, 78)
    recent, old = rng.uniform(15, 340, n), rng.uniform(390, 600, n)
    days = np.round(np.where(rng.random(n) < SERVED_LONG_AGO, old, recent))
    return pd.DataFrame(
        {
            "unit": np.array([name for name, _, _ in units], dtype=object)[unit],
            "service": _services([services for _, _, services in units], unit, rng),
            "service_date": at - days.astype("timedelta64[D]"),
            "sex": np.where(rng.random(n) < FEMALE_USERS, "female", "male"),
            "birth_date": at - np.round(age * YEAR).astype("timedelta64[D]"),
        }
    )


def make_panel(n: int, at: np.datetime64, rng: np.random.Generator, *, is_list: bool = False) -> pd.DataFrame:
    """``n`` nominated experts; the groups take turns, on a list to draw from those of one nominator, then the other."""
    groups = np.array(EXPERT_GROUPS, dtype=object)
    experts = pd.DataFrame(
        {
            "expert_group": groups[(np.arange(n) + rng.integers(0, groups.size)) % groups.size],
            "sex": np.where(rng.random(n) < FEMALE_EXPERTS, "female", "male"),
            "birth_date": at - np.round(rng.uniform(32, 68, n) * YEAR).astype("timedelta64[D]"),
        }
    )
    named_by = np.array(NOMINATORS, dtype=object)[np.arange(n) // groups.size % len(NOMINATORS)]
    return experts.assign(nominator=named_by) if is_list else experts


def _services(services: list[tuple[str, ...]], unit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    width = max(len(names) for names in services)
    table = np.array([[*names, *[None] * (width - len(names))] for names in services], dtype=object)
    counts = np.array([len(names) for names in services])
    return table[unit, (rng.random(unit.size) * counts[unit]).astype(int)]


# Common Indonesian words that generated people are named with. They mean nobody.


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MALE = _words(
    "Agus Ahmad Andi Arif Bambang Bayu Budi Dedi Dimas Eko Fajar Hadi Hendra Heru Imam Indra Joko Muhammad Rizki Rudi "
    "Slamet Sugeng Taufik Tono Wahyu Yusuf"
)
FEMALE = _words(
    "Ani Ayu Citra Dewi Dian Endang Fitri Indah Kartika Lestari Lina Maya Mega Nita Novi Nur Putri Ratna Rina Siti Sri "
    "Tuti Wati Wulan Yanti Yuni"
)
MIDDLE = _words("Adi Bagus Catur Dwi Eka Jaya Kusuma Ma’ruf Nugraha Prima Putra Rahma Rofi’ah Tri Wira Zahra")
LAST = _words(
    "Anggraini Firmansyah Gunawan Handayani Hidayat Irawan Kurniawan Kusumawati Maharani Maulana Nugroho Permana "
    "Prasetyo Pratama Puspita Rahayu Ramadhan Santoso Saputra Sari Setiawan Siregar Suryani Susanti Sutrisno Utami "
    "Wahyuni Wibowo Wijaya Yulianti"
)
MONTHS = _words("Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember")

# Mobile prefixes without the leading zero, and the domains reserved for examples (RFC 2606).
PHONE_PREFIXES = _words("811 812 813 821 822 823 851 852 853 856 857 858 877 878 895 896 897 898")
DOMAINS = _words("example.com example.org example.net")


# Generated names, phone numbers and e-mail addresses. Fixture data: nobody real is meant.
#
# E-mail addresses lie under domains reserved for examples, so no mailbox is ever addressed.

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


# Generated employees of an institution: unit, position, career.

STRUCTURAL_SHARE = 0.14
FUNCTIONAL_SHARE: dict[Field, float] = {"administration": 0.28, "education": 0.66, "health": 0.64}
ASN_SHARE = {"top_official": 1.0, "structural": 1.0, "functional": 0.88, "staff": 0.62}
MEAN_AGE = {"top_official": 52.0, "structural": 46.0, "functional": 40.0, "staff": 38.0}
AGE_SD = 8.0
FEMALE_SHARE = 0.54

NEW_IN_INSTITUTION = 0.06
NEW_IN_UNIT = 0.05
SUPPORT_STAFF = 0.09  # share of the staff that does not do the unit's main work
SMALLEST_UNIT = 12

STRUCTURAL_TITLES = (
    "Kepala Bidang Pelayanan",
    "Kepala Seksi Umum",
    "Kepala Subbagian Keuangan",
    "Kepala Bidang Program",
)
FUNCTIONAL_TITLES: dict[Field, tuple[str, ...]] = {
    "administration": (
        "Analis Kebijakan Ahli Muda",
        "Perencana Ahli Pertama",
        "Auditor Ahli Muda",
        "Pranata Komputer Ahli Pertama",
        "Arsiparis Terampil",
    ),
    "education": ("Guru Ahli Pertama", "Guru Ahli Muda", "Guru Ahli Madya", "Pamong Belajar Ahli Muda"),
    "health": ("Perawat Terampil", "Bidan Mahir", "Dokter Ahli Pertama", "Apoteker Ahli Muda", "Perawat Ahli Muda"),
}
STAFF_TITLES = ("Pengadministrasi Umum", "Pengelola Keuangan", "Pengolah Data", "Penata Layanan Operasional")
SUPPORT_TITLES = ("Pengemudi", "Petugas Keamanan", "Pramu Bakti", "Petugas Kebersihan")


def make_employees(offices: tuple[Office, ...], n: int, at: np.datetime64, rng: np.random.Generator) -> pd.DataFrame:
    """``n`` employees as of day ``at``, unit by unit; the first of each unit is its top official.

    Who is no civil servant is of the class ``non_asn``, whatever the job title.
    """
    unit = _units(offices, n, rng)
    position = _positions(offices, unit, rng)
    is_asn = rng.random(n) < pd.Series(position).map(ASN_SHARE).to_numpy()
    age = _ages(position, rng)
    career, in_unit = _careers(age, rng)
    main_work = (position != "staff") | (rng.random(n) >= SUPPORT_STAFF)
    names = np.array([office.name for office in offices], dtype=object)
    return pd.DataFrame(
        {
            "unit": names[unit],
            "position_class": np.where(is_asn, position, "non_asn"),
            "job_title": _titles(offices, unit, position, main_work, rng),
            "is_asn": is_asn,
            "sex": np.where(rng.random(n) < FEMALE_SHARE, "female", "male"),
            "birth_date": at - np.round(age * YEAR).astype("timedelta64[D]"),
            "start_date": at - career.astype("timedelta64[D]"),
            "unit_start_date": at - in_unit.astype("timedelta64[D]"),
            "main_work": main_work,
        }
    )


def employee_numbers(employees: pd.DataFrame) -> pd.Series:
    """Numbers built like an NIP: birth date, month of appointment, sex, serial; missing for non-ASN."""
    stem = (
        employees["birth_date"].dt.strftime("%Y%m%d")
        + employees["start_date"].dt.strftime("%Y%m")
        + np.where(employees["sex"] == "male", "1", "2")
    )
    serial = stem.groupby(stem).cumcount() + 1
    return (stem + serial.astype(str).str.zfill(3)).where(employees["is_asn"].astype(bool), None)


def _units(offices: tuple[Office, ...], n: int, rng: np.random.Generator) -> np.ndarray:
    weights = np.array([office.weight for office in offices]) * rng.lognormal(0, 0.25, len(offices))
    smallest = min(SMALLEST_UNIT, n // (2 * len(offices)))
    counts = smallest + rng.multinomial(n - smallest * len(offices), weights / weights.sum())
    return np.repeat(np.arange(len(offices)), counts)


def _positions(offices: tuple[Office, ...], unit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    functional = np.array([FUNCTIONAL_SHARE[office.field] for office in offices])[unit]
    chance = rng.random(unit.size)
    position = np.where(
        chance < STRUCTURAL_SHARE,
        "structural",
        np.where(chance < STRUCTURAL_SHARE + functional, "functional", "staff"),
    ).astype(object)
    position[np.flatnonzero(np.diff(unit, prepend=-1))] = "top_official"
    return position


def _ages(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mean = pd.Series(position).map(MEAN_AGE).to_numpy()
    return np.clip(mean + AGE_SD * rng.standard_normal(position.size), 24 + rng.random(position.size), 59.5)


def _careers(age: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Days in the institution and in the unit; nobody within two weeks of the two-year and one-year limits."""
    n = age.size
    career = np.minimum((age - 20) * YEAR, 750 + rng.gamma(1.6, 5 * YEAR, n))
    career = np.where(rng.random(n) < NEW_IN_INSTITUTION, rng.uniform(30, 700, n), career)
    in_unit = np.minimum(career, 385 + rng.gamma(1.4, 2.5 * YEAR, n))
    in_unit = np.where(rng.random(n) < NEW_IN_UNIT, np.minimum(career, rng.uniform(20, 345, n)), in_unit)
    return np.round(career), np.round(in_unit)


def _titles(
    offices: tuple[Office, ...],
    unit: np.ndarray,
    position: np.ndarray,
    main_work: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    heads = np.array([head_title(office.name) for office in offices], dtype=object)
    fields = np.array([office.field for office in offices])[unit]
    titles = np.where(position == "top_official", heads[unit], drawn(STRUCTURAL_TITLES, unit.size, rng))
    for field, names in FUNCTIONAL_TITLES.items():
        chosen = (position == "functional") & (fields == field)
        titles[chosen] = drawn(names, int(chosen.sum()), rng)
    titles[position == "staff"] = drawn(STAFF_TITLES, int((position == "staff").sum()), rng)
    titles[~main_work] = drawn(SUPPORT_TITLES, int((~main_work).sum()), rng)
    return titles


PEOPLE_COLUMNS = {
    "uid": "object",
    "source": "object",
    "name": "object",
    "employee_number": "object",
    "phone": "object",
    "email": "object",
    "unit": "object",
    "position_class": "object",
    "job_title": "object",
    "service": "object",
    "service_date": "datetime64[s]",
    "expert_group": "object",
    "nominator": "object",
    "is_asn": "boolean",
    "sex": "object",
    "birth_date": "datetime64[s]",
    "start_date": "datetime64[s]",
    "unit_start_date": "datetime64[s]",
    "main_work": "boolean",
    "is_eligible": "bool",
    "hidden_ineligible": "bool",
}
SAME_PERSON = ["uid", "name", "phone", "email", "sex", "birth_date"]

ALSO_EMPLOYEE = 0.01  # share of the users who are employees too
HIDDEN_INELIGIBLE = 0.025  # share of the listed who left or never used the service, which no list shows
PANEL, LIST_OF_EXPERTS = (8, 20), (90, 150)


def draw_sizes(setup: RoundSetup, institution_id: str, rng: np.random.Generator) -> dict[Source, int]:
    """How many people each list of the city holds."""
    if setup.generator is not None:
        limits = {source: part.people for source, part in setup.generator.sources.items()}
        return {source: int(rng.integers(*limits[source], endpoint=True)) for source in setup.round.sources}
    profile = profile_of(setup.roster[institution_id])
    internal, external = rng.integers(*profile.internal), rng.integers(*profile.external)
    experts = PANEL if "expert" in setup.round_for(institution_id).panels else LIST_OF_EXPERTS
    return {
        "internal": int(internal),
        "external": int(external),
        "expert": experts[0] + int(rng.binomial(experts[1] - experts[0], 0.35)),
    }


# Purposes of the random numbers that people of the usual sources are made with; others have the source's name.
PEOPLE_STREAMS = {"internal": "employees", "external": "users", "expert": "panel"}


def make_people(
    setup: RoundSetup, institution_id: str, round_: RoundParams, sizes: dict[Source, int], streams: Streams
) -> pd.DataFrame:
    """One row per person and source; people who are employee and user have the same uid in both."""
    at = np.datetime64(round_.fieldwork.start)
    code, kinds = institution_id, list_kinds(setup)
    offices, services = _offices(code, setup.generator), _services_of_units(code, setup.generator)
    make: dict[ListKind, Callable[[Source, np.random.Generator], pd.DataFrame]] = {
        "internal": lambda source, rng: make_employees(offices, sizes[source], at, rng),
        "external": lambda source, rng: make_users(services, sizes[source], at, rng),
        "expert": lambda source, rng: make_panel(sizes[source], at, rng, is_list=source not in round_.panels),
    }
    parts = {source: make[kind](source, streams(PEOPLE_STREAMS.get(source, source))) for source, kind in kinds.items()}
    people = pd.concat([_complete(part, source) for source, part in parts.items()], ignore_index=True)
    identities = make_identities(people["sex"].to_numpy(), streams("identities"))
    people[list(identities)] = identities.astype(object)
    people["uid"] = [f"{code}-{number:06d}" for number in range(len(people))]
    _merge_identities(people, kinds, streams("also employee"))
    for source in [source for source, kind in kinds.items() if kind == "internal"]:
        employees = people["source"] == source
        people.loc[employees, "employee_number"] = employee_numbers(people[employees])
    _mark_eligibility(people, round_, at, streams("hidden ineligible"))
    return people


def listed_eligible(people: pd.DataFrame, rules: EligibilityParams, at: np.datetime64) -> pd.Series:
    """Who may be invited by what the lists show. A rule that a source does not have passes everyone."""
    eligible = pd.Series(True, index=people.index)
    if rules.min_tenure_years is not None:
        eligible &= years_since(people["start_date"].to_numpy(), at) >= rules.min_tenure_years
    if rules.min_unit_tenure_years is not None:
        eligible &= years_since(people["unit_start_date"].to_numpy(), at) >= rules.min_unit_tenure_years
    if rules.main_work_only:
        eligible &= people["main_work"].fillna(False).astype(bool)
    if rules.max_months_since_service is not None:
        eligible &= years_since(people["service_date"].to_numpy(), at) * 12 <= rules.max_months_since_service
    return eligible & ~people["position_class"].isin(rules.excluded_positions)


def _complete(part: pd.DataFrame, source: str) -> pd.DataFrame:
    """All columns of the people table, whatever the source knows of them."""
    blank = {column: False if kind == "bool" else None for column, kind in PEOPLE_COLUMNS.items()}
    missing = {column: value for column, value in blank.items() if column not in part}
    return part.assign(**{**missing, "source": source})[list(blank)].astype(PEOPLE_COLUMNS)


def _offices(institution_id: str, generator: GeneratorParams | None) -> tuple[Office, ...]:
    if generator is None:
        return offices_of(institution_id)
    return tuple(Office(name, weight) for name, weight in generator.units.items())


def _services_of_units(
    institution_id: str, generator: GeneratorParams | None
) -> tuple[tuple[str, float, tuple[str, ...]], ...]:
    if generator is None:
        return service_units_of(institution_id)
    return tuple((name, weight, generator.services) for name, weight in generator.units.items())


def _merge_identities(people: pd.DataFrame, kinds: Mapping[Source, ListKind], rng: np.random.Generator) -> None:
    """Give about one user in a hundred the identity of an employee."""
    first = {kind: source for source, kind in reversed(kinds.items())}
    if not {"internal", "external"} <= set(first):
        return
    employees, users = (np.flatnonzero(people["source"] == first[kind]) for kind in ("internal", "external"))
    count = min(round(ALSO_EMPLOYEE * users.size), employees.size)
    chosen = rng.choice(users, count, replace=False)
    people.loc[chosen, SAME_PERSON] = people.loc[rng.choice(employees, count, replace=False), SAME_PERSON].to_numpy()


def _mark_eligibility(people: pd.DataFrame, round_: RoundParams, at: np.datetime64, rng: np.random.Generator) -> None:
    chance = rng.random(len(people))
    for source in round_.sources:
        rows = people.index[people["source"] == source]
        listed = listed_eligible(people.loc[rows], round_.sources[source].eligibility, at)
        hidden = listed & (chance[rows] < HIDDEN_INELIGIBLE) & (round_.sources[source].nature == "probability")
        people.loc[rows, "is_eligible"] = listed & ~hidden
        people.loc[rows, "hidden_ineligible"] = hidden
