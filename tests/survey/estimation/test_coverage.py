"""The summary of a simulation, counted by hand."""

import pandas as pd
import pytest

from spi_analysis.survey.estimation.interval_coverage import coverage_summary

RUNS = pd.DataFrame(
    {
        "measure": ["score"] * 4 + ["index"],
        "truth": 50.0,
        "estimate": [48.0, 50, 53, 57, 50],
        "se": [2.0, 2, 2, 4, 1],
        "ci_low": [44.0, 46, 51, 49, 48],
        "ci_high": [52.0, 54, 59, 65, 52],
        "n": [10, 20, 30, 40, 5],
    }
)


def test_summary_by_hand() -> None:
    row = coverage_summary(RUNS, ["measure"]).set_index("measure").loc["score"]
    assert (row["runs"], row["n"]) == (4, 25)
    assert row["bias"] == pytest.approx((-2 + 0 + 3 + 7) / 4)
    assert row["sd"] ** 2 == pytest.approx((16 + 4 + 1 + 25) / 3), "errors -2, 0, 3, 7 around their mean 2"
    assert (row["se"], row["width"]) == (2.5, 10)
    assert row["coverage"] == 0.75, "51 to 59 misses the truth"
    assert row["coverage_error"] == pytest.approx((0.75 * 0.25 / 4) ** 0.5)


def test_groups_keep_their_order() -> None:
    assert coverage_summary(RUNS, ["measure"])["measure"].tolist() == ["score", "index"]


def test_a_run_without_an_interval_covers_nothing() -> None:
    broken = RUNS.assign(ci_low=RUNS["ci_low"].where(RUNS["estimate"] != 48))
    assert coverage_summary(broken, ["measure"])["coverage"].tolist() == [0.5, 1.0]


def test_a_run_without_an_estimate_is_counted_and_nothing_else() -> None:
    lost = RUNS.assign(estimate=RUNS["estimate"].where(RUNS["estimate"] != 57))
    row = coverage_summary(lost, ["measure"]).set_index("measure").loc["score"]
    assert (row["runs"], row["without_estimate"], row["n"]) == (3, 1, 20)
    assert row["bias"] == pytest.approx((-2 + 0 + 3) / 3)
    assert coverage_summary(RUNS, ["measure"])["without_estimate"].tolist() == [0, 0]


def test_a_group_without_any_estimate_keeps_its_row_and_place() -> None:
    lost = RUNS.assign(estimate=RUNS["estimate"].where(RUNS["measure"] == "index"), unweighted=49.0)
    table = coverage_summary(lost, ["measure"])
    assert table[["measure", "runs", "without_estimate"]].values.tolist() == [["score", 0, 4], ["index", 1, 0]]
    assert table["coverage"].isna().tolist() == [True, False]
    assert table["rmse_unweighted"].isna().tolist() == [True, False]
