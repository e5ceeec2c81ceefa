"""The sentences that open the page: the score, the change, and what to look at first."""

from __future__ import annotations

from spi_analysis.reporting.institution.labels import dimension_rows
from spi_analysis.reporting.institution.sentences import change_sentence, hidden_reason, is_hidden, score_sentence
from spi_analysis.reporting.institution.weak_sides import SCORES, compared_with, part_name, weak_side_rows
from spi_analysis.reporting.wording import Words
from spi_analysis.stages.report import InstitutionPage


def opening_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """The sentences that open the page (once, why nothing is shown)."""
    sentences = [score_sentence(page, words), change_sentence(page, words), look_first_sentence(page, words)]
    return list(dict.fromkeys(sentences))


def look_first_sentence(page: InstitutionPage, words: Words) -> str:
    """The part that stands first in the section "Where to look first"; where none is clear, the lowest dimension.

    The lowest score and the strongest evidence may be two parts: the page names one of them first, everywhere the same.
    """
    if is_hidden(page, *SCORES):
        return hidden_reason(page, words)
    rows = weak_side_rows(page)
    clear = rows[rows["is_clear"]]
    if clear.empty:
        return _lowest_sentence(page, words)
    first = next(clear.itertuples())
    return words(
        "Look first at {part}: with {score} it lies {points} points below {measure} (interval of the difference "
        "{interval}), the strongest evidence among the {count} parts compared.",
        part=part_name(page, first, words),
        score=words.number(first.score, 1),
        points=words.number(-first.difference, 1),
        measure=compared_with(page, first, words),
        interval=words.interval(first.ci_low, first.ci_high, 1),
        count=len(rows),
    )


def _lowest_sentence(page: InstitutionPage, words: Words) -> str:
    rows = dimension_rows(page, words)
    rows = rows[rows["status"] == "shown"]
    if rows.empty:
        return words("No dimension has enough answers to be shown.")
    lowest = rows.iloc[0]
    return words(
        "No part is weak on enough evidence. Of the {count} dimensions {dimension} has the lowest score: {score} "
        "(interval {interval}).",
        dimension=lowest["label"],
        score=words.number(lowest["estimate"], 1),
        interval=words.interval(lowest["ci_low"], lowest["ci_high"], 1),
        count=len(rows),
    )
