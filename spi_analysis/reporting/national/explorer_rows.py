"""The rows of the page of all institutions: what stands in every cell, and what they can be narrowed down by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_analysis.params import CategoryParams, Province, RoundSetup
from spi_analysis.reporting import MISSING, Words, message, readable
from spi_analysis.reporting.institution import WITHHELD
from spi_analysis.stages import NOT_SCORED, Explorer

MOVES = {-1.0: message("fell"), 0.0: message("within noise"), 1.0: message("rose")}
SHORT_MOVES = {-1.0: "d", 0.0: "0", 1.0: "u"}


@dataclass(frozen=True)
class Heading:
    """A column of the explorer; ``figures`` are aligned and sorted as numbers, ``always``: also on a telephone."""

    key: str
    heading: str
    figures: bool = True
    always: bool = False


def headings(explorer: Explorer, say: Words) -> list[Heading]:
    """All columns that the table may have, in order."""
    return [
        Heading("name", say("Institution"), False, True),
        Heading("type", say("Type"), False),
        Heading("province", say("Province"), False),
        Heading("size", say("Size"), False),
        Heading("index", say("Index"), True, True),
        Heading("interval", say("Interval"), True, True),
        Heading("category", say("Category"), False, True),
        Heading("chance", say("Chance of this category")),
        Heading("change", say("Change"), True, True),
        Heading("moved", say("Beyond noise?"), False),
        Heading("ranks", say("Rank set among peers")),
        *(Heading(f"score_{source}", say.value("part", source)) for source in explorer.sources),
        Heading("n", say("Answers (n)")),
        *(Heading(f"index_{year}", say("Index {year}", year=year)) for year in explorer.years),
    ]


def institution_row(
    row: dict[str, Any], explorer: Explorer, setup: RoundSetup, say: Words, linked: bool
) -> dict[str, Any]:
    """Address of the report, what the script asks of the row, and its cells in words."""
    code, has_ranks = row["institution_id"], pd.notna(row["best"]) and row["peers"] > 1
    marks = {"i": code, "t": row["type"], "p": row["province_code"], "s": row["size_class"], "c": row["category"]}
    marks |= {"m": SHORT_MOVES.get(row["moved"]), "a": int(row["worst"] - row["best"]) if has_ranks else None}
    has_page = linked and explorer.is_round and row["status"] != NOT_SCORED
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
        "moved": _move(row["moved"], say),
        "n": say.number(row["n"], 0),
        **{name: say.number(row[name]) for name in scores},
    }


def _move(moved: float, say: Words) -> str:
    word = MOVES.get(moved)
    return say(word) if word else MISSING


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


def filters(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, Any]]:
    """What the rows can be narrowed down by; nothing that all rows have in common."""
    rows, labels = explorer.rows, category_labels(explorer, setup, say)
    types = [(code, say.value("type", code)) for code in _present(rows["type"])]
    sizes = [(code, say.value("size_class", code)) for code in _present(rows["size_class"])]
    categories = [(code, name) for code, name in labels.items() if code in set(rows["category"])]
    moves = [(key, say(MOVES[value])) for key, value in (("u", 1.0), ("d", -1.0)) if (rows["moved"] == value).any()]
    found = [
        ("t", say("Type"), types),
        ("s", say("Size"), sizes),
        ("c", say("Category"), categories),
        ("m", say("Moved beyond noise"), moves),
    ]
    return [{"key": key, "label": label, "options": options} for key, label, options in found if options]


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
