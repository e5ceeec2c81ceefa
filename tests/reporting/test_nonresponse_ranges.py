"""The section on those who did not answer: sentences and table never contradict each other, whatever there is."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_analysis.reporting.analyst.sensitivity_ranges import ranges_table
from spi_analysis.reporting.institution.sensitivity_section import nonresponse_view
from spi_analysis.reporting.wording import MISSING, words
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.stages.sensitivity import RANGE_COLUMNS, Sensitivity

NONE, WEAK, SOUND = "none", "weak", "sound"
LABELS = {"internal": "Internal", "external": "External"}
CASES = list(product((NONE, WEAK, SOUND), (NONE, WEAK, SOUND), (True, False)))


def found_of(internal: str, external: str, has_index: bool) -> Sensitivity:
    """Two sources that have a range, a weak one or none, and the index, if it is shown."""
    kinds = {"internal": internal, "external": external}
    if has_index:
        kinds["index"] = NONE if NONE in (internal, external) else WEAK if WEAK in (internal, external) else SOUND
    rows = []
    for measure, kind in kinds.items():
        low, high = (np.nan, np.nan) if kind == NONE else (60.0, 74.0)
        correlation = {NONE: 0.0, WEAK: 0.2, SOUND: 0.6}[kind] if measure != "index" else np.nan
        share = 0.09 if measure != "index" else np.nan
        rows.append((measure, 74.0, 71.0, 77.0, low, high, kind != WEAK, correlation, share, 150.0))
    ends = ("rentan", "waspada") if kinds.get("index", NONE) != NONE else None
    tipping = pd.DataFrame([("rentan", 73.0, -2.0)] if has_index else [], columns=["category", "limit", "delta"])
    by_phi = pd.DataFrame(columns=["measure", "phi", "estimate", "informative"])
    late = pd.DataFrame(columns=["source"])
    per_point = 0.57 if has_index else float("nan")
    return Sensitivity(pd.DataFrame(rows, columns=RANGE_COLUMNS), by_phi, tipping, late, ends, per_point)


def said(html: str) -> str:
    paragraphs = re.findall(r"(?s)<p[^>]*>(.*?)</p>", html.split("<table")[0])
    return unescape(re.sub(r"<[^>]+>", "", " ".join(paragraphs)))


def column_of_ranges(html: str) -> dict[str, str]:
    body = re.search(r"(?s)<tbody.*?</tbody>", html)
    assert body is not None
    rows = [re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"(?s)<tr.*?</tr>", body.group())]
    return {row[0]: row[3] for row in rows}


def without_range(text: str) -> set[str]:
    """Who has no range according to the sentences."""
    sources = re.search(r"For ([^.]*?) no range can be worked out", text)
    names = set(sources.group(1).split("; ")) if sources else set()
    return names | ({"Index"} if "there is none of the index either" in text else set())


def views(page: InstitutionPage, found: Sensitivity, case: tuple[Any, ...]) -> list[str]:
    shown = page if case[2] else replace(page, category=None)
    return [nonresponse_view(shown, found).to_html("en"), ranges_table(found, page.setup.round).to_html("en")]


@pytest.mark.parametrize("case", CASES)
def test_sentences_and_table_say_the_same(page: InstitutionPage, case: tuple[str, str, bool]) -> None:
    found = found_of(*case)
    cells = column_of_ranges(nonresponse_view(page, found).to_html("en"))
    dashes = {measure for measure, cell in cells.items() if cell == MISSING}
    for html in views(page, found, case):
        text = said(html)
        assert without_range(text) == dashes, "who has no range in words has none in the table, and the other way round"
        assert ("the index would lie between" in text) == ("Index" in cells and "Index" not in dashes)
        weak = {LABELS[source] for source, kind in zip(LABELS, case, strict=False) if kind == WEAK}
        named = re.search(r"For ([^.]*?) the far end of the range is weakly founded", text)
        assert (set(named.group(1).split("; ")) if named else set()) == weak
        assert not weak & dashes


def test_a_source_that_has_a_range_alone_is_named(page: InstitutionPage) -> None:
    text = said(nonresponse_view(page, found_of(WEAK, NONE, True)).to_html("en"))
    assert "For External no range can be worked out" in text
    assert "So there is none of the index either. For Internal alone there is a range." in text
    assert "For this institution no range" not in text
    none = said(nonresponse_view(page, found_of(NONE, NONE, True)).to_html("en"))
    assert "For Internal; External no range" in none
    assert "alone there is a range" not in none


def test_the_page_never_says_the_good_direction_only(page: InstitutionPage) -> None:
    """In the lowest category no lower one can be reached: how far the index falls is said all the same."""
    found = found_of(WEAK, NONE, True)
    upwards = replace(found, tipping=pd.DataFrame([("waspada", 73.0, 5.0)], columns=["category", "limit", "delta"]))
    text = said(nonresponse_view(page, upwards).to_html("en"))
    assert "would rise to Watchful" in text
    assert "the index would be 0.57 points lower" in text
    assert "points lower" not in said(nonresponse_view(page, found_of(WEAK, SOUND, False)).to_html("en"))


def test_every_case_has_its_indonesian_words(page: InstitutionPage) -> None:
    for case in CASES:
        html = nonresponse_view(page, found_of(*case)).to_html("id")
        assert "no range" not in html
        assert words("id")("So there is none of the index either.") in html or not (case[2] and NONE in case)
