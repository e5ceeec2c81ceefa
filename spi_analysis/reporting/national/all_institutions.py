"""All institutions on one page that can be searched, sorted, filtered and compared without a network.

The page is a table first: without its script it reads from top to bottom. The script knows nothing but that table.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from spi_analysis import __version__
from spi_analysis.params import Language, Province, RoundSetup
from spi_analysis.reporting import (
    MISSING,
    STYLE_SLOT,
    Pages,
    Words,
    figures,
    html_links,
    html_table,
    language_name,
    message,
    readable,
    speak_of,
    text,
    with_marks,
    with_style,
    without_marks,
    words,
)
from spi_analysis.reporting.institution import WITHHELD
from spi_analysis.stages import NOT_SCORED, Explorer, Overview, explore_published
from spi_analysis.tables import write_text

EXPLORER_PAGE = "explorer.{language}.html"
FOLDER = "all_institutions_page"
# Vocabularies of the workbook that the script writes; nothing is fetched from there.
VOCABULARY = "http://schemas.openxmlformats.org/"
WORKBOOK = {
    "spreadsheet": f"{VOCABULARY}spreadsheetml/2006",
    "office": f"{VOCABULARY}officeDocument/2006/relationships",
    "packages": f"{VOCABULARY}package/2006",
}
MAP_NOTE = message(
    "Shade: median index of the institutions in the province, in quarters of the provinces; dashed: fewer than {least} "
    "institutions."
)
MOVES = {-1.0: message("fell"), 0.0: message("within noise"), 1.0: message("rose")}
SHORT_MOVES = {-1.0: "d", 0.0: "0", 1.0: "u"}
QUARTERS = (0.25, 0.5, 0.75)
# The strip of dots: one dot per institution, stacked in steps of half a point.
WIDTH, DOT, STEP = 640, 4, 0.5


@dataclass(frozen=True)
class Heading:
    """A column of the explorer; ``figures`` are aligned and sorted as numbers, ``always``: also on a telephone."""

    key: str
    heading: str
    figures: bool = True
    always: bool = False


def explorer_pages(explorer: Explorer, setup: RoundSetup, synthetic: bool, linked: bool = True) -> dict[Language, str]:
    """The page in every language of the round.

    Parameters
    ----------
    linked : whether reports and the overview lie beside the page
    """
    speak_of(setup)
    return {one: with_marks(_page(explorer, setup, words(one), synthetic, linked)) for one in setup.round.languages}


def explorer_view(explorer: Explorer, setup: RoundSetup, synthetic: bool) -> Pages:
    """A link to the page, which the export writes beside that of the notebook."""

    def link(say: Words) -> str:
        address = EXPLORER_PAGE.format(language=say.language)
        named = say("Search, sort, filter and compare all institutions")
        return html_links([(named, address)], say("Find and compare"))

    made = explorer_pages(explorer, setup, synthetic)
    return Pages({one: link(words(one)) for one in made}, EXPLORER_PAGE, made)


def write_published_explorer(overview: Overview, setup: RoundSetup, folder: Path) -> list[Path]:
    """The page of the last published year, in every language, from published results alone."""
    pages = explorer_pages(explore_published(setup, overview), setup, synthetic=False, linked=False)
    return [write_text(folder / EXPLORER_PAGE.format(language=one), with_style(html)) for one, html in pages.items()]


def _page(explorer: Explorer, setup: RoundSetup, say: Words, synthetic: bool, linked: bool) -> str:
    rows = [_row(row, explorer, setup, say, linked) for row in explorer.rows.to_dict("records")]
    columns = [one for one in _columns(explorer, say) if any(row["cells"][one.key] != MISSING for row in rows)]
    script = _part("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    words_of_script = _script_words(explorer, setup, say, columns)
    return _template().render(
        say=say,
        language=say.language,
        script_hash=f"sha256-{digest}",
        round_id=setup.round.round_id,
        title=say("All institutions, {year}", year=explorer.year),
        subtitle=say.pick(setup.round.title) if explorer.is_round else say("Published results"),
        status=_status(explorer, setup, say),
        others=[
            {"href": EXPLORER_PAGE.format(language=one), "language": one, "label": language_name(one)}
            for one in setup.round.languages
            if one != say.language
        ],
        overview=f"index.{say.language}.html" if linked else "",
        synthetic=synthetic,
        css=STYLE_SLOT + _part("style.css"),
        columns=columns,
        facts=_facts(explorer, setup, say),
        filters=_filters(explorer, setup, say),
        tiles=_tiles(explorer, setup, say),
        map_note=say(MAP_NOTE, least=setup.round.disclosure.min_cell),
        dots=_dots(explorer, setup, say),
        caption=say("{n} institutions", n=say.number(len(explorer.rows), 0)),
        rows=rows,
        notes=_notes(explorer, setup, say),
        peers=_peers(explorer, setup, say),
        footer=say(
            "Made with the SPI workbench {version} from round {round}.", version=__version__, round=setup.round.round_id
        ),
        plain=without_marks,
        words_json=without_marks(json.dumps(words_of_script, ensure_ascii=False)).replace("<", "\\u003c"),
        script=script,
    )


def _status(explorer: Explorer, setup: RoundSetup, say: Words) -> str:
    if not explorer.is_round:
        return say("Published")
    return say("Draft") if setup.round.report_status == "draft" else say("Final")


def _columns(explorer: Explorer, say: Words) -> list[Heading]:
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


def _row(row: dict[str, Any], explorer: Explorer, setup: RoundSetup, say: Words, linked: bool) -> dict[str, Any]:
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
        "province": _province_name(setup.provinces.get(row["province_code"]), row["province_code"], say),
        "size": say.value("size_class", row["size_class"]) if pd.notna(row["size_class"]) else MISSING,
        "index": say.number(row["index"]) if pd.notna(row["index"]) else _reason(row, say),
        "interval": say.interval(row["ci_low"], row["ci_high"], 1),
        "category": _category_labels(explorer, setup, say).get(row["category"], MISSING),
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


def _category_labels(explorer: Explorer, setup: RoundSetup, say: Words) -> dict[str, str]:
    rule = setup.round.categories if explorer.is_round else setup.years.category_rule(explorer.year)
    return {level.code: say.pick(level.label) for level in rule.levels} if rule else {}


def _province_name(province: Province | None, code: object, say: Words) -> str:
    if province is None:
        return str(code) if isinstance(code, str) else MISSING
    return province.name if say.language == "id" else province.name_en


def _filters(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, Any]]:
    """What the rows can be narrowed down by; nothing that all rows have in common."""
    rows, labels = explorer.rows, _category_labels(explorer, setup, say)
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


def _facts(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, str]]:
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
    labels = _category_labels(explorer, setup, say)
    counts = [f"{labels[code]} {say.number(n, 0)}" for code, n in explorer.categories.items() if code in labels]
    facts.append({"figure": say.listed(counts), "words": say("institutions by category")})
    facts += [_reported(row, setup, say) for row in explorer.reported.to_dict("records") if _is_bribe(row, setup)]
    lacking = len(explorer.rows) - len(shown)
    if lacking:
        facts.append(
            {
                "figure": say.number(lacking, 0),
                "words": say("institutions without an index; the reason stands in their rows"),
            }
        )
    return facts


def _is_bribe(row: dict[str, Any], setup: RoundSetup) -> bool:
    """The first experience of each source: what was asked for or given."""
    experiences = setup.instrument.sources[row["source"]].experiences
    return bool(experiences) and experiences[0].code == row["item"]


def _reported(row: dict[str, Any], setup: RoundSetup, say: Words) -> dict[str, str]:
    item = next(one for one in setup.instrument.sources[row["source"]].experiences if one.code == row["item"])
    return {
        "figure": say("{share} of {n}", share=say.number(row["estimate"], 0) + "%", n=say.number(row["n"], 0)),
        "words": say(
            "institutions: somebody reported “{item}” ({source})",
            item=say.pick(item.label),
            source=say.value("part", row["source"]),
        ),
    }


def _tiles(explorer: Explorer, setup: RoundSetup, say: Words) -> list[dict[str, Any]]:
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
            "title": _tile_title(_province_name(province, code, say), counts.get(code, 0), enough.get(code), say),
        }
        for code, province in setup.provinces.items()
    ]


def _tile_title(name: str, count: int, median: float | None, say: Words) -> str:
    if median is None:
        return say("{name}: {n} institutions", name=name, n=count)
    return say("{name}: {n} institutions, median {median}", name=name, n=count, median=say.number(median))


def _dots(explorer: Explorer, setup: RoundSetup, say: Words) -> dict[str, Any]:
    """Places of the dots, in the order of the rows, with the limits of the categories."""
    values = explorer.shown["index"].to_numpy(dtype=float)
    low, high = (values.min() // 5 * 5, -(-values.max() // 5) * 5) if len(values) else (0.0, 100.0)
    high = max(high, low + 5)

    def x(value: float) -> float:
        return round(10 + (value - low) / (high - low) * (WIDTH - 20), 1)

    steps = pd.Series((values / STEP).round() * STEP)
    level = steps.groupby(steps).cumcount()
    base = 24 + DOT * int(level.max() + 1 if len(level) else 1)
    rule = setup.round.categories if explorer.is_round else setup.years.category_rule(explorer.year)
    limits = [(level.below, level) for level in rule.levels if level.below is not None] if rule else []
    return {
        "height": base + 22,
        "base": base,
        "places": [(f"{x(at):g}", base - DOT * k - 3) for at, k in zip(steps, level, strict=True)],
        "limits": [{"x": x(below), "text": say.exact(below)} for below, _ in limits if low < below < high],
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


def _notes(explorer: Explorer, setup: RoundSetup, say: Words) -> list[str]:
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


def _peers(explorer: Explorer, setup: RoundSetup, say: Words) -> str:
    """Quartiles of groups that are large enough."""
    least, shown = setup.round.disclosure.min_cell, explorer.shown
    kinds = {
        "type": lambda code: say.value("type", code),
        "size_class": lambda code: say.value("size_class", code),
        "province_code": lambda code: _province_name(setup.provinces.get(code), code, say),
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


def _script_words(explorer: Explorer, setup: RoundSetup, say: Words, columns: list[Heading]) -> dict[str, Any]:
    """What the script says and needs to know of the columns."""
    keys = [column.key for column in columns]
    return {
        **WORKBOOK,
        "file": f"spi-{explorer.year}",
        "decimal": say.number(0.5, 1)[1],
        "thousands": say.number(1000, 0)[1],
        "text": [i for i, column in enumerate(columns) if not column.figures],
        "index": keys.index("index"),
        # Orders from which somebody may read ranks.
        "ordered": [i for i, key in enumerate(keys) if key == "index" or key.startswith("score_")],
        "least": setup.round.disclosure.min_cell,
        "roster": say("order of the roster"),
        "rising": say("lowest first"),
        "falling": say("highest first"),
        "az": "A–Z",
        "za": "Z–A",
        "more": say("Show all"),
        "pick": say("Compare {name}"),
        "count": say("{n} of {all} institutions."),
        "quartiles": say("Median {median}, half of them between {low} and {high}."),
        "alike": say(
            "This order is no ranking: half of these institutions cannot be told apart from {k} or more peers."
        ),
        "unordered": say("This order is no ranking: there are no peers to compare with."),
    }


@cache
def _environment() -> Environment:
    loader = PackageLoader("spi_analysis.reporting.national", FOLDER)
    return Environment(loader=loader, autoescape=False, undefined=StrictUndefined)


def _template() -> Any:
    return _environment().get_template("index.html.j2")


@cache
def _part(name: str) -> str:
    """A file of the page as it is."""
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]
