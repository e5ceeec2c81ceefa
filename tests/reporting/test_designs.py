"""The page of the design simulator, on a made-up table of results."""

from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.reporting import simulator_page as view


@pytest.fixture
def results() -> pd.DataFrame:
    """Made-up results: a bias of 3 where answering depends on the answer, else none."""
    rows = [
        (rate, answering, design, 3.0 * (answering == "answer"))
        for rate in (0.0831, 0.2)
        for answering in view.DEPENDS_ON
        for design in view.DESIGNS
    ]
    table = pd.DataFrame(rows, columns=["response_rate", "answering", "design", "bias"])
    return table.assign(
        bias_error=0.05, true_se=1.2, true_se_error=0.03, estimated_se=1.1, coverage=0.9, coverage_error=0.01,
        width=4.5, completes=300.0, invitations=3691.0, bias_share=0.86, runs=990, without_estimate=10, on_answer=0.5,
        variance_internal=0.3, variance_external=0.3, variance_expert=0.9,
    )  # fmt: skip


def test_findings_answer_the_three_questions(results, setup):
    english = view.findings(results, setup).to_html("en")
    assert "8.31%" in english
    assert "60% of that variance comes from the panel (Experts)" in english, "0.9 of 1.5"
    assert "the bias of the index after weighting is +3.00 points, which is 86%" in english
    assert "With a response of 20%" in english
    assert "8,31%" in view.findings(results, setup).to_html("id")


def test_a_round_without_a_panel_is_told_without_one(results, setup):
    sources = {name: one for name, one in setup.round.sources.items() if name != "expert"}
    two = replace(setup, round=setup.round.model_copy(update={"sources": sources}))
    html = view.findings(results.drop(columns="variance_expert"), two).to_html("en")
    assert "points wide.</p>" in html
    assert "panel" not in html


def test_every_figure_has_its_interval_and_missing_runs_are_said(results, setup):
    html = view.designs_table(results, setup).to_html("en")
    assert "+3.00 ± 0.10" in html
    assert "1.20 ± 0.06" in html
    assert "90.0% (88% to 92%)" in html
    assert "1,000 runs of each design, of which at most 10 gave no estimate" in html
    assert html.count("<tr") == 1 + 18
    assert view.designs_table(results, setup).sheet("en").programs == "designs/designs.csv"


def test_the_chart_is_described_in_words(results):
    html = view.designs_chart(results).to_html("en")
    assert "everyone invited: the list and the answer: Bias 3.00 (2.90 to 3.10), True SE 1.20 (1.14 to 1.26)" in html
    assert "nothing" not in html


def test_without_results_the_page_says_what_to_run(setup):
    for shown in (view.findings(None, setup), view.designs_chart(None), view.designs_table(None, setup)):
        assert "spi simulate" in shown.to_html("en")


def test_a_rate_that_was_not_simulated_is_not_made_up(results, setup):
    one = results[results["response_rate"] == 0.0831]
    assert view.designs_table(one, setup, which=1).to_html("en") == ""
    assert "20%" not in view.findings(one, setup).to_html("en")
