"""Did it help? What was to be expected of the index by the years before, and how many rise by themselves."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from spi_analysis.params import EffectParams
from spi_analysis.reporting import (
    Shown,
    Words,
    count,
    estimate,
    html_paragraphs,
    message,
    number,
    show,
    signed,
    worded,
    years,
)
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.reporting.institution.sentences import finding, hidden_reason, not_yet, year_label
from spi_analysis.scores import has_acted
from spi_analysis.stages import InstitutionPage, page_expectations, page_low_limit

FILE = "expectations"
OUTSIDE = {True: message("beyond the usual ups and downs"), False: message("within the usual ups and downs")}
BEYOND = {
    "above": message(
        "Judged by the years before, an index of {expected} (interval {interval}) was to be expected for {year}. It "
        "is {index}: {points} points more, which the usual ups and downs from year to year do not explain."
    ),
    "below": message(
        "Judged by the years before, an index of {expected} (interval {interval}) was to be expected for {year}. It "
        "is {index}: {points} points less, which the usual ups and downs from year to year do not explain."
    ),
    "inside": message(
        "Judged by the years before, an index of {expected} (interval {interval}) was to be expected for {year}. It "
        "is {index}: its difference from what was to be expected is within the usual ups and downs from year to year, "
        "so it shows neither that something helped nor that nothing did."
    ),
}
ACTED = {
    True: message(
        "The institution acted on {acted} of the {n} recommendations of {year}. Whether that helped cannot be "
        "seen in one institution, only in all that acted together: see the overview of all institutions. (Acted "
        "on: at least {share} of the actions conform and were validated.)"
    ),
    False: message(
        "The institution acted on none of the {n} recommendations of {year}, so there is nothing of that year whose "
        "effect could be seen; what was done on recommendations of earlier years is not judged here. (Acted on: at "
        "least {share} of the actions conform and were validated.)"
    ),
}


def expectation_view(page: InstitutionPage) -> Shown:
    """What was to be expected of this year and of the next, and how many such institutions rise by themselves."""
    params, rows = page.setup.years.effect, page_expectations(page)
    if page.figure("index") is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    if params is None or rows.empty:
        return not_yet(lambda words: words("What was to be expected by the years before is not known here."))
    first = finding(lambda words: _in_short(page, rows, params, words))
    said = first + show(lambda words: html_paragraphs(expectation_sentences(page, rows, params, words)))
    return said + _table(page, rows)


IN_SHORT = {
    "above": message(
        "The index lies above what was to be expected by the years before, by more than the usual ups and downs from "
        "year to year."
    ),
    "below": message(
        "The index lies below what was to be expected by the years before, by more than the usual ups and downs from "
        "year to year."
    ),
    "inside": message("The index lies within what was to be expected anyway: no effect can be seen."),
}
# Where nothing was done nothing can have failed: that is said first.
NOTHING_DONE = message(
    "None of the recommendations of {year} was acted on; the index lies within what was to be expected anyway."
)


def _side(now: Mapping[Hashable, Any]) -> str:
    return "inside" if not now["outside"] else "above" if now["beyond"] > 0 else "below"


def _in_short(page: InstitutionPage, rows: pd.DataFrame, params: EffectParams, words: Words) -> str:
    """On which side of what was to be expected the index lies; nothing where that is not known."""
    now = rows[rows["year"] == page.setup.round.year]
    if now.empty:
        return ""
    side, year, tracked = _side(now.iloc[0].to_dict()), page.setup.round.previous_year, _recommended(page)
    if side == "inside" and len(tracked) and not has_acted(tracked, params).any():
        return words(NOTHING_DONE, year=year)
    return words(IN_SHORT[side])


def _recommended(page: InstitutionPage) -> pd.DataFrame:
    """What became of the recommendations of the round before."""
    return page.tracker[page.tracker["year"] == page.setup.round.previous_year]


def expectation_sentences(page: InstitutionPage, rows: pd.DataFrame, params: EffectParams, words: Words) -> list[str]:
    """Who rises by itself; what was to be expected, and what came; whether the institution acted."""
    by_year = {int(row["year"]): row for row in rows.to_dict("records")}
    now, ahead = (by_year.get(page.setup.round.year + step) for step in (0, 1))
    said = [] if ahead is None else [_rise_sentence(page, ahead["before"], ahead["chance"], params, words)]
    if now is not None:
        limits = words.interval(now["expected_low"], now["expected_high"], 1)
        figures = {
            "expected": words.number(now["expected"], 1),
            "index": words.number(now["index"]),
            "interval": limits,
        }
        points = words.number(abs(now["beyond"]), 1)
        said.append(words(BEYOND[_side(now)], year=year_label(page, words), points=points, **figures))
    return [*said, _acted_sentence(page, params, words)]


def _rise_sentence(page: InstitutionPage, index: float, chance: float, params: EffectParams, words: Words) -> str:
    """How many such institutions rise in the usual course of things; of a low scorer, that this is no merit."""
    limit, following = page_low_limit(page), page.setup.round.year + 1
    rising = words(
        "Of 100 institutions of this type with the same index now and before, {x} can be expected to have a higher "
        "index in {year} in the usual course of things.",
        x=round(100 * chance),
        year=following,
    )
    if limit is None or index >= limit:
        return rising
    low = words(
        "With {index} the institution is among the lowest {share} of its type (below {limit}). A score so low is "
        "partly bad luck, which does not last.",
        index=words.number(index),
        share=words.percent(params.low_share, 0),
        limit=words.number(limit, 1),
    )
    return f"{low} {rising} {words('A rise alone is therefore no sign that something helped.')}"


def _acted_sentence(page: InstitutionPage, params: EffectParams, words: Words) -> str:
    year, rows = page.setup.round.previous_year, _recommended(page)
    if rows.empty:
        return words("What the institution did about the recommendations of {year} is not known here.", year=year)
    acted = int(has_acted(rows, params).sum())
    share = words.percent(params.least_validated, 0)
    return words(ACTED[acted > 0], n=len(rows), year=year, acted=acted, share=share)


def _table(page: InstitutionPage, rows: pd.DataFrame) -> Shown:
    columns = (
        years(message("Year"), "year"),
        number(message("Index of the year before"), "before"),
        count(message("Expected to rise, of 100 such institutions"), "of_100"),
        estimate(message("Expected by the years before"), "expected", "expected_low", "expected_high", 1),
        number(message("Index"), "index"),
        signed(message("Index less expected"), "beyond", 1),
        worded(message("What it says"), "outside", OUTSIDE),
    )
    title = message("What was to be expected by the years before")
    rows = rows.assign(of_100=100 * rows["chance"].astype(float))
    return page_view(rows, columns, FILE, title, (partial(_note, page),))


def _note(page: InstitutionPage, words: Words) -> str:
    return words(
        "Expected: what published indices of institutions of this type with the same years before lead to, in "
        "brackets the {level} interval. The mean of the type in a year is known only when all are scored; that of "
        "the last published year stands for it, and the interval allows for a whole type rising or falling. Low "
        "scores tend to rise and high ones to fall by themselves, since a part of every score is chance. Some of those "
        "institutions acted on their results: what they did is in what is expected. A dash: not known yet.",
        level=words.percent(page.setup.round.level, 0),
    )
