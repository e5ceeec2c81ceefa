"""The report as PDF/UA: what the page says, with tags, language, title and words for pictures; checked by pikepdf."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import pikepdf
import pytest

from spi_analysis.errors import NotebookError
from spi_analysis.reporting import Shown, words
from spi_analysis.reporting import institution as view
from spi_analysis.reporting.pdf import SVG, _blocks, _data, pdf_of, read_page, write_pdfs
from spi_analysis.stages import InstitutionPage

A4 = (595.3, 841.9)
TITLES = {"id": "Kota Contoh 2024", "en": "Town Example 2024"}
HEADINGS = {
    "In brief": lambda page: view.first_screen_view(page) + view.sources_view(page) + view.opening(page),
    "Who answered": view.who_answered_view,
    "Dimensions": view.dimensions_view,
    "Where to look first": view.priority_areas_view,
    "Every question": view.questions_views,
    "Recommendations": view.recommendations_view,
    "Quality and method in brief": view.quality_view,
    "Glossary": view.glossary_view,
}


def html(page: InstitutionPage, language: str, shown: dict[str, Shown]) -> str:
    """A page as the exporter writes it, around what the views show."""
    say = words(language)
    sections = "".join(
        f"<section><h2>{say(title)}</h2>{made.to_html(language)}</section>" for title, made in shown.items()
    )
    return (
        f'<!DOCTYPE html><meta charset="utf-8"><body><header><p class="round">Laporan · SPI 2024</p>'
        f'<h1>{TITLES[language]}</h1><p class="marks"><strong class="mark draft">{say("Draft")}</strong></p></header>'
        f'<nav class="pages"></nav><main id="main">{sections}</main><footer><p>SPI</p></footer></body>'
    )


@pytest.fixture(scope="module")
def trees(page: InstitutionPage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Element]:
    shown, folder = {title: make(page) for title, make in HEADINGS.items()}, tmp_path_factory.mktemp("pages")
    for language in ("id", "en"):
        (folder / f"report.{language}.html").write_text(html(page, language, shown), encoding="utf-8")
    return {language: read_page(folder / f"report.{language}.html", "x") for language in ("id", "en")}


@pytest.fixture(scope="module")
def made(trees: dict[str, Element]) -> dict[tuple[str, bool], bytes]:
    return {(lang, brief): pdf_of(tree, words(lang), brief) for lang, tree in trees.items() for brief in (True, False)}


def test_what_a_section_found_is_a_sentence_below_its_heading() -> None:
    """In the page it stands in the title; a brief finds its sections by their headings."""
    title = '<summary><h2 id="x">Dimensions<span class="finding">: Budget is lowest.</span></h2></summary>'
    heading, found = _blocks(fromstring(f"<section>{title}</section>"))
    assert (heading["kind"], heading["text"]) == ("heading", "Dimensions")
    assert (found["kind"], found["runs"]) == ("finding", [{"text": "Budget is lowest.", "bold": True}])


def elements(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """All elements of the structure tree."""
    waiting = [pdf.Root.StructTreeRoot]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, pikepdf.Dictionary):
            continue
        if "/S" in one:
            yield one
        below = one.get("/K", [])
        waiting += reversed(list(below)) if isinstance(below, pikepdf.Array) else [below]


def fonts(pdf: pikepdf.Pdf) -> Iterator[Any]:
    for page in pdf.pages:
        for font in page.resources.get("/Font", {}).values():
            yield from font.get("/DescendantFonts", [font])


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("brief", [True, False])
def test_tags_language_title_words_for_pictures_and_fonts(made, language: str, brief: bool) -> None:
    content = made[language, brief]
    assert len(content) < 500_000
    pdf = pikepdf.open(io.BytesIO(content))
    with pdf.open_metadata() as facts:
        assert facts["pdfuaid:part"] == "1"
        assert facts["dc:title"].startswith(TITLES[language])
    assert pdf.Root.MarkInfo.Marked
    assert str(pdf.Root.Lang) == language
    assert pdf.Root.ViewerPreferences.DisplayDocTitle
    found = list(elements(pdf))
    pictures = [one for one in found if one.S == "/Figure"]
    assert pictures
    assert all(str(one.Alt).strip() for one in pictures), "a picture without words"
    assert any(one.S == "/TH" for one in found)
    assert all("/FontFile2" in font.FontDescriptor or "/FontFile3" in font.FontDescriptor for font in fonts(pdf))


def test_headings_are_those_of_the_page_without_a_gap(made) -> None:
    levels = [str(one.S) for one in elements(pikepdf.open(io.BytesIO(made["id", False]))) if str(one.S)[:2] == "/H"]
    assert levels[0] == "/H1"
    assert levels.count("/H1") == 1
    assert levels.count("/H2") == len(HEADINGS)
    assert set(levels) <= {"/H1", "/H2", "/H3"}


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_brief_is_two_pages_of_a4(made, language: str) -> None:
    pages = pikepdf.open(io.BytesIO(made[language, True])).pages
    assert len(pages) == 2
    assert all(abs(float(page.mediabox[2 + i]) - A4[i]) < 0.1 for page in pages for i in (0, 1))


def test_a_brief_of_a_page_without_an_index_is_two_pages_too(
    page_without_index: InstitutionPage, tmp_path: Path
) -> None:
    shown = {title: make(page_without_index) for title, make in HEADINGS.items()}
    path = tmp_path / "report.id.html"
    path.write_text(html(page_without_index, "id", shown), encoding="utf-8")
    content = pdf_of(read_page(path, "x"), words("id"), is_brief=True)
    assert len(pikepdf.open(io.BytesIO(content)).pages) == 2


def test_a_long_brief_is_set_smaller_and_stays_two_pages(trees: dict[str, Element]) -> None:
    section = trees["id"].find(".//section")
    sentences = [Element("p") for _ in range(12)]
    for one in sentences:
        one.text = "Kalimat panjang yang mengisi halaman pertama. " * 8
        section.append(one)
    content = pdf_of(trees["id"], words("id"), is_brief=True)
    for one in sentences:
        section.remove(one)
    assert len(pikepdf.open(io.BytesIO(content)).pages) == 2


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


def texts(data: object) -> Iterator[str]:
    """All strings of what is set, charts included."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for part in data.values() if isinstance(data, dict) else data:
            yield from texts(part)


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("brief", [True, False])
def test_a_pdf_says_no_figure_that_its_page_does_not_say(trees: dict[str, Element], language: str, brief: bool) -> None:
    """What the audit let onto the page is all that can stand in the PDF; drawings are the page's own."""
    data = _data(trees[language], words(language), brief)
    drawn = [block for page in data["pages"] for block in page if block["kind"] == "figure"]
    page_drawings = {tostring(svg, encoding="unicode") for svg in trees[language].iter(f"{{{SVG}}}svg")}
    assert len(drawn) <= len(page_drawings)
    for block in drawn:
        found = numbers(" ".join(fromstring(block.pop("svg")).itertext()))
        assert any(found <= numbers(drawing) for drawing in page_drawings)
    for page in data["pages"]:
        for block in page:
            block.pop("widths", None)
    said = numbers(" ".join(texts(data)))
    assert said, "a brief without a figure would pass whatever it says"
    assert said <= numbers(" ".join(trees[language].itertext()))


def test_the_same_page_gives_the_same_bytes(trees: dict[str, Element], made) -> None:
    assert pdf_of(trees["en"], words("en"), True) == made["en", True]


def test_without_a_report_there_is_nothing_to_set(page: InstitutionPage) -> None:
    with pytest.raises(NotebookError, match="no report"):
        write_pdfs(page.setup, "kota-contoh")


def test_a_file_that_is_no_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.id.html"
    path.write_text("<main><p>not closed</main>", encoding="utf-8")
    with pytest.raises(NotebookError, match="no page that a PDF"):
        read_page(path, "kota-contoh")
