"""Notebook 40: scores with their uncertainty, and how complete the answers are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.disclosure.suppression import small_cells
from spi_analysis.params import Instrument, RoundParams
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.tables import figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import Words, message
from spi_analysis.stages.score import Scored

WORST = 15
KINDS = ["dont_know", "refused", "left_empty"]

# What each table of the notebook holds: measures, and the words above it.
TABLES = {
    "index": (["index", "index_without_panel_variance", "source_score"], message("Index and source scores")),
    "parts": (
        ["index_part", "category_probability", "target_probability", "index_change", "index_variance_share"],
        message("What the index is made of"),
    ),
    "dimensions": (["dimension_score"], message("Dimensions")),
    "units": (["unit_score"], message("Units")),
    "experiences": (["experience_rate"], message("Experience rates (percent)")),
}


def estimates_table(scored: Scored, which: str, instrument: Instrument) -> Shown:
    """One of ``TABLES``: estimates with everything that belongs to them."""
    measures, title = TABLES[which]
    rows = scored.estimates[scored.estimates["measure"].isin(measures)]
    records = list(rows.itertuples())

    def make(words: Words) -> str:
        columns = [
            text(words("Measure"), (_what(row, instrument, words) for row in records)),
            figures(words("Estimate"), (_shown(words, row.estimate, row.status) for row in records)),
            figures(words("Standard error"), (words.number(x) for x in rows["se"])),
            figures(words("Interval"), (words.interval(row.ci_low, row.ci_high) for row in records)),
            figures(words("Degrees of freedom"), (words.number(x, 1) for x in rows["df_design"])),
            figures(words("Answers (n)"), (words.number(x, 0) for x in rows["n"])),
            figures(words("Effective answers"), (words.number(x, 0) for x in rows["effective_n"])),
        ]
        return html_table(columns, f"table-{which}", words(title), words=words)

    return show(make)


def item_nonresponse_table(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown:
    """Items with the most missing answers; a share of few people is not shown, nor what would give it away."""
    worst = shown_gaps(scored.item_nonresponse, round_.disclosure.min_cell).head(WORST)
    if worst.empty:
        return show(lambda words: html_paragraphs([words("Too few answers are missing to show them by item.")]))
    texts = {q.code: q.text for questions in instrument.questions.values() for q in questions}

    def make(words: Words) -> str:
        columns = [
            text(words("Item"), (words.pick(texts[code]) for code in worst["item"])),
            text(words("Source"), (words.value("part", s) for s in worst["source"])),
            figures(words("Do not know"), (words.percent(x) for x in worst["dont_know"])),
            figures(words("Refused"), (words.percent(x) for x in worst["refused"])),
            figures(words("Left empty"), (words.percent(x) for x in worst["left_empty"])),
            figures(words("Answers (n)"), (words.number(n, 0) for n in worst["n"])),
        ]
        note = words(
            "Such answers are outside the item's denominator. The {n} items with the most, of those where at least "
            "{least} people gave none; shares of fewer people are not shown.",
            n=WORST,
            least=round_.disclosure.min_cell,
        )
        return html_table(columns, "table-item-nonresponse", words("Missing answers"), note=note, words=words)

    return show(make)


def shown_gaps(gaps: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Items in which at least ``min_cell`` answers are missing, the most first, small shares taken out.

    The number of answers beside the number of respondents gives the number missing; so an item with few is left out,
    and of the others a kind of missing answer is hidden together with a second one (`small_cells`).
    """
    if gaps.empty:
        return gaps
    missing = gaps["respondents"] - gaps["n"]
    shown = gaps[(gaps["n"] >= min_cell) & (missing >= min_cell)].copy()
    counts = shown[KINDS].mul(shown["respondents"], axis=0).round()
    shown[KINDS] = shown[KINDS].mask(counts.apply(lambda row: small_cells(row, min_cell), axis=1))
    order = pd.DataFrame({"missing": -missing / gaps["respondents"], "item": gaps["item"]}).loc[shown.index]
    return shown.loc[order.sort_values(["missing", "item"]).index]


def _what(row: Any, instrument: Instrument, words: Words) -> str:
    names = {
        code: label
        for part in instrument.sources.values()
        for code, label in [(d.code, d.label) for d in part.dimensions] + [(e.code, e.label) for e in part.experiences]
    }
    parts = [] if row.measure.endswith(("_score", "_rate")) else [words.value("measure", row.measure)]
    parts += [words.value("part", row.source)] if isinstance(row.source, str) else []
    if isinstance(row.dimension, str):
        known = row.dimension in names
        parts.append(words.pick(names[row.dimension]) if known else words.value("part", row.dimension))
    kind = {"target_probability": "target", "category_probability": "category"}.get(row.measure, "domain")
    parts += [words.value(kind, row.domain)] if isinstance(row.domain, str) else []
    return ": ".join(parts)


def _shown(words: Words, value: float, status: str) -> str:
    return words.number(value) if status == "shown" else words.value("status", status)
