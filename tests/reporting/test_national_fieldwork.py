"""The page of national fieldwork, and units in notebook 20: what lags stands first, and nothing tells of few people."""

import pandas as pd
import pytest

from spi_analysis.reporting.analyst.fieldwork_progress import unit_table
from spi_analysis.reporting.national.fieldwork_page import (
    fieldwork_days_chart,
    fieldwork_institutions_table,
    fieldwork_lag_table,
    fieldwork_modes_table,
    fieldwork_totals_table,
    representativity_table,
)
from spi_analysis.stages.fieldwork_status import shown_progress
from tests.reporting.test_institution import _rows
from tests.stages.test_fieldwork_status import row


@pytest.fixture
def progress(setup):
    rows = [
        row(),
        row(source="external", answered=7, silent=263, forecast=9, forecast_low=7, forecast_high=12, invited=777),
        row(institution_id="kota-bengkulu", answered=20, silent=250, forecast=30, forecast_low=20, forecast_high=40),
        row(institution_id="kota-tebing-tinggi", forecast=200, forecast_low=180, forecast_high=230),
    ]
    return shown_progress(pd.concat(rows, ignore_index=True), setup.round)


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_table_is_made_in_both_languages(progress, setup, language):
    days = pd.DataFrame(
        {"institution_id": "kota-mojokerto", "source": "internal", "day": pd.to_datetime(["2024-08-01", "2024-08-03"]),
         "answers": [40, 60]}
    )  # fmt: skip
    made = [
        fieldwork_totals_table(progress, setup, True),
        fieldwork_days_chart(days, progress, setup),
        fieldwork_lag_table(progress, setup),
        representativity_table(progress, setup),
        fieldwork_institutions_table(progress, setup),
    ]
    for view in made:
        assert "nan" not in view.to_html(language).lower().replace("finan", "")


def test_the_furthest_behind_stands_first_and_who_has_enough_in_no_row(progress, setup):
    rows = _rows(fieldwork_lag_table(progress, setup).to_html("en"))
    assert [(cells[0], cells[1]) for cells in rows] == [
        ("Kota Mojokerto", "External"), ("Kota Bengkulu", "Internal"), ("Kota Mojokerto", "Internal"),
    ]  # fmt: skip
    assert rows[0][2:6] == ["< 10", "150", "–", "–"], "seven answers are told by no figure and no forecast"
    assert rows[1][4:6] == ["30", "20 to 40"]
    assert rows[1][6:] == ["Behind", "Reached, no answer", "wave 2: 100"]


def test_answers_to_interviewers_are_counted_where_no_mode_tells_of_few(setup):
    """100 answers: 30 and 20 to interviewers leave 50 of the web; nine by telephone are told nowhere, nor the rest."""
    rows = [row(telephone=30, face_to_face=20), row(institution_id="kota-bengkulu", telephone=9, face_to_face=12),
            row(institution_id="kota-tebing-tinggi"), row(source="expert", telephone=12)]  # fmt: skip
    shown = fieldwork_modes_table(shown_progress(pd.concat(rows, ignore_index=True), setup.round), setup)
    assert _rows(shown.to_html("en")) == [
        ["Kota Mojokerto", "Internal", "50", "30", "20"], ["Kota Bengkulu", "Internal", "–", "–", "–"],
    ]  # fmt: skip
    alone = fieldwork_modes_table(shown_progress(row(), setup.round), setup)
    assert "Semua jawaban diberikan lewat web." in alone.to_html("id")


def test_what_is_kept_back_is_in_no_sum(progress, setup):
    """Three internal institutions: 100 + 20 + 100; the external one with seven answers is in no row."""
    rows = _rows(fieldwork_totals_table(progress, setup, False).to_html("en"))
    assert [cells[:2] for cells in rows] == [["Internal", "3"]]
    assert rows[0][4] == "220"
    assert "777" not in str(rows)


def test_small_units_stand_together_and_messages_are_counted_by_the_log(setup):
    """A: 30 invited, 12 answered, 20 delivered of whom 5 read. B and C: 6 each, together 12. D of another source: 4."""
    sizes = {("internal", "A"): 30, ("internal", "B"): 6, ("internal", "C"): 6, ("external", "D"): 4}
    people = pd.DataFrame(
        [{"source": s, "unit": u, "person_id": f"{u}{i}", "disposition": "I" if u == "A" and i < 12 else "NC"}
         for (s, u), n in sizes.items() for i in range(n)]
    )  # fmt: skip
    log = (
        [(f"A{i}", "delivered") for i in range(20)] + [(f"A{i}", "read") for i in range(5)] + [("B1", "invalid_number")]
    )
    events = pd.DataFrame(log, columns=["person_id", "event"]).assign(source="internal")
    rows = _rows(unit_table(people, events, setup.round).to_html("en"))
    assert rows == [
        ["A", "Internal", "30", "20", "5", "0", "10–19"],
        ["Smaller units together (2)", "Internal", "12", "0", "0", "1", "0–9"],
    ]
