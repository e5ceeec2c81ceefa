"""Did it help? What the report and the overview say of it, with the figures that they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.effect import Setting, acting, simulated
from spi_analysis.params import RoundSetup
from spi_analysis.reporting import national
from spi_analysis.reporting.institution import expectation_view, save_tables
from spi_analysis.scores import expected_index
from spi_analysis.stages import InstitutionPage, page_expectations
from spi_analysis.stages.change import history_of
from spi_analysis.stages.overview import Overview, effect_of_actions, national_overview, overview_tables
from spi_analysis.tables import published_results
from tests.reporting.test_national_years import _text

HISTORY = {2021: 60.0, 2022: 62.0, 2023: 61.0}


@pytest.fixture(scope="module")
def low_page(page: InstitutionPage) -> InstitutionPage:
    """An institution that lay in the sixties, and this year at 60."""
    history = pd.DataFrame({"year": list(HISTORY), "index": list(HISTORY.values())})
    figures = page.figures.copy()
    figures.loc[figures["measure"] == "index", "estimate"] = 60.0
    return replace(page, history=history.assign(institution_id=page.institution.institution_id), figures=figures)


def test_expectations_of_a_page_are_those_of_its_published_years(low_page: InstitutionPage) -> None:
    rows = page_expectations(low_page).set_index("year")
    history = history_of(low_page.history, low_page.setup, low_page.institution.institution_id)
    assert history is not None
    now = expected_index(history, 2024)
    assert now is not None
    assert rows.loc[2024, ["before", "expected", "index"]].tolist() == pytest.approx([61.0, now.mean, 60.0])
    assert rows.loc[2024, "beyond"] == pytest.approx(60.0 - now.mean)
    ahead = expected_index(replace(history, own={**HISTORY, 2024: 60.0}), 2025)
    assert ahead is not None
    assert rows.loc[2025, "chance"] == pytest.approx(ahead.chance_above(60.0))
    assert pd.isna(rows.loc[2025, "index"]), "nobody knows it yet"


def test_a_low_scorer_is_told_how_many_rise_by_themselves(low_page: InstitutionPage) -> None:
    shown = expectation_view(low_page)
    html, rising = _text(shown.to_html("en")), round(100 * page_expectations(low_page)["chance"].iloc[-1])
    assert "the institution is among the lowest 10% of its type (below 65.3)" in html
    assert f"{rising} can be expected to have a higher index in 2025 in the usual course of things" in html
    assert rising > 60, "of those that are low most rise"
    assert "that of the last published year stands for it" in html
    assert "A rise alone is therefore no sign that something helped." in html
    said = f"{rising} diperkirakan mempunyai indeks lebih tinggi pada 2025 menurut perkembangan yang biasa"
    assert said in _text(shown.to_html("id"))


def test_who_is_not_low_is_not_called_so(low_page: InstitutionPage) -> None:
    figures = low_page.figures.copy()
    figures.loc[figures["measure"] == "index", "estimate"] = 85.0
    html = _text(expectation_view(replace(low_page, figures=figures)).to_html("en"))
    assert "lowest" not in html
    assert "points more, which the usual ups and downs from year to year do not explain." in html


@pytest.mark.parametrize(
    ("validated", "said"),
    [
        (4, "acted on 1 of the 1 recommendations of 2023."),
        (1, "acted on none of the 1 recommendations of 2023, so there is nothing of that year"),
        (None, "the recommendations of 2023 is not known here."),
    ],
)
def test_whether_it_acted_is_said_and_that_one_alone_shows_nothing(low_page, validated, said) -> None:
    rows = [] if validated is None else [{"year": 2023, "recommendation": "x", "tlp": 100 * validated / 4}]
    tracker = pd.DataFrame(rows, columns=["year", "recommendation", "tlp"])
    text = _text(expectation_view(replace(low_page, tracker=tracker)).to_html("en"))
    assert said in text
    assert ("at least 50% of the actions conform and were validated" in text) == (validated is not None)
    nothing = "None of the recommendations of 2023 was acted on; the index lies within what was to be expected anyway."
    assert (nothing in text) == (validated == 1), "where nothing was done, nothing has failed"


def test_nothing_is_expected_where_the_index_is_hidden(page_without_index: InstitutionPage) -> None:
    html = _text(expectation_view(page_without_index).to_html("en"))
    assert "is not shown" in html
    assert "of 100" not in html
    assert page_expectations(page_without_index).empty


def test_the_csv_holds_the_figures_of_the_page(low_page: InstitutionPage, tmp_path) -> None:
    assert "expectations.csv" in save_tables(low_page, tmp_path)
    kept = pd.read_csv(tmp_path / "expectations.csv").set_index("year")
    assert kept.loc[2024, "expected"] == round(page_expectations(low_page)["expected"].iloc[0], 1)


# --- all institutions


@pytest.fixture(scope="module")
def five(setup: RoundSetup) -> Overview:
    """The published years of this round's institutions, without a tracker."""
    published = published_results(setup)
    tracker = pd.DataFrame(columns=["institution_id", "year", "recommendation", "done", "tlp"])
    return replace(national_overview(setup, published), effect=effect_of_actions(setup, published, tracker))


