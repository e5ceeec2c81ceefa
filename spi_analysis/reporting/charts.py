"""The chart forms that reports use. Each gives inline SVG with a description that says what the picture shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from spi_analysis.params.round import CategoryLevel
from spi_analysis.reporting.svg import ACCENT, INK, MUTED, drawing, inline_svg
from spi_analysis.reporting.wording import Words

ROW_HEIGHT = 0.4
# A white ground, so that lines do not cross letters.
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def interval_chart(
    table: pd.DataFrame,
    chart_id: str,
    title: str,
    *,
    words: Words,
    x_label: str,
    limits: tuple[float, float] | None = None,
    decimals: int = 1,
    reference: float | None = None,
    reference_label: str = "",
    note: str = "",
) -> str:
    """Dots with intervals, one row each.

    Parameters
    ----------
    table : DataFrame   label, estimate, ci_low, ci_high; shown from top to bottom
    limits : (low, high) or None   of the axis; None: around the data
    reference : float or None      a line to compare with, named ``reference_label``
    """
    with drawing(height=0.75 + ROW_HEIGHT * len(table)) as figure:
        axes = figure.add_subplot()
        y = np.arange(len(table))[::-1]
        if reference is not None:
            _reference_line(axes, reference, reference_label)
        axes.hlines(y, table["ci_low"], table["ci_high"], color=ACCENT, linewidth=2.6, alpha=0.55)
        axes.plot(table["estimate"], y, "o", color=ACCENT, markersize=5)
        axes.set_xlim(*(limits or _around(table)))
        _row_labels(axes, y, table["label"])
        _in_words(axes.xaxis, words)
        axes.set_xlabel(x_label)
        return inline_svg(figure, chart_id, title, _describe_rows(table, words, decimals), note)


def composition_chart(
    parts: pd.DataFrame,
    total: float,
    chart_id: str,
    title: str,
    *,
    words: Words,
    total_label: str,
    x_label: str,
    note: str = "",
) -> str:
    """Bars that add up from 0 to a total (columns label, points; minus is drawn backwards)."""
    ends = parts["points"].cumsum().to_numpy()
    starts = np.concatenate([[0.0], ends[:-1]])
    labels = [*parts["label"], total_label]
    with drawing(height=0.75 + ROW_HEIGHT * len(labels)) as figure:
        axes = figure.add_subplot()
        y = np.arange(len(labels))[::-1]
        colours = [ACCENT if points >= 0 else "#b3261e" for points in parts["points"]]
        axes.barh(y[:-1], parts["points"], left=starts, color=colours, height=0.42)
        axes.barh(y[-1], total, color=INK, height=0.42)
        axes.vlines(ends, y[:-1] - 1, y[:-1], color=MUTED, linewidth=0.8, linestyle=":")
        values = [words.signed(points) for points in parts["points"]] + [words.number(total)]
        for row, value, end in zip(y, values, np.maximum(np.append(ends, total), np.append(starts, 0)), strict=True):
            axes.annotate(value, (end, row), xytext=(4, 0), textcoords="offset points", va="center")
        low, high = min(0.0, float(ends.min()), total), max(0.0, float(ends.max()), total)
        axes.set_xlim(low, high + 0.2 * (high - low))
        _row_labels(axes, y, labels)
        _in_words(axes.xaxis, words)
        axes.set_xlabel(x_label)
        text = "; ".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True)) + "."
        return inline_svg(figure, chart_id, title, text, note)


def scale_chart(
    estimate: float,
    low: float,
    high: float,
    levels: Sequence[CategoryLevel],
    marks: Mapping[str, float],
    chart_id: str,
    title: str,
    *,
    words: Words,
    note: str = "",
) -> str:
    """The index with its interval on the scale of categories, with marks such as last year and target."""
    values = [estimate, low, high, *marks.values(), *(level.below for level in levels if level.below is not None)]
    left, right = max(0.0, min(values) - 4), min(100.0, max(values) + 4)
    with drawing(height=1.05 + 0.26 * len(marks)) as figure:
        axes = figure.add_subplot()
        start = 0.0
        for level in levels:
            end = 100.0 if level.below is None else level.below
            axes.fill_between([start, end], 0.28, 0.72, color=level.colour, alpha=0.16, linewidth=0)
            middle = (max(start, left) + min(end, right)) / 2
            axes.text(middle, 0.12, words.pick(level.label), ha="center", va="center", color=level.colour)
            start = end
        axes.hlines(0.5, low, high, color=INK, linewidth=4, alpha=0.45)
        axes.plot([estimate], [0.5], "o", color=INK, markersize=8)
        for i, (name, value) in enumerate(marks.items()):
            height = 0.95 + 0.3 * i
            axes.vlines(value, 0.28, height, color=MUTED, linewidth=1)
            _mark_label(axes, f"{name} {words.number(value)}", value, height, left, right)
        axes.set_xlim(left, right)
        axes.set_ylim(0, 0.85 + 0.3 * len(marks))
        axes.set_yticks([])
        _in_words(axes.xaxis, words)
        axes.grid(visible=False)
        described = words(
            "The index is {estimate}, interval {interval}.",
            estimate=words.number(estimate),
            interval=words.interval(low, high),
        )
        listed = "".join(f" {name}: {words.number(value)}." for name, value in marks.items())
        return inline_svg(figure, chart_id, title, described + listed, note)


def history_chart(
    past: pd.DataFrame,
    now: Mapping[str, float],
    targets: Mapping[int, float],
    chart_id: str,
    title: str,
    *,
    words: Words,
    note: str = "",
) -> str:
    """Published indices of earlier years, this round with its interval, and the targets.

    ``past``: year, index; ``now``: year, estimate, ci_low, ci_high.
    """
    with drawing(height=2.6) as figure:
        axes = figure.add_subplot()
        axes.plot(past["year"], past["index"], "-o", color=MUTED, markersize=5, label=words("Published index"))
        if targets:
            axes.plot(list(targets), list(targets.values()), "_", color="#8a5a00", markersize=16, markeredgewidth=2,
                      label=words("National target"))  # fmt: skip
        axes.vlines(now["year"], now["ci_low"], now["ci_high"], color=ACCENT, linewidth=3, alpha=0.5)
        axes.plot(
            [now["year"]], [now["estimate"]], "o", color=ACCENT, markersize=7, label=words("This round, with interval")
        )
        years = sorted({*past["year"].astype(int), int(now["year"])})
        axes.set_xticks(years, [str(year) for year in years])
        axes.set_xlim(years[0] - 0.4, years[-1] + 0.4)
        axes.margins(y=0.15)
        _in_words(axes.yaxis, words)
        axes.grid(axis="x", visible=False)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        described = [f"{int(row.year)}: {words.number(row.index_value)}" for row in _renamed(past).itertuples()]
        described.append(
            f"{int(now['year'])}: {words.number(now['estimate'])} ({words.interval(now['ci_low'], now['ci_high'])})"
        )
        described += [f"{words('National target')} {year}: {words.number(t, 0)}" for year, t in targets.items()]
        return inline_svg(figure, chart_id, title, "; ".join(described) + ".", note)


def line_chart(
    table: pd.DataFrame,
    chart_id: str,
    title: str,
    *,
    words: Words,
    x_label: str,
    y_label: str,
    from_zero: bool = True,
    note: str = "",
) -> str:
    """Lines over the table's index (days or numbers); every column is a line named by its heading."""
    with drawing(height=2.5) as figure:
        axes = figure.add_subplot()
        styles = ["-", "--", ":", "-."]
        for i, column in enumerate(table.columns):
            axes.plot(table.index, table[column], linestyle=styles[i % 4], linewidth=1.8, label=str(column))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        _in_words(axes.yaxis, words)
        if from_zero:
            axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
        if pd.api.types.is_integer_dtype(table.index):
            axes.set_xticks(list(table.index))
        if isinstance(table.index, pd.DatetimeIndex):
            axes.tick_params(axis="x", rotation=35)
        ends = [f"{c}: {words.number(table[c].iloc[0], 1)} → {words.number(table[c].iloc[-1], 1)}" for c in table]
        text = words("From the first to the last point: {values}.", values="; ".join(ends))
        return inline_svg(figure, chart_id, title, text, note)


