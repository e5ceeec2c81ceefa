import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.estimation import SurveyDesign, contrast, difference, estimate_mean, estimate_total
from spi_analysis.survey.estimation.result import make_table, t_interval


@pytest.mark.parametrize(
    ("df", "level", "quantile"), [(10, 0.95, 2.228138852), (30, 0.90, 1.697260887), (np.inf, 0.95, 1.959963985)]
)
def test_interval_uses_the_table_of_t(df: float, level: float, quantile: float) -> None:
    low, high = t_interval(np.array([50.0]), np.array([2.0]), np.array([df]), level)
    assert (low[0], high[0]) == pytest.approx((50 - 2 * quantile, 50 + 2 * quantile), abs=1e-8)


def test_no_variability_is_a_point_and_no_df_is_no_interval() -> None:
    low, high = t_interval(np.full(4, 50.0), np.array([0.0, 0.0, 1.0, 0.0]), np.array([3.0, 0.0, 0.0, -1.0]), 0.95)
    assert (low[0], high[0]) == (50, 50)
    assert np.isnan([low[1:], high[1:]]).all()


def test_one_answer_has_no_interval_but_a_census_of_one_has() -> None:
    """Strata of one unit: c stands for itself, d for four; a and b are two of ten."""
    data = pd.DataFrame(
        {"h": list("aacd"), "N": [10, 10, 1, 4], "w": [5.0, 5, 1, 4], "y": [2.0, 4, 9, 7], "g": list("pprq")}
    )
    design = SurveyDesign(data, "w", stratum="h", pop_size="N", lonely_psu="certainty")
    for table in (estimate_mean(design, "y", by="g").table, estimate_total(design, "y", by="g").table):
        assert table["df_design"].tolist() == [1, 0, 0]
        assert table["se"].tolist()[1:] == [0, 0]
        assert np.isnan(table.loc[1, ["ci_low", "ci_high"]].astype(float)).all(), "one answer that stands for four"
        assert table.loc[2, ["ci_low", "ci_high"]].tolist() == [table["estimate"][2]] * 2
    means = estimate_mean(design, "y", by="g")
    twice = contrast(means, {"census": {2: 2.0}, "one answer": {1: 2.0}}).table
    assert twice["ci_low"].tolist() == pytest.approx([18, np.nan], nan_ok=True)
    apart = difference(means, means).table
    assert apart["ci_low"].isna().tolist() == [False, True, False]


def test_rounding_below_zero_is_no_variance() -> None:
    table = make_table(
        pd.DataFrame({"variable": ["x"]}), np.ones(1), np.array([[-1e-20]]), np.ones(1), np.ones(1), 0.95
    )
    assert table["se"][0] == 0.0
