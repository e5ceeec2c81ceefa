"""Selection: the smallest numbers of every stratum."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import from_start, permanent_random_numbers, select_srs, start_of

SECRET = b"sixteen bytes at least"
FRAME = pd.DataFrame(
    {"person_id": list("abcdef"), "stratum": ["x", "x", "x", "x", "y", "y"], "prn": [0.9, 0.2, 0.5, 0.1, 0.7, 0.6]}
)


def test_the_smallest_numbers_are_drawn_in_the_order_of_the_frame() -> None:
    drawn = select_srs(FRAME, {"x": 2, "y": 1}, "stratum")
    assert drawn["person_id"].tolist() == ["b", "d", "f"], "0.1 and 0.2 of x, 0.6 of y"
    assert drawn["pop_size"].tolist() == [4, 4, 2]
    assert drawn["inclusion_prob"].tolist() == [0.5, 0.5, 0.5]


def test_without_strata_all_are_one() -> None:
    drawn = select_srs(FRAME, 3)
    assert drawn["person_id"].tolist() == ["b", "c", "d"]
    assert drawn["inclusion_prob"].tolist() == [0.5] * 3


@pytest.mark.parametrize("n", [2, np.int64(2), {"x": 2, "y": 2}, pd.Series({"x": 2, "y": 2})])
def test_size_may_be_one_number_or_one_per_stratum(n) -> None:
    assert select_srs(FRAME, n, "stratum")["person_id"].tolist() == ["b", "d", "e", "f"]


def test_strata_may_be_numbers() -> None:
    numbered = FRAME.assign(stratum=FRAME["stratum"].map({"x": 1, "y": 2}))
    assert select_srs(numbered, {1: 2, 2: 1}, "stratum")["person_id"].tolist() == ["b", "d", "f"]


def test_a_stratum_may_be_left_out() -> None:
    assert select_srs(FRAME, {"x": 0, "y": 2}, "stratum")["person_id"].tolist() == ["e", "f"]


def test_draw_of_five_people_with_hashes() -> None:
    people = pd.DataFrame({"person_id": ["ani", "budi", "citra", "dewi", "eka"]})
    numbers = from_start(permanent_random_numbers(people["person_id"], SECRET), start_of("2024-07-22"))
    drawn = select_srs(people.assign(prn=numbers), 2)
    assert set(drawn["person_id"]) == set(people["person_id"].iloc[np.argsort(numbers.to_numpy())[:2]])


@given(order=st.permutations(range(30)), start=st.integers(-5, 5))
def test_row_order_and_row_labels_change_nothing(order: list[int], start: int) -> None:
    frame = pd.DataFrame({"person_id": [f"p{i}" for i in range(30)], "stratum": ["x", "y", "z"] * 10})
    frame["prn"] = permanent_random_numbers(frame["person_id"], SECRET)
    mixed = frame.iloc[order].set_axis([start + i // 2 for i in range(30)])  # every label twice
    assert set(select_srs(mixed, 4, "stratum")["person_id"]) == set(select_srs(frame, 4, "stratum")["person_id"])


def test_next_round_overlaps_as_the_shift_says() -> None:
    """Positive co-ordination: a start moved a little keeps most of the sample; half a circle keeps none."""
    people = pd.DataFrame({"person_id": [f"p{i}" for i in range(1000)]})
    numbers = permanent_random_numbers(people["person_id"], SECRET)
    samples = [set(select_srs(people.assign(prn=from_start(numbers, s)), 300)["person_id"]) for s in (0.0, 0.1, 0.5)]
    assert 170 < len(samples[0] & samples[1]) < 230, "a start of 0.1 renews about a third of a sample of 0.3"
    assert not samples[0] & samples[2]


def test_everyone_has_the_same_chance() -> None:
    """4000 public values: each of 6 people is drawn about 2 times in 6 (5 standard errors)."""
    people = pd.Series([f"p{i}" for i in range(6)])
    numbers = permanent_random_numbers(people, SECRET)
    counts = np.zeros(6)
    for value in range(4000):
        counts[np.argsort(from_start(numbers, start_of(str(value))).to_numpy())[:2]] += 1
    # The numbers are fixed, the start is random: the chance of a person is the length of arc that draws it.
    arcs = np.sort(numbers.to_numpy())
    gaps = np.diff(np.concatenate([[arcs[-1] - 1], arcs]))
    chance = gaps + np.roll(gaps, 1)
    expected = np.empty(6)
    expected[np.argsort(numbers.to_numpy())] = chance
    assert np.all(np.abs(counts / 4000 - expected) < 5 * np.sqrt(expected * (1 - expected) / 4000))


@pytest.mark.parametrize(
    ("n", "parts"),
    [
        ({"x": 2}, ["no sample size", "key y"]),
        ({"x": 5, "y": 1}, ["does not fit the stratum", "key x", "got: 5", "0 to 4"]),
        ({"x": -1, "y": 1}, ["does not fit the stratum", "got: -1"]),
        ({"x": 2, "y": 1, "yy": 3}, ["nobody is in", "key yy", "did you mean 'y'?"]),
        (2.5, ["no whole number", "2.5"]),
    ],
)
def test_sizes_that_do_not_fit_are_named(n, parts: list[str]) -> None:
    with pytest.raises(SamplingError) as caught:
        select_srs(FRAME, n, "stratum")
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(
    ("frame", "parts"),
    [
        (FRAME.drop(columns="prn"), ["a column is missing", "prn"]),
        (FRAME.rename(columns={"stratum": "strata"}), ["a column is missing", "did you mean 'strata'?"]),
        (FRAME.assign(prn=[0.1, None, 0.2, 0.3, 0.4, 0.5]), ["random number is missing"]),
        (FRAME.assign(prn=[0.1, 1.2, 0.2, 0.3, 0.4, 0.5]), ["outside 0 to 1"]),
        (FRAME.assign(stratum=["x", "x", None, "x", "y", "y"]), ["no stratum", "row 3", "1 people"]),
    ],
)
def test_a_frame_that_would_lose_people_is_refused(frame: pd.DataFrame, parts: list[str]) -> None:
    with pytest.raises(SamplingError) as caught:
        select_srs(frame, 1, "stratum")
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(
    ("n", "rows", "said"),
    [
        (0, 0, "nobody to draw from"),
        (1.5, 3, "no whole number"),
        ("2", 3, "no whole number"),
        ({"all": 1.5}, 3, "no whole number"),
        ({"all": float("nan")}, 3, "no whole number"),
    ],
)
def test_frames_and_sizes_that_make_no_sense_are_refused(n, rows, said):
    frame = pd.DataFrame({"person_id": ["x", "y", "z"], "prn": [0.1, 0.2, 0.3]}).iloc[:rows]
    with pytest.raises(SamplingError, match=said):
        select_srs(frame, n)


def test_random_numbers_are_numbers():
    with pytest.raises(SamplingError, match="a random number is missing"):
        select_srs(pd.DataFrame({"prn": ["a", "b"]}), 1)
