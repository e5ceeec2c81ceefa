"""Notebook 20: nobody's nonresponse is exposed by a panel, by nearly everyone's answers, or by a day's difference."""

from __future__ import annotations

import re
from html import unescape

import pandas as pd
import pytest

from spi_analysis.reporting.analyst.fieldwork_progress import (
    daily_chart,
    funnel_table,
    quota_table,
    rates_table,
    unit_table,
    unit_weeks_chart,
)
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


# Weeks of fieldwork from 29 July 2024: day 0 is in week 1, day 7 in week 2, day 20 in week 3.
def _of_units(setup) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invited and answered by day: 40 in Health (12 on day 0, 6 on day 7, 5 on day 20), 12 in Water (11 on day 1),
    and two units of 6, of which 3 and 1 answered on day 20."""
    answers = {
        "Health": (40, [0] * 12 + [7] * 6 + [20] * 5),
        "Water": (12, [1] * 11),
        "A": (6, [20] * 3),
        "B": (6, [20]),
    }
    start = pd.Timestamp(setup.round.fieldwork.start)
    rows = [
        {"source": "internal", "unit": unit, "person_id": f"{unit}-{i}", "day": days[i] if i < len(days) else None}
        for unit, (size, days) in answers.items()
        for i in range(size)
    ]
    people = pd.DataFrame(rows).assign(disposition=lambda t: t["day"].notna().map({True: "I", False: "NC"}))
    done = people.dropna(subset=["day"])
    times = start + pd.to_timedelta(done["day"], unit="D") + pd.Timedelta(hours=23)
    responses = done[["source", "person_id"]].assign(started_at=times, completed_at=times)
    return people.drop(columns="day"), responses


NO_EVENTS = pd.DataFrame({"source": [], "person_id": [], "event": [], "at": pd.Series([], dtype="datetime64[ns]")})


def test_answers_by_unit_and_week_add_up_in_bands_and_hide_where_nearly_all_answered(setup):
    """Health: 12, 18, 23 of 40. Water: 11 of 12, never told. The small ones together: 0, 0, 4 of 12."""
    people, responses = _of_units(setup)
    (view,) = unit_weeks_chart(people, NO_EVENTS, responses, setup.round).views
    found = view.data.assign(unit=view.data["unit"].fillna("smaller"))
    bands = {unit: rows["band"].tolist() for unit, rows in found.groupby("unit")}
    assert bands == {"Health": ["10–19", "10–19", "20–29"], "Water": ["–", "–", "–"], "smaller": ["0–9"] * 3}
    assert found["week"].unique().tolist() == [1, 2, 3]
    assert view.figure("id").axes[0].get_xlabel() == "Minggu pengumpulan jawaban"


def test_a_week_says_what_the_table_by_unit_said_at_its_end(setup):
    """Whoever kept the pages of all weeks knows as much: nothing is told that was not told then."""
    people, responses = _of_units(setup)
    (view,) = unit_weeks_chart(people, NO_EVENTS, responses, setup.round).views
    start = pd.Timestamp(setup.round.fieldwork.start)
    for week in (1, 2, 3):
        so_far = responses.loc[responses["completed_at"] < start + pd.Timedelta(weeks=week), "person_id"]
        then = people.assign(disposition=people["person_id"].isin(so_far).map({True: "I", False: "NC"}))
        told = {row[0]: row[-1] for row in _rows(unit_table(then, NO_EVENTS, setup.round).to_html("en"))}
        now = view.data[view.data["week"] == week]
        names = now["unit"].fillna("Smaller units together (2)")
        assert dict(zip(names, now["band"], strict=True)) == told


def test_cells_are_coloured_by_the_share_that_answered_at_least(setup):
    """10 of 40 are 25 %, the second step; 20 of 40 are past the last one; "0–9" and a dash have no colour."""
    people, responses = _of_units(setup)
    (view,) = unit_weeks_chart(people, NO_EVENTS, responses, setup.round).views
    (mesh,) = view.figure("en").axes[0].collections
    cells = {tuple(row) for row in mesh.get_array().reshape(-1, 3).filled(-1).astype(int).tolist() if -1 not in row}
    assert cells == {(2, 2, 3), (0, 0, 0)}


def test_before_the_first_answer_there_is_no_picture_of_units(setup):
    people, responses = _of_units(setup)
    html = unit_weeks_chart(people.assign(disposition="NC"), NO_EVENTS, responses.head(0), setup.round).to_html("en")
    assert "<svg" not in html
    assert "There is nothing to show." in html
