"""What the page of all institutions says of them together: sentences, map, distribution, peers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import Words, figures, html_table, message, text
from spi_analysis.reporting.national.explorer_rows import category_labels, category_rule, province_name
from spi_analysis.stages import Explorer

MAP_NOTE = message(
    "Shade: median index of the institutions in the province, in quarters of the provinces; dashed: fewer than {least} "
    "institutions."
)
QUARTERS = (0.25, 0.5, 0.75)
# The strip of dots: one dot per institution, stacked in steps of half a point.
WIDTH, DOT, STEP = 640, 4, 0.5


def headline_facts(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, str]]:
    """The sentences at the top: figure and words."""
    mean, low, high = explorer.mean
    shown, moved = explorer.shown, explorer.rows["moved"].dropna()
    facts = [
        {
            "figure": f"{say.number(mean)} ({say.interval(low, high)})",
            "words": say("mean index of {n} institutions, with its {level} interval", n=say.number(len(shown), 0),
                         level=say.percent(explorer.level, 0)),
        }
    ]  # fmt: skip
    if len(moved):
        facts.append(
            {
                "figure": say("{clear} of {n}", clear=int((moved != 0).sum()), n=say.number(len(moved), 0)),
                "words": say("changes since the year before stand out from noise"),
            }
        )
    labels = category_labels(explorer, setup, say)
    counts = [f"{labels[code]} {say.number(n, 0)}" for code, n in explorer.categories.items() if code in labels]
    facts.append({"figure": say.listed(counts), "words": say("institutions by category")})
    facts += _reported(explorer, setup, say)
    lacking = len(explorer.rows) - len(shown)
    if lacking:
        facts.append(
            {
                "figure": say.number(lacking, 0),
                "words": say("institutions without an index; the reason stands in their rows"),
            }
        )
    return facts


def _reported(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, str]]:
    """In how many institutions the experiences were reported that the instrument names for the top (``headline``)."""
    level = say.percent(explorer.level, 0)
    return [
        {
            "figure": f"{say.number(row['estimate'], 0)}% ({say.interval(row['ci_low'], row['ci_high'], 0, '%')})",
            "words": say(
                "of {n} institutions: somebody reported “{item}” ({source}); {level} interval as if drawn",
                n=say.number(row["n"], 0),
                item=say.pick(item.label),
                source=say.value("part", row["source"]),
                level=level,
            ),
        }
        for row in explorer.reported.to_dict("records")
        for item in setup.instrument.sources[row["source"]].experiences
        if item.code == row["item"] and item.headline
    ]


def province_tiles(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, Any]]:
    """One tile per province; shaded by quarters of the provinces with enough institutions."""
    groups = explorer.shown.groupby("province_code")["index"]
    counts, medians = groups.size(), groups.median()
    enough = medians[counts >= setup.round.disclosure.min_cell]
    shades = enough.rank(pct=True).map(lambda share: min(4, int(share * 4) + (share * 4 % 1 > 0)))
    return [
        {
            "code": code,
            "short": province.short,
            "row": province.row,
            "column": province.column,
            "shade": int(shades.get(code, 0)),
            "title": _tile_title(province_name(province, code, say), counts.get(code, 0), enough.get(code), say),
        }
        for code, province in setup.provinces.items()
    ]


def _tile_title(name: str, count: int, median: float | None, say: Words) -> str:
    if median is None:
        return say("{name}: {n} institutions", name=name, n=count)
    return say("{name}: {n} institutions, median {median}", name=name, n=count, median=say.number(median))


def strip_of_dots(explorer: Explorer, setup: RoundSetup, say: Words) -> dict[str, Any]:
    """Places of the dots, in the order of the rows, with the limits of the categories."""
    values = explorer.shown["index"].to_numpy(dtype=float)
    low, high = (values.min() // 5 * 5, -(-values.max() // 5) * 5) if len(values) else (0.0, 100.0)
    high = max(high, low + 5)

    def x(value: float) -> float:
        return round(10 + (value - low) / (high - low) * (WIDTH - 20), 1)

    steps = pd.Series((values / STEP).round() * STEP)
    level = steps.groupby(steps).cumcount()
    base = 24 + DOT * int(level.max() + 1 if len(level) else 1)
    rule = category_rule(explorer, setup)
    limits = [level.below for level in rule.levels if level.below is not None] if rule else []
    return {
        "height": base + 22,
        "base": base,
        "places": [(f"{x(at):g}", base - DOT * k - 3) for at, k in zip(steps, level, strict=True)],
        "limits": [{"x": x(below), "text": say.exact(below)} for below in limits if low < below < high],
        "ticks": [{"x": x(at), "text": say.exact(at)} for at in _ticks(low, high)],
        "label": say(
            "Indices of {n} institutions as dots, from {low} to {high}.",
            n=len(values),
            low=say.number(values.min() if len(values) else None),
            high=say.number(values.max() if len(values) else None),
        ),
        "caption": say("One dot per institution; dashed: limits of the categories. The table holds the figures."),
    }


def _ticks(low: float, high: float) -> list[float]:
    step = 10.0 if high - low > 30 else 5.0
    first = -(-low // step) * step
    return [first + step * k for k in range(int((high - first) // step) + 1)]


def table_notes(explorer: Explorer, setup: RoundSetup, say: Words) -> list[str]:
    """What interval, moves and sets of ranks mean."""
    level = say.percent(explorer.level, 0)
    rank = say(
        "Rank set: with {level} confidence all sets of a type together hold the true ranks, so an order inside them is "
        "not settled.",
        level=level,
    )
    if explorer.is_round:
        interval = say("Interval: {level}, of the survey's own sampling error.", level=level)
        moved = say(
            "Beyond noise: after adjustment over all institutions (Benjamini and Hochberg, {rate}).",
            rate=say.percent(setup.years.model.false_discovery, 0),
        )
    else:
        interval = say(
            "Interval: {level}; published figures carry none, so the noise of the published years' model stands in.",
            level=level,
        )
        moved = say(
            "Beyond noise: own move, less that of the type, after adjustment over all institutions (Benjamini and "
            "Hochberg, {rate}).",
            rate=say.percent(setup.years.model.false_discovery, 0),
        )
    return [interval, moved, rank]


def peer_table(explorer: Explorer, setup: RoundSetup, say: Words) -> str:
    """Quartiles of groups that are large enough."""
    least, shown = setup.round.disclosure.min_cell, explorer.shown
    kinds = {
        "type": lambda code: say.value("type", code),
        "size_class": lambda code: say.value("size_class", code),
        "province_code": lambda code: province_name(setup.provinces.get(code), code, say),
    }
    groups = [
        (label(code), part["index"])
        for by, label in kinds.items()
        for code, part in shown.groupby(by)
        if len(part) >= least
    ]
    names = [name for name, _ in groups]
    quartiles = [[say.number(part.quantile(share)) for _, part in groups] for share in QUARTERS]
    columns = [
        text(say("Group"), names),
        figures(say("Institutions"), [say.number(len(part), 0) for _, part in groups]),
        figures(say("Lower quartile"), quartiles[0]),
        figures(say("Median"), quartiles[1]),
        figures(say("Upper quartile"), quartiles[2]),
    ]
    note = say("Groups of at least {least} institutions with an index that may be shown.", least=least)
    return html_table(columns, "peers", say("Index by type, size and province"), note=note)
