import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError
from spi_analysis.survey import crosstab, estimate_proportion, estimate_regression
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_mean
from spi_analysis.survey.estimation.design_inputs import usable_weights
from spi_analysis.survey.groups import require_columns


def test_missing_column_names_the_nearest() -> None:
    with pytest.raises(EstimationError, match="a column is missing") as caught:
        require_columns(pd.DataFrame({"weight": [1.0]}), ["wieght"], EstimationError)
    assert "column wieght" in str(caught.value)
    assert "did you mean 'weight'?" in str(caught.value)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_unusable_weight_names_row_and_column(bad: float) -> None:
    with pytest.raises(EstimationError, match="missing or negative") as caught:
        usable_weights(pd.DataFrame({"w": [0.0, 1.0, bad]}), "w")
    assert "row 3, column w" in str(caught.value)


EMPTY = pd.DataFrame({"w": pd.Series(dtype=float), "y": pd.Series(dtype=float)})
TWO = pd.DataFrame({"w": 1.0, "y": [1.0, 2.0], "name": ["a", "b"], "huge": [1.0, np.inf]})


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: SurveyDesign(EMPTY, "w"), "no rows"),
        (lambda: SurveyDesign(TWO, "name"), "not a number"),
        (lambda: estimate_mean(SurveyDesign(TWO, "w"), []), "no variable"),
        (lambda: estimate_mean(SurveyDesign(TWO, "w"), "huge"), "infinite"),
        (lambda: estimate_mean(SurveyDesign(TWO, "w"), "y", level=95), "out of range"),
        (lambda: estimate_mean(SurveyDesign(TWO, "w"), "y", level=0), "out of range"),
        (lambda: ReplicateDesign(TWO, "w", np.array([[1.0], [np.nan]])), "replicate weight is missing"),
        (lambda: ReplicateDesign(TWO, "w", np.ones((2, 3)), "other", scale=-1.0), "not positive"),
    ],
)
def test_what_no_estimate_can_come_from_is_refused(call, part: str) -> None:
    with pytest.raises(EstimationError, match=part):
        call()


@pytest.mark.parametrize(
    "estimate",
    [
        lambda table: estimate_mean(table, "y"),
        lambda table: estimate_proportion(table, "y"),
        lambda table: crosstab(table, "y", "name"),
        lambda table: estimate_regression(table, "y ~ w"),
    ],
)
def test_a_table_is_no_design(estimate) -> None:
    with pytest.raises(EstimationError, match="this is no design") as caught:
        estimate(TWO)
    assert "got: DataFrame" in str(caught.value)
