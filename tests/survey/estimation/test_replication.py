"""Designs given by replicate weights: by hand, their scales, and what does not fit."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_mean, estimate_total
from spi_analysis.survey.weighting import bootstrap_replicates, jackknife_replicates, rake

DATA = pd.DataFrame({"y": [1.0, 2, 6], "w": [1.0, 1, 1], "g": ["a", "a", "b"]})
JK1 = np.array([[0, 1.5, 1.5], [1.5, 0, 1.5], [1.5, 1.5, 0]])


def test_variance_by_hand_around_the_estimate_and_around_the_mean() -> None:
    replicates = np.array([[1.0, 3, 1], [1, 0, 1], [1, 0, 4]])
    # means 3, 1, 27/6; estimate 3, mean of replicates 17/6
    means = np.array([3, 1, 27 / 6])
    for mse, centre in ((True, 3.0), (False, means.mean())):
        design = ReplicateDesign(DATA, "w", replicates, "other", scale=0.5, rscales=[1, 2, 1], mse=mse)
        expected = 0.5 * (np.array([1, 2, 1]) * (means - centre) ** 2).sum()
        assert estimate_mean(design, "y").table["se"][0] ** 2 == pytest.approx(expected)


@pytest.mark.parametrize(
    ("method", "options", "scale"),
    [
        ("bootstrap", {}, 1 / 2),
        ("jk1", {}, 2 / 3),
        ("jkn", {"rscales": [0.5, 0.5, 0.5]}, 1.0),
        ("brr", {}, 1 / 3),
        ("fay", {"fay": 0.5}, 1 / (3 * 0.25)),
        ("successive", {}, 4 / 3),
        ("other", {"scale": 7}, 7.0),
    ],
)
def test_default_scales(method: str, options: dict, scale: float) -> None:
    assert ReplicateDesign(DATA, "w", JK1, method, **options).scale == pytest.approx(scale)


def test_factors_or_whole_weights() -> None:
    data = DATA.assign(w=[2.0, 4, 6])
    whole = ReplicateDesign(data, "w", JK1 * data["w"].to_numpy()[:, None], "jk1")
    factors = ReplicateDesign(data, "w", JK1, "jk1", combined=False)
    assert (whole.replicates == factors.replicates).all()


def test_columns_of_the_table_may_hold_the_replicates() -> None:
    named = DATA.assign(r1=JK1[:, 0], r2=JK1[:, 1], r3=JK1[:, 2])
    assert (ReplicateDesign(named, "w", ["r1", "r2", "r3"], "jk1").replicates == JK1).all()


def test_degrees_of_freedom_are_the_rank_minus_one() -> None:
    assert ReplicateDesign(DATA, "w", JK1, "jk1").df() == 2
    assert ReplicateDesign(DATA, "w", np.column_stack([JK1, JK1]), "bootstrap").df() == 2
    assert ReplicateDesign(DATA, "w", JK1, "jk1", df_design=17).df() == 17


def test_domain_keeps_all_replicates() -> None:
    design = ReplicateDesign(DATA, "w", JK1, "jk1")
    part = estimate_total(design.subset(DATA["g"] == "a"), "y").table.iloc[0]
    # totals of the domain: 3; replicates 3, 1.5, 4.5; 2/3 (0 + 2.25 + 2.25)
    assert part["estimate"] == 3
    assert part["se"] ** 2 == pytest.approx(3)
    by = estimate_total(design, "y", by="g").table
    assert by["se"][0] == pytest.approx(part["se"])


def test_replicates_of_the_estimates_are_kept() -> None:
    result = estimate_mean(ReplicateDesign(DATA, "w", JK1, "jk1"), ["y", "w"])
    assert result.replicates[:, 0].tolist() == pytest.approx([4, 3.5, 1.5])


def test_census_has_no_sampling_error_whatever_the_centre() -> None:
    data = pd.DataFrame({"y": [1.0, 5, 9, 2], "w": 1.0, "h": [0, 0, 1, 1], "N": 2})
    made = jackknife_replicates(data, "w", stratum="h", pop_size="N")
    for mse in (True, False):
        design = ReplicateDesign(data, "w", made.values, "jkn", rscales=made.rscales, mse=mse)
        assert estimate_mean(design, "y").table["se"][0] == 0.0


def test_taylor_jackknife_and_bootstrap_agree_on_a_ratio_mean_in_a_domain() -> None:
    rng = np.random.default_rng(4)
    n = 240
    data = pd.DataFrame({"h": np.repeat(range(8), n // 8), "w": np.repeat(rng.uniform(2, 9, 8), n // 8)})
    data["g"], data["y"] = rng.choice(["p", "q"], n), rng.normal(60 + 3 * data["h"], 10)
    made = jackknife_replicates(data, "w", stratum="h")
    boot = bootstrap_replicates(data, "w", stratum="h", n_replicates=2000, seed=2)
    errors = {
        "taylor": estimate_mean(SurveyDesign(data, "w", stratum="h"), "y", by="g").table["se"],
        "jkn": estimate_mean(ReplicateDesign(data, "w", made.values, "jkn", rscales=made.rscales), "y", by="g").table[
            "se"
        ],
        "boot": estimate_mean(
            ReplicateDesign(data, "w", boot.values, "bootstrap", scale=boot.scale), "y", by="g"
        ).table["se"],
    }
    np.testing.assert_allclose(errors["jkn"], errors["taylor"], rtol=0.01)
    np.testing.assert_allclose(errors["boot"], errors["taylor"], rtol=3 * (1 / 4000) ** 0.5)


# Domains a and c have nobody in one replicate each; c is one row.
THIN = pd.DataFrame({"y": [1.0, 2, 6, 4, 9, 3], "g": list("aabbbc"), "w": 2.0})
THIN_REPLICATES = 2.0 * np.column_stack(
    [[2, 1, 0, 1, 2, 0], [0, 0, 3, 1, 1, 1], [1] * 6, [0, 3, 0, 0, 2, 1], [3, 0, 1, 0, 1, 1], [1, 0, 1, 2, 1, 1]]
)


@pytest.mark.parametrize(
    ("mse", "a", "b"),
    [(True, 0.39440531887330776, 1.40216103053663410), (False, 0.37118429085533478, 1.18370494947322391)],
)
def test_replicate_without_the_domain_is_left_out_as_in_r(mse: bool, a: float, b: float) -> None:
    """R 4.2.2, survey 4.1-1 (Debian), 2026-11-22: s <- svrepdesign(data = d, weights = ~w, repweights = R,
    type = "bootstrap", combined.weights = TRUE, mse = mse); SE(svyby(~y, ~g, s, svymean)), with the warning
    "1 replicates gave NA results and were discarded".
    """
    design = ReplicateDesign(THIN, "w", THIN_REPLICATES, "bootstrap", mse=mse)
    result = estimate_mean(design, "y", by="g")
    assert list(result.table["se"][:2]) == pytest.approx([a, b], rel=1e-9)
    assert result.replicates_left_out.tolist() == [1, 0, 1]
    assert np.isfinite(result.covariance[:2, :2]).all()
    assert estimate_mean(design.subset(THIN["g"] == "a"), "y").table["se"][0] == pytest.approx(a, rel=1e-9)


def test_domain_of_one_unit_has_no_error_that_could_be_known() -> None:
    """R says 0 for c, whose one row is in five of the six replicates; deleting it in turn (JK1) is no better."""
    result = estimate_mean(ReplicateDesign(THIN, "w", THIN_REPLICATES, "bootstrap"), "y", by="g")
    assert np.isnan(result.table["se"][2])
    assert np.isnan(result.table["ci_low"][2])
    assert np.isnan(result.covariance[2]).all()
    assert np.isnan(estimate_mean(ReplicateDesign(DATA, "w", JK1, "jk1"), "y", by="g").table["se"][1])


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"method": "bootstrp"}, ["unknown method", "did you mean 'bootstrap'?"]),
        ({"method": "jkn"}, ["jkn needs rscales", "3 numbers"]),
        ({"method": "fay"}, ["needs its factor"]),
        ({"method": "other"}, ["needs its scale"]),
        ({"method": "fay", "fay": 1.0}, ["factor is out of range", "got: 1", "below 1"]),
        ({"method": "fay", "fay": 1.4}, ["factor is out of range", "got: 1.4"]),
        ({"method": "fay", "fay": np.nan}, ["factor is out of range"]),
        ({"rscales": [1, -1, 1]}, ["rscale is missing or negative", "replicate 2", "got: -1"]),
        ({"rscales": [1, 1, np.nan]}, ["rscale is missing or negative", "replicate 3"]),
        ({"rscales": ["a", 1, 1]}, ["rscales are not numbers"]),
        ({"replicates": ["g"]}, ["replicate weight is not a number", "column g"]),
        ({"replicates": np.array([["a"], ["b"], ["c"]])}, ["replicates are not numbers"]),
        ({"replicates": []}, ["replicates do not fit", "(3, 0)"]),
        ({"rscales": [1, 1]}, ["rscales do not fit", "(2,)", "(3,)"]),
        ({"replicates": JK1[:2]}, ["replicates do not fit", "(2, 3)", "(3, R)"]),
        ({"replicates": ["r1", "r2"]}, ["a column is missing", "column r1"]),
        ({"weight": "weight"}, ["a column is missing", "column weight"]),
        ({"df": DATA.assign(w=[1, -1, 1])}, ["a weight is missing or negative", "row 2"]),
    ],
)
def test_what_does_not_fit_is_explained(arguments: dict, parts: list[str]) -> None:
    given = {"df": DATA, "weight": "w", "replicates": JK1, "method": "bootstrap", **arguments}
    with pytest.raises(EstimationError) as caught:
        ReplicateDesign(**given)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_mask_of_another_length_is_refused() -> None:
    with pytest.raises(EstimationError, match="another length"):
        ReplicateDesign(DATA, "w", JK1).subset(np.ones(2, dtype=bool))


# --- weights of one's own

# R survey 4.1.1 (R 4.2.2), 2026-11-29: d <- data.frame(y=c(3,1,4,1,5,9,2,6), g=c("a","a","b","b","a","b","a","b"),
# h=c("p","q","p","q","p","p","q","q"), w=c(1,2,1,2,1,2,1,2)); j <- as.svrepdesign(svydesign(~1, weights=~w, data=d),
# type="JK1", mse=TRUE); r <- rake(j, list(~g, ~h), list(data.frame(g=c("a","b"), Freq=c(6,9)), data.frame(h=c("p","q"),
# Freq=c(7,8))), control=list(maxit=1000, epsilon=1e-12)); svymean(~y, r)
EIGHT = pd.DataFrame(
    {"y": [3, 1, 4, 1, 5, 9, 2, 6], "g": [*"aabbabab"], "h": [*"pqpqppqq"], "w": [1.0, 2, 1, 2, 1, 2, 1, 2]}
)
RAKED = (4.21264348555292, 1.26213838987509)


def jackknifed() -> ReplicateDesign:
    return ReplicateDesign(EIGHT, "w", jackknife_replicates(EIGHT, "w").values, "jk1")


def raked(weights: np.ndarray) -> pd.Series:
    return rake(EIGHT.assign(w=weights), "w", {"g": {"a": 6, "b": 9}, "h": {"p": 7, "q": 8}})


def test_a_raking_of_ones_own_is_repeated_in_every_replicate_as_in_r() -> None:
    row = estimate_mean(jackknifed().with_weights(raked), "y").table.iloc[0]
    assert (row["estimate"], row["se"]) == pytest.approx(RAKED, rel=1e-6)


def test_weights_that_are_given_keep_the_factors_of_the_replicates() -> None:
    """Where a is left out, its factor is 0 and that of the other two 1.5; the estimate is that of the new weights."""
    design = ReplicateDesign(DATA, "w", JK1, "jk1").with_weights([2.0, 1.0, 1.0])
    assert estimate_mean(design, "y").table["estimate"][0] == pytest.approx((2 * 1 + 2 + 6) / 4)
    assert design.replicates.tolist() == [[0, 3, 3], [1.5, 0, 1.5], [1.5, 1.5, 0]]


def test_people_without_a_weight_have_no_factors_to_keep() -> None:
    design = ReplicateDesign(DATA.assign(w=[1.0, 1.0, 0.0]), "w", JK1, "jk1")
    with pytest.raises(EstimationError, match="people without a weight get one") as caught:
        design.with_weights([1.0, 1.0, 1.0])
    assert "1 of 3" in str(caught.value)
    with pytest.raises(EstimationError, match="the weights do not fit the design"):
        design.with_weights(lambda weights: weights[:2])
