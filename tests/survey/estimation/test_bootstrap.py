"""Means over replicates that are never written down, against the replicate design that holds them all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_mean
from spi_analysis.survey.estimation.streamed_bootstrap import bootstrap_means
from spi_analysis.survey.weighting.bootstrap import BootstrapReplicates, bootstrap_plan
from spi_analysis.survey.weighting.bootstrap_sums import raked_replicates

MARGINS = {"sex": {"f": 520.0, "m": 480.0}}


def people(n: int = 200, strata: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    data = pd.DataFrame(
        {
            "h": rng.permutation(np.arange(n) % strata),
            "N": 300,
            "psu": rng.integers(0, 8, n),
            "w": rng.uniform(1, 9, n),
            "sex": np.where(np.arange(n) % 2, "f", "m"),
            "unit": rng.choice(["a", "b", "c"], n),
            "y": rng.normal(60, 10, n),
            "score": rng.normal(50, 20, n),
            "rare": rng.normal(50, 20, n),
        }
    )
    data.loc[rng.random(n) < 0.3, "score"] = np.nan
    data.loc[data["unit"] == "c", "rare"] = np.nan
    return data


def plan_of(data: pd.DataFrame, psu: str | None = None, n_replicates: int = 60) -> BootstrapReplicates:
    size = None if psu else "N"
    return bootstrap_plan(data, "w", stratum="h", psu=psu, pop_size=size, n_replicates=n_replicates, seed=3)


@pytest.mark.parametrize("by", [None, "unit", ["unit", "sex"]])
@pytest.mark.parametrize("mse", [True, False])
@pytest.mark.parametrize(("psu", "raked"), [(None, False), (None, True), ("psu", False), ("psu", True)])
def test_means_are_those_of_the_replicate_design(
    by: str | list[str] | None, mse: bool, psu: str | None, raked: bool
) -> None:
    data = people()
    plan = raked_replicates(plan_of(data, psu), data, MARGINS) if raked else plan_of(data, psu)
    design = ReplicateDesign(
        data.assign(w=plan.main), "w", plan.values, "bootstrap", scale=plan.scale, mse=mse, df_design=plan.df
    )
    names = ["y", "score", "rare"]
    ours, theirs = bootstrap_means(data, plan, names, by, mse=mse), estimate_mean(design, names, by)
    pd.testing.assert_frame_equal(ours.table, theirs.table, rtol=1e-9, check_dtype=False)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.replicates, theirs.replicates, rtol=1e-12)


@pytest.mark.parametrize("n_replicates", [20, 300])
def test_degrees_of_freedom_are_the_rank_of_the_replicates(n_replicates: int) -> None:
    data = people(60, 4)
    plan = plan_of(data, n_replicates=n_replicates)
    assert plan.df == ReplicateDesign(data, "w", plan.values, "bootstrap").df_design
    assert plan.df == min(n_replicates - 1, 60 - 4)


@given(seed=st.integers(0, 10_000), n_replicates=st.sampled_from([5, 300]), clustered=st.booleans())
@settings(max_examples=60, deadline=None)
def test_degrees_of_freedom_of_domains_are_the_rank_of_their_rows(
    seed: int, n_replicates: int, clustered: bool
) -> None:
    """The shortcut from units and strata against the rank itself: random strata, some of one unit, some taken whole,
    fractions that differ inside strata; domains that hold whole strata, parts of them, one row, or nobody with weight.
    """
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"h": rng.integers(0, 6, 40), "w": rng.uniform(1, 9, 40) * (rng.random(40) < 0.9)})
    unit = rng.integers(0, 4, 40) if clustered else np.arange(40)
    # Decided unit by unit: everything of a sample was seen in some, a part of it in others.
    f = rng.choice([0.0, 0.3, 1.0], (6, 41), p=[0.6, 0.3, 0.1])[data["h"], unit]
    data = data.assign(psu=unit, f=f)
    plan = bootstrap_plan(data, "w", "h", "psu", fraction="f", n_replicates=n_replicates, seed=seed)
    by_stratum = rng.integers(-1, 3, 6)[data["h"]]
    codes = by_stratum if rng.random() < 0.5 else np.where(rng.random(40) < 0.3, rng.integers(-1, 3, 40), by_stratum)
    values = plan.values
    ranks = [int(np.linalg.matrix_rank(values[codes == g], tol=1e-8)) if (codes == g).any() else 0 for g in range(3)]
    shortcut = plan.df_by(codes, 3)
    if n_replicates > 40:
        assert shortcut.tolist() == [max(rank - 1, 0) for rank in ranks]
    # Of five replicates two may be the same by chance.
    assert (shortcut >= np.array(ranks) - 1).all()
    assert shortcut.max() <= n_replicates - 1
    design = ReplicateDesign(data, "w", values)
    assert design.df_by(codes, 3).tolist() == [max(rank - 1, 0) for rank in ranks]


def test_standard_error_is_taylors_up_to_monte_carlo_error() -> None:
    data, n_replicates = people(), 3000
    ours = bootstrap_means(data, plan_of(data, n_replicates=n_replicates), "y").table["se"][0] ** 2
    taylor = estimate_mean(SurveyDesign(data, "w", stratum="h", pop_size="N"), "y").table["se"][0] ** 2
    # A mean is not quite linear where base weights differ inside strata: 2 % on top of three Monte-Carlo errors.
    assert abs(ours / taylor - 1) < 3 * (2 / n_replicates) ** 0.5 + 0.02


def test_raking_takes_the_margin_out_of_the_variance() -> None:
    data = people().assign(woman=lambda d: (d["sex"] == "f").astype(float))
    plan = plan_of(data)
    raked = bootstrap_means(data, raked_replicates(plan, data, MARGINS), "woman").table.iloc[0]
    assert raked["estimate"] == pytest.approx(0.52)
    assert raked["se"] < 1e-9 < bootstrap_means(data, plan, "woman").table["se"][0]


def test_what_does_not_fit_is_named() -> None:
    data = people()
    with pytest.raises(EstimationError, match="does not fit the replicates"):
        bootstrap_means(data.iloc[1:], plan_of(data), "y")
    with pytest.raises(EstimationError, match="not a number"):
        bootstrap_means(data, plan_of(data), "unit")
    with pytest.raises(EstimationError, match="a value is infinite"):
        bootstrap_means(data.assign(y=np.where(data.index == 3, np.inf, data["y"])), plan_of(data), "y")
    with pytest.raises(EstimationError, match="a column is missing"):
        bootstrap_means(data, plan_of(data), "yy")
