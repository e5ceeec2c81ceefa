"""Replicates that are never written down must be the ones that would have been."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.estimation import ReplicateDesign
from spi_analysis.survey.weighting import bootstrap, bootstrap_sums, rake
from spi_analysis.survey.weighting.bootstrap import bootstrap_plan, bootstrap_replicates
from spi_analysis.survey.weighting.bootstrap_sums import raked_replicates, replicate_sums

MARGINS = {"sex": {"f": 520.0, "m": 480.0}, "age": {"old": 300.0, "young": 700.0}}
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}


def people(seed: int = 0, n: int = 120, strata: int = 4, clusters: int = 6) -> pd.DataFrame:
    """Everybody's stratum and cluster in no order; every cell of the margins is there."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "h": rng.permutation(np.arange(n) % strata),
            "psu": rng.integers(0, clusters, n),
            "N": 1000.0,
            "w": rng.uniform(1, 20, n),
            "sex": np.where(np.arange(n) % 2, "f", "m"),
            "age": np.where(np.arange(n) // 2 % 2, "old", "young"),
            "y": rng.normal(60, 10, n),
            "z": rng.normal(0, 1, n),
            "domain": rng.integers(-1, 3, n),
        }
    )


def summed(values: np.ndarray, table: np.ndarray, domains: np.ndarray, n_domains: int) -> np.ndarray:
    """Sums (R, D, K) the plain way: the whole table of replicate weights (n, R), one domain at a time."""
    return np.stack([table[domains == d].T @ values[domains == d] for d in range(n_domains)], axis=1)


