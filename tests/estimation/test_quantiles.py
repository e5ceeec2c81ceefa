"""Quantiles: every rule against the unweighted one of NumPy, and Woodruff's interval by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from spi_analysis.errors import EstimationError
from spi_analysis.estimation import ReplicateDesign, SurveyDesign, estimate_quantile
from spi_analysis.estimation.quantile_rules import quantile_rule, weighted_sample
from spi_analysis.weighting import jackknife_replicates

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
