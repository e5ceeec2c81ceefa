"""Does the interval cover? Generated rounds with known truth, from draw to index: two, and twenty in the long tests.

The full simulation (200 rounds) is `make coverage`. Bounds here are three Monte-Carlo errors wide,
so that the seeded result says something about the method and not about the seeds.
"""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError, WeightingError
from spi_analysis.scores import IndexRule
from spi_analysis.scores.conduct import conduct_summary
from spi_analysis.stages.change import PublishedFigure, change_against_published
from spi_analysis.survey.estimation.interval_coverage import coverage_summary, range_summary
from spi_analysis.survey.estimation.result import proportion_interval
from spi_analysis.synthetic import WORLDS, clean_frame, make_city, rate_of
from spi_analysis.synthetic.simulated_rounds import (
    ANSWERS,
    SimulatedLists,
    _raking_only,
    compare_weightings,
    simulate_conduct,
    simulate_institution,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("coverage")]
SEEDS = [pytest.param(range(1, 3), id="two"), pytest.param(range(1, 21), id="twenty", marks=pytest.mark.long)]


def _simulated(setup, institution_ids, world, seeds, response="own") -> pd.DataFrame:
    lists = [SimulatedLists(setup, i, seed) for seed in seeds for i in institution_ids]
    return pd.concat([simulate_institution(one, world, response) for one in lists])


@pytest.fixture(scope="module", params=SEEDS)
def at_random(setup, request) -> pd.DataFrame:
    return _simulated(setup, setup.institution_ids, "additive", request.param)


@pytest.mark.parametrize("measure", ["internal", "external", "expert", "index"])
def test_intervals_cover_where_response_is_at_random(at_random, measure):
    row = coverage_summary(at_random, ["measure"]).set_index("measure").loc[measure]
    assert row["runs"] == 5 * at_random["seed"].nunique()
    error = 3 * np.sqrt(0.95 * 0.05 / row["runs"])
    assert 0.95 - error <= row["coverage"], "too few intervals hold the truth"
    assert abs(row["bias"]) < 3 * row["sd"] / np.sqrt(row["runs"]) + 0.15, "the weights leave a bias"
    # A standard deviation of so many runs is itself known to one part in the root of twice their number.
    spread = 3 / np.sqrt(2 * (row["runs"] - 1))
    assert 0.96 - spread < row["se"] / row["sd"] < 1.02 / (1 - spread), "the standard error is not that of the estimate"


def test_intervals_of_rates_cover_and_count_no_more_answers_than_there_are(at_random):
    """Rates of one round move together, so the Monte-Carlo error is that of the means of rounds."""
    rates = at_random[at_random["measure"].str.endswith("_rate")].reset_index(drop=True)
    assert set(rates["measure"]) == {"internal_rate", "external_rate"}
    held = rates["truth"].between(rates["ci_low"], rates["ci_high"])
    for measure, of_measure in held.groupby(rates["measure"]):
        rounds = of_measure.groupby([rates["institution_id"], rates["seed"]]).mean()
        assert 0.95 - 3 * rounds.sem() <= of_measure.mean(), measure
    # Never narrower than Wilson's interval of n answers drawn one by one (with the normal, a little less than t).
    counted = rates[["estimate", "n"]].assign(estimate=rates["estimate"] / 100, se=np.nan, df_design=np.inf)
    low, high = proportion_interval(counted, "wilson", 0.95)
    assert (rates["ci_high"] - rates["ci_low"] >= 100 * (high - low) - 1e-9).all()


def test_a_change_without_any_change_is_seldom_called_one(at_random, setup):
    """Each round against the one before it as if that had been published and nothing had changed in truth."""
    weights, found = setup.round.index.source_weights, []
    known = at_random.set_index(["institution_id", "seed", "measure"]).sort_index()
    for institution_id in setup.institution_ids:
        for seed in sorted(set(at_random["seed"]))[1:]:
            now, then = known.loc[(institution_id, seed)], known.loc[(institution_id, seed - 1)]
            scores = now.loc[list(weights), ["estimate", "se", "df_design", "n"]].assign(effective_n=np.nan)
            before = (then["estimate"] - then["truth"] + now["truth"]).loc[list(weights)].round(2)
            parts = before.to_dict() | {"correction_conduct": 0.0, "correction_facts": 0.0}
            index = round(sum(weights[s] * before[s] for s in weights), 2)
            figure = PublishedFigure(2023, index, parts, weights)
            rows = change_against_published(figure, scores, IndexRule(weights, {}, {}), setup.round.level)
            found.append(rows[rows["measure"].isin(["index_change", "change_source"])])
    rows = pd.concat(found)
    alarms = ((rows["ci_low"] > 0) | (rows["ci_high"] < 0)).groupby(rows["measure"]).agg(["mean", "size"])
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / alarms["size"])
    assert (alarms["mean"] <= most).all(), alarms


