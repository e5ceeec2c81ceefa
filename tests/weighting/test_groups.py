import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.groups import groups_of, require_columns, weights_of


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


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_unusable_weight_names_row_and_value(bad: float) -> None:
    with pytest.raises(WeightingError, match="missing or negative") as caught:
        weights_of(pd.DataFrame({"w": [1.0, bad]}), "w")
    assert "row 2, column w" in str(caught.value)


def test_missing_column_names_the_nearest() -> None:
    with pytest.raises(WeightingError, match="did you mean 'age_group'"):
        require_columns(pd.DataFrame({"age_group": [1]}), ["agegroup"])
