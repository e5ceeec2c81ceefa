"""Words and rows that several parts of the page share."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import Source, Text
from spi_analysis.reporting.wording import Words
from spi_analysis.stages.report import InstitutionPage


def short_name(page: InstitutionPage) -> str:
    """The institution's name as people say it."""
    return page.institution.name.removeprefix("Pemerintah ")


def previous_index(page: InstitutionPage) -> tuple[int, float] | None:
    """Year and published index of the year before, if there is one."""
    rows = page.history[page.history["year"] == page.setup.round.previous_year]
    return None if rows.empty else (int(rows.iloc[0]["year"]), float(rows.iloc[0]["index"]))


def dimension_rows(page: InstitutionPage, words: Words) -> pd.DataFrame:
    """The dimensions with their labels, lowest score first, hidden ones last."""
    labels = {
        (source, dimension.code): f"{words.pick(dimension.label)} ({words.value('part', source)})"
        for source, part in page.setup.instrument.sources.items()
        for dimension in part.dimensions
    }
    rows = page.rows("dimension_score")
    rows["label"] = [labels[key] for key in zip(rows["source"], rows["dimension"], strict=True)]
    return rows.sort_values(["estimate", "label"], na_position="last").reset_index(drop=True)


def experience_labels(page: InstitutionPage) -> dict[str, Text]:
    """Short words for every experience item."""
    return {item.code: item.label for part in page.setup.instrument.sources.values() for item in part.experiences}


def measure_label(page: InstitutionPage, source: Source, measure: str, words: Words) -> str:
    """Words for a dimension or an experience item."""
    part = page.setup.instrument.sources[source]
    labels = {d.code: d.label for d in part.dimensions} | {e.code: e.label for e in part.experiences}
    return words.pick(labels[measure])


def figure_text(words: Words, value: float, status: str, decimals: int, unit: str = "") -> str:
    """A figure, or why it is not shown."""
    return words.number(value, decimals) + unit if status == "shown" else words.value("status", status)
