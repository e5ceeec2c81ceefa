"""The propensity step of a recipe: weights by hand, and the same done anew in every replicate."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import (
    Rake,
    ReplicateWeights,
    UnknownEligibility,
    Weighted,
    WeightingClasses,
    apply_recipe,
    model_matrix,
)
from spi_analysis.survey.weighting.propensity import Propensity, propensity_classes, response_propensity

# In unit a 2 of 4 answer, in unit b 1 of 5; one more of a is ineligible.
PEOPLE = pd.DataFrame(
    {
        "unit": list("aaaabbbbba"),
        "base_weight": [3.0] * 4 + [2.0] * 5 + [7.0],
        "disposition": ["I", "I", "R", "NC", "I", "R", "R", "NC", "NC", "NE"],
    }
)


def replicated(people: pd.DataFrame, step: object, values: np.ndarray) -> Weighted:
    return apply_recipe(people, [step], replicates=ReplicateWeights(values, 1.0, np.ones(values.shape[1]), "other"))


def test_weight_over_propensity_by_hand() -> None:
    """3 / (2/4) and 2 / (1/5); the ineligible keeps 7."""
    weight = apply_recipe(PEOPLE, [Propensity("unit")]).weight
    assert weight.tolist() == pytest.approx([6, 6, 0, 0, 10, 0, 0, 0, 0, 7])


def test_two_classes_are_the_two_units_by_hand() -> None:
    weight = apply_recipe(PEOPLE, [Propensity("unit", "classes", 2)]).weight
    assert weight.tolist() == pytest.approx([6, 6, 0, 0, 10, 0, 0, 0, 0, 7])


def sample(seed: int, n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {"unit": rng.choice(list("abc"), n), "age": rng.integers(20, 60, n), "base_weight": rng.uniform(2, 5, n)}
    )
    answers = rng.random(n) < 0.35 + 0.1 * (people["unit"] == "b") + 0.004 * (people["age"] - 40)
    missing = rng.choice(["R", "NC", "NE"], n, p=[0.5, 0.4, 0.1])
    return people.assign(disposition=np.where(answers, "I", missing))


def bootstrap(people: pd.DataFrame, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        people["base_weight"].to_numpy()[:, None] * rng.multinomial(len(people), [1 / len(people)] * len(people), n).T
    )


@pytest.mark.parametrize("formula", ["unit", "unit + age", "unit * age"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_every_replicate_is_fitted_with_its_own_weights(formula: str, link: str) -> None:
    people = sample(1)
    values = bootstrap(people, 6)
    weighted = replicated(people, Propensity(formula, link=link), values)
    answered, ineligible = (people["disposition"] == code for code in ("I", "NE"))
    for column, ours in zip(values.T, weighted.replicates.values.T, strict=True):
        share = response_propensity(
            people.assign(w=column), formula, "disposition", "w", link, tolerance=1e-13, max_iterations=200
        )
        expected = np.where(answered, column / share, np.where(ineligible, column, 0.0))
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_without_weights_a_replicate_counts_how_often_each_stands_there() -> None:
    people = sample(2)
    values = bootstrap(people, 3)
    weighted = replicated(people, Propensity("unit", weighted=False), values)
    times = values[:, 0] / people["base_weight"]
    share = response_propensity(people.assign(k=times), "unit", "disposition", "k", tolerance=1e-14)
    answered = people["disposition"] == "I"
    np.testing.assert_allclose(weighted.replicates.values[answered, 0], (values[:, 0] / share)[answered], rtol=1e-9)
    unweighted = response_propensity(people, "unit", "disposition")
    np.testing.assert_allclose(weighted.weight[answered], (people["base_weight"] / unweighted)[answered], rtol=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 60), n_classes=st.integers(2, 4))
def test_classes_keep_the_weight_of_sample_and_replicates(seed: int, n_classes: int) -> None:
    people = sample(seed)
    values = bootstrap(people, 4, seed)
    weighted = replicated(people, Propensity("unit + age", n_classes), values)
    np.testing.assert_allclose(weighted.weight.sum(), people["base_weight"].sum())
    np.testing.assert_allclose(weighted.replicates.values.sum(axis=0), values.sum(axis=0))
    assert (weighted.replicates.values >= 0).all()


def test_classes_are_those_of_propensity_classes_and_formed_anew() -> None:
    """In the sample as in a replicate, where a person drawn twice counts twice in the quantiles."""
    people = sample(3)
    values = bootstrap(people, 3)
    weighted = replicated(people, Propensity("unit + age", "classes", 3), values)
    outcomes = np.column_stack([weighted.weight, weighted.replicates.values])
    for before, after in zip(np.column_stack([people["base_weight"], values]).T, outcomes.T, strict=True):
        share = response_propensity(people.assign(w=before), "unit + age", "disposition", "w", tolerance=1e-13)
        classes = propensity_classes(share, 3, pd.Series(before / people["base_weight"]))
        inside = classes.notna()
        kept = pd.Series(after)[inside].groupby(classes[inside]).sum()
        np.testing.assert_allclose(kept, pd.Series(before)[inside].groupby(classes[inside]).sum())


def test_small_blocks_of_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    people = sample(4)
    values = bootstrap(people, 7)
    for step in (Propensity("unit + age"), Propensity("unit + age", "classes", 3)):
        whole = replicated(people, step, values).replicates.values
        with monkeypatch.context() as patched:
            patched.setattr(model_matrix, "BLOCK", 300)
            np.testing.assert_allclose(replicated(people, step, values).replicates.values, whole, rtol=1e-9)


def test_a_replicate_like_the_sample_gives_the_weights_of_the_sample() -> None:
    people = sample(5)
    weighted = replicated(people, Propensity("unit + age"), people[["base_weight"]].to_numpy())
    np.testing.assert_allclose(weighted.replicates.values[:, 0], weighted.weight, rtol=1e-9)


def test_a_replicate_in_which_a_unit_falls_silent_is_no_error() -> None:
    """The only respondent of b is not drawn: b's share is 0, a's respondents are as before."""
    values = PEOPLE["base_weight"].to_numpy()[:, None].copy()
    values[4] = 0.0
    weighted = replicated(PEOPLE, Propensity("unit"), values)
    assert weighted.replicates.values[:, 0].tolist() == pytest.approx([6, 6, 0, 0, 0, 0, 0, 0, 0, 7])


def test_a_replicate_without_a_unit_is_no_error() -> None:
    values = PEOPLE["base_weight"].to_numpy()[:, None].copy()
    values[4:9] = 0.0
    weighted = replicated(PEOPLE, Propensity("unit"), values)
    assert weighted.replicates.values[:, 0].tolist() == pytest.approx([6, 6, 0, 0, 0, 0, 0, 0, 0, 7])


def test_among_other_steps() -> None:
    people = sample(6)
    people.loc[:5, "disposition"] = "UO"
    margins = {"unit": {"a": 150.0, "b": 200.0, "c": 150.0}}
    steps = [UnknownEligibility("unit"), Propensity("unit + age"), Rake(margins)]
    weighted = apply_recipe(people, steps)
    assert list(weighted.columns) == ["base_weight", "elig_weight", "nr_weight", "cal_weight"]
    assert weighted.weight.groupby(people["unit"]).sum().to_dict() == pytest.approx(margins["unit"])


def test_free_cells_and_weighting_classes_give_the_same() -> None:
    people = sample(7)
    values = bootstrap(people, 5)
    ours, theirs = (replicated(people, step, values) for step in (Propensity("unit"), WeightingClasses("unit")))
    np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-8)
    np.testing.assert_allclose(ours.replicates.values, theirs.replicates.values, rtol=1e-8)


def none_drawn(code: str) -> np.ndarray:
    return np.where(PEOPLE["disposition"] == code, 0.0, PEOPLE["base_weight"])[:, None]


@pytest.mark.parametrize(
    ("people", "step", "values", "parts"),
    [
        (PEOPLE, Propensity("unti"), none_drawn("NE"), ["a column is missing", "did you mean 'unit'?"]),
        (PEOPLE, Propensity("unit", "classes", 1), none_drawn("NE"), ["classes cannot be formed", "got: 1"]),
        (PEOPLE, Propensity("unit", link="log"), none_drawn("NE"), ["a link is not known"]),
        (
            PEOPLE.assign(disposition=["UO", *PEOPLE["disposition"][1:]]),
            Propensity("unit"),
            none_drawn("NE"),
            ["unknown eligibility still have weight", "1 people with 3", "UnknownEligibility"],
        ),
        (PEOPLE, Propensity("unit"), none_drawn("I"), ["no respondents with weight", "replicate 1"]),
        (
            PEOPLE.assign(disposition=[*"IIII", *PEOPLE["disposition"][4:]]),
            Propensity("unit"),
            none_drawn("NE"),
            ["separates", "column unit"],
        ),
        (
            PEOPLE,
            Propensity("unit", "classes", 2),
            np.where(PEOPLE.index == 4, 0.0, PEOPLE["base_weight"])[:, None],
            ["class has weight but no respondent", "class 1, replicate 1", "take fewer classes"],
        ),
    ],
)
def test_a_step_that_cannot_be_done_is_named(
    people: pd.DataFrame, step: Propensity, values: np.ndarray, parts: list[str]
) -> None:
    with pytest.raises(WeightingError) as caught:
        replicated(people, step, values)
    assert all(part in str(caught.value) for part in parts), str(caught.value)
