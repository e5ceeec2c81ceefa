"""Quantiles: every rule against the unweighted one of NumPy, and Woodruff's interval by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_quantile
from spi_analysis.survey.estimation.quantiles import quantile_rule, weighted_sample
from spi_analysis.survey.weighting import jackknife_replicates, rake

NUMPY = {
    "hf1": "inverted_cdf",
    "math": "inverted_cdf",
    "hf2": "averaged_inverted_cdf",
    "school": "averaged_inverted_cdf",
    "hf4": "interpolated_inverted_cdf",
    "hf5": "hazen",
    "hf6": "weibull",
    "hf7": "linear",
    "hf8": "median_unbiased",
    "hf9": "normal_unbiased",
}


@pytest.mark.parametrize("rule", NUMPY)
@given(seed=st.integers(0, 500), n=st.integers(2, 12), p=st.floats(0.01, 0.99))
def test_equal_weights_give_the_textbook_quantile(rule: str, seed: int, n: int, p: float) -> None:
    x = np.random.default_rng(seed).normal(size=n)
    sample = weighted_sample(x, np.full(n, 2.0))
    assert quantile_rule(rule)(sample, np.array([p]))[0] == pytest.approx(np.quantile(x, p, method=NUMPY[rule]))


@pytest.mark.parametrize("rule", ["math", "school"])
@given(seed=st.integers(0, 300), p=st.floats(0.01, 0.99))
def test_a_weight_of_three_is_three_people(rule: str, seed: int, p: float) -> None:
    rng = np.random.default_rng(seed)
    x, times = rng.integers(0, 9, 7).astype(float), rng.integers(1, 4, 7)
    weighted, repeated = weighted_sample(x, times.astype(float)), weighted_sample(x.repeat(times), np.ones(times.sum()))
    apply = quantile_rule(rule)
    assert apply(weighted, np.array([p])) == apply(repeated, np.array([p]))


@pytest.mark.parametrize("rule", NUMPY)
@pytest.mark.parametrize("weight", [1 / 3, 0.1, 1e6 / 7, 1 + 1e-15])
def test_the_median_of_equal_weights_is_that_of_people(rule: str, weight: float) -> None:
    """1 to n, each with the same weight: sums of 1 are exact, sums of 1/3 are not, and the median is the same.

    R survey 4.1.1 (R 4.2.2, 2026-11-28): ``qrule_math(1:n, rep(1/3, n), .5)`` equals that with rep(1, n) for all n of 2
    to 1,000, and so do qrule_school and qrule_hf3.
    """
    half, apply = np.array([0.5]), quantile_rule(rule)
    sizes = range(1, 1001)
    found = [apply(weighted_sample(np.arange(1.0, n + 1), np.full(n, weight)), half)[0] for n in sizes]
    wanted = [np.quantile(np.arange(1.0, n + 1), 0.5, method=NUMPY[rule]) for n in sizes]
    assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("rule", ["math", "school", "hf3", *[f"hf{k}" for k in range(4, 10)]])
@given(seed=st.integers(0, 500), share=st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.6, 0.7, 0.9]))
def test_the_unit_of_weights_changes_no_quantile(rule: str, seed: int, share: float) -> None:
    """Whole weights have exact sums; the same weights in thirds or sevenths of a person have not."""
    rng = np.random.default_rng(seed)
    x, w, p = rng.integers(0, 9, 12).astype(float), rng.integers(1, 5, 12).astype(float), np.array([share])
    apply = quantile_rule(rule)
    whole = apply(weighted_sample(x, w), p)
    for unit in (1 / 3, 1 / 7, 0.1):
        assert apply(weighted_sample(x, w * unit), p) == pytest.approx(whole, rel=1e-8)


def test_shahvaish_at_a_position_that_is_met() -> None:
    """Mean weight 1, so S_k = k: the position of the third of five is (3 + 1/2 - 1/2)/6 = 1/2 whatever the unit was."""
    w = np.full(5, 0.1) * 10 + np.array([2e-16, 0, 2e-16, 0, 2e-16])
    assert quantile_rule("shahvaish")(weighted_sample(np.arange(1.0, 6), w), np.array([0.5])) == 3


def test_half_the_people_after_raking_are_half() -> None:
    """Women hold half of the margin and all of the low values: the median is the largest of theirs, 7."""
    people = pd.DataFrame({"w": np.linspace(1, 2.7, 20), "sex": ["f"] * 7 + ["m"] * 13, "x": np.arange(1.0, 21)})
    raked = people.assign(w=rake(people, "w", {"sex": {"f": 500, "m": 500}}))
    table = estimate_quantile(SurveyDesign(raked, "w"), "x", 0.5).table
    assert table["estimate"].tolist() == [7]
    middle = estimate_quantile(SurveyDesign(raked, "w"), "x", 0.5, rule="school").table
    assert middle["estimate"].tolist() == [7.5]


@pytest.mark.parametrize("rule", ["hf4", "hf5", "hf6", "hf7", "hf8", "hf9"])
@given(seed=st.integers(0, 300), p=st.floats(0.05, 0.95))
def test_between_equal_values_lies_that_value(rule: str, seed: int, p: float) -> None:
    """Woodruff's share counts who is at or below the quantile: a hair less would leave all of them out."""
    w = np.random.default_rng(seed).uniform(0.1, 5, 9)
    assert quantile_rule(rule)(weighted_sample(np.full(9, 0.7), w), np.array([p]))[0] == 0.7


