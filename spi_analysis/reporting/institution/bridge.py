"""What a change of the index is made of: contributions with intervals, and their table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import Source
from spi_analysis.reporting import (
    Chart,
    Shown,
    View,
    Words,
    chart,
    count,
    html_paragraphs,
    in_words,
    interval,
    intervals,
    message,
    part_label,
    phrases,
    show,
    signed,
    written,
)
from spi_analysis.reporting.institution.page_tables import page_view
from spi_analysis.reporting.institution.sentences import hidden_reason
from spi_analysis.scores import direction_of
from spi_analysis.stages import InstitutionPage

CONTRIBUTIONS = ("change_source", "change_weights", "change_correction", "change_component", "change_unexplained")
# Share of the axis left free at both ends.
ROOM = 0.06
DIRECTIONS = {"up": message("rise"), "down": message("fall"), "no_clear_change": message("no clear change")}


def bridge_rows(page: InstitutionPage) -> pd.DataFrame:
    """The shown contributions (sources, weights, corrections, dimensions) and the change that they sum to."""
    rows = page.figures[page.figures["measure"].isin([*CONTRIBUTIONS, "change_dimension", "index_change"])]
    shown = rows[rows["status"] == "shown"]
    return shown if shown["measure"].isin(CONTRIBUTIONS).any() else shown.iloc[:0]


def bridge_view(page: InstitutionPage) -> Shown:
    """The contributions that the change is made of; a sentence where they are hidden, or not known."""
    rows = bridge_rows(page)
    if page.figure("index") is None:
        return show(lambda words: html_paragraphs([hidden_reason(page, words)]))
    if rows.empty:
        return show(lambda words: html_paragraphs([words("The parts of the year before are not known.")]))

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
            message("Left of the line a part lowered the index, right of it raised it; a bar across it is not clear.")
        ),
    )
    whole, inner = rows[rows["measure"] == "index_change"], rows[rows["measure"] == "change_dimension"]
    table = _table(page, pd.concat([contributions, whole]), "change_parts", title, drawn)
    if inner.empty:
        return table
    return table + _table(page, inner, "change_dimensions", message("The same by dimension"))


def chart_limits(contributions: pd.DataFrame) -> tuple[float, float]:
    """An axis that holds every interval and zero, with some room: points may be negative, unlike scores."""
    low, high = min(0.0, float(contributions["ci_low"].min())), max(0.0, float(contributions["ci_high"].max()))
    room = ROOM * (high - low) or 1.0
    return low - room, high + room


def _table(page: InstitutionPage, rows: pd.DataFrame, name: str, title: str, drawn: Chart | None = None) -> View:
    # What is decided and not estimated has no interval, and needs none.
    is_decided = rows["measure"].isin(["change_correction", "change_component", "change_unexplained"]) & (
        rows["se"] == 0
    )
    limits = zip(rows["ci_low"], rows["ci_high"], strict=True)
    directions = [direction_of(*limit) for limit in limits]
    columns = (
        written(message("Part"), ("source", "part"), lambda words, *part: _label(page, *part, words)),
        signed(message("Points"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        count(message("Answers (n)"), "n"),
        written(message("What it says"), ("direction",), lambda words, code: words(DIRECTIONS[code]) if code else ""),
    )
    note = message(
        "The parts sum exactly to the change. A part counts with the mean of the two years' weights; n is that of the "
        "year with fewer answers. A correction is decided, not estimated: its points are certain."
    )
    said = rows.assign(direction=pd.Series(directions, rows.index).mask(is_decided))
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