def overview_with(setup: RoundSetup, five: Overview, effect: float) -> Overview:
    """A generated country in which sixty institutions acted, half of them on one thing and half on another."""
    rng = np.random.default_rng(12)
    published = simulated(rng)
    tracker = acting(published, Setting("toy", 60, effect), rng)
    tracker["recommendation"] = np.where(np.arange(60) % 2, "budget_controls", "Perbaiki <parkir>")
    gains = published["institution_id"].isin(tracker["institution_id"]) & (published["year"] == 2024)
    published.loc[gains, "index"] += effect
    return replace(five, effect=effect_of_actions(setup, published, tracker))


@pytest.fixture(scope="module")
def helped(setup: RoundSetup, five: Overview) -> Overview:
    return overview_with(setup, five, 6.0)


def test_a_planted_gain_is_found_and_escaped(helped: Overview, setup: RoundSetup) -> None:
    html = national.effects_table(helped, setup, synthetic=True).to_html("en")
    text = _text(html)
    assert "In 60 of 60 cases" in text
    assert "more than chance explains." in text
    assert text.count("gained more than chance") == 3, "all together, and both recommendations"
    assert "The tracker of recommendations is generated: no institution did this." in text
    assert "Perbaiki &lt;parkir&gt;" in html
    assert "Put receipts and fees in order" in text
    row = helped.effect.effects.iloc[0]
    assert row["ci_low"] < 6.0 < row["ci_high"]


def test_no_gain_may_be_chance_and_the_page_says_what_was_too_small_to_see(setup: RoundSetup, five: Overview) -> None:
    overview = overview_with(setup, five, 0.0)
    text = _text(national.effects_table(overview, setup, synthetic=False).to_html("en"))
    assert "which may be chance" in text
    assert f"a true gain of less than {overview.effect.effects['detectable'].iloc[0]:.1f} points is missed" in text
    assert "generated" not in text


def test_five_institutions_are_too_few(setup: RoundSetup, five: Overview) -> None:
    published = simulated(np.random.default_rng(1)).head(20)
    tracker = pd.DataFrame({"institution_id": published["institution_id"].unique()[:2], "year": 2023})
    tracker = tracker.assign(recommendation="x", done=4, tlp=100.0)
    overview = replace(five, effect=effect_of_actions(setup, published, tracker))
    text = _text(national.effects_table(overview, setup, synthetic=False).to_html("en"))
    assert "Too few institutions can be compared: that takes at least 5 that acted" in text
    assert "Gain in points" not in text


def test_without_a_tracker_nothing_is_said_of_an_effect(setup: RoundSetup, five: Overview) -> None:
    assert "is not known here" in national.effects_table(five, setup, synthetic=False).to_html("en")
    assert "57 of 632" in national.detectable_table(five, setup).to_html("en"), (
        "what could be found is known all the same"
    )


def test_the_command_prints_what_the_page_shows(helped: Overview, setup: RoundSetup) -> None:
    tables = overview_tables(helped, setup, 5, None)
    found = tables["What institutions gained after they acted, beyond what others made of the same history"]
    assert found["recommendation"].tolist() == ["(all together)", "Perbaiki <parkir>", "budget_controls"]
