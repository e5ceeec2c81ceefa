"""The chart forms that reports use. Each gives inline SVG with a description that says what the picture shows.

What is drawn is what is written, rounded alike: the places of dots and bars in the SVG could be read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from spi_analysis.params import CategoryLevel
from spi_analysis.reporting.drawing import (
    ABOVE,
    ACCENT,
    BELOW,
    EDGE,
    INK,
    LINE,
    MUTED,
    NARROW,
    PAPER,
    POINTS,
    WIDE,
    Rows,
    both_widths,
    label_rows,
    legend_room,
    number_scale,
    place,
    place_rows,
    rows_of,
    scale,
    text_width,
    write_above,
    write_legend,
)
from spi_analysis.reporting.wording import Words
from spi_analysis.tables import PAGE_DECIMALS, rounded

DAY_TICKS = 6
# Inches between a mark on the scale and its name.
NAME_GAP = 0.05
# Series of targets: the nation's, the institution's own.
TARGET_MARKERS = ("_", "+")
# Bars are lines of this thickness in inches: a hundred times cheaper to draw than rectangles, and they look the same.
BAR = 0.18


def interval_chart(
    table: pd.DataFrame,
    chart_id: str,
    title: str,
    *,
    words: Words,
    x_label: str,
    limits: tuple[float, float] | None = None,
    decimals: int = 1,
    unit: str = "",
    reference: float | None = None,
    reference_label: str = "",
    note: str = "",
) -> str:
    """Dots with intervals, one row each.

    Parameters
    ----------
    table : DataFrame   label, estimate, ci_low, ci_high; shown from top to bottom
    limits : (low, high) or None   of the axis; None: around the data
    unit : str                     behind every figure of the description, such as "%"
    reference : float or None      a line to compare with, named ``reference_label``
    """
    table = _as_written(table, ["estimate", "ci_low", "ci_high"], decimals)
    reference = None if reference is None else rounded(reference, decimals)

    def draw(figure: Figure, wide: bool) -> None:
        rows = rows_of(table["label"], wide)
        axes = place_rows(figure, rows, wide)
        axes.set_xlim(*(limits or _around(table, reference)))
        if reference is not None:
            _reference_line(axes, reference, reference_label, rows, wide)
        axes.hlines(rows.middles, table["ci_low"], table["ci_high"], color=ACCENT, linewidth=2.6, alpha=0.55)
        axes.plot(table["estimate"], rows.middles, "o", color=ACCENT, markersize=5)
        label_rows(axes, rows, wide)
        number_scale(axes, x_label, words)

    described = _describe_rows(table, words, decimals, unit)
    if reference is not None:
        described += f" {reference_label}."
    around = BELOW + ABOVE + (LINE if reference is not None else 0)
    return both_widths(
        draw, lambda wide: around + rows_of(table["label"], wide).height, chart_id, title, described, note
    )


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
    parts, total = _as_written(parts, ["points"]), rounded(total)
    ends = parts["points"].cumsum().to_numpy()
    starts = np.concatenate([[0.0], ends[:-1]])
    labels = [*parts["label"], total_label]
    values = [words.signed(points) for points in parts["points"]] + [words.number(total)]
    colours = [*np.where(parts["points"] >= 0, ACCENT, "#b3261e"), INK]

    def draw(figure: Figure, wide: bool) -> None:
        rows = rows_of(labels, wide)
        axes, y = place_rows(figure, rows, wide), rows.middles
        axes.hlines(y, [*starts, 0.0], [*ends, total], color=colours, linewidth=BAR * POINTS)
        # From bar to bar only, so that no label is crossed.
        axes.vlines(ends, y[1:] + BAR / 2, y[:-1] - BAR / 2, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
        for row, value, end in zip(y, values, np.maximum(np.append(ends, total), np.append(starts, 0)), strict=True):
            axes.annotate(value, (end, row), xytext=(5, 0), textcoords="offset points", va="center")
        low, high = min(0.0, float(ends.min()), total), max(0.0, float(ends.max()), total)
        axes.set_xlim(low, high + (0.1 if wide else 0.22) * (high - low))
        label_rows(axes, rows, wide)
        number_scale(axes, x_label, words)

    text = "; ".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True)) + "."
    return both_widths(draw, lambda wide: BELOW + ABOVE + rows_of(labels, wide).height, chart_id, title, text, note)


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
    x_label: str = "",
    note: str = "",
) -> str:
    """The index with its interval on the scale of categories, with marks such as last year and target."""
    estimate, low, high = (rounded(x) for x in (estimate, low, high))
    marks = {name: rounded(value) for name, value in marks.items()}
    values = [estimate, low, high, *marks.values(), *(level.below for level in levels if level.below is not None)]
    left, right = max(0.0, min(values) - 4), min(100.0, max(values) + 4)
    texts = {name: f"{name}: {words.number(value)}" for name, value in marks.items()}
    # The mark furthest left is named at the top: a name runs to the right above the lines of the others.
    order = sorted(marks, key=lambda name: marks[name])

    def draw(figure: Figure, wide: bool) -> None:
        axes = place(figure, EDGE, BELOW if x_label else BELOW / 2)
        across = (WIDE if wide else NARROW) - 2 * EDGE
        lengths = {name: (NAME_GAP + text_width(texts[name])) / across for name in marks}
        end_of_names = max([right, *(value + lengths[name] * (right - left) for name, value in marks.items())])
        start = 0.0
        for level in levels:
            end = 100.0 if level.below is None else level.below
            axes.fill_between([start, end], 0.28, 0.72, color=level.colour, alpha=0.16, linewidth=0)
            middle = (max(start, left) + min(end, right)) / 2
            axes.text(middle, 0.12, words.pick(level.label), ha="center", va="center", color=level.colour)
            start = end
        axes.hlines(0.5, low, high, color=INK, linewidth=4, alpha=0.45)
        axes.plot([estimate], [0.5], "o", color=INK, markersize=8)
        for i, name in enumerate(reversed(order)):
            height = 0.95 + 0.3 * i
            axes.vlines(marks[name], 0.28, height + 0.08, color=MUTED, linewidth=1)
            # Beside its mark; where there is no room, over it, up to the edge.
            begin = min(marks[name], end_of_names - lengths[name] * (end_of_names - left))
            gap = NAME_GAP / across * (end_of_names - left)
            axes.text(begin + gap, height, texts[name], ha="left", va="center", color=MUTED, bbox=PAPER)
        axes.set_xlim(left, end_of_names)
        axes.set_ylim(0, 0.85 + 0.3 * len(marks))
        number_scale(axes, x_label, words, lines=False, most=100)

    described = words(
        "The index is {estimate}, interval {interval}.",
        estimate=words.number(estimate),
        interval=words.interval(low, high),
    )
    listed = "".join(f" {text}." for text in texts.values())
    return both_widths(draw, lambda wide: 1.25 + 0.26 * len(marks), chart_id, title, described + listed, note)


def history_chart(
    past: pd.DataFrame,
    now: Mapping[str, float],
    targets: Mapping[str, Sequence[tuple[int, float]]],
    chart_id: str,
    title: str,
    *,
    words: Words,
    past_label: str,
    now_label: str,
    note: str = "",
) -> str:
    """Published indices of earlier years, this round with its interval, and the targets.

    ``past``: year, index; ``now``: year, estimate, ci_low, ci_high; ``targets``: year and figure, by series.
    """
    past, now = _as_written(past, ["index"]), {name: rounded(value) for name, value in now.items()}
    names = [past_label, *targets, now_label]

    def draw(figure: Figure, wide: bool) -> None:
        axes = place(figure, top=legend_room(names, wide))
        axes.plot(past["year"], past["index"], "-o", color=MUTED, markersize=5, label=past_label)
        for (name, series), marker in zip(targets.items(), TARGET_MARKERS, strict=False):
            axes.plot(*zip(*series, strict=True), marker, color="#8a5a00", markersize=16, markeredgewidth=2, label=name)
        axes.vlines(now["year"], now["ci_low"], now["ci_high"], color=ACCENT, linewidth=3, alpha=0.5)
        axes.plot([now["year"]], [now["estimate"]], "o", color=ACCENT, markersize=7, label=now_label)
        years = sorted({*past["year"].astype(int), int(now["year"])})
        axes.set_xlim(years[0] - 0.4, years[-1] + 0.4)
        axes.margins(y=0.15)
        scale(axes, years, [str(year) for year in years], "", lines=False)
        number_scale(axes, words.value("part", "index"), words, upright=True)
        write_legend(axes, names, wide)

    described = [
        f"{int(row.year)} ({past_label}): {words.number(row.index_value)}" for row in _renamed(past).itertuples()
    ]
    described.append(
        f"{int(now['year'])} ({now_label}): {words.number(now['estimate'])} "
        f"({words.interval(now['ci_low'], now['ci_high'])})"
    )
    described += [f"{name} {year}: {words.exact(t)}" for name, series in targets.items() for year, t in series]
    return both_widths(draw, lambda wide: 2.7 if wide else 3.0, chart_id, title, "; ".join(described) + ".", note)


def line_chart(
    table: pd.DataFrame,
    chart_id: str,
    title: str,
    *,
    words: Words,
    x_label: str,
    y_label: str,
    from_zero: bool = True,
    decimals: int = 1,
    note: str = "",
) -> str:
    """Lines over the table's index (days or numbers); every column is a line named by its heading."""
    styles = ["-", "--", ":", "-."]
    table = _as_written(table, list(table.columns), decimals)

    def draw(figure: Figure, wide: bool) -> None:
        axes = place(figure, top=legend_room(table.columns, wide))
        for i, column in enumerate(table.columns):
            axes.plot(table.index, table[column], linestyle=styles[i % 4], linewidth=1.8, label=str(column))
        if from_zero:
            # A little below zero, so that a line at zero is seen.
            axes.set_ylim(bottom=-0.03 * float(table.max().max()))
        number_scale(axes, y_label, words, upright=True, least=0 if from_zero else -np.inf, up=from_zero)
        _scale_of(axes, table.index, x_label, words, wide)
        write_legend(axes, table.columns, wide)

    known = {column: table[column].dropna() for column in table}
    ends = [
        f"{name}: {words.number(values.iloc[0], decimals)} → {words.number(values.iloc[-1], decimals)}"
        for name, values in known.items()
        if len(values)
    ]
    text = words("From the first to the last point: {values}.", values="; ".join(ends))
    return both_widths(draw, lambda wide: 2.3 + legend_room(table.columns, wide), chart_id, title, text, note)


