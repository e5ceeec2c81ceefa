"""Notebook 40: how far the scores would move if those who did not answer differ."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundParams
from spi_analysis.reporting import (
    MISSING,
    WEAK,
    Column,
    Shown,
    Words,
    figures,
    html_paragraphs,
    html_table,
    range_sentences,
    show,
    text,
)
from spi_analysis.scores import category_of
from spi_analysis.stages import Sensitivity


def ranges_table(found: Sensitivity, round_: RoundParams) -> Shown:
    """What ranges there are, and scores and index under every phi, with the correlation that the range rests on."""
    rows, category = found.ranges, _category(found, round_)

    def make(words: Words) -> str:
        if rows.empty:
            return html_paragraphs([words("There is nothing to show.")])
        columns = [
            text(words("Measure"), (words.value("part", m) for m in rows["measure"])),
            figures(words("Estimate"), (words.number(x) for x in rows["estimate"])),
            figures(words("Interval"), (words.interval(r.ci_low, r.ci_high) for r in rows.itertuples())),
            *phi_columns(found, [phi for phi in round_.sensitivity.phis if phi > 0], 2, words),
            figures(words("Correlation of the proxy"), (words.number(x) for x in rows["correlation"])),
            figures(words("Share that answers"), (words.percent(x) for x in rows["response_share"])),
            figures(words("Answers (n)"), (words.number(n, 0) for n in rows["n"])),
        ]
        note = words(
            "phi 0 is the estimate itself: nonresponse depends on the list only. A range over phi is no confidence "
            "interval and leaves the sampling error out. {mark}: not informative, the correlation of the proxy "
            "(adjusted for the number of coefficients) is below {least}. The experts' score and the corrections stay "
            "as they are. A dash: no range can be worked out.",
            mark=WEAK,
            least=words.number(round_.sensitivity.least_correlation),
        )
        title = words("If nonresponse depends on the answer")
        said = html_paragraphs(range_sentences(found, category, words))
        return said + html_table(columns, "table-phi", title, note=note, words=words)

    return show(make)


def _category(found: Sensitivity, round_: RoundParams) -> str | None:
    """Category of the index as reported."""
    index = found.row("index")
    if index is None:
        return None
    return category_of(float(index["estimate"]), round_.categories, round_.index.decimals)


def phi_columns(found: Sensitivity, phis: list[float], decimals: int, words: Words) -> list[Column]:
    """One column of figures per phi; what is not informative is marked."""
    wide = found.by_phi.set_index(["measure", "phi"])
    return [
        figures(
            words("phi {phi}", phi=words.number(phi, 1)),
            (_figure(wide, (measure, phi), decimals, words) for measure in found.ranges["measure"]),
        )
        for phi in phis
    ]


def _figure(wide: pd.DataFrame, key: tuple[str, float], decimals: int, words: Words) -> str:
    if key not in wide.index:
        return MISSING
    row = wide.loc[key]
    return words.number(row["estimate"], decimals) + ("" if row["informative"] else WEAK)


def tipping_table(found: Sensitivity, round_: RoundParams) -> Shown:
    """How far nonrespondents would have to differ for the category to change."""
    rows = found.tipping

    def make(words: Words) -> str:
        if rows.empty:
            return html_paragraphs([words("Without an index there is no category to change.")])
        columns = [
            text(words("Category reached"), (words.value("category", c) for c in rows["category"])),
            figures(words("Its limit"), (words.exact(x) for x in rows["limit"])),
            figures(words("Difference of nonrespondents (points)"), (words.signed(x) for x in rows["delta"])),
        ]
        note = words(
            "Difference of the mean of those who did not answer from what the weights take it for, the same among "
            "employees and service users. The experts' score and the corrections stay as they are. A dash: no "
            "difference within the scale would do it."
        )
        return html_table(columns, "table-tipping", words("What would change the category"), note=note, words=words)

    return show(make)


def late_table(found: Sensitivity, round_: RoundParams) -> Shown:
    """Late against early answers, and what the score would be if nonrespondents are like the late."""
    rows = found.late

    def make(words: Words) -> str:
        if rows.empty:
            return html_paragraphs([words("Too few early or late answers to compare.")])
        columns = [
            text(words("Source"), (words.value("part", s) for s in rows["source"])),
            figures(words("Early (n)"), (words.number(n, 0) for n in rows["n_early"])),
            figures(words("Late (n)"), (words.number(n, 0) for n in rows["n_late"])),
            figures(words("Late minus early"), (words.signed(x) for x in rows["difference"])),
            figures(words("Standard error"), (words.number(x) for x in rows["se"])),
            figures(words("Interval"), (words.interval(r.ci_low, r.ci_high) for r in rows.itertuples())),
            figures(words("Score if nonrespondents are like the late"), (words.number(x) for x in rows["implied"])),
        ]
        note = words(
            "Late: answered after reminder {n}. Final weights; one score per person over the items answered.",
            n=round_.sensitivity.late_from_reminder,
        )
        return html_table(columns, "table-late", words("Early and late answers"), note=note, words=words)

    return show(make)
