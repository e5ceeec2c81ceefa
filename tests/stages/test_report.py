"""What the page of an institution is made of: nothing hidden, and figures that agree with their tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import ParameterError, StoreError
from spi_analysis.stages.report import institution_page, round_results, who_answered
from spi_analysis.stages.score import Scored, save_estimates
from spi_analysis.stages.weight import WeightedSample, save_weights
from spi_analysis.tables import Store, eligible_list
from spi_analysis.tables.contracts import HIDDEN_COLUMNS
from spi_analysis.tables.round_data import RoundData
from tests.stages.conftest import Round
from tests.stages.town import TOWN


def stored(folder: Path, drawn: Round, weighted: WeightedSample, scored: Scored) -> Store:
    store = Store(folder / "spi_2024")
    for table in ("frame", "sample", "events", "responses"):
        store.write(table, TOWN, getattr(drawn, table))
    save_weights(store, TOWN, weighted)
    save_estimates(store, TOWN, scored)
    return store


@pytest.fixture
def full(tmp_path: Path, drawn: Round, scored: Scored) -> Store:
    return stored(tmp_path, drawn, drawn.weighted, scored)


def test_category_is_that_of_the_shown_index(full: Store, drawn: Round) -> None:
    page = institution_page(drawn.setup, full, TOWN)
    index = page.figure("index")["estimate"]
    limits = [(73, "rentan"), (78, "waspada"), (101, "terjaga")]
    assert page.category == next(name for limit, name in limits if round(index, 2) < limit)


def test_history_is_of_earlier_years_only(full: Store, drawn: Round) -> None:
    history = institution_page(drawn.setup, full, TOWN).history
    assert history["year"].tolist() == [2021, 2022, 2023]
    assert history["index"].tolist() == [76.02, 76.99, 78.37], "Kota Mojokerto, as published"


def test_counts_agree_with_the_tables(full: Store, drawn: Round) -> None:
    table = who_answered(drawn.setup, full, TOWN).set_index("source")
    weights = drawn.weighted.weights
    for source in ("internal", "external"):
        part = weights[weights["source"] == source]
        assert table.loc[source, "eligible"] == len(eligible_list(drawn.frame, source))
        assert table.loc[source, "invited"] == len(part)
        assert table.loc[source, "answered"] == (part["weight"] > 0).sum()
        complete, everyone = (part["disposition"] == "I").sum(), (part["disposition"] != "NE").sum()
        assert table.loc[source, "RR1"] == pytest.approx(complete / everyone), source
        w = part.loc[part["weight"] > 0, "weight"]
        assert table.loc[source, "effective_n"] == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_a_panel_has_its_answers_and_nothing_that_tells_who_stayed_silent(full: Store, drawn: Round) -> None:
    weights = drawn.weighted.weights.query("source == 'expert'")
    row = who_answered(drawn.setup, full, TOWN).set_index("source").loc["expert"]
    assert row["answered"] == (weights["weight"] > 0).sum() > 5
    assert row[["listed", "eligible", "invited", "needed", "RR1", "RR3"]].isna().all()


@pytest.mark.parametrize(("silent", "is_told"), [(0, False), (9, False), (10, True)])
def test_a_source_that_nearly_all_answered_tells_no_size(full: Store, drawn: Round, silent: int, is_told: bool) -> None:
    """120 employees, of whom ``silent`` did not answer and three proved ineligible: these count as neither."""
    weights = drawn.weighted.weights
    others = weights[weights["source"] != "internal"]
    one = weights[(weights["source"] == "internal") & (weights["weight"] > 0)].iloc[[0]]
    part = pd.concat([one] * 120, ignore_index=True).astype({"weight": float})
    part.loc[: silent - 1, ["disposition", "weight"]] = ["NC", 0.0] if silent else ["I", 1.0]
    part.loc[117:, ["disposition", "weight"]] = ["NE", 0.0]
    full.write("weights", TOWN, pd.concat([others, part.assign(person_id=[f"p{i}" for i in range(120)])]))
    row = who_answered(drawn.setup, full, TOWN).set_index("source").loc["internal"]
    assert row["answered"] == 117 - silent, "it stands beside the score in any case"
    shown = row[["listed", "eligible", "invited", "needed", "RR1", "RR3"]].notna()
    assert shown.all() if is_told else not shown.any()


def test_a_page_with_a_hidden_panel_shows_neither_index_nor_category(tmp_path: Path, drawn: Round) -> None:
    few = drawn.responses[(drawn.responses["source"] != "expert") | (drawn.responses.index % 5 == 0)]
    weighted = drawn.weight(responses=few)
    assert 0 < (weighted.weights.query("source == 'expert'")["weight"] > 0).sum() < 5
    store = stored(tmp_path, drawn, weighted, drawn.score(weighted, responses=few))
    page = institution_page(drawn.setup, store, TOWN)
    assert page.category is None
    assert page.figure("index") is None
    assert page.figure("source_score", source="internal") is not None
    who = page.who.set_index("source")
    assert who.loc["expert", ["answered", "RR1", "effective_n"]].isna().all(), "nor how many of a hidden panel answered"
    assert who.loc["internal", "answered"] > 10
    (result,) = round_results(drawn.setup, store)
    assert (result.status, result.category) == ("suppressed", None)
    assert np.isnan([result.index, result.ci_low, result.n]).all()


def test_recommendations_use_shown_figures_only(full: Store, drawn: Round, tmp_path: Path) -> None:
    page = institution_page(drawn.setup, full, TOWN)
    assert len(page.recommendations) == drawn.setup.round.recommendations.max_shown, "random answers score about 50"
    withheld = drawn.setup.inputs[TOWN].model_copy(update={"release": "withheld", "withheld_reason": "conduct"})
    store = stored(tmp_path / "withheld", drawn, drawn.weighted, drawn.score(inputs=withheld))
    assert institution_page(drawn.setup, store, TOWN).recommendations.empty


def test_page_before_the_estimates_says_what_to_run(tmp_path: Path, drawn: Round) -> None:
    with pytest.raises(StoreError, match="spi run --notebook 40"):
        institution_page(drawn.setup, Store(tmp_path), TOWN)


def test_unknown_institution(full: Store, drawn: Round) -> None:
    with pytest.raises(ParameterError, match="did you mean 'kota-mojokerto'"):
        institution_page(drawn.setup, full, "kota-mojokertoo")


def test_what_is_withheld_after_it_was_scored_is_not_read(full: Store, drawn: Round) -> None:
    decided = drawn.setup.inputs[TOWN].model_copy(update={"release": "withheld", "withheld_reason": "secrecy"})
    setup = replace(drawn.setup, inputs={**drawn.setup.inputs, TOWN: decided})
    page = institution_page(setup, full, TOWN)
    assert page.withheld_reason == "secrecy"
    assert page.figures[HIDDEN_COLUMNS].isna().all(axis=None)
    assert page.recommendations.empty
    assert page.category is None
    counts = page.who.drop(columns=["source", "least"])
    assert counts.isna().all(axis=None), "nor how many people work there, were asked and answered"
    (result,) = round_results(setup, full)
    assert (result.status, result.reason, result.category) == ("withheld", "secrecy", None)
    assert RoundData(setup, full, setup.roster[TOWN]).estimates["estimate"].isna().all()


def test_a_result_withheld_by_rule_says_so(drawn: Round, tmp_path: Path) -> None:
    rules = drawn.setup.round.release.model_copy(update={"min_answers": 1000})
    round_ = drawn.setup.round.model_copy(update={"release": rules})
    page = institution_page(drawn.setup, stored(tmp_path, drawn, drawn.weighted, drawn.score(round_=round_)), TOWN)
    assert page.withheld_reason == "insufficient_sample"


@pytest.mark.parametrize("rule", ["keep", "drop"])
def test_reports_that_come_after_the_answers_move_no_score_unless_the_round_says_so(
    tmp_path: Path, drawn: Round, rule: str
) -> None:
    """Twenty-five employees who answered are called ineligible a week later: none is lost, and the page counts them."""
    answered = drawn.responses[drawn.responses["source"] == "internal"].head(25)
    week = drawn.events["at"].max() + pd.Timedelta(days=7)
    reports = answered[["institution_id", "source", "person_id"]].assign(event="ineligible", at=week, channel="web")
    rules = drawn.setup.round.dispositions.model_copy(update={"ineligible_after_answers": rule})
    round_ = drawn.setup.round.model_copy(update={"dispositions": rules})
    setup = replace(drawn.setup, round=round_)
    events = pd.concat([drawn.events, reports], ignore_index=True)
    weighted = drawn.weight(events=events, round_=round_)
    before = drawn.weighted.weights.set_index(["source", "person_id"])["weight"]
    after = weighted.weights.set_index(["source", "person_id"])["weight"]
    if rule == "keep":
        pd.testing.assert_series_equal(after, before)
    else:
        assert (before > 0).sum() - (after > 0).sum() == 25
    store = stored(tmp_path, drawn, weighted, drawn.score(weighted))
    store.write("events", TOWN, events)
    counted = institution_page(setup, store, TOWN).reports
    # Three more were called ineligible without having answered.
    assert (counted.reported, counted.kept, counted.dropped) == (28, *((25, 0) if rule == "keep" else (0, 25)))