@pytest.mark.long
def test_a_census_with_8_percent_response_has_an_interval_of_honest_width(setup):
    """With the correction n/N the interval would be a point: everybody was invited."""
    results = _simulated(setup, ["kota-pangkalpinang", "kota-mojokerto"], "additive", range(1, 16), "census")
    table = coverage_summary(results, ["measure"]).set_index("measure")
    for source in ("internal", "external"):
        row = table.loc[source]
        assert 0.65 < row["se"] / row["sd"] < 1.5
        assert row["width"] > 3, "points of 100; with some 150 answers nothing narrower would be honest"
        # Units in which under five answer are merged with others, whose people may think otherwise:
        # docs/methods/weighting.md says what that costs.
        assert row["coverage"] >= 0.9 - 3 * np.sqrt(0.9 * 0.1 / row["runs"])


@pytest.mark.long
def test_no_weight_mends_silence_that_depends_on_the_answer(setup):
    results = _simulated(setup, ["kota-mojokerto"], "depends_on_answer", range(1, 6))
    table = coverage_summary(results, ["measure"]).set_index("measure")
    assert table.loc["internal", "bias"] > 1.5, "people with bad things to tell answer less"
    assert table.loc["internal", "coverage"] < 0.5


@pytest.mark.long
def test_the_sensitivity_range_holds_more_truth_where_silence_depends_on_the_answer(setup):
    """Weights leave a bias of some 2 points there, of log-odds 0.3; the range reaches to 0.5. It is no guarantee."""
    results = _simulated(setup, ["kota-mojokerto", "kabupaten-probolinggo"], "depends_on_answer", range(1, 4))
    table = range_summary(results, ["measure"], "range_low", "range_high").set_index("measure")
    known = results.dropna(subset=["range_low"])
    assert set(known["measure"]) == {"internal", "external", "index"}
    assert (known["range_low"] < known["estimate"]).all()
    for source in ("internal", "external"):
        assert table.loc[source, "contains_wider"] > table.loc[source, "interval_contains"]
    assert "expert" not in table.index, "nothing is assumed of the panel's silence"


def test_range_summary_counts_what_it_says():
    """Truth 10. First run: range 9 to 12 holds it; second: 11 to 12 misses, moved out by 1.5 it holds; third: none."""
    runs = pd.DataFrame(
        {
            "truth": 10.0, "estimate": [12.0, 12.0, 12.0], "ci_low": [10.5, 10.5, 9.0], "ci_high": 13.0,
            "low": [9.0, 11.0, np.nan], "high": [12.0, 12.0, np.nan], "m": "x",
        }
    )  # fmt: skip
    row = range_summary(runs, ["m"], "low", "high").iloc[0]
    assert row[["runs", "ranges", "width"]].tolist() == [3, 2, 2.0]
    assert row[["contains", "contains_wider", "interval_contains"]].tolist() == [0.5, 1.0, 0.0]


@pytest.mark.long
def test_conduct_checks_find_coached_units_and_leave_honest_ones_alone(setup):
    """A short version of `spi check-conduct --seeds 200`: two institutions that have coached units, two seeds."""
    results = pd.concat(
        simulate_conduct(SimulatedLists(setup, institution_id, seed), answers)
        for institution_id in ("kota-mojokerto", "kabupaten-probolinggo")
        for seed in (1, 2)
        for answers in ANSWERS
    )
    table = conduct_summary(results).set_index(["what", "check"])
    assert table.loc[("honest_institutions", "any"), "flagged"] == 0
    assert table.loc[("coached_units", "any"), "cases"] >= 3
    assert table.loc[("coached_units", "any"), "share"] >= 0.5


def test_ways_of_weighting_are_compared_on_the_same_answers(setup):
    """Every way has a row per source; in the census of one city, 8 % answering, each lies near the truth."""
    lists = SimulatedLists(setup, "kota-pangkalpinang", 201)
    every = compare_weightings(lists, "additive", "census")
    units = every[every["measure"].str.endswith("_unit")]
    assert {"round", "unit_model"} <= set(units["weighting"])
    assert (units["n"] >= setup.round.disclosure.min_cell).all()
    assert units["unweighted"].isna().all()
    assert units["truth"].notna().all()
    figures = every[["estimate", "se", "ci_low", "ci_high", "n", "truth"]]
    assert list(figures.select_dtypes("float")) == list(figures), "numbers, for the table of the command"
    assert coverage_summary(every.dropna(subset=["se"]), ["measure", "weighting"])["rmse"].gt(0).all()
    table = every.drop(units.index)
    assert table.groupby("measure")["weighting"].apply(set).to_dict() == {
        source: {"round", "raked", "unit_model"} for source in ("internal", "external")
    }
    assert table.groupby("measure")[["n", "truth", "unweighted"]].nunique().eq(1).all(axis=None)
    assert ((table["estimate"] - table["truth"]).abs() < 3 * table["se"]).all()
    of_round = simulate_institution(lists, "additive", "census").set_index("measure")
    ways = table.set_index(["measure", "weighting"])["estimate"]
    for source in ("internal", "external"):
        assert ways[source, "round"] == of_round.loc[source, "estimate"]
        assert len({ways[source, way] for way in ("round", "raked", "unit_model")}) == 3


