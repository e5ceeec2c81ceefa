"""Margins exactly, further cells as far as the penalty lets."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy.optimize import brentq

from spi_analysis.errors import WeightingError
from spi_analysis.survey import multilevel_calibrate, rake

PEOPLE = pd.DataFrame({"sex": list("fmfm"), "unit": list("aabb"), "w": 1.0})
SEX = {"sex": {"f": 50, "m": 50}}
UNIT = {"unit": {"a": 70, "b": 30}}


@pytest.mark.parametrize("penalty", [0.5, 2.0, 19.0])
def test_four_people_by_hand(penalty: float) -> None:
    """Weights 25 exp(+-b): unit a has 50 (1 + tanh b), and lacks ``penalty`` x 25 x b of its 70."""
    b = brentq(lambda b: 70 - 50 * (1 + math.tanh(b)) - 25 * penalty * b, 0, 5)
    near = multilevel_calibrate(PEOPLE, "w", SEX, UNIT, penalty)
    high = 25 * (1 + math.tanh(b))
    assert near.tolist() == pytest.approx([high, high, 50 - high, 50 - high])


def test_auto_takes_cells_to_carry_a_twentieth_of_the_variance() -> None:
    auto, stated = (multilevel_calibrate(PEOPLE, "w", SEX, UNIT, penalty) for penalty in ("auto", 0.95 / 0.05))
    pd.testing.assert_series_equal(auto, stated)


def test_the_ends_are_raking_to_all_and_raking_to_the_margins() -> None:
    everything, margins = rake(PEOPLE, "w", SEX | UNIT), rake(PEOPLE, "w", SEX)
    pd.testing.assert_series_equal(multilevel_calibrate(PEOPLE, "w", SEX, UNIT, 0), everything, rtol=1e-6)
    pd.testing.assert_series_equal(multilevel_calibrate(PEOPLE, "w", SEX, UNIT, 1e9), margins, rtol=1e-6)


def test_margins_are_met_whatever_the_cells_ask_for() -> None:
    """Cells that contradict the margins (90 people where the margins say 50) move weights, never the margins."""
    people = PEOPLE.assign(cell=PEOPLE["sex"] + PEOPLE["unit"], w=[1.0, 2.0, 3.0, 4.0])
    near = multilevel_calibrate(people, "w", SEX | UNIT, {"cell": {"fa": 90, "ma": 1, "fb": 1, "mb": 8}}, 1.0)
    for column, totals in (SEX | UNIT).items():
        assert near.groupby(people[column]).sum().to_dict() == pytest.approx(totals)
    assert (near > 0).all()


def test_a_cell_nobody_answered_in_is_left_to_the_others() -> None:
    with_empty = multilevel_calibrate(PEOPLE, "w", SEX, {"unit": {"a": 70, "b": 30, "c": 12}}, 2.0)
    pd.testing.assert_series_equal(with_empty, multilevel_calibrate(PEOPLE, "w", SEX, UNIT, 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalty": -1}, "the penalty is not usable"),
        ({"penalty": "most"}, "the penalty is not usable"),
        ({"soft": {"unit": {"a": 70}}}, "respondents in a cell without a total"),
        ({"soft": {"office": {"a": 70}}}, "office"),
    ],
)
def test_what_is_refused(change: dict, message: str) -> None:
    with pytest.raises(WeightingError, match=message):
        multilevel_calibrate(PEOPLE, "w", SEX, **({"soft": UNIT} | change))
