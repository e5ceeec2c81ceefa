"""All institutions on one page that can be searched, sorted, filtered and compared without a network.

The page is a table first: without its script it reads from top to bottom. The script knows nothing but that table.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spi_analysis import __version__
from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting import (
    EXPLORER_PAGE,
    MISSING,
    STYLE_SLOT,
    Pages,
    Words,
    about_page,
    html_links,
    language_name,
    speak_of,
    with_marks,
    with_style,
    without_marks,
    words,
)
from spi_analysis.reporting.national.explorer_facts import (
    MAP_NOTE,
    headline_facts,
    peer_table,
    province_map,
    strip_of_dots,
    table_notes,
)
from spi_analysis.reporting.national.explorer_rows import NONE, Heading, filters, headings, institution_row
from spi_analysis.stages import Explorer, Overview, explore_published
from spi_analysis.tables import write_text

FOLDER = "all_institutions_page"
# So many provinces are named before the list of all is opened.
FIRST = 3
# Vocabularies of the workbook that the script writes; nothing is fetched from there.
VOCABULARY = "http://schemas.openxmlformats.org/"
WORKBOOK = {
    "spreadsheet": f"{VOCABULARY}spreadsheetml/2006",
    "office": f"{VOCABULARY}officeDocument/2006/relationships",
    "packages": f"{VOCABULARY}package/2006",
}


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
    rows = [institution_row(row, explorer, setup, say, linked) for row in explorer.rows.to_dict("records")]
    columns = [one for one in headings(explorer, say) if any(row["cells"][one.key] != MISSING for row in rows)]
    script = _part("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    about = _about(explorer, setup, say)
    words_of_script = _script_words(explorer, setup, say, columns, about)
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
        facts=headline_facts(explorer, setup, say),
        filters=filters(explorer, setup, say),
        map=province_map(explorer, setup, say),
        map_note=say(MAP_NOTE, least=setup.round.disclosure.min_cell),
        dots=strip_of_dots(explorer, setup, say),
        caption=say("{n} institutions", n=say.number(len(explorer.rows), 0)),
        rows=rows,
        notes=table_notes(explorer, setup, say),
        peers=peer_table(explorer, setup, say),
        about=about,
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


def _about(explorer: Explorer, setup: RoundSetup, say: Words) -> list[tuple[str, str]]:
    """Source, terms and version: at the foot of the page and in every file that is taken from it."""
    if not explorer.is_round:
        return [(say("Source"), say.pick(setup.years.cite))]
    title = say.pick(setup.round.title)
    return [(say("Source"), title), *about_page(setup, "", title, _status(explorer, setup, say), say)]


def _script_words(
    explorer: Explorer, setup: RoundSetup, say: Words, columns: list[Heading], about: list[tuple[str, str]]
) -> dict[str, Any]:
    """What the script says and needs to know of the columns."""
    keys = [column.key for column in columns]
    scales = {i: column.scale(explorer, setup, say) for i, column in enumerate(columns)}
    return {
        **WORKBOOK,
        "file": f"spi-{explorer.year}",
        "decimal": say.number(0.5, 1)[1],
        "thousands": say.number(1000, 0)[1],
        "text": [i for i, column in enumerate(columns) if not column.figures],
        "index": keys.index("index"),
        # Orders from which somebody may read ranks.
        "ordered": [i for i, key in enumerate(keys) if key == "index" or key.startswith("score_")],
        "orders": [_orders(i, column, say) for i, column in enumerate(columns)],
        "scales": {i: words for i, words in scales.items() if words},
        "intervals": {i: _limits(column, say) for i, column in enumerate(columns) if column.is_interval},
        "missing": MISSING,
        "none": NONE,
        "why": say("Why there is no index"),
        "about": about,
        "data": say("Figures"),
        "notes": say("Notes"),
        "least": setup.round.disclosure.min_cell,
        "roster": say("order of the roster"),
        "tile": say("{title}; asked for: {n}"),
        "first": FIRST,
        "place": say("{name}: {n} of {all}"),
        "where": say("Provinces, most first: {most}"),
        "more": say("Show all"),
        "pick": say("Compare {name}"),
        "count": say("{n} of {all} institutions."),
        "quartiles": say("Median {median}, half of them between {low} and {high}."),
        "alike": say(
            "This order is no ranking: half of these institutions cannot be told apart from {k} or more peers."
        ),
        "unordered": say("This order is no ranking: there are no peers to compare with."),
    }


def _orders(place: int, column: Heading, say: Words) -> list[tuple[str, str]]:
    """Both orders by a column, code and words; the code is the column's number, negative for highest first."""
    up, down = str(place + 1), str(-place - 1)
    codes = (up, down) if column.begins_low else (down, up)
    return list(zip(codes, column.orders(say), strict=True))


def _limits(column: Heading, say: Words) -> list[str]:
    """Headings of the two columns that an interval has in a file."""
    return [say("{column}, lower limit", column=column.heading), say("{column}, upper limit", column=column.heading)]


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / FOLDER)
    return Environment(loader=loader, autoescape=False, undefined=StrictUndefined)


def _template() -> Any:
    return _environment().get_template("index.html.j2")


@cache
def _part(name: str) -> str:
    """A file of the page as it is."""
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]
