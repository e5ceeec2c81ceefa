"""Notebook 20: nobody's nonresponse is exposed by a panel, by nearly everyone's answers, or by a day's difference."""

from __future__ import annotations

import re
from html import unescape

import pandas as pd
import pytest

from spi_analysis.reporting.analyst.fieldwork_progress import daily_chart, funnel_table, quota_table, rates_table
from tests.reporting.test_institution import _rows


def _text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html)))


# Invited and answered: 400 employees, 60 users of whom all but four answered, 13 experts of whom 12 did.
COUNTS = {"internal": (400, 150), "external": (60, 56), "expert": (13, 12)}


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rows = [
        {"source": source, "person_id": f"{source}-{i}", "disposition": "I" if i < answered else "NC"}
        for source, (invited, answered) in COUNTS.items()
        for i in range(invited)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def responses(people: pd.DataFrame) -> pd.DataFrame:
    done = people[people["disposition"] == "I"]
    days = pd.Timestamp("2024-08-01") + pd.to_timedelta(range(len(done)), unit="D") % pd.Timedelta(days=5)
    return done.assign(started_at=days, completed_at=days)


@pytest.fixture(scope="module")
def events(responses: pd.DataFrame) -> pd.DataFrame:
    return responses[["source", "person_id"]].assign(event="completed", at=responses["completed_at"])


def test_the_funnel_has_no_row_of_figures_for_panels_and_nearly_complete_sources(people, events, responses, setup):
    rows = {row[0]: row[1:] for row in _rows(funnel_table(people, events, responses, setup.round).to_html("en"))}
    assert rows["Internal (employees)"] == ["400", "150", "150", "150", "150", "150"]
    assert set(rows["External (service users)"]) == {"–"}, "4 of 60 did not answer"
    assert set(rows["Experts"]) == {"–"}


def test_the_funnel_of_the_first_days_keeps_few_completes_back_but_not_the_way_there(people, responses, setup):
    first = people[people["source"] == "internal"].head(30)
    log = first[["source", "person_id"]].assign(event=["completed"] * 9 + ["sent"] * 21, at=pd.Timestamp("2024-08-01"))
    nine = responses[responses["source"] == "internal"].head(9)
    rows = {row[0]: row[1:] for row in _rows(funnel_table(people, log, nine, setup.round).to_html("en"))}
    assert rows["Internal (employees)"] == ["400", "30", "9", "9", "9", "–"]


def test_a_log_that_knows_nothing_of_answers_is_not_believed_against_them(people, events, responses, setup):
    """150 of 400 employees answered, and the log of contacts ends with "sent": never "Started 0, Completed -"."""
    log = people[["source", "person_id"]].assign(event="sent", at=pd.Timestamp("2024-08-01"))
    html = funnel_table(people, log, responses, setup.round).to_html("en")
    assert _rows(html)[0][1:] == ["400", "400", "150", "150", "150", "150"]
    assert "Answers sent off by people who are not logged as completed: 150 (Internal)." in _text(html)
    assert "(External)" not in _text(html), "4 of 60 did not answer: no number of theirs is told in a sentence either"
    assert "disagree" not in funnel_table(people, events, responses, setup.round).to_html("en"), "here they agree"


def test_completed_in_the_log_without_answers_is_said_and_not_counted(people, events, responses, setup):
    """Of 150 employees logged as completed the answers of 100 are here, or of 145: under 10 no number is given."""
    for here, said in ((100, "50 (Internal)"), (145, "fewer than 10 (Internal)")):
        part = responses[responses["source"] == "internal"].head(here)
        html = funnel_table(people, events, part, setup.round).to_html("en")
        assert _rows(html)[0][-2:] == ["150", str(here)]
        assert f"no answers sent off are here: {said}" in _text(html)


def test_rates_of_few_silent_people_are_not_shown(people, setup):
    rows = {row[0]: row[1:] for row in _rows(rates_table(people, setup.round).to_html("en"))}
    assert rows["Internal (employees)"][:2] == ["400", "37.5%"]
    assert set(rows["External (service users)"]) == {"–"}
    assert set(rows["Experts"]) == {"–"}


def test_a_panel_is_on_one_side_of_its_threshold_or_the_other(people, drawn, setup):
    rows = {row[0]: row[1:] for row in _rows(quota_table(people, drawn.frame, setup.round).to_html("en"))}
    assert rows["Internal (employees)"][0] == "150"
    assert rows["External (service users)"] == ["56", "–", "–"], "its n stands beside its score, its size does not"
    assert rows["Experts"] == ["≥ 5", "–", "–"]
    few = people[(people["source"] != "expert") | (people["disposition"] == "NC") | (people.index % 4 == 0)]
    assert _rows(quota_table(few, drawn.frame, setup.round).to_html("en"))[-1][1] == "< 5"


def test_the_daily_chart_has_no_line_for_a_panel(people, responses, setup):
    html = daily_chart(people, responses, setup.round).to_html("en")
    said = unescape(re.sub(r"<[^>]+>", " ", html))
    assert "Internal: 30 → 150" in said
    assert "Experts:" not in said
    assert "The panel is not drawn" in said
    only = responses[responses["source"] == "expert"]
    assert "Nobody has answered yet" in daily_chart(people, only, setup.round).to_html("en")
