"""What the page of all institutions says of them together: sentences, map, distribution, peers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup, Source
from spi_analysis.reporting import Words, figures, html_table, message, text
from spi_analysis.reporting.national.explorer_rows import category_labels, category_rule, province_name
from spi_analysis.stages import Explorer

MAP_NOTE = message(
    "Number: institutions of what is asked for. Shade: median index of the institutions in the province, in quarters "
    "of the provinces; dashed: fewer than {least} institutions, so no median is shown."
)
QUARTERS = (0.25, 0.5, 0.75)
# The strip of dots: one dot per institution, stacked in steps of half a point.
WIDTH, DOT, STEP = 640, 4, 0.5


def headline_facts(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, str]]:
    """The sentences at the top: figure and words."""
    lacking = len(explorer.rows) - len(explorer.shown)
    return [
        _fact(
            _with_limits(explorer.mean, say.number, say),
            say("mean index of {n} institutions, with its {level} interval", n=say.number(len(explorer.shown), 0),
                level=say.percent(explorer.level, 0)),
        ),
        *_changed(explorer, say),
        _in_categories(explorer, setup, say),
        *(rate for source in explorer.drawn for rate in _answered(explorer, source, setup, say)),
        *_reported(explorer, setup, say),
        *(
            [_fact(say.number(lacking, 0), say("institutions without an index; the reason stands in their rows"))]
            if lacking
            else []
        ),
    ]  # fmt: skip


def _in_categories(explorer: Explorer, setup: RoundSetup, say: Words) -> dict[str, str]:
    """How many institutions in each category, now and in the year before."""
    labels, before = category_labels(explorer, setup, say), explorer.categories_before

    def counted(counts: pd.Series) -> str:
        return say.listed(f"{labels[code]} {say.number(n, 0)}" for code, n in counts.items() if code in labels)

    words = say("institutions by category")
    if len(before):
        words += say(" ({year}, {n} published: {counts})", year=explorer.changes.before, n=say.number(before.sum(), 0),
                     counts=counted(before))  # fmt: skip
    return _fact(counted(explorer.categories), words)


def _fact(figure: str, words: str) -> dict[str, str]:
    return {"figure": figure, "words": words}


def _with_limits(figures: tuple[float, float, float], written: Callable[[float], str], say: Words) -> str:
    middle, low, high = figures
    return f"{written(middle)} ({say.interval(low, high)})"


def _changed(explorer: Explorer, say: Words) -> list[dict[str, str]]:
    """The mean change, and how many of all are clear: beside what chance alone would make of them."""
    found = explorer.changes
    if not found.n:
        return []
    years = {"before": found.before, "year": explorer.year, "n": say.number(found.n, 0)}
    level = say.percent(explorer.level, 0)
    mean = say("mean change from {before} to {year} of the {n} institutions with an index in both years, with its "
               "{level} interval", **years, level=level)  # fmt: skip
    clear = say(
        "changes from {before} to {year} are clear by their own interval. Had nothing changed anywhere, about {chance} "
        "would be by chance. Judged all together, {together} are left.",
        **years,
        chance=say.number(found.by_chance, 0),
        together=say.number(found.together, 0),
    )
    return [
        _fact(_with_limits(found.mean, say.signed, say), mean),
        _fact(say("{clear} of {n}", clear=say.number(found.clear, 0), n=years["n"]), clear),
    ]


def _answered(explorer: Explorer, source: Source, setup: RoundSetup, say: Words) -> list[dict[str, str]]:
    """The response rates of a source: their median and quartiles, of enough institutions."""
    rates = explorer.rows[f"rate_{source}"].dropna()
    if len(rates) < setup.round.disclosure.min_cell:
        return []
    low, middle, high = (say.percent(rates.quantile(share)) for share in QUARTERS)
    said = say(
        "median response rate (RR1) of {source}, of {n} institutions; half of them lie between the two figures in "
        "brackets",
        source=say.value("part", source),
        n=say.number(len(rates), 0),
    )
    return [_fact(f"{middle} ({say('{low} to {high}', low=low, high=high)})", said)]


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
        for row in _told(explorer.reported).to_dict("records")
        for item in setup.instrument.sources[row["source"]].experiences
        if item.code == row["item"] and item.headline
    ]


def _told(reported: pd.DataFrame) -> pd.DataFrame:
    """Experiences whose share of institutions may be shown (`round_experiences`)."""
    return reported[reported["estimate"].notna()] if len(reported) else reported


@dataclass(frozen=True)
class ProvinceMap:
    """One tile per province, and what the shades mean: number of the quarter and its range in words."""

    tiles: list[dict[str, Any]]
    legend: list[tuple[int, str]]


def province_map(explorer: Explorer, setup: RoundSetup, say: Words) -> ProvinceMap:
    """Tiles with the number of institutions, shaded by quarters of the provinces with enough institutions."""
    groups = explorer.shown.groupby("province_code")["index"]
    medians = groups.median()[groups.size() >= setup.round.disclosure.min_cell]
    quarters = medians.rank(pct=True).map(lambda share: min(4, math.ceil(share * 4)))
    counts = explorer.rows["province_code"].value_counts()
    tiles = [
        {
            "code": code,
            "short": province.short,
            "row": province.row,
            "column": province.column,
            "shade": int(quarters.get(code, 0)),
            "n": int(counts.get(code, 0)),
            "title": _tile_title(province_name(province, code, say), counts.get(code, 0), medians.get(code), say),
        }
        for code, province in setup.provinces.items()
    ]
    legend = [(int(quarter), _range(part, say)) for quarter, part in medians.groupby(quarters)]
    return ProvinceMap(tiles, [*legend, (0, say("no median"))] if legend else [])


def _range(medians: pd.Series, say: Words) -> str:
    return say.interval(medians.min(), medians.max())


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
        "Rank set: with {level} confidence all sets of a type together contain the true ranks, so the order of "
        "institutions whose sets overlap is uncertain.",
        level=level,
    )
    if explorer.is_round:
        interval = say("Interval: {level}, of the survey's own sampling error.", level=level)
    else:
        interval = say(
            "Interval: {level}; published figures have none, so the noise estimated by the model of the published "
            "years is used.",
            level=level,
        )
    change = say(
        "Rise or fall: the {level} interval of the change leaves out zero, as in the report of the institution. Each "
        "is judged alone, so some are named by chance; “judged all together” at the top is after adjustment over all "
        "institutions (Benjamini and Hochberg, {rate}).",
        level=level,
        rate=say.percent(setup.years.model.false_discovery, 0),
    )
    dash = say(
        "A dash: not known, or not shown since it would tell of few people. Response rates (RR1): questionnaires sent "
        "off among all who were invited and not found ineligible; of panels none is shown."
    )
    source = say("Source of published figures: {source}.", source=say.pick(setup.years.cite))
    return [interval, change, rank, *([dash] if explorer.is_round else []), source]


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
