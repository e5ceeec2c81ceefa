"""The sentences that open the page: the score, the change, and what to look at first."""

from __future__ import annotations

from spi_analysis.reporting import Words, message
from spi_analysis.reporting.institution.labels import dimension_rows
from spi_analysis.reporting.institution.priorities import SCORES, part_name, priority_area_rows
from spi_analysis.reporting.institution.sentences import change_sentence, hidden_reason, is_hidden, score_sentence
from spi_analysis.stages import InstitutionPage

BELOW_THRESHOLD = message(
    "Look first at {part}: with {score} it lies {points} points below the threshold of {measure} (interval of the "
    "difference {interval}), the strongest evidence among the {count} parts compared."
)
BELOW_SOURCE = message(
    "Look first at {part}: with {score} it lies {points} points below {measure} as a whole (interval of the difference "
    "{interval}), the strongest evidence among the {count} parts compared."
)


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
    rows = priority_area_rows(page)
    clear = rows[rows["is_clear"]]
    if clear.empty:
        return _lowest_sentence(page, words)
    first = next(clear.itertuples())
    of_threshold = first.kind in ("source", "dimension")
    threshold = words.exact(page.setup.round.weak_sides.threshold)
    return words(
        BELOW_THRESHOLD if of_threshold else BELOW_SOURCE,
        part=part_name(page, first, words),
        score=words.number(first.score, 1),
        points=words.number(-first.difference, 1),
        measure=threshold if of_threshold else words.value("part", first.source),
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
