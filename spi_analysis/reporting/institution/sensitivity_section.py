"""The page's sections on what the answers do not tell: those who did not answer, and what is not said directly."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    coded,
    count,
    html_paragraphs,
    interval,
    measure_label,
    message,
    number,
    odds_columns,
    odds_notes,
    show,
    silence_sentences,
    with_odds,
    written,
)
from spi_analysis.reporting.institution.page_tables import page_view, score_columns, with_hidden
from spi_analysis.reporting.institution.sentences import finding
from spi_analysis.scores import RESPONDENTS
from spi_analysis.stages import InstitutionPage, Sensitivity
from spi_analysis.survey import clear_gap
from spi_analysis.tables import as_shown, write_csv

FILE = "silence"
# Shown with one decimal.
RANGES = ("estimate", "ci_low", "ci_high", "under_odds", "under_low", "under_high")
MOVED = {
    -1.0: message(
        "The category would fall to {category} if those who did not answer scored on average {points} points lower "
        "than the weights assume; chance is not taken into account."
    ),
    1.0: message(
        "The category would rise to {category} if those who did not answer scored on average {points} points higher "
        "than the weights assume; chance is not taken into account."
    ),
}
# The title names a category only if so small a difference, in points, would lead to it.
NEAR = 10.0
# By the side of the nearer of two categories, or of the only one.
TWO_NEAR = {
    -1.0: message(
        "The category would change to {category} if those who did not answer scored {points} points lower than "
        "assumed, to {other} if {less} points higher; chance not counted."
    ),
    1.0: message(
        "The category would change to {category} if those who did not answer scored {points} points higher than "
        "assumed, to {other} if {less} points lower; chance not counted."
    ),
}
ONE_NEAR = {
    -1.0: message(
        "The category would change to {category} if those who did not answer scored {points} points lower than "
        "assumed; chance not counted."
    ),
    1.0: message(
        "The category would change to {category} if those who did not answer scored {points} points higher than "
        "assumed; chance not counted."
    ),
}
SAFE = message("Whatever those who did not answer think, the category would not become {category}.")


def nonresponse_view(page: InstitutionPage, found: Sensitivity) -> Shown:
    """Sentences on what could be and on the tipping point, and the table of scores by log-odds."""

    if found.ranges.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    first = finding(lambda words: _near_categories(found, words))
    return first + show(lambda words: html_paragraphs(nonresponse_sentences(page, found, words))) + _table(found)


def _near_categories(found: Sensitivity, words: Words) -> str:
    """How much better or worse nonrespondents would have to judge for another category, the nearer one first.

    Nothing where none is within ``NEAR`` points.
    """
    near = found.tipping[found.tipping["delta"].abs() <= NEAR].sort_values("delta", key=abs, kind="stable")
    if near.empty:
        return ""
    names = [words.value("category", code) for code in near["category"]]
    points = [words.number(abs(delta), 1) for delta in near["delta"]]
    facts, side = {"category": names[0], "points": points[0]}, float(np.sign(near["delta"].iloc[0]))
    if len(near) == 1:
        return words(ONE_NEAR[side], **facts)
    return words(TWO_NEAR[side], **facts, other=names[1], less=points[1])


def nonresponse_sentences(page: InstitutionPage, found: Sensitivity, words: Words) -> list[str]:
    """What is assumed, how far the index could move, and what would change the category."""
    shares = _shares(found, words)
    return [
        words(
            "Of the people who were invited and are eligible, about {shares} answered. The weights assume that the "
            "others are like those who answered in the same groups of the list, such as unit, sex and age. If people "
            "with bad things to tell answer less often, the true scores are lower; the answers themselves cannot "
            "show this.",
            shares=shares,
        )
        if shares
        else "",
        *silence_sentences(found, page.category, page.setup.round, words),
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
        "For every point by which those who did not answer scored lower on average than the weights assume, the "
        "index would be {points} points lower.",
        points=words.number(found.index_per_point),
    )


def _shares(found: Sensitivity, words: Words) -> str:
    """Share that answers of every source, such as "36% (Internal); 27% (External)"."""
    rows = found.ranges.dropna(subset=["response_share"])
    shares = zip(rows["response_share"], rows["measure"], strict=True)
    return words.listed(f"{words.percent(share, 0)} ({words.value('part', source)})" for share, source in shares)


def _table(found: Sensitivity) -> View:
    columns = (
        coded(message("Measure"), "measure", "part"),
        number(message("As reported"), "estimate", 1),
        interval(message("Interval"), "ci_low", "ci_high", 1),
        *odds_columns(found, 1),
        count(message("Answers (n)"), "n"),
    )
    title = message("If those who did not answer differ")
    return page_view(with_odds(found), columns, FILE, title, odds_notes(found))


# What people do not say when they are asked directly: by lists and crossed questions, where the round asked these.

WAYS = {"list_gap": message("lists"), "crosswise_gap": message("crossed question")}
UNSAID = ("list_rate", "list_gap", "crosswise_rate", "crosswise_gap", "climate_rate")


def unsaid_view(page: InstitutionPage) -> Shown | None:
    """What of 100 people met something, as indirect questions tell, and say so when asked; None where nobody was asked.

    Then how many would report it, and why not.
    """
    rows = page.figures[page.figures["measure"].isin(UNSAID)]
    if rows.empty:
        return None
    columns = (
        coded(message("Measure"), "measure", "measure"),
        written(message("Of what"), ("source", "part"), partial(_of_what, page)),
        *score_columns(message("Share"), unit="%"),
    )
    sentences = show(lambda words: html_paragraphs(unsaid_sentences(page, words)))
    title = message("What confidential questions tell, and whether people would report it")
    return sentences + with_hidden(page, rows, columns, "unsaid", title, (HOW_ASKED,), None)


HOW_ASKED = message(
    "Lists: some people see a list of harmless things, as many others the same list with the thing asked about, and "
    "all tell only how many apply to them, not which. Crossed question: others tell only whether their answers to "
    "this question and to a harmless one are the same. So no answer shows what one person met with. Not admitted: "
    "the share by confidential questions less the share of those who say so when asked directly; below 0 means that "
    "nothing was found."
)


def _of_what(page: InstitutionPage, words: Words, source: str, code: str) -> str:
    return measure_label(page.setup.instrument, source, code, words)


def unsaid_sentences(page: InstitutionPage, words: Words) -> list[str]:
    """Per source and experience the sentences of the surer of the two ways to ask."""
    shown = page.figures[(page.figures["status"] == "shown") & page.figures["measure"].isin(UNSAID)]
    gaps = shown[shown["measure"].str.endswith("_gap")].sort_values("se", kind="stable")
    first = gaps.drop_duplicates(["source", "part"])
    return [text for _, gap in first.iterrows() for text in _unsaid(page, gap, words)]


def _unsaid(page: InstitutionPage, gap: pd.Series, words: Words) -> list[str]:
    where = {"source": gap["source"], "part": gap["part"]}
    rate = page.figure(gap["measure"].replace("_gap", "_rate"), **where)
    said = page.figure("experience_rate", denominator=RESPONDENTS, **where)
    if rate is None or said is None:
        return []
    way = WAYS[gap["measure"]]
    facts = {
        "what": measure_label(page.setup.instrument, gap["source"], gap["part"], words),
        "source": words.value("source", gap["source"]),
        "way": words(way),
        "x": _of_hundred(rate["estimate"], words, 1),
        "y": _of_hundred(said["estimate"], words, 1),
        "low": _of_hundred(rate["ci_low"], words),
        "high": _of_hundred(rate["ci_high"], words),
    }
    first = words(
        "{what}, {source}: asked directly, {y} of 100 people say so. Asked confidentially ({way}), it is about {x} "
        "of 100, but anything from {low} to {high} is possible.",
        **facts,
    )
    return [first, _gap_sentence(page, gap, words)]


def _gap_sentence(page: InstitutionPage, gap: pd.Series, words: Words) -> str:
    """Whether the gap is clear of chance; if not, how large it would have to be for so many answers to show it."""
    level = page.setup.round.level
    facts = {
        "gap": words.number(gap["estimate"], 1),
        "low": words.number(gap["ci_low"], 0),
        "high": words.number(gap["ci_high"], 0),
        "n": words.number(gap["n"], 0),
        "least": words.number(clear_gap(gap["se"], level), 0),
    }
    if gap["ci_low"] > 0:
        return words(
            "The difference of {gap} in 100 ({low} to {high}, from {n} answers) is larger than chance makes it: "
            "so many know of it and do not dare to say so, or do not want to.",
            **facts,
        )
    return words(
        "The difference of {gap} in 100 ({low} to {high}, from {n} answers) may be chance. With only {n} answers "
        "a difference below about {least} would often be missed; to find smaller ones, the answers of several "
        "institutions must be taken together.",
        **facts,
    )


def _of_hundred(share: float, words: Words, decimals: int = 0) -> str:
    return words.number(min(max(share, 0.0), 100.0), decimals)


def save_nonresponse(found: Sensitivity, folder: Path) -> Path:
    """Write the CSV of the section's table: every figure under the largest log-odds."""
    names = {"estimate": "under_odds", "ci_low": "under_low", "ci_high": "under_high"}
    worst = found.worst.set_index("measure")[["log_odds", *names]].rename(columns=names)
    rows = found.ranges[["measure", "estimate", "ci_low", "ci_high", "response_share", "n"]].join(worst, on="measure")
    return write_csv(folder / f"{FILE}.csv", as_shown(rows, {"n": 0} | dict.fromkeys(RANGES, 1)))
