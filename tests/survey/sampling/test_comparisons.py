"""Sizes for differences, intervals and domains: by hand, and each against its inverse."""

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import (
    detectable_difference,
    detectable_two_means,
    difference_variance,
    proportion_correlation,
    sample_size_change,
    sample_size_two_means,
    sample_size_two_proportions,
    size_for_domain,
    size_for_interval,
)


def test_variance_of_a_change_by_hand() -> None:
    assert difference_variance((3.0, 4.0)) == 25, "9 + 16: nobody twice"
    assert difference_variance((3.0, 4.0), overlap=1.0, correlation=1.0) == 1, (
        "everybody again, perfectly alike: (4 - 3)**2"
    )
    assert difference_variance((3.0, 4.0), overlap=0.5, correlation=0.5, ratio=2.0) == 9 + 32 - 12


def test_size_of_a_change_by_hand() -> None:
    # z = 1.96 + 0.84 = 2.8: 2.8**2 * 25 / 2**2 = 49.05
    size = sample_size_change(2.0, (3.0, 4.0))
    assert size.exact == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * 25 / 4)
    assert (size.first, size.second) == (50, 50)
    assert sample_size_change(2.0, (3.0, 4.0), deff=2.0).exact == pytest.approx(2 * size.exact)


def test_asking_the_same_people_again_saves_answers() -> None:
    apart = sample_size_change(5, (20, 20)).first
    again = sample_size_change(5, (20, 20), overlap=0.8, correlation=0.6).first
    assert again == pytest.approx(apart * (1 - 0.48), abs=1)


def test_two_censuses_see_every_change() -> None:
    assert detectable_difference(80, (10, 10), overlap=1.0, correlation=0.3, population=80) == pytest.approx(
        0, abs=1e-6
    )


@given(
    st.floats(0.5, 20),
    st.floats(0, 1),
    st.floats(-0.5, 0.95),
    st.sampled_from(["one-sided", "two-sided"]),
    st.one_of(st.none(), st.integers(10, 5000)),
)
def test_size_and_detectable_difference_are_inverse(
    difference: float, overlap: float, correlation: float, alternative: str, population: int | None
) -> None:
    design = {"overlap": overlap, "correlation": correlation, "alternative": alternative, "population": population}
    n = sample_size_change(difference, (12.0, 15.0), **design).exact
    assert detectable_difference(n, (12.0, 15.0), **design) == pytest.approx(difference, rel=1e-6)


def test_correlation_of_two_answers_by_hand() -> None:
    # Half say yes each time; 0.45 both times: (0.45 - 0.25) / 0.25
    assert proportion_correlation((0.5, 0.5), 0.45) == pytest.approx(0.8)
    with pytest.raises(SamplingError, match=r"between 0\.2 and 0\.5"):
        proportion_correlation((0.5, 0.7), 0.6)


def test_power_of_two_groups_by_simulation() -> None:
    """The size for 80 % power detects in about 80 % of 4000 seeded trials (4 standard errors)."""
    n = sample_size_two_means(1.0, 1.0).first
    random = np.random.default_rng(5)
    a, b = random.normal(1, 1, (4000, n)), random.normal(0, 1, (4000, n))
    t = (a.mean(1) - b.mean(1)) / np.sqrt((a.var(1, ddof=1) + b.var(1, ddof=1)) / n)
    assert n == 17, "Cohen's table: d = 1, two-sided 5 %, power 80 %"
    assert (np.abs(t) > 2.037).mean() == pytest.approx(0.8, abs=0.04), "t quantile with 32 df is 2.037"


def test_two_shares_by_hand() -> None:
    # (1.96 sqrt(2 * .25 * .75...)): p = .2, .3: pooled .25
    root = norm.ppf(0.975) * sqrt(2 * 0.25 * 0.75) + norm.ppf(0.8) * sqrt(0.16 + 0.21)
    assert sample_size_two_proportions((0.2, 0.3)).exact == pytest.approx((root / 0.1) ** 2)


@given(st.floats(0.02, 0.98), st.floats(0.005, 0.2))
def test_wilson_interval_of_the_size_has_the_margin(p: float, margin: float) -> None:
    n, z = size_for_interval(margin, p, "wilson"), norm.ppf(0.975)
    if n > 0:
        assert z * sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n) == pytest.approx(margin)


@given(st.floats(0.02, 0.98), st.floats(0.005, 0.2))
def test_logit_interval_of_the_size_has_the_margin(p: float, margin: float) -> None:
    n = size_for_interval(margin, p, "logit")
    centre, wide = np.log(p / (1 - p)), norm.ppf(0.975) / sqrt(n * p * (1 - p))
    low, high = (1 / (1 + np.exp(-(centre + s * wide))) for s in (-1, 1))
    assert (high - low) / 2 == pytest.approx(margin)


def test_domain_by_hand() -> None:
    assert size_for_domain(0.1, 1.0, 0.25) == pytest.approx(400), "100 members, one in four of those asked"
    assert size_for_domain(0.1, 1.0, 0.25, measure="total") == pytest.approx(700), "1 + 0.75 for not knowing how many"
    assert size_for_domain(1e-9, 1.0, 0.25, population=500) == pytest.approx(500), "everybody"


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: sample_size_change(0.0, (1, 1)), "other than 0"),
        (lambda: sample_size_change(1.0, (1, 1), alternative="both"), "two-sided, one-sided"),
        (lambda: sample_size_change(1.0, (1, 1), power=0.01), "above the level"),
        (lambda: sample_size_change(1.0, (1, 1), overlap=0.9, ratio=2.0), "overlap"),
        (lambda: sample_size_two_means(1.0, 0.0), "above 0"),
        (lambda: sample_size_two_proportions((0.2, 0.2)), "two different shares"),
        (lambda: size_for_interval(0.6, 0.5), "below 0.5"),
        (lambda: size_for_interval(0.1, 0.5, "wilsn"), "did you mean 'wilson'"),
        (lambda: size_for_domain(0.1, 1, 0.2, measure="sum"), "mean, total"),
        (lambda: size_for_domain(0.1, 1, 0.0), "above 0"),
    ],
)
def test_what_cannot_be_is_named(act, what: str) -> None:
    with pytest.raises(SamplingError, match=what):
        act()


@pytest.mark.parametrize(("difference", "n"), [(18, 11.94228), (20, 9.889068), (22.6, 7.999723), (30, 5.090008)])
def test_large_differences_take_few_people_and_not_two(difference: float, n: float) -> None:
    """R 4.2: power.t.test(delta = difference, sd = 15, sig.level = 0.05, power = 0.8)$n."""
    assert sample_size_two_means(difference, 15.0).exact == pytest.approx(n, abs=1e-5)


def test_two_groups_are_told_apart_as_by_r() -> None:
    """R 4.2: power.t.test(n = 8, sd = 15, sig.level = 0.05, power = 0.8)$delta is 22.59954; z would say 21.01."""
    assert detectable_two_means(8, 15) == pytest.approx(22.59954, abs=1e-5)
    assert isnan(detectable_two_means(1.5, 15)), "hardly two answers in each"
    for n in (2.2, 5, 40, 900):
        size = sample_size_two_means(detectable_two_means(n, 15), 15)
        assert size.exact == pytest.approx(n, rel=1e-6), "each undoes the other"
