"""Answers by web, telephone and face to face: counted, set beside each other, and said on the report."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from spi_analysis.fieldwork import answers_by_mode
from spi_analysis.reporting.analyst.fieldwork_progress import modes_table as answers_table
from spi_analysis.reporting.analyst.score_analysis import modes_table as scores_table
from spi_analysis.reporting.analyst.score_analysis import open_link_table
from spi_analysis.reporting.institution.views import who_answered_view
from spi_analysis.stages.open_answers import open_link_reading
from spi_analysis.stages.respondents import item_weights, scored_column
from spi_analysis.stages.weight import people_with_disposition
from spi_analysis.tables import with_modes
from tests.reporting.conftest import page_of
from tests.views import views_in


def by_modes(responses: pd.DataFrame, interviewed: int, source: str = "internal") -> pd.DataFrame:
    """The first people of a source answered by telephone, all others over the web."""
    rows = responses.index[responses["source"] == source][:interviewed]
    return with_modes(responses).assign(mode=lambda t: t["mode"].mask(t.index.isin(rows), "telephone"))


@pytest.fixture(scope="module")
def asked(drawn):
    """Thirty employees answered by telephone."""
    return by_modes(drawn.responses, 30)


def people_of(drawn):
    tables = (drawn.frame, drawn.sample, drawn.events, drawn.responses)
    return people_with_disposition(*tables, drawn.setup.round, drawn.setup.instrument)


@pytest.mark.parametrize(
    ("modes", "counted", "rationale"),
    [
        (["web"] * 30, {}, "nobody answered otherwise"),
        (["web"] * 30 + ["telephone"] * 10, {"internal": [30, 10, 0]}, ""),
        (["web"] * 30 + ["telephone"] * 9, {"internal": [None] * 3}, "the total would tell the nine"),
        (["web"] * 9 + ["face_to_face"] * 40, {"internal": [None] * 3}, "few of the web are few, too"),
    ],
)
def test_answers_are_counted_by_mode_and_not_where_one_is_of_few(modes, counted, rationale):
    rows = pd.DataFrame({"source": "internal", "person_id": [f"p{i}" for i in range(len(modes))], "mode": modes})
    found = answers_by_mode(rows[["source", "person_id"]], rows, 10)
    assert found.astype(object).where(found.notna(), None).T.to_dict("list") == counted, rationale


def test_pages_20_and_30_count_them(drawn, asked):
    (view,) = views_in(answers_table(people_of(drawn), asked, drawn.setup.round))
    (row,) = view.data.to_dict("records")
    everybody = int((asked["source"] == "internal").sum())
    assert (row["source"], row["telephone"], row["web"], row["face_to_face"]) == ("internal", 30, everybody - 30, 0)
    assert "Wawancara telepon" in view.to_html("id")
    alone = answers_table(people_of(drawn), with_modes(drawn.responses), drawn.setup.round)
    assert views_in(alone) == []
    assert "Semua jawaban diberikan lewat web." in alone.to_html("id")


def test_page_40_sets_the_scores_beside_each_other(drawn, asked):
    scored = drawn.score(responses=asked)
    (view,) = views_in(scores_table(scored, drawn.setup.instrument, drawn.setup.round))
    web, telephone = view.data.to_dict("records")
    assert (web["mode"], telephone["mode"]) == ("web", "telephone")
    design = scored.designs["internal"]
    items = item_weights(drawn.setup.instrument, "internal")["score"]
    expected = {}
    for mode in ("web", "telephone"):
        here = (design.data["mode"] == mode).to_numpy()
        answers = design.data.loc[here, list(items.index)].to_numpy(dtype=float)
        weights = np.where(np.isnan(answers), 0, design.weights[here][:, None])
        expected[mode] = float((np.nansum(answers * weights, axis=0) / weights.sum(axis=0)) @ items.to_numpy())
    assert web["estimate"] == pytest.approx(expected["web"], abs=0.005)
    assert telephone["difference"] == pytest.approx(expected["telephone"] - expected["web"], abs=0.005)
    assert telephone["low"] < telephone["difference"] < telephone["high"]
    assert telephone["n"] == 30
    assert np.isnan(web["difference"])
    assert scored_column("int_tra_1") in items.index


def test_no_score_of_a_mode_by_which_few_answered(drawn):
    shown = scores_table(drawn.score(responses=by_modes(drawn.responses, 9)), drawn.setup.instrument, drawn.setup.round)
    assert views_in(shown) == []
    assert "fewer than 10 people answered" in shown.to_html("en")
    alone = drawn.score(responses=with_modes(drawn.responses))
    assert "Semua jawaban diberikan dengan satu cara." in scores_table(
        alone, drawn.setup.instrument, drawn.setup.round
    ).to_html("id")


@pytest.mark.parametrize(
    ("interviewed", "english", "indonesian"),
    [
        (30, "over the web: Internal (employees): telephone interview, 30 people.", "wawancara telepon, 30 orang"),
        (9, "how many did is not shown", "jumlahnya tidak ditampilkan"),
    ],
)  # fmt: skip
def test_the_report_says_that_not_all_answered_over_the_web(drawn, scored, tmp_path, interviewed, english, indonesian):
    other = replace(drawn, responses=by_modes(drawn.responses, interviewed))
    page = page_of(tmp_path, other, drawn.weighted, scored, synthetic=False)
    assert english in who_answered_view(page).to_html("en")
    assert indonesian in who_answered_view(page).to_html("id")
    assert "tidak dikoreksi" in who_answered_view(page).to_html("id")


def test_the_report_says_nothing_where_all_did(page):
    assert not re.search("telephone|interviewer", who_answered_view(page).to_html("en"))


# Answers by an open link stand outside all estimates.


def opened(responses: pd.DataFrame, people: int, source: str = "external") -> SimpleNamespace:
    """Data of a round in which so many of a source's answers came again by open link."""
    own = responses[responses["source"] == source].head(people).drop(columns="person_id")
    answers = own.assign(response_id=[f"r{i}" for i in range(len(own))], also_sampled=False)
    return SimpleNamespace(open_responses=answers, has=lambda table: table == "open_responses")


