"""The likelihood against R and statsmodels, and against itself written out in full."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from spi_analysis.errors import EstimationError
from spi_analysis.scores.years.model import _deviance, blocks_of, covariance_bases, fit_reml
from tests.scores.years.toy import longitudinal

T = 5
ONES, NOISE = np.ones((T, T)), np.eye(T)
OWN_NOISE = [np.diag(np.arange(T) == k).astype(float) for k in range(T)]


def _fit(bases, method="REML"):
    y, _ = longitudinal()
    blocks = blocks_of(y, np.broadcast_to(np.eye(T), (len(y), T, T)))
    return fit_reml(blocks, np.stack(bases), np.zeros(len(bases)), method)


def _fading():
    _, years = longitudinal()
    return 0.7 ** np.abs(np.subtract.outer(years, years))


# R 4.2.2, lme4 1.1.31, nlme 3.1.162, on the generated panel of toy.py (d: id, year, y; f = factor(year)):
#   lme4: lmer(y ~ 0 + f + (1|id), d, REML = TRUE / FALSE)
#   nlme: lme(y ~ 0 + f, d, random = ~1|id, correlation = corAR1(0.7, form = ~year|id, fixed = TRUE))
#   nlme: the same with corExp(c(-1/log(.7), 0.280165274685589), nugget = TRUE, form = ~year|id, fixed = TRUE)
#   nlme: lme(y ~ 0 + f, d, random = ~1|id, weights = varIdent(form = ~1|f))
@pytest.mark.parametrize(
    ("bases", "method", "theta", "log_likelihood"),
    [
        ([ONES, NOISE], "REML", [21.6238187373, 7.40301264642], -746.729341718),
        ([ONES, NOISE], "ML", [21.2631311075, 7.26682778493], -747.645214752),
        ([ONES, _fading()], "REML", [11.2400216713, 18.6261653814], -744.837465515),
        ([ONES, _fading(), NOISE], "REML", [16.6923387166, 8.54780085681, 3.3268705868], -740.208106675),
        (
            [ONES, *OWN_NOISE],
            "REML",
            [23.9367287238, 11.66525623121, 3.91982735557, 2.81578585628, 8.78218942482, 9.18981098570],
            -736.91434613,
        ),
    ],
)
def test_variances_and_likelihood_are_those_of_r(bases, method, theta, log_likelihood) -> None:
    fit = _fit(bases, method)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-6)
    # Maxima are flat: two programs that agree in the likelihood to 1e-8 agree in its place to about 1e-5.
    np.testing.assert_allclose(fit.theta, theta, rtol=3e-5)


def test_random_intercepts_are_those_of_statsmodels() -> None:
    y, years = longitudinal()
    long = pd.DataFrame(y, columns=years).rename_axis("id").reset_index().melt("id", var_name="year").dropna()
    peer = smf.mixedlm("value ~ 0 + C(year)", long, groups="id").fit(reml=True, method=["bfgs", "powell"])
    fit = _fit([ONES, NOISE])
    assert fit.theta == pytest.approx([float(peer.cov_re.iloc[0, 0]), peer.scale], rel=1e-4)
    np.testing.assert_allclose(fit.beta, peer.fe_params, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.beta_cov)), peer.bse_fe, rtol=1e-4)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_blocks_give_the_likelihood_written_out_row_by_row(method) -> None:
    """The definition with one big covariance matrix, on ten institutions."""
    y, years = longitudinal()
    y = y[:10]
    theta, bases = np.array([9.0, 4.0, 2.0]), covariance_bases(years, np.zeros(T, dtype=int), 0.7)
    blocks = blocks_of(y, np.broadcast_to(np.eye(T), (10, T, T)))
    value, gradient = _deviance(theta, blocks, bases, method, 1.0)

    seen = ~np.isnan(y.ravel())
    v = np.kron(np.eye(10), np.tensordot(theta, bases, 1))[np.ix_(seen, seen)]
    x, z = np.tile(np.eye(T), (10, 1))[seen], y.ravel()[seen]
    w = np.linalg.inv(v)
    r = z - x @ np.linalg.solve(x.T @ w @ x, x.T @ w @ z)
    expected = np.linalg.slogdet(v)[1] + r @ w @ r + (len(z) - (T if method == "REML" else 0)) * np.log(2 * np.pi)
    expected += np.linalg.slogdet(x.T @ w @ x)[1] if method == "REML" else 0.0
    assert value == pytest.approx(expected, rel=1e-10)

    for k in range(3):
        step = 1e-5 * np.eye(3)[k]
        slope = (_deviance(theta + step, blocks, bases, method, 1.0)[0]
                 - _deviance(theta - step, blocks, bases, method, 1.0)[0]) / 2e-5  # fmt: skip
        assert gradient[k] == pytest.approx(slope, rel=1e-5)


def test_balanced_one_way_layout_is_the_analysis_of_variance() -> None:
    """REML in a balanced layout: noise = mean square within, level = (between - within) / years; by hand."""
    y = np.array([[70.0, 72.0], [74.0, 74.0], [80.0, 76.0], [60.0, 66.0]])
    centred = y - y.mean(axis=0)
    rows = centred.mean(axis=1)
    between = 2 * (rows**2).sum() / 3
    within = ((centred - rows[:, None]) ** 2).sum() / 3
    fit = fit_reml(
        blocks_of(y, np.broadcast_to(np.eye(2), (4, 2, 2))), np.stack([np.ones((2, 2)), np.eye(2)]), np.zeros(2)
    )
    assert fit.theta == pytest.approx([(between - within) / 2, within], rel=1e-6)


def test_a_component_that_is_not_there_stays_on_its_floor() -> None:
    """Differences within institutions larger than between: a lasting level of less than nothing is none."""
    y = np.array([[70.0, 60.0], [60.0, 70.0], [71.0, 61.0], [60.5, 70.5]])
    fit = fit_reml(
        blocks_of(y, np.broadcast_to(np.eye(2), (4, 2, 2))), np.stack([np.ones((2, 2)), np.eye(2)]), np.zeros(2)
    )
    assert fit.on_floor.tolist() == [True, False]
    assert fit.theta[0] < 1e-6


def test_a_penalised_component_leaves_its_floor() -> None:
    """One variance alone: with n - 1 degrees of freedom the likelihood is highest at S / (n - 1), times the root of the
    variance at S / (n - 2). S = 14 of 1, 2 and 6 about 3: 7, and 14.
    """
    blocks = blocks_of(np.array([[1.0], [2.0], [6.0]]), np.ones((3, 1, 1)))
    plain = fit_reml(blocks, np.ones((1, 1, 1)), np.zeros(1))
    moved = fit_reml(blocks, np.ones((1, 1, 1)), np.zeros(1), penalised=np.array([True]))
    assert (plain.theta[0], moved.theta[0]) == (pytest.approx(7.0, rel=1e-5), pytest.approx(14.0, rel=1e-5))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full((5, 2), 70.0), "do not vary"),
        (np.array([[70.0, np.nan], [71.0, np.nan], [73.0, np.nan]]), "cannot be told apart"),
    ],
)
def test_what_cannot_be_estimated_is_said(y, message) -> None:
    blocks = blocks_of(y, np.broadcast_to(np.eye(2), (len(y), 2, 2)))
    with pytest.raises(EstimationError, match=message):
        fit_reml(blocks, np.stack([np.ones((2, 2)), np.eye(2)]), np.zeros(2))