def bars_chart(
    labels: Sequence[str],
    bars: Mapping[str, tuple[np.ndarray, np.ndarray]],
    chart_id: str,
    title: str,
    *,
    words: Words,
    x_label: str,
    note: str = "",
) -> str:
    """Rows with one bar per series, each with the half width of its interval: series -> (values, half widths)."""
    colours, thick = (ACCENT, MUTED, INK), 0.15 / len(bars)

    def draw(figure: Figure, wide: bool) -> None:
        rows = rows_of(labels, wide)
        axes = place_rows(figure, rows, wide)
        for i, (name, (values, half)) in enumerate(bars.items()):
            y = rows.middles + ((len(bars) - 1) / 2 - i) * thick
            axes.hlines(y, 0, values, color=colours[i % 3], linewidth=thick * POINTS, label=name)
            axes.hlines(y, values - half, values + half, color=INK, linewidth=1)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.margins(x=0.04)
        label_rows(axes, rows, wide)
        number_scale(axes, x_label, words)
        write_legend(axes, list(bars), wide)

    parts = [
        f"{label}: "
        + ", ".join(
            f"{name} {words.number(v[i])} ({words.interval(v[i] - h[i], v[i] + h[i])})" for name, (v, h) in bars.items()
        )
        for i, label in enumerate(labels)
    ]

    def height(wide: bool) -> float:
        return BELOW + legend_room(list(bars), wide) + rows_of(labels, wide).height

    return both_widths(draw, height, chart_id, title, "; ".join(parts) + ".", note)


