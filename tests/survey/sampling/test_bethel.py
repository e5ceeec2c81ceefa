"""Bethel's allocation by hand, against brute force, and its refusals."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import achieved_cv, allocate, bethel

STRATA = pd.DataFrame(
    {"N": [100, 300, 50], "mean_y": [10.0, 20.0, 30.0], "sd_y": [5.0, 4.0, 9.0], "d": ["x", "x", "z"]},
    index=["a", "b", "c"],
)


def targets(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["domain", "variable", "cv"])


def test_one_stratum_by_hand() -> None:
    strata = pd.DataFrame({"N": [1000], "mean_y": [50.0], "sd_y": [20.0]})
    # SE = 0.05 * 50 = 2.5: 400/n - 400/1000 = 6.25, n = 400/6.65 = 60.15
    assert bethel(strata, targets(("", "y", 0.05)), integer=False).tolist() == pytest.approx([400 / 6.65])
    assert bethel(strata, targets(("", "y", 0.05))).tolist() == [61], "60 miss the target by a little"


def test_one_target_is_neyman() -> None:
    """With one target and equal costs the optimum is Neyman's allocation of the same total."""
    real = bethel(STRATA, targets(("", "y", 0.03)), min_n=0, integer=False)
    same = allocate(STRATA, real.sum(), "neyman", sd="sd_y", integer=False)
    assert real.to_numpy() == pytest.approx(same.to_numpy(), rel=1e-5)


def test_one_target_with_costs_is_the_cost_optimum() -> None:
    strata = STRATA.assign(c=[1.0, 4.0, 9.0])
    real = bethel(strata, targets(("", "y", 0.03)), cost="c", min_n=0, integer=False)
    budget = float(real @ strata["c"])
    same = allocate(strata, method="cost", sd="sd_y", cost="c", budget=budget, integer=False)
    assert real.to_numpy() == pytest.approx(same.to_numpy(), rel=1e-5)


def test_every_level_of_a_domain_has_its_own_ceiling() -> None:
    strata = STRATA.assign(d=["x", "y", "z"])
    wanted = targets(("d", "y", 0.1))
    # Each stratum alone: n = S**2 / ((cv mean)**2 + S**2/N): 25/1.25 = 20; 16/(4 + 16/300); 81/(9 + 81/50)
    exact = [25 / 1.25, 16 / (4 + 16 / 300), 81 / (9 + 81 / 50)]
    assert bethel(strata, wanted, integer=False).tolist() == pytest.approx(exact, rel=1e-6)
    assert bethel(strata, wanted).tolist() == [20, 4, 8]


def test_response_is_part_of_the_allocation() -> None:
    """Half answer in a: twice the invitations bring the same completes."""
    strata = STRATA.assign(d=["x", "y", "z"], r=[0.5, 1.0, 1.0])
    assert bethel(strata, targets(("d", "y", 0.1)), response="r").tolist() == [40, 4, 8]
    reached = achieved_cv(
        strata, bethel(strata, targets(("d", "y", 0.1)), response="r"), targets(("d", "y", 0.1)), response="r"
    )
    assert reached["reached"].iloc[0] == pytest.approx(0.1), "20 of 100: sqrt(25 (1/20 - 1/100)) / 10 = 0.1"


def test_small_stratum_is_taken_whole_and_an_empty_one_is_left_alone() -> None:
    strata = pd.DataFrame({"N": [1, 0, 500], "mean_y": [9.0, 1.0, 5.0], "sd_y": [0.0, 1.0, 2.0]})
    assert bethel(strata, targets(("", "y", 0.05)), min_n=2).tolist()[:2] == [1, 0]


def test_loose_targets_leave_the_minimum() -> None:
    assert bethel(STRATA, targets(("", "y", 5.0)), min_n=3).tolist() == [3, 3, 3]


def test_a_target_close_to_zero_takes_everybody() -> None:
    assert bethel(STRATA, targets(("", "y", 1e-9))).tolist() == STRATA["N"].tolist()


