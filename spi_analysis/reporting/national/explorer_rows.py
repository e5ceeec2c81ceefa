"""The rows of the page of all institutions: what stands in every cell, and what they can be narrowed down by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_analysis.columns import VALUES
from spi_analysis.params import CategoryParams, Province, RoundSetup, Source
from spi_analysis.reporting import MISSING, Words, message, readable
from spi_analysis.reporting.institution import WITHHELD
from spi_analysis.stages import NOT_SCORED, Explorer

# Codes of the page for what a change's own interval allows to say, and the report's words for it.
DIRECTIONS = {
    "up": ("u", message("rise")),
    "down": ("d", message("fall")),
    "no_clear_change": ("0", message("no clear change")),
}
# What a filter calls rows that have nothing there.
NONE = "none"
SIZES = tuple(VALUES["size_class"])


@dataclass(frozen=True)
class Heading:
    """A column of the explorer; ``figures`` are aligned and sorted as numbers, ``always``: also on a telephone.

    ``by``: what the rows are sorted by, where that is not the whole column; ``is_interval``: two columns in a file.
    """

    key: str
    heading: str
    figures: bool = True
    always: bool = False
    by: str = ""
    is_interval: bool = False

    def orders(self, say: Words) -> tuple[str, str]:
        """The two orders in words, the one that a reader asks for first."""
        name = self.by or self.heading
        if self.key in ("name", "type", "province"):
            return say("{column}, A to Z", column=name), say("{column}, Z to A", column=name)
        if self.key == "size":
            return say("{column}, small to large", column=name), say("{column}, large to small", column=name)
        low, high = say("{column}, lowest first", column=name), say("{column}, highest first", column=name)
        return (low, high) if self.begins_low else (high, low)

    @property
    def begins_low(self) -> bool:
        """Whether a reader asks for the lowest first."""
        return not self.figures or self.key == "ranks"

    def scale(self, explorer: Explorer, setup: RoundSetup, say: Words) -> list[str]:
        """The words of the column in their order, where that is not the alphabet's."""
        if self.key == "category":
            return list(category_labels(explorer, setup, say).values())
        if self.key == "direction":
            return [say(DIRECTIONS[code][1]) for code in ("down", "no_clear_change", "up")]
        return [say.value("size_class", code) for code in reversed(SIZES)] if self.key == "size" else []


def headings(explorer: Explorer, say: Words) -> list[Heading]:
    """All columns that the table may have, in order."""
    return [
        Heading("name", say("Institution"), False, True),
        Heading("type", say("Type"), False),
        Heading("province", say("Province"), False),
        Heading("size", say("Size"), False),
        Heading("index", say("Index"), True, True),
        Heading("interval", say("Interval"), True, True, say("Lower limit of the index"), True),
        Heading("category", say("Category"), False, True),
        Heading("chance", say("Chance of this category")),
        Heading("change", say("Change"), True, True),
        Heading("change_interval", say("Interval of the change"), True, True, say("Lower limit of the change"), True),
        Heading("direction", say("What the change says"), False, True),
        Heading("ranks", say("Rank set among peers"), by=say("Best possible rank")),
        *(Heading(f"score_{source}", say.value("part", source)) for source in explorer.sources),
        Heading("n", say("Answers (n)")),
        *(Heading(f"rate_{source}", rate_heading(source, say), always=True) for source in explorer.drawn),
        *(Heading(f"index_{year}", say("Index {year}", year=year)) for year in explorer.years),
    ]


def rate_heading(source: Source, say: Words) -> str:
    """Of the column with the response rates of a source."""
    return say("Response rate (RR1), {source}", source=say.value("part", source))


def institution_row(
    row: dict[str, Any], explorer: Explorer, setup: RoundSetup, say: Words, linked: bool
) -> dict[str, Any]:
    """Address of the report, what the script asks of the row, and its cells in words."""
    code, has_ranks = row["institution_id"], pd.notna(row["best"]) and row["peers"] > 1
    has_page = linked and explorer.is_round and row["status"] != NOT_SCORED
    # The address of the report holds the code, too.
    marks = {} if has_page else {"i": code}
    marks |= {"t": row["type"], "p": row["province_code"], "s": row["size_class"], "c": row["category"]}
    marks |= {"m": DIRECTIONS[row["direction"]][0] if pd.notna(row["direction"]) else None}
    marks |= {"a": int(row["worst"] - row["best"]) if has_ranks else None}
    return {
        "href": f"{code}/report.{say.language}.html" if has_page else "",
        "marks": [(key, value) for key, value in marks.items() if pd.notna(value)],
        "bar": _bar(row["best"], row["worst"], row["peers"]) if has_ranks else "",
        "cells": _cells(row, explorer, setup, say) | {"ranks": _rank_set(row, say) if has_ranks else MISSING},
    }


