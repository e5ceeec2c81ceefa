"""Systematic sampling: every k-th person of an ordered list."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import select_systematic


def test_every_second_of_ten() -> None:
    people = pd.DataFrame({"person_id": [f"p{i}" for i in range(10)]})
    for seed in range(20):
        drawn = select_systematic(people, 5, seed=seed)
        assert np.diff(drawn.index).tolist() == [2] * 4, "N/n = 2"
    assert set(drawn["inclusion_prob"]) == {0.5}
    assert set(drawn["pop_size"]) == {10}


@given(st.integers(1, 60), st.data())
def test_exactly_n_are_taken_at_most_one_interval_apart(people: int, data: st.DataObject) -> None:
    n, seed = data.draw(st.integers(0, people)), data.draw(st.integers(0, 1000))
    drawn = select_systematic(pd.DataFrame({"i": range(people)}), n, seed=seed)
    assert len(drawn) == n
    steps = np.diff(drawn["i"])
    assert ((steps >= people // max(n, 1)) & (steps <= -(-people // max(n, 1)))).all()


def test_sample_spreads_over_the_order() -> None:
    people = pd.DataFrame({"age": np.random.default_rng(1).permutation(100), "h": ["x", "y"] * 50})
    drawn = select_systematic(people, 10, "h", order="age", seed=3)
    assert drawn.groupby("h").size().tolist() == [10, 10]
    for _, part in people.groupby("h"):
        ranks = part["age"].rank()[part.index.isin(drawn.index)]
        assert sorted((ranks - 1) // 5) == list(range(10)), "one of every five"


@given(order=st.permutations(range(20)))
def test_row_order_changes_nothing_where_an_order_is_given(order: list[int]) -> None:
    people = pd.DataFrame({"id": [f"p{i:02d}" for i in range(20)], "h": ["x", "y"] * 10, "age": [1, 1, 2, 3] * 5})
    mixed = people.iloc[order].set_axis([i // 2 for i in range(20)])
    ids = [set(select_systematic(frame, 3, "h", ["age", "id"], 7)["id"]) for frame in (people, mixed)]
    assert ids[0] == ids[1]


def test_strata_have_starts_of_their_own() -> None:
    people = pd.DataFrame({"h": [f"s{i // 10}" for i in range(500)], "place": list(range(10)) * 50})
    starts = select_systematic(people, 1, "h", seed=1)["place"]
    assert starts.nunique() > 7


def test_sizes_and_columns_are_checked() -> None:
    people = pd.DataFrame({"h": ["x", "x", None]})
    with pytest.raises(SamplingError, match="a person has no stratum"):
        select_systematic(people, 1, "h")
    with pytest.raises(SamplingError, match="0 to 3"):
        select_systematic(people, 4)
    with pytest.raises(SamplingError, match="column agee"):
        select_systematic(people.assign(age=1), 1, order="agee")
