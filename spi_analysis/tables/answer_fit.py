"""Do answers fit the instrument that is to score them? It may have changed since they came in."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import ContactItem, ExperienceItem, Instrument, Item, Scale
from spi_analysis.tables.contracts import CONTRACTS

Question = Item | ContactItem | ExperienceItem
NO_COLUMN = "an item of the instrument has no column"
OFF_SCALE = "answers lie outside the scale"
ADDED = (
    "if it came into the instrument (or got another name) after the answers, import them again: "
    "spi import responses FILES... (an item that is not in them then counts as not asked); or take it out again"
)
RECODED = (
    "if the scale was changed after the answers came in, change it back, or import answers exported with the new scale"
)


def require_answers_fit(responses: pd.DataFrame, instrument: Instrument, where: str = "") -> None:
    """Raise unless every question to the sources that answered has a column, and every code is on its scale.

    Parameters
    ----------
    responses : DataFrame   table ``responses`` of an institution
    where : str             file of the table, for the message

    Raises
    ------
    InputError   one problem for every question.
    """
    problems = []
    for source in SOURCES:
        own = responses[responses["source"] == source]
        if len(own) and source in instrument.questions:
            problems += misfits(own, instrument.questions[source], instrument, where)
    if problems:
        raise InputError(*problems)


def misfits(
    responses: pd.DataFrame, questions: Iterable[Question], instrument: Instrument, where: str = ""
) -> list[Problem]:
    """Problems of questions without a column, and of columns with codes that are not on the question's scale."""
    left_over = foreign_columns(responses, instrument)
    found = []
    for question in questions:
        if question.code not in responses:
            hint = "; ".join(filter(None, [nearest(question.code, left_over), ADDED]))
            expected = "the items of the round's instrument"
            found.append(Problem(NO_COLUMN, where, column=question.code, expected=expected, hint=hint))
        elif problem := _off_scale(responses[question.code], instrument.scales[question.scale], where):
            found.append(problem)
    return found


def foreign_columns(responses: pd.DataFrame, instrument: Instrument) -> list[str]:
    """Columns of the answers that are no item of the instrument (any more)."""
    known = {
        *CONTRACTS["responses"].columns,
        *(code for source in instrument.sources for code in instrument.codes(source)),
    }
    return sorted(str(column) for column in responses.columns if column not in known)


def _off_scale(column: pd.Series, scale: Scale, where: str) -> Problem | None:
    codes = column.to_numpy(dtype=float, na_value=np.nan)
    valid = [*range(scale.minimum, scale.maximum + 1), *scale.missing]
    odd = np.unique(codes[~np.isnan(codes) & ~np.isin(codes, valid)])
    if not len(odd):
        return None
    return Problem(
        OFF_SCALE,
        where,
        column=str(column.name),
        got=", ".join(f"{code:g}" for code in odd),
        expected=f"{scale.minimum} to {scale.maximum} or {', '.join(map(str, scale.missing))}",
        hint=RECODED,
    )


def unasked_items(responses: pd.DataFrame, instrument: Instrument) -> dict[str, list[str]]:
    """Per source with respondents, the items that hold no answer at all, "do not know" and refusals included.

    Parameters
    ----------
    responses : DataFrame   table ``responses``: one row per respondent, one column per item
    """
    found = {}
    for source in SOURCES:
        people = responses[responses["source"] == source]
        codes = instrument.codes(source)
        if len(people):
            answered = people.reindex(columns=codes).notna().any()
            found[source] = [code for code in codes if not answered[code]]
    return {source: codes for source, codes in found.items() if codes}
