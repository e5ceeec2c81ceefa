"""Fay-Herriot: closed forms by hand, an independent maximum, invariants, and the MSE against the truth."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.small_area import METHODS, FayHerriot, fay_herriot, smooth_variances

ONES = np.ones(5)
Y = np.array([0.0, 2, 4, 6, 8])
FOUR = np.full(5, 4.0)
every_method = pytest.mark.parametrize("method", METHODS)


# To the maximum itself, where closed forms hold; by default scoring ends where R's does.
to_the_end = partial(fay_herriot, tolerance=1e-12, max_iterations=10_000)


def areas(seed: int, m: int = 25, sigma: float = 2.0) -> tuple[pd.Series, pd.Series, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    names = [f"unit {i}" for i in range(m)]
    x = pd.DataFrame({"one": 1.0, "size": rng.normal(0, 1, m)}, index=names)
    psi = pd.Series(rng.uniform(0.5, 4, m), index=names)
    y = 70 + 3 * x["size"] + rng.normal(0, sigma, m) + rng.normal(0, np.sqrt(psi))
    return y, psi, x


# --- by hand


@pytest.mark.parametrize(
    ("method", "sigma2", "mse", "why"),
    [
        ("REML", 6.0, 4.0, "sum of squares 40: 40/4 - 4 = 6, B = 0.4; g1 2.4 + g2 0.16*10/5 + 2 g3 0.16*40/10"),
        ("FH", 6.0, 4.0, "the same sigma2; with equal variances the moment estimator has no bias term"),
        ("ML", 4.0, 4.4, "40/5 - 4 = 4, B = 1/2; g1 2 + g2 8/5/4 + 2 g3 1/4*(2*64/5)/8 + bias 1.6/4"),
    ],
)
def test_equal_variances_have_a_closed_form(method: str, sigma2: float, mse: float, why: str) -> None:
    fit = to_the_end(Y, FOUR, ONES, method)
    gamma = sigma2 / (sigma2 + 4)
    assert fit.sigma2 == pytest.approx(sigma2, rel=1e-10), why
    assert fit.eblup.to_numpy() == pytest.approx(4 + gamma * (Y - 4))
    assert fit.mse.to_numpy() == pytest.approx(np.full(5, mse)), why
    assert fit.gamma.to_numpy() == pytest.approx(np.full(5, gamma))
    assert fit.beta.to_numpy() == pytest.approx([4.0])
    assert fit.beta_se.to_numpy() ** 2 == pytest.approx([(sigma2 + 4) / 5])
    assert fit.sigma2_se**2 == pytest.approx(2 / 5 * (sigma2 + 4) ** 2)
    assert fit.loglik == pytest.approx(-(5 * np.log(2 * np.pi * (sigma2 + 4)) + 40 / (sigma2 + 4)) / 2)
    assert fit.converged


@every_method
def test_boundary_gives_the_synthetic_estimate_for_all(method: str) -> None:
    """The means differ by less than their variances explain: 40/4 < 20."""
    fit = to_the_end(Y, np.full(5, 20.0), ONES, method)
    assert fit.sigma2 == 0
    assert fit.on_boundary
    assert fit.converged
    assert fit.eblup.tolist() == pytest.approx([4.0] * 5)
    assert fit.gamma.tolist() == [0.0] * 5
    assert (fit.mse >= 20 / 5).all(), "at least the error of the common mean"


def test_boundary_by_hand_under_reml() -> None:
    """g1 = 0, g2 = 20/5, g3 = 2 * 20^2 / 5 / 20 = 8."""
    assert to_the_end(Y, np.full(5, 20.0), ONES).mse.tolist() == pytest.approx([4 + 2 * 8] * 5)


@every_method
def test_area_without_a_direct_estimate_is_synthetic(method: str) -> None:
    y, psi, x = areas(3)
    sampled = to_the_end(y, psi, x, method)
    new = pd.DataFrame({"one": 1.0, "size": [0.5, -2.0]}, index=["new", "other"])
    none = pd.Series(np.nan, index=new.index)
    fit = to_the_end(pd.concat([y, none]), pd.concat([psi, none]), pd.concat([x, new]), method)
    assert fit.sigma2 == sampled.sigma2
    assert fit.n_sampled == len(y)
    pd.testing.assert_series_equal(fit.eblup[y.index], sampled.eblup)
    assert fit.eblup["new"] == pytest.approx(fit.beta["one"] + 0.5 * fit.beta["size"])
    assert fit.gamma[["new", "other"]].tolist() == [0.0, 0.0]
    row = new.loc["other"].to_numpy()
    plain = fit.sigma2 + row @ fit.beta_covariance.to_numpy() @ row
    assert fit.mse["other"] == pytest.approx(plain, rel=1e-12 if method == "REML" else 0.2)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_mse_without_a_direct_estimate_is_the_limit_of_a_useless_one(method: str) -> None:
    """An estimate with an enormous variance says as much as none (moments count it as an area all the same)."""
    y, psi, x = areas(4)
    y.iloc[0], psi.iloc[0] = 75.0, 1e9
    vague = to_the_end(y, psi, x, method)
    without = to_the_end(y.drop(y.index[0]).reindex(y.index), psi, x, method)
    assert vague.eblup.iloc[0] == pytest.approx(without.eblup.iloc[0], rel=1e-6)
    assert vague.mse.iloc[0] == pytest.approx(without.mse.iloc[0], rel=1e-6)


def test_variance_of_zero_is_no_obstacle_where_there_is_no_direct_estimate() -> None:
    fit = to_the_end([*Y, np.nan], [*FOUR, 0.0], np.ones(6))
    assert fit.eblup[5] == pytest.approx(4)
    assert fit.mse[5] == pytest.approx(6 + 10 / 5)


# --- against an independent computation


def restricted_deviance(sigma2: float, y: np.ndarray, psi: np.ndarray, x: np.ndarray, restricted: bool) -> float:
    """-2 log (restricted) likelihood with full matrices, as in the textbook."""
    v = np.diag(sigma2 + psi)
    w = np.linalg.inv(v)
    gram = x.T @ w @ x
    r = y - x @ np.linalg.solve(gram, x.T @ w @ y)
    return np.linalg.slogdet(v)[1] + r @ w @ r + restricted * np.linalg.slogdet(gram)[1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_sigma2_is_where_the_likelihood_is_highest(method: str, seed: int) -> None:
    y, psi, x = (part.to_numpy() for part in areas(seed))
    best = minimize_scalar(
        restricted_deviance, bounds=(0, 50), args=(y, psi, x, method == "REML"), options={"xatol": 1e-10}
    )
    assert to_the_end(y, psi, x, method).sigma2 == pytest.approx(best.x, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_moments_meet_their_equation(seed: int) -> None:
    """Standardised squared residuals sum to areas minus columns."""
    y, psi, x = areas(seed)
    fit = to_the_end(y, psi, x, "FH")
    assert ((y - fit.synthetic) ** 2 / (fit.sigma2 + psi)).sum() == pytest.approx(25 - 2, rel=1e-9)


@every_method
def test_mse_is_that_of_the_textbook_sum_over_areas(method: str) -> None:
    """Rao & Molina (2015), section 6.2.1, area by area with full matrices."""
    y, psi, x = areas(6)
    fit = to_the_end(y, psi, x, method)
    total, squares = (((fit.sigma2 + psi) ** -k).sum() for k in (1, 2))
    q, rows = fit.beta_covariance.to_numpy(), x.to_numpy()
    shrunk = np.trace(q @ (rows.T @ np.diag((fit.sigma2 + psi) ** -2.0) @ rows))
    spread = 2 * len(y) / total**2 if method == "FH" else 2 / squares
    bias = {"REML": 0.0, "ML": -shrunk / squares, "FH": 2 * (len(y) * squares - total**2) / total**3}[method]
    for i, name in enumerate(y.index):
        b = psi[name] / (fit.sigma2 + psi[name])
        g = [fit.sigma2 * b, b**2 * rows[i] @ q @ rows[i], psi[name] ** 2 / (fit.sigma2 + psi[name]) ** 3 * spread]
        assert fit.mse[name] == pytest.approx(g[0] + g[1] + 2 * g[2] - bias * b**2)


# --- invariants


@given(seed=st.integers(0, 300), method=st.sampled_from(METHODS))
def test_order_of_areas_does_not_matter(seed: int, method: str) -> None:
    y, psi, x = areas(seed)
    other = y.index[np.random.default_rng(seed).permutation(len(y))]
    first, second = to_the_end(y, psi, x, method), to_the_end(y[other], psi[other], x.loc[other], method)
    pd.testing.assert_frame_equal(second.table.loc[y.index], first.table, rtol=1e-8)
    mixed = to_the_end(y, psi[other], x.loc[other], method)
    pd.testing.assert_frame_equal(mixed.table, first.table, rtol=1e-12)


@given(
    seed=st.integers(0, 300), factor=st.floats(1e-3, 1e3), shift=st.floats(-100, 100), method=st.sampled_from(METHODS)
)
def test_results_follow_scale_and_shift(seed: int, factor: float, shift: float, method: str) -> None:
    y, psi, x = areas(seed)
    first, second = to_the_end(y, psi, x, method), to_the_end(y * factor + shift, psi * factor**2, x, method)
    assert second.sigma2 == pytest.approx(first.sigma2 * factor**2, rel=1e-7)
    np.testing.assert_allclose(second.eblup, first.eblup * factor + shift, rtol=1e-8, atol=1e-8 * factor)
    np.testing.assert_allclose(second.mse, first.mse * factor**2, rtol=1e-7)


@given(seed=st.integers(0, 300), method=st.sampled_from(METHODS))
def test_recoding_the_covariates_changes_only_beta(seed: int, method: str) -> None:
    y, psi, x = areas(seed)
    other = pd.DataFrame({"a": x["one"] * 1000, "b": 5 * x["size"] - 7 * x["one"]})
    first, second = to_the_end(y, psi, x, method), to_the_end(y, psi, other, method)
    pd.testing.assert_frame_equal(second.table, first.table, rtol=1e-7)


@given(seed=st.integers(0, 300), method=st.sampled_from(METHODS))
def test_estimate_lies_between_synthetic_and_direct(seed: int, method: str) -> None:
    y, psi, x = areas(seed)
    fit = to_the_end(y, psi, x, method)
    low, high = np.minimum(y, fit.synthetic), np.maximum(y, fit.synthetic)
    assert ((fit.eblup >= low - 1e-9) & (fit.eblup <= high + 1e-9)).all()
    assert fit.gamma.between(0, 1).all()
    assert (fit.gamma.sort_values(ascending=False).index == psi.sort_values().index).all() or fit.on_boundary


@every_method
def test_tiny_variance_gives_the_direct_and_a_huge_one_the_synthetic_estimate(method: str) -> None:
    y, psi, x = areas(8)
    psi.iloc[0], psi.iloc[1] = 1e-9, 1e9
    fit = to_the_end(y, psi, x, method)
    assert fit.eblup.iloc[0] == pytest.approx(y.iloc[0], abs=1e-6)
    assert fit.mse.iloc[0] == pytest.approx(1e-9, rel=0.01)
    assert fit.eblup.iloc[1] == pytest.approx(fit.synthetic.iloc[1], abs=1e-6)


@given(seed=st.integers(0, 500), method=st.sampled_from(METHODS))
def test_scoring_ends_on_wild_variances(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    m = int(rng.integers(4, 30))
    psi = np.exp(rng.normal(0, 2.5, m))
    fit = to_the_end(rng.normal(0, np.sqrt(psi)) + 50, psi, np.column_stack([np.ones(m), rng.normal(size=m)]), method)
    assert fit.converged
    assert fit.sigma2 >= 0
    assert np.isfinite(fit.table.to_numpy()).all()


def test_too_few_steps_are_reported() -> None:
    y, psi, x = areas(1)
    fit = fay_herriot(y, psi, x, max_iterations=1)
    assert (fit.iterations, fit.converged) == (1, False)


def test_loose_tolerance_stops_earlier_and_nearby() -> None:
    y, psi, x = areas(1)
    loose, tight = fay_herriot(y, psi, x), to_the_end(y, psi, x)
    assert loose.iterations < tight.iterations
    assert loose.sigma2 == pytest.approx(tight.sigma2, rel=1e-3)


# --- inputs


def test_arrays_and_tables_agree_and_the_index_stays() -> None:
    y, psi, x = areas(2)
    named, plain = to_the_end(y, psi, x), to_the_end(y.to_numpy(), list(psi), x.to_numpy())
    assert named.eblup.index.equals(y.index)
    assert list(named.beta.index) == ["one", "size"]
    assert list(plain.beta.index) == ["x0", "x1"]
    assert named.eblup.tolist() == plain.eblup.tolist()
    mixed = to_the_end(y.to_numpy(), psi.to_numpy(), x)
    assert mixed.mse.index.equals(x.index)


def test_intercept_only_when_asked_for() -> None:
    y, psi, x = areas(2)
    with_ones, added = to_the_end(y, psi, x), to_the_end(y, psi, x["size"], intercept=True)
    assert list(added.beta.index) == ["(intercept)", "size"]
    assert added.beta.tolist() == pytest.approx(with_ones.beta.tolist())
    assert list(to_the_end(y, psi, x["size"]).beta.index) == ["size"]


def test_true_and_false_are_covariates_and_pandas_missing_values_are_understood() -> None:
    y, psi, x = areas(2)
    dummies = pd.DataFrame({"big": x["size"] > 0, "small": x["size"] <= 0})
    y.iloc[3] = np.nan
    fit = to_the_end(y.astype("Float64"), psi.astype("Float64"), dummies)
    assert fit.n_sampled == len(y) - 1


NAMED = pd.Series(Y, index=list("abcde"))


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: to_the_end(Y, FOUR, ONES, "reml"), ["unknown method", "got: reml", "did you mean 'REML'?"]),
        (lambda: to_the_end(Y, FOUR[:4], ONES), ["different lengths", "direct (5,), variances (4,), X (5,)"]),
        (lambda: to_the_end(Y, 4.0, ONES), ["different lengths", "variances ()"]),
        (lambda: to_the_end(Y, FOUR - [0, 4, 0, 5, 0], ONES), ["not positive", "2 areas: 1 (0), 3 (-1)"]),
        (lambda: to_the_end(NAMED, [4, 4, np.inf, 4, 4], ONES), ["not positive", "c (inf)"]),
        (lambda: to_the_end([0, 2, 4, 6, np.inf], FOUR, ONES), ["direct estimate is infinite", "4 (inf)"]),
        (lambda: to_the_end(Y, FOUR, [1, 1, np.nan, 1, 1]), ["covariate is missing", "column x0", "2 (nan)"]),
        (lambda: to_the_end(Y, FOUR, np.column_stack([ONES, 2 * ONES])), ["linear combinations", "rank 1"]),
        (lambda: to_the_end(Y, FOUR, ONES, intercept=True), ["column x0", "intercept=True"]),
        (lambda: to_the_end(Y, FOUR, np.zeros(5)), ["linear combinations", "column x0"]),
        (lambda: to_the_end(Y[:2], FOUR[:2], np.eye(2)), ["too few areas", "2 areas", "2 columns"]),
        (lambda: to_the_end(Y * np.nan, FOUR, ONES), ["too few areas", "0 areas"]),
        (lambda: to_the_end([], [], []), ["too few areas"]),
        (lambda: to_the_end(Y, FOUR, np.ones((5, 1, 1))), ["X is not a matrix"]),
        (lambda: to_the_end(Y, FOUR, pd.DataFrame({"kind": list("abcab")})), ["column kind", "get_dummies"]),
        (lambda: to_the_end(Y, FOUR, pd.DataFrame(np.eye(5)[:, :2], columns=["a", "a"])), ["a column twice"]),
        (lambda: to_the_end(list("abcde"), FOUR, ONES), ["one number per area", "column direct"]),
        (lambda: to_the_end(NAMED, pd.Series(FOUR), ONES), ["different areas", "column variances", "by position"]),
        (lambda: fay_herriot(Y, FOUR, ONES, tolerance=0), ["cannot be run", "tolerance=0"]),
        (lambda: smooth_variances(FOUR, [1, 2, 3, 4, 5], correction="smear"), ["did you mean 'smearing'?"]),
        (lambda: smooth_variances(-FOUR, [1, 2, 3, 4, 5]), ["variance is negative", "0 (-4)"]),
        (lambda: smooth_variances(FOUR, [1, 2, 0, 4, np.nan]), ["no sample size", "2 (0), 4 (nan)"]),
        (lambda: smooth_variances([1, 2, 0, 0, np.nan], [1, 2, 3, 4, 5]), ["too few areas", "2 areas"]),
        (lambda: smooth_variances(FOUR, [3] * 5), ["same sample size", "slope=-1.0"]),
    ],
)
def test_errors_say_what_and_where(call: Callable[[], object], parts: list[str]) -> None:
    with pytest.raises(EstimationError) as caught:
        call()
    assert all(part in str(caught.value) for part in parts), str(caught.value)


# --- smoothed variances


def test_variances_on_a_line_are_kept() -> None:
    n = np.array([4.0, 10, 25, 80])
    made = smooth_variances(36 / n, n)
    assert made.slope == pytest.approx(-1)
    assert made.intercept == pytest.approx(np.log(36))
    assert made.factor == pytest.approx(1)
    assert made.r_squared == pytest.approx(1)
    assert made.smoothed.to_numpy() == pytest.approx(36 / n)


@pytest.mark.parametrize(
    ("correction", "factor", "why"),
    [
        ("none", 1.0, "the geometric mean of v n"),
        ("smearing", 1.25, "residuals log 2, -log 2, twice: mean of 2, 1/2"),
        ("lognormal", np.exp(np.log(2) ** 2 * 4 / 3 / 2), "residual variance 4 log(2)^2 / (4 - 1)"),
        ("ratio", (4 + 1 + 1 + 0.25) / (2 + 2 + 0.5 + 0.5), "sum of the variances / sum of the fitted 20/n"),
    ],
)
def test_corrections_by_hand(correction: str, factor: float, why: str) -> None:
    """v n = 40, 10, 40, 10: the line with slope -1 lies at 20/n."""
    made = smooth_variances([4, 1, 1, 0.25], [10, 10, 40, 40], slope=-1.0, correction=correction)
    assert made.factor == pytest.approx(factor), why
    assert made.smoothed.to_numpy() == pytest.approx(factor * 20 / np.array([10, 10, 40, 40])), why


def test_units_without_a_usable_variance_get_that_of_their_size() -> None:
    """One answer has no variance, and equal answers have 0: both say nothing; nobody answered stays missing."""
    n = pd.Series([4, 10, 25, 80, 1, 10, 0, np.nan], index=list("abcdefgh"))
    made = smooth_variances(pd.Series([9, 3.6, 1.44, 0.45, np.nan, 0, np.nan, np.nan], index=n.index), n)
    assert made.n_used == 4
    assert made.smoothed[["e", "f"]].to_numpy() == pytest.approx([36, 3.6])
    assert made.smoothed[["g", "h"]].isna().all()
    fit = to_the_end(pd.Series([50, 60, 55, 58, 70, 40, np.nan, np.nan], index=n.index), made.smoothed, np.ones(8))
    assert fit.n_sampled == 6
    assert fit.table.notna().all(axis=None)


@given(seed=st.integers(0, 200), factor=st.floats(1e-3, 1e3))
def test_smoothing_follows_scale_and_order(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    n = pd.Series(rng.integers(2, 60, 30), index=[f"u{i}" for i in range(30)])
    v = 100 / n * rng.chisquare(n - 1) / (n - 1)
    first, scaled = smooth_variances(v, n), smooth_variances(v * factor, n.sample(frac=1, random_state=seed))
    pd.testing.assert_series_equal(scaled.smoothed, first.smoothed * factor, rtol=1e-9)
    assert smooth_variances(v, n, correction="ratio").smoothed.sum() == pytest.approx(v.sum())


# --- against the truth


def simulated(method: str, rounds: int = 400, m: int = 60) -> pd.DataFrame:
    """True and estimated MSE over seeded rounds; variances of Datta, Rao & Smith (2005), sigma2 = 1."""
    rng = np.random.default_rng(2005)
    psi, x = np.repeat([2.0, 0.6, 0.5, 0.4, 0.2], m // 5), np.column_stack([np.ones(m), np.linspace(-1, 1, m)])
    fits: list[tuple[np.ndarray, FayHerriot]] = []
    for _ in range(rounds):
        truth = x @ [3.0, 1.0] + rng.normal(0, 1, m)
        fits.append((truth, to_the_end(truth + rng.normal(0, np.sqrt(psi)), psi, x, method)))
    rows = {
        "true": np.mean([(fit.eblup - truth) ** 2 for truth, fit in fits], axis=0),
        "estimated": np.mean([fit.mse for _, fit in fits], axis=0),
        "sigma2": np.mean([fit.sigma2 for _, fit in fits]),
        "direct": psi,
    }
    return pd.DataFrame(rows).groupby("direct", as_index=False).mean()


@every_method
def test_mse_estimate_is_near_the_true_mse(method: str) -> None:
    """4,800 squared errors per row: their mean has a Monte-Carlo error of about 2 %."""
    table = simulated(method)
    assert table["estimated"].to_numpy() == pytest.approx(table["true"].to_numpy(), rel=0.06)
    assert (table["true"] < table["direct"]).all(), "the model must beat the direct estimate where it holds"
    assert table["sigma2"].iloc[0] == pytest.approx(1, abs=0.06)


def test_smoothed_variances_are_right_on_average_with_a_fixed_slope_and_too_flat_with_a_free_one() -> None:
    """Log variances of few answers lie too low (chi-square), so a free line rises with n against the truth 100/n."""
    rng, n = np.random.default_rng(7), np.repeat([3, 5, 8, 15, 40], 8)
    samples = [100 / n * rng.chisquare(n - 1) / (n - 1) for _ in range(300)]
    fixed = np.mean([smooth_variances(v, n, slope=-1.0).smoothed * n / 100 for v in samples])
    free = [smooth_variances(v, n).slope for v in samples]
    assert fixed == pytest.approx(1, abs=0.03)
    assert np.mean(free) > -0.9


def test_without_covariates_every_area_is_drawn_to_the_common_mean() -> None:
    direct = pd.Series([10.0, 12.0, 14.0, 16.0], index=list("abcd"))
    model = fay_herriot(direct, pd.Series(5 / 3, index=direct.index))
    assert model.eblup.round(4).to_dict() == {"a": 10.75, "b": 12.25, "c": 13.75, "d": 15.25}, "3/4 of their own"


def test_a_model_is_printed_as_a_table_and_a_line() -> None:
    printed = repr(fay_herriot(np.arange(50.0), np.ones(50)))
    assert len(printed.splitlines()) <= 25
    assert "areas: 50, 50 sampled; sigma2" in printed
