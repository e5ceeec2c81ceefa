"""Generated employees of an institution: unit, position, career."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.synthetic.identities import drawn
from spi_analysis.synthetic.offices import Field, Office, head_title
from spi_analysis.synthetic.times import YEAR

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