@pytest.mark.parametrize(("people", "source", "rows"), [(10, "external", 1), (9, "external", 0), (12, "expert", 0)])
def test_the_open_stream_stands_beside_the_estimate_under_the_same_rules(drawn, scored, people, source, rows):
    data = opened(drawn.responses, people, source)
    data.round, data.instrument = drawn.setup.round, drawn.setup.instrument
    reading = open_link_reading(data, scored)
    assert len(reading) == rows, "few answers and panels are not read"
    shown = open_link_table(reading, drawn.setup.round)
    if not rows:
        assert views_in(shown) == []
        assert "kurang dari 10" in shown.to_html("id")
        return
    (row,) = reading.to_dict("records")
    estimates = scored.estimates.query("measure == 'source_score' and source == 'external'")
    assert (row["estimate"], row["n_open"]) == (estimates["estimate"].item(), 10)
    assert min(row["estimate"], row["open_estimate"]) <= row["merged_estimate"]
    assert row["merged_estimate"] <= max(row["estimate"], row["open_estimate"])
    assert "Bacaan gabungan bukan perkiraan" in shown.to_html("id")


@pytest.mark.parametrize(
    ("people", "said"), [(10, "tidak masuk skor: Eksternal (pengguna layanan): 10."), (9, "kurang dari 10")]
)
def test_the_report_counts_answers_by_open_link_outside_the_score(page, people, said):
    counts = pd.Series({"external": float(people)}).where(lambda n: n >= 10)
    told = who_answered_view(replace(page, opened=counts)).to_html("id")
    assert said in told
    assert "terpilih secara acak" in told
    assert "tautan terbuka" not in who_answered_view(page).to_html("id")


def test_an_open_stream_of_one_mind_is_not_read(drawn, scored):
    """Twelve equal answers: their mean with an error of zero would be everybody's answer."""
    data = opened(drawn.responses, 12)
    data.round, data.instrument = drawn.setup.round, drawn.setup.instrument
    assert len(open_link_reading(data, scored)) == 1
    first = data.open_responses.iloc[0]
    for item in data.instrument.items("external"):
        data.open_responses[item.code] = first[item.code]
    assert open_link_reading(data, scored).empty
