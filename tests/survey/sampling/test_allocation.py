"""Allocations by hand, against brute force, and their bounds."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import allocate

METHODS = ("equal", "proportional", "neyman", "power", "cost")
TWO = pd.DataFrame({"N": [300, 100], "sd": [10.0, 30.0], "cost": [1.0, 4.0]}, index=["a", "b"])


@pytest.mark.parametrize(
    ("method", "expected", "rationale"),
    [
        ("equal", [20, 20], "the same for both"),
        ("proportional", [30, 10], "three quarters of the people"),
        ("neyman", [20, 20], "N x sd is 3000 for both"),
        ("power", [40 * 3**0.5 / (3**0.5 + 1), 40 / (3**0.5 + 1)], "square roots of 300 and 100"),
        ("cost", [40 * 2 / 3, 40 / 3], "3000/1 against 3000/2"),
    ],
)
def test_real_optimum_by_hand(method: str, expected: list[float], rationale: str) -> None:
    assert allocate(TWO, 40, method, integer=False).tolist() == pytest.approx(expected), rationale


def test_bankier_power_by_hand() -> None:
    strata = pd.DataFrame({"N": [100, 100], "mean": [1.0, 4.0], "sd": [1.0, 1.0]})
    # (N Ybar)**0.5 * S / Ybar: 10 * 1 and 20 / 4
    assert allocate(strata, 30, "power", mean="mean", integer=False).tolist() == pytest.approx([20, 10])


def test_whole_numbers_are_not_rounded_reals() -> None:
    """Wright's point: rounding 1.5, 1.5 cannot sum to 3; the exact rule gives the tie to the first stratum."""
    strata = pd.DataFrame({"N": [50, 50]})
    assert allocate(strata, 3, "proportional").tolist() == [2, 1]


def test_budget_buys_the_cheap_optimum() -> None:
    # N sd / sqrt(c) is 3000 and 1500; with prices 1 and 4 the shares cost 3000 and 6000.
    real = allocate(TWO, method="cost", cost="cost", budget=90, integer=False)
    assert real.tolist() == pytest.approx([30, 15])
    assert real["a"] * 1 + real["b"] * 4 == pytest.approx(90), "all the money is spent"


def test_cost_column_is_called_cost_unless_said_otherwise() -> None:
    assert (
        allocate(TWO, method="cost", budget=90).tolist()
        == allocate(TWO, method="cost", cost="cost", budget=90).tolist()
    )


def test_minimum_of_a_small_stratum_is_all_it_has() -> None:
    strata = pd.DataFrame({"N": [1, 99]})
    assert allocate(strata, 10, "proportional", min_n=2).tolist() == [1, 9], "one person cannot be drawn twice"


def test_full_strata_pass_the_rest_on() -> None:
    strata = pd.DataFrame({"N": [5, 100, 100], "sd": [100.0, 1.0, 1.0]})
    assert allocate(strata, 25, "neyman").tolist() == [5, 10, 10]


@pytest.mark.parametrize("integer", [True, False])
def test_sum_is_kept_where_nothing_varies(integer: bool) -> None:
    strata = pd.DataFrame({"N": [10, 10, 10], "sd": [0.0, 0.0, 5.0]})
    n = allocate(strata, 18, "neyman", integer=integer)
    assert n.sum() == pytest.approx(18), "a full stratum cannot take more, so strata without spread take the rest"
    assert n[2] == pytest.approx(10)


def test_proportional_whole_numbers_are_huntington_hill_seats() -> None:
    """The method of equal proportions, its priority values N/sqrt(n(n+1)) written out again (made-up populations)."""
    strata = pd.DataFrame({"N": [21878, 9713, 4167, 3252, 1065]})
    seats, people = np.ones(5, dtype=int), strata["N"].to_numpy(dtype=float)
    for _ in range(44 - 5):
        seats[np.argmax(people / np.sqrt(seats * (seats + 1)))] += 1
    assert allocate(strata, 44, "proportional", min_n=1).tolist() == seats.tolist()


def measure_of(method: str, strata: pd.DataFrame) -> np.ndarray:
    """a_h of ``sum(a_h**2 / n_h)``, written out again."""
    size, sd, cost = (strata[c].to_numpy(dtype=float) for c in ("N", "sd", "cost"))
    return {
        "equal": np.ones(len(size)),
        "proportional": size,
        "neyman": size * sd,
        "power": size**0.5,
        "cost": size * sd / cost**0.5,
    }[method]


strata_tables = st.integers(2, 4).flatmap(
    lambda h: st.builds(
        lambda size, sd, cost: pd.DataFrame({"N": size, "sd": sd, "cost": cost}),
        st.lists(st.integers(1, 9), min_size=h, max_size=h),
        st.lists(st.integers(1, 20).map(float), min_size=h, max_size=h),
        st.lists(st.sampled_from([1.0, 2.0, 4.0, 7.0]), min_size=h, max_size=h),
    )
)


