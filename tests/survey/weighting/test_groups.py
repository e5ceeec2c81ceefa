"""Sums over groups of rows: by hand, against a plain loop, and with the same digits in every form of the values."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import codes_of, group_counts, group_sums, groups_of


def by_loop(codes: np.ndarray, values: np.ndarray, size: int, weights: np.ndarray) -> list[list[float]]:
    sums = [[0.0] * values.shape[1] for _ in range(size)]
    for code, row, weight in zip(codes, values.tolist(), weights.tolist(), strict=True):
        if code >= 0:
            sums[code] = [total + weight * value for total, value in zip(sums[code], row, strict=True)]
    return sums


@given(seed=st.integers(0, 1000), n=st.integers(0, 40), k=st.integers(0, 3), kind=st.sampled_from([np.int8, np.int64]))
def test_sums_are_those_of_a_loop_in_the_order_of_the_rows(seed: int, n: int, k: int, kind: type) -> None:
    """To the last digit, so that one variable alone has the sums that it has among others."""
    rng = np.random.default_rng(seed)
    codes, values, weights = rng.integers(-2, 5, n).astype(kind), rng.normal(size=(n, k)), rng.random(n)
    expected = np.reshape(by_loop(codes, values, 5, weights), (5, k))
    for form in (values, np.asfortranarray(values)):
        assert group_sums(codes, form, 5, weights).tolist() == expected.tolist()
    for j in range(k):
        assert group_sums(codes, values[:, j], 5, weights).tolist() == expected[:, j].tolist()
        assert group_sums(codes, weights * values[:, j], 5).tolist() == expected[:, j].tolist()
    ones = np.ones((n, 1))
    assert group_counts(codes, 5).tolist() == [row[0] for row in by_loop(codes, ones, 5, ones[:, 0])]


def test_the_largest_code_says_how_many_groups_there_are() -> None:
    codes = np.array([2, 0, -1])
    assert group_counts(codes).tolist() == [1, 0, 1]
    assert group_sums(codes, np.array([True, True, True])).tolist() == [1, 0, 1]
    assert group_sums(codes, np.eye(3)).tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert group_counts(np.array([], dtype=int)).tolist() == []


def test_small_integers_do_not_overflow() -> None:
    """As categories are coded: 128 levels in eight bits, beside somebody without one."""
    codes = np.append(np.arange(128), -1).astype(np.int8)
    assert group_counts(codes, 128).tolist() == [1] * 128
    assert group_sums(codes, np.ones((129, 2)), 128).tolist() == [[1, 1]] * 128


def test_sums_and_spread() -> None:
    groups = groups_of(pd.Series(["b", "a", "b"]))
    assert groups.labels == ["a", "b"]
    sums = groups.sums(np.array([[1.0, 10], [2, 20], [4, 40]]))
    assert sums.tolist() == [[2, 20], [5, 50]]
    assert groups.spread(sums).tolist() == [[5, 50], [2, 20], [5, 50]]


def test_missing_group_names_column_and_row() -> None:
    with pytest.raises(WeightingError, match="grouping value is missing") as caught:
        groups_of(pd.Series(["a", None], name="unit"))
    assert "row 2, column unit" in str(caught.value)


@given(
    values=st.lists(st.integers(-5, 40), min_size=1, max_size=30),
    kind=st.sampled_from(["int8", "uint8", "int64", "Int64", "float64", "object", "category"]),
)
def test_codes_lead_back_to_the_values_and_none_is_idle(values: list[int], kind: str) -> None:
    column = pd.Series([abs(v) for v in values] if kind == "uint8" else values).astype(kind)
    codes, found = codes_of(column)
    assert [found[code] for code in codes] == column.tolist()
    assert sorted(set(codes)) == list(range(len(found)))


def test_missing_values_have_no_code() -> None:
    assert codes_of(pd.Series([2, None, 1], dtype="Int64"))[0].tolist() == [0, -1, 1]
