"""Pages of a round that is still in the field: sources without an answer yet, and what the pages say of them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from spi_analysis.reporting.analyst import fieldwork_progress, nonresponse_weighting
from spi_analysis.reporting.analyst.score_analysis import TABLES, estimates_table, item_nonresponse_table
from spi_analysis.reporting.institution import (
    bridge_view,
    composition_view,
    dimensions_view,
    opening,
    priority_areas_view,
    quality_view,
    recommendations_view,
    save_tables,
    units_view,
    who_answered_view,
)
from spi_analysis.stages.score import Scored
from spi_analysis.stages.weight import people_with_disposition
from tests.reporting.conftest import page_of
from tests.stages.conftest import Round

NAMES = {"internal": "Internal (employees)", "external": "External (service users)", "expert": "Experts"}
CASES = [["external"], ["internal"], ["internal", "external"], ["expert"], ["internal", "external", "expert"]]


def withheld(missing: list[str]) -> bool:
    """By the rule of the round: under 30 people of the sources drawn at random."""
    return {"internal", "external"} <= set(missing)


def without(drawn: Round, sources: list[str]) -> Round:
    """The town's round before anybody of these sources answered."""
    responses = drawn.responses[~drawn.responses["source"].isin(sources)]
    later = drawn.events["source"].isin(sources) & drawn.events["event"].isin(["started", "completed"])
    weighted = drawn.weight(responses=responses, events=drawn.events[~later])
    return replace(drawn, responses=responses, events=drawn.events[~later], weighted=weighted)


@pytest.fixture(scope="module", params=CASES, ids="+".join)
def interim(request: pytest.FixtureRequest, drawn: Round) -> tuple[list[str], Round, Scored]:
    round_ = without(drawn, request.param)
    return request.param, round_, round_.score()


def test_weights_are_made_of_the_sources_that_answered(interim, drawn):
    missing, round_, _ = interim
    weights, report = round_.weighted.weights, round_.weighted.report
    assert (weights.loc[weights["source"].isin(missing), "weight"] == 0).all()
    for source in set(NAMES) - set(missing):
        own = weights.loc[weights["source"] == source, "weight"].tolist()
        whole = drawn.weighted.weights
        assert own == whole.loc[whole["source"] == source, "weight"].tolist(), "as if the others were not there"
    nothing = report[report["source"].isin(missing)]
    assert (nothing["cases"] == 0).all()
    assert nothing[["kish_deff", "smallest", "largest"]].isna().all(axis=None), "no weight of which to say anything"


def test_the_page_of_weights_names_who_is_missing(interim, setup):
    missing, round_, _ = interim
    steps = nonresponse_weighting.steps_table(round_.weighted, setup.round).to_html("en")
    named = "; ".join(NAMES[source] for source in missing)
    assert f"Nobody has answered yet, so there are no weights: {named}." in steps
    told = set(setup.round.probability_sources) - set(missing)
    assert ("<table" in steps) == bool(told), "a panel's weights, all equal, stand in no row"
    for source in setup.round.probability_sources:
        for view in (
            nonresponse_weighting.balance_table(round_.weighted, round_.frame, setup.round, source),
            nonresponse_weighting.weight_chart(round_.weighted, source),
            nonresponse_weighting.response_chart(round_.weighted.sample, setup.round, source, "unit"),
        ):
            drawn_there = "<table" in view.to_html("en") or "<svg" in view.to_html("en")
            assert drawn_there == (source not in missing)


def test_nothing_is_estimated_of_a_source_without_answers(interim):
    missing, _, scored = interim
    estimates = scored.estimates
    assert estimates["source"].isin(missing).sum() == 0
    index = estimates[estimates["measure"] == "index"].iloc[0]
    assert index["estimate"] != index["estimate"], "no index of two sources"
    assert not estimates["measure"].str.startswith(("category", "target", "index_change")).any()


def test_the_page_of_scores_says_why_there_is_no_index(interim, setup):
    missing, _, scored = interim
    named = "; ".join(NAMES[source] for source in missing)
    for which in TABLES:
        html = estimates_table(scored, which, setup.instrument, setup.round).to_html("en")
        if withheld(missing):
            assert "<table" not in html
        elif which in ("index", "parts", "change", "chances"):
            assert f"There is no index: no answers, or too few, of {named}." in html
    gaps = item_nonresponse_table(scored, setup.instrument, setup.round).to_html("en")
    assert "No item lacks an answer" not in gaps


def test_the_report_says_what_is_missing(interim, tmp_path):
    missing, round_, scored = interim
    page = page_of(tmp_path, round_, round_.weighted, scored, synthetic=False)
    said = opening(page).to_html("en")
    if withheld(missing):
        assert "is not shown: too few people answered." in said, "withheld by the rule of the round"
    else:
        assert page.missing_sources == missing
        assert f"no answers, or too few, of {'; '.join(NAMES[source] for source in missing)}." in said
    for view in (bridge_view, composition_view, priority_areas_view, recommendations_view, dimensions_view,
                 who_answered_view, quality_view):  # fmt: skip
        assert not re.search(r"\bnan\b", view(page).to_html("en"))
    assert "is not shown" in bridge_view(page).to_html("en"), (
        "what the change is made of is not unknown but not there yet"
    )
    for source in ("internal", "external"):
        assert "nan" not in units_view(page, source).to_html("en")
    assert save_tables(page, tmp_path / "tables")


def test_progress_tells_no_count_below_the_least_by_its_share(drawn, setup):
    """Four users of some hundred wanted: "3 %" would be their number."""
    users = drawn.responses[drawn.responses["source"] == "external"]
    few = drawn.responses.drop(index=users.index[4:])
    round_ = without(drawn, ["external"])
    tables = (round_.frame, round_.sample, round_.events)
    people = people_with_disposition(*tables, few, setup.round, setup.instrument)
    html = fieldwork_progress.quota_table(people, round_.frame, setup.round).to_html("en")
    row = next(part for part in html.split("<tr")[2:] if NAMES["external"] in part)
    assert "&lt; 10" in row
    assert "%" not in row
