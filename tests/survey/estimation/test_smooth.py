"""Smooth functions by the delta method, and differences of independent estimates."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import (
    Estimate,
    ReplicateDesign,
    SurveyDesign,
    contrast,
    difference,
    estimate_mean,
    smooth_contrast,
)
from spi_analysis.survey.estimation.result import make_table


def estimate(values: list[float], covariance: list[list[float]], df: float = 9.0) -> Estimate:
    k = len(values)
    labels = pd.DataFrame({"variable": [f"v{i}" for i in range(k)]})
    matrix = np.array(covariance, dtype=float)
    table = make_table(labels, np.array(values), matrix, np.full(k, df), np.full(k, 10), 0.95)
    return Estimate(table, matrix, 0.95)


def test_log_and_product_by_hand() -> None:
    """d log(a)/da = 1/a: SE 0.5/2; d(ab) = (b, a): variance 9*0.25 + 2*6*0.1 + 4*1."""
    given = estimate([2.0, 3.0], [[0.25, 0.1], [0.1, 1.0]])
    table = smooth_contrast(given, {"log": lambda m: np.log(m[0]), "product": lambda m: m[0] * m[1]}).table
    assert table["estimate"].tolist() == pytest.approx([np.log(2), 6])
    assert (table["se"] ** 2).tolist() == pytest.approx([0.0625, 9 * 0.25 + 2 * 6 * 0.1 + 4])


def test_a_linear_function_is_a_contrast() -> None:
    given = estimate([2.0, 3.0], [[0.25, 0.1], [0.1, 1.0]])
    smooth, linear = smooth_contrast(given, lambda m: 3 * m[0] - m[1]), contrast(given, {0: 3.0, 1: -1.0})
    pd.testing.assert_frame_equal(smooth.table, linear.table)


def test_in_replicates_the_function_itself_is_taken() -> None:
    data = pd.DataFrame({"w": 1.0, "a": [1.0, 2, 3], "b": [4.0, 4, 5]})
    weights = np.array([[2.0, 0], [0, 2], [1, 1]])
    design = ReplicateDesign(data, "w", weights, "other", scale=0.5)
    found = smooth_contrast(estimate_mean(design, ["a", "b"]), lambda m: m[0] / m[1], design)
    ratios = [(2 * 1 + 3) / (2 * 4 + 5), (2 * 2 + 3) / (2 * 4 + 5)]
    assert found.replicates.ravel().tolist() == pytest.approx(ratios)
    assert found.table["se"].iloc[0] ** 2 == pytest.approx(0.5 * sum((r - 6 / 13) ** 2 for r in ratios))


def test_difference_of_two_rounds_by_hand() -> None:
    """SE 3 and 4 give 5; Satterthwaite: 625 / (81/9 + 256/16)."""
    table = difference(estimate([10.0], [[9]], df=9), estimate([4.0], [[16]], df=16)).table
    assert table[["estimate", "se"]].iloc[0].tolist() == [6, 5]
    assert table["df_design"].iloc[0] == pytest.approx(625 / (81 / 9 + 256 / 16))


def test_only_like_is_compared_with_like() -> None:
    with pytest.raises(EstimationError, match="not of the same rows"):
        difference(estimate([1.0], [[1]]), estimate([1.0, 2.0], [[1, 0], [0, 1]]))


@pytest.mark.parametrize("function", [lambda m: max(float(m[0]), 1.0), lambda m: np.abs(m[0])])
def test_what_has_no_derivative_is_refused(function) -> None:
    with pytest.raises(EstimationError, match="cannot be differentiated"):
        smooth_contrast(estimate([2.0], [[1]]), function)


def test_a_constant_has_no_error() -> None:
    assert smooth_contrast(estimate([2.0], [[1]]), lambda m: 7.0).table["se"].iloc[0] == 0


def test_no_replicates_to_evaluate_in() -> None:
    data = pd.DataFrame({"w": 1.0, "a": [1.0, 2]})
    with pytest.raises(EstimationError, match="no replicates"):
        smooth_contrast(
            estimate_mean(SurveyDesign(data, "w"), "a"),
            lambda m: m[0],
            ReplicateDesign(data, "w", np.ones((2, 2)), "bootstrap"),
        )
