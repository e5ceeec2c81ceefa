"""Replicate weights: by hand, against R, and against the variance that they stand for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_mean, estimate_ratio, estimate_total
from spi_analysis.survey.weighting import ReplicateWeights, bootstrap_replicates, brr_replicates, jackknife_replicates
from spi_analysis.survey.weighting.replicates import hadamard

# Three strata of two primary units with two rows each.
PAIRS = pd.DataFrame(
    {
        "h": np.repeat([1, 2, 3], 4),
        "psu": [1, 1, 2, 2] * 3,
        "y": [3.0, 5, 4, 8, 6, 2, 1, 3, 7, 9, 5, 6],
        "x": [2.0, 3, 3, 5, 4, 1, 1, 2, 4, 6, 3, 3],
        "w": [2.0, 2, 3, 3, 1, 1, 2, 2, 4, 4, 3, 3],
    }
)
# The second stratum has a single primary unit.
LONELY = PAIRS[(PAIRS["h"] != 2) | (PAIRS["psu"] == 1)].assign(psu=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5])


def design_of(data: pd.DataFrame, made: ReplicateWeights, mse: bool = False) -> ReplicateDesign:
    return ReplicateDesign(data, "w", made.values, "other", scale=made.scale, rscales=made.rscales, mse=mse)


def strata_sample(seed: int, sizes: tuple[int, ...] = (6, 9, 12), fraction: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    h = np.repeat(np.arange(len(sizes)), sizes)
    population = np.round(np.array(sizes) / fraction)[h]
    return pd.DataFrame(
        {"h": h, "N": population, "w": population / np.array(sizes)[h], "y": rng.normal(60 + 5 * h, 10)}
    )


# --- jackknife


def test_jk1_of_three_by_hand() -> None:
    data = pd.DataFrame({"y": [1.0, 2, 6], "w": [1.0, 1, 1]})
    made = jackknife_replicates(data, "w")
    assert made.values.T.tolist() == [[0, 1.5, 1.5], [1.5, 0, 1.5], [1.5, 1.5, 0]]
    assert (made.method, made.scale) == ("jk1", pytest.approx(2 / 3))
    # replicate means 4, 3.5, 1.5 around 3: 2/3 (1 + 0.25 + 2.25) = 7/3 = s**2/n with s**2 = 7
    assert estimate_mean(design_of(data, made), "y").table["se"][0] == pytest.approx((7 / 3) ** 0.5)


@given(seed=st.integers(0, 200))
def test_jackknife_of_means_and_totals_is_taylor(seed: int) -> None:
    data = strata_sample(seed)
    made = jackknife_replicates(data, "w", stratum="h", pop_size="N")
    taylor = SurveyDesign(data, "w", stratum="h", pop_size="N")
    for estimate in (estimate_total, estimate_mean):
        ours, theirs = (estimate(d, "y").table["se"][0] for d in (design_of(data, made), taylor))
        assert ours == pytest.approx(theirs, rel=1e-9), "weights add up to N in every replicate, so the mean is linear"


def test_jackknife_keeps_clusters_together() -> None:
    made = jackknife_replicates(PAIRS, "w", stratum="h", psu="psu")
    assert made.values.shape == (12, 6)
    assert (made.values[:2, 0] == 0).all()
    assert made.values[2:4, 0].tolist() == [6, 6], "the other unit of the stratum stands for two"
    assert made.values[4:, 0].tolist() == PAIRS["w"][4:].tolist()


def test_census_stratum_adds_no_variance() -> None:
    data = strata_sample(0, (4, 5), fraction=1.0)
    made = jackknife_replicates(data, "w", stratum="h", pop_size="N")
    assert estimate_mean(design_of(data, made), "y").table["se"][0] == 0.0


def test_lonely_unit_is_named() -> None:
    lonely = PAIRS[(PAIRS["h"] != 2) | (PAIRS["psu"] == 1)]
    with pytest.raises(WeightingError, match="single primary unit") as caught:
        jackknife_replicates(lonely, "w", stratum="h", psu="psu")
    assert "key 2" in str(caught.value)
    certain = lonely.assign(N=[2] * 4 + [1] * 2 + [2] * 4)
    made = jackknife_replicates(certain, "w", stratum="h", psu="psu", pop_size="N")
    assert made.rscales.tolist() == [0, 0, 0, 0, 0], "a lone unit that is the whole stratum leaves nothing out"


# R 4.2.2, survey 4.1-1 (Debian), 2026-11-21: d <- svydesign(id=~psu, strata=~h, weights=~w, data=LONELY);
# options(survey.lonely.psu=rule); r <- as.svrepdesign(d, type="JKn", mse=m); SE of svyratio(~y, ~x, r), svytotal(~y, r)
@pytest.mark.parametrize(
    ("rule", "mse", "ratio_se", "total_se"),
    [
        ("certainty", False, 0.057614250851360911, 36.891733491393431),
        ("certainty", True, 0.058634446573049503, 36.891733491393431),
        ("adjust", False, 0.057810829434662141, 60.013387395369264),
        ("adjust", True, 0.05864022847068294, 65.644243210403957),
        ("average", False, 0.064414690688184062, 41.246211947280685),
        ("average", True, 0.065555304180209134, 41.246211947280685),
    ],
)
def test_lonely_rules_are_those_of_r(rule: str, mse: bool, ratio_se: float, total_se: float) -> None:
    made = jackknife_replicates(LONELY, "w", stratum="h", psu="psu", lonely_psu=rule)
    design = design_of(LONELY, made, mse)
    assert estimate_ratio(design, "y", "x").table["se"][0] == pytest.approx(ratio_se, rel=1e-9)
    assert estimate_total(design, "y").table["se"][0] == pytest.approx(total_se, rel=1e-9)


def test_adjusting_leaves_the_whole_stratum_out() -> None:
    made = jackknife_replicates(LONELY, "w", stratum="h", psu="psu", lonely_psu="adjust")
    factors = made.values / LONELY["w"].to_numpy()[:, None]
    # three strata: without the second, the first and third stand for 3/2 as much
    assert factors[:, 2].tolist() == [1.5] * 4 + [0] * 2 + [1.5] * 4
    assert made.rscales.tolist() == pytest.approx([1 / 2, 1 / 2, 2 / 3, 1 / 2, 1 / 2])


def test_a_single_unit_has_nothing_to_be_compared_with() -> None:
    data = pd.DataFrame({"w": [2.0], "y": [1.0]})
    for rule in ("fail", "adjust", "average"):
        with pytest.raises(WeightingError, match="single primary unit"):
            jackknife_replicates(data, "w", lonely_psu=rule)
    made = jackknife_replicates(data, "w", lonely_psu="certainty")
    assert (made.values.tolist(), made.scale) == ([[2.0]], 0.0)


def test_unknown_lonely_rule_is_named() -> None:
    with pytest.raises(WeightingError, match="did you mean 'adjust'"):
        jackknife_replicates(PAIRS, "w", stratum="h", psu="psu", lonely_psu="ajust")


# --- balanced repeated replication, Fay
# R 4.2.2, survey 4.1-1 (Debian), 2026-11-21: d <- svydesign(id=~psu, strata=~h, weights=~w, data=PAIRS, nest=TRUE);
# r <- as.svrepdesign(d, type="BRR", mse=m) or type="Fay", fay.rho=0.3; SE(svyratio(~y, ~x, r)); SE(svytotal(~y, r))


@pytest.mark.parametrize(
    ("fay", "mse", "ratio_se"),
    [
        (0.0, False, 0.049370047778369688),
        (0.0, True, 0.050919241934299635),
        (0.3, False, 0.048099565888062107),
        (0.3, True, 0.048833953988246942),
    ],
)
def test_brr_and_fay_are_those_of_r(fay: float, mse: bool, ratio_se: float) -> None:
    design = design_of(PAIRS, brr_replicates(PAIRS, "w", "h", "psu", fay=fay), mse)
    assert estimate_ratio(design, "y", "x").table["se"][0] == pytest.approx(ratio_se, rel=1e-9)
    assert estimate_total(design, "y").table["se"][0] == pytest.approx(36.891733491393438, rel=1e-9)


@pytest.mark.parametrize("least", range(2, 65))
def test_hadamard_matrices_are_orthogonal_and_start_with_ones(least: int) -> None:
    matrix = hadamard(least)
    order = len(matrix)
    assert order >= least
    assert (np.abs(matrix) == 1).all()
    assert (matrix.T @ matrix == order * np.eye(order)).all()
    assert (matrix[:, 0] == 1).all(), "so that every other column has as many + as -: the replicates are balanced"


@given(strata=st.integers(2, 30), fay=st.sampled_from([0.0, 0.3, 0.5]), seed=st.integers(0, 99))
def test_balanced_replicates_average_to_the_sample(strata: int, fay: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"h": np.repeat(range(strata), 2), "psu": [1, 2] * strata, "w": rng.uniform(1, 5, 2 * strata)})
    made = brr_replicates(data, "w", "h", "psu", fay=fay)
    np.testing.assert_allclose(made.values.mean(axis=1), data["w"])


def test_brr_needs_pairs() -> None:
    with pytest.raises(WeightingError, match="does not have two primary units") as caught:
        brr_replicates(PAIRS.assign(psu=[1, 1, 2, 3] + [1, 1, 2, 2] * 2), "w", "h", "psu")
    assert "key 1" in str(caught.value)
    assert "got: 3" in str(caught.value)


@pytest.mark.parametrize("fay", [-0.1, 1.0])
def test_fay_factor_is_below_one(fay: float) -> None:
    with pytest.raises(WeightingError, match="fay is out of range"):
        brr_replicates(PAIRS, "w", "h", "psu", fay=fay)


# --- Rao-Wu bootstrap


@given(seed=st.integers(0, 99), fraction=st.floats(0.02, 0.95))
def test_bootstrap_weights_are_positive_where_something_was_observed(seed: int, fraction: float) -> None:
    data = strata_sample(seed).assign(f=fraction)
    made = bootstrap_replicates(data, "w", stratum="h", fraction="f", n_replicates=20, seed=seed)
    assert (made.values > 0).all(), "so no replicate can lose a class or a level"


@given(seed=st.integers(0, 99))
def test_bootstrap_keeps_stratum_totals(seed: int) -> None:
    data = strata_sample(seed)
    made = bootstrap_replicates(data, "w", stratum="h", pop_size="N", n_replicates=20, seed=seed)
    totals = pd.DataFrame(made.values).groupby(data["h"]).sum()
    np.testing.assert_allclose(totals, np.repeat(data.groupby("h")["w"].sum().to_numpy()[:, None], 20, axis=1))


@pytest.mark.parametrize("pop_size", ["N", None])
def test_bootstrap_variance_is_taylor_up_to_monte_carlo_error(pop_size: str | None) -> None:
    data, n_replicates = strata_sample(7), 4000
    made = bootstrap_replicates(data, "w", stratum="h", pop_size=pop_size, n_replicates=n_replicates, seed=11)
    ours = estimate_mean(design_of(data, made, mse=True), "y").table["se"][0] ** 2
    taylor = estimate_mean(SurveyDesign(data, "w", stratum="h", pop_size=pop_size), "y").table["se"][0] ** 2
    assert abs(ours / taylor - 1) < 3 * (2 / n_replicates) ** 0.5, "three Monte-Carlo errors of a variance"


def test_strata_are_resampled_independently() -> None:
    data = pd.DataFrame({"h": ["a"] * 5 + ["b"] * 5, "y": [1.0, 2, 4, 7, 11] * 2, "w": 1.0})
    made = bootstrap_replicates(data, "w", stratum="h", n_replicates=2000, seed=9)
    totals = [data["y"].to_numpy()[rows] @ made.values[rows] for rows in (slice(0, 5), slice(5, 10))]
    assert abs(np.corrcoef(totals)[0, 1]) < 3 / 2000**0.5, "two strata alike must not move together"


def test_bootstrap_resamples_clusters_whole() -> None:
    made = bootstrap_replicates(PAIRS, "w", stratum="h", psu="psu", n_replicates=50, seed=1)
    factors = made.values / PAIRS["w"].to_numpy()[:, None]
    assert (factors[0::2] == factors[1::2]).all(), "rows of one unit share their fate"
    assert set(np.unique(factors)) == {0.0, 2.0}, "one of two units drawn, n/(n-1) = 2"


def test_census_with_fpc_has_replicates_without_spread() -> None:
    data = strata_sample(3, (5, 6), fraction=1.0)
    made = bootstrap_replicates(data, "w", stratum="h", pop_size="N", n_replicates=10)
    assert (made.values == data["w"].to_numpy()[:, None]).all()


def test_one_unit_keeps_its_weight() -> None:
    data = pd.DataFrame({"h": ["a", "b", "b"], "w": [3.0, 1, 1]})
    assert (bootstrap_replicates(data, "w", stratum="h", n_replicates=5).values[0] == 3).all()


def test_seed_fixes_every_stratum_on_its_own() -> None:
    data = strata_sample(5)
    whole = bootstrap_replicates(data, "w", stratum="h", n_replicates=8, seed=3).values
    again = bootstrap_replicates(data, "w", stratum="h", n_replicates=8, seed=3).values
    other = bootstrap_replicates(data, "w", stratum="h", n_replicates=8, seed=4).values
    first = bootstrap_replicates(data[data["h"] == 0], "w", stratum="h", n_replicates=8, seed=3).values
    assert (whole == again).all()
    assert (whole != other).any()
    assert (whole[: len(first)] == first).all(), "what happens in another stratum does not touch the first"


@pytest.mark.parametrize(
    ("data", "options", "parts"),
    [
        ({"N": 0}, {"pop_size": "N"}, ["sampling fraction is impossible", "column N", "row 1"]),
        ({"N": 5}, {"pop_size": "N"}, ["sampling fraction is impossible", "got: 1.2", "0 to 1"]),
        ({"f": -0.1}, {"fraction": "f"}, ["got: -0.1"]),
        ({"f": 0.1, "N": 50}, {"fraction": "f", "pop_size": "N"}, ["two corrections are given"]),
        ({}, {"seed": -1}, ["the seed is out of range"]),
        ({}, {"seed": 2**64}, ["the seed is out of range"]),
        ({}, {"stratum": "hh"}, ["a column is missing", "did you mean 'h'?"]),
    ],
)
def test_what_cannot_be_is_refused(data: dict, options: dict, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        bootstrap_replicates(strata_sample(0).assign(**data), "w", **{"stratum": "h", **options})
    assert all(part in str(caught.value) for part in parts), str(caught.value)
