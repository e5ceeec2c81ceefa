"""Response propensities: shares of cells by hand, what a maximum of the likelihood must satisfy, and clear refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import model_matrix
from spi_analysis.survey.weighting.propensity import fit_propensity, propensity_classes, response_propensity

EXACT = 1e-14
# In unit a 3 of 4 answer, in unit b 1 of 5.
TWO_CELLS = pd.DataFrame({"unit": list("aaaabbbbb"), "answered": [1, 1, 1, 0, 1, 0, 0, 0, 0]})


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_propensity_of_a_cell_is_the_share_that_answered(link: str) -> None:
    propensity = response_propensity(TWO_CELLS, "unit", "answered", link=link, tolerance=EXACT)
    assert propensity.tolist() == pytest.approx([0.75] * 4 + [0.2] * 5)
    assert propensity.name == "propensity"


def test_coefficients_errors_and_likelihood_of_two_cells_by_hand() -> None:
    """Log odds 3/1 and 1/4; variance of a log odds 1/answered + 1/not; log-likelihood sum of counts x log share."""
    model = fit_propensity(TWO_CELLS, "answered ~ unit", "answered", tolerance=EXACT)
    assert model.coefficients.to_dict() == pytest.approx({"Intercept": np.log(3), "unit[T.b]": np.log(0.25 / 3)})
    errors = [np.sqrt(1 / 3 + 1), np.sqrt(1 / 3 + 1 + 1 + 1 / 4)]
    assert model.standard_errors.tolist() == pytest.approx(errors, rel=1e-6)
    by_hand = 3 * np.log(0.75) + np.log(0.25) + np.log(0.2) + 4 * np.log(0.8)
    assert model.loglik == pytest.approx(by_hand)
    assert model.n == 9


def test_weighted_share() -> None:
    """Weight 3 on the one of a who did not answer: 3 of 6."""
    people = TWO_CELLS.assign(w=[1.0, 1, 1, 3, 1, 1, 1, 1, 1])
    assert response_propensity(people, "unit", "answered", "w").tolist() == pytest.approx([0.5] * 4 + [0.2] * 5)


def test_weight_zero_is_outside_the_fit_but_has_a_propensity() -> None:
    people = TWO_CELLS.assign(w=[1.0, 1, 1, 0, 1, 0, 1, 1, 1])
    with pytest.raises(WeightingError, match="everybody answered"):
        response_propensity(people, "unit", "answered", "w")
    people["w"] = [0.0, 1, 1, 1, 1, 0, 1, 1, 1]
    assert response_propensity(people, "unit", "answered", "w").tolist() == pytest.approx([2 / 3] * 4 + [0.25] * 5)


CODES = pd.DataFrame({"unit": list("aaaaaa"), "disposition": ["I", "P", "R", "UO", "NE", "NC"]})


def test_ineligible_are_outside_and_unknown_count_as_nonresponse() -> None:
    propensity = response_propensity(CODES, "1", "disposition")
    assert propensity.isna().tolist() == [False] * 4 + [True, False]
    assert propensity.dropna().tolist() == pytest.approx([0.4] * 5), "2 of 5 who are not known to be ineligible"


def test_unknown_eligibility_can_be_left_outside() -> None:
    propensity = response_propensity(CODES, "1", "disposition", unknown="outside")
    assert propensity.isna().tolist() == [False] * 3 + [True, True, False]
    assert propensity.dropna().tolist() == pytest.approx([0.5] * 4)


# --- what holds for any sample


def sample(seed: int, n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "unit": rng.choice(list("abc"), n),
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(20, 60, n).astype(float),
            "income": rng.normal(5000, 900, n),
            "w": rng.uniform(1, 4, n),
        }
    )
    eta = 0.4 - 0.5 * (people["unit"] == "b") + 0.02 * (people["age"] - 40)
    return people.assign(answered=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


FORMULAS = ["unit + sex", "unit * sex", "unit + age", "age + I(age**2)", "unit + income", "sex:age + unit"]


@pytest.mark.parametrize("formula", FORMULAS)
@settings(max_examples=15)
@given(seed=st.integers(0, 200))
def test_score_equations(formula: str, seed: int) -> None:
    """At the maximum of a logistic likelihood expected and observed answers agree in every direction of the model."""
    people = sample(seed)
    propensity = response_propensity(people, formula, "answered", "w", tolerance=EXACT)
    rest = people["w"] * (people["answered"] - propensity)
    assert rest.sum() == pytest.approx(0, abs=1e-7)
    if "unit" in formula:
        assert rest.groupby(people["unit"]).sum().abs().max() < 1e-7
    if formula.endswith(("age", "age**2)")):
        assert rest @ people["age"] == pytest.approx(0, abs=1e-5)
    assert propensity.between(0, 1, inclusive="neither").all()


@settings(max_examples=30)
@given(seed=st.integers(0, 100), link=st.sampled_from(["logit", "probit", "cloglog"]))
def test_order_labels_doubling_and_scale_change_nothing(seed: int, link: str) -> None:
    people = sample(seed)

    def fit(data: pd.DataFrame, weight: str | None = None) -> np.ndarray:
        return (
            response_propensity(data, "unit + age", "answered", weight, link, tolerance=EXACT).sort_index().to_numpy()
        )

    expected = fit(people)
    np.testing.assert_allclose(fit(people.sample(frac=1, random_state=seed)), expected, rtol=1e-7)
    np.testing.assert_allclose(
        fit(people.assign(unit=people["unit"].map({"a": "z", "b": "y", "c": "x"}))), expected, rtol=1e-7
    )
    doubled = pd.concat([people, people[people["sex"] == "f"]], ignore_index=True)
    twice = people.assign(k=np.where(people["sex"] == "f", 2.0, 1.0))
    np.testing.assert_allclose(fit(doubled)[: len(people)], fit(twice, "k"), rtol=1e-7)
    np.testing.assert_allclose(fit(people.assign(w=people["w"] * 50), "w"), fit(people, "w"), rtol=1e-7)


@pytest.mark.parametrize("formula", FORMULAS[:4])
def test_the_table_of_cells_gives_what_the_rows_give(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    people = sample(5, 400)
    grouped = fit_propensity(people, formula, "answered", "w")
    monkeypatch.setattr(model_matrix, "cells_of", lambda *_: None)
    monkeypatch.setattr(model_matrix, "BLOCK", 64)
    rows = fit_propensity(people, formula, "answered", "w")
    np.testing.assert_allclose(rows.coefficients, grouped.coefficients, rtol=1e-9)
    np.testing.assert_allclose(rows.covariance, grouped.covariance, rtol=1e-9)
    np.testing.assert_allclose(rows.propensity, grouped.propensity, rtol=1e-9)


WITH_NUMBERS = [
    "income",
    "unit + income",
    "unit * income + sex",
    "0 + unit + income * score",
    "C(age) + income + income:sex",
    "C(unit, contr.sum) + age + income + twice",
]


@pytest.mark.parametrize("formula", WITH_NUMBERS)
@pytest.mark.parametrize("weight", [None, "w"])
def test_numbers_beside_a_table_of_cells_give_what_the_rows_give(
    formula: str, weight: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, people = np.random.default_rng(6), sample(6, 400)
    people["income"], people["score"] = rng.normal(5e6, 1e6, 400), rng.normal(size=400)
    # A sum of others, and weights of 0.
    people["twice"], people["w"] = 2 * people["income"] + people["age"], people["w"].where(people.index % 7 > 0, 0.0)
    # Of unit d one person is a woman.
    few = people.index[:60:5]
    people.loc[few, "unit"], people.loc[few, "sex"], people.loc[few[:1], "sex"] = "d", "m", "f"
    people.loc[few, "answered"] = np.arange(len(few)) % 2
    design = model_matrix.design_of(people, model_matrix.read_formula(formula))
    assert design.alike is not None
    assert len(design.numbers) > 0
    found = fit_propensity(people, formula, "answered", weight)
    monkeypatch.setattr(model_matrix, "cells_of", lambda *_: None)
    monkeypatch.setattr(model_matrix, "BLOCK", 64)
    rows = fit_propensity(people, formula, "answered", weight)
    assert (
        found.coefficients.isna().tolist() == rows.coefficients.isna().tolist() == ["twice" in n for n in design.names]
    )
    np.testing.assert_allclose(found.propensity, rows.propensity, rtol=1e-11)
    np.testing.assert_allclose(found.coefficients, rows.coefficients, rtol=1e-7)
    np.testing.assert_allclose(found.standard_errors, rows.standard_errors, rtol=1e-7)


def test_a_number_without_end_is_named_with_its_row() -> None:
    people = sample(1).assign(income=np.arange(len(sample(1))) + 0.5)
    people.loc[people.index[4], "income"] = np.inf
    with pytest.raises(WeightingError, match="not a finite number") as refused:
        response_propensity(people, "unit + income", "answered")
    assert "row 5" in str(refused.value)
    assert "income" in str(refused.value)


# --- formulas


@pytest.mark.parametrize(
    "formula",
    [
        "answered ~ C(`org.unit`) + sex",
        "~ `org.unit` + sex",
        'Q("org.unit") + C(sex)',
        "sex + C(`org.unit`, contr.treatment('c'))",
    ],
)
def test_ways_to_write_the_same_model(formula: str) -> None:
    people = sample(1)
    expected = response_propensity(people, "unit + sex", "answered")
    renamed = people.rename(columns={"unit": "org.unit"})
    np.testing.assert_allclose(response_propensity(renamed, formula, "answered"), expected, rtol=1e-9)


def test_a_factor_of_several_columns() -> None:
    people = sample(2)
    ours = response_propensity(people, "poly(age, 2) + unit", "answered", tolerance=EXACT)
    expected = response_propensity(people, "age + I(age**2) + unit", "answered", tolerance=EXACT)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_coefficient_names_are_those_of_the_formula() -> None:
    model = fit_propensity(sample(1), "unit * age", "answered")
    names = ["Intercept", "unit[T.b]", "unit[T.c]", "age", "unit[T.b]:age", "unit[T.c]:age"]
    assert model.coefficients.index.tolist() == names
    assert model.covariance.columns.tolist() == names


def test_a_column_that_is_a_sum_of_others_has_no_coefficient() -> None:
    people = sample(3).assign(twice=lambda t: 2 * t["age"])
    with_copy = fit_propensity(people, "age + twice + unit", "answered")
    without = fit_propensity(people, "age + unit", "answered")
    assert with_copy.coefficients.isna().tolist() == [False, False, True, False, False]
    estimated = with_copy.coefficients.dropna()
    np.testing.assert_allclose(estimated, without.coefficients[estimated.index], rtol=1e-9)
    np.testing.assert_allclose(with_copy.propensity, without.propensity, rtol=1e-9)


def test_years_do_not_drown_in_rounding() -> None:
    people = sample(4).assign(year=lambda t: 2000 + t["age"])
    near = fit_propensity(people, "age + I(age**2)", "answered")
    far = fit_propensity(people, "year + I(year**2)", "answered")
    assert far.coefficients.notna().all()
    assert far.coefficients["I(year ** 2)"] == pytest.approx(near.coefficients["I(age ** 2)"], rel=1e-6)
    np.testing.assert_allclose(far.propensity, near.propensity, rtol=1e-7)


# --- separation and other refusals


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize(("answers", "who"), [(1, "everybody"), (0, "nobody")])
def test_a_level_that_all_or_none_answer_is_named(link: str, answers: int, who: str) -> None:
    people = sample(6).assign(rank=lambda t: np.where(t.index % 10 == 0, "chief", "staff"))
    people.loc[people["rank"] == "chief", "answered"] = answers
    with pytest.raises(WeightingError, match=f"{who} answered") as caught:
        response_propensity(people, "unit + rank + age", "answered", link=link)
    assert caught.value.problems[0].column == "rank"
    assert "merge thin levels" in str(caught.value)


def test_a_number_that_tells_all_is_named() -> None:
    people = pd.DataFrame({"x": np.arange(20.0), "z": np.tile([0.0, 1], 10), "answered": np.arange(20) >= 10})
    with pytest.raises(WeightingError, match="separates") as caught:
        response_propensity(people, "x", "answered")
    assert caught.value.problems[0].column == "x"


def test_a_thin_level_in_a_large_sample_is_no_separation() -> None:
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"unit": "a", "answered": rng.random(200_000) < 0.3})
    people.loc[:4, "unit"], people.loc[:4, "answered"] = "b", [True, False, False, False, False]
    assert response_propensity(people, "unit", "answered", tolerance=EXACT)[0] == pytest.approx(0.2)
    people.loc[0, "answered"] = False
    with pytest.raises(WeightingError, match="nobody answered"):
        response_propensity(people, "unit", "answered")


@pytest.mark.parametrize(
    ("people", "arguments", "parts"),
    [
        (sample(1), {"formula": "unti"}, ["a column is missing", "column unti", "did you mean 'unit'?"]),
        (sample(1), {"formula": "unit +"}, ["the formula cannot be read", "got: unit +"]),
        (sample(1), {"formula": "unit | sex"}, ["several parts"]),
        (sample(1), {"formula": "0"}, ["no terms"]),
        (sample(1), {"formula": "sex ~ unit"}, ["another column than the status", "column sex", "expected: answered"]),
        (sample(1), {"formula": "unit", "status": "anwsered"}, ["a column is missing", "did you mean 'answered'?"]),
        (sample(1), {"formula": "unit", "link": "logt"}, ["a link is not known", "did you mean 'logit'?"]),
        (sample(1), {"formula": "unit", "unknown": "drop"}, ["unknown=drop", "nonresponse or outside"]),
        (sample(1), {"formula": "unit", "weight": "ww"}, ["a column is missing", "ww"]),
        (sample(1).assign(w=-1.0), {"formula": "unit", "weight": "w"}, ["missing or negative"]),
        (sample(1).assign(answered=1), {"formula": "unit"}, ["no response to model", "120 respondents among 120"]),
        (sample(1).assign(answered=2), {"formula": "unit"}, ["a status is not known"]),
        (sample(1).assign(unit=[None, *"ab" * 59, "c"]), {"formula": "unit"}, ["a predictor is missing", "row 1"]),
        (sample(1), {"formula": "np.log(age - 20)"}, ["not a finite number", "-inf"]),
        (sample(1), {"formula": "unit", "max_iterations": 1}, ["does not converge", "raise max_iterations"]),
    ],
)
def test_what_cannot_be_done_is_named(people: pd.DataFrame, arguments: dict, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        response_propensity(people, **{"status": "answered", **arguments})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


# --- classes


def test_classes_by_hand() -> None:
    """Quartiles of 1..9 by type 7 are 3, 5, 7; a class holds its upper limit."""
    classes = propensity_classes(pd.Series(np.arange(1.0, 10) / 10), 4)
    assert classes.tolist() == [1, 1, 1, 2, 2, 3, 3, 4, 4]


def test_interpolated_limits_by_hand() -> None:
    """Thirds of four values lie at ranks 2 and 3: the values themselves."""
    assert propensity_classes(pd.Series([0.4, 0.1, 0.3, 0.2]), 3).tolist() == [3, 1, 2, 1]


def test_equal_propensities_stay_together_and_classes_may_be_fewer() -> None:
    assert propensity_classes(pd.Series([0.2] * 6 + [0.7] * 2), 5).tolist() == [1] * 6 + [2] * 2


def test_propensities_that_differ_in_the_last_digit_stay_together() -> None:
    """Six people alike in the model, computed row by row: the limit is their propensity, and none of them is above."""
    share = 0.2 * (1 + np.array([0, 1, -1, 1, 0, -1]) * 2e-16)
    assert propensity_classes(pd.Series([*share, 0.7, 0.7]), 5).tolist() == [1] * 6 + [2] * 2


@pytest.mark.parametrize("unit", [1 / 3, 0.1, 1 / 7])
def test_classes_of_weights_in_any_unit(unit: float) -> None:
    """Whole ranks are met up to rounding: 0.1 * 10 times over is one person."""
    values = pd.Series(np.arange(1.0, 31) / 100).repeat(round(1 / unit)).reset_index(drop=True)
    one_each = propensity_classes(pd.Series(np.arange(1.0, 31) / 100), 4)
    assert propensity_classes(values, 4, pd.Series(unit, index=values.index)).tolist() == list(
        one_each.repeat(round(1 / unit))
    )


def test_those_outside_have_no_class() -> None:
    classes = propensity_classes(pd.Series([0.1, np.nan, 0.9]), 2)
    assert classes.isna().tolist() == [False, True, False]


@given(seed=st.integers(0, 200), n_classes=st.integers(2, 7))
def test_weight_two_is_two_rows(seed: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    values, counts = pd.Series(rng.random(30).round(2)), rng.integers(1, 4, 30)
    weighted = propensity_classes(values, n_classes, pd.Series(counts))
    repeated = propensity_classes(values.repeat(counts), n_classes)
    assert weighted.tolist() == repeated[~repeated.index.duplicated()].tolist()


@given(seed=st.integers(0, 100))
def test_classes_are_ordered_and_about_equal(seed: int) -> None:
    values = pd.Series(np.random.default_rng(seed).random(103))
    classes = propensity_classes(values, 5)
    assert classes.value_counts().between(20, 21).all()
    assert (values.groupby(classes).max().to_numpy()[:-1] < values.groupby(classes).min().to_numpy()[1:]).all()


@pytest.mark.parametrize(("values", "n_classes"), [([0.1, 0.2], 1), ([np.nan], 5)])
def test_classes_that_cannot_be_formed(values: list[float], n_classes: int) -> None:
    with pytest.raises(WeightingError, match="classes cannot be formed"):
        propensity_classes(pd.Series(values), n_classes)
