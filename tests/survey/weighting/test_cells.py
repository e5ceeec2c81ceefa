"""Tables of distinct cells and codes of texts, against what pandas groups."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.survey.groups import group_sums
from spi_analysis.survey.weighting.totals import Margin, cells_of, coded


def margins_of(table: np.ndarray, sizes: list[int]) -> list[Margin]:
    return [Margin(f"m{j}", [str(i) for i in range(size)], table[:, j]) for j, size in enumerate(sizes)]


def test_cells_by_hand() -> None:
    cells = cells_of(margins_of(np.array([[1, 0], [0, 2], [1, 0], [0, 1]]), [2, 3]))
    assert cells.levels.tolist() == [[0, 1], [0, 2], [1, 0]], "those that occur, ordered by the first margin"
    assert cells.codes.tolist() == [2, 1, 2, 0]
    assert cells.sums(np.array([1.0, 2, 4, 8])).tolist() == [8, 2, 5]


@given(seed=st.integers(0, 200), sizes=st.lists(st.sampled_from([1, 2, 5, 300, 5000]), min_size=1, max_size=9))
def test_every_row_finds_its_levels_again(seed: int, sizes: list[int]) -> None:
    """Nine margins of 5000 levels have 2e33 combinations: only those that occur are ever numbered."""
    rng = np.random.default_rng(seed)
    table = np.column_stack([rng.integers(0, size, 40) for size in sizes])
    cells = cells_of(margins_of(table, sizes))
    assert (cells.levels[cells.codes] == table).all()
    assert [tuple(row) for row in cells.levels.tolist()] == sorted(set(map(tuple, table.tolist())))


def test_sums_of_many_columns_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    group, values = rng.integers(0, 4, 30), rng.normal(size=(30, 3))
    together = group_sums(group, values, 5)
    assert together.shape == (5, 3)
    for k in range(3):
        assert together[:, k].tolist() == group_sums(group, values[:, k], 5).tolist()


TEXTS = ["b", "a", None, "b", "c"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(TEXTS, dtype=object),
        pd.Series(TEXTS, dtype="str"),
        pd.Series(pd.Categorical(TEXTS, categories=["z", "c", "b", "a"])),
    ],
    ids=["object", "str", "category"],
)
def test_texts_of_any_type_are_the_same_levels(column: pd.Series) -> None:
    numbers, texts = coded(column)
    assert [texts[i] if i >= 0 else None for i in numbers] == TEXTS
    assert sorted(texts) == ["a", "b", "c"], "a category that nobody has does not occur"


def test_values_are_compared_as_texts() -> None:
    """1, 1.0 and True are equal to Python and to a hash table; as names of levels they are three."""
    numbers, texts = coded(pd.Series([1, "1", 1.0, True, np.nan, None], dtype=object))
    assert [texts[i] if i >= 0 else None for i in numbers] == ["1", "1", "1.0", "True", None, None]


def test_numbers_and_flags_are_levels_too() -> None:
    assert [coded(pd.Series(v))[1] for v in ([2, 1], [True, False], [0.5, np.nan])] == [
        ["2", "1"],
        ["True", "False"],
        ["0.5"],
    ]
