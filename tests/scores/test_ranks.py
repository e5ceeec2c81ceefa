"""Rank sets: cases that can be counted by hand, invariants, coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import studentized_range

from spi_analysis.errors import EstimationError
from spi_analysis.scores.ranks import PairErrors, pair_errors, rank_sets

DRAWS = 2000


def _sets(table: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(table["best"], table["worst"], strict=True))


@pytest.mark.parametrize("simultaneous", [True, False])
def test_far_apart_every_rank_is_sure(simultaneous: bool) -> None:
    """Ten points apart with an error of 0.1: nothing can change places."""
    table = rank_sets([60.0, 80.0, 70.0], [0.1, 0.1, 0.1], draws=DRAWS, simultaneous=simultaneous)
    assert _sets(table) == [(3, 3), (1, 1), (2, 2)]


@pytest.mark.parametrize("simultaneous", [True, False])
@pytest.mark.parametrize("se", [2.0, 0.0])
def test_all_equal_every_rank_is_open(simultaneous: bool, se: float) -> None:
    table = rank_sets([70.0] * 4, [se] * 4, draws=DRAWS, simultaneous=simultaneous)
    assert _sets(table) == [(1, 4)] * 4


def test_two_pairs_by_hand() -> None:
    """Two close together above, two close together below: places 1-2 and 3-4."""
    table = rank_sets(pd.Series([80.0, 80.5, 60.0, 60.5], index=list("abcd")), [1.0] * 4, draws=DRAWS)
    assert _sets(table) == [(1, 2), (1, 2), (3, 4), (3, 4)]
    assert list(table.index) == list("abcd")


def test_known_without_error_is_ranked_as_it_is() -> None:
    assert _sets(rank_sets([3.0, 1.0, 2.0], [0.0, 0.0, 0.0], draws=DRAWS)) == [(1, 1), (3, 3), (2, 2)]


def test_one_alone_is_first_and_last() -> None:
    assert _sets(rank_sets([70.0], [2.0], draws=DRAWS)) == [(1, 1)]


def test_two_institutions_are_an_ordinary_two_sided_test() -> None:
    """Difference / SE against 1.96: 2.1 is shown, 1.8 is not (20,000 draws: critical value 1.96 +- 0.05)."""
    assert _sets(rank_sets([2.1, 0.0], [0.6, 0.8], draws=20_000)) == [(1, 1), (2, 2)]
    assert _sets(rank_sets([1.8, 0.0], [0.6, 0.8], draws=20_000)) == [(1, 2), (1, 2)]


def test_first_critical_value_is_that_of_the_studentised_range() -> None:
    """Equal errors: Tukey's range / sqrt(2), with and without estimated variance (scipy's studentized_range)."""
    left = ~np.eye(6, dtype=bool)
    for df, expected_df in ((None, np.inf), (10.0, 10.0)):
        errors = pair_errors(6, [2.0] * 6, None, df, 40_000, 1)
        found = np.quantile(errors.maxima(left), 0.95)
        assert found == pytest.approx(studentized_range.ppf(0.95, 6, expected_df) / np.sqrt(2), abs=0.04)


def test_a_covariance_is_used() -> None:
    """Errors that move together leave the order clear, independent ones do not."""
    together = np.array([[1.0, 0.98], [0.98, 1.0]])
    assert _sets(rank_sets([71.0, 70.0], covariance=together, draws=DRAWS)) == [(1, 1), (2, 2)]
    assert _sets(rank_sets([71.0, 70.0], covariance=np.eye(2), draws=DRAWS)) == [(1, 2), (1, 2)]


estimates = st.lists(st.floats(50, 90).map(lambda x: round(x, 1)), min_size=2, max_size=9)


@given(estimates, st.integers(0, 10))
def test_every_set_holds_the_estimated_rank_and_the_marginal_one_is_inside(values, seed) -> None:
    x = np.array(values)
    se = 1 + np.random.default_rng(seed).random(len(x))
    both = rank_sets(x, se, draws=400, seed=seed)
    alone = rank_sets(x, se, draws=400, seed=seed, simultaneous=False)
    rank = 1 + (x[:, None] < x).sum(axis=1)
    for table in (both, alone):
        assert ((table["best"] <= rank) & (rank <= table["worst"])).all()
    assert ((both["best"] <= alone["best"]) & (alone["worst"] <= both["worst"])).all()


@given(estimates)
def test_upside_down_the_sets_are_mirrored(values) -> None:
    """Ranks of -x from the top are ranks of x from the bottom (without errors: seeded draws are not symmetric)."""
    x, p = np.array(values), len(values)
    up, down = rank_sets(x, np.zeros(p), draws=200), rank_sets(-x, np.zeros(p), draws=200)
    np.testing.assert_array_equal(up["best"], p + 1 - down["worst"])


def test_order_does_not_matter_up_to_the_draws() -> None:
    """Estimates far from any critical value: the same sets in whatever order they come."""
    x, se = np.array([80.0, 79.8, 70.0, 60.0, 60.2]), np.ones(5)
    turned = np.array([3, 0, 4, 2, 1])
    pd.testing.assert_frame_equal(
        rank_sets(pd.Series(x), se, draws=DRAWS).loc[turned], rank_sets(pd.Series(x).loc[turned], se, draws=DRAWS)
    )


def test_same_seed_same_sets_another_seed_nearly() -> None:
    x, se = np.linspace(60, 80, 12), np.full(12, 2.0)
    pd.testing.assert_frame_equal(rank_sets(x, se, draws=DRAWS), rank_sets(x, se, draws=DRAWS))
    other = rank_sets(x, se, draws=DRAWS, seed=2)
    assert np.abs(other["best"] - rank_sets(x, se, draws=DRAWS)["best"]).max() <= 1


def _cases() -> list[tuple[np.ndarray, np.ndarray, np.ndarray | float | None]]:
    """Estimates, errors and degrees of freedom: known, shared, one each; equal errors, unequal ones, and none."""
    rng, cases = np.random.default_rng(1), []
    for p in (2, 7, 40):
        errors = (np.full(p, 2.0), rng.uniform(0.5, 4.0, p), np.where(np.arange(p) % 3 == 0, 0.0, 2.0))
        cases += [(rng.normal(70, 5, p), se, df) for se in errors for df in (None, 8.0, rng.uniform(3, 200, p))]
    return cases


@pytest.mark.parametrize("simultaneous", [True, False])
def test_draws_that_are_passed_over_change_nothing(monkeypatch, simultaneous: bool) -> None:
    options = {"draws": 400, "simultaneous": simultaneous}
    few = [rank_sets(x, se, df=df, **options) for x, se, df in _cases()]
    # With no bound every draw is computed.
    for name in ("bound", "bound_of"):
        monkeypatch.setattr(PairErrors, name, lambda self, *_: np.full(self.z.shape[1], np.inf))
    for (x, se, df), table in zip(_cases(), few, strict=True):
        pd.testing.assert_frame_equal(rank_sets(x, se, df=df, **options), table)


def test_no_difference_is_larger_than_its_bound() -> None:
    for x, se, df in _cases():
        p = len(x)
        errors = pair_errors(p, se, None, df, 400, 1)
        for j in range(p):
            others = np.arange(p) != j
            largest = errors.maxima_of(j, others, others)
            assert (largest <= errors.bound_of(j)).all()
            assert (largest <= errors.bound()).all()


def test_most_draws_are_passed_over(monkeypatch) -> None:
    """What makes 400 institutions quick: of each one's draws fewer than a quarter can reach the critical value."""
    computed, of = [], PairErrors.of
    monkeypatch.setattr(PairErrors, "of", lambda self, draws: computed.append(len(draws)) or of(self, draws))
    rng, p = np.random.default_rng(3), 60
    rank_sets(np.full(p, 70.0), rng.uniform(1, 3, p), df=np.full(p, 100.0), draws=DRAWS, simultaneous=False)
    assert sum(computed) < p * DRAWS / 4


