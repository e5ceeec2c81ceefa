"""What a change of the index is made of, and which dimensions and questions rose, fell or stayed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import Source
from spi_analysis.reporting import (
    Chart,
    Shown,
    Together,
    View,
    Words,
    chart,
    count,
    html_paragraphs,
    in_words,
    interval,
    intervals,
    message,
    number,
    part_label,
    phrases,
    show,
    signed,
    worded,
    written,
)
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.reporting.institution.sentences import finding, hidden_reason, is_hidden, not_yet
from spi_analysis.scores import clear_changes, direction_of
from spi_analysis.stages import InstitutionPage
from spi_analysis.tables import PAGE_DECIMALS, PUBLISHED_PARTS

CONTRIBUTIONS = ("change_source", "change_weights", "change_correction", "change_component", "change_unexplained")
# Share of the axis left free at both ends.
ROOM = 0.06
NOT_YET = message("Not yet: the parts of the year before are not known.")
DIRECTIONS = {"up": message("rise"), "down": message("fall"), "no_clear_change": message("no clear change")}
DECIDED = "decided"
SAID = DIRECTIONS | {DECIDED: message("decided")}
LIMITS = ["ci_low", "ci_high"]


def bridge_rows(page: InstitutionPage) -> pd.DataFrame:
    """The shown contributions (sources, weights, corrections, dimensions) and the change that they sum to.

    New weights may move an index by less than a page shows: of 0.00 with limits of 0.00 there is nothing to be told.
    """
    rows = page.figures[page.figures["measure"].isin([*CONTRIBUTIONS, "change_dimension", "index_change"])]
    told = rows[["estimate", *LIMITS]].astype(float).round(PAGE_DECIMALS).abs().max(axis=1) > 0
    shown = rows[(rows["status"] == "shown") & (told | (rows["measure"] != "change_weights"))]
    return shown if shown["measure"].isin(CONTRIBUTIONS).any() else shown.iloc[:0]


def bridge_view(page: InstitutionPage) -> Shown:
    """The contributions that the change is made of; a sentence where they are hidden, or not known."""
    rows = bridge_rows(page)
    if page.figure("index") is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    if rows.empty:
        return not_yet(lambda words: words(NOT_YET))

    contributions = rows[rows["measure"].isin(CONTRIBUTIONS)]
    title = message("What the change is made of, in index points")
    drawn = chart(
        intervals,
        contributions.assign(label=phrases(lambda words: _labels(page, contributions, words))),
        "chart-bridge",
        in_words(title),
        decimals=1,
        x_label=in_words(message("Index points")),
        limits=chart_limits(contributions),
        reference=(0.0, in_words(message("No change"))),
        note=in_words(
            message(
                "A part left of the line lowered the index, a part right of it raised the index; where the bar "
                "crosses the line, the direction is uncertain."
            )
        ),
    )
    generated = show(lambda words: html_paragraphs([_generated_words(page, words)]))
    whole, inner = rows[rows["measure"] == "index_change"], rows[rows["measure"] == "change_dimension"]
    table = generated + _table(page, pd.concat([contributions, whole]), "change_parts", title, drawn)
    if inner.empty:
        return table
    return table + _table(page, inner, "change_dimensions", message("The same by dimension"))


def chart_limits(contributions: pd.DataFrame) -> tuple[float, float]:
    """An axis that holds every interval and zero, with some room: points may be negative, unlike scores."""
    low, high = min(0.0, float(contributions["ci_low"].min())), max(0.0, float(contributions["ci_high"].max()))
    room = ROOM * (high - low) or 1.0
    return low - room, high + room


OF_ROUNDS = message(
    "The parts sum to the change, apart from rounding. A part counts with the mean of the two years' weights; n is "
    "that of the year with fewer answers. A correction is decided, not estimated: its points are certain. One that did "
    "not change is left out."
)
OF_PUBLISHED = message(
    "The parts sum to the change, apart from rounding. A part counts with the mean of the two years' weights; n is "
    "that of this round. A correction is decided, not estimated: its points are certain. One that did not change is "
    "left out."
)


def _table(page: InstitutionPage, rows: pd.DataFrame, name: str, title: str, drawn: Chart | None = None) -> View:
    limits = zip(rows["ci_low"], rows["ci_high"], strict=True)
    directions = pd.Series([direction_of(*limit) for limit in limits], rows.index)
    columns = (
        written(message("Part"), ("source", "part"), lambda words, *part: _label(page, *part, words)),
        signed(message("Points"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers (n)"), "n"),
        worded(message("What it says"), "direction", SAID),
    )
    # A published score has no number of answers.
    note = OF_ROUNDS if page.figure("index_previous") is not None else OF_PUBLISHED
    # What is decided and not estimated has no interval, and needs none.
    is_decided = rows["measure"].isin(["change_correction", "change_component", "change_unexplained"]) & (
        rows["se"] == 0
    )
    said = rows.assign(
        direction=directions.mask(is_decided, DECIDED), **{one: rows[one].mask(is_decided) for one in LIMITS}
    )
    return page_view(said, columns, name, title, (note,), drawn)


def _labels(page: InstitutionPage, rows: pd.DataFrame, words: Words) -> list[str]:
    named = rows[["source", "part"]].replace({np.nan: None})
    return [_label(page, source, part, words) for source, part in named.itertuples(index=False)]


def _label(page: InstitutionPage, source: Source | None, part: str | None, words: Words) -> str:
    if part is None:
        return words("Change of the index")
    if source is None:
        return words.value("part", part)
    return part_label(page.setup.instrument, source, part, words)


def _generated_words(page: InstitutionPage, words: Words) -> str:
    """That the parts of a published index are generated, where they are; nothing elsewhere."""
    year = page.setup.round.previous_year
    past = page.history[page.history["year"] == year]
    if not page.is_synthetic or past.empty or past[PUBLISHED_PARTS].notna().all(axis=None):
        return ""
    return words("KPK published the index of {year}; all its parts are generated and belong to nobody.", year=year)


# Which dimensions and questions rose, fell or stayed.

CHANGES = {"dimension_change": "dimension_score", "item_change": "item_favourable"}
NO_CHANGES = message("Not yet: the dimensions and questions of the year before are not known.")
CHANGES_RULE = {
    "bh": message("Of the rises and falls called clear at most {rate} are expected to be false alarms."),
    "holm": message("The chance of even one false alarm among the rises and falls called clear is at most {rate}."),
}
# By whether any rose, and any fell.
FOUND = {
    (True, True): message(
        "{rose} rose clearly and {fell} fell clearly since {year}, of {n} dimensions and questions compared."
    ),
    (True, False): message(
        "{rose} rose clearly and none fell clearly since {year}, of {n} dimensions and questions compared."
    ),
    (False, True): message(
        "None rose clearly and {fell} fell clearly since {year}, of {n} dimensions and questions compared."
    ),
    (False, False): message("None of {n} dimensions and questions changed clearly since {year}."),
}


def change_rows(page: InstitutionPage) -> pd.DataFrame:
    """The changes of all dimensions and questions that both rounds show, as one family of comparisons."""
    rows, params = page.figures[page.figures["measure"].isin(CHANGES)], page.setup.round.weak_sides
    # A figure without an error changed by what it changed; nothing is said of chance.
    rows = rows[(rows["status"] == "shown") & (rows["se"] > 0)]
    now = page.figures.set_index(["measure", "source", "part"])["estimate"]
    found = clear_changes(rows, params.adjustment, params.rate)
    keys = zip(found["measure"].map(CHANGES), found["source"], found["part"], strict=True)
    return found.assign(score=[now[key] for key in keys])


def changes_view(page: InstitutionPage) -> Shown:
    """What rose, fell and stayed: dimensions, then questions, falls first; "not yet" where none was asked before."""
    if is_hidden(page, *CHANGES.values()):
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    rows = change_rows(page)
    if rows.empty:
        return not_yet(lambda words: words(NO_CHANGES))
    dimensions, items = (rows[rows["measure"] == measure] for measure in CHANGES)
    tables = [
        _changes_table(page, dimensions, "dimension_changes", message("Scores of dimensions"), ""),
        _changes_table(page, items, "question_changes", message("Shares of favourable answers, in percent"), "%"),
    ]
    first = finding(lambda words: changes_sentence(rows, words))
    return first + show(lambda words: html_paragraphs([_generated_words(page, words)])) + Together(tuple(tables))


def changes_sentence(rows: pd.DataFrame, words: Words) -> str:
    """How many rose and fell, by the evidence."""
    counts = rows["direction"].value_counts()
    facts = {"rose": int(counts.get("up", 0)), "fell": int(counts.get("down", 0)), "n": len(rows)}
    text = FOUND[facts["rose"] > 0, facts["fell"] > 0]
    return words(text, year=int(rows["reference_year"].iloc[0]), **facts)


def _changes_table(page: InstitutionPage, rows: pd.DataFrame, name: str, title: str, unit: str) -> View:
    params = page.setup.round.weak_sides
    columns = (
        written(
            message("What"), ("source", "part"), lambda words, *part: part_label(page.setup.instrument, *part, words)
        ),
        number(message("Now"), "score", 1, unit),
        signed(message("Change"), "estimate", 1),
        interval(message("Interval of the change"), "ci_low", "ci_high", 1),
        count(message("Answers (n)"), "n"),
        worded(message("What it says"), "direction", DIRECTIONS),
    )

    def note(words: Words) -> str:
        rule = words(CHANGES_RULE[params.adjustment], rate=words.percent(params.rate, 0))
        panels = page.round.nominated and page.figure("index_previous_noise") is not None
        return " ".join([words(CHANGES_NOTE), rule, *([words(CHANGES_OF_PANELS)] if panels else [])])

    return page_view(rows, columns, name, title, (note,))


CHANGES_NOTE = message(
    "Change: points of score, or percentage points. The interval is that of one change alone; what is called a rise or "
    "a fall has to stand out after all were looked at. Both rounds count as independent: where people answered in "
    "both, the interval is wider than need be. n is that of the round with fewer answers."
)
CHANGES_OF_PANELS = message(
    "Of experts this table counts how far those of this round differ; the table in index points counts how far experts "
    "of many panels do, so its interval may be another."
)
