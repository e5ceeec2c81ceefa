"""Regression: the sandwich of a simple random sample is White's, domains and replicates hang together."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import (
    ReplicateDesign,
    SeparationWarning,
    SurveyDesign,
    estimate_mean,
    estimate_regression,
    regression_fit,
)
from spi_analysis.survey.weighting import fit_propensity, jackknife_replicates

RNG = np.random.default_rng(7)
X = RNG.normal(size=200)
DATA = pd.DataFrame(
    {
        "w": 2.0,
        "x": X,
        "g": RNG.choice(["a", "b"], 200),
        "y": 1 + 2 * X + RNG.normal(size=200) * (1 + X**2),
        "z": (RNG.random(200) < 1 / (1 + np.exp(-X))).astype(int),
        "k": RNG.poisson(np.exp(0.3 * X)),
    }
)
DESIGN = SurveyDesign(DATA, "w")
FAMILIES = {
    "y": ("gaussian", sm.families.Gaussian),
    "z": ("binomial", sm.families.Binomial),
    "k": ("poisson", sm.families.Poisson),
}


@pytest.mark.parametrize("outcome", FAMILIES)
def test_simple_random_sample_gives_whites_sandwich(outcome: str) -> None:
    """With replacement the design's covariance is White's (HC0) times n/(n-1)."""
    family, reference = FAMILIES[outcome]
    fit = sm.GLM(DATA[outcome], sm.add_constant(DATA["x"]), reference()).fit(cov_type="HC0")
    table = estimate_regression(DESIGN, f"{outcome} ~ x", family).table
    assert table["estimate"].tolist() == pytest.approx(fit.params.tolist(), rel=1e-6)
    assert table["se"].tolist() == pytest.approx((fit.bse * np.sqrt(200 / 199)).tolist(), rel=1e-6)
    assert table["df_design"].tolist() == [198, 198]


@pytest.mark.parametrize("outcome", FAMILIES)
def test_every_replicate_has_the_coefficients_of_statsmodels(outcome: str) -> None:
    family, reference = FAMILIES[outcome]
    factors = RNG.uniform(0.2, 3.0, (200, 4)) * (RNG.random((200, 4)) > 0.1)
    design = ReplicateDesign(DATA, "w", 2.0 * factors, "other", scale=1.0)
    found = estimate_regression(design, f"{outcome} ~ x + g", family).replicates
    x = np.column_stack([np.ones(200), DATA["g"] == "b", DATA["x"]]).astype(float)
    for w, ours in zip(factors.T, found, strict=True):
        fit = sm.GLM(DATA[outcome], x, reference(), freq_weights=w).fit(tol=1e-14)
        assert ours.tolist() == pytest.approx(fit.params.tolist(), rel=1e-7)


def test_the_regression_of_an_answer_is_the_response_model() -> None:
    """One fit for both: the same coefficients where the status is the outcome and the weights are the same."""
    model = fit_propensity(DATA, "x + g", "z", "w", tolerance=1e-14)
    table = estimate_regression(DESIGN, "z ~ x + g", "binomial").table.set_index("variable")
    assert table["estimate"].to_dict() == pytest.approx(model.coefficients.to_dict(), rel=1e-9)


def test_all_replicates_of_a_logistic_model_are_fitted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, fit = [], regression_fit.fit_columns
    monkeypatch.setattr(
        regression_fit,
        "fit_columns",
        lambda *args, **options: columns.append(args[1].shape[1]) or fit(*args, **options),
    )
    estimate_regression(ReplicateDesign(DATA, "w", np.full((200, 5), 2.0), "other", scale=1.0), "z ~ x", "binomial")
    assert columns == [1, 5], "the sample, then its replicates"


@pytest.mark.parametrize("outcome", FAMILIES)
def test_years_do_not_drown_in_rounding(outcome: str) -> None:
    family = FAMILIES[outcome][0]
    years = SurveyDesign(DATA.assign(x=2000 + 10 * DATA["x"]), "w")
    slopes = [estimate_regression(design, f"{outcome} ~ x", family).table.iloc[1] for design in (DESIGN, years)]
    assert slopes[1]["estimate"] == pytest.approx(slopes[0]["estimate"] / 10, rel=1e-8)
    assert slopes[1]["se"] == pytest.approx(slopes[0]["se"] / 10, rel=1e-8)


def test_a_regression_on_nothing_is_the_mean() -> None:
    row, mean = estimate_regression(DESIGN, "y ~ 1").table.iloc[0], estimate_mean(DESIGN, "y").table.iloc[0]
    assert row[["estimate", "se", "df_design"]].tolist() == pytest.approx(
        mean[["estimate", "se", "df_design"]].tolist()
    )


def test_a_group_coefficient_is_a_difference_of_domains() -> None:
    means = estimate_mean(DESIGN, "y", by="g").table["estimate"]
    assert estimate_regression(DESIGN, "y ~ C(g)").table["estimate"].iloc[1] == pytest.approx(means[1] - means[0])


@pytest.mark.parametrize("outcome", FAMILIES)
def test_taylor_and_jackknife_agree(outcome: str) -> None:
    family = FAMILIES[outcome][0]
    made = jackknife_replicates(DATA, "w")
    replicated = ReplicateDesign(DATA, "w", made.values, "jk1")
    taylor, jackknife = (estimate_regression(d, f"{outcome} ~ g", family).table for d in (DESIGN, replicated))
    assert jackknife["estimate"].tolist() == pytest.approx(taylor["estimate"].tolist())
    assert jackknife["se"].tolist() == pytest.approx(taylor["se"].tolist(), rel=0.05)


def test_missing_rows_are_outside_the_domain_and_keep_their_place() -> None:
    gaps = DATA.assign(x=DATA["x"].where(DATA.index % 5 > 0))
    whole = estimate_regression(SurveyDesign(gaps, "w").subset(gaps["x"].notna()), "y ~ x").table
    pd.testing.assert_frame_equal(estimate_regression(SurveyDesign(gaps, "w"), "y ~ x").table, whole)
    assert whole["n"].iloc[0] == 160


# R 4.2.2, survey 4.1-1 (Debian), 2026-11-22: s <- svydesign(id = ~1, weights = ~w, data = d);
# svyglm(y ~ x + factor(g), subset(s, g != "c"))
SMALL = pd.DataFrame(
    {
        "y": [1.0, 3, 2, 5, 4, 6, 8, 7, 9, 5, 6, 2],
        "x": [1.0, 2, 2, 3, 3, 4, 5, 5, 6, 3, 4, 1],
        "g": list("abcabcababab"),
        "w": [2.0, 3, 1, 4, 2, 2, 3, 1, 2, 3, 4, 2],
    }
)
WITHOUT_C = {
    "Intercept": (0.128391082460383138, 0.48952440220364452),
    "g[T.b]": (-0.063121138866506221, 0.32049184549712872),
    "x": (1.510072522159548347, 0.10516550824104624),
}


def without_c() -> dict[str, SurveyDesign]:
    levels = SMALL.assign(g=pd.Categorical(SMALL["g"], categories=list("abcq")))
    no_answer = SMALL.assign(g=levels["g"], x=SMALL["x"].where(SMALL["g"] != "c"))
    weightless = levels.assign(w=SMALL["w"].where(SMALL["g"] != "c", 0.0))
    kept = SMALL["g"] != "c"
    return {
        "text": SurveyDesign(SMALL, "w").subset(kept),
        "levels": SurveyDesign(levels, "w").subset(kept),
        "no answer": SurveyDesign(no_answer, "w"),
        "no weight": SurveyDesign(weightless, "w"),
        "same labels": SurveyDesign(no_answer.set_index(pd.Index([7] * 12)), "w"),
        "nullable": SurveyDesign(no_answer.assign(x=no_answer["x"].astype("Float64")), "w"),
    }


@pytest.mark.parametrize("way", without_c())
def test_levels_that_nobody_in_the_domain_has_are_left_out_as_in_r(way: str) -> None:
    table = estimate_regression(without_c()[way], "y ~ x + g").table.set_index("variable")
    for term, expected in WITHOUT_C.items():
        assert tuple(table.loc[term, ["estimate", "se"]]) == pytest.approx(expected, rel=1e-9), term
    assert (table["n"] == 10).all()


def test_replicate_without_a_level_is_left_out() -> None:
    """Of three replicates the last has nobody in c; scale 1 and the sum of the squares of the other two."""
    factors = np.ones((12, 3))
    factors[[0, 2], 0], factors[[1, 5], 1], factors[[2, 5], 2] = 2, 2, 0
    design = ReplicateDesign(SMALL, "w", SMALL[["w"]].to_numpy() * factors, "other", scale=1.0)
    with pytest.warns(SeparationWarning, match="1 of 3 replicates are left out"):
        result = estimate_regression(design, "y ~ g")
    means = [
        np.average(SMALL["y"][SMALL["g"] == "a"], weights=(SMALL["w"] * factors[:, r])[SMALL["g"] == "a"])
        for r in range(2)
    ]
    assert result.replicates_left_out.tolist() == [1, 1, 1]
    assert result.table["se"][0] ** 2 == pytest.approx(sum((m - result.table["estimate"][0]) ** 2 for m in means))


def test_true_and_false_are_an_outcome_of_1_and_0() -> None:
    numbers = estimate_regression(DESIGN, "z ~ x", "binomial").table
    for kind in (bool, "boolean"):
        flags = SurveyDesign(DATA.assign(z=(DATA["z"] == 1).astype(kind)), "w")
        pd.testing.assert_frame_equal(estimate_regression(flags, "z ~ x", "binomial").table, numbers)


@pytest.mark.parametrize(
    ("formula", "family", "part"),
    [
        ("y ~ x", "gamma", "unknown family"),
        ("y ~ nothing", "gaussian", "cannot be read"),
        ("y ~ x + I(2 * x)", "gaussian", "depend on each other"),
        ("y ~ x", "binomial", "expected: 0 or 1"),
        ("g ~ x", "binomial", "column g\n  got: a, b"),
        ("g ~ x", "gaussian", "true and false"),
        ("y + z ~ x", "gaussian", "2 columns"),
        ("y ~ x", "poisson", "0 or more"),
        ("I(x > 0) ~ x", "binomial", "coefficients are not finite"),
        ("I(0 * x) ~ 1", "binomial", "coefficients are not finite"),
    ],
)
def test_what_cannot_be_fitted(formula: str, family: str, part: str) -> None:
    with pytest.raises(EstimationError, match=part):
        estimate_regression(DESIGN, formula, family)