def histogram_chart(
    values: pd.Series, chart_id: str, title: str, *, words: Words, x_label: str, y_label: str, note: str = ""
) -> str:
    """How values are spread."""
    values = values.map(rounded)
    # As many bars as the values can fill.
    bins = int(np.clip(2 * np.sqrt(len(values)), 5, 30))
    counts, edges = np.histogram(values, bins)

    def draw(figure: Figure, wide: bool) -> None:
        axes = place(figure)
        axes.stairs(counts, edges, fill=True, color=ACCENT, alpha=0.8, linewidth=0)
        axes.vlines(edges[1:-1], 0, np.maximum(counts[1:], counts[:-1]), color="white", linewidth=0.8)
        axes.set_ylim(0, 1.05 * counts.max())
        number_scale(axes, x_label, words, lines=False)
        number_scale(axes, y_label, words, upright=True)

    quartiles = values.quantile([0, 0.25, 0.5, 0.75, 1]).tolist()
    text = words(
        "Smallest {a}, quarter below {b}, half below {c}, three quarters below {d}, largest {e}.",
        **dict(zip("abcde", (words.number(q) for q in quartiles), strict=True)),
    )
    return both_widths(draw, lambda wide: 2.4, chart_id, title, text, note)


def _scale_of(axes: Axes, index: pd.Index, name: str, words: Words, wide: bool) -> None:
    """Days as people write them, a few of them; whole numbers all; other numbers as they come."""
    if isinstance(index, pd.DatetimeIndex):
        days = index[np.unique(np.linspace(0, len(index) - 1, DAY_TICKS if wide else 3).astype(int))]
        scale(axes, date2num(days), [words.day(day.date()) for day in days], name)
    elif pd.api.types.is_integer_dtype(index):
        scale(axes, list(index), [str(value) for value in index], name)
    else:
        number_scale(axes, name, words)