def histogram_chart(
    values: pd.Series, chart_id: str, title: str, *, words: Words, x_label: str, bins: int = 30, note: str = ""
) -> str:
    """How values are spread."""
    with drawing(height=2.3) as figure:
        axes = figure.add_subplot()
        axes.hist(values, bins=bins, color=ACCENT, alpha=0.8)
        axes.set_xlabel(x_label)
        axes.set_ylabel(words("Number"))
        _in_words(axes.xaxis, words)
        _in_words(axes.yaxis, words)
        axes.grid(axis="x", visible=False)
        quartiles = values.quantile([0, 0.25, 0.5, 0.75, 1]).tolist()
        text = words(
            "Smallest {a}, quarter below {b}, half below {c}, three quarters below {d}, largest {e}.",
            **dict(zip("abcde", (words.number(q) for q in quartiles), strict=True)),
        )
        return inline_svg(figure, chart_id, title, text, note)


def _in_words(axis: Axis, words: Words, n: int = 6) -> None:
    """A few ticks at whole numbers where possible, written as the language writes numbers."""
    axis.set_major_locator(MaxNLocator(nbins=n, integer=True))
    axis.set_major_formatter(lambda value, _: words.number(value, 0))


def _row_labels(axes: Axes, y: np.ndarray, labels: Iterable[str]) -> None:
    """Each row's label above it, from the left edge on: long names need no column of their own."""
    left = axes.get_xlim()[0]
    for row, label in zip(y, labels, strict=True):
        axes.text(left, row + 0.4, shorten(str(label), 52, placeholder="…"), va="center", ha="left", bbox=_PAPER)
    axes.set_yticks([])
    axes.set_ylim(-0.5, len(y) - 0.2)
    axes.grid(axis="y", visible=False)


def _reference_line(axes: Axes, value: float, label: str) -> None:
    axes.axvline(value, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        label, (value, 1), xycoords=("data", "axes fraction"), xytext=(2, 3), textcoords="offset points", color=MUTED
    )


def _mark_label(axes: Axes, text: str, x: float, y: float, left: float, right: float) -> None:
    side = "right" if x > (left + right) / 2 else "left"
    axes.text(x, y, f" {text} ", ha=side, va="center", color=MUTED, bbox=_PAPER)


def _around(table: pd.DataFrame) -> tuple[float, float]:
    low, high = float(table["ci_low"].min()), float(table["ci_high"].max())
    room = max((high - low) * 0.06, 1.0)
    return max(0.0, low - room), min(100.0, high + room)


def _describe_rows(table: pd.DataFrame, words: Words, decimals: int) -> str:
    rows = [
        f"{row.label}: {words.number(row.estimate, decimals)} ({words.interval(row.ci_low, row.ci_high, decimals)})"
        for row in table.itertuples()
    ]
    return "; ".join(rows) + "."


def _renamed(past: pd.DataFrame) -> pd.DataFrame:
    # A column called "index" cannot be read by name from a row tuple.
    return past.rename(columns={"index": "index_value"})
