"""Words and rows that several parts of the page share."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import Source, Text
from spi_analysis.reporting import Words, part_label, readable
from spi_analysis.stages import InstitutionPage


def short_name(page: InstitutionPage) -> str:
    """The institution's name as people say it."""
    return readable(page.institution.name)


def previous_index(page: InstitutionPage) -> tuple[int, float] | None:
    """Year and published index of the year before, if there is one."""
    rows = page.history[page.history["year"] == page.setup.round.previous_year]
    return None if rows.empty else (int(rows.iloc[0]["year"]), float(rows.iloc[0]["index"]))


def dimension_rows(page: InstitutionPage, words: Words) -> pd.DataFrame:
    """The dimensions with their labels, lowest score first, hidden ones last."""
    rows = page.rows("dimension_score")
    parts = zip(rows["source"], rows["part"], strict=True)
    rows["label"] = [part_label(page.setup.instrument, source, part, words) for source, part in parts]
    return rows.sort_values(["estimate", "label"], na_position="last").reset_index(drop=True)


def experience_labels(page: InstitutionPage) -> dict[str, Text]:
    """Short words for every experience item."""
    return {item.code: item.label for part in page.setup.instrument.sources.values() for item in part.experiences}


def contact_meanings(page: InstitutionPage, words: Words) -> list[tuple[Source, str]]:
    """Per source with experience items: the question whose "yes" makes the second denominator."""
    return [
        (source, words.pick(contact.text))
        for source, part in page.setup.instrument.sources.items()
        for contact in part.contacts
        if any(item.contact == contact.code for item in part.experiences)
    ]
