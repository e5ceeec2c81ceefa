"""The section on those who did not answer: no sentence contradicts another, nor the table, whatever there is."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from itertools import product

import numpy as np
import pandas as pd
import pytest

from spi_analysis.reporting.analyst.sensitivity_ranges import ranges_table
from spi_analysis.reporting.institution.sensitivity_section import nonresponse_view
from spi_analysis.reporting.wording import MISSING
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.stages.sensitivity import ODDS_COLUMNS, RANGE_COLUMNS, Sensitivity

NEARLY_ALL, NO_PROXY, SOUND = "nearly all", "no proxy", "sound"
LABELS = {"internal": "Internal", "external": "External", "index": "Index"}
# Every kind of source with every other, with an index and without.
CASES = list(product((NEARLY_ALL, NO_PROXY, SOUND), (NEARLY_ALL, NO_PROXY, SOUND), (True, False)))


def found_of(internal: str, external: str, has_index: bool) -> Sensitivity:
    """Two sources and, if it is shown, the index of 74: each falls by 3.1 under the largest log-odds."""
    kinds = {"internal": internal, "external": external}
    told = [source for source, kind in kinds.items() if kind != NEARLY_ALL]
    measures = [*kinds, *(["index"] if has_index else [])]
    ranges = pd.DataFrame({"measure": measures, "estimate": 74.0, "ci_low": 71.0, "ci_high": 77.0, "n": 150.0})
    sound = [kinds.get(one) == SOUND for one in measures]
    share = [0.09 if one in told else np.nan for one in measures]
    ranges = ranges.assign(
        low=np.where(sound, 60.0, np.nan), high=np.where(sound, 74.0, np.nan), informative=True, response_share=share,
        heaviest=[0.35 if one in told else np.nan for one in measures],
    )  # fmt: skip
    moved = [*told, *(["index"] if has_index and told else [])]
    rows = [
        (one, log_odds, 74.0 - fall, -fall, 0.4, 70.0 - fall, 78.0 - fall)
        for one in moved
        for log_odds, fall in ((0.25, 1.6), (0.5, 3.1))
    ]
    by_odds = pd.DataFrame(rows, columns=ODDS_COLUMNS)
    tipping = pd.DataFrame([("rentan", 73.0, -2.0)] if has_index else [], columns=["category", "limit", "delta"])
    by_phi = pd.DataFrame(columns=["measure", "phi", "estimate", "informative"])
    category = "rentan" if "index" in moved else None
    per_point = 0.57 if has_index else float("nan")
    ranges = ranges.reindex(columns=RANGE_COLUMNS)
    return Sensitivity(by_odds, ranges, by_phi, tipping, pd.DataFrame(columns=["source"]), category, per_point)


def said(html: str) -> str:
    paragraphs = re.findall(r"(?s)<p[^>]*>(.*?)</p>", html.split("<table")[0])
    return unescape(re.sub(r"<[^>]+>", "", " ".join(paragraphs)))


def cells(html: str) -> dict[str, list[str]]:
    """The rows of the first table by their first cell."""
    body = re.search(r"(?s)<tbody.*?</tbody>", html)
    assert body is not None
    rows = [re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"(?s)<tr.*?</tr>", body.group())]
    return {row[0]: row[1:] for row in rows}


def pages(page: InstitutionPage, found: Sensitivity, has_index: bool) -> list[str]:
    shown = page if has_index else replace(page, category=None)
    shown = replace(shown, category="waspada") if has_index else shown
    return [nonresponse_view(shown, found).to_html("en"), ranges_table(found, page.setup.round).to_html("en")]


@pytest.mark.parametrize("case", CASES)
def test_no_sentence_contradicts_another_or_the_table(page: InstitutionPage, case: tuple[str, str, bool]) -> None:
    found, has_index = found_of(*case), case[2]
    told = {LABELS[source] for source, kind in zip(LABELS, case[:2], strict=False) if kind != NEARLY_ALL}
    for html in pages(page, found, has_index):
        text, rows = said(html), cells(html)
        dashes = {measure for measure, row in rows.items() if MISSING in row[2:5]}
        without = re.search(r"Nearly everyone answered \(([^)]*)\)", text)
        named = set(without.group(1).split("; ")) if without else set()
        assert named == {"Internal", "External"} - told
        assert not told or dashes - {"Index"} == named, "who is not spoken of has no figures, and the other way round"
        assert ("the index would be 70.90" in text) == ("Index" in rows and bool(told))
        assert ("the scores would be" in text) == (not has_index and bool(told))
        assert ("stand for 35%" in text) == bool(told)
        assert ("Odds 1.6 times" in html) == bool(told), "no column, and no note on it, where nothing is spoken of"
        assert ("exponential tilting" in html) == bool(told)
        assert "no range" not in text, "whatever the proxy tells, how far the figure falls can be said"


def test_the_category_in_words_is_that_of_the_figure(page: InstitutionPage) -> None:
    """70.90 is Vulnerable; reported as Watchful it changes, reported as Vulnerable it stays."""
    found = found_of(SOUND, NO_PROXY, True)
    sure = replace(found, by_odds=found.by_odds.assign(ci_low=70.0, ci_high=72.0))
    for shown, likely in ((sure, ""), (found, "most likely ")):
        would = f"The category would {likely}"
        for reported, words_ in (("waspada", f"{would}be Vulnerable."), ("rentan", f"{would}stay the same.")):
            text = said(nonresponse_view(replace(page, category=reported), shown).to_html("en"))
            assert words_ in text, "most likely where the interval (66.9 to 74.9) holds the limit of 73"
            assert ("stay the same" in text) != ("be Vulnerable" in text)


def test_the_page_never_says_the_good_direction_only(page: InstitutionPage) -> None:
    """In the lowest category no lower one can be reached: how far the index falls is said all the same."""
    found = found_of(NO_PROXY, NO_PROXY, True)
    upwards = replace(found, tipping=pd.DataFrame([("waspada", 73.0, 5.0)], columns=["category", "limit", "delta"]))
    text = said(nonresponse_view(replace(page, category="rentan"), upwards).to_html("en"))
    assert "would rise to Watchful" in text
    downwards = replace(found, tipping=pd.DataFrame([("rentan", 73.0, -4.0)], columns=["category", "limit", "delta"]))
    html = nonresponse_view(replace(page, category="waspada"), downwards).to_html("en")
    assert "change to Vulnerable if those who did not answer scored 4.0 points lower than assumed; chance not" in html
    assert text.index("the index would be 70.90") < text.index("would rise to Watchful"), "the bad direction first"
    assert "the index would be 0.57 points lower" in text


@pytest.mark.parametrize(
    ("deltas", "title"),
    [
        (
            (-9.4, 2.2),
            "Guarded if those who did not answer scored 2.2 points higher than assumed, to Vulnerable if",
        ),
        ((-2.2, 9.4), "Vulnerable if those who did not answer scored 2.2 points lower than assumed, to Guarded if"),
        ((-9.4, 12.0), "Vulnerable if those who did not answer scored 9.4 points lower than assumed; chance not"),
        ((np.nan, 5.0), "Guarded if those who did not answer scored 5.0 points higher than assumed; chance not"),
        ((-12.0, 11.0), None),
    ],
)
def test_the_title_names_every_category_within_ten_points(page: InstitutionPage, deltas, title) -> None:
    tipping = pd.DataFrame({"category": ["rentan", "terjaga"], "limit": [73.0, 78.0], "delta": deltas})
    html = nonresponse_view(page, replace(found_of(NO_PROXY, NO_PROXY, True), tipping=tipping)).to_html("en")
    assert ('class="finding"' in html) == (title is not None)
    assert title is None or f"The category would change to {title}" in html


def test_every_case_has_its_indonesian_words(page: InstitutionPage) -> None:
    for case in CASES:
        html = nonresponse_view(page, found_of(*case)).to_html("id")
        assert "odds of not answering" not in html
        assert ("peluang menjawab, menjadi 1,6 kali" in html) == (case[:2] != (NEARLY_ALL,) * 2)
