import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import satterthwaite_df


def test_strata_alike_give_units_minus_strata() -> None:
    assert satterthwaite_df(np.full(30, 40.0), np.repeat(["a", "b", "c"], 10)) == pytest.approx(27)


def test_two_unequal_strata_by_hand() -> None:
    """3 people of weight 10 and 2 of weight 3: V = (1 - 3/30) 300 = 270 and (1 - 2/6) 18 = 12.

    282**2 / (270**2 / 2 + 12**2 / 1) = 79524 / 36594.
    """
    found = satterthwaite_df(np.array([10.0, 10, 10, 3, 3]), np.array(["a", "a", "a", "b", "b"]))
    assert found == pytest.approx(79524 / 36594)


def test_one_stratum_that_carries_all_has_its_own_degrees() -> None:
    weights = np.array([1e6] * 5 + [1.0001] * 40)
    assert satterthwaite_df(weights, np.repeat(["big", "small"], [5, 40])) == pytest.approx(4)


def test_lonely_and_weightless_do_not_count() -> None:
    weights, strata = np.array([7.0, 7, 7, 90, 0]), np.array(["a", "a", "a", "alone", "a"])
    assert satterthwaite_df(weights, strata) == pytest.approx(2)
    assert satterthwaite_df(np.array([7.0]), np.array(["a"])) == 0


def test_a_census_that_everybody_answered() -> None:
    assert satterthwaite_df(np.ones(6), np.repeat(["a", "b"], 3)) == 4


def test_a_missing_stratum_is_named() -> None:
    with pytest.raises(EstimationError, match="do not fit") as caught:
        satterthwaite_df(np.ones(2), np.array(["a", None], dtype=object))
    assert "1 of them missing" in str(caught.value)


@given(sizes=st.lists(st.integers(2, 20), min_size=1, max_size=8), seed=st.integers(0, 1000))
def test_between_the_smallest_stratum_and_units_minus_strata(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    strata = np.repeat(np.arange(len(sizes)), sizes)
    weights = rng.uniform(1.5, 30, len(sizes))[strata]
    found = satterthwaite_df(weights, strata)
    assert min(sizes) - 1 <= found + 1e-9
    assert found <= sum(sizes) - len(sizes) + 1e-9
    mixed = rng.permutation(len(strata))
    assert satterthwaite_df(3 * weights[mixed], strata[mixed]) != 0
    assert satterthwaite_df(weights[mixed], strata[mixed]) == pytest.approx(found)


def test_the_t_quantile_holds_where_strata_are_unequal() -> None:
    """Normal answers, one stratum of 4 with nine tenths of the weight: does the interval of 95 % cover?"""
    rng = np.random.default_rng(5)
    strata, weights = np.repeat([0, 1, 2], [4, 20, 20]), np.repeat([225.0, 2.5, 2.5], [4, 20, 20])
    answers = rng.normal(size=(20_000, 44))
    mean = answers @ weights / weights.sum()
    n, w = np.array([4, 20, 20]), np.array([225.0, 2.5, 2.5])
    spread = np.column_stack([answers[:, strata == h].var(axis=1, ddof=1) for h in range(3)])
    variance = (spread * n * w**2).sum(axis=1) / weights.sum() ** 2
    df = satterthwaite_df(weights, strata)
    covered = np.abs(mean) <= t.ppf(0.975, df) * variance**0.5
    assert covered.mean() == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 20_000) ** 0.5 + 0.002)
    naive = np.abs(mean) <= t.ppf(0.975, 41) * variance**0.5
    assert naive.mean() < 0.91
