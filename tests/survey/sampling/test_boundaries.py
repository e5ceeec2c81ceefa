"""Boundaries of a numeric stratifier: toys by hand, and the best of all by brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import boundaries as module
from spi_analysis.survey.sampling import cumulative_root_f, lavallee_hidiroglou, stratum_of


def test_root_f_by_hand() -> None:
    # Classes of width 1 with 16, 4, 1, 1 values: roots 4, 2, 1, 1, cumulated 4, 6, 7, 8; half is 4: cut after the first
    values = np.repeat([0.0, 1.5, 2.5, 4.0], [16, 4, 1, 1])
    assert cumulative_root_f(values, 2, bins=4).tolist() == [1.0]
    assert np.bincount(stratum_of(values, [1.0])).tolist() == [0, 16, 6]


def test_root_f_of_a_flat_distribution_cuts_equal_parts() -> None:
    assert cumulative_root_f(np.arange(1000) / 999, 4).tolist() == pytest.approx([0.25, 0.5, 0.75])


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [3, 3, 3, 3], [7, 7, 7, 7]])
def test_root_f_of_two_ends_that_are_as_near_takes_the_lower(counts: list[int]) -> None:
    """Four equal classes in eighths: the first step, half a class, is as near to 0 as to 1 class; thirds of roots of 3
    or 7 have no exact sums. Of three strata the steps are 4/3 and 8/3 classes: cuts after the first and the third."""
    values = np.repeat([0.0, 1.5, 2.5, 4.0], counts)
    assert cumulative_root_f(values, 3, bins=4).tolist() == [1.0, 3.0]
    ten = np.repeat(np.arange(10) + 0.5, counts[0] * 3)
    ten = np.concatenate([[0.0], ten[1:-1], [10.0]])
    # Ten equal classes in four strata: steps of 2.5 classes, as near to 2 as to 3, and 7.5 as near to 7 as to 8.
    assert cumulative_root_f(ten, 4, bins=10).tolist() == [2.0, 5.0, 7.0]


def test_a_value_on_the_boundary_belongs_below() -> None:
    assert stratum_of([1, 2, 3], [2]).tolist() == [1, 1, 2]


def test_one_giant_is_taken_whole() -> None:
    values = [*range(1, 21), 1000]
    found = lavallee_hidiroglou(values, 2, 0.05)
    assert found.boundaries.tolist() == [20.0]
    assert found.table["N"].tolist() == [20, 1]
    # S**2 of 1..20 is 35, Y = 1210: n = 1 + 20**2 * 35 / ((0.05 * 1210)**2 + 20 * 35)
    assert found.n == pytest.approx(1 + 400 * 35 / (60.5**2 + 700))
    assert found.table["n"].sum() == pytest.approx(found.n)


def needed(x: np.ndarray, cuts: tuple[int, ...], cv: float, take_all: bool) -> float:
    """The sample that boundaries need, straight from the formula."""
    parts = np.split(x, cuts)
    some = parts[:-1] if take_all else parts
    sizes = np.array([len(p) for p in some])
    sds = np.array([np.std(p, ddof=1) if len(p) > 1 else 0.0 for p in some])
    n = (sizes @ sds) ** 2 / ((cv * x.sum()) ** 2 + sizes @ sds**2)
    return n + (len(parts[-1]) if take_all else 0)


sizes = st.lists(st.integers(1, 60), min_size=6, max_size=14).filter(lambda v: len(set(v)) >= 4)


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(2, 3), st.sampled_from([0.02, 0.1, 0.3]), st.booleans())
def test_no_other_boundaries_need_fewer(values: list[int], strata: int, cv: float, take_all: bool) -> None:
    x = np.sort(np.array(values, dtype=float))
    places = np.flatnonzero(np.diff(x)) + 1
    best = min(needed(x, cuts, cv, take_all) for cuts in combinations(places, strata - 1))
    found = lavallee_hidiroglou(values, strata, cv, take_all)
    assert found.n == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert len(found.boundaries) == strata - 1
    assert np.bincount(stratum_of(values, found.boundaries))[1:].tolist() == found.table["N"].tolist()


def test_moving_one_boundary_at_a_time_finds_the_same_on_a_skewed_list(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).lognormal(3, 1, 150)
    best = lavallee_hidiroglou(values, 3, 0.05).n
    monkeypatch.setattr(module, "MOST_TRIED", 0)
    assert lavallee_hidiroglou(values, 3, 0.05).n == pytest.approx(best)


def test_beats_root_f_on_a_skewed_list() -> None:
    values = np.random.default_rng(2).lognormal(3, 1.2, 3000)
    x = np.sort(values)
    cuts = tuple(np.searchsorted(x, cumulative_root_f(values, 4), side="right"))
    assert lavallee_hidiroglou(values, 4, 0.03, take_all=False).n < needed(x, cuts, 0.03, take_all=False)


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: cumulative_root_f([1, 2, np.nan], 2), "missing"),
        (lambda: cumulative_root_f([1, 1, 1], 2), "2 to 1"),
        (lambda: cumulative_root_f([1, 2, 3], 3, bins=2), "at least 3"),
        (lambda: cumulative_root_f([1] * 50 + [2, 1000], 3), "stratum would be empty"),
        (lambda: lavallee_hidiroglou([1, 2, 3], 2, 0.0), "a CV above 0"),
        (lambda: lavallee_hidiroglou([-1, 0, 1], 2, 0.1), "a mean other than 0"),
    ],
)
def test_what_cannot_be_is_named(act, what: str) -> None:
    with pytest.raises(SamplingError, match=what):
        act()
