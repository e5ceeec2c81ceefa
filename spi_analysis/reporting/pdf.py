"""The report of an institution as PDF/UA, whole and as a brief of two pages: made from its finished page.

What the page says is taken as it is: words, tables, and the SVG of its charts; ``report.typ`` sets them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import matplotlib
import typst

from spi_analysis.errors import NotebookError
from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting.wording import Words, message, words
from spi_analysis.tables import write_bytes

TEMPLATE = Path(__file__).parent / "report.typ"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
STANDARD = "ua-1"
SVG = "http://www.w3.org/2000/svg"
# A browser knows what stands in a page's <svg>; a parser of XML has to be told.
NAMESPACED = f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" '
# Second page of the brief: sections of the report, by their headings, with the kinds of blocks that go there.
SECOND_PAGE = {
    message("Recommendations"): ("heading", "list"),
    message("Where to look first"): ("heading", "finding", "table"),
    message("Who answered"): ("heading", "finding", "table"),
    message("Quality and method in brief"): ("heading", "text"),
}
# Rows of a table that a brief has room for.
BRIEF_ROWS = 6
# Letters of the widest column of a table; longer cells wrap.
WIDEST = 36
# A colour of a chart is a variable of the page's stylesheet, with the one of paper beside it.
_COLOUR = re.compile(r"var\(--[a-z0-9-]+, (#[0-9a-f]+)\)")
# Name of a PDF and what a link to it says; where a published page has these links, a working page has nothing.
PDFS = {"brief": message("Brief of two pages (PDF)"), "report": message("Whole report (PDF)")}
LINKS_SLOT = "<!-- links to PDFs -->"
_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

ElementTree.register_namespace("", SVG)


def write_pdfs(setup: RoundSetup, institution_id: str) -> list[Path]:
    """Write ``report.<language>.pdf`` and ``brief.<language>.pdf`` beside the institution's pages.

    Raises
    ------
    NotebookError   there is no report yet, or it is no page of this workbench.
    """
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
    return [write_bytes(folder / name, content) for name, content in pdfs_of(setup, institution_id).items()]


def pdfs_of(setup: RoundSetup, institution_id: str) -> dict[str, bytes]:
    """The same by their names, made from the pages that are there now."""
    folder, made = setup.workspace.institution_outputs(setup.round.round_id, institution_id), {}
    for language in setup.round.languages:
        page = read_page(folder / f"report.{language}.html", institution_id)
        for name in PDFS:
            made[f"{name}.{language}.pdf"] = pdf_of(page, words(language), name == "brief")
    return made


def has_pdfs(setup: RoundSetup, institution_id: str) -> bool:
    """Whether somebody made PDFs of an institution's report."""
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
    return any((folder / f"{name}.{language}.pdf").is_file() for name in PDFS for language in setup.round.languages)


def with_pdf_links(html: str, language: Language) -> str:
    """A page of the report with links to its PDFs beside those to other languages."""
    say = words(language)
    links = (f' <a href="{name}.{language}.pdf">{escape(say(text))}</a>' for name, text in PDFS.items())
    return html.replace(LINKS_SLOT, "".join(links), 1)


def has_report(setup: RoundSetup, institution_id: str) -> bool:
    """Whether the pages of an institution's report are there."""
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
    return all((folder / f"report.{language}.html").is_file() for language in setup.round.languages)


def read_page(path: Path, institution_id: str) -> Element:
    """The finished page as a tree."""
    if not path.is_file():
        raise NotebookError("there is no report to make a PDF from", file=path.name, key=institution_id,
                            hint=f"make it first: spi run {institution_id} --notebook 50")  # fmt: skip
    text = path.read_text(encoding="utf-8")
    body = "".join(re.findall(r"(?s)<header>.*?</header>|<main.*?</main>|<footer>.*?</footer>", text))
    body = body.replace("<svg ", NAMESPACED)
    try:
        return ElementTree.fromstring(f"<page>{body}</page>")
    except ElementTree.ParseError as error:
        raise NotebookError(
            "the report is no page that a PDF can be made from",
            file=path.name,
            key=institution_id,
            got=str(error),
            hint=f"make it anew: spi run {institution_id} --force",
        ) from error


def pdf_of(page: Element, say: Words, is_brief: bool) -> bytes:
    """A page of the report as PDF/UA-1; the same page gives the same bytes."""
    data = json.dumps(_data(page, say, is_brief), ensure_ascii=False)
    made = typst.compile(
        str(TEMPLATE),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        sys_inputs={"data": data},
        pdf_standards=[STANDARD],
        timestamp=_DAY,
    )
    assert isinstance(made, bytes)
    return made


def _data(page: Element, say: Words, is_brief: bool) -> dict[str, Any]:
    sections = [list(_blocks(section)) for section in page.iterfind(".//section")]
    about = [block for part in page.iterfind(".//footer") for block in _blocks(part) if block["kind"] == "terms"]
    name, subtitle = _of_class(page, "h1", None), _of_class(page, "p", "round")
    kind = say("Brief of two pages") if is_brief else say("Integrity report")
    return {
        "language": say.language,
        "brief": is_brief,
        "title": f"{name} · {kind}",
        "description": subtitle,
        "institution": name,
        "subtitle": f"{kind} · {subtitle}" if is_brief else subtitle,
        "round": subtitle,
        "status": _of_class(page, "strong", None, ".//header//"),
        "banner": _of_class(page, "p", "banner"),
        "footer": _text(page.find(".//footer/p")),
        "pages": [sections[0], _second(sections, say) + about] if is_brief else [list(chain(*sections, about))],
    }


