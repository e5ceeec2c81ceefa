"""Margins that differ: by rounding they are one population for every method, else refused, or scaled if asked for."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import WeightingError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.survey.weighting import Calibrate, Rake, apply_recipe, calibrate, jackknife_replicates, rake
from spi_analysis.survey.weighting.bootstrap import bootstrap_plan
from spi_analysis.survey.weighting.bootstrap_sums import raked_replicates

PEOPLE = pd.DataFrame({"sex": [*"ffffmmmm"] * 3, "age": [*"yoyyoyoo"] * 3, "w": 1e5, "disposition": "I"})
PEOPLE = PEOPLE.assign(base_weight=PEOPLE["w"], N=48)

Totals = dict[str, dict[str, float]]
Way = Callable[[Totals, bool], np.ndarray]


def margins(first: float, second: float) -> Totals:
    return {"sex": {"f": 0.6 * first, "m": 0.4 * first}, "age": {"y": 0.45 * second, "o": 0.55 * second}}


def by_design(design: SurveyDesign | ReplicateDesign, totals: Totals, scale: bool) -> np.ndarray:
    return design.calibrated(totals, scale_margins=scale).weights


def jackknifed() -> ReplicateDesign:
    return ReplicateDesign(PEOPLE, "w", jackknife_replicates(PEOPLE, "w").values, "jk1")


WAYS: dict[str, Way] = {
    "rake": lambda t, s: rake(PEOPLE, "w", t, scale_margins=s).to_numpy(),
    "linear": lambda t, s: calibrate(PEOPLE, "w", t, scale_margins=s).to_numpy(),
    "raking": lambda t, s: calibrate(PEOPLE, "w", t, "raking", scale_margins=s).to_numpy(),
    "logit": lambda t, s: calibrate(PEOPLE, "w", t, "logit", (0.01, 1e4), scale_margins=s).to_numpy(),
    "step Rake": lambda t, s: apply_recipe(PEOPLE, [Rake(t, scale_margins=s)]).weight.to_numpy(),
    "step Calibrate": lambda t, s: apply_recipe(PEOPLE, [Calibrate(t, scale_margins=s)]).weight.to_numpy(),
    "replicates": lambda t, s: (
        raked_replicates(bootstrap_plan(PEOPLE, "w", pop_size="N"), PEOPLE, t, scale_margins=s).main
    ),
    "design": lambda t, s: by_design(SurveyDesign(PEOPLE, "w"), t, s),
    "design with replicates": lambda t, s: by_design(jackknifed(), t, s),
}


def shares(weights: np.ndarray) -> list[float]:
    """Sum, share of women, share of the young."""
    parts = [weights.sum(), weights[PEOPLE["sex"] == "f"].sum(), weights[PEOPLE["age"] == "y"].sum()]
    return [parts[0], parts[1] / parts[0], parts[2] / parts[0]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("second", [100_000_001, 99_999_995, 1e8 * (1 + 1e-15)])
def test_sums_that_differ_by_rounding_are_one_population(way: str, second: float) -> None:
    """60 % women, 45 % young, 100 million people, whoever counted one more in a table by age."""
    found = shares(WAYS[way](margins(100_000_000, second), False))
    assert found == pytest.approx([100_000_000, 0.6, 0.45], rel=1e-9)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("second", [100_000_100, 103_000_000])
def test_sums_that_differ_more_are_refused_or_scaled_if_asked(way: str, second: float) -> None:
    with pytest.raises(WeightingError, match="the margins disagree") as caught:
        WAYS[way](margins(100_000_000, second), False)
    (problem,) = caught.value.problems
    assert problem.got == f"sex: 100,000,000, age: {second:,}"
    assert "1e-07" in problem.expected
    assert problem.hint == "scale_margins=True brings them to the total of sex"
    assert shares(WAYS[way](margins(100_000_000, second), True)) == pytest.approx([100_000_000, 0.6, 0.45], rel=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_other_people_are_not_scaled(way: str) -> None:
    with pytest.raises(WeightingError, match="the margins disagree") as caught:
        WAYS[way](margins(100, 110), True)
    assert "a relative difference of 0.05 at most" in str(caught.value)
    assert "scale_margins" not in str(caught.value), "asked for already"


def test_the_intercept_decides_where_it_is_given() -> None:
    totals = {**margins(99, 101), "(intercept)": 100.0}
    assert shares(calibrate(PEOPLE, "w", totals, scale_margins=True).to_numpy()) == pytest.approx([100, 0.6, 0.45])
    with pytest.raises(WeightingError, match=r"the total of \(intercept\)"):
        calibrate(PEOPLE, "w", totals)


def test_totals_of_numbers_stay_as_they_are() -> None:
    people = PEOPLE.assign(x=np.arange(24.0))
    weights = calibrate(people, "w", {**margins(100, 102), "x": 1200}, scale_margins=True)
    assert float(weights @ people["x"]) == pytest.approx(1200)


@pytest.mark.parametrize("step", [Rake, Calibrate])
def test_the_report_says_what_was_scaled(step: type[Rake] | type[Calibrate]) -> None:
    def said(second: float, scale: bool) -> list[str]:
        return list(
            apply_recipe(PEOPLE, [step(margins(1e8, second), scale_margins=scale)]).report.table["done"].iloc[1]
        )

    assert said(100_000_001, False) == [
        "margin age (sum 100,000,001) scaled by 0.99999999 to the 100,000,000 of sex"
    ], "100,000,000 / 100,000,001"
    assert said(102_000_000, True) == ["margin age (sum 102,000,000) scaled by 0.9803921569 to the 100,000,000 of sex"]
    assert said(1e8, True) == [], "nothing was scaled"
    assert said(1e8 * (1 + 2e-16), False) == [], "the last digit of a sum is no difference to speak of"


@pytest.mark.parametrize(("first", "second"), [(0.0, 5.0), (5.0, 0.0)])
def test_an_empty_population_agrees_with_no_other(first: float, second: float) -> None:
    with pytest.raises(WeightingError, match="the margins disagree"):
        rake(PEOPLE, "w", margins(first, second), scale_margins=True)
