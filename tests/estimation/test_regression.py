"""Regression: the sandwich of a simple random sample is White's, domains and replicates hang together."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from spi_analysis.errors import EstimationError
from spi_analysis.estimation import ReplicateDesign, SurveyDesign, estimate_mean, estimate_regression
from spi_analysis.weighting import jackknife_replicates

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


@pytest.mark.parametrize(
    ("formula", "family", "part"),
    [
        ("y ~ x", "gamma", "unknown family"),
        ("y ~ nothing", "gaussian", "cannot be read"),
        ("y ~ x + I(2 * x)", "gaussian", "depend on each other"),
    ],
)
def test_what_cannot_be_fitted(formula: str, family: str, part: str) -> None:
    with pytest.raises(EstimationError, match=part):
        estimate_regression(DESIGN, formula, family)
