"""How fieldwork stands: what is counted, what may be shown, what follows."""

import pandas as pd
import pytest

from spi_analysis.stages.fieldwork_status import COLUMNS, shown_progress, with_outlook


def row(**given):
    base = {
        "institution_id": "kota-mojokerto", "source": "internal", "invited": 400, "reached": 300, "answered": 100,
        "ineligible": 5, "refused": 20, "broken_off": 5, "silent": 170, "wrong_number": 60, "not_reached": 40,
        "telephone": 0, "face_to_face": 0, "open_link": 0,
        "aimed": 150, "forecast": 120.0, "forecast_low": 110.0, "forecast_high": 140.0, "r_indicator": 0.8,
        "r_se": 0.02, "cv": 0.3, "wave": 2, "reserve": 100, "until": "2024-08-20",
    }  # fmt: skip
    return pd.DataFrame([base | given])[COLUMNS]


@pytest.mark.parametrize(
    ("aimed", "outlook", "reason", "rationale"),
    [
        (150, "behind", "silent", "the upper limit of 140 does not reach 150"),
        (130, "open", "silent", "130 lies between 110 and 140"),
        (110, "enough", None, "even the lower limit does"),
    ],
)
def test_the_outlook_compares_the_forecast_with_the_aim(aimed, outlook, reason, rationale):
    found = with_outlook(row(aimed=aimed)).iloc[0]
    assert (found["outlook"], found["reason"]) == (outlook, reason), rationale


def test_the_reason_is_what_most_people_are_kept_by():
    assert with_outlook(row(silent=10)).iloc[0]["reason"] == "wrong_number", "60 of 110"
    assert with_outlook(row(forecast=None, forecast_low=None, forecast_high=None)).iloc[0]["outlook"] == "unknown"


def test_few_answers_are_kept_back_with_all_that_they_follow_from(setup):
    """9 of 400 answered. Silent = 400 - 9 - 5 - 20 - 5 - 60 - 40: with all other counts it would tell them."""
    shown = shown_progress(row(answered=9, silent=261, forecast=12, forecast_low=9), setup.round).iloc[0]
    missing = {"answered", "silent", "refused", "broken_off", "forecast", "forecast_low", "forecast_high"}
    assert shown[list(missing)].isna().all()
    assert shown["bound"] == "< 10"
    assert (shown["invited"], shown["wrong_number"], shown["not_reached"]) == (400, 60, 40), "they tell of no answer"
    assert shown["outlook"] == "behind"


def test_where_few_did_not_answer_only_the_answers_stand(setup):
    """95 of 100 answered: beside the number invited, 95 would tell how few did not."""
    shown = shown_progress(row(invited=100, answered=95, silent=5, refused=0, broken_off=0, wrong_number=0,
                               not_reached=0, ineligible=0), setup.round).iloc[0]  # fmt: skip
    assert shown["answered"] == 95
    assert shown[["invited", "reached", "aimed", "silent", "forecast", "r_indicator"]].isna().all()


@pytest.mark.parametrize(("answered", "bound"), [(4, "< 5"), (5, "≥ 5"), (12, "≥ 5")])
def test_of_a_panel_only_on_which_side_of_the_least_it_is(setup, answered, bound):
    shown = shown_progress(row(source="expert", invited=13, answered=answered), setup.round).iloc[0]
    assert shown["bound"] == bound
    assert shown.drop(["institution_id", "source", "bound", "until", "wave", "open_link"]).isna().all()


@pytest.mark.parametrize(("opened", "told"), [(0, 0.0), (9, None), (10, 10.0)])
def test_few_answers_by_open_link_are_kept_back(setup, opened, told):
    shown = shown_progress(row(open_link=opened), setup.round).iloc[0]["open_link"]
    assert pd.isna(shown) if told is None else shown == told
