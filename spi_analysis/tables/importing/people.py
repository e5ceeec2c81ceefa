"""From the cells of a list to people: every column read, and an issue for whatever could not be."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from spi_analysis.params import FrameMapping, RoundParams, codes_by_word, normalised
from spi_analysis.tables import (
    Contacts,
    bare_number,
    class_of_position,
    coded,
    is_nothing,
    lost_in_column,
    read_date,
    read_emails,
    read_employee_number,
    read_phones,
    read_years,
    text_of,
    whole_months,
    without_contacts,
)
from spi_analysis.tables.importing.issues import RowIssue

TENURE = {"tenure": ("start_date", "tenure_years"), "unit_tenure": ("unit_start_date", "unit_tenure_years")}


class People:
    """Reads the columns of one list (institution and source). ``cells`` holds raw cells by field."""

    def __init__(self, cells: pd.DataFrame, source: str, mapping: FrameMapping, round_: RoundParams) -> None:
        self.mapping, self.round, self.source = mapping, round_, source
        self.index = cells.index
        self.reference = round_.fieldwork.start
        self._ages = round_.frame.age_limits, round_.frame.age_labels
        self.row_issues: list[RowIssue] = []
        self._sheets = list(zip(cells["file"], cells["sheet"], strict=True))
        nothing = frozenset(normalised(word) for word in mapping.nothing)
        self._perhaps = frozenset(normalised(word) for word in mapping.names.perhaps)
        self._cells: dict[str, list[Any]] = {
            field: _emptied(cells[field].tolist(), self._is_nothing_in(field, nothing))
            for field in mapping.fields
            if field in cells
        }

    def table(self) -> pd.DataFrame:
        """One row per person, with contacts, classes, spans of years, and the date of the service."""
        contacts = self._contacts()
        columns = {
            "name": self._names(contacts["channels"]),
            "unit": self._texts_without_contacts("unit"),
            "service": self._texts_without_contacts("service"),
            "employee_number": self._employee_numbers(),
            **contacts,
            **self._positions(),
            "expert_group": self._coded("expert_group", self.mapping.expert_groups, "expert_group_unknown"),
            "nominator": self._coded(
                "nominator", self.mapping.nominators, "nominator_unknown", always=self._is_used("nominator")
            ),
            "sex": self._coded(
                "sex", self.mapping.sex, "sex_unknown", always=self._is_used("sex"), otherwise="unknown"
            ),
            "age_group": self._age_groups(),
            "tenure_years": self._years("tenure"),
            "unit_tenure_years": self._years("unit_tenure"),
            "main_work": self._coded(
                "main_work",
                self.mapping.main_work,
                "main_work_unknown",
                always=self._is_ruled("main_work", self._rules.main_work_only),
            ),
            "service_date": self._service_dates(),
        }
        return pd.DataFrame({name: pd.Series(values, self.index, dtype=object) for name, values in columns.items()})

    @property
    def _rules(self) -> Any:
        return self.round.sources[self.source].eligibility

    def _cells_of(self, field: str) -> list[Any]:
        return self._cells.get(field) or [None] * len(self.index)

    def _note(self, row: Any, code: str, *fields: str, **details: object) -> None:
        self.row_issues.append(RowIssue(row, code, fields, details))

    def _is_used(self, column: str) -> bool:
        """Whether the round's design or weighting of this source looks at a column."""
        part = self.round.sources[self.source]
        if part.design is None or part.weighting is None:
            return False
        return column in {*part.design.strata, *part.weighting.columns}

    def _is_ruled(self, field: str, has_rule: bool) -> bool:
        """Whether a blank cell leaves a rule unchecked. A list without the column says so once, not row by row."""
        return has_rule and field in self._cells

    def _is_nothing_in(self, field: str, nothing: frozenset[str]) -> frozenset[str]:
        """The words for nothing; in a column of names some of them may be somebody's name."""
        return nothing - self._perhaps if field == "name" else nothing

    def _names(self, channels: Sequence[str | None]) -> list[str | None]:
        """Names; a word for nothing is the name of whoever can be reached, and of nobody else."""
        values = []
        for row, name, channel in zip(self.index, self._texts("name"), channels, strict=True):
            doubtful = name is not None and normalised(name) in self._perhaps
            if doubtful and channel:
                self._note(row, "name_perhaps_nothing", "name")
            values.append(None if doubtful and not channel else name)
        return values

    def _texts(self, field: str) -> list[str | None]:
        return [None if cell is None else text_of(cell) for cell in self._cells_of(field)]

    def _texts_without_contacts(self, field: str) -> list[str | None]:
        """Texts that are stored and shown to many: a number or an address in them is cut off and noted."""
        texts = self._texts(field)
        without = {text: without_contacts(text) for text in set(texts) if text}
        values = []
        for row, text in zip(self.index, texts, strict=True):
            kept = text and without[text]
            if kept != text:
                self._note(row, "contact_in_text", field)
            values.append(kept or None)
        return values

    def _coded(
        self,
        field: str,
        words: Mapping[Any, tuple[str, ...]],
        code: str,
        *,
        always: bool = False,
        otherwise: Any = None,
    ) -> list[Any]:
        """Codes of words. What cannot be read is noted; what is missing, only if it is ``always`` needed."""
        codes, cells = codes_by_word(words), self._cells_of(field)
        # The same few words in thousands of rows.
        known = {cell: coded(cell, codes) for cell in {cell for cell in cells if isinstance(cell, str)}}
        values = []
        for row, cell in zip(self.index, cells, strict=True):
            value = None if cell is None else known[cell] if isinstance(cell, str) else coded(cell, codes)
            if value is None and (always or cell is not None):
                self._note(row, code, field)
            values.append(otherwise if value is None else value)
        return values

    def _employee_numbers(self) -> list[str | None]:
        """Employee numbers, without those that lost their end, as they or their column show."""
        cells, lost = self._cells_of("employee_number"), self._lost_numbers()
        values = []
        for row, sheet, cell in zip(self.index, self._sheets, cells, strict=True):
            reading = read_employee_number(cell)
            problem = "employee_numbers_rounded" if (sheet, bare_number(cell)) in lost else reading.problem
            if problem:
                self._note(row, problem, "employee_number")
            values.append(None if problem else reading.value)
        return values

    def _lost_numbers(self) -> set[tuple[tuple[str, str], str]]:
        """Sheet and number of those that show by their column that they went through a figure; one for each name."""
        numbers: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for sheet, name, cell in zip(self._sheets, self._texts("name"), self._cells_of("employee_number"), strict=True):
            numbers.setdefault(sheet, set()).add((normalised(name or ""), bare_number(cell)))
        chance = self.mapping.employee_numbers.chance
        return {
            (sheet, number)
            for sheet, found in numbers.items()
            for number in lost_in_column([number for _, number in found], chance)
        }

    def _contacts(self) -> dict[str, list[str | None]]:
        """The first two mobile numbers (a WhatsApp column goes first), the first two addresses, and the channels."""
        rules = self.mapping.phones
        phones = self._pairs(("whatsapp", "phone"), lambda cell: read_phones(cell, rules))
        emails = self._pairs(("email",), read_emails)
        channels = [
            "+".join(name for name, pair in (("whatsapp", phone), ("email", email)) if pair[0]) or None
            for phone, email in zip(phones, emails, strict=True)
        ]
        return {
            "phone": [pair[0] for pair in phones],
            "phone_2": [pair[1] for pair in phones],
            "email": [pair[0] for pair in emails],
            "email_2": [pair[1] for pair in emails],
            "channels": channels,
        }

    def _pairs(self, fields: tuple[str, ...], read: Callable[[Any], Contacts]) -> list[tuple[str | None, str | None]]:
        columns = [(field, self._cells[field]) for field in fields if field in self._cells]
        pairs = []
        for i, row in enumerate(self.index):
            given = [(field, read(cells[i])) for field, cells in columns if cells[i] is not None]
            found = list(dict.fromkeys(value for _, contacts in given for value in contacts.values))
            for field, contacts in given:
                if contacts.problem:
                    self._note(row, contacts.problem, field)
            if len(found) > 2:
                self._note(row, "contact_left_out", *fields)
            pairs.append(tuple([*found, None, None][:2]))
        return pairs

    def _positions(self) -> dict[str, list[Any]]:
        """Class of position and whether the person is a civil servant.

        The position decides where it is recognised, else the echelon; who is not a civil servant is ``non_asn``.
        """
        classes, echelons = codes_by_word(self.mapping.positions), codes_by_word(self.mapping.echelons)
        positions = self._texts_without_contacts("position")
        class_of = {position: class_of_position(position or "", classes) for position in set(positions)}
        employment = self._coded("employment", self.mapping.employment, "employment_unknown")
        position_classes, asn = [], []
        for row, position, echelon, status in zip(
            self.index, positions, self._cells_of("echelon"), employment, strict=True
        ):
            found = class_of[position] or coded(echelon, echelons)
            if found is None and (position is not None or echelon is not None):
                found = self.mapping.position_otherwise
                self._note(row, "position_unknown", "position", "echelon", read_as=found)
            found = "non_asn" if status == "non_asn" else found
            position_classes.append(found)
            asn.append(status == "asn" if status else (False if found == "non_asn" else None))
        return {"position_class": position_classes, "is_asn": asn}

    def _age_groups(self) -> list[str]:
        groups = []
        for row, birth, age in zip(self.index, self._cells_of("birth_date"), self._cells_of("age"), strict=True):
            group, problem = self._age_group(birth, age)
            if problem and (self._is_used("age_group") or birth is not None or age is not None):
                self._note(row, problem, *(["birth_date"] if birth is not None else []), "age", "birth_date")
            groups.append(group)
        return groups

    def _age_group(self, birth: object, age: object) -> tuple[str, str]:
        """Age group on the first day of fieldwork; the date of birth goes before the age."""
        limits, labels = self._ages
        born = read_date(birth, self.reference).value if birth is not None else None
        if born is None and age is not None:
            written = text_of(age).replace(" ", "").lower().removesuffix("tahun").removesuffix("thn")
            if written in labels:
                return written, ""
        years = whole_months(born, self.reference) / 12 if born else read_years(age).value
        if years is None:
            return "unknown", "age_unknown"
        if not self.mapping.plausible.min_age <= years <= self.mapping.plausible.max_age:
            return "unknown", "age_implausible"
        return labels[bisect_right(limits, int(years))], ""

    def _years(self, what: str) -> list[float | None]:
        """Spans of years on the first day of fieldwork: from the starting date if there is one, else as stated."""
        needed = getattr(self._rules, f"min_{what}_years") is not None
        values = []
        for row, start, stated in zip(self.index, *(self._cells_of(field) for field in TENURE[what]), strict=True):
            years = self._span(start, stated)
            if years is None and (needed or start is not None or stated is not None):
                self._note(row, f"{what}_unknown", *TENURE[what])
            elif years is not None and not 0 <= years <= self.mapping.plausible.max_tenure_years:
                self._note(row, f"{what}_implausible", *TENURE[what])
                years = None
            values.append(years)
        return values

    def _span(self, start: object, stated: object) -> float | None:
        begun = read_date(start, self.reference).value if start is not None else None
        if begun is not None:
            return round(whole_months(begun, self.reference) / 12, 2)
        return read_years(stated).value if stated is not None else None

    def _service_dates(self) -> list[dt.date | None]:
        needed = self._is_ruled("service_date", self._rules.max_months_since_service is not None)
        values = []
        for row, cell in zip(self.index, self._cells_of("service_date"), strict=True):
            date = read_date(cell, self.reference).value if cell is not None else None
            if date is None and (needed or cell is not None):
                self._note(row, "service_date_unknown", "service_date")
            elif date is not None and date > self.reference:
                self._note(row, "service_date_implausible", "service_date")
                date = None
            values.append(date)
        return values


def _emptied(cells: list[Any], nothing: frozenset[str]) -> list[Any]:
    """None in the place of cells that say there is nothing.

    A text that stands in many rows is looked at once, one that begins like no word for nothing not at all.
    """
    initials = frozenset(word[:1] for word in nothing)
    texts = {cell for cell in cells if isinstance(cell, str)}
    doubtful = (t for t in texts if not (t.isascii() and t[:1].isalnum() and t[0].lower() not in initials))
    empty = {text for text in doubtful if is_nothing(text, nothing)}
    return [
        None if (cell in empty if isinstance(cell, str) else cell is None or is_nothing(cell, nothing)) else cell
        for cell in cells
    ]
