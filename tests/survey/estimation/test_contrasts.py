"""Linear combinations with the covariance between their parts."""

import warnings

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
)
from spi_analysis.survey.estimation.contrasts import SameSampleWarning
from spi_analysis.survey.estimation.result import make_table


def made(values: list[float], covariance: list[list[float]], df: list[float], n: list[int]) -> Estimate:
    matrix = np.array(covariance)
    labels = pd.DataFrame({"variable": [f"v{i}" for i in range(len(values))]})
    return Estimate(make_table(labels, np.array(values), matrix, np.array(df), np.array(n), 0.95), matrix, 0.95)


THREE = made([10.0, 7.0, 1.0], [[4, 1, 0], [1, 2, 0], [0, 0, 9]], [20, 12, 5], [30, 25, 8])


def test_difference_by_hand() -> None:
    row = contrast(THREE, {0: 1.0, 1: -1.0}).table.iloc[0]
    assert row["estimate"] == 3
    assert row["se"] ** 2 == pytest.approx(4 + 2 - 2 * 1)
    assert (row["df_design"], row["n"]) == (12, 30), "the smallest df and the largest n of those that take part"


def test_several_named_combinations_share_a_covariance() -> None:
    result = contrast(THREE, {"sum": {0: 1.0, 1: 1.0}, "third": {-1: 2.0}})
    assert result.table["variable"].tolist() == ["sum", "third"]
    assert result.table["estimate"].tolist() == [17, 2]
    assert result.covariance.tolist() == [[8, 0], [0, 36]]


def test_a_matrix_does_the_same() -> None:
    by_matrix = contrast(THREE, np.array([[1.0, -1, 0]]))
    assert by_matrix.table["se"][0] == contrast(THREE, {0: 1.0, 1: -1.0}).table["se"][0]


def test_a_missing_row_spoils_only_what_uses_it() -> None:
    gap = made([10.0, np.nan, 1.0], [[4, np.nan, 0], [np.nan] * 3, [0, np.nan, 9]], [20, 0, 5], [30, 0, 8])
    table = contrast(gap, {"without": {0: 1.0, 2: 1.0}, "with": {0: 1.0, 1: 1.0}}).table
    assert table["estimate"][0] == 11
    assert table["se"][0] ** 2 == pytest.approx(13)
    assert table.loc[1, ["estimate", "se"]].isna().all()


def test_a_combination_of_nothing_is_zero() -> None:
    row = contrast(THREE, {0: 0.0}).table.iloc[0]
    assert (row["estimate"], row["se"], row["df_design"], row["n"]) == (0, 0, 0, 0)


def test_replicates_are_combined_too() -> None:
    data = pd.DataFrame({"y": [1.0, 2, 6], "x": [2.0, 2, 5], "w": 1.0})
    values = np.array([[0, 1.5, 1.5], [1.5, 0, 1.5], [1.5, 1.5, 0]])
    means = estimate_mean(ReplicateDesign(data, "w", values, "jk1"), ["y", "x"])
    assert contrast(means, {0: 1.0, 1: -1.0}).replicates[:, 0].tolist() == pytest.approx([0.5, 0, -0.5])


def test_difference_of_two_variables_is_the_mean_of_their_difference() -> None:
    data = pd.DataFrame({"y": [1.0, 2, 6, 4], "x": [2.0, 2, 5, 9], "w": [1.0, 2, 3, 4]})
    design = SurveyDesign(data.assign(d=data["y"] - data["x"]), "w")
    ours = contrast(estimate_mean(design, ["y", "x"]), {0: 1.0, 1: -1.0}).table.iloc[0]
    theirs = estimate_mean(design, "d").table.iloc[0]
    assert (ours["estimate"], ours["se"]) == pytest.approx((theirs["estimate"], theirs["se"]))


@pytest.mark.parametrize(
    ("weights", "parts"),
    [({3: 1.0}, ["names no row", "got: 3", "0 to 2"]), (np.ones((1, 2)), ["another length", "got: 2", "3 columns"])],
)
def test_rows_that_are_not_there_are_named(weights, parts: list[str]) -> None:
    with pytest.raises(EstimationError) as caught:
        contrast(THREE, weights)
    assert all(part in str(caught.value) for part in parts)


def test_a_row_that_is_named_is_answered_with_the_numbers_of_the_rows() -> None:
    for weights in ({"female": 1.0}, {"women - men": {"female": 1.0, "male": -1.0}}):
        with pytest.raises(EstimationError, match="names no row") as caught:
            contrast(THREE, weights)
        assert "got: female" in str(caught.value)
        assert "0 (v0), 1 (v1), 2 (v2)" in str(caught.value)


def test_one_sample_weighted_twice_is_compared_replicate_by_replicate() -> None:
    """Scores 1, 2, 3; without one person the means are 2.5, 2, 1.5, and with the third counted twice 8/3, 7/3, 1.5.

    The differences 1/6, 1/3, 0 about 2.25 - 2: ``2/3 (1/144 + 1/144 + 1/16) = 11/216``.
    """
    people = pd.DataFrame({"w": 1.0, "v": [1.0, 1.0, 2.0], "score": [1, 2, 3]})
    drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]])
    before = ReplicateDesign(people, "w", drop_one, method="jk1")
    after = ReplicateDesign(people, "v", drop_one * people["v"].to_numpy()[:, None], method="jk1")
    both = estimate_mean(after, "score"), estimate_mean(before, "score")
    change = difference(*both, before)
    assert change.table["estimate"].tolist() == pytest.approx([0.25])
    assert change.covariance.item() == pytest.approx(11 / 216)
    assert difference(*both).covariance.item() > change.covariance.item(), "as if they were two samples"
    with pytest.raises(EstimationError, match="replicates of the design"):
        difference(THREE, THREE, before)


def test_two_estimates_of_one_sample_are_told_from_those_of_two() -> None:
    """The means of a score and of the score plus a little noise share their sample; those of other weights do not."""
    rng = np.random.default_rng(3)
    people = pd.DataFrame({"w": 1.0, "score": rng.normal(size=200)})
    people["noisy"] = people["score"] + 0.2 * rng.normal(size=200)
    designs = [ReplicateDesign(people, "w", rng.exponential(size=(200, 60)), "bootstrap") for _ in range(2)]
    one, other = (estimate_mean(design, "score") for design in designs)
    noisy = estimate_mean(designs[0].with_columns(people["noisy"].rename("score")), "score")
    with pytest.warns(SameSampleWarning, match="design=..."):
        difference(noisy, one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        difference(noisy, one, designs[0])
        difference(other, one)


@pytest.mark.parametrize(
    "ask", [lambda e: contrast(e.table, {0: 1.0}), lambda e: difference(e, e.table), lambda e: contrast(None, [1.0])]
)
def test_what_is_no_estimate_is_refused_in_words(ask) -> None:
    with pytest.raises(EstimationError, match="this is no estimate"):
        ask(THREE)


def test_a_list_of_weights_is_one_combination() -> None:
    assert contrast(THREE, [1, -1, 0]).table["estimate"].tolist() == [3.0]