def test_replicates_use_the_same_rule() -> None:
    """Without one of six (weights 1/3 times 6/5) five are left: the third of them, 4 if one of 1 to 3 is missing."""
    data = pd.DataFrame({"w": 1 / 3, "y": [1.0, 2, 3, 4, 5, 6]})
    design = ReplicateDesign(data, "w", jackknife_replicates(data, "w").values, "jk1")
    estimate = estimate_quantile(design, "y", 0.5, interval="quantile", rule="school")
    assert estimate.table["estimate"].tolist() == [3.5], "half of six lies between the third and the fourth"
    assert estimate.replicates.ravel().tolist() == [4, 4, 4, 3, 3, 3]


def test_the_middle_of_four() -> None:
    """1 2 | 3 4: the distribution function is exactly one half between 2 and 3."""
    sample = weighted_sample(np.array([3.0, 1, 4, 2, 99]), np.array([1.0, 1, 1, 1, 0]))
    half = np.array([0.5])
    assert quantile_rule("math")(sample, half) == 2
    assert quantile_rule("school")(sample, half) == 2.5
    assert quantile_rule("hf3")(sample, half) == 2, "the second of four is even"


def test_woodruff_by_hand() -> None:
    """Ten people, equal weights, no fpc: the share up to the median has SE sqrt(10/9 * 0.25/10) = 1/6."""
    data = pd.DataFrame({"w": 1.0, "y": np.arange(1.0, 11)})
    row = estimate_quantile(SurveyDesign(data, "w"), "y", 0.5).table.iloc[0]
    half = student.ppf(0.975, 9) / 6
    low, high = np.floor(10 * (0.5 - half)) + 1, np.floor(10 * (0.5 + half)) + 1
    assert row[["estimate", "ci_low", "ci_high", "n", "df_design"]].tolist() == [5, low, high, 10, 9]
    assert row["se"] == pytest.approx((high - low) / 2 / student.ppf(0.975, 9))


def test_domains_and_missing_values() -> None:
    data = pd.DataFrame({"w": 1.0, "y": [1.0, 2, 3, 10, 20, 30, np.nan], "d": list("aaabbbb")})
    table = estimate_quantile(SurveyDesign(data, "w"), "y", [0.5, 0.75], by="d").table
    assert table[["d", "quantile", "estimate", "n"]].to_numpy().tolist() == [
        ["a", 0.5, 2.0, 3],
        ["a", 0.75, 3.0, 3],
        ["b", 0.5, 20.0, 3],
        ["b", 0.75, 30.0, 3],
    ]


def test_replicates_spread_the_quantiles_themselves() -> None:
    data = pd.DataFrame({"w": 1.0, "y": [1.0, 2, 3, 4, 5]})
    made = jackknife_replicates(data, "w")
    design = ReplicateDesign(data, "w", made.values, "jk1")
    estimate = estimate_quantile(design, "y", 0.5, interval="quantile")
    # Without 1, 2 or 3 the median of the four left is 3, 3 or 2 (the lower of the middle two); without 4 or 5 it is 2.
    assert estimate.replicates.ravel().tolist() == [3, 3, 2, 2, 2]
    assert estimate.table["se"].iloc[0] ** 2 == pytest.approx(4 / 5 * 3)


def test_relabelling_and_order_change_nothing() -> None:
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"w": rng.uniform(1, 3, 40), "y": rng.normal(size=40), "h": rng.integers(0, 3, 40)})
    shuffled = data.sample(frac=1, random_state=1).assign(h=lambda d: d["h"].map({0: "z", 1: "y", 2: "x"}))
    a, b = (estimate_quantile(SurveyDesign(d, "w", "h"), "y", [0.25, 0.5]).table for d in (data, shuffled))
    pd.testing.assert_frame_equal(a, b)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"quantiles": 1.0}, "out of range"),
        ({"quantiles": 0.5, "rule": "hf10"}, "unknown rule"),
        ({"quantiles": 0.5, "interval": "score"}, "unknown interval"),
        ({"quantiles": 0.5, "interval": "quantile"}, "unknown interval"),
    ],
)
def test_what_cannot_be_asked(options: dict, part: str) -> None:
    design = SurveyDesign(pd.DataFrame({"w": 1.0, "y": [1.0, 2]}), "w")
    with pytest.raises(EstimationError, match=part):
        estimate_quantile(design, "y", **options)
