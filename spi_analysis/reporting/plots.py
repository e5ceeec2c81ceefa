"""Forms of charts, drawn by seaborn from a tidy table: on ``ax``, or on axes with room for all words.

Figures stand in the column ``estimate``, labels (texts or ``phrase``s) in ``label`` or ``series``.
``chart(form, table, ...)`` makes one a picture with words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from inspect import signature
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spi_analysis.reporting import told
from spi_analysis.reporting.pictures import COLOURS, POINTS, WIDTH, Chart, text_width
from spi_analysis.reporting.wording import Phrase, phrase, phrases
from spi_analysis.tables import PAGE_DECIMALS, rounded

PAPER, INK, MUTED, GRID, ACCENT, MINUS, TARGET, *SHADES = COLOURS
# Inches: a line of text, a row below its label, around the axes, beside upright numbers, a bar, between names.
LINE, ROW, ABOVE, BELOW, EDGE, BESIDE, BAR, GAP, STEP = 0.155, 0.27, 0.1, 0.42, 0.12, 0.5, 0.13, 0.06, 0.19
# Letters of a label above its row, and of one beside its line; inches of an upright scale, and of the categories.
LETTERS, FEW_LETTERS, UPRIGHT, ON_SCALE = 38, 15, 1.7, 0.55
OF_SERIES, DASHES = [ACCENT, TARGET, INK, MINUS, MUTED], [(), (4, 2), (1, 1.5), (6, 2, 1, 2)]
OF_KIND = {"past": MUTED, "target": TARGET, "now": ACCENT}
MOST_NUMBERS, MOST_DAYS, LEAST_WHOLE = 5, 3, 1.5
FIGURES, LABELS = ("estimate", "ci_low", "ci_high"), ("label", "series")
Ax, Ticks = Axes | None, tuple[Any, Any]


def chart(form: Callable[..., Axes], table: pd.DataFrame, chart_id: str, title: object, *, note: object = "",
          decimals: int = PAGE_DECIMALS, unit: str = "", **options: Any) -> Chart:  # fmt: skip
    """What is drawn is what is written, rounded alike: the places of dots and bars in the SVG could be read back.

    ``options`` are those of the form; the description has the ``unit`` behind every figure, such as "%".
    """
    figures = {name: [rounded(x, decimals) for x in table[name]] for name in FIGURES if name in table}
    labels = {name: table[name].map(phrase).astype(object) for name in LABELS if name in table}
    table = table.assign(**figures, **labels)
    options = {name: _as_written(value, decimals) for name, value in options.items()}
    described = phrase(lambda words: TOLD.get(form, told.told_rows)(table, words, decimals, unit, **options))
    own = {"decimals": decimals} if "decimals" in signature(form).parameters else {}
    return Chart(chart_id, phrase(title), partial(form, table, **options, **own), described, phrase(note))


def _as_written(option: Any, decimals: int) -> Any:
    """Limits, too, give figures away: they say where the numbers of a scale stand."""
    if isinstance(option, tuple):
        return tuple(_as_written(one, decimals) for one in option)
    return rounded(option, decimals) if isinstance(option, float) else option


def series_of(table: pd.DataFrame, column: str = "") -> pd.DataFrame:
    """Lines from a table with one column each: the index becomes ``x``; headings: phrases, or codes of ``column``."""
    rows = table.rename_axis("x").reset_index().melt("x", var_name="series", value_name="estimate")
    named = [phrase(lambda words, code=code: words.value(column, code)) if column else code for code in rows["series"]]
    return rows.assign(series=named)


def intervals(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, limits: Any = None, reference: Any = None) -> Axes:
    """Dots with intervals (label, estimate, ci_low, ci_high), and a line to compare with (figure, label)."""
    ax, at = _rows(table["label"], ax, top=LINE)
    _ranges(ax, (table["ci_low"], table["ci_high"]), at, ACCENT, 2)
    _dots(ax, table["estimate"], at, ACCENT)
    if reference:
        _ranges(ax, [reference[0]] * len(at), (at - 0.09, at + 0.09), MUTED, 1.5)
    ax.set_xlim(limits)
    if reference:
        _name(ax, *reference, 0.04)
    return _scaled(ax, x_label)


def strip(table: pd.DataFrame, ax: Ax = None, *, x_label: object) -> Axes:
    """Peers as rings on a row (label, estimate, own: is it one's own), and one's own as a full dot."""
    labels, own = table["label"].drop_duplicates(), table["own"]
    ax, at = _rows(labels, ax)
    rows = table["label"].map(dict(zip(labels, at, strict=True)))
    _dots(ax, table["estimate"][~own], rows[~own], MUTED, facecolor="none")
    _dots(ax, table["estimate"][own], rows[own], ACCENT, 40)
    return _scaled(ax, x_label)


def composition(table: pd.DataFrame, ax: Ax = None, *, total: Any, x_label: Any, decimals: int = PAGE_DECIMALS) -> Axes:
    """Bars that add up from 0 to a total (figure, label), a row each (label, estimate); minus goes backwards."""
    points = table["estimate"]
    ends = np.array([*points.cumsum(), total[0]])
    starts, low, high = np.array([0.0, *ends[:-2], 0.0]), min(0.0, *ends), max(0.0, *ends)
    ax, at = _rows([*table["label"], total[1]], ax)
    ax.set_xlim(low, high + 0.2 * (high - low))
    _ranges(ax, (starts, ends), at, [*np.where(points < 0, MINUS, ACCENT), INK], BAR * POINTS)
    values = phrases(lambda words: [*(words.signed(x, decimals) for x in points), words.number(total[0], decimals)])
    for value, x, y in zip(values, np.maximum(starts, ends), at, strict=True):
        _beside(ax, value, x, y)
    return _scaled(ax, x_label)


def bars(table: pd.DataFrame, ax: Ax = None, *, x_label: object) -> Axes:
    """Rows with a bar per series, named in the first row (label, series, estimate, ci_low, ci_high)."""
    series, low, high = table["series"].unique(), min(0.0, table["ci_low"].min()), max(0.0, table["ci_high"].max())
    ax, at = _rows(table["label"].drop_duplicates(), ax, LINE * (len(series) - 1) + ROW)
    ax.set_xlim(low, high + 0.5 * (high - low))
    for i, (name, colour) in enumerate(zip(series, OF_SERIES, strict=False)):
        rows, y = table[table["series"] == name], at + LINE * ((len(series) - 1) / 2 - i)
        _ranges(ax, (0 * rows["estimate"], rows["estimate"]), y, colour, BAR * POINTS)
        _ranges(ax, (rows["ci_low"], rows["ci_high"]), y, PAPER, 4)
        _ranges(ax, (rows["ci_low"], rows["ci_high"]), y, INK, 1.5)
        _beside(ax, name, max(0.0, rows["ci_high"].iloc[0]), y[0], color=colour)
    return _scaled(ax, x_label)


def lines(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, y_label: Any, from_zero: bool = True) -> Axes:
    """A line per series, named at its end (x: days, years or numbers; series, estimate)."""
    table = table.dropna().sort_values("x", kind="stable")
    ends = table.groupby("series", sort=False)["estimate"].last()
    looks = {"palette": dict(zip(ends.index, cycle(OF_SERIES))), "dashes": dict(zip(ends.index, cycle(DASHES)))}
    ax = ax or _axes_of(ends.index)
    sns.lineplot(table, x="x", y="estimate", hue="series", style="series", estimator=None, legend=False, ax=ax, **looks)
    if from_zero:
        ax.set_ylim(0, MaxNLocator(MOST_NUMBERS, steps=[1, 2, 5, 10]).tick_values(*ax.get_ylim())[-1])
    _name_ends(ax, zip(ends.index, ends, looks["palette"].values(), strict=True))
    return _scaled(ax, x_label, y_label, _ticks(table["x"]))


def history(table: pd.DataFrame, ax: Ax = None, *, y_label: object) -> Axes:
    """Earlier years, targets and this round (kind: past, target or now; series, year, estimate, ci_low, ci_high)."""
    past, targets, now = (table[table["kind"] == kind] for kind in OF_KIND)
    ends, ax = table.drop_duplicates("series", keep="last"), ax or _axes_of(table["series"].unique())
    sns.lineplot(past, x="year", y="estimate", marker="o", markeredgewidth=0, color=MUTED, estimator=None, ax=ax)
    _dots(ax, targets["year"], targets["estimate"], TARGET, marker="D")
    _dots(ax, now["year"], now["estimate"], ACCENT)
    _ranges(ax, now["year"], (now["ci_low"], now["ci_high"]), ACCENT, 2)
    _name_ends(ax, zip(ends["series"], ends["estimate"], ends["kind"].map(OF_KIND), strict=True))
    return _scaled(ax, "", y_label, _ticks(table["year"]))


def spread(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, y_label: Any, cumulated: bool = False) -> Axes:
    """How values (estimate) are spread: a histogram, or the share up to each value."""
    ax = ax or _axes(UPRIGHT, left=BESIDE, top=LINE + ABOVE)
    if cumulated:
        sns.ecdfplot(table, x="estimate", color=ACCENT, ax=ax)
    else:
        # A rule that far outliers do not upset: twice the cube root of the number of values.
        sns.histplot(table, x="estimate", bins="rice", color=ACCENT, alpha=1, edgecolor=PAPER, ax=ax)
    return _scaled(ax, x_label, y_label)


def heat(table: pd.DataFrame, ax: Ax = None, *, decimals: int = PAGE_DECIMALS) -> Axes:
    """A shade and a number per row and column (label, series, estimate), up to eight; a dash where there is none."""
    grid = table.set_index(["label", "series"])["estimate"].unstack(sort=False).rename_axis(index=None, columns=None)
    rows = [phrase(name).folded(LETTERS // 2) for name in grid.index]
    heads = [phrase(name).folded(60 // len(grid.columns)) for name in grid.columns]
    left, height = max(map(text_width, rows)) + EDGE, len(rows) * (max(map(_height, rows)) + LINE / 2)
    ax = ax or _axes(height, left, top=max(map(_height, heads)) + EDGE, bottom=EDGE)
    sns.heatmap(grid, cmap=ListedColormap(SHADES), cbar=False, linewidths=1, linecolor=MUTED, ax=ax)
    for (i, j), x in np.ndenumerate(grid.to_numpy()):
        ax.text(j + 0.5, i + 0.5, phrase(lambda words, x=x: words.number(x, decimals)), ha="center", va="center")
    ax.grid(False)
    ax.tick_params(length=0, labelbottom=False, labeltop=True)
    ax.set_xticks(np.arange(len(heads)) + 0.5, heads)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, ha="left", va="center", rotation=0)
    ax.tick_params(axis="y", pad=(left - EDGE / 2) * POINTS)
    return ax


def on_scale(table: pd.DataFrame, ax: Ax = None, *, levels: Any, x_label: Any, decimals: int = PAGE_DECIMALS) -> Axes:
    """The index (first row: label, estimate, ci_low, ci_high) on the scale of categories; the other rows are marks."""
    now, marks = table.iloc[:1], table.iloc[1:].sort_values("estimate", ascending=False)
    bounds = [level.below for level in levels if level.below is not None]
    known = [*table["estimate"], *now["ci_low"], *now["ci_high"], *bounds]
    least, most = np.nanmin(known), np.nanmax(known)
    room, tops = 0.12 * (most - least) + GAP, ON_SCALE + STEP * np.arange(len(marks))
    ends = [least - room, *bounds, most + room]
    ax = ax or _axes(ON_SCALE + STEP * len(marks))
    ax.set(xlim=(ends[0], ends[-1]), ylim=(0, ON_SCALE + STEP * len(marks)), yticks=[])
    ax.grid(False)
    for level, low, high in zip(levels, ends, ends[1:], strict=False):
        _ranges(ax, ([low + GAP], [high - GAP]), [0.25], level.colour, 6)
        _name(ax, (low + high) / 2, lambda words, level=level: words.pick(level.label), 0.02)
    # The mark furthest left is named highest.
    _ranges(ax, marks["estimate"], (0 * tops + 0.2, tops), MUTED, 1)
    for label, x, top in zip(marks["label"], marks["estimate"], tops, strict=True):
        _name(ax, x, lambda words, label=label, x=x: f"{phrase(label).say(words)}: {words.number(x, decimals)}", top)
    _ranges(ax, (now["ci_low"], now["ci_high"]), [0.42], INK, 2)
    _dots(ax, now["estimate"], [0.42], INK, 40)
    return _scaled(ax, x_label)


# All others by their rows.
TOLD = {strip: told.told_strip, lines: told.told_lines, spread: told.told_spread, on_scale: told.told_on_scale}


def _axes(height: float, left: float = EDGE, right: float = EDGE, top: float = ABOVE, bottom: float = BELOW) -> Axes:
    """Axes with so much room around them, in inches; no pyplot: nothing global that a forked kernel could lose."""
    whole = height + top + bottom
    box = (left / WIDTH, bottom / whole, (WIDTH - left - right) / WIDTH, height / whole)
    return Figure(figsize=(WIDTH, whole)).add_axes(box)


def _axes_of(names: Iterable[object]) -> Axes:
    """Axes with room for the names of lines at their right."""
    named = [phrase(name).folded(FEW_LETTERS) for name in names]
    right = max(map(text_width, named)) + GAP + EDGE / 2
    return _axes(max(UPRIGHT, LINE + sum(map(_height, named))), BESIDE, right, LINE + ABOVE)


def _height(text: Phrase) -> float:
    return LINE * len(text.lines())


def _rows(labels: Iterable[object], ax: Ax, room: float = ROW, top: float = 0) -> tuple[Axes, np.ndarray]:
    """Labels above their rows, from top to bottom, and the middles of the rows; the unit is an inch."""
    texts = [phrase(label).folded(LETTERS) for label in labels]
    ends = -np.cumsum([_height(text) + room for text in texts])
    ax = ax or _axes(-ends[-1], top=ABOVE + top)
    ax.set(ylim=(ends[-1], 0), yticks=[])
    for text, head in zip(texts, [0, *ends], strict=False):
        ax.text(0, head, text, transform=ax.get_yaxis_transform(), va="top")
    return ax, ends + 0.64 * room


def _ranges(ax: Axes, x: Any, y: Any, colours: Any, width: float) -> None:
    """Lines between two ends; of ``x`` and ``y`` one is (starts, ends), the other the place of each."""
    x, y = (np.column_stack(ends if isinstance(ends, tuple) else (ends, ends)).ravel() for ends in (x, y))
    rows = np.repeat(np.arange(len(x) // 2), 2)
    look = {"color": colours} if isinstance(colours, str) else {"hue": rows, "palette": dict(enumerate(colours))}
    sns.lineplot(x=x, y=y, units=rows, estimator=None, sort=False, legend=False, ax=ax,
                 linewidth=width, solid_capstyle="butt", **look)  # fmt: skip


def _dots(ax: Axes, x: Any, y: Any, colour: str, size: float = 20, **look: Any) -> None:
    look = {"edgecolor": colour, "linewidth": 1, **look}
    sns.scatterplot(x=np.asarray(x), y=np.asarray(y), color=colour, s=size, zorder=3, legend=False, ax=ax, **look)


def _scaled(ax: Axes, x_label: object, y_label: object = None, ticks: Ticks | None = None) -> Axes:
    """Numbers of the scales and their names, that of the upright one above it; to be called last."""
    ax.set_xticks(*(ticks or _numbers(*ax.get_xlim())))
    ax.set(xlabel=phrase(x_label), ylabel="")
    if y_label is not None:
        ax.set_yticks(*_numbers(*ax.get_ylim()))
        ax.set_title(phrase(y_label), loc="left", x=(EDGE / 2 - BESIDE) / _inches(ax)[0])
    return ax


def _numbers(low: float, high: float) -> Ticks:
    """A few numbers inside the limits, in steps of 1, 2 or 5 times a power of ten; whole ones where there are two."""
    found = MaxNLocator(MOST_NUMBERS, steps=[1, 2, 5, 10], integer=high - low > LEAST_WHOLE).tick_values(low, high)
    decimals = max(0, -int(np.floor(np.log10(found[1] - found[0]) + 1e-9)))
    at = [x for x in found if low - 1e-9 <= x <= high + 1e-9]
    return at, phrases(lambda words: [words.number(x, decimals) for x in at])


def _ticks(x: pd.Series) -> Ticks | None:
    """A few days, the first and the last among them; years; of other numbers those of the scale."""
    some = x.drop_duplicates().sort_values()
    if x.dtype.kind == "M":
        some = some.iloc[np.unique(np.linspace(0, len(some) - 1, MOST_DAYS).astype(int))]
        return date2num(some), phrases(lambda words: [words.day(day.date()) for day in some])
    few = some[:: -1 * -(-len(some) // MOST_NUMBERS)]
    return (list(few), [phrase(year) for year in few]) if x.dtype.kind == "i" else None


def _name(ax: Axes, x: float, text: object, y: float) -> None:
    """A text at ``x``, moved as far as it must be to stay on the axes."""
    (low, high), length = ax.get_xlim(), text_width(text) / _inches(ax)[0]
    start = np.clip((x - low) / (high - low) - length / 2, 0, max(0, 1 - length))
    ax.text(start, y, phrase(text), transform=ax.get_yaxis_transform(), va="bottom")


def _beside(ax: Axes, text: object, x: float, y: float, **style: Any) -> None:
    ax.annotate(phrase(text), (x, y), (4, 0), textcoords="offset points", va="center", **style)


def _name_ends(ax: Axes, ends: Iterable[tuple[object, float, str]]) -> None:
    """The name of each line beside its end, moved up or down so that no two meet."""
    low, top = ax.get_ylim()
    names = [(phrase(name).folded(FEW_LETTERS), y, colour) for name, y, colour in sorted(ends, key=lambda end: -end[1])]
    heights = [_height(name) * (top - low) / _inches(ax)[1] for name, *_ in names]
    for i, (name, y, colour) in enumerate(names):
        top = max(min(y + heights[i] / 2, top), low + sum(heights[i:]))
        style = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "va": "top", "color": colour}
        ax.annotate(name, (1, top), (GAP * POINTS, 0), **style)
        top -= heights[i]


def _inches(ax: Axes) -> Any:
    return ax.bbox.size / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
