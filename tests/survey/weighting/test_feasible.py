"""Totals out of reach: the nearest bounds reach them, and a hair tighter ones do not."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import calibrate, feasibility
from spi_analysis.survey.weighting.feasibility import nearest_bounds, outward, reach
from spi_analysis.survey.weighting.totals import auxiliary_of

FOUR = pd.DataFrame({"w": [1.0, 1, 1, 1], "x": [0.0, 0, 1, 1], "g": list("aabb")})


def nearest(df: pd.DataFrame, totals: dict, limits: tuple[float, float]) -> tuple[float, float] | None:
    return nearest_bounds(df["w"].to_numpy(), *auxiliary_of(df, totals), limits)


def test_nearest_bounds_by_hand() -> None:
    """Two people stand for 3: both factors 1.5, and 0.5 for the two others; t * 0.2 = 0.5, so t = 2.5."""
    assert nearest(FOUR, {"g": {"a": 1, "b": 3}}, (0.8, 1.2)) == pytest.approx((0.5, 1.5))


def test_the_narrower_side_decides() -> None:
    """Factors 0.5 and 1.5: the lower bound has room, the upper must go from 1.2 to 1.5, so both widen 2.5 fold."""
    assert nearest(FOUR, {"g": {"a": 1, "b": 3}}, (0.2, 1.2)) == pytest.approx((1 - 0.8 * 2.5, 1.5))


def test_bounds_that_do_are_left_alone() -> None:
    assert nearest(FOUR, {"g": {"a": 1, "b": 3}}, (0.4, 1.7)) == (0.4, 1.7)


def test_an_open_side_stays_open() -> None:
    low, high = nearest(FOUR, {"(intercept)": 4, "x": 3.9}, (0.5, np.inf))
    assert (low, high) == (pytest.approx(0.05), np.inf), "the two with x = 0 share 0.1"


def test_contradictions_have_no_bounds() -> None:
    twice = FOUR.assign(z=2 * FOUR["x"])
    assert nearest(twice, {"x": 3, "z": 7}, (0.5, 2)) is None


def drawn(seed: int) -> tuple[pd.DataFrame, dict]:
    """Totals of weights far outside the bounds (0.8, 1.2)."""
    rng = np.random.default_rng(seed)
    n = 40
    group = ["a", "b", *rng.choice(list("ab"), n - 2)]
    df = pd.DataFrame({"w": rng.uniform(1, 5, n), "g": group, "x": rng.normal(size=n)})
    moved = df["w"] * rng.uniform(0.3, 2.5, n)
    return df, {"g": moved.groupby(df["g"]).sum().to_dict(), "x": float(moved @ df["x"])}


def can_be_met(df: pd.DataFrame, totals: dict, bounds: tuple[float, float]) -> bool:
    """An independent look: a linear programme over the factors themselves, dummies expanded."""
    x = np.column_stack([pd.get_dummies(df["g"], dtype=float), df["x"]]) * df["w"].to_numpy()[:, None]
    wanted = [totals["g"]["a"], totals["g"]["b"], totals["x"]]
    return linprog(np.zeros(len(df)), A_eq=x.T, b_eq=wanted, bounds=[bounds] * len(df)).status == 0


def tightened(bounds: tuple[float, float], by: float) -> tuple[float, float]:
    low, high = (1 + (b - 1) * (1 - by) for b in bounds)
    return low, high


@given(seed=st.integers(0, 300))
def test_the_nearest_bounds_are_feasible_and_a_hair_tighter_ones_are_not(seed: int) -> None:
    df, totals = drawn(seed)
    bounds = nearest(df, totals, (0.8, 1.2))
    assert bounds is not None
    assert can_be_met(df, totals, tightened(bounds, -1e-4))
    if bounds != (0.8, 1.2):
        assert not can_be_met(df, totals, tightened(bounds, 1e-4))


@pytest.mark.parametrize("method", ["linear", "logit"])
@given(seed=st.integers(0, 100))
@settings(max_examples=25)
def test_the_bounds_that_the_error_names_can_be_used(method: str, seed: int) -> None:
    df, totals = drawn(seed)
    if can_be_met(df, totals, (0.8, 1.2)):
        return
    with pytest.raises(WeightingError, match="the nearest that can meet all totals") as caught:
        calibrate(df, "w", totals, method, (0.8, 1.2))
    named = re.search(r"widen the bounds to \((.+), (.+)\)", str(caught.value))
    bounds = (float(named[1]), float(named[2]))
    w = calibrate(df, "w", totals, method, tightened(bounds, -0.01))
    assert w @ df["x"] == pytest.approx(totals["x"], rel=1e-6, abs=1e-6)
    with pytest.raises(WeightingError):
        calibrate(df, "w", totals, method, tightened(bounds, 0.01))


@given(seed=st.integers(0, 60))
@settings(max_examples=20)
def test_groups_of_rows_stay_on_the_safe_side(seed: int) -> None:
    """With more rows than the programme takes, the bounds found still reach the totals, if not as near as could be."""
    df, totals = drawn(seed)
    auxiliary, targets = auxiliary_of(df, totals)
    weights = df["w"].to_numpy()
    exact = reach(weights, auxiliary, targets, (0.8, 1.2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feasibility, "MOST", 20)
        grouped = reach(weights, auxiliary, targets, (0.8, 1.2))
    assert exact.exact
    assert not grouped.exact
    assert 0 < grouped.share <= exact.share * (1 + 1e-9)


def test_the_totals_named_are_those_that_would_have_to_give() -> None:
    """Four people of weight 1: with at most 1.5 each, x reaches 3 of the 3.9 asked; nothing else need change."""
    found = reach(FOUR["w"].to_numpy(), *auxiliary_of(FOUR, {"(intercept)": 4, "x": 3.9}), (0.5, 1.5))
    assert found.nearest_totals.tolist() == pytest.approx([4, 3])


def test_rounding_goes_outward() -> None:
    assert outward((0.76543, 1.23457)) == pytest.approx((0.765, 1.235), rel=1e-12)
    assert outward((0.5, 1.5)) == pytest.approx((0.5, 1.5), rel=1e-12), "what is round stays"
    assert outward((-np.inf, 1.0000123456)) == pytest.approx((-np.inf, 1.0000124), rel=1e-12)
