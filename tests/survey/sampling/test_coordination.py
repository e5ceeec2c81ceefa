"""Co-ordination of rounds by turning the permanent random numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import (
    draw_record,
    expected_overlap,
    from_start,
    overlap,
    permanent_random_numbers,
    rotated_start,
    rotation_for,
    rounds_of_rest,
    select_srs,
    start_of,
    verify_draw,
)

SECRET = b"sixteen bytes at least"


@pytest.mark.parametrize(
    ("before", "now", "rotation", "expected", "rationale"),
    [
        (0.3, 0.2, 0.0, 0.2, "both arcs start together: the smaller one"),
        (0.3, 0.2, 0.3, 0.0, "the new arc starts where the old one ends"),
        (0.3, 0.2, 0.2, 0.1, "half of the new arc lies in the old one"),
        (0.6, 0.7, 0.6, 0.3, "0.6 + 0.7 goes round by 0.3"),
        (0.3, 0.2, 0.9, 0.1, "the new arc crosses the start"),
        (1.0, 0.2, 0.4, 0.2, "after a census everybody is asked again"),
    ],
)
def test_overlap_by_hand(before: float, now: float, rotation: float, expected: float, rationale: str) -> None:
    assert expected_overlap(before, now, rotation) == pytest.approx(expected), rationale
    assert expected_overlap([before], [now], rotation, people=[50]) == pytest.approx(50 * expected)


fractions = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(fractions, fractions, st.floats(0, 0.999))
def test_no_other_turn_is_better(before: list[float], now: list[float], other: float) -> None:
    people = [10, 200, 35]
    least, most = (rotation_for(before, now, aim, people) for aim in ("least", "most"))
    assert expected_overlap(before, now, least, people) <= expected_overlap(before, now, other, people) + 1e-6
    assert expected_overlap(before, now, most, people) >= expected_overlap(before, now, other, people) - 1e-6


def test_census_strata_do_not_hide_the_others() -> None:
    assert rotation_for([1.0, 0.2], [1.0, 0.2]) == pytest.approx(0.2), "where everybody is asked no rotation helps"


def test_rest_is_kept_and_the_overlap_reported() -> None:
    people = pd.DataFrame({"person_id": [f"p{i}" for i in range(2000)], "stratum": ["x", "y"] * 1000})
    numbers = permanent_random_numbers(people["person_id"], SECRET)
    first = select_srs(people.assign(prn=from_start(numbers, 0.4)), {"x": 300, "y": 200}, "stratum")
    rotation = rotation_for([0.3, 0.2], [0.3, 0.2])
    second = select_srs(people.assign(prn=from_start(numbers, rotated_start(0.4, rotation + 0.05))), 250, "stratum")
    assert overlap(first, second)["again"].tolist() == [0, 0]
    again = select_srs(people.assign(prn=from_start(numbers, 0.4)), 250, "stratum")
    assert overlap(first, again)[["drawn", "again"]].to_numpy().tolist() == [[250, 250], [250, 200]]


def test_expected_overlap_is_met_on_average() -> None:
    random = np.random.default_rng(8)
    before, now, rotation, people = 0.3, 0.25, 0.2, 40
    shares = []
    for _ in range(2000):
        u = random.uniform(size=people)
        first, second = (np.argsort((u - s) % 1.0)[: round(f * people)] for s, f in ((0.0, before), (rotation, now)))
        shares.append(len(set(first) & set(second)))
    error = np.std(shares) / len(shares) ** 0.5
    # Arcs of random length add a term of the order 1: a third of a person here.
    assert abs(np.mean(shares) - expected_overlap(before, now, rotation, people)) < 0.4 + 4 * error


def test_rounds_of_rest() -> None:
    assert [rounds_of_rest(f) for f in (0.1, 0.3, 0.5, 1.0)] == [9, 2, 1, 0]


def test_record_holds_the_turn_and_verifies_it() -> None:
    frame = pd.DataFrame({"person_id": [f"p{i}" for i in range(30)], "stratum": "x"})
    numbers = from_start(permanent_random_numbers(frame["person_id"], SECRET), rotated_start(start_of("v"), 0.3))
    sample = select_srs(frame.assign(prn=numbers), 5, "stratum")
    record = draw_record(frame, sample, {"secret": SECRET, "public_value": "v", "turn": 0.3})
    assert verify_draw(record, frame, SECRET) == []
    forged = record | {"turn": 0.4}
    assert [d.what for d in verify_draw(forged, frame, None)] == ["the start does not follow from the public value"]


def test_inputs_are_checked() -> None:
    with pytest.raises(SamplingError, match="0 to 1"):
        rotation_for([1.2], [0.1])
    with pytest.raises(SamplingError, match="did you mean 'least'"):
        rotation_for([0.2], [0.1], "leats")
    with pytest.raises(SamplingError, match="above 0"):
        rounds_of_rest(0.0)
