"""The page in plain language: the same figures in short sentences, at the level of class 9 or below."""

from __future__ import annotations

import re

import pytest

from spi_analysis.reporting import with_style, words
from spi_analysis.reporting.institution import plain_page_view
from spi_analysis.reporting.institution.first_screen import plain_paragraphs
from spi_analysis.stages import InstitutionPage

# Anderson (1983), Journal of Reading 26: class 9 is a LIX of 40 to 43.
CLASS_9 = 43.0
LONGEST_SENTENCE = 15


def _sentences(text: str) -> list[list[str]]:
    parts = [re.findall(r"[^\W\d_]+", part) for part in re.split(r"(?<=[.?!:])\s+", text)]
    return [part for part in parts if part]


def lix(text: str) -> float:
    """Words per sentence, and words of more than six letters in percent (Björnsson 1968)."""
    sentences = _sentences(text)
    every = [word for sentence in sentences for word in sentence]
    return len(every) / len(sentences) + 100 * sum(len(word) > 6 for word in every) / len(every)


def test_lix_by_hand():
    """Two sentences of two words each, one of four words long: 2 + 25."""
    assert lix("One two. Elephants three.") == 2 + 25


def _said(page: InstitutionPage, language: str) -> str:
    return " ".join(sentence for _, part in plain_paragraphs(page, words(language)) for sentence in part)


@pytest.mark.parametrize("language", ["id", "en"])
def test_it_reads_like_a_text_of_class_9(page: InstitutionPage, language: str) -> None:
    text = _said(page, language)
    assert lix(text) <= CLASS_9
    assert max(map(len, _sentences(text))) <= LONGEST_SENTENCE


@pytest.mark.parametrize("language", ["id", "en"])
def test_its_figures_are_those_of_the_report(page: InstitutionPage, language: str) -> None:
    index, say, text = page.figure("index"), words(language), _said(page, language)
    for name in ("estimate", "ci_low", "ci_high"):
        assert say.number(index[name]) in text
    assert say.number(index["n"], 0) in text


def test_the_report_links_it_and_it_links_the_report(page: InstitutionPage) -> None:
    view = plain_page_view(page)
    assert 'href="plain.id.html"' in view.to_html("id")
    html = with_style(view.pages["id"])
    assert 'lang="id"' in html
    assert 'href="report.id.html"' in html
    assert 'href="plain.en.html"' in html
    assert "contoh. Tidak ada" not in html, "a real round is no example"


def test_without_an_index_it_says_why(page_without_index: InstitutionPage) -> None:
    text = _said(page_without_index, "en")
    assert "is not shown" in text
    assert "Last year" not in text
