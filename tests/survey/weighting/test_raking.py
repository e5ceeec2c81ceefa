"""Raking: a 2x2 table with a known solution, and what iteration must keep."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting import auxiliary_of, calibrate, rake, rake_columns

CELLS = pd.DataFrame({"sex": ["f", "f", "m", "m"], "unit": ["a", "b", "a", "b"]})


def test_independent_start_ends_in_the_product_of_the_margins() -> None:
    raked = rake(CELLS.assign(w=1.0), "w", {"sex": {"f": 60, "m": 40}, "unit": {"a": 30, "b": 70}})
    assert raked.tolist() == pytest.approx([18, 42, 12, 28]), "with odds ratio 1, cell = row total x column total / N"


def test_two_by_two_with_odds_ratio_by_hand() -> None:
    """Start 2, 1, 1, 2 (odds ratio 4), margins 3 and 3, 4 and 2: x solves x(x-1)... x**2 + ... = 0.

    With f-a = x: f-b = 3-x, m-a = 4-x, m-b = x-1; x(x-1) = 4(3-x)(4-x), so 3x**2 - 27x + 48 = 0.
    """
    x = (27 - (27**2 - 4 * 3 * 48) ** 0.5) / 6
    raked = rake(CELLS.assign(w=[2.0, 1, 1, 2]), "w", {"sex": {"f": 3, "m": 3}, "unit": {"a": 4, "b": 2}})
    assert raked.tolist() == pytest.approx([x, 3 - x, 4 - x, x - 1])


def test_of_sample_and_replicates_that_fail_the_sample_is_named() -> None:
    """No woman of b in the sample: women are those of a, 60 of 30. The replicate, without men of b, is off by more."""
    margins = {"sex": {"f": 60, "m": 40}, "unit": {"a": 30, "b": 70}}
    auxiliary, targets = auxiliary_of(CELLS, margins)
    sample, replicate = [1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]
    with pytest.raises(WeightingError, match="does not converge") as failed:
        rake_columns(np.array([sample, replicate]).T, auxiliary, targets)
    assert "replicate" not in str(failed.value)
    with pytest.raises(WeightingError, match="in replicate 1"):
        rake_columns(np.array([[1.0, 1, 1, 1], replicate]).T, auxiliary, targets)


def tables(seed: int, n: int = 60) -> tuple[pd.DataFrame, dict]:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "sex": ["f", "m", *rng.choice(["f", "m"], n - 2)],
            "unit": ["a", "b", "c", *rng.choice(list("abc"), n - 3)],
            "w": rng.uniform(1, 5, n),
        }
    )
    margins = {}
    for name in ("sex", "unit"):
        shares = data.groupby(name)["w"].sum() * rng.uniform(0.8, 1.25, data[name].nunique())
        margins[name] = (shares / shares.sum() * 1000).to_dict()
    return data, margins


@given(seed=st.integers(0, 500))
def test_margins_are_hit_and_odds_ratios_kept(seed: int) -> None:
    data, margins = tables(seed)
    raked = rake(data, "w", margins)
    for name, margin in margins.items():
        assert raked.groupby(data[name]).sum().to_dict() == pytest.approx(margin, rel=1e-8)
    before, after = (pd.crosstab(data["sex"], data["unit"], values=w, aggfunc="sum") for w in (data["w"], raked))
    if before.notna().all(axis=None):
        odds = [t.loc["f", "a"] * t.loc["m", "b"] / (t.loc["f", "b"] * t.loc["m", "a"]) for t in (before, after)]
        assert odds[1] == pytest.approx(odds[0], rel=1e-7), "raking moves margins, never interactions"
    ratio = raked / data["w"]
    spread = ratio.groupby([data["sex"], data["unit"]]).agg(lambda r: r.max() - r.min())
    assert spread.max() < 1e-9, "people of one cell move together"


@given(seed=st.integers(0, 500))
def test_raking_is_exponential_calibration(seed: int) -> None:
    data, margins = tables(seed)
    np.testing.assert_allclose(rake(data, "w", margins), calibrate(data, "w", margins, method="raking"), rtol=1e-7)


@given(order=st.permutations(range(60)))
def test_row_order_changes_nothing(order: list[int]) -> None:
    data, margins = tables(1)
    mixed = rake(data.iloc[order], "w", margins).sort_index()
    np.testing.assert_allclose(mixed, rake(data, "w", margins), rtol=1e-9)


def test_contradiction_names_the_margins_that_fail() -> None:
    """Nobody of a is a woman: with f = 60 and a = 50 of 100, f and a would need 10 people twice."""
    data = pd.DataFrame({"sex": ["f", "m"], "unit": ["b", "a"], "w": 1.0})
    with pytest.raises(WeightingError, match="does not converge") as caught:
        rake(data, "w", {"sex": {"f": 60, "m": 40}, "unit": {"a": 50, "b": 50}})
    assert "column sex" in str(caught.value)
    assert "merge thin levels" in str(caught.value)


def test_what_sweeps_leave_unfinished_newton_finishes() -> None:
    data, margins = tables(3)
    np.testing.assert_allclose(rake(data, "w", margins, max_iterations=1), rake(data, "w", margins), rtol=1e-7)


def test_a_nearly_disconnected_sample_is_raked_all_the_same() -> None:
    """Sweeps crawl where two halves of the table hang together by a thread: weight 1e-9 in one cell."""
    data = pd.DataFrame({"sex": ["f", "f", "m", "m"], "unit": ["a", "b", "a", "b"], "w": [1.0, 1e-9, 1e-9, 1.0]})
    margins = {"sex": {"f": 60.0, "m": 40.0}, "unit": {"a": 50.0, "b": 50.0}}
    raked = data.assign(w=rake(data, "w", margins))
    assert raked.groupby("sex")["w"].sum().to_dict() == pytest.approx(margins["sex"], rel=1e-7)
    assert raked.groupby("unit")["w"].sum().to_dict() == pytest.approx(margins["unit"], rel=1e-7)


def test_level_without_people_gets_nothing() -> None:
    raked = rake(CELLS.assign(w=1.0), "w", {"sex": {"f": 100, "m": 0}, "unit": {"a": 30, "b": 70}})
    assert raked.tolist() == pytest.approx([30, 70, 0, 0])


def test_a_contradiction_says_which_totals_could_give_way() -> None:
    data = pd.DataFrame({"sex": ["f", "m"], "unit": ["b", "a"], "w": 1.0})
    with pytest.raises(WeightingError, match="the margins contradict each other in this sample") as caught:
        rake(data, "w", {"sex": {"f": 60, "m": 40}, "unit": {"a": 50, "b": 50}})
    assert "would be possible" in str(caught.value)


def test_numbers_are_not_raked() -> None:
    with pytest.raises(WeightingError, match="only margins can be raked") as caught:
        rake(CELLS.assign(w=1.0, x=2.0), "w", {"sex": {"f": 60, "m": 40}, "x": 3})
    assert "column x" in str(caught.value)


def test_a_level_whose_people_have_no_weight_is_named() -> None:
    with pytest.raises(WeightingError, match="without anyone who has weight") as caught:
        rake(CELLS.assign(w=[0.0, 0, 1, 1]), "w", {"sex": {"f": 60, "m": 40}})
    assert "f (60)" in str(caught.value)


@pytest.mark.parametrize("kind", ["object", "str", "category"])
def test_columns_of_any_type_rake_alike(kind: str) -> None:
    data, margins = tables(9)
    other = data.astype({"sex": kind, "unit": kind})
    assert rake(other, "w", margins).tolist() == rake(data, "w", margins).tolist()


@given(factor=st.floats(1e-3, 1e6))
def test_units_do_not_matter(factor: float) -> None:
    data, margins = tables(10)
    larger = {name: {level: t * factor for level, t in margin.items()} for name, margin in margins.items()}
    np.testing.assert_allclose(rake(data, "w", larger), rake(data, "w", margins) * factor, rtol=1e-9)
