"""Forms of charts, drawn by seaborn from a tidy table (figures: ``estimate``) on ``ax``, or on axes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spi_analysis.reporting.pictures import COLOURS, POINTS, WIDTH, Chart, text_width
from spi_analysis.reporting.wording import Words, phrase, phrases
from spi_analysis.tables import PAGE_DECIMALS, rounded

PAPER, INK, MUTED, GRID, ACCENT, MINUS, TARGET, *STEPS = COLOURS
# Inches: a line of text, a row below its label, around the axes, beside upright numbers, a bar, names, lanes, a cell.
LINE, ROW, ABOVE, BELOW, EDGE, BESIDE, BAR, GAP, LANE, CELL = 0.155, 0.27, 0.1, 0.42, 0.12, 0.5, 0.13, 0.06, 0.07, 0.2
# The marks of one series, and of two in a row: sign, marker, colour, lane.
MARKS = {1: [("", "o", ACCENT, 0)], 2: [("◆", "D", MUTED, LANE / 2), ("●", "o", ACCENT, -LANE / 2)]}
# Letters of a label above its row, and of one beside its line; inches of an upright scale; numbers and days of one.
LETTERS, FEW_LETTERS, UPRIGHT, MOST_NUMBERS, MOST_DAYS, LEAST_WHOLE = 38, 15, 1.7, 5, 3, 1.5
OF_SERIES, OF_KIND = [ACCENT, TARGET, INK, MINUS, MUTED], {"past": MUTED, "target": TARGET, "now": ACCENT}
FIGURES, LABELS = ("estimate", "ci_low", "ci_high"), ("label", "series", "text")
AS_IT_IS: dict[str, Any] = {"estimator": None, "legend": False}
BARE: dict[str, Any] = {"cbar": False, "xticklabels": False, "yticklabels": False}  # They would go again.
Ax, Ticks, Range = Axes | None, tuple[Any, Any], tuple[Any, Any, Any, float]


def chart(form: Callable[..., Axes], table: pd.DataFrame, chart_id: str, title: object, *, note: object = "",
          decimals: int = PAGE_DECIMALS, unit: str = "", **options: Any) -> Chart:  # fmt: skip
    """What is drawn is rounded as it is written: places in an SVG can be read back. ``unit``: as told, such as "%"."""
    table = table.assign(**{name: [rounded(x, decimals) for x in table[name]] for name in FIGURES if name in table})
    table = table.assign(**{name: table[name].map(phrase).astype(object) for name in LABELS if name in table})
    # Limits, too, give figures away: they say where the numbers of a scale stand.
    options |= {name: tuple(rounded(x, decimals) if isinstance(x, float) else x for x in pair)
                for name, pair in options.items() if isinstance(pair, tuple)}  # fmt: skip
    told = partial(told_lines if form == lines else told_rows, table, decimals=decimals, unit=unit, **options)
    own = {"decimals": decimals} if "decimals" in signature(form).parameters else {}
    return Chart(chart_id, phrase(title), partial(form, table, **options, **own), phrase(told), phrase(note))


def intervals(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, limits: Any = None, reference: Any = ()) -> Axes:
    """Dots with intervals (label, estimate, ci_low, ci_high), of one or two ``series``; a reference (figure, label)."""
    parts = list(table.groupby("series", sort=False)) if "series" in table else [("", table)]
    marks, (ax, at) = MARKS[len(parts)], _rows(parts[0][1]["label"], ax, top=LINE)
    ranges: list[Range] = []
    for (_, rows), (_, marker, colour, lane) in zip(parts, marks, strict=True):
        ranges.append(((rows["ci_low"], rows["ci_high"]), at + lane, [colour] * len(at), 2))
        _dots(ax, rows["estimate"], at + lane, colour, marker=marker)
    known = [([reference[0]] * len(at), (at - 0.09, at + 0.09), [MUTED] * len(at), 1.5)] if reference else []
    _ranges(ax, *ranges, *known)
    ax.set_xlim(limits)
    _names(ax, reference[:1], reference[1:], 0.04)
    if "series" in table:
        said = phrases(lambda words: [f"{marks[i][0]} {phrase(name).say(words)}" for i, (name, _) in enumerate(parts)])
        _names(ax, [rows["estimate"].iloc[0] for _, rows in parts], said, 0.04)
    return _scaled(ax, x_label)


def composition(table: pd.DataFrame, ax: Ax = None, *, x_label: object, decimals: int = PAGE_DECIMALS) -> Axes:
    """Bars that add up from 0 to the last one, the total, a row each (label, estimate); minus goes backwards."""
    (ax, at), (*points, total) = _rows(table["label"], ax), table["estimate"]
    ends = np.array([*np.cumsum(points), total])
    starts, low, high = np.array([0.0, *ends[:-2], 0.0]), min(0.0, *ends), max(0.0, *ends)
    ax.set_xlim(low, high + 0.2 * (high - low))
    _ranges(ax, ((starts, ends), at, [*np.where(np.less(points, 0), MINUS, ACCENT), INK], BAR * POINTS))
    values = phrases(lambda words: [*(words.signed(x, decimals) for x in points), words.number(total, decimals)])
    for value, x, y in zip(values, np.maximum(starts, ends), at, strict=True):
        ax.annotate(value, (x, y), (4, 0), textcoords="offset points", va="center")
    return _scaled(ax, x_label)


def lines(table: pd.DataFrame, ax: Ax = None, *, x_label: Any, y_label: Any, from_zero: bool = True) -> Axes:
    """A line per series, named at its end (x: days, years or numbers; series, estimate)."""
    table = table.dropna().sort_values("x", kind="stable")
    ends = table.groupby("series", sort=False)["estimate"].last()
    ax, hues = ax or _axes_of(ends.index), sns.color_palette(OF_SERIES, len(ends)).as_hex()
    sns.lineplot(table, x="x", y="estimate", hue="series", style="series", palette=hues, ax=ax, **AS_IT_IS)
    if from_zero:
        ax.set_ylim(0, MaxNLocator(MOST_NUMBERS, steps=[1, 2, 5, 10]).tick_values(*ax.get_ylim())[-1])
    _name_ends(ax, zip(ends.index, ends, hues, strict=True))
    return _scaled(ax, x_label, y_label, _ticks(table["x"]))


def history(table: pd.DataFrame, ax: Ax = None, *, y_label: object) -> Axes:
    """Earlier years, targets and this round (kind: past, target or now; series, year, estimate, ci_low, ci_high)."""
    past, targets, now = (table[table["kind"] == kind] for kind in OF_KIND)
    ends, ax = table.drop_duplicates("series", keep="last"), ax or _axes_of(table["series"].unique())
    sns.lineplot(past, x="year", y="estimate", marker="o", markeredgewidth=0, color=MUTED, ax=ax, **AS_IT_IS)
    _dots(ax, targets["year"], targets["estimate"], TARGET, marker="D")
    _dots(ax, now["year"], now["estimate"], ACCENT)
    _ranges(ax, (now["year"], (now["ci_low"], now["ci_high"]), [ACCENT] * len(now), 2))
    _name_ends(ax, zip(ends["series"], ends["estimate"], ends["kind"].map(OF_KIND), strict=True))
    return _scaled(ax, "", y_label, _ticks(table["year"]))


def spread(table: pd.DataFrame, ax: Ax = None, *, x_label: object, y_label: object) -> Axes:
    """A histogram: how many (estimate) there are from ``low`` to ``high``, row by row."""
    ax, edges = ax or _axes(UPRIGHT, BESIDE, top=LINE + ABOVE), [*table["low"], table["high"].iloc[-1]]
    sns.histplot(table, x="low", weights="estimate", bins=edges, color=ACCENT, alpha=1, edgecolor=PAPER, ax=ax)
    return _scaled(ax, x_label, y_label)


def on_scale(table: pd.DataFrame, ax: Ax = None, *, levels: Any, x_label: Any, decimals: int = PAGE_DECIMALS,
             strip: Any = ()) -> Axes:  # fmt: skip
    """The index (first row) and marks, as in ``intervals``, above the categories; ``strip``: peers in the second."""
    bounds, index, marks = [level.below for level in levels if level.below is not None], table[:1], table[1:]
    said = phrases(lambda words: [f"{phrase(name).say(words)}: {words.number(x, decimals)}"
                                  for name, x in zip(table["label"], table["estimate"], strict=True)])  # fmt: skip
    ax, at = _rows([*said, ""], ax)
    ax.grid(False)
    ax.margins(x=0.1)
    ranges: list[Range] = [(bounds, ([at[-1]] * len(bounds), [0] * len(bounds)), [GRID] * len(bounds), 1),
                           ((index["ci_low"], index["ci_high"]), at[:1], [INK], 2)]  # fmt: skip
    _dots(ax, index["estimate"], at[:1], INK, 40)
    if len(strip):
        lanes = at[1] + LANE * (np.arange(len(strip)) % 3 - 1)
        sns.stripplot(x=strip, y=lanes, orient="h", native_scale=True, jitter=False, color=MUTED, size=3, ax=ax)
        ranges.append((marks["estimate"][:1], ([at[1] - 0.11], [at[1] + 0.11]), [INK], 2))
        marks, at = marks[1:], at[1:]
    _ranges(ax, *ranges)
    _dots(ax, marks["estimate"], at[1:-1], MUTED, marker="D")
    ends = np.array([ax.get_xlim()[0], *bounds, ax.get_xlim()[1]])
    ax.set_xlim(ends[0], ends[-1])
    _ranges(ax, ((ends[:-1] + GAP, ends[1:] - GAP), [at[-1]] * len(levels), [level.colour for level in levels], 6))
    names = phrases(lambda words: [words.pick(level.label) for level in levels])
    _names(ax, (ends[:-1] + ends[1:]) / 2, names, at[-1] + 0.4 * ROW)
    return _scaled(ax, x_label)


def heatmap(table: pd.DataFrame, ax: Ax = None, *, steps: Any, x_label: object) -> Axes:
    """Cells below their label (label, series, estimate), with their ``text``, in colours by the steps reached."""
    (row, labels), (column, heads) = (pd.factorize(table[name]) for name in ("label", "series"))
    names = [phrase(label).folded(LETTERS) for label in labels]
    at = np.cumsum([len(name.lines()) + 1 for name in names]) - 1
    grid = table.assign(row=at[row], column=column, step=[sum(x >= y for y in steps) for x in table["estimate"]])
    wide = grid.pivot(index="row", columns="column", values="step").reindex(range(at[-1] + 1))
    ax = ax or _axes(CELL * len(wide), top=LINE + ABOVE)
    sns.heatmap(wide, vmin=0, vmax=len(STEPS), cmap=ListedColormap([PAPER, *STEPS]), linewidths=1, ax=ax, **BARE)
    ax.collections[-1].set_edgecolor(["none" if x != x else PAPER if x else MUTED for x in wide.to_numpy().ravel()])
    for x, y, text, step in grid[["column", "row", "text", "step"]].itertuples(index=False):
        ax.text(x + 0.5, y + 0.5, phrase(text), ha="center", va="center", color=PAPER if step else INK)
    for name, y in zip(names, at, strict=True):
        ax.text(0, y - 0.1, name, va="bottom")
    ax.tick_params(labeltop=True, grid_alpha=0)
    return _scaled(ax, x_label, ticks=(np.arange(len(heads)) + 0.5, [phrase(head) for head in heads]))


def told_rows(table: pd.DataFrame, words: Words, decimals: int, unit: str, *, reference: Any = (), **_: Any) -> str:
    """Every label with its figures, one for each series; then what they are compared with."""
    rows: dict[str, list[str]] = {}
    for label, row in zip(table["label" if "label" in table else "year"], table.to_dict("records"), strict=True):
        name = f"{phrase(row['series']).say(words)} " if "series" in row else ""
        known = pd.notna(row.get("ci_low"))
        interval = f" ({words.interval(row['ci_low'], row['ci_high'], decimals, unit)})" if known else ""
        figure = row["text"].say(words) if "text" in row else f"{words.number(row['estimate'], decimals)}{unit}"
        rows.setdefault(phrase(label).say(words), []).append(f"{name}{figure}{interval}")
    told = "; ".join(f"{label}: {', '.join(figures)}" for label, figures in rows.items())
    return ". ".join([told, *(phrase(name).say(words) for name in reference[1:] if name)]) + "."


def told_lines(table: pd.DataFrame, words: Words, decimals: int, unit: str, **_: Any) -> str:
    """The first and the last known value of every line."""
    ends = table.dropna().groupby("series", sort=False)["estimate"].agg(["first", "last"])
    told = ends.map(words.number, decimals=decimals).itertuples()
    texts = [f"{phrase(name).say(words)}: {first} → {last}" for name, first, last in told]
    return words("From the first to the last point: {values}.", values="; ".join(texts))


def _axes(height: float, left: float = EDGE, right: float = EDGE, top: float = ABOVE) -> Axes:
    """Axes with so much room around them, in inches; no pyplot: nothing global that a forked kernel could lose."""
    whole = height + top + BELOW
    box = (left / WIDTH, BELOW / whole, (WIDTH - left - right) / WIDTH, height / whole)
    # Named from the start: else each call of seaborn makes all ticks to see whether it should name the scales.
    return Figure(figsize=(WIDTH, whole)).add_axes(box, xlabel=" ", ylabel=" ")


def _axes_of(names: Iterable[object]) -> Axes:
    """Axes with room for the names of lines at their right."""
    named = [phrase(name).folded(FEW_LETTERS) for name in names]
    right = max(map(text_width, named)) + GAP + EDGE / 2
    return _axes(max(UPRIGHT, LINE * (1 + sum(len(one.lines()) for one in named))), BESIDE, right, LINE + ABOVE)


def _rows(labels: Iterable[object], ax: Ax, room: float = ROW, top: float = 0) -> tuple[Axes, np.ndarray]:
    """Labels above their rows, from top to bottom, and the middles of the rows; the unit is an inch."""
    texts = [phrase(label).folded(LETTERS) for label in labels]
    ends = -np.cumsum([LINE * len(text.lines()) + room for text in texts])
    ax = ax or _axes(-ends[-1], top=ABOVE + top)
    ax.set(ylim=(ends[-1], 0), yticks=[])
    for text, head in zip(texts, [0, *ends], strict=False):
        ax.text(0, head, text, transform=ax.get_yaxis_transform(), va="top")
    return ax, ends + 0.64 * room


def _ranges(ax: Axes, *ranges: Range) -> None:
    """Lines between two ends (of x and y one is a pair), by one call of seaborn: it takes as long as many lines."""
    ends = [[np.column_stack(of if isinstance(of, tuple) else (of, of)) for of in pair] for *pair, _, _ in ranges]
    x, y = (np.concatenate(of).ravel() for of in zip(*ends, strict=True))
    looks = [{"color": colour, "linewidth": width} for *_, colours, width in ranges for colour in colours]
    rows, known = np.repeat(np.arange(len(x) // 2), 2), pd.notna(x) & pd.notna(y)
    if known.any():  # Nothing is what seaborn cannot draw.
        sns.lineplot(x=x[known], y=y[known], units=rows[known], sort=False, solid_capstyle="butt", ax=ax, **AS_IT_IS)
        for line, row in zip(ax.lines[::-1], np.unique(rows[known])[::-1], strict=False):
            line.set(**looks[row])


def _dots(ax: Axes, x: Any, y: Any, colour: str, size: float = 20, marker: str = "o") -> None:
    sns.scatterplot(x=np.asarray(x), y=np.asarray(y), color=colour, s=size, marker=marker, lw=0, zorder=3, ax=ax)


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
        return list(some), phrases(lambda words: [words.day(day.date()) for day in some])
    few = some[:: -1 * -(-len(some) // MOST_NUMBERS)]
    return (list(few), [phrase(year) for year in few]) if x.dtype.kind == "i" else None


def _names(ax: Axes, x: Any, texts: Sequence[object], y: float) -> None:
    """Texts at ``x``, moved as far as they must be to stay on the axes and apart."""
    (low, high), width = ax.get_xlim(), _inches(ax)[0]
    sizes, middles = [(text_width(text) + GAP) / width for text in texts], (np.asarray(x) - low) / (high - low)
    for text, start in zip(texts, _apart(middles, sizes, 0, 1 + GAP / width), strict=True):
        ax.text(start, y, phrase(text), transform=ax.get_yaxis_transform(), va="bottom")


def _name_ends(ax: Axes, ends: Iterable[tuple[object, float, str]]) -> None:
    """The name of each line beside its end, moved up or down so that no two meet."""
    low, top = ax.get_ylim()
    names = [(phrase(name).folded(FEW_LETTERS), y, colour) for name, y, colour in sorted(ends, key=lambda end: -end[1])]
    heights = [LINE * len(name.lines()) * (top - low) / _inches(ax)[1] for name, *_ in names]
    for (name, _, colour), y in zip(names, _apart([-y for _, y, _ in names], heights, -top, -low), strict=True):
        ax.annotate(name, (1, -y), (4, 0), ax.get_yaxis_transform(), "offset points", va="top", color=colour)


def _apart(middles: Iterable[float], sizes: list[float], low: float, high: float) -> Iterator[float]:
    """Where things of these sizes start: each about its middle, as far as the others and both ends let it."""
    for i, (middle, size) in enumerate(zip(middles, sizes, strict=True)):
        start = max(low, min(middle - size / 2, high - sum(sizes[i:])))
        yield start
        low = start + size


def _inches(ax: Axes) -> Any:
    return ax.bbox.size / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
