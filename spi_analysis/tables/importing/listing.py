"""One list (an institution and a source) from cells to judged people, with everything noticed on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import EligibilityParams, FrameMapping, NameRules, RoundSetup
from spi_analysis.tables import is_identity, mask_text, names_alike, one_spelling, text_of
from spi_analysis.tables.importing.file_notes import by_cause, dated, issues_of_file, note_titles, note_told
from spi_analysis.tables.importing.issues import (
    Issues,
    RowIssue,
    Where,
    add_row_issues,
    codes_per_row,
    names_of,
    rows_of,
    rows_with,
    without_people,
)
from spi_analysis.tables.importing.list_sheets import ListSheet
from spi_analysis.tables.importing.people import TENURE, People

COUNTS = ("institution_id", "source", "file", "read", "accepted", "rejected", "eligible", "ineligible", "flagged")
# The column that says whether anything usable was found, where it is not named like the field.
FOUND_IN = {
    "position": "position_class",
    "echelon": "position_class",
    "whatsapp": "channels",
    "phone": "channels",
    "email": "channels",
}
OWN_REASON = ("name", "unit", "position")


@dataclass(frozen=True)
class Listed:
    """One institution and source after reading: accepted people, raw rows, counts per file, issues.

    ``rejected``: rows that were turned away; ``as_written``: rows that were kept, but for a contact in a text.
    """

    source: str
    people: pd.DataFrame
    rejected: pd.DataFrame
    as_written: pd.DataFrame
    counts: pd.DataFrame
    issues: Issues


def read_source(setup: RoundSetup, sheets: list[ListSheet]) -> Listed:
    """Read, clean, check and class all rows of one institution and source."""
    whose, mapping, issues = sheets[0].where._replace(file="", sheet=""), sheets[0].mapping, Issues()
    round_ = setup.round_for(whose.institution_id)
    cells = pd.concat([sheet.frame(issues) for sheet in sheets], ignore_index=True)
    for sheet in sheets:
        sheet.note_header(issues)
        sheet.note_rules(round_.sources[whose.source].eligibility, issues)
        note_told(sheet, issues)
        note_titles(sheet, setup, issues)
    labels = {(s.sheet.file, s.sheet.name): {f: s.header.label(f) for f in s.header.columns} for s in sheets}
    reader = People(dated(cells, sheets), whose.source, mapping, round_)
    people = reader.table()
    people[["stream", "file", "sheet", "row"]] = cells[["stream", "file", "sheet", "row"]]

    row_issues = _row_issues(sheets, cells, [*reader.row_issues, *_incomplete(people, mapping.required[whose.source])])
    listed = people.drop(index=list(rows_with(row_issues, "rejected")))
    shared = shared_numbers(listed, mapping.names, _places(cells))
    people.loc[[issue.row for issue in shared], "employee_number"] = None
    duplicates = Duplicates(mapping.names, _places(cells))
    duplicates.check(people.loc[listed.index])
    row_issues += [*shared, *duplicates.row_issues]
    accepted = people.drop(index=list(rows_with(row_issues, "rejected")))
    accepted["unit"] = _canonical_units(
        accepted["unit"], cells, mapping, round_.frame.fuzzy_unit_similarity, whose, issues
    )
    against = ineligible(accepted, round_.sources[whose.source].eligibility, round_.fieldwork.start)

    add_row_issues(issues, [*row_issues, *against], cells, labels, whose)
    accepted = _judged(accepted, row_issues, against, duplicates.listings)
    rejected = _raw_rows(cells, row_issues, rows_with(row_issues, "rejected"))
    issues.names = names_of(people["name"])
    counts = without_people(
        _counted(cells, accepted, rejected, [sheet.sheet.file for sheet in sheets], whose), issues.names
    )
    cleaned = {issue.row for issue in row_issues if issue.code == "contact_in_text"} & set(accepted.index)
    return Listed(whose.source, accepted, rejected, _raw_rows(cells, row_issues, cleaned), counts, issues)


def _row_issues(sheets: Sequence[ListSheet], cells: pd.DataFrame, read: Sequence[RowIssue]) -> list[RowIssue]:
    """What the files say of their rows and what was read in them; of a row that is set aside, only why it is."""
    told: list[RowIssue] = []
    for sheet in sheets:
        rows = cells[(cells["file"] == sheet.sheet.file) & (cells["sheet"] == sheet.sheet.name)]["row"]
        told += issues_of_file(sheet, pd.Series(rows.index, rows.array))
    aside = {issue.row for issue in told if issue.severity == "rejected"}
    return by_cause([*told, *(issue for issue in read if issue.row not in aside)])


def _incomplete(people: pd.DataFrame, required: Iterable[Sequence[str]]) -> list[RowIssue]:
    """An issue for every required group of fields in which a row has nothing."""
    row_issues = []
    for group in required:
        columns = list(dict.fromkeys(FOUND_IN.get(field, field) for field in group))
        code = "no_contact" if "channels" in columns else f"missing_{group[0]}"
        details = {}
        if code != "no_contact" and group[0] not in OWN_REASON:
            code, details = "missing_value", {"known_as": group[0]}
        row_issues += [
            RowIssue(row, code, tuple(group), details) for row in people.index[people[columns].isna().all(axis=1)]
        ]
    return row_issues


def _places(cells: pd.DataFrame) -> dict[Any, dict[str, object]]:
    """The place of every row, as the reasons name the first of two rows."""
    several = cells["sheet"].nunique() > 1
    return {
        row: {"first_file": f"{file} / {sheet}" if several and sheet else file, "first_row": number}
        for row, (file, sheet, number) in zip(cells.index, rows_of(cells, ["file", "sheet", "row"]), strict=True)
    }


def _canonical_units(
    units: pd.Series, cells: pd.DataFrame, mapping: FrameMapping, similarity: float, whose: Where, issues: Issues
) -> pd.Series:
    """Units in one spelling each; every merge, and every pair left apart in doubt, is noted at its first row."""
    spellings = one_spelling(units.dropna(), mapping.units, similarity, whose.institution_id.replace("-", " "))
    first = units.drop_duplicates()
    where = {
        unit: whose._replace(file=cells.at[row, "file"], sheet=cells.at[row, "sheet"], row=cells.at[row, "row"])
        for row, unit in first.items()
    }
    for merge in spellings.merges:
        spelling, read_as = mask_text(merge.spelling), mask_text(merge.read_as)
        issues.add(where[merge.spelling], "unit_read_as", spelling=spelling, read_as=read_as, rows=merge.rows)
    for spelling, other in spellings.doubtful:
        issues.add(where[spelling], "unit_doubtful", spelling=mask_text(spelling), other=mask_text(other))
    return units.map(spellings.canonical).astype(object).where(units.notna(), None)


def _judged(
    accepted: pd.DataFrame, row_issues: list[RowIssue], against: list[RowIssue], listings: dict[Any, int]
) -> pd.DataFrame:
    """Add eligibility, status, codes and the number of listings."""
    flagged = [issue for issue in row_issues if issue.severity == "flagged"]
    doubtful, breaks = {issue.row for issue in flagged}, {issue.row for issue in against}
    return accepted.assign(
        is_eligible=[row not in breaks for row in accepted.index],
        frame_status=["flagged" if row in doubtful else "clean" for row in accepted.index],
        frame_problem=codes_per_row([*flagged, *against], accepted.index, ("flagged", "note")),
        n_listings=[listings[row] for row in accepted.index],
    )


def _counted(
    cells: pd.DataFrame, accepted: pd.DataFrame, rejected: pd.DataFrame, files: Iterable[str], whose: Where
) -> pd.DataFrame:
    """Rows per file: read, accepted, rejected with a reason ...; they must add up."""
    eligible = accepted["is_eligible"].astype(bool)
    rows = {
        "read": cells,
        "accepted": accepted,
        "rejected": rejected,
        "eligible": accepted[eligible],
        "ineligible": accepted[~eligible],
        "flagged": accepted[accepted["frame_status"] == "flagged"],
    }
    counts = pd.DataFrame({name: part["file"].value_counts() for name, part in rows.items()})
    counts = counts.reindex(sorted(set(files))).fillna(0).astype(int).rename_axis("file").reset_index()
    if (counts["read"] != counts["accepted"] + counts["rejected"]).any():
        lost = counts[["file", "read", "accepted", "rejected"]].to_string(index=False)
        raise InputError("rows were lost while a list was read", got=lost, expected="read = accepted + rejected")
    return counts.assign(institution_id=whose.institution_id, source=whose.source)[list(COUNTS)]


def _raw_rows(cells: pd.DataFrame, row_issues: list[RowIssue], which: set[Any]) -> pd.DataFrame:
    """Rows as they came, with the codes of what is wrong with them."""
    rows = cells.loc[sorted(which)]
    texts = rows.map(lambda cell: text_of(cell) or None)
    return texts.assign(codes=codes_per_row(row_issues, rows.index, ("rejected", "flagged")))


# Who of the listed people may be invited, by the round's rules for the source.


def ineligible(people: pd.DataFrame, rules: EligibilityParams, reference: dt.date) -> list[RowIssue]:
    """An issue for every rule that a person breaks on the first day of fieldwork.

    What is not known breaks no rule: with an unknown tenure or date a person stays eligible, and the row is flagged
    for the institution to complete. Turning people away for a blank cell would bias the frame.
    """
    row_issues = [
        RowIssue(row, f"ineligible_{what}", TENURE[what], {"limit": f"{limit:g}"})
        for what in TENURE
        if (limit := getattr(rules, f"min_{what}_years")) is not None
        for row in people.index[pd.to_numeric(people[f"{what}_years"]) < limit]
    ]
    if rules.main_work_only:
        row_issues += [
            RowIssue(row, "ineligible_main_work", ("main_work",))
            for row in people.index[people["main_work"] == "other"]
        ]
    excluded = people.index[people["position_class"].isin(rules.excluded_positions)]
    row_issues += [RowIssue(row, "ineligible_position", ("position", "echelon")) for row in excluded]
    if (months := rules.max_months_since_service) is not None:
        earliest = pd.Timestamp(reference) - pd.DateOffset(months=int(months), days=round(months % 1 * 30))
        late = people.index[pd.to_datetime(people["service_date"]) < earliest]
        row_issues += [
            RowIssue(row, "ineligible_service_date", ("service_date",), {"limit": f"{months:g}"}) for row in late
        ]
    return row_issues


# The same person twice: within one source's list, and in several sources of an institution.

# Contact columns that may hold the same number or address, by the word of their reason.
CONTACTS = {"phone": ("phone", "phone_2"), "email": ("email", "email_2")}
FIELDS = {"employee_number": ("employee_number",), "phone": ("whatsapp", "phone"), "email": ("email",)}


class Duplicates:
    """Goes through a list in its order; the first row of a person is kept and counts the later ones.

    The same employee number is the same person (numbers of several people are taken out before: `shared_numbers`).
    The same phone or e-mail is the same person unless the names are clearly different: then it is a shared contact,
    and the later row is turned away for that reason.
    """

    def __init__(self, rules: NameRules, place: Mapping[Any, Mapping[str, object]]) -> None:
        self.rules, self.place = rules, place
        self.listings: dict[Any, int] = {}
        self.row_issues: list[RowIssue] = []
        self._owner: dict[tuple[str, str], tuple[Any, str]] = {}

    def check(self, people: pd.DataFrame) -> None:
        """Look at every row; the results stand in ``listings`` (kept row -> times listed) and ``row_issues``."""
        columns = ["name", "employee_number", *CONTACTS["phone"], *CONTACTS["email"]]
        for row, (name, number, *contacts) in zip(people.index, rows_of(people, columns), strict=True):
            keys = [("employee_number", number)] if is_identity(number) else []
            keys += [key for key in zip(("phone", "phone", "email", "email"), contacts, strict=True) if key[1]]
            known = next((key for key in keys if key in self._owner), None)
            if known is None:
                self._owner |= dict.fromkeys(keys, (row, name or ""))
                self.listings[row] = 1
            else:
                self._turn_away(row, name or "", known[0], *self._owner[known])

    def _turn_away(self, row: Any, name: str, kind: str, first: Any, first_name: str) -> None:
        same = kind == "employee_number" or names_alike(name, first_name, self.rules)
        self.listings[first] += same
        code = f"duplicate_{kind}" if same else f"shared_{kind}"
        self.row_issues.append(RowIssue(row, code, FIELDS[kind], self.place[first]))


def shared_numbers(people: pd.DataFrame, rules: NameRules, place: Mapping[Any, Mapping[str, object]]) -> list[RowIssue]:
    """An issue on every row whose employee number stands at somebody else, too: that number is nobody's identity.

    Somebody else has another name and no phone or address in common. It happens where a spreadsheet rounded the
    numbers, or where one was copied down a column.

    Parameters
    ----------
    people : DataFrame   name, employee_number and contacts, one row per listed person
    place : mapping      row -> the place of the row, as the reason names it
    """
    numbers = people["employee_number"]
    twice = people[numbers.notna() & numbers.duplicated(keep=False)]
    groups: dict[str, list[tuple[Any, list[Any]]]] = {}
    columns = ["employee_number", "name", *CONTACTS["phone"], *CONTACTS["email"]]
    for row, (number, *person) in zip(twice.index, rows_of(twice, columns), strict=True):
        if is_identity(number):
            groups.setdefault(number, []).append((row, person))
    row_issues = []
    for group in groups.values():
        (_, (name, *known)), *others = group
        if any(_is_somebody_else(name, known, other, contacts, rules) for _, (other, *contacts) in others):
            rows = [row for row, _ in group]
            row_issues += [
                RowIssue(row, "shared_employee_number", FIELDS["employee_number"], place[_other(row, rows)])
                for row in rows
            ]
    return row_issues


def _is_somebody_else(name: Any, known: list[Any], other: Any, contacts: list[Any], rules: NameRules) -> bool:
    shared = {value for value in known if isinstance(value, str)} & {v for v in contacts if isinstance(v, str)}
    return not shared and not names_alike(name or "", other or "", rules)


def _other(row: Any, rows: list[Any]) -> Any:
    """The first other row."""
    return rows[1] if row == rows[0] else rows[0]


def also_listed(contacts: pd.DataFrame, sources: Iterable[str]) -> pd.Series:
    """The other sources in which a person of one institution is listed, by any number or address.

    Parameters
    ----------
    contacts : DataFrame   of all sources of the institution: source, person_id and contacts, one row per listed person
    sources : of the round, in the order in which they are named

    Returns
    -------
    Series of str or None, index as ``contacts``: sources joined by a space.
    """
    where, found = contacts["source"].tolist(), dict[int, set[str]]()
    for kind, columns in {"employee_number": ("employee_number",), **CONTACTS}.items():
        cells = pd.concat([pd.Series(contacts[column].tolist(), dtype=object) for column in columns]).dropna()
        # Nearly all stand once: only the others are looked at one by one.
        twice = [*cells[cells.duplicated(keep=False)].items()]
        if kind == "employee_number":
            twice = [(row, number) for row, number in twice if is_identity(number)]
        listed_in: dict[object, set[str]] = {}
        for row, cell in twice:
            listed_in.setdefault(cell, set()).add(where[row])
        for row, cell in twice:
            found.setdefault(row, set()).update(listed_in[cell] - {where[row]})
    order = list(sources)
    others = [" ".join(s for s in order if s in found[row]) if found.get(row) else None for row in range(len(where))]
    return pd.Series(others, contacts.index, dtype=object)
