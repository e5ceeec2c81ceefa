import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.survey import effective_n
from spi_analysis.survey.weighting import balance, kish_deff


def test_kish_by_hand() -> None:
    # weights 1, 1, 2: 3 * (1 + 1 + 4) / 4**2
    assert kish_deff(np.array([1.0, 1, 2])) == pytest.approx(18 / 16)
    assert effective_n(np.array([1.0, 1, 2])) == pytest.approx(16 / 6)


def test_those_without_weight_do_not_count() -> None:
    assert kish_deff(pd.Series([1.0, 1, 2, 0, 0])) == pytest.approx(18 / 16)


def test_nobody_has_an_effective_size_of_nothing() -> None:
    assert np.isnan(kish_deff(np.zeros(3)))
    assert effective_n(np.zeros(3)) == 0.0


@given(weights=st.lists(st.floats(0.1, 100), min_size=1, max_size=30), factor=st.floats(0.1, 10))
def test_effective_n_is_at_most_n_and_free_of_scale(weights: list[float], factor: float) -> None:
    w = np.array(weights)
    assert effective_n(w) <= len(w) * (1 + 1e-12)
    assert kish_deff(w * factor) == pytest.approx(kish_deff(w))
    assert effective_n(w) * kish_deff(w) == pytest.approx(len(w))


def test_balance_by_hand() -> None:
    frame = pd.DataFrame({"sex": ["f"] * 60 + ["m"] * 40})
    sample = pd.DataFrame({"sex": ["f", "m", "m"]})
    table = balance(sample, frame, ["sex"], {"before": np.ones(3), "after": np.array([6.0, 2, 2])}).set_index("level")
    assert table.loc["f", "before"] == pytest.approx(1 / 3)
    assert table.loc["f", "before_std_diff"] == pytest.approx((1 / 3 - 0.6) / (0.6 * 0.4) ** 0.5)
    assert table["after_std_diff"].abs().max() == pytest.approx(0), "6 of 10 weighted people are women, as on the list"


def test_balance_of_a_level_that_nobody_answered_in() -> None:
    frame = pd.DataFrame({"unit": ["a", "a", "b"]})
    table = balance(frame.head(1), frame, ["unit"], {"w": np.ones(1)}).set_index("level")
    assert table.loc["b", "w"] == 0.0
