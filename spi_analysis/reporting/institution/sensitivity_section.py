"""The page's section on those who did not answer: what if they differ?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.reporting import (
    WEAK,
    Shown,
    View,
    Words,
    coded,
    count,
    html_paragraphs,
    interval,
    message,
    number,
    range_sentences,
    show,
)
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.stages import InstitutionPage, Sensitivity
from spi_analysis.tables import as_shown, write_csv

FILE = "silence"
# Shown with one decimal.
RANGES = ("estimate", "ci_low", "ci_high", "low", "high")
MOVED = {
    -1.0: message(
        "The category would fall to {category} if those who did not answer would score on average {points} points "
        "lower than the weights take them to; chance is not counted."
    ),
    1.0: message(
        "The category would rise to {category} if those who did not answer would score on average {points} points "
        "higher than the weights take them to; chance is not counted."
    ),
}
SAFE = message("Whatever those who did not answer think, the category would not become {category}.")


def nonresponse_view(page: InstitutionPage, found: Sensitivity) -> Shown:
    """Sentences on the range and on the tipping point, and the table of ranges."""

    if found.ranges.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    return show(lambda words: html_paragraphs(nonresponse_sentences(page, found, words))) + _table(found)


def nonresponse_sentences(page: InstitutionPage, found: Sensitivity, words: Words) -> list[str]:
    """What is assumed, how far the index could move, and what would change the category."""
    shares = _shares(found, words)
    return [
        words(
            "Of those who could have answered, about {shares} did. The weights take the others to be like those who "
            "answered in the same unit, position, sex and age group. If people with bad things to tell answer "
            "less often, the true scores are lower; nobody can see that in the answers.",
            shares=shares,
        )
        if shares
        else "",
        *range_sentences(found, page.category, words),
        *_tipping_sentences(found, words),
    ]


def _tipping_sentences(found: Sensitivity, words: Words) -> list[str]:
    sentences = [] if np.isnan(found.index_per_point) else [_fall_sentence(found, words)]
    for row in found.tipping.itertuples():
        facts = {"category": words.value("category", row.category), "points": words.number(abs(row.delta), 1)}
        sentence = MOVED[float(np.sign(row.delta))] if pd.notna(row.delta) else SAFE
        sentences.append(words(sentence, **facts))
    return sentences


def _fall_sentence(found: Sensitivity, words: Words) -> str:
    """How far the index falls if nonrespondents think worse: always said, for a category can have none below it."""
    return words(
        "For every point that those who did not answer would score lower on average than the weights take them to, the "
        "index would be {points} points lower.",
        points=words.number(found.index_per_point),
    )


def _shares(found: Sensitivity, words: Words) -> str:
    """Share that answers of every source, such as "36% (Internal); 27% (External)"."""
    rows = found.ranges.dropna(subset=["response_share"])
    shares = zip(rows["response_share"], rows["measure"], strict=True)
    return words.listed(f"{words.percent(share, 0)} ({words.value('part', source)})" for share, source in shares)


def _table(found: Sensitivity) -> View:
    rows = found.ranges
    is_known = rows["low"].notna() & rows["high"].notna()
    # Marked where the far end rests on a proxy that tells little.
    weak = is_known & ~rows["informative"].astype(bool)
    columns = (
        coded(message("Measure"), "measure", "part"),
        number(message("As reported"), "estimate", 1),
        interval(message("Interval"), "ci_low", "ci_high", 1),
        interval(message("If nonresponse depends on the answer"), "low", "high", 1, mark="mark"),
        count(message("Answers (n)"), "n"),
    )

    def note(words: Words) -> str:
        return words(
            'The range in the column "If nonresponse depends on the answer" is no confidence interval: it says how far '
            "the figure moves with the assumption, and leaves chance out. A dash: no range can be worked out. {mark}: "
            "its far end is weakly founded. Panels and corrections are taken as they are. Method: proxy "
            "pattern-mixture analysis, Andridge and Little (2011).",
            mark=WEAK,
        )

    title = message("If those who did not answer differ")
    return page_view(rows.assign(mark=weak.map({True: WEAK, False: ""})), columns, FILE, title, (note,))


def save_nonresponse(found: Sensitivity, folder: Path) -> Path:
    """Write the CSV of the section's table."""
    columns = ["measure", "estimate", "ci_low", "ci_high", "low", "high", "informative", "response_share", "n"]
    shown = as_shown(found.ranges[columns], {"n": 0} | dict.fromkeys(RANGES, 1))
    return write_csv(folder / f"{FILE}.csv", shown)
