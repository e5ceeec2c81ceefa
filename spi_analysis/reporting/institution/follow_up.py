"""What became of the recommendations of earlier years."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    coded,
    count,
    figure_text,
    html_paragraphs,
    message,
    percent,
    show,
    written,
    years,
)
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.scores import follow_up
from spi_analysis.stages import InstitutionPage


def tracker_view(page: InstitutionPage) -> Shown:
    """Recommendations of the years before, and how much of each is done."""
    if page.tracker.empty:
        return show(lambda words: html_paragraphs([words("What became of earlier recommendations is not known here.")]))

    said = list(follow_up(page.tracker).itertuples())
    return show(lambda words: html_paragraphs([_year_sentence(row, words) for row in said])) + _table(page)


def _year_sentence(row: Any, words: Words) -> str:
    reported = words(
        "Of {n} recommendations of {year}, {completed} are reported as done; of all their actions {done} of {total}.",
        n=row.recommendations,
        year=row.year,
        completed=row.completed,
        done=row.done,
        total=row.total,
    )
    return f"{reported} {_rate_sentence(row, words)}"


def _rate_sentence(row: Any, words: Words) -> str:
    if pd.isna(row.tlp):
        return words(
            "How many of them conform and were validated by KPK is not known for all, so there is no follow-up rate."
        )
    return words(
        "{conforming} of these actions conform, {validated} conform and were validated by KPK: followed up {tlp}.",
        conforming=words.number(row.conforming, 0),
        validated=words.number(row.validated, 0),
        tlp=words.percent(row.tlp / 100),
    )


def _table(page: InstitutionPage) -> View:
    titles = {rule.code: rule.title for rule in page.setup.rules.rules}
    columns = (
        years(message("Year"), "year"),
        written(
            message("Recommendation"),
            ("recommendation",),
            lambda words, code: words.pick(titles[code]) if code in titles else code,
        ),
        coded(message("Status"), "status", "follow_up"),
        figure_text(
            message("Actions reported as done"),
            ("done", "total"),
            lambda words, done, total: words("{done} of {total}", done=done, total=total),
        ),
        count(message("Conforming"), "conforming"),
        count(message("Conforming and validated"), "validated"),
        percent(message("Followed up (TLP)"), "followed_up"),
    )
    note = message(
        "TLP: actions that conform and that KPK has validated, divided by all actions, in percent; what the "
        "institution reports as done is not enough. A dash: not known. A recommendation that is followed up need not "
        "have worked: that is for the scores to show."
    )
    rows = page.tracker.assign(followed_up=page.tracker["tlp"] / 100)
    return page_view(rows, columns, "tracker", message("What became of earlier recommendations"), (note,))
