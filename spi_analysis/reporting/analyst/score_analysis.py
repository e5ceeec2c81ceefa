"""Notebook 40: scores with their uncertainty, and how complete the answers are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.reporting import (
    MISSING,
    Column,
    Shown,
    Words,
    figures,
    hidden_sentences,
    html_paragraphs,
    html_table,
    message,
    part_label,
    show,
    text,
)
from spi_analysis.stages import Scored, sources_without_score

# Sources in the order in which all pages name them.


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by source: internal, external, experts; those that are there."""
    return table.reindex([source for source in SOURCES if source in table.index])


WORST = 15


class TableKind(NamedTuple):
    """What a table of the notebook holds, the words above it, and how its figures are written."""

    measures: tuple[str, ...]
    title: str
    unit: Literal["", "%", "share"] = ""
    note: str = ""


TABLES = {
    "index": TableKind(
        ("index", "index_without_panel_variance", "source_score"),
        message("Index and source scores"),
        note=message(
            "The index has no effective number of answers: sources of different kind cannot be counted together."
        ),
    ),
    "parts": TableKind(
        ("index_part",),
        message("Points of the parts"),
        note=message("Points of a source: its score times its weight; the interval stands beside the score above."),
    ),
    "change": TableKind(
        (
            "index_previous",
            "index_previous_noise",
            "index_change",
            "change_source",
            "change_weights",
            "change_correction",
            "change_unexplained",
            "change_dimension",
        ),
        message("Change, and its parts (points)"),
        note=message("The parts sum exactly to the change; the dimensions of a source sum to its part."),
    ),
    "chances": TableKind(
        ("category_probability", "target_probability", "index_variance_share"),
        message("Chances, and shares of the variance (percent)"),
        "share",
    ),
    "dimensions": TableKind(("dimension_score",), message("Dimensions")),
    "units": TableKind(("unit_score",), message("Units")),
    "units_model": TableKind(("unit_score_model",), message("Units, model-based estimates")),
    "classes": TableKind(("class_score",), message("Position classes")),
    "experiences": TableKind(("experience_rate",), message("Experience rates (percent)"), "%"),
}
# Kinds of part that have words of their own; the others share those of ``part``.
OWN_WORDS = ("category", "target")
# Tables that are made from the index.
NEED_INDEX = ("index", "parts", "change", "chances")
# Sources of different kind have no effective number of answers in common.
_INDEX = ("index", "index_without_panel_variance", "index_change", "index_previous", "change_weights")


def estimates_table(scored: Scored, which: str, instrument: Instrument, round_: RoundParams) -> Shown:
    """One of ``TABLES``: the shown estimates with everything that belongs to them, and a sentence for the others."""
    kind = TABLES[which]
    every = scored.estimates[scored.estimates["measure"].isin(kind.measures)]
    rows = every[every["status"] == "shown"]

    def make(words: Words) -> str:
        labelled = every.assign(label=[_what(row, instrument, words) for row in every.itertuples()])
        said = [*hidden_sentences(labelled, round_.disclosure.min_cell, words), *_missing(scored, which, round_, words)]
        hidden = html_paragraphs(said, "hidden-figures")
        if rows.empty:
            return hidden or html_paragraphs([words("There is nothing to show.")])
        columns = [
            text(words("Measure"), labelled.loc[rows.index, "label"]),
            *(column for column in _figure_columns(rows, kind.unit, words) if set(column.cells) != {MISSING}),
        ]
        note = words(kind.note) if kind.note else ""
        return html_table(columns, f"table-{which}", words(kind.title), note=note, words=words) + hidden

    return show(make)


def _missing(scored: Scored, which: str, round_: RoundParams, words: Words) -> list[str]:
    """Under a table that needs the index: the sources without which there is none."""
    index = scored.estimates[scored.estimates["measure"] == "index"]
    missing = sources_without_score(scored.estimates, round_)
    if which not in NEED_INDEX or not missing or (index["status"] == "withheld").any():
        return []
    names = words.listed(words.value("source", source) for source in missing)
    return [words("There is no index: no answers, or too few, of {sources}.", sources=names)]


def _figure_columns(rows: pd.DataFrame, unit: str, words: Words) -> list[Column]:
    """All columns of figures; those that no row has are left out by the caller."""
    limits, mark = zip(rows["ci_low"], rows["ci_high"], strict=True), "%" if unit == "%" else ""
    effective = rows["effective_n"].where(~rows["measure"].isin(_INDEX))
    if unit == "share":
        values = [words.chance(x) for x in rows["estimate"]]
    else:
        values = [words.number(x) + unit for x in rows["estimate"]]
    return [
        figures(words("Estimate"), values),
        figures(words("Standard error"), (words.number(x) for x in rows["se"])),
        figures(words("Interval"), (words.interval(low, high, unit=mark) for low, high in limits)),
        figures(words("Degrees of freedom"), (words.number(x, 1) for x in rows["df_design"])),
        figures(words("Answers (n)"), (words.number(x, 0) for x in rows["n"])),
        figures(words("Effective answers"), (words.number(x, 0) for x in effective)),
    ]


