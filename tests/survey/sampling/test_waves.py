"""Waves: reserves at random, and weights that refer to what was activated."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import (
    activate_waves,
    assign_waves,
    permanent_random_numbers,
    select_srs,
    wave_sizes,
    with_reserves,
)

PEOPLE = pd.DataFrame({"person_id": [f"p{i}" for i in range(60)], "stratum": ["x"] * 40 + ["y"] * 20})
PEOPLE["prn"] = permanent_random_numbers(PEOPLE["person_id"], b"sixteen bytes at least")
DRAWN = select_srs(PEOPLE, {"x": 10, "y": 5}, "stratum")


def split_waves(drawn: pd.DataFrame, shares: list[float], **options: object) -> pd.DataFrame:
    """Waves in the same shares in every stratum."""
    sizes = {h: wave_sizes(int(n), shares) for h, n in drawn["stratum"].value_counts().items()}
    return assign_waves(drawn, sizes, **options)


def test_sizes_of_waves_by_hand() -> None:
    split = split_waves(DRAWN, [0.6, 0.2, 0.2])
    counts = split.groupby(["stratum", "wave"]).size()
    assert counts.tolist() == [6, 2, 2, 3, 1, 1], "of 10: 6, 2, 2; of 5: 3, 1, 1"


def test_smallest_numbers_come_first() -> None:
    split = split_waves(DRAWN, [0.6, 0.4])
    for _, part in split.groupby("stratum"):
        assert part.loc[part["wave"] == 1, "prn"].max() < part.loc[part["wave"] == 2, "prn"].min()


def test_activated_part_stands_for_the_whole_stratum() -> None:
    split = split_waves(DRAWN, [0.6, 0.2, 0.2])
    first = activate_waves(split, 1)
    assert first.groupby("stratum")["base_weight"].first().tolist() == pytest.approx([40 / 6, 20 / 3])
    assert first.groupby("stratum")["base_weight"].sum().tolist() == pytest.approx([40, 20]), "all people, not 60 %"
    later = activate_waves(split, {"x": 3, "y": 1})
    assert later.groupby("stratum")["inclusion_prob"].first().tolist() == pytest.approx([10 / 40, 3 / 20])
    assert set(later["drawn_prob"]) == {0.25}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 20))
def test_weights_of_any_activation_sum_to_the_population(parts: list[int], n: int) -> None:
    drawn = select_srs(PEOPLE, n, "stratum")
    split = split_waves(drawn, [part / sum(parts) for part in parts])
    assert (split.groupby("stratum")["wave"].apply(lambda w: (w == 1).sum()) >= 1).all()
    for last in range(1, split["wave"].max() + 1):
        out = activate_waves(split, last)
        assert out.groupby("stratum")["base_weight"].sum().to_numpy() == pytest.approx(
            PEOPLE["stratum"].value_counts()[sorted(out["stratum"].unique())].to_numpy()
        )
    assert activate_waves(split, len(parts) if split["wave"].max() == len(parts) else int(split["wave"].max())).shape[
        0
    ] == len(drawn)


@given(order=st.permutations(range(15)))
def test_row_order_changes_nothing(order: list[int]) -> None:
    for options in ({}, {"seed": 3}):
        first, second = (
            split_waves(part, [0.5, 0.5], **options).set_index("person_id")["wave"].sort_index()
            for part in (DRAWN, DRAWN.iloc[order])
        )
        assert first.equals(second)


def test_a_stratum_may_wait() -> None:
    out = activate_waves(split_waves(DRAWN, [0.6, 0.4]), {"x": 1, "y": 0})
    assert set(out["stratum"]) == {"x"}


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: split_waves(DRAWN.drop(columns="prn"), [1.0]), "column prn"),
        (
            lambda: split_waves(DRAWN.assign(inclusion_prob=np.linspace(0.1, 0.9, 15)), [0.5, 0.5]),
            "give seed=",
        ),
        (lambda: activate_waves(split_waves(DRAWN, [0.6, 0.4]), 3), "0 to 2"),
        (lambda: activate_waves(split_waves(DRAWN, [0.6, 0.4]), {"x": 1}), "a stratum has no last wave"),
        (lambda: activate_waves(split_waves(DRAWN, [0.6, 0.4]), {"x": 1, "y": 1, "z": 1}), "nobody is in"),
        (lambda: activate_waves(activate_waves(split_waves(DRAWN, [0.6, 0.4]), 1), 1), "activated already"),
    ],
)
def test_what_cannot_be_is_named(act, what: str) -> None:
    with pytest.raises(SamplingError, match=what):
        act()


def test_waves_of_own_sizes_in_every_stratum() -> None:
    split = assign_waves(DRAWN, {"x": [7, 3], "y": [5, 0]})
    assert split.groupby(["stratum", "wave"]).size().to_dict() == {("x", 1): 7, ("x", 2): 3, ("y", 1): 5}
    x = split[split["stratum"] == "x"]
    assert x.loc[x["wave"] == 1, "prn"].max() < x.loc[x["wave"] == 2, "prn"].min()


def test_waves_that_do_not_add_up_are_refused_all_at_once() -> None:
    with pytest.raises(SamplingError) as caught:
        assign_waves(DRAWN, {"x": [7, 4]})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("first", "people", "reserves", "sizes", "rationale"),
    [
        (10, 100, [0.5, 0.25], [10, 5, 3], "17.5 rounds up to 18"),
        (10, 12, [0.5, 0.25], [10, 2, 0], "only 12 people are there"),
        (12, 12, [0.5], [12, 0], "a census has no reserve"),
        (3, 9, [], [3], "no reserves asked for"),
    ],
)
def test_reserves_by_hand(first: int, people: int, reserves: list[float], sizes: list[int], rationale: str) -> None:
    assert with_reserves(first, people, reserves) == sizes, rationale


@pytest.mark.parametrize(
    ("people", "shares", "sizes", "rationale"),
    [
        (10, [0.6, 0.2, 0.2], [6, 2, 2], "whole numbers as they are"),
        (5, [0.6, 0.2, 0.2], [3, 1, 1], "3, 4, 5 in all"),
        (5, [0.5, 0.25, 0.25], [3, 1, 1], "2.5 and 3.75 in all round to 3 and 4"),
        (4, [1.0, 0.5, 0.25], [2, 1, 1], "shares count against their sum: 2.29 and 3.43 in all"),
        (1, [0.1, 0.1, 0.8], [1, 0, 0], "one person is in the first wave, and in no other"),
    ],
)
def test_sizes_from_shares_by_hand(people: int, shares: list[float], sizes: list[int], rationale: str) -> None:
    assert wave_sizes(people, shares) == sizes, rationale


@pytest.mark.parametrize("count", [2, 3])
def test_halves_go_up_whatever_the_digits_of_the_shares(count: int) -> None:
    """In fractions: 43 people in two equal waves are 21.5, so 22; 0.05 / (0.05 + 0.05) in doubles must say so too."""
    for shares in product([0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7], repeat=count):
        exact = [Fraction(str(share)) for share in shares]
        parts = [sum(exact[: k + 1]) / sum(exact) for k in range(count)]
        for people in (5, 10, 26, 43, 81, 86, 99):
            ends = [floor(people * part + Fraction(1, 2)) for part in parts]
            ends = [max(ends[0], 1), *ends[1:]]
            assert np.cumsum(wave_sizes(people, list(shares))).tolist() == ends, (people, shares)


@given(st.integers(0, 50), st.lists(st.floats(0.05, 2), min_size=1, max_size=4))
def test_wave_sizes_add_up(people: int, shares: list[float]) -> None:
    sizes = wave_sizes(people, shares)
    assert sum(sizes) == people
    assert min(sizes) >= 0
    assert sizes[0] > 0 or people == 0
