"""Trimming: cut by hand, the sum kept, nobody without weight gets any."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import trim_weights
from spi_analysis.survey.weighting.trimming import cap_with_redistribution, clip_weights, iqr_cap


def test_one_cut_by_hand() -> None:
    assert trim_weights(pd.Series([1.0, 2, 3, 10]), upper=7).tolist() == [2, 3, 4, 7], "3 cut off, shared by three"


def test_one_pass_may_leave_a_weight_outside_again() -> None:
    weights = pd.Series([1.0, 6, 17])
    assert trim_weights(weights, upper=9, strict=False).tolist() == [5, 10, 9]
    assert trim_weights(weights, upper=9).tolist() == pytest.approx([6, 9, 9])


def test_lower_limit_takes_from_the_others() -> None:
    assert trim_weights(pd.Series([1.0, 5, 6]), lower=3).tolist() == [3, 4, 5]


def test_nonrespondents_get_no_weight() -> None:
    assert trim_weights(pd.Series([0.0, 0, 1, 1, 10]), upper=5).tolist() == [0, 0, 3.5, 3.5, 5]
    assert trim_weights(pd.Series([0.0, 1, 5]), lower=2).tolist() == [0, 2, 4]


@given(
    weights=st.lists(st.floats(0.5, 50), min_size=2, max_size=30),
    low=st.floats(0, 0.9),
    high=st.floats(1.1, 4),
)
def test_limits_and_sum_hold(weights: list[float], low: float, high: float) -> None:
    mean = float(np.mean(weights))
    trimmed = trim_weights(pd.Series(weights), lower=low * mean, upper=high * mean)
    assert trimmed.sum() == pytest.approx(sum(weights))
    assert trimmed.between(low * mean * (1 - 1e-9), high * mean * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    ("limits", "part"), [({"upper": 3.9}, "3.9"), ({"lower": 4.1}, "4.1"), ({"lower": 5, "upper": 4}, "")]
)
def test_limits_that_cannot_hold_the_sum_are_refused(limits: dict, part: str) -> None:
    with pytest.raises(WeightingError, match="cannot hold the sum") as caught:
        trim_weights(pd.Series([1.0, 2, 3, 10]), **limits)
    assert part in str(caught.value)


def test_cap_is_median_plus_k_iqr_of_those_with_weight() -> None:
    weights = np.array([[0.0, 0], [1, 1], [2, 1], [3, 1], [4, 1], [5, 9]])
    assert iqr_cap(weights, 2).tolist() == [3 + 2 * 2, 1], "zeros are nonrespondents; equal weights have no spread"


def test_excess_is_spread_in_proportion() -> None:
    capped = cap_with_redistribution(np.array([[1.0], [3], [16]]), np.array([10.0]), np.ones((3, 1)))
    assert capped[:, 0].tolist() == pytest.approx([2.5, 7.5, 10]), "6 is spread 1 to 3"


def test_a_person_drawn_twice_may_carry_two_caps() -> None:
    capped = cap_with_redistribution(np.array([[2.0], [2], [16]]), np.array([7.0]), np.array([[1.0], [1], [2]]))
    assert capped[:, 0].tolist() == pytest.approx([3, 3, 14]), "16 is two copies of 8, each cut to 7"


def test_an_impossible_cap_cuts_nothing_and_stops_no_other_column() -> None:
    weights = np.array([[1.0, 1], [1, 3], [8, 16]])
    capped = cap_with_redistribution(weights, np.array([2.0, 10.0]), np.ones((3, 2)))
    assert capped[:, 0].tolist() == [1, 1, 8], "three people cannot carry 10 under a cap of 2"
    assert capped[:, 1].tolist() == pytest.approx([2.5, 7.5, 10])


@given(
    weights=st.lists(st.floats(0.5, 50), min_size=3, max_size=20),
    multiplicity=st.lists(st.integers(0, 3), min_size=3, max_size=20),
    factor=st.floats(1.05, 4),
)
def test_cap_and_sum_hold(weights: list[float], multiplicity: list[int], factor: float) -> None:
    n = min(len(weights), len(multiplicity))
    times = np.array(multiplicity[:n], dtype=float)
    w = np.array(weights[:n]) * times
    if times.sum() == 0:
        return
    cap = factor * w.sum() / times.sum()
    capped = cap_with_redistribution(w[:, None], np.array([cap]), times[:, None])[:, 0]
    assert capped.sum() == pytest.approx(w.sum())
    assert np.all(capped <= cap * times * (1 + 1e-6) + 1e-12)


def held(weights: list[float], low: float, high: float, times: list[float] | None = None) -> list[float]:
    w = np.array(weights)[:, None]
    counts = np.ones_like(w) if times is None else np.array(times)[:, None]
    return clip_weights(w, np.array([low]), np.array([high]), counts)[:, 0].tolist()


def test_limits_on_both_sides_by_hand() -> None:
    assert held([1.0, 3, 16], 0, 10) == pytest.approx([2.5, 7.5, 10]), "6 is spread 1 to 3"
    assert held([1.0, 3, 16], 3, 10) == pytest.approx([3, 7, 10]), "the first stays at 3, the second takes the rest"
    assert held([0.0, 2, 4, 6], 3, np.inf) == pytest.approx([0, 3, 3.6, 5.4]), "1 is taken 2 to 3, and 0 stays 0"
    assert held([2.0, 2, 16], 0, 7, [1, 1, 2]) == pytest.approx([3, 3, 14]), "16 is two copies of 8, each cut to 7"


def test_limits_that_cannot_hold_the_sum_leave_the_column_alone() -> None:
    assert held([1.0, 1, 8], 0, 2) == [1, 1, 8]
    assert held([1.0, 1, 8], 4, 9) == [1, 1, 8]


@given(
    weights=st.lists(st.floats(0.01, 50), min_size=2, max_size=30),
    low=st.floats(0, 0.95),
    high=st.floats(1.05, 4),
)
def test_held_weights_keep_sum_limits_and_order(weights: list[float], low: float, high: float) -> None:
    mean = float(np.mean(weights))
    after = np.array(held(weights, low * mean, high * mean))
    assert after.sum() == pytest.approx(sum(weights))
    assert ((after >= low * mean * (1 - 1e-12)) & (after <= high * mean * (1 + 1e-12))).all()
    assert (np.diff(after[np.argsort(weights)]) >= -1e-12 * mean).all(), "nobody overtakes anybody"


@given(weights=st.lists(st.floats(0.1, 50), min_size=2, max_size=30), high=st.floats(1.05, 4))
def test_an_upper_limit_alone_is_the_cap(weights: list[float], high: float) -> None:
    cap = high * float(np.mean(weights))
    w = np.array(weights)[:, None]
    np.testing.assert_allclose(
        held(weights, 0, cap), cap_with_redistribution(w, np.array([cap]), np.ones_like(w))[:, 0]
    )


def test_an_array_is_trimmed_as_a_series() -> None:
    trimmed = trim_weights(np.array([1.0, 2, 3, 10]), upper=7)
    assert isinstance(trimmed, pd.Series)
    assert trimmed.tolist() == [2, 3, 4, 7]
