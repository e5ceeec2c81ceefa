"""Tables as accessible HTML: great_tables writes them, the page's stylesheet dresses them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd
from great_tables import GT

from spi_analysis.reporting.wording import Words

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
_CELL = re.compile(r'(<td headers="[^"]*-(c\d+)")')


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
    names = [f"c{i}" for i in range(len(columns))]
    data = pd.DataFrame({name: column.cells for name, column in zip(names, columns, strict=True)}, dtype=str)
    table = GT(data, rowname_col=names[0], id=table_id).tab_stubhead(columns[0].heading)
    table = table.cols_label({name: column.heading for name, column in list(zip(names, columns, strict=True))[1:]})
    for align, wanted in (("left", False), ("right", True)):
        aligned = [n for n, c in list(zip(names, columns, strict=True))[1:] if c.figures is wanted]
        table = table.cols_align(align, aligned) if aligned else table
    markup = _STYLE.sub("", table.as_raw_html())
    markup = markup[markup.index("<table") : markup.index("</table>") + len("</table>")]
    markup = markup.replace(' data-quarto-disable-processing="false" data-quarto-bootstrap="false"', "")
    markup = markup.replace("<thead>", f"<caption>{escape(title)}</caption><thead>", 1)
    markup = _with_labels(markup, {name: column.heading for name, column in zip(names, columns, strict=True)})
    below = f'<p class="note">{escape(note)}</p>' if note else ""
    return (
        f'<div class="table" id="{escape(table_id)}" role="group" tabindex="0" aria-label="{escape(title)}">'
        f"{markup}</div>{below}{csv_link(csv, title, words) if csv else ''}"
    )


def _with_labels(markup: str, headings: dict[str, str]) -> str:
    """Each cell knows its heading, and every element its role: on a narrow screen rows become cards."""
    markup = _CELL.sub(lambda m: f'{m.group(1)} role="cell" data-label="{escape(headings[m.group(2)])}"', markup)
    markup = markup.replace('<th scope="row"', '<th scope="row" role="rowheader"')
    markup = re.sub(r'(<th [^>]*scope="col")', r'\1 role="columnheader"', markup)
    markup = re.sub(r"<(thead|tbody)\b", r'<\1 role="rowgroup"', markup)
    return re.sub(r"<tr\b", '<tr role="row"', markup).replace("<table ", '<table role="table" ', 1)


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
