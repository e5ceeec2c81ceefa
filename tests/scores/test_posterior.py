"""Chances of categories, targets and a rise: by hand where the normal distribution has closed forms, and simulated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.chances import cases, failures, false_changes, log_scores, reliability
from spi_analysis.params import ChanceParams, RoundSetup, TypeSpread
from spi_analysis.scores import (
    History,
    IndexEstimate,
    Prior,
    category_of,
    chances,
    moderated_panels,
    panel_spread,
    prior_of,
    repeated_interval,
)

INFINITE = float("inf")


def index(estimate: float, se: float, df: float = INFINITE) -> IndexEstimate:
    return IndexEstimate(estimate, se, df, math.nan, math.nan, {})


def toy(noise: float = 3.0, mean_move: float = 0.0) -> History:
    """A type of mean 70 with lasting differences of 4 points, and an institution that stood at 76 a year before."""
    spread = TypeSpread(means={2023: 70.0}, lasting=4.0, change=0.0, noise=noise)
    params = ChanceParams(
        panel_sd=12, panel_df=10, mean_move=mean_move, types={"kota": spread}, source="toy", as_of="2024-01-01"
    )
    return History({2023: 76.0}, spread, params, persistence=0.8)


# --- the likelihood alone


def test_flat_prior_by_hand(setup: RoundSetup) -> None:
    """Estimate at the edge of the first category, infinite df: half lies below it."""
    found = chances(index(72.995, 2.0), None, setup.round.categories.levels).categories
    assert found["rentan"] == pytest.approx(0.5, abs=1e-6)
    assert found["waspada"] == pytest.approx(norm.cdf(2.5) - 0.5, abs=1e-5), "the next edge is 77.995"
    assert chances(index(72.995, 2.0), None).rise is None, "nothing is known of a rise"


@given(estimate=st.floats(0, 100), se=st.floats(0.01, 10), df=st.floats(3, 300))
def test_flat_prior_is_the_t_distribution(setup: RoundSetup, estimate: float, se: float, df: float) -> None:
    levels = setup.round.categories.levels
    found = chances(index(estimate, se, df), None, levels).categories
    assert sum(found.values()) == pytest.approx(1)
    assert found["rentan"] == pytest.approx(student.cdf((72.995 - estimate) / se, df), abs=1e-4)


def test_an_index_without_error_lies_where_it_lies(setup: RoundSetup) -> None:
    for estimate in (72.99, 72.996, 78.0):
        found = chances(index(estimate, 0.0), None, setup.round.categories.levels).categories
        assert found[category_of(estimate, setup.round.categories)] == 1


def test_target_is_reached_when_it_would_be_printed() -> None:
    reached = {se: chances(index(75.995, se, 20), None, targets={"national": 76}).targets["national"] for se in (1, 0)}
    assert reached[1] == pytest.approx(0.5, abs=1e-6)
    assert reached[0] == 1.0
    assert chances(index(75.99, 0.0, 20), None, targets={"national": 76}).targets["national"] == 0.0


# --- the prior


def test_prior_of_one_published_year_by_hand() -> None:
    """Level variance 16, noise 9, of which the sampling error 1.5^2 = 2.25 and 6.75 true of that year alone.

    Of this year: 70 + 16/25 x 6 = 73.84, variance 16 + 6.75 - 16^2/25. Of 2023: 70 + 22.75/25 x 6 = 75.46, variance
    22.75 - 22.75^2/25; together 16 - 16 x 22.75/25.
    """
    prior = prior_of(toy(), (2024, 2023), 1.5)
    assert prior is not None
    assert prior.mean == pytest.approx([73.84, 75.46])
    assert prior.covariance == pytest.approx(np.array([[12.51, 1.44], [1.44, 2.0475]]))
    assert prior.passing == 3.0


def test_the_move_of_the_types_mean_widens_this_year_only() -> None:
    wide, narrow = (prior_of(toy(mean_move=move), (2024, 2023), 1.5) for move in (2.0, 0.0))
    assert wide is not None
    assert narrow is not None
    assert wide.covariance - narrow.covariance == pytest.approx(np.array([[4.0, 0.0], [0.0, 0.0]]))


def test_a_year_without_noise_of_its_own_is_known_up_to_its_sampling_error() -> None:
    """Own noise 0: Var(y) = 16 + 2.25, all of it but the error is true: 70 + 16/18.25 x 6, variance 16 - 16^2/18.25."""
    history = toy()
    assert history.spread is not None
    quiet = replace(history, spread=history.spread.model_copy(update={"own_noise": {2023: 0.0}}))
    prior = prior_of(quiet, (2024, 2023), 1.5)
    assert prior is not None
    assert prior.mean[1] == pytest.approx(70 + 16 / 18.25 * 6)
    assert prior.covariance[1, 1] == pytest.approx(16 - 16**2 / 18.25)
    assert np.linalg.eigvalsh(prior.covariance).min() > 0


def test_without_a_year_of_its_own_an_institution_is_one_of_its_type() -> None:
    prior = prior_of(replace(toy(), own={}), (2024, 2023), 1.5)
    assert prior is not None
    assert prior.mean == pytest.approx([70.0, 70.0])
    assert prior.covariance[0, 0] == pytest.approx(16 + 6.75)


@pytest.mark.parametrize("history", [replace(toy(), spread=None), toy()], ids=["type unknown", "no earlier year"])
def test_no_prior_where_nothing_is_known_beforehand(history: History) -> None:
    years = (2023, 2022) if history.spread else (2024, 2023)
    assert prior_of(history, years, 1.5) is None


# --- prior and likelihood


def test_posterior_of_two_normals_by_hand(setup: RoundSetup) -> None:
    """Prior 70 with SD 3, index 76 with SE 4: weights 1/9 and 1/16, so 72.16 with SD 2.4."""
    prior = Prior(np.array([70.0, 70.0]), np.array([[9.0, 0.0], [0.0, 1.0]]), 3.0)
    found = chances(index(76.0, 4.0), prior, setup.round.categories.levels, {"national": 74})
    assert found.categories["rentan"] == pytest.approx(norm.cdf((72.995 - 72.16) / 2.4), abs=1e-5)
    assert found.targets["national"] == pytest.approx(norm.sf((73.995 - 72.16) / 2.4), abs=1e-5)
    # The year before is independent of it here: 70 with SD 1.
    assert found.rise == pytest.approx(norm.cdf(2.16 / math.hypot(2.4, 1.0)), abs=1e-5)


def test_what_persists_of_the_year_before_counts_in_a_rise() -> None:
    """With correlation 0.6 beforehand (SD 3 and 2): of this year's 72.16 (SD 2.4) the other year takes 0.4 a point."""
    prior = Prior(np.array([70.0, 71.0]), np.array([[9.0, 3.6], [3.6, 4.0]]), 3.0)
    mean = 0.6 * 2.16 - 1.0
    sd = math.sqrt(4.0 - 3.6**2 / 9 + (0.6 * 2.4) ** 2)
    assert chances(index(76.0, 4.0), prior).rise == pytest.approx(norm.cdf(mean / sd), abs=1e-5)


