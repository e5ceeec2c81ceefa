"""The columns of one list, cell by cell as typed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import Source
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.habits import Habits
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.typing_dates import typed_ages, typed_dates, typed_tenures
from spi_analysis.synthetic.typing_habits import Cell, typed_emails, typed_names, typed_phones, typed_units

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


def list_columns(
    city: SyntheticCity, rows: np.ndarray, source: Source, habits: Habits, streams: Streams, *, sheet: bool
) -> dict[str, list[Cell]]:
    """Cells of every column of a list, in the order of the columns."""
    clerk = _Clerk(city, rows, source, habits, streams, sheet)
    return {column: getattr(clerk, column)() for column in habits.columns(source)}


class _Clerk:
    """Types the columns of a list; one method per column of ``habits.HEADERS``."""

    def __init__(
        self, city: SyntheticCity, rows: np.ndarray, source: Source, habits: Habits, streams: Streams, sheet: bool
    ) -> None:
        self.people = city.people.iloc[rows]
        self.at = np.datetime64(city.reference_date)
        self.source, self.habits, self.streams, self.sheet = source, habits, streams, sheet

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
        if self.habits.echelons:
            return self.people["position_class"].map(ECHELONS).tolist()
        return self._values("job_title").tolist()

    def employment(self) -> list[Cell]:
        asn, other = self.habits.employment
        return np.where(self.people["is_asn"].astype(bool), asn, other).tolist()

    def sex(self) -> list[Cell]:
        return self.people["sex"].map(self.habits.sexes).tolist()

    def birth(self) -> list[Cell]:
        return typed_ages(self._days("birth_date"), self.at) if self.habits.ages else self._dates("birth_date")

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

    def _rng(self, purpose: str) -> np.random.Generator:
        return self.streams(f"{self.source} typed {purpose}")

    def _values(self, column: str) -> np.ndarray:
        return self.people[column].to_numpy(dtype=object)

    def _days(self, column: str) -> np.ndarray:
        return self.people[column].to_numpy()

    def _dates(self, column: str) -> list[Cell]:
        return typed_dates(self._days(column), self.habits.dates, self._rng(column), sheet=self.sheet)

    def _tenures(self, column: str) -> list[Cell]:
        if self.habits.tenure == "dates":
            return self._dates(column)
        words = self.habits.tenure == "words"
        return typed_tenures(self._days(column), self.at, self._rng(column), words=words)
