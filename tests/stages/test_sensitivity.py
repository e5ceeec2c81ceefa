"""The town's ranges: they start at the estimates, add up to the index's, and show only what may be shown."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.reporting.analyst.sensitivity_ranges import flags_table, late_table, ranges_table, tipping_table
from spi_analysis.reporting.institution.sensitivity_section import nonresponse_view, save_nonresponse
from spi_analysis.scores import category_of
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.stages.score import Scored
from spi_analysis.stages.sensitivity import Sensitivity, conduct_of, response_share, sensitivity_of
from tests.reporting.conftest import page, page_without_index  # noqa: F401
from tests.stages.conftest import Round
from tests.stages.test_score import keep


@pytest.fixture(scope="session")
def opinionated(drawn: Round) -> Round:
    """The town, in which people of a unit think alike; random answers would have no proxy."""
    answers = drawn.responses.copy()
    units = answers["person_id"].str.split("-").str[1]
    for source in ("internal", "external"):
        good = (answers["source"] == source) & (units == "dinassatu")
        for item in drawn.setup.instrument.items(source):
            scale = drawn.setup.instrument.scales[item.scale]
            middle = (scale.minimum + scale.maximum + 1) // 2
            better = (
                answers[item.code].clip(lower=middle)
                if item.direction == "positive"
                else answers[item.code].clip(upper=middle)
            )
            answers.loc[good, item.code] = better[good].where(answers.loc[good, item.code] <= scale.maximum)
    return Round(drawn.setup, drawn.frame, drawn.sample, drawn.events, answers, drawn.weighted)


def _found(round_: Round, scored: Scored, **other: object) -> Sensitivity:
    weighted = round_.weighted
    given = {"frame": round_.frame, "responses": round_.responses, "weights": weighted.weights,
             "replicates": weighted.replicates, "round_": round_.setup.round,
             "instrument": round_.setup.instrument}  # fmt: skip
    return sensitivity_of(scored.estimates, **(given | other))


@pytest.fixture(scope="session")
def found(opinionated: Round) -> Sensitivity:
    return _found(opinionated, opinionated.score())


def test_ranges_start_at_the_estimates(found: Sensitivity, opinionated: Round) -> None:
    estimates = opinionated.score().estimates
    scores = estimates[estimates["measure"] == "source_score"].set_index("source")["estimate"]
    start = found.by_phi[found.by_phi["phi"] == 0].set_index("measure")["estimate"]
    assert start[["internal", "external"]].tolist() == scores[["internal", "external"]].tolist()
    assert start["index"] == estimates.loc[estimates["measure"] == "index", "estimate"].iloc[0]


def test_the_index_moves_with_its_sources_experts_and_corrections_stay(found: Sensitivity, opinionated: Round) -> None:
    weights = opinionated.setup.round.index.source_weights
    moves = found.by_phi.pivot(index="phi", columns="measure", values="estimate")
    moves = moves - moves.loc[0.0]
    expected = weights["internal"] * moves["internal"] + weights["external"] * moves["external"]
    np.testing.assert_allclose(moves["index"], expected, atol=1e-12)
    ranges = found.ranges.set_index("measure")
    for end in ("low", "high"):
        move = ranges[end] - ranges["estimate"]
        parts = weights["internal"] * move["internal"] + weights["external"] * move["external"]
        assert move["index"] == pytest.approx(parts)


def test_by_log_odds_the_index_falls_with_its_sources(found: Sensitivity, opinionated: Round) -> None:
    """Shifts add up with the weights, and so do their variances: sources are independent."""
    weights = opinionated.setup.round.index.source_weights
    shift = found.by_odds.pivot(index="log_odds", columns="measure", values="shift")
    se = found.by_odds.pivot(index="log_odds", columns="measure", values="shift_se")
    assert list(shift.index) == opinionated.setup.round.sensitivity.log_odds
    assert (shift < 0).all(axis=None), "never the good direction"
    expected = weights["internal"] * shift["internal"] + weights["external"] * shift["external"]
    np.testing.assert_allclose(shift["index"], expected, atol=1e-12)
    squares = sum((weights[source] * se[source]) ** 2 for source in ("internal", "external"))
    np.testing.assert_allclose(se["index"] ** 2, squares)
    rows = found.by_odds
    reported = rows["measure"].map(found.ranges.set_index("measure")["estimate"])
    np.testing.assert_allclose(rows["estimate"], reported + rows["shift"])
    assert rows["estimate"].between(rows["ci_low"], rows["ci_high"]).all()


def test_the_category_is_that_under_the_largest_log_odds(found: Sensitivity, opinionated: Round) -> None:
    round_ = opinionated.setup.round
    worst = found.worst.set_index("measure").loc["index", "estimate"]
    assert found.category == category_of(worst, round_.categories, round_.index.decimals)
    assert (found.worst["log_odds"] == round_.sensitivity.log_odds[-1]).all()


def test_the_proxy_s_far_end_is_said_in_log_odds(found: Sensitivity) -> None:
    """In proportion to the shift of the largest log-odds; above 0 where the far end lies lower."""
    worst = found.worst.set_index("measure")
    for source in ("internal", "external"):
        row = found.row(source)
        down, up = row["low"] - row["estimate"], row["high"] - row["estimate"]
        farthest = down if -down > up else up
        assert row["log_odds"] == pytest.approx(0.5 * farthest / worst.loc[source, "shift"])


def test_the_heaviest_answers_stand_for_no_fewer_than_their_number(found: Sensitivity, opinionated: Round) -> None:
    """Counted anew: weights of the town, the ten largest."""
    least = opinionated.setup.round.disclosure.min_cell
    for source in ("internal", "external"):
        weights = opinionated.weighted.weights.query("source == @source and weight > 0")["weight"]
        expected = weights.nlargest(least).sum() / weights.sum()
        assert found.row(source)["heaviest"] == pytest.approx(expected)
        assert expected >= least / len(weights)


def test_the_share_that_answers_counts_base_weights(drawn: Round) -> None:
    """Three of the internal sample prove ineligible: they are in neither part of the share."""
    weights = drawn.weighted.weights.query("source == 'internal' and disposition != 'NE'")
    answered = weights.loc[weights["weight"] > 0, "base_weight"].sum()
    share = response_share(drawn.weighted.weights, "internal", drawn.setup.round)
    assert share == pytest.approx(answered / weights["base_weight"].sum())


def test_what_is_hidden_has_no_range(drawn: Round) -> None:
    few = keep(drawn, "internal", 9)
    weighted = drawn.weight(responses=few)
    scored = drawn.score(weighted, responses=few)
    found = _found(drawn, scored, responses=few, weights=weighted.weights, replicates=weighted.replicates)
    assert "internal" not in set(found.ranges["measure"]) | set(found.by_phi["measure"]) | set(found.late["source"])
    assert found.row("index") is None
    assert found.tipping.empty


WITHHELD = {"release": "withheld", "withheld_reason": "conduct"}


def test_withheld_results_have_no_ranges(drawn: Round) -> None:
    inputs = drawn.setup.inputs["kota-mojokerto"].model_copy(
        update={"release": "withheld", "withheld_reason": "conduct"}
    )
    assert _found(drawn, drawn.score(inputs=inputs)).ranges.empty


def test_all_answered_on_one_day_so_nothing_is_late(found: Sensitivity) -> None:
    assert found.late.empty


def test_tables_say_what_there_is(found: Sensitivity, opinionated: Round) -> None:
    round_ = opinionated.setup.round
    for language in ("id", "en"):
        assert {"table-odds", "table-phi"} <= set(ranges_table(found, round_).to_html(language).split('"'))
        assert "table-tipping" in tipping_table(found, round_).to_html(language)
    assert "Too few early or late" in late_table(found, round_).to_html("en")


def test_where_nearly_all_answered_the_share_is_not_told(found: Sensitivity, opinionated: Round) -> None:
    """Nine employees who did not answer: with n beside it, the share that answers would tell that there are nine."""
    weights = opinionated.weighted.weights
    nonrespondents = weights[
        (weights["source"] == "internal") & (weights["weight"] == 0) & (weights["disposition"] != "NE")
    ]
    scored = opinionated.score()
    shown = {
        n: _found(opinionated, scored, weights=weights.drop(nonrespondents.index[n:])).row("internal") for n in (9, 10)
    }
    assert np.isnan(shown[9]["response_share"])
    assert np.isnan(shown[9]["heaviest"])
    assert shown[10]["response_share"] > 0


def test_the_section_of_the_report(page: InstitutionPage, found: Sensitivity, tmp_path) -> None:  # noqa: F811
    html = {language: nonresponse_view(page, found).to_html(language) for language in ("en", "id")}
    index = found.worst.set_index("measure").loc["index"]
    assert f"{index['estimate']:.2f} (interval" in html["en"]
    assert "exponential tilting" in html["en"]
    assert "odds untuk tidak menjawab" in html["id"]
    kept = pd.read_csv(save_nonresponse(found, tmp_path)).set_index("measure")
    shown = found.worst.set_index("measure")["estimate"].round(1)
    assert kept["under_odds"].to_dict() == shown.to_dict(), "as the page shows it"
    assert set(kept["log_odds"]) == {0.5}


def test_without_anything_to_show_the_section_says_so(page_without_index: InstitutionPage, drawn: Round) -> None:  # noqa: F811
    inputs = drawn.setup.inputs["kota-mojokerto"].model_copy(
        update={"release": "withheld", "withheld_reason": "conduct"}
    )
    nothing = _found(drawn, drawn.score(inputs=inputs))
    assert nonresponse_view(page_without_index, nothing).to_html("en") == "<p>There is nothing to show.</p>"


# --- conduct


def test_the_page_of_flags_names_units_and_nothing_of_people(drawn: Round) -> None:
    """Everybody answers in the same minute and honestly otherwise; no counts, no persons, no small units."""
    checks = conduct_of(drawn.frame, drawn.responses, drawn.setup.round, drawn.setup.instrument)
    assert (checks["n"] >= drawn.setup.round.disclosure.min_cell).all()
    assert not checks["flagged"].any()
    assert "No unit is flagged" in flags_table(checks, drawn.setup.round).to_html("en")
    marked = checks.assign(flagged=checks["unit"] == "Dinas Satu", p_value=0.001, observed=77777.0, n=88888)
    html = flags_table(marked, drawn.setup.round).to_html("en")
    assert "Dinas Satu" in html
    assert "Dinas Dua" not in html
    assert "77" not in html.replace("1,999", "")
    assert "88888" not in html
    assert "88,888" not in html


def test_order_of_rows_changes_no_flag(drawn: Round) -> None:
    mixed = drawn.responses.sample(frac=1, random_state=4)
    one, two = (
        conduct_of(drawn.frame, answers, drawn.setup.round, drawn.setup.instrument)
        for answers in (drawn.responses, mixed)
    )
    pd.testing.assert_frame_equal(one, two)


def test_nobody_answered_nothing_is_looked_at(drawn: Round) -> None:
    nothing = conduct_of(drawn.frame, drawn.responses.head(0), drawn.setup.round, drawn.setup.instrument)
    assert nothing.empty
    assert "0 units" in flags_table(nothing, drawn.setup.round).to_html("en")