def _cells(row: dict[str, Any], explorer: Explorer, setup: RoundSetup, say: Words) -> dict[str, str]:
    scores = {f"score_{source}" for source in explorer.sources} | {f"index_{year}" for year in explorer.years}
    return {
        "name": readable(row["name"]),
        "type": say.value("type", row["type"]),
        "province": province_name(setup.provinces.get(row["province_code"]), row["province_code"], say),
        "size": say.value("size_class", row["size_class"]) if pd.notna(row["size_class"]) else MISSING,
        "index": say.number(row["index"]) if pd.notna(row["index"]) else _reason(row, say),
        "interval": say.interval(row["ci_low"], row["ci_high"]),
        "category": category_labels(explorer, setup, say).get(row["category"], MISSING),
        "chance": say.chance(row["category_chance"]),
        "change": say.signed(row["change"]),
        "change_interval": say.interval(row["change_low"], row["change_high"]),
        "direction": _direction(row["direction"], say),
        "n": say.number(row["n"], 0),
        **{f"rate_{source}": say.percent(row[f"rate_{source}"]) for source in explorer.drawn},
        **{name: say.number(row[name]) for name in scores},
    }


def _direction(code: str, say: Words) -> str:
    known = DIRECTIONS.get(code)
    return say(known[1]) if known else MISSING


def _rank_set(row: dict[str, Any], say: Words) -> str:
    return say("{best} to {worst} of {n}", best=int(row["best"]), worst=int(row["worst"]), n=int(row["peers"]))


def _bar(best: float, worst: float, peers: float) -> str:
    """Place and width of the bar below a set of ranks, in percent of the cell."""
    width = (worst - best + 1) / peers * 100
    at = (best - 1) / (peers - (worst - best + 1)) * 100 if width < 100 else 0
    return f"--a:{at:.0f}%;--b:{width:.0f}%"


def _reason(row: dict[str, Any], say: Words) -> str:
    """Why there is no index."""
    known = WITHHELD.get(row["reason"])
    if known:
        return say("not shown: {reason}", reason=say(known))
    return say("no result yet") if row["status"] == NOT_SCORED else say("not shown: too few people answered")


@dataclass(frozen=True)
class Filter:
    """What the rows can be narrowed down by: ``key`` of the rows' marks, and its values with their words.

    ``several``: more than one value at once.
    """

    key: str
    label: str
    options: list[tuple[str, str]]
    several: bool = False


def filters(explorer: Explorer, setup: RoundSetup, say: Words) -> list[Filter]:
    """What the rows can be narrowed down by; nothing that leaves no choice."""
    rows, found = explorer.rows, set(explorer.rows["direction"])
    labels = category_labels(explorer, setup, say)
    provinces = [(code, province_name(known, code, say)) for code, known in setup.provinces.items()]
    present, sizes, categories = (set(rows[name]) for name in ("province_code", "size_class", "category"))
    named = sorted((one for one in provinces if one[0] in present), key=lambda one: one[1])
    graded = [(code, name) for code, name in labels.items() if code in categories]
    offered = [
        Filter("t", say("Type"), [(code, say.value("type", code)) for code in _present(rows["type"])], several=True),
        Filter("p", say("Province"), _or_none(named, rows["province_code"], say("no province"))),
        Filter("s", say("Size"), [(code, say.value("size_class", code)) for code in SIZES if code in sizes]),
        Filter("c", say("Category"), _or_none(graded, rows["index"], say("no index"))),
        Filter("m", say("Change"), [(key, say(word)) for code, (key, word) in DIRECTIONS.items() if code in found]),
    ]
    return [one for one in offered if len(one.options) > 1]


def _or_none(options: list[tuple[str, str]], known: pd.Series, words: str) -> list[tuple[str, str]]:
    """With a choice of the rows that have nothing there, if any."""
    return [*options, (NONE, words)] if known.isna().any() else options


def _present(codes: pd.Series) -> list[str]:
    return sorted(codes.dropna().unique())


def category_rule(explorer: Explorer, setup: RoundSetup) -> CategoryParams | None:
    """The rule that made the categories of the year."""
    return setup.round.categories if explorer.is_round else setup.years.category_rule(explorer.year)


def category_labels(explorer: Explorer, setup: RoundSetup, say: Words) -> dict[str, str]:
    """Words of the categories of the year, by code."""
    rule = category_rule(explorer, setup)
    return {level.code: say.pick(level.label) for level in rule.levels} if rule else {}


def province_name(province: Province | None, code: object, say: Words) -> str:
    """The name of a province; its code where nobody has written one down."""
    if province is None:
        return str(code) if isinstance(code, str) else MISSING
    return province.name if say.language == "id" else province.name_en
