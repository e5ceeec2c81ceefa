"""Processor time of an institution's pictures in both languages.

python -m benchmarks.charts
"""

from __future__ import annotations

import statistics
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd

from spi_analysis.reporting import counted, plots
from spi_analysis.reporting.wording import words

# What an institution's pages show: pictures per form; rows of an interval chart.
ROUNDS, INTERVALS, SPREADS = 7, (8, 12, 6, 5, 3, 3, 3, 20), 2
LANGUAGES = (words("id"), words("en"))
LEVELS = [
    SimpleNamespace(label={"id": name, "en": name}, below=below, colour=colour)
    for name, below, colour in (("Rentan", 73.0, "#b3261e"), ("Waspada", 78.0, "#8a5a00"), ("Terjaga", None, "#1b6e3c"))
]
LABELS = ["Internal", "External", "Experts", "Corrections", "Index"]
PARTS = pd.DataFrame({"label": LABELS, "estimate": [30.0, 28.0, 18.0, -4.0, 72.0]})
SPREAD = pd.Series(np.random.default_rng(1).gamma(3, 2, 300))
DAYS = pd.DataFrame({"one": np.arange(30.0), "two": 2 * np.arange(30.0)}, index=pd.date_range("2024-07-29", periods=30))


def rows_of(n: int) -> pd.DataFrame:
    estimate = np.linspace(60, 80, n)
    labels = [f"Unit number {i} with a name of some length" for i in range(n)]
    return pd.DataFrame({"label": labels, "estimate": estimate, "ci_low": estimate - 4, "ci_high": estimate + 4})


def draw() -> None:
    marks = pd.DataFrame({"label": ["Index", "Target", "2023"], "estimate": [72.0, 76.0, 72.5],
                          "ci_low": [70.0, np.nan, np.nan], "ci_high": [74.0, np.nan, np.nan]})  # fmt: skip
    years = pd.DataFrame({"kind": ["past"] * 3 + ["target", "now"], "series": ["a"] * 3 + ["target", "b"],
                          "year": [2021, 2022, 2023, 2024, 2024], "estimate": [70.0, 71.0, 72.5, 76.0, 72.0],
                          "ci_low": [np.nan] * 4 + [70.0], "ci_high": [np.nan] * 4 + [74.0]})  # fmt: skip
    days = DAYS.rename_axis("x").reset_index().melt("x", var_name="series", value_name="estimate")
    values, x, xy = counted(SPREAD), {"x_label": "x"}, {"x_label": "x", "y_label": "y"}
    drawn = [
        *(plots.chart(plots.intervals, rows_of(n), "c", "t", **x) for n in INTERVALS),
        plots.chart(plots.composition, PARTS, "c", "t", **x),
        plots.chart(plots.on_scale, marks, "c", "t", levels=LEVELS, **x),
        plots.chart(plots.history, years, "c", "t", y_label="y"),
        *(plots.chart(plots.spread, values, "c", "t", **xy) for _ in range(SPREADS)),
        *(plots.chart(plots.lines, days, "c", "t", **xy) for _ in range(3)),
    ]  # fmt: skip
    for one in drawn:
        for say in LANGUAGES:
            one.html(say)


def seconds() -> float:
    """Of one run."""
    start = time.process_time()
    draw()
    return time.process_time() - start


def main() -> None:
    """The first run, which imports and measures the letters, does not count."""
    _, *taken = [seconds() for _ in range(ROUNDS + 1)]
    print(f"{statistics.median(taken):.2f} s of processor time (least {min(taken):.2f})")


if __name__ == "__main__":
    main()
