import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.inputs import require_columns, usable_weights


def test_missing_column_names_the_nearest() -> None:
    with pytest.raises(EstimationError, match="a column is missing") as caught:
        require_columns(pd.DataFrame({"weight": [1.0]}), ["wieght"])
    assert "column wieght" in str(caught.value)
    assert "did you mean 'weight'?" in str(caught.value)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_unusable_weight_names_row_and_column(bad: float) -> None:
    with pytest.raises(EstimationError, match="missing or negative") as caught:
        usable_weights(pd.DataFrame({"w": [0.0, 1.0, bad]}), "w")
    assert "row 3, column w" in str(caught.value)
