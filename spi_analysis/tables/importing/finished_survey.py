"""Answers of any finished survey, with the weights it came with: no invitations, no tokens, no vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import Instrument, Source
from spi_analysis.tables import text_of
from spi_analysis.tables.importing.answers import DECLARED_MISSING, AnswerColumn
from spi_analysis.tables.importing.readers import Sheet, read_sheets

NEVER_COMPUTED = "a formula that was never computed"


@dataclass(frozen=True)
class SurveyAnswers:
    """``answers``: a column of codes per item and all other columns of the file, one row per respondent; ``unread``:
    item, code, rows of the cells that are no answer of the item's scale (they count as left empty).
    """

    answers: pd.DataFrame
    unread: pd.DataFrame


def survey_answers(path: Path, instrument: Instrument, source: Source, columns: Mapping[str, str]) -> SurveyAnswers:
    """Read a file of answers (SPSS, CSV, XLSX) whose columns are named like the items, whatever the case.

    Parameters
    ----------
    columns : mapping   our name -> name in the file, for columns that are to have another name. "person_id" must tell
        respondents apart and "weight" must be positive, where they are named; others keep their names. All are numbers
        where every cell is one, else text

    Raises
    ------
    InputError   columns that are missing, respondents without or with the same number, weights that are no positive
        numbers; all problems at once.
    """
    sheet = read_sheets(path)[0]
    items = {code: code for code in instrument.codes(source)}
    places, problems = _places(sheet, {**columns, **items})
    if problems:
        raise InputError(*problems)
    places |= _others(sheet, set(places.values()), set(places))
    # The index counts rows as the spreadsheet does.
    rows = {n: row for n, row in enumerate(sheet.rows[1:], start=2) if any(text_of(cell) for cell in row)}
    cells = pd.DataFrame(
        {name: [row[i] if i < len(row) else None for row in rows.values()] for name, i in places.items()},
        list(rows),
        dtype=object,
    )
    texts = cells[[name for name in places if name not in items]].map(lambda cell: text_of(cell) or None)
    weights = pd.to_numeric(texts["weight"], errors="coerce") if "weight" in columns else None
    problems = _people(sheet, texts["person_id"]) if "person_id" in columns else []
    problems += [] if weights is None else _weights(sheet, weights)
    if problems:
        raise InputError(*problems)
    table = texts.apply(_numbers_or_text)
    codes, unread = _codes(sheet, places, cells, instrument, source)
    return SurveyAnswers(pd.concat([table, codes], axis=1).reset_index(drop=True), unread)


def _others(sheet: Sheet, taken: set[int], names: set[str]) -> dict[str, int]:
    """The columns that nobody named, by their own names."""
    labels = [text_of(cell) for cell in sheet.rows[0]]
    found = {label: i for i, label in reversed(list(enumerate(labels))) if label and i not in taken}
    return {label: i for label, i in reversed(found.items()) if label not in names}


def _numbers_or_text(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().equals(column.notna()) else column


def _places(sheet: Sheet, wanted: Mapping[str, str]) -> tuple[dict[str, int], list[Problem]]:
    """Column index of every wanted name; a problem for each that is not in the first row."""
    labels = [text_of(cell) for cell in sheet.rows[0]]
    known = {label.casefold(): i for i, label in reversed(list(enumerate(labels)))}
    places = {ours: known[theirs.casefold()] for ours, theirs in wanted.items() if theirs.casefold() in known}
    missing = [theirs for ours, theirs in wanted.items() if ours not in places]
    return places, [
        Problem("a column is missing", sheet.file, 1, name, hint=nearest(name, filter(None, labels)))
        for name in missing
    ]


def _people(sheet: Sheet, people: pd.Series) -> list[Problem]:
    unnamed, twice = people.isna(), people.duplicated() & people.notna()
    return [
        Problem(what, sheet.file, int(rows.idxmax()), got=f"{int(rows.sum())} rows", expected="one number each")
        for what, rows in (("a respondent has no number", unnamed), ("respondents share a number", twice))
        if rows.any()
    ]


def _weights(sheet: Sheet, weights: pd.Series) -> list[Problem]:
    bad = ~(np.isfinite(weights) & (weights > 0))
    if not bad.any():
        return []
    row, count = int(bad.idxmax()), int(bad.sum())
    return [Problem("a weight is no positive number", sheet.file, row, "weight", got=f"{count} rows", expected="> 0")]


def _codes(
    sheet: Sheet, places: Mapping[str, int], cells: pd.DataFrame, instrument: Instrument, source: Source
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Codes of all items, and what could not be read."""
    columns, unread = {}, []
    for question in instrument.questions[source]:
        i, given = places[question.code], cells[question.code]
        column = AnswerColumn(
            instrument.scales[question.scale], given, sheet.labels.get(i), sheet.missing.get(i, ()), own_codes=True
        )
        readings = [column.reading(cell) for cell in given]
        codes = pd.Series([reading.value for reading in readings], cells.index, dtype=float)
        is_lost = [reading.problem not in ("", DECLARED_MISSING) for reading in readings]
        lost = given[is_lost].map(text_of).loc[lambda text: text != ""].value_counts()
        unread += [{"item": question.code, "code": code, "rows": int(rows)} for code, rows in lost.items()]
        if i in sheet.unvalued:
            unread.append({"item": question.code, "code": NEVER_COMPUTED, "rows": len(sheet.unvalued[i])})
        columns[question.code] = codes
    return pd.DataFrame(columns), pd.DataFrame(unread, columns=["item", "code", "rows"])
