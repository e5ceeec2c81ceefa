"""Tables and other parts of pages as accessible HTML (parts.html.j2); the page's stylesheet dresses them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spi_analysis.reporting.wording import Words, message

HIDDEN = message(
    "Not shown ({n}), since fewer than {least} people answered there or did not answer, or since another hidden figure "
    "could be worked out with its help: {names}."
)
HIDDEN_SHARES = message(
    "Not shown ({n}), since fewer than {least} people answered, did not answer, or gave one of the answers, or since "
    "another hidden figure could be worked out with its help: {names}."
)


class Column(NamedTuple):
    """A column as it is to be read: heading, cells, and whether the cells are figures."""

    heading: str
    cells: list[str]
    figures: bool


def text(heading: str, cells: Iterable[str]) -> Column:
    """A column of words."""
    return Column(heading, [str(cell) for cell in cells], False)


def figures(heading: str, cells: Iterable[str]) -> Column:
    """A column of figures, already formatted."""
    return Column(heading, [str(cell) for cell in cells], True)


@cache
def _parts() -> Any:
    """The macros of parts.html.j2; all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("parts.html.j2").module


def html_table(columns: Sequence[Column], table_id: str, title: str, *, note: str = "") -> str:
    """A table whose first column holds the row headings. Every cell is escaped.

    Parameters
    ----------
    columns : list of Column
    table_id : str          id of the table in the page, unique there
    title : str             caption
    note : str              below the table: n, source, how to read it
    """
    rows = list(zip(*(column.cells for column in columns), strict=True))
    return str(_parts().table(columns, rows, table_id, title, note))


def csv_link(address: str, title: str, words: Words) -> str:
    """A link to the figures of a table or chart."""
    return file_links([(address, words("Figures as CSV"))], title)


def file_links(files: Sequence[tuple[str, str]], title: str) -> str:
    """Links to files with the figures of a table or chart: address and label of each."""
    return str(_parts().file_links(files, title))


def html_list(items: Sequence[tuple[str, str]], list_id: str) -> str:
    """A definition list: term and explanation."""
    return str(_parts().definitions(items, list_id))


def html_links(links: Sequence[tuple[str, str]], heading: str) -> str:
    """A list of links to other pages of the same folder."""
    return str(_parts().links(links, heading))


def hidden_sentences(rows: pd.DataFrame, least: int, words: Words) -> list[str]:
    """One sentence each for what is too small, withheld or without answers (columns label, measure, status)."""
    names = {status: sorted(part["label"]) for status, part in rows.groupby("status")}
    sentences = []
    if small := names.get("suppressed"):
        why = HIDDEN if rows["measure"].str.endswith("_score").all() else HIDDEN_SHARES
        sentences.append(words(why, n=len(small), least=least, names=words.listed(small)))
    if "withheld" in names:
        sentences.append(words("These figures are withheld together with the index."))
    if nobody := names.get("no_answers"):
        sentences.append(words("Without answers ({n}): {names}.", n=len(nobody), names=words.listed(nobody)))
    return sentences


def html_paragraphs(paragraphs: Sequence[str], css_class: str = "") -> str:
    """Paragraphs of plain text."""
    # Nothing to say: no empty paragraph.
    return str(_parts().paragraphs([paragraph for paragraph in paragraphs if paragraph], css_class))