def _reference_line(axes: Axes, value: float, label: str, rows: Rows, wide: bool) -> None:
    """Beside the rows one line; under labels only pieces, one at each row."""
    style = {"color": MUTED, "linewidth": 1, "linestyle": (0, (4, 3))}
    if wide:
        axes.axvline(value, zorder=0, **style)
    else:
        axes.vlines(np.full_like(rows.middles, value), rows.middles - 0.1, rows.middles + 0.1, zorder=0, **style)
    write_above(axes, label, value, color=MUTED)


def _around(table: pd.DataFrame, reference: float | None) -> tuple[float, float]:
    others = [] if reference is None else [reference]
    low, high = min(float(table["ci_low"].min()), *others, 100.0), max(float(table["ci_high"].max()), *others, 0.0)
    room = max((high - low) * 0.06, 1.0)
    return max(0.0, low - room), min(100.0, high + room)


def _describe_rows(table: pd.DataFrame, words: Words, decimals: int, unit: str) -> str:
    rows = [
        f"{row.label}: {words.number(row.estimate, decimals)}{unit} "
        f"({words.interval(row.ci_low, row.ci_high, decimals, unit)})"
        for row in table.itertuples()
    ]
    return "; ".join(rows) + "."


def _as_written(table: pd.DataFrame, columns: Sequence[str], decimals: int = PAGE_DECIMALS) -> pd.DataFrame:
    return table.assign(**{name: [rounded(x, decimals) for x in table[name]] for name in columns})


def _renamed(past: pd.DataFrame) -> pd.DataFrame:
    # A column called "index" cannot be read by name from a row tuple.
    return past.rename(columns={"index": "index_value"})
