"""n people fitted to p independent totals: by what the variance of the replicates is multiplied, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.weighting import (
    Calibrate,
    PostStratify,
    Rake,
    WeightingClasses,
    apply_recipe,
    auxiliary_of,
)

TEN = pd.DataFrame(
    {
        "sex": list("fffffmmmmm"), "unit": list("abcabcabca"), "region": list("xxyxxyxxyx"),
        "x": [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10], "base_weight": 2.0, "disposition": "I",
    }
)  # fmt: skip
SEX, UNIT = {"f": 10, "m": 10}, {"a": 8, "b": 6, "c": 6}


@pytest.mark.parametrize(
    ("recipe", "totals"),
    [
        ([Rake({"sex": SEX, "unit": UNIT})], 4),  # 2 + 3 levels, of which one sum is known by the other margin
        ([Rake({"unit": UNIT, "region": {"x": 14, "y": 6}})], 3),  # a region is made of units
        ([PostStratify("unit", UNIT)], 3),
        ([Calibrate({"(intercept)": 20, "x": 115})], 2),
        ([Calibrate({"(intercept)": 20, "sex": SEX})], 2),
        ([Rake({"sex": SEX, "unit": UNIT}), Rake({"sex": SEX}, column="again")], 2),  # the last one counts
    ],
)
def test_independent_totals_are_counted(recipe: list, totals: int) -> None:
    weighted = apply_recipe(TEN, recipe)
    assert weighted.fitted == (10, totals)
    assert weighted.variance_factor == pytest.approx(10 / (10 - totals))


def test_without_a_calibration_nothing_is_fitted() -> None:
    weighted = apply_recipe(TEN, [WeightingClasses("unit")])
    assert (weighted.fitted, weighted.variance_factor) == (None, 1.0)


def test_people_without_weight_are_not_fitted() -> None:
    some = TEN.assign(disposition=["I"] * 8 + ["NE", "R"])
    assert apply_recipe(some, [WeightingClasses("sex"), Rake({"sex": SEX})]).fitted == (9, 2)


def test_as_many_totals_as_people_leave_a_number() -> None:
    pair = TEN.iloc[[0, 5]]
    assert apply_recipe(pair, [Rake({"sex": SEX})]).variance_factor == 2.0


def test_the_rank_is_that_of_the_columns() -> None:
    auxiliary, _ = auxiliary_of(TEN, {"sex": SEX, "unit": UNIT, "x": 110})
    columns = pd.get_dummies(TEN[["sex", "unit"]]).astype(float).assign(x=TEN["x"]).to_numpy()
    assert auxiliary.rank == np.linalg.matrix_rank(columns) == 5
