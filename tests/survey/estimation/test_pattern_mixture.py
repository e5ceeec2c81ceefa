"""Proxy pattern-mixture analysis: the formulas of the paper, toys countable by hand, and truths that are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import EstimationError
from spi_analysis.survey import ReplicateDesign, SurveyDesign, bootstrap_replicates
from spi_analysis.survey.estimation.pattern_mixture import (
    ProxyMoments,
    delta_adjusted_mean,
    pattern_mixture_mean,
    proxy_factor,
    proxy_moments,
    regression_proxy,
    sensitivity,
    standardised_bias,
    tilted_means,
    tipping_delta,
    unadjusted_bias,
)

# Y and X among four respondents.
Y = np.array([2.0, 4.0, 6.0, 8.0])
X = np.array([1.0, 1.0, 4.0, 2.0])
X_ALL = 1.5


def test_toy_by_hand():
    """Variances 5 and 1.5 (around 5 and 2), covariance 1.5: r^2 = 1.5^2/(5*1.5) = 0.3; X is 0.5 lower for everyone."""
    moments = proxy_moments(Y, X, X_ALL)
    assert (moments.y_mean, moments.x_mean) == (5.0, 2.0)
    assert moments.y_sd**2 == pytest.approx(5.0)
    assert moments.x_sd**2 == pytest.approx(1.5)
    assert moments.correlation**2 == pytest.approx(0.3)
    # Regression of Y on X has slope 1.5/1.5 = 1: everyone lies 0.5 * 1 lower.
    assert pattern_mixture_mean(moments, 0.0) == pytest.approx(4.5)
    # Inverse regression: slope of X on Y is 1.5/5 = 0.3, so X's 0.5 stand for 0.5/0.3 of Y.
    assert pattern_mixture_mean(moments, 1.0) == pytest.approx(5 - 0.5 / 0.3)
    # phi = 1/2: one standard deviation of Y for one of X, whatever the correlation.
    assert pattern_mixture_mean(moments, 0.5) == pytest.approx(5 - 0.5 * np.sqrt(5 / 1.5))


@pytest.mark.parametrize("r", [0.1, 0.35, 0.8, 1.0])
def test_factor_is_that_of_the_paper_in_lambda(r):
    """Andridge & Little (2011) write (lambda + r) / (lambda r + 1) with lambda = phi / (1 - phi)."""
    for phi in (0.0, 0.25, 0.5, 0.9):
        odds = phi / (1 - phi)
        assert proxy_factor(r, phi) == pytest.approx((odds + r) / (odds * r + 1))
    assert proxy_factor(r, 1.0) == pytest.approx(1 / r), "the limit for lambda to infinity"


def test_phi_0_is_the_regression_estimator_and_phi_1_its_inverse():
    rng = np.random.default_rng(4)
    x = rng.normal(10, 2, 200)
    y, w = 3 * x + rng.normal(0, 9, 200), rng.uniform(1, 5, 200)
    moments = proxy_moments(y, x, 9.2, w)
    forward = np.polyfit(x, y, 1, w=np.sqrt(w))[0]
    backward = np.polyfit(y, x, 1, w=np.sqrt(w))[0]
    start, gap = np.average(y, weights=w), 9.2 - np.average(x, weights=w)
    assert pattern_mixture_mean(moments, 0.0) == pytest.approx(start + forward * gap)
    assert pattern_mixture_mean(moments, 1.0) == pytest.approx(start + gap / backward)


def test_a_perfect_proxy_leaves_nothing_open():
    moments = proxy_moments(2 * X + 1, X, X_ALL)
    assert {round(pattern_mixture_mean(moments, phi), 12) for phi in (0, 0.3, 1)} == {4.0}


@given(
    scale=st.floats(0.1, 20), move=st.floats(-50, 50), scale_x=st.floats(0.1, 20), move_x=st.floats(-50, 50),
    phi=st.floats(0, 1),
)  # fmt: skip
def test_units_of_the_proxy_do_not_matter_and_those_of_y_go_along(scale, move, scale_x, move_x, phi):
    plain = proxy_moments(Y, X, X_ALL)
    other = proxy_moments(scale * Y + move, scale_x * X + move_x, scale_x * X_ALL + move_x)
    assert pattern_mixture_mean(other, phi) == pytest.approx(scale * pattern_mixture_mean(plain, phi) + move, abs=1e-6)
    assert standardised_bias(other, phi) == pytest.approx(standardised_bias(plain, phi), abs=1e-7)


def test_no_difference_in_the_proxy_means_no_adjustment():
    moments = proxy_moments(Y, X, X.mean())
    assert unadjusted_bias(moments, 1.0) == 0


def test_adjustment_of_a_calibrated_mean_starts_from_it():
    """What calibration did already is not done twice: phi = 0 gives the calibrated mean, others the rest."""
    moments = proxy_moments(Y, X, X_ALL)
    table = sensitivity(4.4, moments, [0.0, 0.5, 1.0]).set_index("phi")
    assert table.loc[0.0, "estimate"] == 4.4
    assert table.loc[1.0, "estimate"] == pytest.approx(4.4 - (0.5 / 0.3 - 0.5))
    assert table["shift"].is_monotonic_decreasing


@pytest.mark.parametrize("phi", [0.0, 0.5, 1.0])
def test_truth_is_found_where_phi_is_right(phi):
    """Nonresponse that depends on (1 - phi) X* + phi Y: in these populations W, uncorrelated with it, stays as it is.

    Respondents: X*, Y of variance 1 and correlation 0.5. Nonrespondents: the combination V is 0.8 lower on average,
    the rest of (X*, Y) given V is the same. Half of the people are silent.
    """
    n, r, rng = 400_000, 0.5, np.random.default_rng(11)
    direction = np.array([1 - phi, phi])
    spread = np.array([[1, r], [r, 1]])
    both = rng.multivariate_normal([0, 0], spread, size=2 * n)
    on_v = spread @ direction / (direction @ spread @ direction)
    silent = np.arange(2 * n) >= n
    # Moving V by -0.8 moves (X*, Y) along their regression on V.
    both[silent] -= 0.8 * on_v
    x, y = 7 + 3 * both[:, 0], both[:, 1]
    found = pattern_mixture_mean(proxy_moments(y[~silent], x[~silent], x.mean()), phi)
    assert found == pytest.approx(y.mean(), abs=0.02)
    assert abs(y[~silent].mean() - y.mean()) > 0.1, "the respondents alone would miss it"


def test_what_cannot_be_computed_is_an_error():
    with pytest.raises(EstimationError, match="does not go with"):
        proxy_moments(Y, X[::-1] * np.array([1, -1, 1, -1]), X_ALL)
    with pytest.raises(EstimationError, match="does not go with"):
        ProxyMoments(1, 1, 1, 1, 0.0, 1)
    with pytest.raises(EstimationError, match="phi is out of range"):
        proxy_factor(0.5, 1.2)


# --- the proxy


def _people(n, rng):
    return pd.DataFrame({"unit": rng.choice(list("abcd"), n), "age": rng.uniform(20, 60, n)})


def test_predictions_are_those_of_weighted_least_squares():
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(5)
    people, w = _people(300, rng), rng.uniform(1, 4, 300)
    y = people["unit"].map({"a": 1, "b": 2, "c": 5, "d": 0}).to_numpy() + 0.1 * people["age"] + rng.normal(size=300)
    everyone = _people(50, rng)
    proxy = regression_proxy(y.to_numpy(), people, everyone, w, 5)
    fit = smf.wls("y ~ unit + age", people.assign(y=y), weights=w).fit()
    np.testing.assert_allclose(proxy.everyone, fit.predict(everyone), rtol=1e-9)
    assert proxy.correlation**2 == pytest.approx(fit.rsquared)
    assert proxy.coefficients == 4
    assert proxy.adjusted < proxy.correlation


def test_a_list_that_says_nothing_has_no_proxy():
    """Forty categories explain a good part of 200 answers by chance; the adjusted correlation knows that."""
    rng = np.random.default_rng(6)
    people = pd.DataFrame({"unit": np.arange(200) % 40})
    people["unit"] = people["unit"].map(str)
    adjusted = []
    for _ in range(40):
        proxy = regression_proxy(rng.normal(size=200), people, people, np.ones(200), 5)
        assert proxy.correlation > 0.3
        adjusted.append(1 - (1 - proxy.correlation**2) * 199 / 160)
        assert proxy.adjusted == pytest.approx(np.sqrt(max(adjusted[-1], 0)))
    assert abs(np.mean(adjusted)) < 0.05


def test_with_the_adjusted_correlation_phi_0_is_still_the_regression_estimator():
    rng = np.random.default_rng(7)
    people = _people(120, rng)
    y = people["age"].to_numpy() * 0.05 + rng.normal(size=120)
    everyone = people[people["age"] < 45]
    proxy = regression_proxy(y, people, everyone, np.ones(120), 5)
    assert pattern_mixture_mean(proxy.moments, 0.0) == pytest.approx(proxy.everyone.mean())


def test_rare_and_unknown_categories_and_missing_numbers_do_no_harm():
    people = pd.DataFrame({"unit": ["a"] * 10 + ["b"] * 10 + ["rare"], "age": [30.0] * 20 + [np.nan]})
    y = np.array([1.0] * 10 + [3.0] * 10 + [2.0])
    everyone = pd.DataFrame({"unit": ["a", "b", "new", None], "age": [30.0, np.nan, 30.0, np.nan]})
    proxy = regression_proxy(y, people, everyone, np.ones(21), 5)
    assert proxy.everyone == pytest.approx([1, 3, 2, 2])


def test_too_few_respondents_are_an_error():
    people = pd.DataFrame({"unit": list("ababab")})
    with pytest.raises(EstimationError, match="too few respondents"):
        regression_proxy(np.arange(2.0), people.head(2), people, np.ones(2), 1)


# --- delta adjustment


def test_delta_by_hand():
    """30 % answer and score 80; if the silent 70 % score 10 less, all score 80 - 7."""
    assert delta_adjusted_mean(80, 0.3, -10) == pytest.approx(73)
    assert tipping_delta(80, 0.7, 73) == pytest.approx(-10)


def test_where_everyone_answered_nothing_tips():
    assert delta_adjusted_mean(80, 1.0, -50) == 80
    assert tipping_delta(80, 0.0, 73) == -np.inf
    assert tipping_delta(70, 0.0, 73) == np.inf


# --- the selection model


def _two_values(share: float = 0.5, weight: float = 2.0) -> SurveyDesign:
    """A hundred answers of 60 and 80 in two classes of other means, 20 apart."""
    people = pd.DataFrame({"w": weight, "unit": ["a"] * 50 + ["b"] * 50})
    return SurveyDesign(people.assign(score=[60.0, 80.0] * 25 + [80.0, 100.0] * 25), "w")


def test_a_tilt_by_hand():
    """Inside units the answers are 10 from the mean, both values alike often: tilted by exp(-L e / sd) they lie
    e tanh(L e / sd) lower, with sd = sqrt(10^2 + 10^2) over all and e = 10 widened by the two means, sqrt(99/98).
    """
    sd, apart = np.sqrt(200), 10 * np.sqrt(99 / 98)
    found = tilted_means(_two_values(), "score", 0.6, [0.25, 0.5], "unit")
    expected = [-0.6 * apart * np.tanh(one * apart / sd) for one in (0.25, 0.5)]
    assert found["shift"].tolist() == pytest.approx(expected)
    assert found["estimate"].tolist() == pytest.approx([80 + shift for shift in expected])


def test_no_log_odds_is_no_shift_and_no_error():
    found = tilted_means(_two_values(), "score", 0.6, [0.0], "unit").iloc[0]
    assert found[["shift", "shift_se", "added_variance"]].to_numpy(dtype=float) == pytest.approx([0, 0, 0], abs=1e-9)


def test_truth_is_found_where_people_answer_by_their_own_score():
    """40 times 4,000 people, log-odds to answer -1.5 + 0.5 per standard deviation of the score.

    The weighted mean is too high by some four points, the tilted one is right but for chance.
    """
    rng = np.random.default_rng(20241)
    errors, plain = [], []
    for _ in range(40):
        score = rng.normal(70, 10, 4_000)
        answers = rng.random(4_000) < 1 / (1 + np.exp(1.5 - 0.5 * (score - 70) / 10))
        design = SurveyDesign(pd.DataFrame({"w": 4_000 / answers.sum(), "score": score[answers]}), "w")
        row = tilted_means(design, "score", 1 - answers.mean(), [0.5]).iloc[0]
        errors.append(row["estimate"] - score.mean())
        plain.append(score[answers].mean() - score.mean())
    assert np.mean(plain) > 3
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(40) + 0.1


def test_replicates_and_influence_values_give_the_same_error():
    design = _two_values()
    n = len(design.data)
    drop_one = (np.ones((n, n)) - np.eye(n)) * n / (n - 1) * 2.0
    again = ReplicateDesign(design.data, "w", drop_one, "jk1")
    one, other = (tilted_means(d, "score", 0.6, [0.5], "unit").iloc[0] for d in (design, again))
    assert other["shift"] == pytest.approx(one["shift"])
    assert other["shift_se"] == pytest.approx(one["shift_se"], rel=0.01)


def test_every_replicate_has_class_means_of_its_own():
    """A share p of the answers is 80, the others are 60: they lie 20 (1 - p) above and 20 p below the mean. Tilted by
    exp(-0.5 e / 10), 10 the standard deviation of the sample, the share is q = p / (p + (1 - p) exp(1)), and
    nonrespondents lie 20 (q - p) from the mean: p is a half in the sample, a quarter and three quarters in replicates.
    """
    people = pd.DataFrame({"w": 2.0, "unit": "a", "score": [60.0, 60.0, 80.0, 80.0]})
    design = ReplicateDesign(people, "w", np.array([[3.0, 3, 1, 1], [1.0, 1, 3, 3]]).T, "other", scale=1.0)
    sample, *replicates = (20 * (p / (p + (1 - p) * np.e) - p) for p in (0.5, 0.25, 0.75))
    found = tilted_means(design, "score", 0.6, [0.5], "unit").iloc[0]
    assert found["shift"] == pytest.approx(0.6 * sample)
    assert found["shift_se"] == pytest.approx(0.6 * np.hypot(*(one - sample for one in replicates)))
    moved = [mean + 0.6 * (one - sample) for mean, one in zip((-5, 5), replicates, strict=True)]
    assert found["added_variance"] == pytest.approx(np.sum(np.square(moved)) - 2 * 5**2)


def test_the_interval_holds_where_few_are_low():
    """1,800 people in six units whose scores pile up near 100, three in ten answer, 60 times: the interval holds the
    figure around which the estimates lie (59 of 60; 53 with the standard deviation, too, anew in every replicate).
    """
    rng, n, held = np.random.default_rng(11), 300, []
    unit = np.repeat(np.arange(6), n)
    score = 100 - np.minimum(100, rng.gamma(0.8, 9, 6 * n) + unit)
    for seed in range(60):
        answers = rng.random(6 * n) < 0.3
        share = np.bincount(unit, answers) / n
        people = pd.DataFrame({"unit": unit[answers], "score": score[answers], "f": share[unit[answers]]})
        made = bootstrap_replicates(
            people.assign(w=1 / people["f"]), "w", "unit", fraction="f", n_replicates=60, seed=seed
        )
        design = ReplicateDesign(people.assign(w=1 / people["f"]), "w", made.values, "bootstrap")
        row = tilted_means(design, "score", 0.7, [0.5], "unit").iloc[0]
        held.append((row["shift"], row["shift_low"], row["shift_high"]))
    shift, low, high = np.array(held).T
    assert np.mean((low <= shift.mean()) & (shift.mean() <= high)) >= 0.92


def test_what_cannot_be_tilted_is_an_error():
    with pytest.raises(EstimationError, match="no share of nonrespondents"):
        tilted_means(_two_values(), "score", 1.2, [0.5])
    same = SurveyDesign(pd.DataFrame({"w": 1.0, "score": [70.0] * 10}), "w")
    with pytest.raises(EstimationError, match="do not differ inside the classes"):
        tilted_means(same, "score", 0.5, [0.5])