def _second(sections: list[list[dict[str, Any]]], say: Words) -> list[dict[str, Any]]:
    """What to do, where to look, who answered and how it was made; tables by their first rows."""
    titled = {part[0]["text"]: part for part in sections if part and part[0]["kind"] == "heading"}
    wanted = {say(heading): kinds for heading, kinds in SECOND_PAGE.items()}
    return [
        block | ({"rows": block["rows"][:BRIEF_ROWS]} if block["kind"] == "table" else {})
        for heading, kinds in wanted.items()
        for block in _of_kinds(titled.get(heading, []), kinds)
    ]


def _of_kinds(blocks: list[dict[str, Any]], kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """The blocks of these kinds; where a section has no others than its heading, its sentences."""
    chosen = [block for block in blocks if block["kind"] in kinds]
    alone = all(block["kind"] == "heading" for block in chosen)
    return [block for block in blocks if block["kind"] in ("heading", "text")] if alone else chosen


# From the elements of the page to blocks that the template knows.


def _blocks(element: Element) -> Iterator[dict[str, Any]]:
    for child in element:
        make = _MADE.get(child.tag)
        if make is not None:
            yield from make(child)
        else:
            yield from _blocks(child)


def _heading(element: Element) -> Iterator[dict[str, Any]]:
    found = element.find("span")
    title = _text(element) if found is None else (element.text or "").strip()
    yield {"kind": "heading", "level": int(element.tag[1]), "text": title}
    if found is not None:
        yield {"kind": "finding", "runs": [{"text": _text(found).removeprefix(": "), "bold": True}]}


def _paragraph(element: Element) -> Iterator[dict[str, Any]]:
    kind = element.get("class", "")
    if kind == "csv":
        return
    if kind == "index":
        first, *rest = [text for text in map(str.strip, element.itertext()) if text]
        yield {"kind": "index", "figure": first, "rest": " ".join(rest)}
    elif _text(element):
        yield {"kind": "note" if kind in ("note", "hidden-figures") else "text", "runs": _runs(element)}


def _figure(element: Element) -> Iterator[dict[str, Any]]:
    caption, svg = element.find("figcaption"), element.find(f"{{{SVG}}}svg")
    if caption is None or svg is None:
        return
    drawn = ElementTree.tostring(svg, encoding="unicode")
    yield {
        "kind": "figure",
        "title": (caption.text or "").strip(),
        "note": _text(caption.find("span")),
        "alt": " ".join(filter(None, (_text(svg.find(f"{{{SVG}}}{part}")) for part in ("title", "desc")))),
        "svg": _COLOUR.sub(r"\1", drawn).replace("<svg ", '<svg font-family="DejaVu Sans" ', 1),
    }


def _table(element: Element) -> Iterator[dict[str, Any]]:
    head = element.findall("thead/tr/th")
    names = [_text(cell) for cell in head]
    rows = [[_text(cell) for cell in row] for row in element.iterfind("tbody/tr")]
    yield {
        "kind": "table",
        "title": _text(element.find("caption")),
        "head": names,
        "figures": [cell.get("class") == "figures" for cell in head],
        "rows": rows,
        "widths": [_width(name, [row[i] for row in rows]) for i, name in enumerate(names)],
    }


def _width(name: str, cells: list[str]) -> int:
    """Letters that a column needs: its longest cell, but no more than a line of words; its heading may wrap."""
    words_of_name = max(map(len, name.split()), default=1)
    return max(words_of_name, min(max(map(len, cells), default=1), WIDEST)) + 2


def _list(element: Element) -> Iterator[dict[str, Any]]:
    yield {"kind": "list", "items": [_item(item) for item in element.iterfind("li")]}


def _item(item: Element) -> dict[str, Any]:
    notes = [part for part in item if part.get("class") == "note"]
    return {"runs": _runs(item, notes), "notes": [_text(note) for note in notes]}


def _terms(element: Element) -> Iterator[dict[str, Any]]:
    terms, meanings = element.findall("dt"), element.findall("dd")
    yield {"kind": "terms", "items": [[_text(t), _text(m)] for t, m in zip(terms, meanings, strict=True)]}


_MADE = {
    "h2": _heading,
    "h3": _heading,
    "p": _paragraph,
    "figure": _figure,
    "table": _table,
    "ol": _list,
    "ul": _list,
    "dl": _terms,
}


def _runs(element: Element, without: Sequence[Element] = ()) -> list[dict[str, Any]]:
    """Pieces of text, bold or not."""
    pieces = [(element.text, False)]
    for child in element:
        own = "" if child in without else "".join(child.itertext())
        pieces += [(own, child.tag == "strong"), (child.tail, False)]
    spaced = [(re.sub(r"\s+", " ", text), bold) for text, bold in pieces if text]
    return [{"text": text, "bold": bold} for text, bold in spaced]


def _text(element: Element | None) -> str:
    return "" if element is None else re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _of_class(page: Element, tag: str, css_class: str | None, path: str = ".//") -> str:
    """The words of the first element of a kind."""
    found = (e for e in page.iterfind(f"{path}{tag}") if css_class is None or e.get("class") == css_class)
    return _text(next(found, None))
