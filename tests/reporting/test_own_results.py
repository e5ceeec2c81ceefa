"""A researcher's own estimates as views: words in both languages, a chart, and nothing that is hidden."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.reporting import result_view
from spi_analysis.reporting.own_results import means_of_institutions, with_model, years_view
from spi_analysis.survey import SurveyDesign, crosstab, estimate_mean, estimate_regression, fay_herriot
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
