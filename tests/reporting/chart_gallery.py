"""Every form of chart once, on figures that can be counted by hand; and a page of them."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd

import spi_analysis.reporting
from spi_analysis.reporting.plots import (
    chart,
    composition,
    heatmap,
    history,
    intervals,
    lines,
    on_scale,
    spread,
)
from spi_analysis.reporting.view_columns import counted
from spi_analysis.reporting.wording import phrase

STYLE = Path(spi_analysis.reporting.__file__).parent / "templates" / "spi" / "style.css"
SCORE = phrase(lambda words: words("Score (0 worst, 100 best)"))
INTERNAL, EXTERNAL, EXPERT = (
    phrase(lambda words, code=code: words.value("part", code)) for code in ("internal", "external", "expert")
)
LONG = "Dinas Pemberdayaan Perempuan, Perlindungan Anak, Pengendalian Penduduk dan Keluarga Berencana"
LEVELS = (
    ("b3261e", "Vulnerable", "Rentan", 73),
    ("8a5a00", "Watchful", "Waspada", 78),
    ("1b6e3c", "Guarded", "Terjaga", None),
)
ROWS = pd.DataFrame({
    "label": pd.Series([INTERNAL, LONG, "A & <b> $5"], dtype=object),
    "estimate": [60.0, 70.5, 66.0], "ci_low": [55.0, 70.0, 62.0], "ci_high": [65.0, 71.0, 70.0],
})  # fmt: skip
CHANGE = phrase(lambda words: words("Change of the index"))
PARTS = pd.DataFrame({"label": [EXTERNAL, INTERNAL, "Koreksi", CHANGE], "estimate": [2.0, -5.5, -1.25, -4.75]})
INDEX = pd.DataFrame({"label": ["Index", "National target", "Published by KPK for 2023"],
                      "estimate": [74.0, 76.0, 71.5], "ci_low": [72.0, None, None],
                      "ci_high": [76.0, None, None]})  # fmt: skip
YEARS = pd.DataFrame({
    "kind": ["past", "past", "target", "now"], "year": [2022, 2023, 2024, 2024],
    "series": ["Published by KPK", "Published by KPK", "National target", "This round, with interval"],
    "estimate": [70.0, 71.5, 76.0, 74.0], "ci_low": [None, None, None, 72.0], "ci_high": [None, None, None, 76.0],
})  # fmt: skip
DAYS = pd.DataFrame({
    "x": [*pd.date_range("2024-07-29", periods=5)] * 2, "series": [INTERNAL] * 5 + [EXTERNAL] * 5,
    "estimate": [0.0, 200.0, 400.0, 1100.0, 1200.0, 0.0, 300.0, 600.0, 900.0, 1150.0],
})  # fmt: skip
SPREAD = pd.Series([1.0, 1.2, 1.4, 2.1, 2.2, 2.9, 3.5, 4.2, 8.9])
PAIRS = pd.DataFrame({
    "label": ["the round's design", "the round's design", "twice the invitations", "twice the invitations"],
    "series": ["Bias", "True SE"] * 2, "estimate": [-0.5, 1.25, 0.2, 0.75], "ci_low": [-0.7, 1.0, 0.0, 0.5],
    "ci_high": [-0.3, 1.5, 0.4, 1.0],
})  # fmt: skip
LOVE = pd.DataFrame({
    "label": ["Unit: " + LONG, "Sex: Female", "Sex: Male"] * 2,
    "series": ["before weighting"] * 3 + ["after weighting"] * 3,
    "estimate": [-0.25, 0.1, -0.1, 0.05, 0.0, 0.0], "ci_low": float("nan"), "ci_high": float("nan"),
})  # fmt: skip
# An index and a target beside a limit, so that two categories have hardly any room.
CLOSE = pd.DataFrame({"label": ["Index", LONG], "estimate": [78.1, 77.9], "ci_low": [77.6, None],
                      "ci_high": [78.6, None]})  # fmt: skip
# Shares below and above every step; a cell that is not shown, and a row that has one cell less.
CELLS = pd.DataFrame({
    "label": pd.Series([INTERNAL, INTERNAL, INTERNAL, LONG, LONG], dtype=object), "series": ["1", "2", "3", "1", "2"],
    "estimate": [49.0, 50.0, 90.0, 75.0, None], "text": ["49%", "50%", "90%", "75%", "–"],
})  # fmt: skip


def levels():
    return [SimpleNamespace(label={"id": i, "en": e}, below=b, colour=f"#{c}") for c, e, i, b in LEVELS]


def charts():
    """Every form; words in both languages where the catalogue has them."""
    say = {
        text: phrase(lambda words, text=text: words(text))
        for text in (
            "Points",
            "Index",
            "Day",
            "Completed",
            "People per answer",
            "Number of answers",
        )
    }
    whole = phrase(lambda w: w("All units, {source}: {score}", source=INTERNAL.say(w), score=w.number(66, 1)))
    return [
        chart(intervals, ROWS, "c-intervals", "Intervals", decimals=1, x_label=SCORE, reference=(66.0, whole)),
        chart(composition, PARTS, "c-composition", "Composition", x_label=say["Points"]),
        chart(on_scale, INDEX, "c-scale", "On the scale", levels=levels(), x_label=SCORE),
        chart(history, YEARS, "c-history", "History", y_label=say["Index"]),
        chart(lines, DAYS, "c-lines", "Lines", decimals=0, x_label=say["Day"], y_label=say["Completed"]),
        chart(spread, counted(SPREAD), "c-spread", "Histogram", decimals=0, x_label=say["People per answer"],
              y_label=say["Number of answers"]),
        chart(intervals, PAIRS, "c-pairs", "Two series", x_label=say["Points"], reference=(0.0, "")),
        chart(intervals, LOVE, "c-love", "Love plot", x_label=say["Points"], reference=(0.0, "")),
        chart(on_scale, CLOSE, "c-close", "Close to a limit", levels=levels(), x_label=SCORE),
        chart(on_scale, INDEX.head(2), "c-peers", "Among peers", levels=levels(), x_label=SCORE,
              strip=(68.0, 70.5, 70.6, 71.0, 79.0)),
        chart(heatmap, CELLS, "c-cells", "Cells", decimals=0, steps=(50, 70, 90), x_label=say["Points"]),
    ]  # fmt: skip


def page(words):
    """A page with all of them, in the style of the pages."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Charts</title>'
    css, body = STYLE.read_text(encoding="utf-8"), "".join(one.html(words) for one in charts())
    head += f"<style>{css}</style>"
    return f'<!doctype html><html lang="{words.language}">{head}<body><main>{body}</main></body></html>'


if __name__ == "__main__":
    import sys

    from spi_analysis.reporting.wording import words

    for language in ("id", "en"):
        Path(sys.argv[1], f"gallery.{language}.html").write_text(page(words(language)), encoding="utf-8")
