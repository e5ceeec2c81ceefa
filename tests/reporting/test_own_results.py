"""A researcher's own estimates as views: words in both languages, a chart, and nothing that is hidden."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.reporting import result_view
from spi_analysis.reporting.own_results import (
    bias_rows,
    known_row,
    means_of_institutions,
    side_by_side,
    total_row,
    with_model,
    years_view,
)
from spi_analysis.survey import SurveyDesign, crosstab, estimate_mean, estimate_ratio, estimate_regression, fay_herriot
from spi_analysis.survey.sampling import Total
from tests.views import require_view_says_the_same_everywhere

PEOPLE = pd.DataFrame(
    {
        "w": 5.0,
        "sex": ["female", "male"] * 20,
        "paid": [0.0, 0, 1, 0] * 10,
        "score": np.arange(40.0),
        "unit": ["a"] * 40,
    }
)
DESIGN = SurveyDesign(PEOPLE, "w")


def test_codes_are_in_words_and_figures_rounded(tmp_path) -> None:
    """Women: 0, 2 ... 38, mean 19; men 20."""
    view = result_view(estimate_mean(DESIGN, "score", by="sex"), "scores", en="Scores", id="Skor")
    require_view_says_the_same_everywhere(view, tmp_path)
    assert view.data["estimate"].tolist() == [19.0, 20.0]
    assert "Perempuan" in view.to_html("id")
    assert "Skor" in view.to_html("id")
    assert "Female" in view.to_html("en")


def test_a_variable_that_has_a_name_is_called_by_it() -> None:
    html = result_view(estimate_mean(DESIGN, "score"), "score", en="Score", id="Skor rata-rata").to_html("id")
    assert ">Variabel<" in html
    assert ">Skor<" in html


def test_the_picture_of_a_share_is_as_exact_as_its_table() -> None:
    """Rounded to two decimals, 0.042 would be drawn at 0.04, and its interval from 0.03 on."""
    share = pd.DataFrame({"variable": ["paid"], "estimate": 0.0424, "ci_low": 0.0311, "ci_high": 0.0533, "n": 1855})
    html = result_view(share, "paid", en="Paid", id="Membayar").to_html("en")
    assert "0.042 (0.031 to 0.053)" in html, "the description of the picture"
    assert "<td" in html
    assert ">0.042<" in html


def test_a_two_way_table_has_its_test_below(tmp_path) -> None:
    found = crosstab(DESIGN, "sex", "paid")
    view = result_view(found, "paid", en="Paid", id="Membayar")
    require_view_says_the_same_everywhere(view, tmp_path)
    assert "p = " in view.to_html("en")
    fit = estimate_regression(DESIGN, "score ~ sex")
    assert "p = " in result_view(fit.margins("sex"), "m", en="x", id="y", test=fit.joint("sex")).to_html("id")


def test_hidden_cells_are_not_drawn() -> None:
    table = estimate_mean(DESIGN, "score", by="sex").table
    figures = ["estimate", "se", "ci_low", "ci_high", "n"]
    hidden = table.assign(**{name: table[name].where(table["sex"] == "male") for name in figures})
    view = result_view(hidden, "scores", en="Scores", id="Skor")
    assert view.data["estimate"].isna().tolist() == [True, False]
    assert "Female" not in view.chart.figure("en").axes[0].texts[0].get_text()


def test_a_table_without_a_figure_that_may_be_shown_has_no_picture(tmp_path) -> None:
    table = estimate_mean(DESIGN, "score", by="sex").table.assign(estimate=np.nan, ci_low=np.nan, ci_high=np.nan)
    view = result_view(table, "scores", en="Scores")
    assert view.chart is None
    assert "Scores" in view.to_html("id"), "without an Indonesian title the English one"
    found = crosstab(DESIGN.with_rule(lambda rows: rows.assign(estimate=np.nan)), "sex", "paid")
    assert "hidden" in result_view(found, "paid", en="Paid").to_html("en")


def test_a_table_without_estimates_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="estimate") as wrong:
        result_view(PEOPLE, "scores", en="Scores")
    assert "ci_low" in str(wrong.value)


def test_a_mean_of_institutions_counts_each_once() -> None:
    """10 and 30, whatever their people: 20, with the error 10 of two of them."""
    rows = pd.DataFrame({"type": "kota", "estimate": [10.0, 30.0, np.nan], "n": [1000, 10, 5]})
    row = means_of_institutions(rows, "type", 0.95).iloc[0]
    assert (row["estimate"], row["se"], row["n"]) == (20.0, pytest.approx(10.0), 2)


def test_a_model_stands_in_the_place_of_the_direct_estimates() -> None:
    direct = pd.DataFrame({"unit": list("abcd"), "estimate": [10.0, 12, 14, 16], "se": (5 / 3) ** 0.5, "n": 9})
    model = fay_herriot(direct["estimate"], direct["se"] ** 2, [[1.0]] * 4)
    table = with_model(direct, model, 0.95)
    assert table["estimate"].tolist() == model.eblup.tolist()
    assert table["ci_high"][0] - table["estimate"][0] == pytest.approx(1.959964 * model.mse.iloc[0] ** 0.5, rel=1e-6)


def test_published_years_stand_in_their_order() -> None:
    published = pd.DataFrame({"year": [2024, 2021], "index": [77.0, 70.5]})
    assert years_view(published, "years", en="Index", id="Indeks").data["year"].tolist() == [2021, 2024]


def test_ways_stand_side_by_side_in_words(tmp_path) -> None:
    """The list has 0 to 39, mean 19.5, of all 40 and so without error."""
    found = side_by_side({"listed": known_row(19.5, 40), "srs": estimate_mean(DESIGN, "score")})
    assert found[["way", "estimate", "n"]].to_numpy().tolist() == [["listed", 19.5, 40], ["srs", 19.5, 40]]
    assert found["ci_low"][0] == found["ci_high"][0] == 19.5
    view = result_view(found, "ways", en="Ways", id="Cara")
    require_view_says_the_same_everywhere(view, tmp_path)
    assert "daftar itu sendiri" in view.to_html("id")
    with pytest.raises(InputError, match="did you mean 'srs'"):
        side_by_side({"srss": known_row(1.0, 2)})


def test_a_total_of_units_has_t_limits() -> None:
    """t(0.975, 2 df) = 4.302653; the error is the root of 4."""
    row = total_row(Total(100.0, 4.0), 3, 0.95).iloc[0]
    assert row["ci_high"] == pytest.approx(100 + 2 * 4.302653, rel=1e-6)


def test_the_bias_of_a_design_keeps_what_few_runs_leave_open() -> None:
    """t(0.975, 4 df) = 2.776445."""
    tried = pd.DataFrame({"design": ["srs"], "bias": [2.0], "bias_error": [0.5], "runs": [5], "completes": [90.4]})
    row = bias_rows(tried, 0.95).iloc[0]
    assert (row["way"], row["estimate"], row["n"]) == ("srs", 2.0, 90)
    assert row["ci_low"] == pytest.approx(2 - 0.5 * 2.776445, rel=1e-6)


def test_items_and_answers_are_named_in_words_with_their_codes_beside(setup, tmp_path) -> None:
    """A cross-table of an experience by an item with two answers; a score of an item is a variable."""
    asked = {item.code: item for item in setup.instrument.items("external")}
    code = next(iter(asked))
    people = PEOPLE.assign(ext_exp_1=PEOPLE["paid"], **{code: [1.0, 6.0] * 20, f"{code}__score": PEOPLE["score"]})
    design, told = SurveyDesign(people, "w"), {"en": "x", "id": "y", "instrument": setup.instrument}
    view = result_view(crosstab(design, code, "ext_exp_1"), "table", **told)
    require_view_says_the_same_everywhere(view, tmp_path)
    html = view.to_html("id")
    assert f"{asked[code].text['id']} ({code})" in html
    assert "Sangat setuju (6)" in html
    assert "Ya (1)" in html
    by_item = result_view(estimate_mean(design, [f"{code}__score", "score"]), "means", **told).to_html("en")
    assert f"{asked[code].text['en']} ({code}__score)" in by_item
    assert ">Score<" in by_item
    ratio = result_view(estimate_ratio(design, "ext_exp_1", code), "ratio", **told).to_html("id")
    assert f"(ext_exp_1) / {asked[code].text['id']} ({code})" in ratio
    without = result_view(crosstab(design, code, "ext_exp_1"), "plain", en="x", id="y").to_html("id")
    assert ">6<" in without
    assert "Sangat setuju" not in without
