"""What became of the recommendations of earlier years."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.reporting import Shown, Words, figures, html_paragraphs, show, text
from spi_analysis.reporting.institution.page_tables import page_table
from spi_analysis.scores import follow_up
from spi_analysis.stages import InstitutionPage


def tracker_view(page: InstitutionPage) -> Shown:
    """Recommendations of the years before, and how much of each is done."""
    if page.tracker.empty:
        return show(lambda words: html_paragraphs([words("What became of earlier recommendations is not known here.")]))

    def make(words: Words) -> str:
        said = [_year_sentence(row, words) for row in follow_up(page.tracker).itertuples()]
        return html_paragraphs(said) + _table(page, words)

    return show(make)


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


def _table(page: InstitutionPage, words: Words) -> str:
    rows = page.tracker
    titles = {rule.code: rule.title for rule in page.setup.rules.rules}
    actions = zip(rows["done"], rows["total"], strict=True)
    columns = [
        text(words("Year"), rows["year"].astype(str)),
        text(words("Recommendation"), (words.pick(titles[r]) if r in titles else r for r in rows["recommendation"])),
        text(words("Status"), (words.value("follow_up", s) for s in rows["status"])),
        figures(
            words("Actions reported as done"),
            (words("{done} of {total}", done=done, total=total) for done, total in actions),
        ),
        figures(words("Conforming"), (words.number(n, 0) for n in rows["conforming"])),
        figures(words("Conforming and validated"), (words.number(n, 0) for n in rows["validated"])),
        figures(words("Followed up (TLP)"), (words.percent(x / 100) for x in rows["tlp"])),
    ]
    note = words(
        "TLP: actions that conform and that KPK has validated, divided by all actions, in percent; what the "
        "institution reports as done is not enough. A dash: not known. A recommendation that is followed up need not "
        "have worked: that is for the scores to show."
    )
    return page_table(columns, "tracker", words("What became of earlier recommendations"), note, words)