@st.composite
def small_designs(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    h = draw(st.integers(1, 4))
    variables = ["u", "v"][: draw(st.integers(1, 2))]
    numbers = {"N": st.integers(1, 9), "cost": st.sampled_from([1.0, 2.0, 3.5]), "d": st.sampled_from("xy")}
    numbers |= {f"mean_{v}": st.integers(1, 20) for v in variables}
    numbers |= {f"sd_{v}": st.sampled_from([0.0, 1.0, 3.0, 8.0]) for v in variables}
    strata = pd.DataFrame({name: draw(st.lists(kind, min_size=h, max_size=h)) for name, kind in numbers.items()})
    cvs = st.sampled_from([0.02, 0.05, 0.11, 0.3, 0.7])
    return strata, targets(*((domain, v, draw(cvs)) for domain in ("", "d") for v in variables))


@settings(max_examples=60, deadline=None)
@given(small_designs())
def test_whole_numbers_are_the_cheapest_of_all(design: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    strata, wanted = design
    n = bethel(strata, wanted, cost="cost")
    assert feasible(strata, wanted, n.to_numpy()[None, :])[0]
    every = np.array(list(product(*(range(min(2, people), people + 1) for people in strata["N"]))))
    allowed = every[feasible(strata, wanted, every)]
    assert n @ strata["cost"] == pytest.approx((allowed @ strata["cost"].to_numpy()).min())


def feasible(strata: pd.DataFrame, wanted: pd.DataFrame, n: np.ndarray) -> np.ndarray:
    """Which rows of n meet all targets, straight from the variance of a stratified mean."""
    ok = np.ones(len(n), dtype=bool)
    for domain, variable, cv in wanted.itertuples(index=False):
        for level in strata[domain].unique() if domain else [None]:
            inside = (strata[domain] == level).to_numpy() if domain else np.ones(len(strata), dtype=bool)
            people, mean, sd = (strata.loc[inside, c].to_numpy() for c in ("N", f"mean_{variable}", f"sd_{variable}"))
            variance = (people**2 * sd**2 / n[:, inside] * (1 - n[:, inside] / people)).sum(axis=1)
            ok &= variance <= (cv * (people @ mean)) ** 2 * (1 + 1e-9) + 1e-9
    return ok


def test_large_designs_meet_every_target_close_to_the_bound() -> None:
    random = np.random.default_rng(3)
    strata = pd.DataFrame({"N": random.integers(5, 3000, 120), "d": random.integers(0, 6, 120)})
    for v in ("u", "v", "w"):
        strata[f"mean_{v}"] = random.uniform(5, 50, 120)
        strata[f"sd_{v}"] = strata[f"mean_{v}"] * random.uniform(0.1, 1.5, 120)
    wanted = targets(*((d, v, 0.04) for d in ("", "d") for v in ("u", "v", "w")))
    whole, real = bethel(strata, wanted), bethel(strata, wanted, integer=False)
    assert (achieved_cv(strata, whole, wanted)["reached"] <= 0.04 * (1 + 1e-9)).all()
    assert real.sum() <= whole.sum() <= real.sum() + 21, "at most one person more for each of 7 x 3 ceilings"
    lowered = [achieved_cv(strata, whole.sub(pd.Series({h: 1}), fill_value=0), wanted) for h in whole.index[whole > 2]]
    assert all((table["reached"] > 0.04).any() for table in lowered), "no stratum can give one up"


def test_order_of_strata_does_not_matter() -> None:
    wanted = targets(("", "y", 0.03), ("d", "y", 0.05))
    assert bethel(STRATA.iloc[[2, 0, 1]], wanted).sort_index().tolist() == bethel(STRATA, wanted).tolist()


@pytest.mark.parametrize(
    ("strata", "wanted", "parts"),
    [
        (STRATA.assign(r=0.2), ("d", "y", 0.02), ["d = x", "even inviting everyone", "census", "d = z"]),
        (STRATA.assign(mean_y=[3.0, -1.0, 7.0]), ("d", "y", 0.1), ["a mean of 0", "d = x, y"]),
        (STRATA.assign(sd_y=[1.0, np.nan, 1.0]), ("", "y", 0.1), ["sd_y", "stratum b", "nan"]),
        (STRATA, ("dd", "y", 0.1), ["column dd"]),
        (STRATA, ("", "x", 0.1), ["column mean_x", "did you mean 'mean_y'?"]),
        (STRATA, ("", "y", 0.0), ["row 1", "above 0"]),
        (STRATA.assign(d=[None, "x", "x"]), ("d", "y", 0.1), ["belongs to no domain", "stratum a"]),
        (STRATA.assign(N=[-1, 2, 3]), ("", "y", 0.1), ["column N", "stratum a"]),
        (STRATA.assign(r=[1.2, 1, 1]), ("", "y", 0.1), ["column r", "at most 1"]),
    ],
)
def test_what_cannot_be_is_named(strata: pd.DataFrame, wanted: tuple[str, str, float], parts: list[str]) -> None:
    with pytest.raises(SamplingError) as caught:
        bethel(strata, targets(wanted), response="r" if "r" in strata else None)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_targets_need_their_columns() -> None:
    with pytest.raises(SamplingError, match="column cv"):
        bethel(STRATA, targets(("", "y", 0.1)).drop(columns="cv"))
    with pytest.raises(SamplingError, match="no rows"):
        bethel(STRATA, targets())


def test_targets_are_met_where_strata_differ_by_powers_of_ten() -> None:
    random = np.random.default_rng(12)
    for _ in range(10):
        strata = pd.DataFrame({"N": np.floor(10 ** random.uniform(0, 6, 25)), "c": 10 ** random.uniform(-1, 2, 25)})
        strata["mean_y"] = 10 ** random.uniform(-2, 5, 25)
        strata["sd_y"] = strata["mean_y"] * 10 ** random.uniform(-2, 1, 25)
        strata["d"] = random.integers(0, 3, 25)
        wanted = targets(("", "y", 0.003), ("d", "y", 0.02))
        n = bethel(strata, wanted, cost="c")
        reached = achieved_cv(strata, n, wanted)
        assert (reached["reached"] <= reached["cv"] * (1 + 1e-6)).all()
        assert (n <= strata["N"]).all()
