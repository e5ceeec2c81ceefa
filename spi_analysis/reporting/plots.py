"""Forms of charts, drawn by seaborn from a tidy table: on ``ax``, or on axes with room for all words.

Figures stand in the column ``estimate``, labels (texts or ``phrase``s) in ``label`` or ``series``.
``chart(form, table, ...)`` makes one a picture with words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spi_analysis.params import CategoryLevel
from spi_analysis.reporting import told
from spi_analysis.reporting.pictures import PALETTE, POINTS, SHADES, WIDTH, Chart, lines_of, text_width
from spi_analysis.reporting.wording import Phrase, Words, phrase
from spi_analysis.tables import PAGE_DECIMALS, rounded

PAPER, INK, MUTED, GRID, ACCENT, MINUS, TARGET = PALETTE
# Inches: a line of text, the room of a row below its label, around the axes, a bar, beside a line, between names.
LINE, ROW, ABOVE, BELOW, EDGE, BESIDE, BAR, GAP, STEP = 0.155, 0.27, 0.1, 0.42, 0.12, 0.5, 0.13, 0.06, 0.19
# Letters of a label above its row, and of one beside its line; inches of an upright scale, and of the categories.
LETTERS, FEW_LETTERS, UPRIGHT, ON_SCALE = 38, 15, 1.7, 0.55
COLOURS, DASHES = [ACCENT, TARGET, INK, MINUS, MUTED], [(), (4, 2), (1, 1.5), (6, 2, 1, 2)]
MOST_NUMBERS, MOST_DAYS, LEAST_WHOLE = 5, 3, 1.5
Ax, Ticks = Axes | None, tuple[Any, list[Phrase]]


def chart(form: Callable[..., Axes], table: pd.DataFrame, chart_id: str, title: object, *, note: object = "",
          decimals: int = PAGE_DECIMALS, unit: str = "", **options: Any) -> Chart:  # fmt: skip
    """What is drawn is what is written, rounded alike: the places of dots and bars in the SVG could be read back.

    Parameters
    ----------
    form : intervals, lines, ...   and its ``options``
    unit : str                     behind every figure of the description, such as "%"
    """
    figures = [name for name in ("estimate", "ci_low", "ci_high") if name in table]
    table = table.assign(**{name: [rounded(x, decimals) for x in table[name]] for name in figures})
    labels = [name for name in ("label", "series") if name in table]
    table = table.assign(**{name: table[name].map(phrase).astype(object) for name in labels})
    options = {name: _as_written(value, decimals) for name, value in options.items()}
    described = phrase(lambda words: TOLD[form](table, words, decimals, unit, **options))
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


def intervals(table: pd.DataFrame, ax: Ax = None, *, x_label: object, limits: Any = None,
              reference: float | None = None, reference_label: object = "") -> Axes:  # fmt: skip
    """Dots with intervals, a row each (label, estimate, ci_low, ci_high), and a line to compare with."""
    others = [] if reference is None else [reference]
    ax, at = _rows(table["label"], ax, top=LINE * len(others))
    ax.set_xlim(limits or _around([*table["ci_low"], *table["ci_high"], *others]))
    for x in others:
        _ranges(ax, [x] * len(at), at - 0.09, at + 0.09, MUTED, 1.5, upright=True)
        _name(ax, x, reference_label, 0.04)
    _ranges(ax, at, table["ci_low"], table["ci_high"], ACCENT, 2)
    _dots(ax, table["estimate"], at, ACCENT)
    return _scaled(ax, x_label)


def strip(table: pd.DataFrame, ax: Ax = None, *, x_label: object) -> Axes:
    """Peers as rings on a row (label, estimate, own: is it one's own), and one's own as a full dot."""
    labels = table["label"].drop_duplicates()
    ax, at = _rows(labels, ax)
    rows, limits = table["label"].map(dict(zip(labels, at, strict=True))).astype(float), ax.get_ylim()
    own, rings = table["own"], {"facecolors": "none", "edgecolor": MUTED, "linewidth": 1}
    sns.stripplot(x=table["estimate"][~own], y=rows[~own], orient="h", native_scale=True, jitter=False, ax=ax, **rings)
    _dots(ax, table["estimate"][own], rows[own], ACCENT, 50)
    ax.set_ylim(limits)
    return _scaled(ax, x_label)


def composition(table: pd.DataFrame, ax: Ax = None, *, total: float, total_label: Any, x_label: Any,
                decimals: int = PAGE_DECIMALS) -> Axes:  # fmt: skip
    """Bars that add up from 0 to a total (label, estimate); minus goes backwards, also below 0."""
    points = table["estimate"]
    ends = np.append(points.cumsum(), total)
    starts, low, high = np.array([0.0, *ends[:-2], 0.0]), min(0.0, ends.min()), max(0.0, ends.max())
    ax, at = _rows([*table["label"], total_label], ax)
    ax.set_xlim(low, high + 0.2 * (high - low))
    _ranges(ax, at, starts, ends, [*np.where(points < 0, MINUS, ACCENT), INK], BAR * POINTS)
    values = [phrase(lambda words, x=x: words.signed(x, decimals)) for x in points]
    values += [phrase(lambda words: words.number(total, decimals))]
    for place, value in zip(zip(np.maximum(starts, ends), at, strict=True), values, strict=True):
        _beside(ax, value, place)
    return _scaled(ax, x_label)


def bars(table: pd.DataFrame, ax: Ax = None, *, x_label: object) -> Axes:
    """Rows with a bar per series, named in the first row (label, series, estimate, ci_low, ci_high)."""
    series, low, high = table["series"].unique(), min(0.0, table["ci_low"].min()), max(0.0, table["ci_high"].max())
    ax, at = _rows(table["label"].drop_duplicates(), ax, LINE * (len(series) - 1) + ROW)
    ax.set_xlim(low - 0.02 * (high - low), high + 0.5 * (high - low))
    for i, (name, colour) in enumerate(zip(series, COLOURS, strict=False)):
        rows, y = table[table["series"] == name], at + LINE * ((len(series) - 1) / 2 - i)
        _ranges(ax, y, 0 * rows["estimate"], rows["estimate"], colour, BAR * POINTS)
        _ranges(ax, y, rows["ci_low"], rows["ci_high"], PAPER, 4)
        _ranges(ax, y, rows["ci_low"], rows["ci_high"], INK, 1.5)
        _beside(ax, name, (max(0.0, rows["ci_high"].iloc[0]), y[0]), color=colour)
    return _scaled(ax, x_label)


def lines(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, y_label: Any, from_zero: bool = True) -> Axes:
    """A line per series, named at its end (x: days, years or numbers; series, estimate)."""
    table = table.dropna()
    ticks, names = _ticks(table["x"]), list(table["series"].unique())
    days = table["x"].dtype.kind == "M"
    table = table.assign(x=date2num(table["x"]) if days else table["x"]).sort_values("x", kind="stable")
    ax, colours = ax or _axes_of(names), [COLOURS[i % len(COLOURS)] for i in range(len(names))]
    dashes = [DASHES[i % len(DASHES)] for i in range(len(names))]
    sns.lineplot(table, x="x", y="estimate", hue="series", style="series", hue_order=names, style_order=names, ax=ax,
                 palette=colours, dashes=dashes, estimator=None, legend=False)  # fmt: skip
    if from_zero:
        ax.set_ylim(0, MaxNLocator(MOST_NUMBERS, steps=[1, 2, 5, 10]).tick_values(*ax.get_ylim())[-1])
    ends = table.groupby("series")["estimate"].last()
    _name_ends(ax, [(name, ends[name], colour) for name, colour in zip(names, colours, strict=True)])
    return _scaled(ax, x_label, y_label, ticks)


def history(table: pd.DataFrame, ax: Ax = None, *, y_label: object) -> Axes:
    """Earlier years, targets and this round (kind: past, target or now; series, year, estimate, ci_low, ci_high)."""
    past, targets, now = (table[table["kind"] == kind] for kind in ("past", "target", "now"))
    ends, ax = table.drop_duplicates("series", keep="last"), ax or _axes_of(table["series"])
    sns.lineplot(past, x="year", y="estimate", marker="o", markeredgewidth=0, color=MUTED, errorbar=None, ax=ax)
    _dots(ax, targets["year"], targets["estimate"], TARGET, 30, "D")
    _ranges(ax, now["year"], now["ci_low"], now["ci_high"], ACCENT, 2, upright=True)
    _dots(ax, now["year"], now["estimate"], ACCENT)
    ax.set_xlim(table["year"].min() - 0.4, table["year"].max() + 0.4)
    colours = ends["kind"].map({"past": MUTED, "target": TARGET, "now": ACCENT})
    _name_ends(ax, list(zip(ends["series"], ends["estimate"], colours, strict=True)))
    return _scaled(ax, "", y_label, _ticks(table["year"]))


def spread(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, y_label: Any, cumulated: bool = False) -> Axes:
    """How values (estimate) are spread: a histogram, or the share up to each value."""
    ax = ax or _axes(UPRIGHT, left=BESIDE, top=LINE + ABOVE)
    if cumulated:
        sns.ecdfplot(table, x="estimate", color=ACCENT, ax=ax)
    else:
        # As many bars as the values can fill.
        bins = int(np.clip(2 * np.sqrt(len(table)), 5, 30))
        sns.histplot(table, x="estimate", bins=bins, color=ACCENT, alpha=1, edgecolor=PAPER, ax=ax)
    return _scaled(ax, x_label, y_label)


def heat(table: pd.DataFrame, ax: Ax = None, *, decimals: int = PAGE_DECIMALS) -> Axes:
    """A shade and a number per row and column (label, series, estimate); a dash where there is none.

    There is room for eight columns of two digits.
    """
    grid = table.pivot(index="label", columns="series", values="estimate")
    grid = grid.reindex(table["label"].unique(), columns=table["series"].unique())
    names, heads = [lines_of(x, LETTERS // 2) for x in grid.index], [lines_of(x, 60 // grid.shape[1]) for x in grid]
    left = max(text_width(line) for name in names for line in name) + EDGE
    room = {"left": left, "bottom": EDGE, "top": LINE * max(map(len, heads)) + EDGE}
    ax = ax or _axes(LINE * len(names) * (max(map(len, names)) + 0.5), **room)
    quiet = {"cbar": False, "xticklabels": False, "yticklabels": False, "linewidths": 1, "linecolor": MUTED}
    sns.heatmap(grid, cmap=ListedColormap(SHADES), ax=ax, **quiet)
    ax.set(xlabel="", ylabel="")
    for (i, j), x in np.ndenumerate(grid.to_numpy()):
        ax.text(j + 0.5, i + 0.5, phrase(lambda words, x=x: words.number(x, decimals)), ha="center", va="center")
    for i, name in enumerate(names):
        _stack(ax, name, (0, i + 0.5), (-4, LINE * POINTS * len(name) / 2), "right")
    for j, name in enumerate(heads):
        _stack(ax, name, (j + 0.5, 0), (0, LINE * POINTS * len(name) + 2), "center")
    return ax


def on_scale(table: pd.DataFrame, ax: Ax = None, *, levels: Sequence[CategoryLevel], x_label: Any,
             decimals: int = PAGE_DECIMALS) -> Axes:  # fmt: skip
    """The index (first row: label, estimate, ci_low, ci_high) on the scale of categories; the other rows are marks."""
    now, marks = table.iloc[0], table.iloc[1:].sort_values("estimate", ascending=False)
    bounds = [level.below for level in levels if level.below is not None]
    low, high = _around([*table["estimate"], now["ci_low"], now["ci_high"], *bounds], 0.12)
    ax, ends = ax or _axes(ON_SCALE + STEP * len(marks)), np.array([low, *bounds, high][: len(levels) + 1])
    ax.set(xlim=(low, high), ylim=(0, ON_SCALE + STEP * len(marks)), yticks=[])
    ax.grid(False)
    if levels:
        _ranges(ax, [0.25] * len(levels), ends[:-1] + GAP, ends[1:] - GAP, [level.colour for level in levels], 6)
    for level, middle in zip(levels, (ends[:-1] + ends[1:]) / 2, strict=False):
        _name(ax, middle, lambda words, label=level.label: words.pick(label), 0.02)
    # The mark furthest left is named highest.
    tops = ON_SCALE + STEP * np.arange(len(marks))
    for x, label, top in zip(marks["estimate"], marks["label"], tops, strict=True):
        _ranges(ax, [x], [0.2], [top], MUTED, 1, upright=True)
        _name(ax, x, partial(_named, label, x, decimals), top)
    _ranges(ax, [0.42], [now["ci_low"]], [now["ci_high"]], INK, 2)
    _dots(ax, [now["estimate"]], [0.42], INK, 50)
    return _scaled(ax, x_label)


def _named(label: object, x: float, decimals: int, words: Words) -> str:
    return f"{phrase(label).say(words)}: {words.number(x, decimals)}"


TOLD: dict[Callable[..., Axes], Callable[..., str]] = {
    **dict.fromkeys((intervals, bars, heat), told.told_rows),
    **{strip: told.told_strip, composition: told.told_parts, lines: told.told_lines, history: told.told_history},
    **{spread: told.told_spread, on_scale: told.told_on_scale},
}


def _axes(height: float, left: float = EDGE, right: float = EDGE, top: float = ABOVE, bottom: float = BELOW) -> Axes:
    """Axes with so much room around them, in inches; no pyplot: nothing global that a forked kernel could lose."""
    whole = height + top + bottom
    box = (left / WIDTH, bottom / whole, (WIDTH - left - right) / WIDTH, height / whole)
    return Figure(figsize=(WIDTH, whole)).add_axes(box)


def _axes_of(names: Iterable[object]) -> Axes:
    """Axes with room for the names of lines at their right."""
    named = [line for name in dict.fromkeys(names) for line in lines_of(name, FEW_LETTERS)]
    right = max(map(text_width, named)) + GAP + EDGE / 2
    return _axes(max(UPRIGHT, LINE * (len(named) + 1)), BESIDE, right, LINE + ABOVE)


def _rows(labels: Iterable[object], ax: Ax, room: float = ROW, top: float = 0) -> tuple[Axes, np.ndarray]:
    """Labels above their rows, from top to bottom, and the middles of the rows; the unit is an inch."""
    texts = [lines_of(label, LETTERS) for label in labels]
    heights = np.array([LINE * len(lines) + room for lines in texts])
    bottoms = -np.cumsum(heights)
    ax = ax or _axes(-bottoms[-1], top=ABOVE + top)
    ax.set(ylim=(bottoms[-1], 0), yticks=[])
    for lines, head in zip(texts, bottoms + heights, strict=True):
        for i, line in enumerate(lines):
            ax.text(0, head - LINE * i, line, transform=ax.get_yaxis_transform(), va="top")
    return ax, bottoms + 0.64 * room


def _ranges(ax: Axes, at: Any, low: Any, high: Any, colours: Any, width: float, upright: bool = False) -> None:
    """Lines from low to high, one at each place; the upright limits stay where they are."""
    rows, ends, limits = np.repeat(np.arange(len(at)), 2), np.column_stack([low, high]).ravel(), ax.get_ylim()
    x, y = (np.repeat(at, 2), ends) if upright else (ends, np.repeat(at, 2))
    look = {"color": colours} if isinstance(colours, str) else {"hue": rows, "palette": dict(enumerate(colours))}
    sns.lineplot(x=x, y=y, units=rows, estimator=None, legend=False, orient="x" if upright else "y", ax=ax,
                 linewidth=width, solid_capstyle="butt", **look)  # fmt: skip
    if not upright:
        ax.set_ylim(limits)


def _dots(ax: Axes, x: Any, y: Any, colour: str, size: float = 28, marker: str = "o") -> None:
    x, y = np.asarray(x), np.asarray(y)
    sns.scatterplot(x=x, y=y, color=colour, s=size, marker=marker, linewidth=0, zorder=3, legend=False, ax=ax)


def _scaled(ax: Axes, x_label: object, y_label: object = None, ticks: Ticks | None = None) -> Axes:
    """Numbers of the scales and their names, that of the upright one above it; to be called last."""
    ax.set_xticks(*(ticks or _numbers(*ax.get_xlim())))
    ax.set_xlabel(phrase(x_label))
    ax.set_ylabel("")
    if y_label is not None:
        ax.set_yticks(*_numbers(*ax.get_ylim()))
        where = {"xycoords": ("figure fraction", "axes fraction"), "textcoords": "offset points"}
        ax.annotate(phrase(y_label), (0, 1), (EDGE * POINTS / 2, 8), **where)
    return ax


def _numbers(low: float, high: float) -> Ticks:
    """A few numbers inside the limits, in steps of 1, 2 or 5 times a power of ten; whole ones where there are two."""
    found = MaxNLocator(MOST_NUMBERS, steps=[1, 2, 5, 10], integer=high - low > LEAST_WHOLE).tick_values(low, high)
    decimals = max(0, -int(np.floor(np.log10(found[1] - found[0]) + 1e-9)))
    at = [x for x in found if low - 1e-9 <= x <= high + 1e-9]
    return at, [phrase(lambda words, x=x: words.number(x, decimals)) for x in at]


def _ticks(x: pd.Series) -> Ticks | None:
    """A few days, the first and the last among them; years; of other numbers those of the scale."""
    some = x.drop_duplicates().sort_values()
    if x.dtype.kind == "M":
        some = some.iloc[np.unique(np.linspace(0, len(some) - 1, MOST_DAYS).astype(int))]
        return date2num(some), [phrase(lambda words, day=day: words.day(day.date())) for day in some]
    few = some[:: -1 * -(-len(some) // MOST_NUMBERS)]
    return (list(few), [phrase(year) for year in few]) if x.dtype.kind == "i" else None


def _name(ax: Axes, x: float, text: object, y: float) -> None:
    """A text at ``x``, moved as far as it must be to stay on the picture."""
    box, (low, high), length = ax.get_position(), ax.get_xlim(), text_width(text)
    width = ax.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    at = width * (box.x0 + box.width * (x - low) / (high - low))
    start = float(np.clip(at - length / 2, EDGE / 2, max(width - length - EDGE / 2, EDGE / 2)))
    ax.annotate(phrase(text), (start / width, y), xycoords=("figure fraction", "data"), va="bottom")


def _beside(ax: Axes, text: object, place: tuple[float, float], **style: Any) -> None:
    ax.annotate(phrase(text), place, (4, 0), textcoords="offset points", va="center", **style)


def _stack(ax: Axes, lines: Sequence[Phrase], at: Any, start: tuple[float, float], ha: Any, **style: Any) -> None:
    """Lines under one another; ``start``: points from ``at`` to the top of the first."""
    for i, line in enumerate(lines):
        offset = (start[0], start[1] - LINE * POINTS * i)
        ax.annotate(line, at, offset, textcoords="offset points", ha=ha, va="top", **style)


def _name_ends(ax: Axes, ends: Sequence[tuple[object, float, str]]) -> None:
    """The name of each line beside its end, moved up or down so that no two meet."""
    (low, high), box = ax.get_ylim(), ax.get_position()
    line = LINE * (high - low) / (box.height * ax.get_figure(root=True).get_figheight())  # type: ignore[union-attr]
    names = [(lines_of(name, FEW_LETTERS), y, colour) for name, y, colour in sorted(ends, key=lambda end: -end[1])]
    below, top = line * sum(len(lines) for lines, *_ in names), high
    for lines, y, colour in names:
        height = line * len(lines)
        top = max(min(y + height / 2, top), low + below)
        _stack(ax, lines, (1, top), (GAP * POINTS, 0), "left", xycoords=("axes fraction", "data"), color=colour)
        top, below = top - height, below - height


def _around(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """Limits a little outside of values, yet not beyond 0 and 100."""
    low, high = float(np.nanmin([*values])), float(np.nanmax([*values]))
    room = max(share * (high - low), 1.0)
    return max(low - room, min(low, 0.0)), min(high + room, max(high, 100.0))
