import numpy as np
import pandas as pd
import pytest

from spi_analysis.estimation.result import make_table, t_interval


@pytest.mark.parametrize(
    ("df", "level", "quantile"), [(10, 0.95, 2.228138852), (30, 0.90, 1.697260887), (np.inf, 0.95, 1.959963985)]
)
def test_interval_uses_the_table_of_t(df: float, level: float, quantile: float) -> None:
    low, high = t_interval(np.array([50.0]), np.array([2.0]), np.array([df]), level)
    assert (low[0], high[0]) == pytest.approx((50 - 2 * quantile, 50 + 2 * quantile), abs=1e-8)


def test_certain_estimate_is_a_point_and_no_df_is_no_interval() -> None:
    low, high = t_interval(np.array([50.0, 50.0]), np.array([0.0, 1.0]), np.array([0.0, 0.0]), 0.95)
    assert (low[0], high[0]) == (50, 50)
    assert np.isnan([low[1], high[1]]).all()


def test_rounding_below_zero_is_no_variance() -> None:
    table = make_table(
        pd.DataFrame({"variable": ["x"]}), np.ones(1), np.array([[-1e-20]]), np.ones(1), np.ones(1), 0.95
    )
    assert table["se"][0] == 0.0
