"""Every step of a recipe by hand, in the sample and in its replicates."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import (
    Assert,
    Calibrate,
    DropIneligible,
    Merged,
    PostStratify,
    Potter,
    Rake,
    ReplicateWeights,
    Step,
    Trim,
    TrimFixed,
    TrimRatio,
    UnknownEligibility,
    Weighted,
    WeightingClasses,
    apply_recipe,
    calibrate,
    post_stratify,
)

SIX = pd.DataFrame(
    {
        "unit": ["a", "a", "b", "b", "b", "b"],
        "sex": ["f", "m", "f", "f", "m", "m"],
        "age": [20.0, 30, 40, 50, 60, 70],
        "y": [1.0, 2, 3, 4, 5, 9],
        "base_weight": [2.0, 2, 3, 3, 3, 7],
        "disposition": "I",
    }
)
UNITS = {"a": 6.0, "b": 14.0}


def applied(*steps: Step, people: pd.DataFrame = SIX, drawn: np.ndarray | None = None) -> Weighted:
    """The recipe on people, with replicates that draw them so many times (n, R)."""
    made = None
    if drawn is not None:
        values = people["base_weight"].to_numpy()[:, None] * drawn
        made = ReplicateWeights(values, 1.0, np.ones(values.shape[1]), "bootstrap")
    return apply_recipe(people, steps, replicates=made)


def test_post_stratification_by_hand() -> None:
    weighted = applied(PostStratify("unit", UNITS), drawn=np.array([[1.0], [2], [1], [1], [0], [0]]))
    assert weighted.weight.tolist() == pytest.approx([3, 3, 2.625, 2.625, 2.625, 6.125]), "6 / 4 and 14 / 16"
    assert weighted.replicates.values[:, 0].tolist() == pytest.approx([2, 4, 7, 7, 0, 0]), "6 / 6 and 14 / 6"


def test_post_stratification_of_crossed_cells_merges_the_thin() -> None:
    totals = {("a", "f"): 4, ("a", "m"): 2, ("b", "f"): 5, ("b", "m"): 9}
    weighted = applied(PostStratify(("unit", "sex"), totals, min_respondents=2))
    expected = post_stratify(
        SIX.assign(cell=["a", "a", "f", "f", "m", "m"]), "base_weight", "cell", {"a": 6, "f": 5, "m": 9}
    )
    assert weighted.weight.tolist() == pytest.approx(expected.tolist()), "one man and one woman of a are one cell"
    assert weighted.report["merged"].iloc[1] == [Merged("unit x sex", ("a × f", "a × m"))]


def test_a_replicate_that_loses_a_cell_is_named() -> None:
    with pytest.raises(WeightingError, match="nobody with weight") as caught:
        applied(PostStratify("unit", UNITS), drawn=np.array([[1.0, 0], [1, 0], [1, 1], [1, 1], [1, 2], [1, 2]]))
    assert "step PostStratify (cal_weight), column unit, key a" in str(caught.value)
    assert "got: replicate 2" in str(caught.value)


@pytest.mark.parametrize(
    ("method", "bounds"), [("linear", None), ("linear", (0.3, 3)), ("raking", None), ("logit", (0.3, 3))]
)
def test_calibration_is_that_of_the_function_in_every_replicate(method: str, bounds: tuple | None) -> None:
    totals = {"unit": UNITS, "age": 950.0}
    drawn = np.array([[1.0, 2], [1, 1], [2, 1], [0, 1], [1, 1], [1, 0.5]])
    weighted = applied(Calibrate(totals, method, bounds), drawn=drawn)
    for k, values in enumerate([weighted.weight, *weighted.replicates.values.T]):
        times = 1.0 if k == 0 else drawn[:, k - 1]
        alone = calibrate(SIX.assign(w=SIX["base_weight"] * times), "w", totals, method, bounds)
        np.testing.assert_allclose(values, alone, rtol=1e-9)


def test_calibration_may_be_to_the_population_alone() -> None:
    assert applied(Calibrate({"(intercept)": 40})).weight.tolist() == (SIX["base_weight"] * 2).tolist()


def test_calibration_merges_thin_levels_and_leaves_out_those_without_weight() -> None:
    people = SIX.assign(disposition=["I", "R", "I", "I", "I", "NE"])
    weighted = applied(WeightingClasses("unit"), Calibrate({"unit": UNITS}, min_respondents=2), people=people)
    assert weighted.weight.sum() == pytest.approx(20), "a and b together"
    assert weighted.weight[1] == 0
    assert weighted.report["merged"].iloc[2] == [Merged("unit", ("a", "b"))]


def test_a_replicate_that_cannot_be_calibrated_is_named_with_the_bounds_it_needs() -> None:
    drawn = np.array([[1.0, 9], [1, 9], [1, 1], [1, 1], [1, 1], [1, 1]])
    with pytest.raises(WeightingError, match="in replicate 2") as caught:
        applied(Calibrate({"unit": UNITS}, "logit", (0.5, 2.0)), drawn=drawn)
    assert "step Calibrate (cal_weight), key unit=a" in str(caught.value)
    assert "the nearest that can meet all totals" in str(caught.value)


def test_fixed_limits_by_hand() -> None:
    weighted = applied(TrimFixed(upper=5), drawn=np.array([[1.0], [0], [0], [1], [1], [2]]))
    growth = 15 / 13
    assert weighted.weight.tolist() == pytest.approx([*(np.array([2, 2, 3, 3, 3]) * growth), 5])
    assert weighted.replicates.values[:, 0].tolist() == pytest.approx([3, 0, 0, 4.5, 4.5, 10]), "14 is two copies of 7"
    assert weighted.report["done"].iloc[1] == ["1 weights cut to 5 (fixed), 2 of 20 moved"]


def test_weights_that_differ_in_the_last_digit_are_not_reported_as_cut() -> None:
    """All weights are 1/3; after some arithmetic a third of them is a hair above the median, a third below."""
    sample = pd.DataFrame({"base_weight": 1 / 3 * (1 + np.array([0, 1, -1] * 5) * 3e-16), "disposition": "I"})
    for step in (TrimRatio(lower=1, upper=1), Trim(0.0)):
        (done,) = apply_recipe(sample, [step]).report["done"].iloc[1]
        assert done.startswith("no weight is above 0.3333"), done


def test_lower_limits_are_reported_too() -> None:
    report = applied(TrimFixed(lower=2.5)).report
    assert report["done"].iloc[1] == ["no weight is above inf (fixed)", "2 weights lifted to 2.5 (fixed)"]


@pytest.mark.parametrize(("of", "cap"), [("median", 4.5), ("mean", 5.0)])
def test_ratio_limits_are_multiples_of_the_centre(of: str, cap: float) -> None:
    weighted = applied(TrimRatio(upper=1.5, of=of))
    assert weighted.weight.max() == pytest.approx(cap), "median 3, mean 20 / 6"
    assert weighted.weight.sum() == pytest.approx(20)


def test_limits_that_cannot_hold_a_replicate_are_a_warning() -> None:
    """20 under a cap of 5 needs four people; the replicate has 21 on three copies of the heaviest."""
    weighted = applied(TrimFixed(upper=5), drawn=np.array([[0.0], [0], [0], [0], [0], [3]]))
    assert weighted.replicates.values[5, 0] == 21
    (warning,) = weighted.report.warnings
    assert warning == "TrimFixed: the limits cannot hold the sum in 1 replicates: nothing was cut there"


def test_a_cap_that_cannot_hold_the_sample_cuts_nothing_and_says_so() -> None:
    """Median 1 and no spread: the cap is 1, and three people cannot carry 10 under it."""
    people = pd.DataFrame({"base_weight": [1.0, 1, 1, 1, 8], "disposition": "I"})
    weighted = applied(Trim(3.0), people=people)
    assert weighted.weight.tolist() == [1, 1, 1, 1, 8]
    assert weighted.report.warnings == ["Trim: the limits cannot hold the sum in the sample: nothing was cut there"]


def test_potter_cuts_where_the_answers_allow_it_and_reports_its_gain() -> None:
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"y": rng.normal(size=300), "base_weight": rng.lognormal(1, 1, 300), "disposition": "I"})
    weighted = applied(Potter(("y",)), people=people)
    assert weighted.weight.max() < people["base_weight"].max() / 2
    assert weighted.weight.sum() == pytest.approx(people["base_weight"].sum())
    assert "estimated MSE 0." in weighted.report["done"].iloc[1][0]


def test_linear_weights_below_zero_are_a_warning() -> None:
    weighted = applied(Calibrate({"(intercept)": 20, "age": 1400}))
    assert (weighted.weight < 0).any()
    assert weighted.report.warnings == [f"Calibrate: {(weighted.weight < 0).sum()} weights are negative"]


def test_assert_changes_nothing_and_leaves_no_column() -> None:
    totals = {"unit": UNITS, "age": 955.0, "(intercept)": 20}
    checks = Assert(max_kish_deff=2, smallest=0.1, largest=9, max_ratio=50, min_cases=6, totals=totals)
    weighted = applied(Calibrate(totals), checks, drawn=np.ones((6, 1)))
    assert list(weighted.columns) == ["base_weight", "cal_weight"]
    assert weighted.report["column"].tolist() == ["base_weight", "cal_weight", "cal_weight"]
    assert weighted.report["done"].iloc[2] == ["holds: max_kish_deff, smallest, largest, max_ratio, min_cases, totals"]


def test_assert_names_everything_that_does_not_hold() -> None:
    checks = Assert(
        max_kish_deff=1.1, smallest=2.5, largest=5, max_ratio=3, min_cases=7, totals={"unit": UNITS, "age": 1000}
    )
    with pytest.raises(WeightingError) as caught:
        applied(checks)
    problems = {(p.what, p.column, p.key): p.got for p in caught.value.problems}
    assert problems == {
        ("Kish's design effect is too large", "", ""): "1.26",  # 6 * (4 + 4 + 9 + 9 + 9 + 49) / 20**2
        ("a weight is too small", "", ""): "2",
        ("a weight is too large", "", ""): "7",
        ("the weights are too far apart", "", ""): "3.5",
        ("too few have a weight", "", ""): "6",
        ("a total is missed in the sample", "unit", "a"): "4",
        ("a total is missed in the sample", "unit", "b"): "16",
        ("a total is missed in the sample", "age", ""): "1040",  # 40 + 60 + 120 + 150 + 180 + 490
    }


def test_assert_looks_into_the_replicates() -> None:
    with pytest.raises(WeightingError, match="a total is missed in replicate 2") as caught:
        applied(
            Assert(totals={"unit": {"a": 4, "b": 16}}),
            drawn=np.ones((6, 2)) + [0, 1] * (SIX[["unit"]] == "a").to_numpy(),
        )
    assert "key a" in str(caught.value)
    assert "got: 8" in str(caught.value)


@pytest.mark.parametrize(
    ("step", "parts"),
    [
        (Calibrate({"unit": UNITS}, "liner"), ["unknown method", "did you mean 'linear'?", "step Calibrate"]),
        (Calibrate({"agee": 3}), ["a column is missing", "did you mean 'age'?"]),
        (Calibrate({"unit": {"a": 6}}), ["levels in the sample that have no total", "got: b"]),
        (Calibrate({"unit": {**UNITS, "c": 3}}, min_respondents=0), ["without a row", "c (3)"]),
        (PostStratify("unitt", UNITS), ["did you mean 'unit'?", "step PostStratify"]),
        (PostStratify(("unit", "sex"), UNITS), ["does not name a cell"]),
        (PostStratify("unit", {"a": 6}), ["no total", "got: b"]),
        (TrimFixed(upper=3), ["cannot hold the sum", "a sum of 20", "step TrimFixed (trimmed_weight)"]),
        (TrimRatio(upper=3, of="medain"), ["unknown centre", "did you mean 'median'?"]),
        (Potter(("sex",)), ["an outcome is not a number", "column sex"]),
        (Potter(()), ["no outcome is given"]),
        (Potter(("base",)), ["a column is missing"]),
        (Assert(totals={"sexx": {"f": 1}}), ["did you mean 'sex'?", "step Assert"]),
    ],
)
def test_what_a_step_cannot_do_is_named_with_the_step(step: Step, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        applied(step)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_an_outcome_that_does_not_vary_is_refused() -> None:
    with pytest.raises(WeightingError, match="an outcome does not vary"):
        applied(Potter(("y",)), people=SIX.assign(y=3.0))


MIXED = pd.concat([SIX] * 6, ignore_index=True).assign(
    disposition=["I", "I", "R", "UO", "P", "NE"] * 3 + ["I", "NC", "I", "I", "P", "I"] * 3,
    base_weight=lambda t: t["base_weight"] * (1 + t.index % 5),
)
STEPS: dict[str, Step] = {
    "post-stratify": PostStratify("sex", {"f": 200.0, "m": 240.0}, column="next"),
    "rake": Rake({"unit": {"a": 90.0, "b": 350.0}, "sex": {"f": 200.0, "m": 240.0}}, column="next"),
    "linear": Calibrate({"(intercept)": 440.0, "age": 22000.0}, column="next"),
    "truncated": Calibrate({"unit": {"a": 90.0, "b": 350.0}}, "linear", (0.2, 4.0), column="next"),
    "raking": Calibrate({"(intercept)": 440.0, "age": 22000.0}, "raking", column="next"),
    "logit": Calibrate({"(intercept)": 440.0, "age": 22000.0}, "logit", (0.2, 4.0), column="next"),
    "trim": Trim(1.0, column="next"),
    "fixed": TrimFixed(1.0, 30.0, column="next"),
    "ratio": TrimRatio(0.2, 2.0, column="next"),
    "potter": Potter(("y",), column="next"),
    "drop": DropIneligible("next"),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_replicate_like_the_sample_is_weighted_like_the_sample(name: str) -> None:
    steps = [UnknownEligibility("unit"), WeightingClasses("unit"), STEPS[name]]
    weighted = applied(*steps, people=MIXED, drawn=np.ones((len(MIXED), 2)))
    for column in weighted.replicates.values.T:
        np.testing.assert_allclose(column, weighted.weight, rtol=1e-12)


@pytest.mark.parametrize("name", STEPS)
def test_the_order_of_people_does_not_matter(name: str) -> None:
    steps = [UnknownEligibility("unit"), WeightingClasses("unit"), STEPS[name]]
    mixed = applied(*steps, people=MIXED.sample(frac=1, random_state=2)).weight.sort_index()
    np.testing.assert_allclose(mixed, applied(*steps, people=MIXED).weight, rtol=1e-9)


def test_declaring_a_recipe_does_nothing() -> None:
    """Steps about columns and methods that do not exist are declared without a word, and may be used twice."""
    recipe = [
        Calibrate({"no such": 1}, "no such"),
        PostStratify("no such", {}),
        Potter(("no such",)),
        Assert(totals={"no": 1}),
    ]
    with pytest.raises(WeightingError):
        applied(*recipe)
    before = MIXED.copy(deep=True)
    steps = [UnknownEligibility("unit"), WeightingClasses("unit"), STEPS["rake"]]
    once, again = applied(*steps, people=MIXED), applied(*steps, people=MIXED)
    pd.testing.assert_frame_equal(MIXED, before)
    pd.testing.assert_frame_equal(once.columns, again.columns, check_exact=True)


def test_two_steps_may_not_leave_the_same_column() -> None:
    with pytest.raises(WeightingError, match="two steps leave the same column") as caught:
        applied(Trim(3.0), TrimFixed(upper=5))
    assert "column trimmed_weight" in str(caught.value)


def test_numbers_that_are_none_do_not_get_through() -> None:
    class Broken:
        column = "broken"

        def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> object:
            from spi_analysis.survey.weighting.recipe import Prepared

            return Prepared(lambda weights, _: weights * [1.0, np.nan])

    with pytest.raises(WeightingError, match="no numbers") as caught:
        applied(Broken(), drawn=np.ones((6, 1)))
    assert "step Broken (broken), key replicate 1" in str(caught.value)
