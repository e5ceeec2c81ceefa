"""The overview's places and its model of the published years: every figure with its interval, n and label."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from spi_analysis.columns import LABELS
from spi_analysis.params import RoundSetup
from spi_analysis.reporting import national as view
from spi_analysis.stages.explorer import explore_published
from spi_analysis.stages.overview import Overview, national_overview, years_tables
from spi_analysis.tables import published_results
from tests.scores.years.toy import published_of, simulated

LABEL = "Published years carry no standard error: noise is the model's."
VIEWS = (view.components_table, view.levels_view, view.published_rank_sets_table, view.moves_table, view.hold_out_table)


def _text(html: str) -> str:
    plain = re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain)))


@pytest.fixture(scope="module")
def overview(setup: RoundSetup) -> Overview:
    """Forty generated cities over 2021-2024; one of them moves by 25 points, one is of this round."""
    values, _, _ = simulated(np.random.default_rng(8), 40, 3.0, 1.0, 1.0, setup.years)
    values[7, -1] -= 25
    table = published_of(values, (2021, 2022, 2023, 2024), parts=True)
    own = table["institution_id"] == "kota-buatan-003"
    table.loc[own, ["institution", "institution_id"]] = ["Kota Mojokerto", "kota-mojokerto"]
    strange = table["institution_id"] == "kota-buatan-007"
    table.loc[strange, "institution"] = "Kota <b>Buatan</b> 007"
    return national_overview(setup, table)


@pytest.mark.parametrize("show", VIEWS)
@pytest.mark.parametrize("language", ["id", "en"])
def test_noise_is_labelled_as_the_model_s_everywhere(overview, setup, show, language) -> None:
    html = _text(show(overview, setup).to_html(language))
    assert (LABEL in html) == (language == "en")
    assert ("naik-turun karena kebetulan di sini adalah perkiraan model" in html) == (language == "id")


def test_a_planted_move_is_named_counted_and_escaped(overview, setup) -> None:
    html = view.moves_table(overview, setup).to_html("en")
    assert "Kota &lt;b&gt;Buatan&lt;/b&gt; 007" in html
    assert "<b>Buatan" not in html
    assert "Index: 1 of 40" in _text(html)
    assert "the others are in the CSV" not in html, "all are shown"


def test_the_page_of_published_years_judges_every_change_by_its_own_interval(overview, setup) -> None:
    """The interval is what noise alone stays under, around the change itself; the mean is that of the table."""
    found = explore_published(setup, overview)
    known = found.rows.dropna(subset="change")
    leaves_out_zero = (known["change_low"] > 0) | (known["change_high"] < 0)
    assert (leaves_out_zero == (known["direction"] != "no_clear_change")).all()
    assert found.changes.clear == leaves_out_zero.sum() > 0
    both = overview.published.pivot(index="institution_id", columns="year", values="index")[
        overview.years[-2:]
    ].dropna()
    assert found.changes.n == len(both)
    assert found.changes.mean[0] == pytest.approx((both.iloc[:, 1] - both.iloc[:, 0]).mean())
    before = overview.categories.loc[2023].dropna()
    assert found.categories_before.to_dict() == before.to_dict()
    assert found.rows["size_class"].isna().all(), "of few the size is known, so nobody can choose by it"


def test_levels_are_those_of_this_round_with_intervals(overview, setup) -> None:
    html = _text(view.levels_view(overview, setup).to_html("en"))
    assert "Kota Mojokerto" in html
    assert "Kota Buatan 001" not in html
    assert len(re.findall(r"\d+\.\d \(\d+\.\d to \d+\.\d\)", html)) == 2


def test_places_are_sets_with_their_peers(overview, setup) -> None:
    html = _text(view.published_rank_sets_table(overview, setup).to_html("en"))
    assert "City (n = 40)" in html
    assert len(re.findall(r"between \d+ and \d+ of 40", html)) == 2


def test_the_held_out_year_is_told_apart_by_what_was_known(overview, setup) -> None:
    html = view.hold_out_table(overview, setup).to_html("en")
    assert html.count("<table") == 2
    assert "n = 40 institutions" in html


def test_too_few_institutions_are_said_once(setup) -> None:
    small = national_overview(setup, published_results(setup))
    said = ["at least 20 institutions" in show(small, setup).to_html("en") for show in VIEWS]
    assert said == [True, True, False, False, False], "on the page of checks and on the overview"
    assert [show(small, setup).to_html("en") for show in VIEWS[2:]] == [""] * 3


def test_every_column_of_the_files_has_words(overview, setup) -> None:
    small = national_overview(setup, published_results(setup))
    for model in (overview.model, small.model):
        for name, table in years_tables(model).items():
            assert set(table.columns) <= set(LABELS), name
            assert len(table.columns) > 4, name


def test_places_of_the_round(setup) -> None:
    codes = ["kota-mojokerto", "kota-bengkulu", "kabupaten-probolinggo"]
    places = pd.DataFrame({"institution_id": codes, "peers": [2, 2, 1], "best": [1, 1, 1], "worst": [2, 2, 1],
                           "best_alone": [1, 2, 1], "worst_alone": [1, 2, 1]})  # fmt: skip
    html = _text(view.rank_sets_table(places, setup, is_synthetic=True).to_html("en"))
    assert "(generated data)" in html
    assert html.count("between 1 and 2 of 2") == 2
    assert "1 of 2" in html
    assert "Probolinggo" not in html, "nobody to compare with"
    assert "95% " in html
    nobody = view.rank_sets_table(places[places["peers"] == 1], setup, is_synthetic=False).to_html("en")
    assert "no institution" in nobody.lower()
