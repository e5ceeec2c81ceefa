"""Intervals for proportions: textbook values, and what they must never do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.estimation import SurveyDesign, estimate_proportion
from spi_analysis.estimation.intervals import INTERVALS, proportion_interval


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
