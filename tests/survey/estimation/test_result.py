import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.estimation import (
    ReplicateDesign,
    SurveyDesign,
    contrast,
    difference,
    estimate_mean,
    estimate_total,
)
from spi_analysis.survey.estimation.result import logit_interval, make_table, t_interval


@pytest.mark.parametrize(
    ("df", "level", "quantile"), [(10, 0.95, 2.228138852), (30, 0.90, 1.697260887), (np.inf, 0.95, 1.959963985)]
)
def test_interval_uses_the_table_of_t(df: float, level: float, quantile: float) -> None:
    low, high = t_interval(np.array([50.0]), np.array([2.0]), np.array([df]), level)
    assert (low[0], high[0]) == pytest.approx((50 - 2 * quantile, 50 + 2 * quantile), abs=1e-8)


def test_no_variability_is_a_point_and_no_df_is_no_interval() -> None:
    low, high = t_interval(np.full(4, 50.0), np.array([0.0, 0.0, 1.0, 0.0]), np.array([3.0, 0.0, 0.0, -1.0]), 0.95)
    assert (low[0], high[0]) == (50, 50)
    assert np.isnan([low[1:], high[1:]]).all()


def test_one_answer_has_no_interval_but_a_census_of_one_has() -> None:
    """Strata of one unit: c stands for itself, d for four; a and b are two of ten."""
    data = pd.DataFrame(
        {"h": list("aacd"), "N": [10, 10, 1, 4], "w": [5.0, 5, 1, 4], "y": [2.0, 4, 9, 7], "g": list("pprq")}
    )
    design = SurveyDesign(data, "w", stratum="h", pop_size="N", lonely_psu="certainty")
    for table in (estimate_mean(design, "y", by="g").table, estimate_total(design, "y", by="g").table):
        assert table["df_design"].tolist() == [1, 0, 0]
        assert table["se"].tolist()[1:] == [0, 0]
        assert np.isnan(table.loc[1, ["ci_low", "ci_high"]].astype(float)).all(), "one answer that stands for four"
        assert table.loc[2, ["ci_low", "ci_high"]].tolist() == [table["estimate"][2]] * 2
    means = estimate_mean(design, "y", by="g")
    twice = contrast(means, {"census": {2: 2.0}, "one answer": {1: 2.0}}).table
    assert twice["ci_low"].tolist() == pytest.approx([18, np.nan], nan_ok=True)
    apart = difference(means, means).table
    assert apart["ci_low"].isna().tolist() == [False, True, False]


def test_rounding_below_zero_is_no_variance() -> None:
    table = make_table(
        pd.DataFrame({"variable": ["x"]}), np.ones(1), np.array([[-1e-20]]), np.ones(1), np.ones(1), 0.95
    )
    assert table["se"][0] == 0.0


def test_an_estimate_fits_a_screen_whatever_it_holds():
    """200 domains and 300 replicates: the table is cut in the middle, the replicates are only counted."""
    n = 400
    people = pd.DataFrame({"w": 1.0, "unit": [f"unit {i // 2:03d}" for i in range(n)], "score": np.arange(n) % 7})
    weights = np.random.default_rng(1).poisson(1.0, (n, 300)).astype(float)
    result = estimate_mean(ReplicateDesign(people, "w", weights), "score", by="unit")
    for text in (repr(result), result._repr_html_()):
        assert len(text) < 10_000
        assert "unit 000" in text
        assert "unit 199" in text
        assert "unit 100" not in text
        assert "estimates: 200, level 0.95; covariance (200, 200), 300 replicates" in text


def test_a_small_estimate_is_printed_whole():
    people = pd.DataFrame({"w": 10.0, "score": [1, 3, 5, 7]})
    text = repr(estimate_mean(SurveyDesign(people, "w"), "score"))
    assert text.splitlines()[-1] == "estimates: 1, level 0.95; covariance (1, 1)"
    assert text.splitlines()[1].split()[:2] == ["score", "4"], "mean of 1, 3, 5, 7"


def test_a_design_says_how_it_was_declared_and_not_its_rows():
    """Two strata of 50 units each, weight 2: the weights sum to 200; the first 30 rows are a domain of them."""
    people = pd.DataFrame({"w": 2.0, "half": ["a"] * 50 + ["b"] * 50, "N": 100, "score": range(100)})
    design = SurveyDesign(people, "w", stratum="half", pop_size="N")
    assert repr(design).splitlines() == [
        "SurveyDesign: 100 rows; weights sum to 200.0",
        "  stage 1: 100 units in 2 strata",
        "  strata of one unit: fail; calibrations: 0",
    ]
    assert "100 rows, a domain of 30 of them" in repr(design.subset(people.index < 30))
    replicated = repr(ReplicateDesign(people, "w", np.ones((100, 300)), "jk1"))
    assert "300 replicates, compared with the estimate; scale 0.99667" in replicated
    assert len(replicated) < 300


def test_a_logit_interval_is_that_of_r() -> None:
    """R 4.2.2: q <- qt(.975, df); 100 * plogis(qlogis(p) -/+ q * s / (p * (1 - p))), p and s in parts of one."""
    found = logit_interval(np.array([50.0, 95, 8]), np.array([2.0, 2, 3]), np.array([np.inf, 10, 7]), 0.95)
    assert found[0].tolist() == pytest.approx([46.0880833976, 88.1454366374, 3.21026193863], rel=1e-11)
    assert found[1].tolist() == pytest.approx([53.9119166024, 97.9818533598, 18.5653241397], rel=1e-11)


def test_a_logit_interval_where_there_is_no_logit_or_nothing_varies() -> None:
    """At an end the t interval inside the scale; a point without spread; unknown without degrees of freedom."""
    estimate, se = np.array([100.0, 0, 60, 60]), np.array([1.0, 1, 0, 1])
    low, high = logit_interval(estimate, se, np.array([np.inf, np.inf, 5, 0]), 0.95)
    assert low[:3].tolist() == pytest.approx([100 - 1.959963985, 0, 60])
    assert high[:3].tolist() == pytest.approx([100, 1.959963985, 60])
    assert np.isnan([low[3], high[3]]).all()