def test_stepping_down_shows_more_than_one_step(monkeypatch) -> None:
    """Two far below leave the pairs: the rest are then judged among themselves."""
    rng, gained = np.random.default_rng(3), 0
    for _ in range(40):
        x = np.concatenate([rng.normal(70, 3.2, 5), [20.0, 10.0]])
        table = rank_sets(x, np.ones(7), draws=DRAWS)
        crit = np.quantile(pair_errors(7, np.ones(7), None, None, DRAWS, 1).maxima(~np.eye(7, dtype=bool)), 0.95)
        single = 1 + (np.subtract.outer(x, x) / np.sqrt(2) > crit).sum(axis=0)
        assert (table["best"] >= single).all()
        gained += int((table["best"] > single).any())
    assert gained > 0


# Truths with ties, near ties and spread ones, unequal and estimated errors.
TRUTHS = {
    "tied": np.full(8, 70.0),
    "close": np.linspace(69, 71, 8),
    "spread": np.linspace(60, 80, 8),
    "two_groups": np.repeat([62.0, 70.0], 4),
}


@pytest.mark.parametrize("runs", [100, pytest.param(400, marks=pytest.mark.long)])
@pytest.mark.parametrize("df", [None, 8.0])
@pytest.mark.parametrize("name", TRUTHS)
def test_simultaneous_coverage(name: str, df: float | None, runs: int) -> None:
    """At least 95 % less three Monte-Carlo errors of so many seeded runs (benchmarks.rank_coverage does thousands)."""
    rng, truth, se = np.random.default_rng(42), TRUTHS[name], np.linspace(1.0, 2.5, 8)
    best = 1 + (truth[:, None] < truth).sum(axis=1)
    worst = 8 - (truth[:, None] > truth).sum(axis=1)
    hits = 0
    for run in range(runs):
        found = se if df is None else se * np.sqrt(rng.chisquare(df, 8) / df)
        own_df = None if df is None else np.full(8, df)
        table = rank_sets(truth + se * rng.standard_normal(8), found, df=own_df, draws=800, seed=run)
        # With ties every place of the tied is a true rank.
        hits += bool(((table["best"] <= best) & (worst <= table["worst"])).all())
    assert hits / runs >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([70.0, np.nan], [1.0, 1.0]), "estimate is missing"),
        (([70.0, 71.0], [1.0, -1.0]), "not one usable figure"),
        (([70.0, 71.0], [1.0, np.nan]), "not one usable figure"),
        (([70.0, 71.0], [1.0]), "not one usable figure"),
        (([70.0, 71.0],), "need standard errors or a covariance"),
    ],
)
def test_bad_input_is_said(arguments, message) -> None:
    with pytest.raises(EstimationError, match=message):
        rank_sets(*arguments, draws=100)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"covariance": np.array([[1.0, 2.0], [2.0, 1.0]])}, "negative eigenvalue"),
        ({"covariance": np.eye(3)}, "not a covariance"),
        ({"covariance": np.eye(2), "df": [3.0, 4.0]}, "independent estimates"),
        ({"se": [1.0, 1.0], "df": 0.0}, "above 0"),
        ({"se": [1.0, 1.0], "df": [5.0, np.nan]}, "above 0"),
    ],
)
def test_bad_errors_are_said(more, message) -> None:
    with pytest.raises(EstimationError, match=message):
        rank_sets([70.0, 71.0], draws=100, **more)
