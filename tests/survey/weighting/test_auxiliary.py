"""Auxiliary variables against the big matrix that they spare us, and totals that cannot be right."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting.totals import auxiliary_of

DATA = pd.DataFrame({"sex": ["f", "m", "f", "m"], "unit": [1, 1, 2, 3], "age": [20.0, 30, 40, 50]})
TOTALS = {
    "(intercept)": 100,
    "sex": {"f": 60, "m": 40},
    "unit": {1: 50, 2: 30, 3: 20},
    "age": 3500,
}


def matrix() -> np.ndarray:
    dummies = [pd.get_dummies(DATA[c].astype(str), dtype=float) for c in ("sex", "unit")]
    return np.column_stack([*dummies, np.ones(4), DATA["age"]])


def test_sums_are_those_of_the_matrix() -> None:
    auxiliary, targets = auxiliary_of(DATA, TOTALS)
    x, w = matrix(), np.array([1.0, 2, 3, 4])
    values, coefficients = np.arange(8.0).reshape(4, 2), np.arange(7.0)
    assert auxiliary.names == ["sex=f", "sex=m", "unit=1", "unit=2", "unit=3", "(intercept)", "age"]
    assert targets.tolist() == [60, 40, 50, 30, 20, 100, 3500]
    np.testing.assert_allclose(auxiliary.totals(w), w @ x)
    np.testing.assert_allclose(auxiliary.gram(w), x.T @ (x * w[:, None]))
    np.testing.assert_allclose(auxiliary.products(values), x.T @ values)
    np.testing.assert_allclose(auxiliary.predict(coefficients), x @ coefficients)


@pytest.mark.parametrize(
    ("totals", "parts"),
    [
        ({"sexx": {"f": 1}}, ["column that is not there", "did you mean 'sex'?"]),
        (
            {"sex": {"f": 60, "male": 40}},
            ["levels in the sample that have no total", "got: m", "f, male", "or recode it"],
        ),
        ({"sex": {"f": 60, "m": 30, "x": 10}}, ["levels without a row", "x (10)", "merge the level"]),
        ({"sex": {"f": 60, "m": 40}, "unit": {1: 50, 2: 30, 3: 25}}, ["disagree", "sex: 100", "unit: 105"]),
        ({"(intercept)": 99, "sex": {"f": 60, "m": 40}}, ["disagree", "(intercept): 99"]),
        ({"sex": 100}, ["not a number", "column sex", "one total per level"]),
    ],
)
def test_totals_that_do_not_fit_are_explained(totals: dict, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        auxiliary_of(DATA, totals)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(WeightingError) as caught:
        auxiliary_of(DATA, {"sex": {"f": 60, "x": 40}, "unit": {1: 50}})
    assert len(caught.value.problems) == 4, "sex: m unknown, x empty; unit: 2 and 3 unknown; sums 100 and 50"


def test_missing_values_are_found() -> None:
    with pytest.raises(WeightingError, match="a value is missing") as caught:
        auxiliary_of(DATA.assign(age=[20, np.nan, 40, 50]), {"age": 3500})
    assert "row 2, column age" in str(caught.value)
    with pytest.raises(WeightingError, match="got: missing"):
        auxiliary_of(DATA.assign(sex=["f", None, "f", "m"]), {"sex": {"f": 60, "m": 40}})


def test_a_level_of_nobody_needs_no_row() -> None:
    auxiliary, targets = auxiliary_of(DATA, {"sex": {"f": 60, "m": 40, "x": 0}})
    assert auxiliary.names == ["sex=f", "sex=m", "sex=x"]
    assert targets[2] == 0
