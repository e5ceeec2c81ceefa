"""Means, totals, ratios and shares: by hand and as they must hang together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import (
    SurveyDesign,
    estimate_mean,
    estimate_proportion,
    estimate_ratio,
    estimate_total,
)

DATA = pd.DataFrame(
    {
        "w": [2.0, 2, 3, 3],
        "y": [1.0, 3, 4, 6],
        "x": [1.0, 2, 2, 4],
        "unit": ["a", "b", "a", "b"],
        "sex": ["f", "f", "m", None],
        "gap": [1.0, np.nan, 4, np.nan],
    }
)
DESIGN = SurveyDesign(DATA, "w")


def one(estimate) -> pd.Series:
    assert len(estimate.table) == 1
    return estimate.table.iloc[0]


def test_mean_total_and_ratio_by_hand() -> None:
    assert one(estimate_total(DESIGN, "y"))["estimate"] == 2 + 6 + 12 + 18
    assert one(estimate_mean(DESIGN, "y"))["estimate"] == 38 / 10
    assert one(estimate_ratio(DESIGN, "y", "x"))["estimate"] == 38 / 24


def test_error_of_a_total_and_a_ratio_by_hand() -> None:
    """With replacement: 4/3 sum (z - zbar)**2; z = wy for the total, w(y - Rx)/24 for the ratio (zbar = 0)."""
    z = np.array([2.0, 6, 12, 18])
    assert one(estimate_total(DESIGN, "y"))["se"] ** 2 == pytest.approx(4 / 3 * ((z - 9.5) ** 2).sum())
    r = DATA["w"] * (DATA["y"] - 38 / 24 * DATA["x"]) / 24
    assert one(estimate_ratio(DESIGN, "y", "x"))["se"] ** 2 == pytest.approx(4 / 3 * (r**2).sum())


def test_missing_values_are_outside_the_domain_of_that_variable_only() -> None:
    table = estimate_mean(DESIGN, ["y", "gap"]).table
    assert table["n"].tolist() == [4, 2]
    assert table["estimate"].tolist() == pytest.approx([3.8, (2 * 1 + 3 * 4) / 5])


def test_domains_are_sorted_and_complete() -> None:
    table = estimate_mean(DESIGN, "y", by="unit").table
    assert table[["unit", "estimate", "n"]].values.tolist() == [["a", 14 / 5, 2], ["b", 24 / 5, 2]]
    two = estimate_total(DESIGN, "y", by=["unit", "sex"]).table
    assert two[["unit", "sex"]].values.tolist() == [["a", "f"], ["a", "m"], ["b", "f"]], "a missing sex is no domain"


def test_domain_totals_add_up_with_their_errors() -> None:
    parts, whole = estimate_total(DESIGN, "y", by="unit"), one(estimate_total(DESIGN, "y"))
    assert parts.table["estimate"].sum() == pytest.approx(whole["estimate"])
    assert parts.covariance.sum() == pytest.approx(whole["se"] ** 2), "the covariance between domains is part of it"


def test_ratio_of_every_numerator_with_every_denominator() -> None:
    names = estimate_ratio(DESIGN, ["y", "x"], ["w", "y"]).table["variable"].tolist()
    assert names == ["y/w", "x/w", "y/y", "x/y"]


def test_shares_of_all_categories_sum_to_one() -> None:
    table = estimate_proportion(DESIGN, "sex").table
    assert table[["category", "estimate"]].values.tolist() == [["f", 4 / 7], ["m", 3 / 7]]
    assert table["se"][0] == pytest.approx(table["se"][1])


def test_shares_of_true_and_false() -> None:
    flagged = DESIGN.with_columns(pd.DataFrame({"high": DATA["y"] > 3}))
    assert estimate_proportion(flagged, "high").table["estimate"].tolist() == pytest.approx([0.4, 0.6])


def test_empty_domain_of_a_variable_is_missing_and_spoils_no_other() -> None:
    table = estimate_mean(DESIGN, ["gap", "y"], by="unit").table
    gone = table[(table["variable"] == "gap") & (table["unit"] == "b")].iloc[0]
    assert gone["n"] == 0
    assert np.isnan(gone[["estimate", "se", "ci_low"]].to_numpy(dtype=float)).all()
    assert table[table["variable"] == "y"]["se"].notna().all()


@given(seed=st.integers(0, 200))
def test_equal_weights_under_srs_have_deff_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"y": rng.normal(70, 12, 40), "w": 5.0, "N": 200})
    without = one(estimate_mean(SurveyDesign(data, "w", pop_size="N"), "y", deff=True))
    assert without["deff"] == pytest.approx(1, rel=1e-9)
    replaced = one(estimate_mean(SurveyDesign(data, "w"), "y", deff="replace"))
    assert replaced["deff"] == pytest.approx(1, rel=1e-9)


@given(seed=st.integers(0, 200), factor=st.floats(0.1, 10), shift=st.floats(-100, 100))
def test_estimates_follow_scale_and_shift(seed: int, factor: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"y": rng.normal(0, 1, 15), "w": rng.uniform(1, 4, 15), "h": [0, 1, 2] * 5})
    first, second = (
        one(estimate_mean(SurveyDesign(d, "w", stratum="h"), "y"))
        for d in (data, data.assign(y=data["y"] * factor + shift, w=data["w"] * factor))
    )
    assert second["estimate"] == pytest.approx(first["estimate"] * factor + shift, rel=1e-9, abs=1e-9)
    assert second["se"] == pytest.approx(first["se"] * factor, rel=1e-7)


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: estimate_mean(DESIGN, "yy"), ["a column is missing", "did you mean 'y'?"]),
        (lambda: estimate_mean(DESIGN, "unit"), ["not a number", "column unit", "estimate_proportion"]),
        (lambda: estimate_mean(DESIGN, "y", by="units"), ["did you mean 'unit'?"]),
        (lambda: estimate_proportion(DESIGN, "sexx"), ["did you mean 'sex'?"]),
        (lambda: estimate_proportion(DESIGN, "sex", interval="wilsen"), ["unknown interval", "did you mean 'wilson'?"]),
        (lambda: estimate_mean(DESIGN.subset(DATA["y"] > 5), "y", by="sex"), ["no domain", "column sex"]),
        (lambda: estimate_proportion(DESIGN.subset(DATA["y"] > 5), "sex"), ["nobody in the domain", "column sex"]),
        (
            lambda: estimate_proportion(SurveyDesign(DATA.assign(sex=np.nan), "w"), ["unit", "sex"]),
            ["nobody in the domain has a value", "column sex"],
        ),
    ],
)
def test_errors_name_column_and_nearest(call, parts: list[str]) -> None:
    with pytest.raises(EstimationError) as caught:
        call()
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_no_domain_columns_are_one_domain() -> None:
    pd.testing.assert_frame_equal(estimate_mean(DESIGN, "y", by=[]).table, estimate_mean(DESIGN, "y").table)


@pytest.mark.parametrize("name", ["variable", "estimate", "se", "n", "category"])
def test_domain_column_named_as_a_result_is_refused_and_not_overwritten(name: str) -> None:
    with pytest.raises(EstimationError, match="name of a column of the result") as caught:
        estimate_mean(SurveyDesign(DATA.rename(columns={"sex": name}), "w"), "y", by=["unit", name])
    assert f"column {name}" in str(caught.value)
    assert "rename it first" in str(caught.value)


def test_nullable_numbers_are_numbers() -> None:
    nullable = DATA.assign(y=DATA["y"].astype("Float64").mask(DATA.index == 1))
    plain = DATA.assign(y=DATA["y"].mask(DATA.index == 1))
    pd.testing.assert_frame_equal(
        *(estimate_mean(SurveyDesign(data, "w"), "y", by="sex").table for data in (nullable, plain))
    )
