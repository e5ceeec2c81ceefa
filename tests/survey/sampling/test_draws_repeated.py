"""2,000 draws of every method, 20,000 in the long tests: each unit, and each pair, is in as often as it should be.

Each draw is a stratum of one call, so that the numbers come from the public functions. The counts of a design of
fixed size are tested together: their covariance over draws is ``joint - p p'``.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from spi_analysis.survey.sampling import (
    DrawDesign,
    activate_waves,
    assign_waves,
    draw_sample,
    inclusion_probabilities,
    select_pps,
    select_srs,
    select_systematic,
    select_two_stage,
)
from spi_analysis.survey.sampling.inclusion import (
    joint_inclusion_elimination,
    joint_inclusion_hajek,
    joint_inclusion_pareto,
    joint_inclusion_systematic,
)

SEED, LEVEL = 20240722, 0.001
SIZES = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 13])
N, TAKEN = len(SIZES), 4
PPS = inclusion_probabilities(SIZES, TAKEN)
EQUAL = np.full(N, TAKEN / N)
EXACT_PARETO = joint_inclusion_pareto(PPS)


@pytest.fixture(params=[2_000, pytest.param(20_000, marks=pytest.mark.long)])
def draws(request: pytest.FixtureRequest) -> int:
    """How often each method draws; every bound below is that of so many draws."""
    return request.param


@cache
def frame(draws: int) -> pd.DataFrame:
    numbers = np.random.default_rng(SEED).uniform(size=draws * N)
    return pd.DataFrame(
        {
            "id": np.arange(draws * N),
            "unit": np.tile(np.arange(N), draws),
            "draw": np.repeat(np.arange(draws), N),
            "size": np.tile(SIZES, draws),
            "prn": numbers,
        }
    )


METHODS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], np.ndarray]] = {
    "srs": (lambda people: select_srs(people, TAKEN, "draw"), joint_inclusion_hajek(EQUAL)),
    "systematic": (
        lambda people: select_systematic(people, TAKEN, "draw", seed=SEED),
        joint_inclusion_systematic(EQUAL),
    ),
    "pps systematic": (
        lambda people: select_pps(people, TAKEN, "size", "draw", seed=SEED),
        joint_inclusion_systematic(PPS),
    ),
    "pareto": (lambda people: select_pps(people, TAKEN, "size", "draw", "pareto", seed=SEED), EXACT_PARETO),
    "pareto by own numbers": (
        lambda people: select_pps(people, TAKEN, "size", "draw", "pareto", prn="prn"),
        EXACT_PARETO,
    ),
    "elimination": (
        lambda people: select_pps(people, TAKEN, "size", "draw", "elimination", seed=SEED),
        joint_inclusion_elimination(PPS),
    ),
}


@cache
def drawn(method: str, draws: int) -> pd.DataFrame:
    return METHODS[method][0](frame(draws))


@cache
def seen(method: str, draws: int) -> np.ndarray:
    """Which unit was in which draw (draws, units)."""
    return seen_in(drawn(method, draws), draws)


def seen_in(drawn: pd.DataFrame, draws: int) -> np.ndarray:
    inside = np.zeros((draws, N), dtype=bool)
    inside[drawn["draw"].to_numpy(), drawn["unit"].to_numpy()] = True
    return inside


def chi_square(share: np.ndarray, joint: np.ndarray, draws: int) -> tuple[float, int]:
    """Distance of the shares from the probabilities in units of their covariance, and its degrees of freedom."""
    p = np.diag(joint)
    covariance = joint - np.outer(p, p)
    rank = int(np.linalg.matrix_rank(covariance, tol=1e-9))
    off = share - p
    return float(draws * off @ np.linalg.pinv(covariance, rcond=1e-8, hermitian=True) @ off), rank


@pytest.mark.parametrize("method", METHODS)
def test_single_probabilities(method: str, draws: int) -> None:
    inside, joint = seen(method, draws), METHODS[method][1]
    assert (inside.sum(axis=1) == TAKEN).all(), "every draw takes exactly four"
    if method == "srs":
        pair = TAKEN * (TAKEN - 1) / (N * (N - 1))
        joint = np.where(np.eye(N, dtype=bool), TAKEN / N, pair)
    distance, df = chi_square(inside.mean(axis=0), joint, draws)
    assert distance < chi2.isf(LEVEL, df), f"{method}: {distance:.1f} on {df} degrees of freedom"


@pytest.mark.parametrize("method", [name for name in METHODS if name != "srs"])
def test_joint_probabilities(method: str, draws: int) -> None:
    inside, joint = seen(method, draws).astype(float), METHODS[method][1]
    share = inside.T @ inside / draws
    error = np.sqrt(joint * (1 - joint) / draws)
    # 45 pairs: 4 standard errors are exceeded by chance once in 350 runs, and the seed is fixed.
    assert (np.abs(share - joint) <= 4 * error + 1e-12).all(), f"{method}: {np.nanmax(np.abs(share - joint))}"


def test_certainty_unit_is_always_in(draws: int) -> None:
    assert PPS[-1] == 1, "13 of 49 is more than a quarter"
    assert all(seen(method, draws)[:, -1].all() for method in METHODS if "srs" not in method and method != "systematic")


def test_inclusion_prob_of_the_rows_is_the_one_aimed_at() -> None:
    once = select_pps(frame(1), TAKEN, "size", method="pareto", seed=1)
    assert once["inclusion_prob"].tolist() == pytest.approx(PPS[once["unit"].to_numpy()].tolist())


def test_pareto_targets_are_met_closely() -> None:
    assert np.abs(np.diag(EXACT_PARETO) - PPS).max() < 0.01


def in_halves(table: pd.DataFrame, draws: int, **options: object) -> pd.DataFrame:
    """Of the four of every draw two are activated first."""
    assert TAKEN == 4
    return assign_waves(table, {str(draw): [2, 2] for draw in range(draws)}, "draw", **options)


def test_activated_people_are_a_random_part(draws: int) -> None:
    """First wave of 2 of the 4 drawn: each of 10 with chance 0.2, each pair with 2/90."""
    out = activate_waves(in_halves(drawn("srs", draws), draws), 1, stratum="draw")
    joint = np.where(np.eye(N, dtype=bool), 0.2, 2 / 90)
    distance, df = chi_square(seen_in(out, draws).mean(axis=0), joint, draws)
    assert distance < chi2.isf(LEVEL, df)
    assert set(out["inclusion_prob"].round(12)) == {0.2}


def test_activated_part_of_unequal_probabilities(draws: int) -> None:
    split = in_halves(drawn("pareto by own numbers", draws), draws, seed=SEED, person="id")
    out = activate_waves(split, 1, stratum="draw")
    inside = np.bincount(out["unit"], minlength=N) / draws
    exact = np.diag(EXACT_PARETO) / 2
    assert (np.abs(inside - exact) < 4 * np.sqrt(exact * (1 - exact) / draws)).all()


@pytest.mark.parametrize("draws", [300, pytest.param(4000, marks=pytest.mark.long)])
def test_every_wave_of_a_systematic_draw_is_a_random_part_of_it(draws: int) -> None:
    """Starts and waves from a secret: in all draws each of ten people is drawn with 0.4, activated first with 0.2."""
    people = pd.DataFrame({"person_id": [f"p{i}" for i in range(N)], "stratum": "x", "size": SIZES})
    first, drawn_at_all = np.zeros(N), np.zeros(N)
    for draw in range(draws):
        design = DrawDesign("v", {"x": [2, 2]}, {"name": "systematic", "order": ["size"]}, scope=str(draw))
        taken = draw_sample(people, design, b"only for tests, not a secret")
        at = taken.index.to_numpy()
        drawn_at_all[at] += 1
        first[at[taken["wave"].to_numpy() == 1]] += 1
    for counts, p in ((drawn_at_all, 0.4), (first, 0.2)):
        assert (np.abs(counts / draws - p) < 4 * np.sqrt(p * (1 - p) / draws)).all()


def test_two_stages_in_many_strata() -> None:
    """Units of 2, 3, 5 and 10 people, two drawn by size, two people in each: everyone below certainty alike."""
    sizes = [2, 3, 5, 10]
    draws = 5000
    units = np.repeat(np.arange(4), sizes)
    many = pd.DataFrame(
        {"unit": np.tile(units, draws), "draw": np.repeat(np.arange(draws), len(units)),
         "who": np.tile(np.arange(len(units)), draws), "person_id": np.arange(draws * len(units))}
    )  # fmt: skip
    taken = select_two_stage(many, 2, 2, "unit", stratum="draw", seed=SEED)
    share = np.bincount(taken["who"], minlength=len(units)) / draws
    # 10 of 20 is a share of 1/2: certain, 2 of its 10; the other unit is one of 2, 3, 5: n/10 times 2/n.
    assert (np.abs(share - 0.2) < 4 * np.sqrt(0.2 * 0.8 / draws)).all()
    assert taken["inclusion_prob"].round(12).unique().tolist() == [0.2]
    assert (taken.groupby("draw")["unit"].nunique() == 2).all()
