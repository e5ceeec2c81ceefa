"""Notebook 40: how reliable the dimensions are, and what other weights would make of the scores."""

from __future__ import annotations

from collections.abc import Iterable

from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.names import part_label
from spi_analysis.reporting.tables import figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import Words, message
from spi_analysis.stages.score import Scored

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
