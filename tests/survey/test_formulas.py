"""One formula language: what the response model reads, a regression reads too, and the other way round."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError, WeightingError
from spi_analysis.survey import SurveyDesign, estimate_regression
from spi_analysis.survey.weighting.propensity import fit_propensity

# Twelve people of three units; y is 1 for somebody and 0 for somebody in each of them.
PEOPLE = pd.DataFrame(
    {
        "org.unit": [*"cabcabcabcab"],
        "x": [1.0, 2, 2, 3, 3, 4, 5, 5, 6, 3, 4, 1],
        "flag": [True, False, False] * 4,
        "y": [1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1],
        "w": 1.0,
    }
)
DESIGN = SurveyDesign(PEOPLE, "w")


def terms(formula: str) -> list[str]:
    return estimate_regression(DESIGN, formula).table["variable"].tolist()


@pytest.mark.parametrize("formula", ["y ~ `org.unit` + x", 'y ~ Q("org.unit") + x'])
def test_a_quoted_name_is_read_in_both_uses(formula: str) -> None:
    """Without weights that differ, both are the maximum of the same likelihood."""
    regression = estimate_regression(DESIGN, formula, "binomial").table.set_index("variable")["estimate"]
    response = fit_propensity(PEOPLE, formula, "y", tolerance=1e-14).coefficients
    assert regression.index.tolist() == ["Intercept", "org.unit[T.b]", "org.unit[T.c]", "x"]
    assert response[regression.index].tolist() == pytest.approx(regression.tolist(), rel=1e-9)


def test_a_quoted_name_means_the_column() -> None:
    plain = estimate_regression(SurveyDesign(PEOPLE.rename(columns={"org.unit": "unit"}), "w"), "y ~ unit + x").table
    quoted = estimate_regression(DESIGN, "y ~ `org.unit` + x").table
    pd.testing.assert_frame_equal(quoted.drop(columns="variable"), plain.drop(columns="variable"))
    assert estimate_regression(DESIGN, "x ~ C(`org.unit`)").table["variable"][1] == "C(`org.unit`)[T.b]"
    renamed = SurveyDesign(PEOPLE.rename(columns={"y": "to be"}), "w")
    assert estimate_regression(renamed, "`to be` ~ x").table["estimate"].tolist() == pytest.approx(
        estimate_regression(DESIGN, "y ~ x").table["estimate"].tolist()
    )


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ x + flag", ["Intercept", "flag[T.True]", "x"]),
        ("y ~ I(x > 2)", ["Intercept", "I(x > 2)[T.True]"]),
        ("x ~ 0 + y + flag", ["flag[False]", "flag[True]", "y"]),
        ("x ~ y:flag + flag", ["Intercept", "flag[T.True]", "y:flag[False]", "y:flag[True]"]),
        ("y ~ flag*x", ["Intercept", "flag[T.True]", "x", "flag[T.True]:x"]),
        ("y ~ C(flag, Treatment(True))", ["Intercept", "C(flag, Treatment(True))[T.False]"]),
    ],
)
def test_names_and_order_of_coefficients(formula: str, expected: list[str]) -> None:
    """What is true or false is a category; terms of categories alone come first, main effects before interactions."""
    assert terms(formula) == expected


def test_levels_keep_the_order_of_a_categorical_and_that_of_the_alphabet_elsewhere() -> None:
    units = PEOPLE["org.unit"]
    kinds = {
        "given": pd.Categorical(units, categories=[*"qcab"]),
        "text": units,
        "string": units.astype("string").where(PEOPLE.index > 0),
        "objects": units.astype(object).where(PEOPLE.index > 0, None),
    }
    found = {
        name: estimate_regression(SurveyDesign(PEOPLE.assign(unit=kind), "w"), "x ~ unit").table["variable"].tolist()
        for name, kind in kinds.items()
    }
    assert found.pop("given") == ["Intercept", "unit[T.a]", "unit[T.b]"]
    assert list(found.values()) == [["Intercept", "unit[T.b]", "unit[T.c]"]] * 3


def test_the_outcome_is_the_chance_of_true_in_any_order_of_levels() -> None:
    backwards = PEOPLE.assign(flag=pd.Categorical(PEOPLE["flag"], categories=[True, False]))
    first = estimate_regression(SurveyDesign(backwards, "w"), "flag ~ 1").table["estimate"][0]
    assert first == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("formula", "got"),
    [
        ("x", "no outcome before ~"),
        ("y ~", "no terms after ~"),
        ("y ~ 0", "no terms after ~"),
        ("y ~ x | flag", "several parts"),
        ("y ~ nothing", "`nothing` is not present"),
        ("y ~ (x", "matching"),
    ],
)
def test_a_formula_that_cannot_be_read_is_named_with_the_reason(formula: str, got: str) -> None:
    with pytest.raises(EstimationError, match="the formula cannot be read") as caught:
        estimate_regression(DESIGN, formula)
    (problem,) = caught.value.problems
    assert problem.key == formula
    assert got in problem.got


def test_the_response_model_says_the_same_of_its_formula() -> None:
    with pytest.raises(WeightingError, match="the formula cannot be read") as caught:
        fit_propensity(PEOPLE, "y ~ (x", "y")
    assert "\x1b" not in str(caught.value)
    assert np.isfinite(fit_propensity(PEOPLE, "x", "y").coefficients).all()
