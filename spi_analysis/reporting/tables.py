"""Tables as accessible HTML; the page's stylesheet dresses them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from spi_analysis.reporting.wording import Words


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


def html_table(
    columns: Sequence[Column], table_id: str, title: str, *, words: Words, note: str = "", csv: str = ""
) -> str:
    """A table whose first column holds the row headings. Every cell is escaped.

    Parameters
    ----------
    columns : list of Column
    table_id : str          id of the table in the page, unique there
    title : str             caption
    note : str              below the table: n, source, how to read it
    csv : str               address of the CSV with the same figures, relative to the page
    """
    headings = "".join(_heading(column, f"{table_id}-c{i}") for i, column in enumerate(columns))
    rows = "".join(
        _row(cells, columns, table_id, number)
        for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True), start=1)
    )
    below = f'<p class="note">{escape(note)}</p>' if note else ""
    return (
        f'<div class="table" id="{escape(table_id)}" role="group" tabindex="0" aria-label="{escape(title)}">\n'
        f'<table role="table">\n<caption>{escape(title)}</caption>\n'
        f'<thead role="rowgroup">\n<tr role="row">\n{headings}</tr>\n</thead>\n'
        f'<tbody role="rowgroup">\n{rows}</tbody>\n</table></div>{below}{csv_link(csv, title, words) if csv else ""}'
    )


def _heading(column: Column, column_id: str) -> str:
    return f'<th id="{column_id}" scope="col" role="columnheader"{_css(column)}>{escape(column.heading)}</th>\n'


def _row(cells: Sequence[str], columns: Sequence[Column], table_id: str, number: int) -> str:
    """Each cell knows its headings, and every element its role: on a narrow screen rows become cards."""
    row_id = f"{table_id}-r{number}"
    named = "".join(
        f'<td headers="{row_id} {table_id}-c{i}" role="cell" data-label="{escape(column.heading)}"{_css(column)}>'
        f"{escape(cell)}</td>\n"
        for i, (cell, column) in enumerate(zip(cells[1:], columns[1:], strict=True), start=1)
    )
    return f'<tr role="row">\n<th id="{row_id}" scope="row" role="rowheader">{escape(cells[0])}</th>\n{named}</tr>\n'


def _css(column: Column) -> str:
    return ' class="figures"' if column.figures else ""


def csv_link(address: str, title: str, words: Words) -> str:
    """A link to the figures of a table or chart."""
    # Links that read alike must lead to the same place: the table's name is there for those who hear the page.
    label = words("Figures as CSV")
    hidden = f'<span class="hidden">: {escape(title)}</span>'
    return f'<p class="csv"><a href="{escape(address)}">{escape(label)}{hidden}</a></p>'


def html_list(items: Sequence[tuple[str, str]], list_id: str) -> str:
    """A definition list: term and explanation."""
    entries = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in items)
    return f'<dl id="{escape(list_id)}">{entries}</dl>'


def html_links(links: Sequence[tuple[str, str]], heading: str) -> str:
    """A list of links to other pages of the same folder."""
    items = "".join(f'<li><a href="{escape(address)}">{escape(name)}</a></li>' for name, address in links)
    return f'<h3>{escape(heading)}</h3><ul class="links">{items}</ul>'


def hidden_sentences(rows: pd.DataFrame, least: int, words: Words) -> list[str]:
    """One sentence each for all figures that are too small, withheld or without answers (columns label, status)."""
    names = {status: sorted(part["label"]) for status, part in rows.groupby("status")}
    sentences = []
    if small := names.get("suppressed"):
        sentences.append(
            words(
                "Not shown ({n}), since fewer than {least} people answered there, or since another hidden figure could "
                "be worked out with its help: {names}.",
                n=len(small),
                least=least,
                names=words.listed(small),
            )
        )
    if "withheld" in names:
        sentences.append(words("These figures are withheld together with the index."))
    if nobody := names.get("no_answers"):
        sentences.append(words("Without answers ({n}): {names}.", n=len(nobody), names=words.listed(nobody)))
    return sentences


def html_paragraphs(paragraphs: Sequence[str], css_class: str = "") -> str:
    """Paragraphs of plain text."""
    # Nothing to say: no empty paragraph.
    paragraphs = [paragraph for paragraph in paragraphs if paragraph]
    attribute = f' class="{escape(css_class)}"' if css_class else ""
    return "".join(f"<p{attribute}>{escape(paragraph)}</p>" for paragraph in paragraphs)
