"""The open stream beside the sample, worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.scores import score_estimates
from spi_analysis.stages.open_answers import _reading, open_answer_counts
from spi_analysis.stages.report import shown_response_rates
from spi_analysis.stages.respondents import item_weights
from spi_analysis.survey.estimation import SurveyDesign
from spi_analysis.tables.invitations import require_open
from tests.stages.town import TOWN


def test_the_merged_reading_weighs_both_streams_by_their_effective_answers(setup):
    """Ten people at 50 and ten at 70 beside a sample of 70 points (se 2, effective n 80).

    se of the open mean: sqrt(2000 / 19 / 20) = 2.29416; share 20 / 100; merged 0.8 * 70 + 0.2 * 60 = 68 with
    sqrt(1.6^2 + 0.458831^2) = 1.664489; difference -10 with sqrt(4 + 5.263158) = 3.043544; t(19) = 2.093024.
    """
    items = item_weights(setup.instrument, "external").index
    scores = pd.DataFrame(np.repeat([[50.0], [70.0]], 10, axis=0) * np.ones(len(items)), columns=items)
    sampled = pd.Series({"estimate": 70.0, "ci_low": 66.0, "ci_high": 74.0, "se": 2.0, "df_design": 30.0, "n": 100.0,
                         "effective_n": 80.0})  # fmt: skip
    found = score_estimates(
        SurveyDesign(scores.assign(weight=1.0), "weight"), item_weights(setup.instrument, "external"), 0.95
    )
    row = _reading("external", sampled, found.table.set_index("variable").loc["score"], 0.95)
    assert row["open_estimate"] == pytest.approx(60)
    assert row["share"] == pytest.approx(0.2)
    figures = [row[f"merged_{name}"] for name in ("estimate", "ci_low", "ci_high")]
    assert figures == pytest.approx([68, 68 - 2.093024 * 1.664489, 68 + 2.093024 * 1.664489], abs=1e-5)
    figures = [row[f"difference_{name}"] for name in ("estimate", "ci_low", "ci_high")]
    assert figures == pytest.approx([-10, -10 - 2.093024 * 3.043544, -10 + 2.093024 * 3.043544], abs=1e-5)


def test_few_answers_by_open_link_are_counted_for_nobody(setup, store):
    """Nine are fewer than ten (``min_cell``): told is only that there are some. Who broke off early does not count."""
    rows = {"institution_id": TOWN, "started_at": pd.NaT, "completed_at": pd.NaT, "also_sampled": pd.NA}
    rows |= {item.code: 4 for part in setup.instrument.questions.values() for item in part}
    table = pd.DataFrame(
        [{**rows, "response_id": f"r{i}", "source": "external" if i < 9 else "internal"} for i in range(19)]
    )
    broken_off = pd.DataFrame([{**rows, **dict.fromkeys(setup.instrument.codes("internal")), "source": "internal",
                                "response_id": "r19"}])  # fmt: skip
    store.write("open_responses", TOWN, pd.concat([table, broken_off], ignore_index=True).astype({"response_id": str}))
    counts = open_answer_counts(setup, store, TOWN)
    assert np.isnan(counts["external"])
    assert counts["internal"] == 10
    assert open_answer_counts(setup, store, "kota-bengkulu").empty


def test_nobody_speaks_for_nominated_people_by_an_open_link(setup, store):
    """Also where they are drawn from a list, as the experts of Kota Tebing Tinggi are."""
    town = "kota-tebing-tinggi"
    assert "expert" in setup.round_for(town).probability_sources
    with pytest.raises(InputError, match="by an open link") as refused:
        require_open(setup, town, "expert")
    assert refused.value.problems[0].expected == "internal, external"
    rows = {"institution_id": town, "started_at": pd.NaT, "completed_at": pd.NaT, "also_sampled": pd.NA}
    rows |= {item.code: 4 for part in setup.instrument.questions.values() for item in part}
    table = pd.DataFrame([{**rows, "response_id": f"r{i}", "source": "expert"} for i in range(12)])
    store.write("open_responses", town, table.astype({"response_id": str}))
    assert open_answer_counts(setup, store, town).empty


def test_no_page_of_all_institutions_has_a_response_rate_of_nominated_people(setup, store):
    """A round in which experts are drawn everywhere."""
    everywhere = replace(setup, round=setup.round_for("kota-tebing-tinggi"))
    assert "expert" in everywhere.round.probability_sources
    assert list(shown_response_rates(everywhere, store, [])) == ["internal", "external"]
