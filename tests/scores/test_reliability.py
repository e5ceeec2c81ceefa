"""Alpha, omega and weights from data: by hand, against R and statsmodels, and by repeated samples.

Figures of R 4.2.2 (2026-11-21) for the matrix X below: S <- var(x); k/(k-1)*(1-sum(diag(S))/sum(S)); the same on
cov.wt(x, wt=w, method="ML")$cov; prcomp(x, scale.=TRUE)$rotation[,1]^2; eigen(cov2cor(.))$vectors[,1]^2;
factanal(x[,2:4], 1, control=list(opt=list(factr=10))), the same for x[,3:5]: of three items the factor is exact in any
method.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.multivariate.factor import Factor

from spi_analysis.errors import EstimationError
from spi_analysis.scores.consistency import (
    cronbach_alpha,
    data_weights,
    mcdonald_omega,
    one_factor,
    reliability,
    weighted_covariance,
)
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.survey.weighting import jackknife_replicates

X = np.array(
    [[4, 5, 3, 4, 2], [2, 2, 1, 3, 1], [5, 5, 4, 5, 5], [3, 3, 3, 2, 4], [1, 2, 2, 1, 1], [4, 4, 5, 3, 4],
     [2, 3, 2, 2, 3], [5, 4, 4, 5, 3], [3, 2, 4, 3, 3], [1, 1, 2, 2, 2], [4, 5, 5, 4, 5], [2, 1, 3, 2, 1]], dtype=float
)  # fmt: skip
W = np.array([1, 2, 1, 3, 1, 1, 2, 2, 1, 1, 4, 1], dtype=float)
NAMES = list("abcde")
DATA = pd.DataFrame(X, columns=NAMES).assign(w=W, one=1.0)


def test_alpha_is_that_of_r() -> None:
    plain, weighted = (reliability(SurveyDesign(DATA, w), NAMES, 0.95)["estimate"] for w in ("one", "w"))
    assert plain == pytest.approx(0.925208885265947, rel=1e-12)
    assert weighted == pytest.approx(0.926383399209486, rel=1e-12)


@pytest.mark.parametrize(
    ("columns", "loadings", "omega"),
    [
        ([1, 2, 3], [0.907788669058199, 0.673802221703688, 0.832250378506839], 0.858505358430302),
        ([2, 3, 4], [0.888269271328334, 0.631308739549808, 0.844201431182465], 0.83823212360666),
    ],
)
def test_omega_and_loadings_are_those_of_r(columns: list[int], loadings: list[float], omega: float) -> None:
    """R's optimiser stops a little earlier than the exact solution."""
    covariance = np.cov(X[:, columns].T)
    sd = np.sqrt(np.diag(covariance))
    assert one_factor(covariance / np.outer(sd, sd)).loadings == pytest.approx(loadings, abs=1e-5)
    assert mcdonald_omega(covariance) == pytest.approx(omega, abs=1e-5)


def test_an_item_that_the_factor_would_explain_more_than_whole_leaves_no_omega() -> None:
    """The first three items: r12 r13 / r23 = 1.004 (R holds the loading at 0.9975 by its lower limit)."""
    covariance = np.cov(X[:, :3].T)
    assert np.isnan(mcdonald_omega(covariance))


def test_one_factor_of_three_items_by_hand() -> None:
    """r12 = 0.56, r13 = 0.48, r23 = 0.42: loadings 0.8, 0.7, 0.6."""
    correlation = np.array([[1, 0.56, 0.48], [0.56, 1, 0.42], [0.48, 0.42, 1]])
    assert one_factor(correlation).loadings == pytest.approx([0.8, 0.7, 0.6], abs=1e-6)


def test_loadings_of_five_items_are_those_of_statsmodels() -> None:
    correlation = np.corrcoef(X.T)
    theirs = Factor(corr=correlation, n_factor=1, method="pa", nobs=12).fit(maxiter=5000, tol=1e-12)
    assert one_factor(correlation).loadings == pytest.approx(np.abs(theirs.loadings[:, 0]), abs=1e-6)


def test_parallel_items_by_hand() -> None:
    """Variance 2 and covariance 1 among three items: alpha = 3/2 (1 - 6/12) = 0.75, and omega is the same."""
    covariance = np.ones((3, 3)) + np.eye(3)
    assert cronbach_alpha(covariance[None])[0] == pytest.approx(0.75)
    assert mcdonald_omega(covariance) == pytest.approx(0.75)


def test_weighted_covariances_are_those_of_repeated_rows() -> None:
    repeated = np.repeat(X, W.astype(int), axis=0)
    both = weighted_covariance(X, np.column_stack([W, np.ones(len(X))]))
    assert both[0] == pytest.approx(np.cov(repeated.T, ddof=0))
    assert both[1] == pytest.approx(np.cov(X.T, ddof=0))


