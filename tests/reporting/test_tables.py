"""Tables: every value escaped, headings tied to cells, ids explicit."""

import re

import pandas as pd

from spi_analysis.reporting.tables import (
    csv_link,
    figures,
    hidden_sentences,
    html_list,
    html_paragraphs,
    html_table,
    text,
)
from spi_analysis.reporting.wording import words

HOSTILE = '<script>alert("x")</script> & "quotes"'


def _table(**options):
    columns = [text("Unit <1>", [HOSTILE, "b"]), figures("Score", ["75,5", "–"])]
    return html_table(columns, "table-x", "Title & <more>", **options)


def test_nothing_that_comes_from_data_can_become_markup():
    html = _table(note=HOSTILE) + csv_link('tables/"x".csv', HOSTILE, words("en"))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "Title &amp; &lt;more&gt;" in html
    assert 'href="tables/&#34;x&#34;.csv"' in html
    assert "<script" not in html_list([(HOSTILE, HOSTILE)], "list") + html_paragraphs([HOSTILE])


def test_cells_are_tied_to_their_headings():
    html = _table()
    assert html.count('scope="row"') == 2
    assert html.count('scope="col"') == 2
    for cell in re.findall(r"<td [^>]*>", html):
        headers = re.search(r'headers="([^"]+)"', cell).group(1).split()
        assert all(f'id="{header}"' in html for header in headers)
        assert 'data-label="Score"' in cell, "on a narrow screen the heading stands beside the cell"


def test_why_a_score_is_hidden_says_nothing_of_single_answers():
    rows = pd.DataFrame({"label": ["b", "a"], "measure": "unit_score", "status": "suppressed"})
    (said,) = hidden_sentences(rows, 10, words("en"))
    assert said.startswith("Not shown (2), since fewer than 10 people answered there or did not answer, or since")
    assert said.endswith(": a; b.")
    (said,) = hidden_sentences(rows.assign(measure="item_favourable"), 10, words("en"))
    assert "gave one of the answers" in said


def test_the_same_table_gives_the_same_bytes():
    assert _table() == _table()
    assert 'id="table-x"' in _table()


def test_a_table_without_rows_is_still_a_table():
    html = html_table([text("A", []), figures("B", [])], "table-empty", "Empty")
    assert "<caption>Empty</caption>" in html
