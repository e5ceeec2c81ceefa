import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import groups_of


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