def test_interval_of_a_panel_is_bonett_s() -> None:
    """n = 12, k = 5: the standard error of log(1 - alpha) is sqrt(10 / (4 * 10)) = 0.5; t with 11 df is 2.20098516."""
    row = reliability(SurveyDesign(DATA, "one"), NAMES, 0.95)
    alpha = row["estimate"]
    assert 1 - row["ci_low"] == pytest.approx((1 - alpha) * np.exp(2.20098516 * 0.5))
    assert 1 - row["ci_high"] == pytest.approx((1 - alpha) * np.exp(-2.20098516 * 0.5))
    assert (row["n"], row["effective_n"], row["df_design"]) == (12, 12, 11)


def test_replicates_give_an_interval_of_their_own() -> None:
    made = jackknife_replicates(DATA, "w")
    row = reliability(ReplicateDesign(DATA, "w", made.values, "jk1", scale=made.scale), NAMES, 0.95)
    logs = [np.log(1 - cronbach_alpha(weighted_covariance(X, made.values[:, [r]]))[0]) for r in range(12)]
    spread = np.sqrt(made.scale * ((np.array(logs) - np.log(1 - row["estimate"])) ** 2).sum())
    assert np.log((1 - row["ci_low"]) / (1 - row["estimate"])) == pytest.approx(2.20098516 * spread)
    assert row["ci_low"] < row["estimate"] < row["ci_high"] < 1


@pytest.mark.parametrize(
    ("data", "items", "rationale"),
    [
        (DATA, ["a"], "one item has no inner consistency"),
        (DATA.assign(a=np.nan), ["a", "b"], "nobody answered both"),
        (DATA.assign(a=3.0, b=3.0), ["a", "b"], "nothing varies"),
        (DATA.head(2), ["a", "b"], "two people are too few"),
    ],
)
def test_nothing_to_say(data: pd.DataFrame, items: list[str], rationale: str) -> None:
    row = reliability(SurveyDesign(data, "one"), items, 0.95)
    assert row[["estimate", "ci_low", "omega"]].isna().all(), rationale


def test_coverage_of_the_interval() -> None:
    """Five parallel items of reliability 0.8, 60 people, 400 samples: about 95 of 100 intervals hold 0.8."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        trait = rng.normal(0, 1, 60)[:, None]
        data = pd.DataFrame(trait + rng.normal(0, np.sqrt(1.25), (60, 5)), columns=NAMES).assign(one=1.0)
        row = reliability(SurveyDesign(data, "one"), NAMES, 0.95)
        hits += row["ci_low"] <= 0.8 <= row["ci_high"]
    assert 0.92 <= hits / 400 <= 0.98


# --- weights of dimensions


def test_principal_weights_are_those_of_r() -> None:
    values = pd.DataFrame(X, columns=NAMES)
    plain = [0.240443404617991, 0.208391211493329, 0.179876003148064, 0.190926828335599, 0.180362552405018]
    weighted = [0.229288708407149, 0.219180519748476, 0.200994472866588, 0.175666391269973, 0.174869907707814]
    assert data_weights(values, np.ones(12), "pca").tolist() == pytest.approx(plain, rel=1e-9)
    assert data_weights(values, W, "pca").tolist() == pytest.approx(weighted, rel=1e-9)


def test_factor_weights_by_hand() -> None:
    """Loadings 0.8, 0.7, 0.6: weights 64, 49 and 36 of 149."""
    root = np.linalg.cholesky(np.array([[1, 0.56, 0.48], [0.56, 1, 0.42], [0.48, 0.42, 1]]))
    base = np.random.default_rng(0).normal(size=(50, 3))
    base -= base.mean(axis=0)
    exact = np.linalg.solve(np.linalg.cholesky(base.T @ base / 50), base.T).T @ root.T
    weights = data_weights(pd.DataFrame(exact, columns=list("xyz")), np.ones(50), "efa")
    assert weights.tolist() == pytest.approx([64 / 149, 49 / 149, 36 / 149], abs=1e-6)


def test_people_with_a_gap_are_left_out() -> None:
    values = pd.DataFrame(X, columns=NAMES)
    more = pd.concat([values, pd.DataFrame([[5, np.nan, 1, 1, 1]], columns=NAMES)])
    assert data_weights(more, np.ones(13), "pca").tolist() == data_weights(values, np.ones(12), "pca").tolist()


@pytest.mark.parametrize(("names", "method"), [(["a"], "pca"), (["a", "b"], "efa")])
def test_too_few_dimensions(names: list[str], method: str) -> None:
    with pytest.raises(EstimationError, match="too little to derive weights from"):
        data_weights(pd.DataFrame(X, columns=NAMES)[names], np.ones(12), method)


def test_a_dimension_that_does_not_vary_is_named() -> None:
    with pytest.raises(EstimationError, match="c"):
        data_weights(pd.DataFrame(X, columns=NAMES).assign(c=3.0), np.ones(12), "pca")