def test_a_round_that_no_weights_can_be_given_to_is_counted_and_stops_nothing(setup, monkeypatch):
    """Some 8 % rounds leave margins that contradict each other; the simulation goes on and says how many they were."""

    def contradiction(*_):
        raise WeightingError("raking does not converge")

    lists = SimulatedLists(setup, "kota-mojokerto", 1)
    good = simulate_institution(lists, "additive", "0.08")
    monkeypatch.setattr("spi_analysis.synthetic.simulated_rounds.weight_institution", contradiction)
    bad = simulate_institution(lists, "interaction", "0.08")
    assert set(bad["measure"]) == {*setup.round.sources, "index"}
    assert set(bad["why"]) == {"raking does not converge"}
    assert bad["truth"].notna().all()
    assert bad["estimate"].isna().all()
    table = coverage_summary(pd.concat([good, bad]), ["world", "measure"]).set_index(["world", "measure"])
    assert table.loc[("additive", "index"), ["runs", "without_estimate"]].tolist() == [1, 0]
    table = coverage_summary(pd.concat([good, bad]), ["measure"]).set_index("measure")
    assert table.loc["index", ["runs", "without_estimate"]].tolist() == [1, 1]
    assert table.loc["internal_rate", "without_estimate"] == 0
    ways = compare_weightings(lists, "interaction", "0.08")
    assert ways["estimate"].isna().all()
    assert set(ways["measure"]) == set(setup.round.probability_sources)


def test_people_and_draw_are_made_once_and_are_those_of_every_world(setup):
    """What rounds of one seed share is what each would have made for itself: same truth, same lists, same answers."""
    lists = SimulatedLists(setup, "kota-mojokerto", 3)
    # Of the first world a second rate is asked, whose answers are there already.
    for world, response in (("interaction", "0.25"), ("interaction", "0.6"), ("callback", "census")):
        alone = make_city(setup, "kota-mojokerto", 3, world=WORLDS[world], response_rate=rate_of(response))
        city = lists.city(world, rate_of(response))
        pd.testing.assert_frame_equal(city.truth, alone.truth)
        pd.testing.assert_frame_equal(city.answers, alone.answers)
        pd.testing.assert_series_equal(city.propensity, alone.propensity)
        pd.testing.assert_frame_equal(clean_frame(alone, setup), lists.frame)
        again = SimulatedLists(setup, "kota-mojokerto", 3)
        pd.testing.assert_frame_equal(
            simulate_institution(lists, world, response), simulate_institution(again, world, response)
        )
    for world in ("interaction", "callback"):
        with pytest.raises(InputError, match="the response rate is out of range"):
            simulate_institution(lists, world, "8.31")
    assert len(lists.everyone) == lists.frame["is_eligible"].sum() >= len(lists.sample)


def test_raking_only_leaves_out_classes_trimming_and_the_second_raking(setup):
    steps = _raking_only(setup.round).sources["internal"].weighting.steps
    assert [one.step for one in steps] == ["unknown_eligibility", "rake", "drop_ineligible"]
    assert steps[1].made.column == "cal_weight"


@pytest.mark.long
@pytest.mark.parametrize(
    ("world", "source", "more_than"),
    [("callback", "internal", 1.0), ("coached_institution", "internal", 1.0), ("coached_unit", "internal", 0.2)],
)
def test_bad_worlds_leave_a_bias_that_weights_do_not_mend(setup, world, source, more_than):
    """Late ones score lower, or coached ones answer twice as often: five rounds of one city."""
    table = coverage_summary(_simulated(setup, ["kota-mojokerto"], world, range(1, 6)), ["measure"])
    assert table.set_index("measure").loc[source, "bias"] > more_than


def test_summary_counts_what_it_says():
    """Two runs: errors +1 and -3, one covered: bias -1, SD 2.83, RMSE 2.24, coverage one half.

    The other interval, 6 to 8, lies below the truth 10. Unweighted errors 3 and 1: RMSE 2.24.
    """
    runs = pd.DataFrame(
        {
            "truth": 10.0,
            "estimate": [11.0, 7.0],
            "se": [1.0, 2.0],
            "ci_low": [9.0, 6.0],
            "ci_high": [13.0, 8.0],
            "unweighted": [13.0, 11.0],
            "n": 5,
            "m": "x",
        }
    )
    row = coverage_summary(runs, ["m"]).iloc[0]
    assert row[["runs", "bias", "se", "width", "coverage"]].tolist() == [2, -1.0, 1.5, 3.0, 0.5]
    assert row["sd"] == pytest.approx(np.sqrt(8))
    assert row[["below", "above"]].tolist() == [0.0, 0.5]
    assert row[["rmse", "rmse_unweighted"]].tolist() == pytest.approx([np.sqrt(5), np.sqrt(5)])
    assert row["coverage_error"] == pytest.approx(np.sqrt(0.125))