@pytest.mark.parametrize("psu", [None, "psu"])
@pytest.mark.parametrize("raked", [False, True])
@pytest.mark.parametrize("block", [1, 60, 400, 2**18])
def test_streamed_sums_are_those_of_the_table(
    psu: str | None, raked: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = people()
    plan = bootstrap_plan(data, "w", stratum="h", psu=psu, n_replicates=30, seed=5)
    plan = raked_replicates(plan, data, MARGINS) if raked else plan
    values, domains, table = data[["y", "z"]].to_numpy(), data["domain"].to_numpy(), plan.values
    monkeypatch.setattr(bootstrap, "BLOCK", block)
    sums = replicate_sums(plan, values, domains, 3)
    np.testing.assert_allclose(sums.replicates, summed(values, table, domains, 3), **ROUNDING)
    np.testing.assert_allclose(sums.main, summed(values, plan.main[:, None], domains, 3)[0], **ROUNDING)


@pytest.mark.parametrize("block", [1, 60, 400])
def test_block_size_does_not_touch_the_draws(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = people()
    whole = bootstrap_replicates(data, "w", stratum="h", n_replicates=30).values
    monkeypatch.setattr(bootstrap, "BLOCK", block)
    assert bootstrap_replicates(data, "w", stratum="h", n_replicates=30).values.tobytes() == whole.tobytes()


def test_every_pass_gives_the_same_bytes_kept_or_not() -> None:
    plan = bootstrap_plan(people(), "w", stratum="h", psu="psu", pop_size="N", n_replicates=40, seed=2)
    kept = plan.kept()
    assert kept.draws.counts is not None
    assert kept.draws.counts.dtype == np.uint8
    assert plan.values.tobytes() == plan.values.tobytes() == kept.values.tobytes()


def test_raking_gives_the_same_bytes_where_its_draws_are_too_many_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    data = people()
    plan = bootstrap_plan(data, "w", stratum="h", n_replicates=9)
    kept = raked_replicates(plan, data, MARGINS)
    monkeypatch.setattr(bootstrap_sums, "KEPT", 120 * 9 - 1)
    made_again = raked_replicates(plan, data, MARGINS)
    assert kept.draws.counts is not None
    assert made_again.draws.counts is None
    assert kept.values.tobytes() == made_again.values.tobytes()


def test_first_replicates_do_not_depend_on_how_many_there_are() -> None:
    few, many = (bootstrap_replicates(people(), "w", stratum="h", n_replicates=r).values for r in (7, 50))
    assert (few == many[:, :7]).all()


@given(seed=st.integers(0, 2**64 - 1), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6))
@settings(max_examples=30)
def test_each_stratum_draws_one_less_than_it_has(seed: int, sizes: list[int]) -> None:
    data = pd.DataFrame({"h": np.repeat(np.arange(len(sizes)), sizes), "w": 1.0})
    counts = bootstrap_plan(data, "w", stratum="h", n_replicates=12, seed=seed).kept().draws.counts
    assert counts is not None
    drawn = pd.DataFrame(counts).groupby(data["h"]).sum().to_numpy()
    assert (drawn == np.array(sizes)[:, None] - 1).all()


@pytest.mark.parametrize("n", [2, 3, 100, 4096, 4097, 30_000])
def test_draws_are_uniform(n: int) -> None:
    draws = max(400_000 // (n - 1), 40)
    counts = bootstrap_plan(pd.DataFrame({"w": np.ones(n)}), "w", n_replicates=draws, seed=8).kept().draws.counts
    assert counts is not None
    times, expected = counts.sum(axis=1, dtype=int), draws * (n - 1) / n
    chi_square = ((times - expected) ** 2 / expected).sum()
    # Each replicate's counts are multinomial, so the statistic has n - 1 degrees of freedom; four standard deviations.
    assert abs(chi_square - (n - 1)) < 4 * (2 * (n - 1)) ** 0.5 + 4


def test_draws_of_one_replicate_are_multinomial() -> None:
    n, n_replicates = 10, 40_000
    counts = bootstrap_plan(pd.DataFrame({"w": np.ones(n)}), "w", n_replicates=n_replicates, seed=3).kept().draws.counts
    assert counts is not None
    variance, covariance = (n - 1) / n * (1 - 1 / n), -(n - 1) / n**2
    found = np.cov(counts)
    np.testing.assert_allclose(np.diag(found), variance, rtol=0.06)
    np.testing.assert_allclose(found[~np.eye(n, dtype=bool)].mean(), covariance, rtol=0.06)


def test_draws_are_made_of_the_published_generator_by_hand() -> None:
    # Philox with key [seed, stratum]; 16 bits at a time, lowest first; choice = bits * n >> 16 unless the low half is
    # below 2**16 mod n. Counted here one by one, with Python's whole numbers.
    seed, n, n_replicates = 11, 5, 3
    raw = np.random.Philox(key=np.array([seed, 0], dtype=np.uint64)).random_raw(64)
    pieces = [int(number) >> shift & 0xFFFF for number in raw for shift in (0, 16, 32, 48)]
    choices = [piece * n >> 16 for piece in pieces if piece * n & 0xFFFF >= 2**16 % n]
    expected = [
        [choices[r * (n - 1) : (r + 1) * (n - 1)].count(unit) for r in range(n_replicates)] for unit in range(n)
    ]
    plan = bootstrap_plan(pd.DataFrame({"w": np.ones(n)}), "w", n_replicates=n_replicates, seed=seed)
    assert plan.kept().draws.counts.tolist() == expected  # type: ignore[union-attr]
    # f = 0: the factor is n/(n-1) times the count
    np.testing.assert_allclose(plan.values, np.array(expected) * n / (n - 1))


def test_mean_factor_is_one() -> None:
    data = people(n=60, strata=3)
    made = bootstrap_replicates(data, "w", stratum="h", pop_size="N", n_replicates=20_000, seed=4)
    factors = made.values / data["w"].to_numpy()[:, None]
    # variance of a factor: (1 - f) n/(n-1) * (n-1)/n = 1 - f < 1
    assert np.abs(factors.mean(axis=1) - 1).max() < 4.5 / 20_000**0.5


def test_census_and_lonely_strata_draw_nothing() -> None:
    data = pd.DataFrame({"h": ["all", "all", "lone", "some", "some"], "N": [2, 2, 9, 8, 8], "w": [1.0, 1, 9, 4, 4]})
    plan = bootstrap_plan(data, "w", stratum="h", pop_size="N", n_replicates=25)
    assert (plan.values[:3] == data["w"].to_numpy()[:3, None]).all()
    assert plan.values[3:].std() > 0
    assert plan.df == 1, "one stratum of two units varies"


def test_fraction_may_differ_between_units() -> None:
    # The share that was observed belongs to response classes, which may cross the strata.
    data = pd.DataFrame({"f": [0.0, 0.36, 0.75, 1.0, 1.0], "w": 1.0})
    plan = bootstrap_plan(data, "w", fraction="f", n_replicates=50)
    times = plan.kept().draws.counts
    spread = np.array([1.0, 0.8, 0.5, 0.0, 0.0])[:, None]
    np.testing.assert_allclose(plan.values, 1 - spread + spread * 5 / 4 * times)
    assert plan.df == 3 == ReplicateDesign(data, "w", plan.values).df_design


# --- raking of all replicates


def test_raked_replicates_are_the_replicates_raked_one_by_one() -> None:
    data = people(3)
    plan = bootstrap_plan(data, "w", stratum="h", pop_size="N", n_replicates=6, seed=9)
    raked = raked_replicates(plan, data, MARGINS)
    np.testing.assert_allclose(raked.main, rake(data, "w", MARGINS), rtol=1e-8)
    for column, before in zip(raked.values.T, plan.values.T, strict=True):
        np.testing.assert_allclose(column, rake(data.assign(w=before), "w", MARGINS), rtol=1e-8)


@pytest.mark.parametrize("psu", [None, "psu"])
def test_raked_replicates_meet_every_margin(psu: str | None) -> None:
    data = people(1)
    plan = bootstrap_plan(data, "w", stratum="h", psu=psu, n_replicates=20, seed=1)
    values = raked_replicates(plan, data, MARGINS).values
    for name, totals in MARGINS.items():
        sums = pd.DataFrame(values).groupby(data[name]).sum()
        expected = np.repeat(pd.Series(totals).loc[sums.index].to_numpy()[:, None], 20, axis=1)
        np.testing.assert_allclose(sums, expected, rtol=1e-8)


def test_margins_may_be_of_any_type() -> None:
    data = people(2).assign(flag=lambda d: d["z"] > 0, sex=lambda d: d["sex"].astype("category"))
    plan = bootstrap_plan(data, "w", stratum="h", n_replicates=4)
    raked = raked_replicates(plan, data, {"flag": {True: 600.0, False: 400.0}, "sex": MARGINS["sex"]})
    assert raked.main[data["flag"]].sum() == pytest.approx(600)


@pytest.mark.parametrize(
    ("change", "margins", "parts"),
    [
        ({}, {"sexx": {"f": 1.0}}, ["did you mean 'sex'?"]),
        ({}, {"sex": {"f": 1000.0}}, ["levels in the sample that have no total", "got: m"]),
        ({"sex": None}, MARGINS, ["column sex"]),
        ({}, {**MARGINS, "age": {"old": 1.0, "young": 1.0}}, ["disagree"]),
    ],
)
def test_margins_that_cannot_be_are_refused(change: dict, margins: dict, parts: list[str]) -> None:
    data = people().assign(**change)
    with pytest.raises(WeightingError) as caught:
        raked_replicates(bootstrap_plan(data, "w", stratum="h", n_replicates=3), data, margins)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_replicates_are_raked_once_and_by_their_own_table() -> None:
    data = people()
    plan = bootstrap_plan(data, "w", stratum="h", n_replicates=3)
    with pytest.raises(WeightingError, match="raked already"):
        raked_replicates(raked_replicates(plan, data, MARGINS), data, MARGINS)
    with pytest.raises(WeightingError, match="does not fit the replicates"):
        raked_replicates(plan, data.iloc[1:], MARGINS)
    with pytest.raises(WeightingError, match="do not fit the replicates"):
        replicate_sums(plan, np.ones((5, 2)))


@pytest.mark.parametrize(
    ("data", "options", "match"),
    [
        (
            people().assign(N=lambda d: 1000 + np.arange(len(d))),
            {"pop_size": "N"},
            "not the same for the whole stratum",
        ),
        (
            people().assign(f=np.linspace(0, 1, 120)),
            {"fraction": "f", "psu": "psu"},
            "the same for the whole primary unit",
        ),
        (people(), {"n_replicates": 0}, "there are no replicates"),
        (people().iloc[:0], {}, "nobody in the sample"),
    ],
)
def test_plans_that_cannot_be_are_refused(data: pd.DataFrame, options: dict, match: str) -> None:
    with pytest.raises(WeightingError, match=match):
        bootstrap_plan(data, "w", stratum="h", **options)
