"""Tests of terms, margins, offsets, ordered answers and two-way tables against R survey.

The figures are what ``Rscript tests/reference/regression.R`` printed (R 4.2.2, survey 4.1.1, 2026-11-29).
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from spi_analysis.errors import EstimationError
from spi_analysis.survey import (
    ReplicateDesign,
    SurveyDesign,
    crosstab,
    estimate_regression,
    jackknife_replicates,
    model_estimate,
)

FOLDER = Path(__file__).parents[2] / "reference"
FIGURES = pd.read_csv(FOLDER / "regression_figures.csv", comment="#").set_index(["design", "figure", "part"])["value"]
DATA = pd.read_csv(FOLDER / "regression.csv")
DESIGNS = ("taylor", "jackknife")
# R's derivatives of ordered answers are differences.
DIFFERENCES = 1e-6


def figure(*names: str) -> list[float]:
    return np.atleast_1d(FIGURES.loc[names]).tolist()


@cache
def designed(name: str):
    taylor = SurveyDesign(DATA, "w", stratum="h", psu="c", pop_size="n_psu")
    if name == "taylor":
        return taylor
    made = jackknife_replicates(DATA, "w", "h", "c", "n_psu")
    return ReplicateDesign(DATA, "w", made.values, "jkn", scale=made.scale, rscales=made.rscales, mse=False)


MODELS = {
    "logit": ("z ~ age + sex + x", "binomial"),
    "count": ("k ~ age * sex + x + offset(log(days))", "poisson"),
    "line": ("y ~ age + x + offset(2 * days / 60)", "gaussian"),
    "shifted": ("z ~ age + x + offset(days / 60)", "binomial"),
    "women": ("y ~ age + x", "gaussian"),
    "ordered": ("q ~ age + x + sex", "ordinal"),
    "ordered shifted": ("q ~ age + x + offset(days / 60)", "ordinal"),
}
# R puts terms in the order of the formula, we those of categories first.
IN_R = {"count": [0, 1, 2, 3, 6, 4, 5], "ordered": [0, 1, 3, 2, 4, 5, 6]}


@cache
def fitted(design: str, name: str):
    chosen = designed(design)
    if name == "women":
        chosen = chosen.subset(DATA["sex"] == "f")
    return estimate_regression(chosen, *MODELS[name])


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "ordered shifted"])
def test_coefficients(design: str, name: str) -> None:
    table, allowed = fitted(design, name).table, DIFFERENCES if name.startswith("ordered") else 1e-7
    for column in ("estimate", "se"):
        ours = table[column].iloc[IN_R.get(name, range(len(table)))].tolist()
        assert ours == pytest.approx(figure(design, name, column), rel=allowed)


def test_an_offset_of_ordered_answers() -> None:
    table = fitted("taylor", "ordered shifted").table
    for column in ("estimate", "se"):
        assert table[column].tolist() == pytest.approx(figure("taylor", "ordered shifted", column), rel=DIFFERENCES)


def of_statsmodels(design, weight: str = "w"):
    """The logit as statsmodels fits it: people with an x, indicators of age and sex as R makes them."""
    people = DATA[DATA["x"].notna()]
    groups = pd.get_dummies(people[["age", "sex"]], drop_first=True, dtype=float)
    x = sm.add_constant(groups.assign(x=people["x"]))
    fit = sm.GLM(people["z"], x, sm.families.Binomial(), var_weights=people[weight]).fit(tol=1e-14, maxiter=200)
    return model_estimate(design.subset(DATA["x"].notna()), fit).table


@pytest.mark.parametrize(("design", "figures"), [("taylor", "logit"), ("jackknife", "logit scores")])
def test_a_model_of_statsmodels_has_the_errors_of_the_design(design: str, figures: str) -> None:
    table = of_statsmodels(designed(design))
    for column in ("estimate", "se"):
        assert table[column].tolist() == pytest.approx(figure(design, figures, column), rel=1e-7)
    assert table["df_design"].tolist() == fitted(design, "logit").table["df_design"].tolist()


def test_a_model_with_other_weights_is_refused() -> None:
    with pytest.raises(EstimationError, match="other weights"):
        of_statsmodels(designed("taylor"), "days")


def test_a_model_of_other_people_is_refused() -> None:
    everyone = sm.GLM(DATA["k"], np.ones(len(DATA)), sm.families.Poisson(), var_weights=DATA["w"]).fit()
    with pytest.raises(EstimationError, match="other people"):
        model_estimate(designed("taylor").subset(DATA["x"].notna()), everyone)


def test_a_model_of_others_gives_no_released_figures() -> None:
    everyone = sm.GLM(DATA["k"], np.ones(len(DATA)), sm.families.Poisson(), var_weights=DATA["w"]).fit()
    with pytest.raises(EstimationError, match="may be released"):
        model_estimate(designed("taylor").with_rule(lambda table: table), everyone)


TESTS = {
    "logit age": ("logit", "age"),
    "logit age sex": ("logit", ["age", "sex"]),
    "count age:sex": ("count", "sex:age"),
    "women age": ("women", "age"),
    "ordered age": ("ordered", "age"),
}


# What R cannot test: svyolr of survey 4.1 finds no variance with replicates.
TESTED = [(design, name) for design in DESIGNS for name in TESTS if (design, name) != ("jackknife", "ordered age")]


@pytest.mark.parametrize(("design", "name"), TESTED)
def test_terms_tested_together(design: str, name: str) -> None:
    model, term = TESTS[name]
    found, allowed = fitted(design, model).joint(term), DIFFERENCES if model == "ordered" else 1e-7
    assert list(found.df) == figure(design, name, "df")
    assert found.statistic == pytest.approx(figure(design, name, "F")[0], rel=10 * allowed)
    assert found.p_value == pytest.approx(figure(design, name, "p")[0], rel=10 * allowed)


MARGINS = {
    "margins of z": (("z ~ age + sex + x", "binomial"), "age", None),
    "margins at x": (("z ~ age + sex + x", "binomial"), "x", [1, 3]),
    "margins of k": (("k ~ age + sex + x + offset(log(days))", "poisson"), "sex", None),
}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", MARGINS)
def test_predicted_margins(design: str, name: str) -> None:
    model, term, at = MARGINS[name]
    table = estimate_regression(designed(design), *model).margins(term, at).table
    for column in ("estimate", "se"):
        assert table[column].tolist() == pytest.approx(figure(design, name, column), rel=1e-7)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_two_way_table(design: str) -> None:
    found = crosstab(designed(design), "age", "z")
    test = [found.test.statistic, *found.test.df, found.test.p_value]
    assert test == pytest.approx(figure(design, "crosstab", "test"), rel=1e-7)
    yes = found.table[found.table["z"] == 1]
    assert yes["share"].tolist() == pytest.approx(figure(design, "crosstab", "share"), rel=1e-9)
    assert yes["se"].tolist() == pytest.approx(figure(design, "crosstab", "se"), rel=1e-7)
    cells = crosstab(designed(design), "age", "z", shares="all").table.sort_values(["z", "age"])
    assert cells["share"].tolist() == pytest.approx(figure(design, "crosstab cells", "estimate"), rel=1e-9)
    assert cells["se"].tolist() == pytest.approx(figure(design, "crosstab cells", "se"), rel=1e-7)


def test_limits_of_a_share_are_those_of_its_logit() -> None:
    """With replicates R takes the logit in each of them, we the slope of the logit."""
    design, table = "taylor", crosstab(designed("taylor"), "age", "z").table
    yes = table[table["z"] == 1]
    limits = [figure(design, f"crosstab {age}", "limits") for age in yes["age"]]
    assert yes[["ci_low", "ci_high"]].to_numpy() == pytest.approx(np.array(limits), rel=1e-7)