def test_the_interval_if_done_again_is_never_narrower_than_sampling() -> None:
    prior = Prior(np.array([70.0, 70.0]), np.eye(2), 3.0)
    assert repeated_interval(index(70.0, 1.0), prior, 0.95) == pytest.approx((70 - 5.8799, 70 + 5.8799), abs=1e-4)
    few = index(70.0, 2.9, 5)
    assert repeated_interval(few, prior, 0.95) == few.interval(0.95), "t with 5 degrees of freedom is wider"


# --- panels


def test_moderated_variance_by_hand() -> None:
    """Nine experts with SD 6 (SE 2) beside a common 12 worth 8: (8 x 144 + 8 x 36) / 16 = 90, SE sqrt(10)."""
    scores = pd.DataFrame({"se": [1.0, 2.0], "n": [500.0, 9.0], "df_design": [90.0, 8.0]}, index=["internal", "expert"])
    params = toy().params.model_copy(update={"panel_df": 8.0})
    found = moderated_panels(scores, ["expert"], params)
    assert found["se"].tolist() == pytest.approx([1.0, math.sqrt(10)])
    assert found["df_design"].tolist() == [90.0, 16.0]
    alone = moderated_panels(scores.assign(se=np.nan, n=1.0, df_design=0.0), ["expert"], params)
    assert alone.loc["expert"].tolist() == pytest.approx([12.0, 1.0, 8.0]), "one expert alone: what panels share"


def test_panel_spread_finds_what_made_the_panels() -> None:
    """Squares of 4,000 panels of 8 to 13: SD 12 shared with 10 degrees of freedom."""
    rng = np.random.default_rng(20240722)
    df = rng.integers(7, 13, 4000)
    true = 144 * 10 / rng.chisquare(10, df.size)
    sd, shared = panel_spread(np.sqrt(true * rng.chisquare(df) / df), df)
    assert sd == pytest.approx(12, rel=0.02)
    assert shared == pytest.approx(10, rel=0.2)


def test_panels_that_differ_no_more_than_by_chance_share_one_spread() -> None:
    sd, shared = panel_spread(np.full(50, 9.0), np.full(50, 10))
    assert shared == INFINITE
    assert sd > 9.0, "the mean of log s^2 lies below the log of the variance"


# --- calibration


@pytest.mark.long
def test_chances_come_true_as_often_as_they_say() -> None:
    """Four simulated national rounds; `python -m benchmarks.chances` is the long version."""
    table = cases(rounds=4)
    assert failures(table) == []
    bins = reliability(table)
    assert bins["n"].sum() == 4 * 640 * 5, "three categories, a target and a rise"
    ours, flat = log_scores(table)
    assert ours > flat
    assert max(false_changes(table)) <= 0.05
