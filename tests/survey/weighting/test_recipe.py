"""A recipe on a sample and on its replicates: totals, positivity, and honest standard errors."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import (
    DropIneligible,
    Merged,
    Rake,
    ReplicateWeights,
    Trim,
    UnknownEligibility,
    WeightingClasses,
    apply_recipe,
    bootstrap_replicates,
    observed_fraction,
    weighting_classes,
)

LIST = pd.DataFrame({"unit": ["a"] * 30 + ["b"] * 50, "sex": (["f", "m"] * 40)})
MARGINS = {name: LIST[name].value_counts().astype(float).to_dict() for name in ("unit", "sex")}
STEPS = [UnknownEligibility("unit"), WeightingClasses("unit"), Rake(MARGINS), Trim(3.0), Rake(MARGINS, column="again")]


def sample(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    codes = rng.choice(["I", "P", "R", "NC", "UO", "NE"], len(LIST), p=[0.3, 0.05, 0.2, 0.3, 0.1, 0.05])
    return LIST.assign(base_weight=1.0, disposition=codes)


def replicates(people: pd.DataFrame, n: int = 25) -> ReplicateWeights:
    data = people.assign(f=observed_fraction(people, "unit"))
    return bootstrap_replicates(data, "base_weight", stratum="unit", fraction="f", n_replicates=n, seed=5)


def test_every_step_leaves_its_column_and_its_line() -> None:
    weighted = apply_recipe(sample(), [*STEPS, DropIneligible()])
    expected = ["base_weight", "elig_weight", "nr_weight", "cal_weight", "trimmed_weight", "again", "weight"]
    assert list(weighted.columns) == expected
    assert weighted.report["column"].tolist() == expected
    assert weighted.report["sum"].iloc[:6].tolist() == pytest.approx([80.0] * 6), "nobody is lost before the last step"


def test_only_respondents_have_a_final_weight() -> None:
    people = sample()
    final = apply_recipe(people, [*STEPS, DropIneligible()]).weight
    assert ((final > 0) == people["disposition"].isin(["I", "P"])).all()


def test_every_replicate_hits_every_margin_after_every_step() -> None:
    people = sample()
    weighted = apply_recipe(people, STEPS, replicates=replicates(people))
    values = np.column_stack([weighted.weight, weighted.replicates.values])
    assert (values >= 0).all()
    for name, margin in MARGINS.items():
        totals = pd.DataFrame(values).groupby(people[name]).sum()
        np.testing.assert_allclose(totals, np.repeat(pd.Series(margin).sort_index().to_numpy()[:, None], 26, axis=1))


def test_replicates_repeat_the_nonresponse_step() -> None:
    """The factor of a class is that of the replicate, not that of the sample."""
    people = pd.DataFrame({"unit": "a", "base_weight": [1.0, 1, 2], "disposition": ["I", "I", "R"]})
    values = np.array([[1.0, 3], [1, 1], [2, 4]])
    weighted = apply_recipe(
        people, [WeightingClasses("unit")], replicates=ReplicateWeights(values[:, 1:], 1.0, np.ones(1), "bootstrap")
    )
    assert weighted.weight.tolist() == [2, 2, 0]
    assert weighted.replicates.values[:, 0].tolist() == [6, 2, 0], "8 / 4, not 4 / 2, times 3 and 1"


def test_a_person_drawn_four_times_is_no_extreme_weight() -> None:
    """In the replicate the first person stands there four times, each time with weight 1: nothing to trim."""
    people = pd.DataFrame({"base_weight": [1.0] * 6, "disposition": "I"})
    drawn = np.array([[4.0], [2], [0], [0], [0], [0]])
    weighted = apply_recipe(people, [Trim(1.0)], replicates=ReplicateWeights(drawn, 1.0, np.ones(1), "bootstrap"))
    assert weighted.replicates.values[:, 0].tolist() == [4, 2, 0, 0, 0, 0]


def test_thin_levels_are_merged_and_reported() -> None:
    people = LIST.assign(base_weight=1.0, disposition="I", unit=["a"] * 30 + ["b"] * 48 + ["c"] * 2)
    margins = {"unit": {"a": 40.0, "b": 50.0, "c": 10.0}}
    weighted = apply_recipe(people, [Rake(margins, min_respondents=5)])
    sums = weighted.weight.groupby(people["unit"]).sum()
    assert sums["a"] + sums["c"] == pytest.approx(50), "c joins the thinner of the others"
    assert sums["b"] == pytest.approx(50)
    assert weighted.report["merged"].iloc[1] == [Merged("unit", ("a", "c"))]


@pytest.mark.parametrize("levels", [[True, False], [1, 2]])
def test_margins_need_not_be_texts(levels: list) -> None:
    people = sample().assign(flag=lambda t: np.where(t["unit"] == "a", levels[0], levels[1]))
    weighted = apply_recipe(people, [*STEPS[:2], Rake({"flag": {str(levels[0]): 20.0, str(levels[1]): 60.0}})])
    assert weighted.weight.groupby(people["flag"]).sum()[levels[0]] == pytest.approx(20)


def test_classes_merge_until_enough_answered() -> None:
    people = pd.DataFrame(
        {
            "unit": ["a", "a", "a", "b", "b", "b"],
            "sex": ["f", "f", "m", "f", None, "m"],
            "disposition": ["I", "I", "I", "I", "I", "R"],
        }
    )
    classes = weighting_classes(people, ["unit", "sex"], min_respondents=2)
    assert classes["nr_class"].nunique() == 2, "a is one class of 3, b one of 2: units are merged last"
    assert classes["merged"].all()
    assert classes["nr_class"].groupby(people["unit"]).nunique().tolist() == [1, 1]


def test_observed_fraction_by_hand() -> None:
    people = pd.DataFrame({"c": ["x", "x", "y"], "base_weight": [5.0, 5, 2], "disposition": ["I", "R", "P"]})
    assert observed_fraction(people, "c").tolist() == pytest.approx([0.1, 0.1, 0.5])


@pytest.mark.parametrize(
    ("people", "steps", "parts"),
    [
        (sample().assign(base_weight=0.0), STEPS, ["a base weight is 0"]),
        (sample(), [WeightingClasses("unti")], ["a column is missing", "did you mean 'unit'?"]),
        (sample(), [Rake({"sexx": {"f": 1.0}})], ["did you mean 'sex'?"]),
        (sample(), [WeightingClasses("unit")], ["unknown eligibility still have weight"]),
        (sample().assign(disposition="R"), [WeightingClasses("unit")], ["2 problems", "key a", "key b"]),
    ],
)
def test_a_step_that_cannot_be_done_is_named(people: pd.DataFrame, steps: list, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        apply_recipe(people, steps)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_row_order_changes_no_weight() -> None:
    people = sample()
    mixed = people.sample(frac=1, random_state=3)
    ours, theirs = apply_recipe(people, STEPS).weight, apply_recipe(mixed, STEPS).weight.sort_index()
    np.testing.assert_allclose(theirs, ours, rtol=1e-9)


# --- what an 8 % response does to a census


def run_of_a_census(population: pd.DataFrame, rng: np.random.Generator, correction: str) -> tuple[float, float, float]:
    """Everybody is invited, about 8 % answer: estimate, standard error, degrees of freedom."""
    answered = rng.random(len(population)) < population["propensity"]
    people = population.assign(base_weight=1.0, disposition=np.where(answered, "I", "NC"), all=1.0)
    people["f"] = observed_fraction(people, "unit") if correction == "observed" else 1.0
    made = bootstrap_replicates(
        people, "base_weight", stratum="unit", fraction="f", n_replicates=60, seed=int(rng.integers(2**31))
    )
    weighted = apply_recipe(people, [WeightingClasses("unit")], replicates=made)
    weights = np.column_stack([weighted.weight, weighted.replicates.values])
    means = population["y"].to_numpy() @ weights / weights.sum(axis=0)
    return means[0], float(np.sqrt(((means[1:] - means[0]) ** 2).mean())), int(answered.sum()) - 3


def census_population() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    unit = np.repeat(["a", "b", "c"], [250, 300, 350])
    centre = pd.Series(unit).map({"a": 55.0, "b": 70.0, "c": 80.0})
    propensity = pd.Series(unit).map({"a": 0.12, "b": 0.08, "c": 0.06})
    return pd.DataFrame({"unit": unit, "propensity": propensity, "y": rng.normal(centre, 15)})


def test_census_with_8_percent_response_has_honest_intervals() -> None:
    population, rng = census_population(), np.random.default_rng(20240722)
    truth = population["y"].mean()
    runs = np.array([run_of_a_census(population, rng, "observed") for _ in range(400)])
    half = student.ppf(0.975, runs[:, 2]) * runs[:, 1]
    coverage = float((np.abs(runs[:, 0] - truth) <= half).mean())
    assert 0.91 <= coverage <= 0.98, f"95 % intervals cover the truth in {coverage:.1%} of 400 censuses"
    assert runs[:, 1].min() > 0
    assert np.sqrt((runs[:, 1] ** 2).mean()) == pytest.approx(runs[:, 0].std(), rel=0.12), "se against the true spread"
    assert abs(runs[:, 0].mean() - truth) < 4 * runs[:, 0].std() / 20, "weighting classes take the bias out"


def test_the_sampling_fraction_of_a_census_would_claim_certainty() -> None:
    """Why f is the share that was observed: with f = n/N = 1 the standard error of the same census is 0."""
    _, se, _ = run_of_a_census(census_population(), np.random.default_rng(1), "sampled")
    assert se == pytest.approx(0, abs=1e-10)
