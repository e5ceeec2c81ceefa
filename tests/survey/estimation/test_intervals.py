"""Intervals for proportions: textbook values, and what they must never do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.survey.estimation import SurveyDesign, estimate_proportion
from spi_analysis.survey.estimation.result import INTERVALS, proportion_interval


def shares(p: float, n: int, df: float = np.inf) -> pd.DataFrame:
    se = (p * (1 - p) / n) ** 0.5
    return pd.DataFrame({"estimate": [p], "se": [se], "df_design": [df], "n": [n]})


def test_wilson_is_the_textbook_interval() -> None:
    """Brown, Cai & DasGupta (2001): centre (x + z**2/2) / (n + z**2)."""
    z = 1.959963984540054
    low, high = proportion_interval(shares(0.1, 40), "wilson", 0.95)
    centre, half = (4 + z**2 / 2) / (40 + z**2), z / (40 + z**2) * (40 * 0.1 * 0.9 + z**2 / 4) ** 0.5
    assert (low[0], high[0]) == pytest.approx((centre - half, centre + half))


def test_beta_of_a_simple_random_sample_is_clopper_pearson() -> None:
    """3 of 10: the exact 95 % interval 0.0667 to 0.6525 of any table."""
    low, high = proportion_interval(shares(0.3, 10, df=9), "beta", 0.95)
    assert (low[0], high[0]) == pytest.approx((0.0667, 0.6525), abs=5e-5)


def test_nobody_said_yes_still_has_an_upper_limit() -> None:
    data = pd.DataFrame({"w": 1.0, "yes": [False] * 30})
    table = estimate_proportion(SurveyDesign(data, "w"), "yes", interval="wilson").table
    assert (table["estimate"][0], table["se"][0]) == (1.0, 0.0)
    assert 0.85 < table["ci_low"][0] < 0.95, "0 of 30 does not prove that there is none"


@pytest.mark.parametrize("method", INTERVALS)
def test_nobody_in_the_domain_has_no_interval(method: str) -> None:
    nothing = pd.DataFrame({"estimate": [np.nan], "se": [np.nan], "df_design": [0.0], "n": [0]})
    assert np.isnan(np.concatenate(proportion_interval(nothing, method, 0.95))).all()


@pytest.mark.parametrize("method", INTERVALS)
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_no_degrees_of_freedom_is_no_interval(method: str, p: float) -> None:
    assert np.isnan(np.concatenate(proportion_interval(shares(p, 1, df=0), method, 0.95))).all()


@pytest.mark.parametrize("method", [m for m in INTERVALS if m != "wald"])
@given(yes=st.integers(0, 40), level=st.floats(0.6, 0.99))
def test_limits_stay_inside_and_hold_the_share(method: str, yes: int, level: float) -> None:
    (low,), (high,) = proportion_interval(shares(yes / 40, 40, df=39), method, level)
    assert 0 <= low <= yes / 40 + 1e-12
    assert yes / 40 - 1e-12 <= high <= 1
    if 0 < yes < 40:
        (wider_low,), (wider_high,) = proportion_interval(shares(yes / 40, 40, df=39), method, 0.995)
        assert wider_low < low
        assert high < wider_high


def effective(p: float, answers: float, n: int, df: float = np.inf) -> pd.DataFrame:
    """A share with the standard error that so many effective answers make."""
    return pd.DataFrame({"estimate": [p], "se": [(p * (1 - p) / answers) ** 0.5], "df_design": [df], "n": [n]})


@pytest.mark.parametrize("method", INTERVALS)
def test_capped_422_effective_answers_of_268_count_as_268(method: str) -> None:
    """The limits are those of a share with the standard error of 268 answers; without the cap they are narrower."""
    too_many, honest = effective(0.04, 422, 268, df=267), effective(0.04, 268, 268, df=267)
    capped = np.concatenate(proportion_interval(too_many, method, 0.95, cap_effective_n=True))
    assert capped == pytest.approx(np.concatenate(proportion_interval(honest, method, 0.95)), rel=1e-12)
    low, high = proportion_interval(too_many, method, 0.95)
    assert capped[0] < low[0]
    assert high[0] < capped[1]


@pytest.mark.parametrize("method", INTERVALS)
@pytest.mark.parametrize("p", [0.0, 0.04, 1.0])
def test_the_cap_leaves_alone_what_lies_below_it(method: str, p: float) -> None:
    as_it_was = proportion_interval(effective(p, 120, 268, df=30), method, 0.95)
    capped = proportion_interval(effective(p, 120, 268, df=30), method, 0.95, cap_effective_n=True)
    assert np.array_equal(np.concatenate(capped), np.concatenate(as_it_was))


def test_capped_beta_of_a_small_domain_is_clopper_pearson_of_its_answers() -> None:
    """3 of 10 with 20 effective answers and 200 df: the quantiles of t alone would make more than 10 of 10 answers."""
    low, high = proportion_interval(effective(0.3, 20, 10, df=200), "beta", 0.95, cap_effective_n=True)
    assert (low[0], high[0]) == pytest.approx((0.0667, 0.6525), abs=5e-5)


@pytest.mark.parametrize("method", [m for m in INTERVALS if m != "wald"])
def test_an_unknown_standard_error_stays_unknown(method: str) -> None:
    unknown = shares(0.3, 40).assign(se=np.nan)
    capped = proportion_interval(unknown, method, 0.95, cap_effective_n=True)
    assert np.array_equal(np.concatenate(capped), np.concatenate(proportion_interval(unknown, method, 0.95)))


def test_estimate_proportion_has_the_cap_only_where_it_is_asked_for() -> None:
    """A share of 0.5/31 in strata of weights 0.1 and 1 has a standard error far below that of 40 answers."""
    data = pd.DataFrame({"h": [1] * 10 + [2] * 30, "w": [0.1] * 10 + [1.0] * 30, "yes": [True] * 5 + [False] * 35})
    design = SurveyDesign(data, "w", stratum="h")
    for method in INTERVALS:
        plain, capped = (
            estimate_proportion(design, "yes", interval=method, cap_effective_n=cap).table.iloc[1]
            for cap in (False, True)
        )
        p = 0.5 / 31
        least = pd.DataFrame({"estimate": [p], "se": [(p * (1 - p) / 40) ** 0.5], "df_design": [38.0], "n": [40]})
        low, high = proportion_interval(least, method, 0.95)
        assert (capped["ci_low"], capped["ci_high"]) == pytest.approx((low[0], high[0]))
        assert plain["ci_high"] < capped["ci_high"]
        assert plain["se"] == capped["se"], "the standard error itself is the design's"


def simulated_rates(runs: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Stratified estimates of a rate near 4 %; 8 % of 1,600 people answer, very unequally in twelve units."""
    rng, size = np.random.default_rng(seed), np.full(12, 133)
    yes = rng.binomial(size, 0.04, (runs, 12))
    response = 0.08 * np.exp(0.8 * rng.standard_normal((runs, 12)) - 0.32)
    answers = np.maximum(rng.binomial(size, np.minimum(response, 0.9)), 5)
    rate = rng.hypergeometric(yes, size - yes, answers) / answers
    share, fpc = 1 / 12, 1 - answers / size
    variance = (share**2 * fpc * rate * (1 - rate) / (answers - 1)).sum(axis=1)
    parts = share**2 / answers
    df = parts.sum(axis=1) ** 2 / (parts**2 / (answers - 1)).sum(axis=1)
    estimate = rate.mean(axis=1)
    table = pd.DataFrame({"estimate": estimate, "se": np.sqrt(variance), "df_design": df, "n": answers.sum(axis=1)})
    return table, yes.sum(axis=1) / size.sum()


def test_the_cap_mends_the_coverage_of_rare_rates_at_8_percent_response() -> None:
    """4,000 runs, Monte-Carlo error 0.4 points: without the cap too few intervals hold the rate, most end too low."""
    table, truth = simulated_rates(4000, seed=1)

    def held(cap: bool) -> tuple[float, float]:
        low, high = proportion_interval(table, "wilson", 0.95, cap_effective_n=cap)
        return float(((low <= truth) & (truth <= high)).mean()), float((high < truth).mean())

    (plain, too_low), (capped, capped_too_low) = held(False), held(True)
    assert plain < 0.92
    assert too_low > 0.05, "an estimate that is too low brings a standard error that is too small"
    assert 0.94 <= capped <= 0.965
    assert capped_too_low <= 0.025
