"""One list (an institution and a source) from cells to judged people, with everything noticed on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import FrameMapping, RoundSetup
from spi_analysis.tables import mask_text, one_spelling, text_of
from spi_analysis.tables.importing.belonging import note_titles
from spi_analysis.tables.importing.duplicates import Duplicates, shared_numbers
from spi_analysis.tables.importing.eligibility import ineligible
from spi_analysis.tables.importing.file_notes import by_cause, dated, marks_of, note_told
from spi_analysis.tables.importing.issues import Findings, Mark, Where, add_marks, codes_per_row, marked
from spi_analysis.tables.importing.list_sheets import ListSheet
from spi_analysis.tables.importing.people import People

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
    """One institution and source after reading: accepted people, raw rows, counts per file, findings.

    ``rejected``: rows that were turned away; ``as_written``: rows that were kept, but for a contact in a text.
    """

    source: str
    people: pd.DataFrame
    rejected: pd.DataFrame
    as_written: pd.DataFrame
    counts: pd.DataFrame
    findings: Findings


def read_source(setup: RoundSetup, sheets: list[ListSheet]) -> Listed:
    """Read, clean, check and class all rows of one institution and source."""
    whose, mapping, findings = sheets[0].where._replace(file="", sheet=""), sheets[0].mapping, Findings()
    round_ = setup.round_for(whose.institution_id)
    cells = pd.concat([sheet.frame(findings) for sheet in sheets], ignore_index=True)
    for sheet in sheets:
        sheet.note_header(findings)
        sheet.note_rules(round_.sources[whose.source].eligibility, findings)
        note_told(sheet, findings)
        note_titles(sheet, setup, findings)
    labels = {(s.sheet.file, s.sheet.name): {f: s.header.label(f) for f in s.header.columns} for s in sheets}
    reader = People(dated(cells, sheets), whose.source, mapping, round_)
    people = reader.table()
    people[["stream", "file", "sheet", "row"]] = cells[["stream", "file", "sheet", "row"]]

    marks = _marks(sheets, cells, [*reader.marks, *_incomplete(people, mapping.required[whose.source])])
    listed = people.drop(index=list(marked(marks, "rejected")))
    shared = shared_numbers(listed, mapping.names, _places(cells))
    people.loc[[mark.row for mark in shared], "employee_number"] = None
    duplicates = Duplicates(mapping.names, _places(cells))
    duplicates.check(people.loc[listed.index])
    marks += [*shared, *duplicates.marks]
    accepted = people.drop(index=list(marked(marks, "rejected")))
    accepted["unit"] = _canonical_units(
        accepted["unit"], cells, mapping, round_.frame.fuzzy_unit_similarity, whose, findings
    )
    against = ineligible(accepted, round_.sources[whose.source].eligibility, round_.fieldwork.start)

    add_marks(findings, [*marks, *against], cells, labels, whose)
    accepted = _judged(accepted, marks, against, duplicates.listings)
    rejected = _raw_rows(cells, marks, marked(marks, "rejected"))
    counts = _counted(cells, accepted, rejected, [sheet.sheet.file for sheet in sheets], whose)
    cleaned = {mark.row for mark in marks if mark.code == "contact_in_text"} & set(accepted.index)
    return Listed(whose.source, accepted, rejected, _raw_rows(cells, marks, cleaned), counts, findings)


def _marks(sheets: Sequence[ListSheet], cells: pd.DataFrame, read: Sequence[Mark]) -> list[Mark]:
    """What the files say of their rows and what was read in them; of a row that is set aside, only why it is."""
    told: list[Mark] = []
    for sheet in sheets:
        rows = cells[(cells["file"] == sheet.sheet.file) & (cells["sheet"] == sheet.sheet.name)]["row"]
        told += marks_of(sheet, pd.Series(rows.index, rows.array))
    aside = {mark.row for mark in told if mark.severity == "rejected"}
    return by_cause([*told, *(mark for mark in read if mark.row not in aside)])


def _incomplete(people: pd.DataFrame, required: Iterable[Sequence[str]]) -> list[Mark]:
    """A remark for every required group of fields in which a row has nothing."""
    marks = []
    for group in required:
        columns = list(dict.fromkeys(FOUND_IN.get(field, field) for field in group))
        code = "no_contact" if "channels" in columns else f"missing_{group[0]}"
        details = {}
        if code != "no_contact" and group[0] not in OWN_REASON:
            code, details = "missing_value", {"known_as": group[0]}
        marks += [Mark(row, code, tuple(group), details) for row in people.index[people[columns].isna().all(axis=1)]]
    return marks


def _places(cells: pd.DataFrame) -> dict[Any, dict[str, object]]:
    """The place of every row, as the reasons name the first of two rows."""
    several = cells["sheet"].nunique() > 1
    return {
        row: {"first_file": f"{file} / {sheet}" if several and sheet else file, "first_row": number}
        for row, file, sheet, number in cells[["file", "sheet", "row"]].itertuples()
    }


def _canonical_units(
    units: pd.Series, cells: pd.DataFrame, mapping: FrameMapping, similarity: float, whose: Where, findings: Findings
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
        findings.add(where[merge.spelling], "unit_read_as", spelling=spelling, read_as=read_as, rows=merge.rows)
    for spelling, other in spellings.doubtful:
        findings.add(where[spelling], "unit_doubtful", spelling=mask_text(spelling), other=mask_text(other))
    return units.map(spellings.canonical).astype(object).where(units.notna(), None)


def _judged(accepted: pd.DataFrame, marks: list[Mark], against: list[Mark], listings: dict[Any, int]) -> pd.DataFrame:
    """Add eligibility, status, codes and the number of listings."""
    flagged = [mark for mark in marks if mark.severity == "flagged"]
    doubtful, breaks = {mark.row for mark in flagged}, {mark.row for mark in against}
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


def _raw_rows(cells: pd.DataFrame, marks: list[Mark], which: set[Any]) -> pd.DataFrame:
    """Rows as they came, with the codes of what is wrong with them."""
    rows = cells.loc[sorted(which)]
    texts = rows.map(lambda cell: text_of(cell) or None)
    return texts.assign(codes=codes_per_row(marks, rows.index, ("rejected", "flagged")))