def item_nonresponse_table(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown:
    """Items with the most missing answers."""
    if scored.item_nonresponse.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    worst = shown_gaps(scored.item_nonresponse, round_.disclosure.min_cell).head(WORST)
    if worst.empty:
        return show(lambda words: html_paragraphs([words("No item lacks an answer.")]))
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
            "Such answers are outside the item's denominator. The {n} items with the most, of those that at least "
            "{least} people answered.",
            n=WORST,
            least=round_.disclosure.min_cell,
        )
        return html_table(columns, "table-item-nonresponse", words("Missing answers"), note=note, words=words)

    return show(make)


def shown_gaps(gaps: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Items that at least ``min_cell`` people answered and somebody did not, the most missing answers first.

    How many left a question open is not protected: it follows from the n of every score, and tells of no answer.
    """
    missing = (gaps["respondents"] - gaps["n"]) / gaps["respondents"]
    shown = gaps.assign(missing=-missing)[(gaps["n"] >= min_cell) & (missing > 0)]
    return shown.sort_values(["missing", "item"]).drop(columns="missing")


def _what(row: Any, instrument: Instrument, words: Words) -> str:
    names = {
        code: label
        for part in instrument.sources.values()
        for code, label in [(d.code, d.label) for d in part.dimensions] + [(e.code, e.label) for e in part.experiences]
    }
    parts = [] if row.measure.endswith(("_score", "_score_model", "_rate")) else [words.value("measure", row.measure)]
    parts += [words.value("part", row.source)] if isinstance(row.source, str) else []
    if isinstance(row.part, str):
        kind = row.part_kind if row.part_kind in OWN_WORDS else "part"
        parts.append(words.pick(names[row.part]) if row.part in names else words.value(kind, row.part))
    parts += [words.value(row.domain_kind, row.domain)] if isinstance(row.domain, str) else []
    parts += [words.value("denominator", row.denominator)] if isinstance(row.denominator, str) else []
    parts += [str(row.reference_year)] if pd.notna(row.reference_year) else []
    return ": ".join(parts)


# Notebook 40: how reliable the dimensions are, and what other weights would make of the scores.

METHODS = {
    "declared": message("as declared (used)"),
    "pca": message("principal component"),
    "efa": message("common factor"),
}


def reliability_view(scored: Scored, instrument: Instrument, round_: RoundParams) -> Shown:
    """Alpha with its interval, and omega, per dimension."""
    rows = scored.reliability
    if rows.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))

    def make(words: Words) -> str:
        limits = zip(rows["ci_low"], rows["ci_high"], strict=True)
        columns = [
            text(words("Dimension"), _names(zip(rows["source"], rows["dimension"], strict=True), instrument, words)),
            figures(words("Items"), (words.number(x, 0) for x in rows["items"])),
            figures(words("Alpha"), (words.number(x) for x in rows["estimate"])),
            figures(words("Standard error"), (words.number(x) for x in rows["se"])),
            figures(words("Interval"), (words.interval(low, high) for low, high in limits)),
            figures(words("Omega"), (words.number(x) for x in rows["omega"])),
            figures(words("Answers (n)"), (words.number(x, 0) for x in rows["n"])),
        ]
        note = words(
            "Cronbach's alpha and McDonald's omega of people who answered every item of the dimension. No omega with "
            "fewer than three items, or where one factor does not fit; nothing on fewer than {least} people.",
            least=round_.disclosure.min_cell,
        )
        return html_table(columns, "table-reliability", words("Reliability of the dimensions"), note=note, words=words)

    return show(make)


def weights_view(scored: Scored, instrument: Instrument) -> Shown:
    """The declared weights of the dimensions beside two that follow from the data."""
    rows = scored.dimension_weights
    if rows.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    weights = rows.pivot(index=["source", "dimension"], columns="method", values="weight")
    weights = weights.reindex(rows[["source", "dimension"]].drop_duplicates())
    scores = rows.drop_duplicates(["source", "method"])

    def make(words: Words) -> str:
        methods = [method for method in METHODS if method in weights]
        shares = [
            text(words("Dimension"), _names(weights.index, instrument, words)),
            *(figures(words(METHODS[m]), (words.number(x, 3) for x in weights[m])) for m in methods),
        ]
        limits = zip(scores["ci_low"], scores["ci_high"], strict=True)
        made = [
            text(words("Source"), (words.value("part", s) for s in scores["source"])),
            text(words("Weights"), (words(METHODS[m]) for m in scores["method"])),
            figures(words("Source score"), (words.number(x) for x in scores["estimate"])),
            figures(words("Standard error"), (words.number(x) for x in scores["se"])),
            figures(words("Interval"), (words.interval(low, high) for low, high in limits)),
            figures(words("Answers (n)"), (words.number(x, 0) for x in scores["n"])),
        ]
        note = words(
            "Weights from data follow how dimensions go together, not how much they matter, and differ from "
            "institution to institution: they are shown to see how far a score hangs on its weights, and never used. "
            "Their intervals take the weights as given."
        )
        first = html_table(shares, "table-weights", words("Weights of the dimensions"), words=words)
        return first + html_table(made, "table-weights-scores", words("Scores by weights"), note=note, words=words)

    return show(make)


def _names(parts: Iterable[tuple[Source, str]], instrument: Instrument, words: Words) -> list[str]:
    return [part_label(instrument, source, dimension, words) for source, dimension in parts]