@pytest.mark.parametrize("method", METHODS)
@given(strata=strata_tables, share=st.floats(0, 1), least=st.integers(0, 3))
def test_whole_numbers_equal_brute_force(method: str, strata: pd.DataFrame, share: float, least: int) -> None:
    size = strata["N"].to_numpy()
    low = np.minimum(max(least, 1), size)
    n = int(low.sum() + round(share * (size.sum() - low.sum())))
    measure = measure_of(method, strata)

    def loss(split: tuple[int, ...]) -> float:
        return float((measure**2 / np.array(split)).sum())

    best = min(loss(s) for s in product(*(range(a, b + 1) for a, b in zip(low, size, strict=True))) if sum(s) == n)
    got = allocate(strata, n, method, min_n=max(least, 1))
    assert got.sum() == n
    assert ((got >= low) & (got <= size)).all()
    assert loss(tuple(got)) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@given(
    size=st.lists(st.integers(1, 3000), min_size=1, max_size=40),
    seed=st.integers(0, 10_000),
    share=st.floats(0, 1),
    least=st.integers(0, 5),
)
def test_bounds_and_sum_hold(method: str, size: list[int], seed: int, share: float, least: int) -> None:
    rng = np.random.default_rng(seed)
    strata = pd.DataFrame({"N": size, "sd": rng.uniform(0, 30, len(size)), "cost": rng.uniform(1, 9, len(size))})
    low, high = np.minimum(least, size), np.array(size)
    n = int(low.sum() + round(share * (high.sum() - low.sum())))
    for integer in (True, False):
        got = allocate(strata, n, method, min_n=least, integer=integer)
        assert got.sum() == pytest.approx(n, rel=1e-9, abs=1e-6)
        assert ((got >= low - 1e-9) & (got <= high + 1e-9)).all()


@given(seed=st.integers(0, 1000))
def test_order_of_the_strata_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strata = pd.DataFrame({"N": rng.integers(2, 500, 12), "sd": rng.uniform(1, 30, 12)}, index=list("abcdefghijkl"))
    mixed = strata.sample(frac=1, random_state=seed)
    assert (
        allocate(mixed, 60, "neyman", min_n=1).sort_index().tolist() == allocate(strata, 60, "neyman", min_n=1).tolist()
    )


@given(size=st.lists(st.integers(1, 50), min_size=2, max_size=6), budget=st.floats(10, 300))
def test_budget_is_never_exceeded(size: list[int], budget: float) -> None:
    strata = pd.DataFrame({"N": size, "sd": np.arange(1.0, len(size) + 1), "cost": np.arange(1.0, len(size) + 1)})
    assume(budget <= (strata["N"] * strata["cost"]).sum())
    got = allocate(strata, method="cost", budget=budget)
    assert (got * strata["cost"]).sum() <= budget + 1e-9


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"n": 10, "method": "neymann"}, ["unknown method", "neymann", "did you mean 'neyman'?"]),
        ({"n": 10, "method": "neyman", "sd": "Sd"}, ["a column is missing", "column Sd", "did you mean 'sd'?"]),
        ({"n": 500}, ["does not fit the bounds", "500", "between 0 and 400"]),
        ({"n": 10, "min_n": 20, "max_n": 15}, ["the bounds cross", "key a", "20 to 15"]),
        ({"n": 3, "min_n": 2}, ["does not fit the bounds", "between 4 and 400"]),
        ({"n": 5, "method": "equal", "max_n": 2.5}, ["does not fit the bounds", "between 0 and 4"]),
        ({"n": 5, "method": "equal", "min_n": 2.5}, ["does not fit the bounds", "between 6 and 400"]),
        ({}, ["not clear what to share out", "n=None, budget=None"]),
        ({"n": 10, "method": "cost", "budget": 90}, ["not clear what to share out", "n=10, budget=90"]),
        ({"budget": 90}, ["not clear what to share out", "method=proportional"]),
    ],
)
def test_errors_say_what_is_wrong(arguments: dict, parts: list[str]) -> None:
    with pytest.raises(SamplingError) as caught:
        allocate(TWO, **arguments)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(
    ("method", "column", "bad"),
    [("cost", "cost", 0.0), ("neyman", "sd", -1.0), ("power", "mean", 0.0), ("neyman", "sd", np.nan)],
)
def test_unusable_values_name_column_and_row(method: str, column: str, bad: float) -> None:
    strata = TWO.assign(mean=[1.0, 2.0])
    strata.loc["b", column] = bad
    with pytest.raises(SamplingError, match="no usable value") as caught:
        allocate(strata, 10, method, mean="mean")
    assert f"row 2, column {column}" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 5, "min_n": -1}, "min_n is out of range"),
        ({"n": 5, "max_n": float("nan")}, "max_n is out of range"),
        ({"n": 2.5}, "n is no whole number"),
        ({"n": "5"}, "n is out of range"),
        ({"n": float("inf")}, "n is out of range"),
        ({"n": -1}, "n is out of range"),
        ({"budget": float("nan"), "method": "cost"}, "budget is out of range"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, said):
    strata = pd.DataFrame({"N": [10, 20], "sd": [1.0, 1.0], "cost": [1.0, 1.0]}, index=["a", "b"])
    with pytest.raises(SamplingError, match=said):
        allocate(strata, **options)


def test_no_strata_and_no_numbers_are_refused():
    strata = pd.DataFrame({"N": ["ten", "20"]}, index=["a", "b"])
    with pytest.raises(SamplingError, match="there are no strata"):
        allocate(strata.iloc[:0], 0)
    with pytest.raises(SamplingError, match="no usable value") as caught:
        allocate(strata, 5)
    assert caught.value.problems[0].got == "ten"


def test_half_a_person_is_shared_out_only_where_asked():
    strata = pd.DataFrame({"N": [10, 20]}, index=["a", "b"])
    assert allocate(strata, 4.5, integer=False).tolist() == pytest.approx([1.5, 3.0])
