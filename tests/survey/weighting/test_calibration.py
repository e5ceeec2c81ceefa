"""Calibration: small systems solved by hand, totals hit by every distance, bounds kept."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.estimation import SurveyDesign, estimate_mean
from spi_analysis.survey.weighting import calibrate, post_stratify

FOUR = pd.DataFrame({"w": [1.0, 1, 1, 1], "x": [0.0, 0, 1, 1], "g": list("aabb")})


def test_greg_by_hand() -> None:
    """Total 4 and sum of x 3: g = 1 + l0 + l1 x; 2(1+l0) + 2(1+l0+l1) = 4 and 2(1+l0+l1) = 3."""
    assert calibrate(FOUR, "w", {"(intercept)": 4, "x": 3}).tolist() == pytest.approx([0.5, 0.5, 1.5, 1.5])


def test_linear_may_go_below_zero_and_says_so_by_its_sign() -> None:
    assert calibrate(FOUR, "w", {"(intercept)": 4, "x": 5}).tolist() == pytest.approx([-0.5, -0.5, 2.5, 2.5])


def test_post_stratification_by_hand() -> None:
    data = FOUR.assign(w=[1.0, 3, 2, 2])
    assert post_stratify(data, "w", "g", {"a": 8, "b": 2}).tolist() == pytest.approx([2, 6, 1, 1])


def test_post_stratification_by_two_columns() -> None:
    data = FOUR.assign(s=["f", "m", "f", "m"])
    totals = {("a", "f"): 5, ("a", "m"): 7, ("b", "f"): 1, ("b", "m"): 2}
    assert post_stratify(data, "w", ["g", "s"], totals).tolist() == pytest.approx([5, 7, 1, 2])


def sample(seed: int, n: int = 50) -> tuple[pd.DataFrame, dict]:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {"w": rng.uniform(5, 15, n), "g": ["a", "b", *rng.choice(list("ab"), n - 2)], "x": rng.normal(50, 10, n)}
    )
    moved = data["w"] * rng.uniform(0.85, 1.15, n)  # some weights inside the bounds that meet the totals
    totals = {
        "(intercept)": moved.sum(),
        "g": moved.groupby(data["g"]).sum().to_dict(),
        "x": float(moved @ data["x"]),
    }
    return data, totals


METHODS = [("linear", None), ("linear", (0.5, 2.0)), ("raking", None), ("logit", (0.5, 2.0))]


@pytest.mark.parametrize(("method", "bounds"), METHODS)
@given(seed=st.integers(0, 300))
def test_totals_are_hit_and_bounds_kept(method: str, bounds: tuple | None, seed: int) -> None:
    data, totals = sample(seed)
    w = calibrate(data, "w", totals, method, bounds)
    assert w.sum() == pytest.approx(totals["(intercept)"], rel=1e-8)
    assert w.groupby(data["g"]).sum().to_dict() == pytest.approx(totals["g"], rel=1e-8)
    assert w @ data["x"] == pytest.approx(totals["x"], rel=1e-8)
    if bounds:
        assert (w / data["w"]).between(bounds[0] - 1e-9, bounds[1] + 1e-9).all()
    if method != "linear":
        assert (w > 0).all()


@pytest.mark.parametrize(("method", "bounds"), METHODS)
def test_totals_that_hold_already_change_nothing(method: str, bounds: tuple | None) -> None:
    data, _ = sample(1)
    totals = {"g": data.groupby("g")["w"].sum().to_dict(), "x": float(data["w"] @ data["x"])}
    np.testing.assert_allclose(calibrate(data, "w", totals, method, bounds), data["w"], rtol=1e-9)


@pytest.mark.parametrize(("method", "bounds"), METHODS)
@given(order=st.permutations(range(50)))
def test_row_order_and_labels_change_nothing(method: str, bounds: tuple | None, order: list[int]) -> None:
    data, totals = sample(2)
    mixed = calibrate(data.iloc[order], "w", totals, method, bounds).sort_index()
    np.testing.assert_allclose(mixed, calibrate(data, "w", totals, method, bounds), rtol=1e-8)


def test_redundant_totals_are_harmless() -> None:
    data, totals = sample(4)
    fewer = {name: total for name, total in totals.items() if name != "(intercept)"}
    np.testing.assert_allclose(calibrate(data, "w", totals), calibrate(data, "w", fewer), rtol=1e-9)


def test_linear_weights_are_the_closest() -> None:
    """Among all weights that meet the totals, GREG's have the smallest chi-square distance: any other is farther."""
    data, totals = sample(5)
    w = calibrate(data, "w", totals).to_numpy()
    design = np.column_stack([pd.get_dummies(data["g"], dtype=float), data["x"]])
    rng = np.random.default_rng(0)
    d = data["w"].to_numpy()
    for _ in range(20):
        move = rng.normal(size=len(d))
        move -= design @ np.linalg.lstsq(design, move, rcond=None)[0]  # keeps every total
        assert ((w + move - d) ** 2 / d).sum() > ((w - d) ** 2 / d).sum()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"method": "liner"}, ["unknown method", "did you mean 'linear'?"]),
        ({"method": "logit"}, ["needs bounds"]),
        ({"method": "raking", "bounds": (0.5, 2)}, ["raking has no bounds", "logit"]),
        ({"bounds": (1.1, 2)}, ["do not contain 1", "low < 1 < high"]),
        (
            {"totals": {"(intercept)": 4, "x": 3.9}, "bounds": (0.5, 1.5)},
            ["within bounds (0.5, 1.5)", "key x", "widen"],
        ),
        (
            {"totals": {"(intercept)": 4, "x": 3.9}, "method": "logit", "bounds": (0.5, 1.5)},
            ["calibration (logit)", "within bounds", "key x"],
        ),
        ({"totals": {"(intercept)": 4, "x": 9}, "method": "raking"}, ["calibration (raking)", "key x"]),
        ({"totals": {"x": -1}, "method": "raking"}, ["key x", "expected: -1"]),
    ],
)
def test_what_cannot_be_met_is_named(arguments: dict, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        calibrate(FOUR, "w", **{"totals": {"(intercept)": 4}, **arguments})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(("method", "bounds"), METHODS)
@given(factor=st.floats(1e-3, 1e6))
def test_units_of_weights_and_totals_do_not_matter(method: str, bounds: tuple | None, factor: float) -> None:
    data, totals = sample(6)
    larger = {
        name: {level: t * factor for level, t in total.items()} if isinstance(total, dict) else total * factor
        for name, total in totals.items()
    }
    scaled = calibrate(data.assign(w=data["w"] * factor), "w", larger, method, bounds)
    np.testing.assert_allclose(scaled, calibrate(data, "w", totals, method, bounds) * factor, rtol=1e-8)


@pytest.mark.parametrize(("method", "bounds"), METHODS)
def test_names_of_levels_do_not_matter(method: str, bounds: tuple | None) -> None:
    data, totals = sample(7)
    names = {"a": "zebra", "b": 5}
    renamed = {**totals, "g": {names[level]: total for level, total in totals["g"].items()}}
    other = calibrate(data.assign(g=data["g"].map(names)), "w", renamed, method, bounds)
    np.testing.assert_allclose(other, calibrate(data, "w", totals, method, bounds), rtol=1e-9)


@pytest.mark.parametrize(("method", "bounds"), METHODS)
@given(seed=st.integers(0, 100))
def test_the_table_of_cells_gives_what_the_rows_give(method: str, bounds: tuple | None, seed: int) -> None:
    """Margins as texts are calibrated cell by cell; the same margin as a 0/1 column goes through the rows."""
    data, totals = sample(seed)
    data["is_a"] = (data["g"] == "a").astype(float)
    by_cell = calibrate(data, "w", {"g": totals["g"]}, method, bounds)
    by_row = calibrate(data, "w", {"(intercept)": totals["(intercept)"], "is_a": totals["g"]["a"]}, method, bounds)
    np.testing.assert_allclose(by_cell, by_row, rtol=1e-8)


def test_tight_bounds_that_leave_hardly_any_room_are_kept() -> None:
    """Factors 0.5 and 1.5 are the only ones that meet the totals; bounds 0.499 and 1.501 hold them."""
    totals = {"g": {"a": 1, "b": 3}}
    for method in ("linear", "logit"):
        w = calibrate(FOUR, "w", totals, method, (0.499, 1.501))
        assert w.tolist() == pytest.approx([0.5, 0.5, 1.5, 1.5], rel=1e-6)


def test_a_level_whose_people_all_sit_at_a_bound_does_not_stop_the_search() -> None:
    """b must reach 1.95 of at most 2 per person, a 0.05 of at least 0: the first Newton step clips everybody."""
    w = calibrate(FOUR, "w", {"g": {"a": 0.1, "b": 3.9}}, "linear", (0.0, 2.0))
    assert w.tolist() == pytest.approx([0.05, 0.05, 1.95, 1.95], rel=1e-9)


@pytest.mark.parametrize(
    ("data", "totals", "parts"),
    [
        (FOUR, {}, ["no totals are given"]),
        (FOUR, {"g": {"a": -1, "b": np.nan}}, ["2 problems", "key a", "got: -1", "key b", "got: nan"]),
        (FOUR.assign(g=[1, 1, 2, 2]), {"g": {1: 2, "1": 2, 2: 2}}, ["a level has two totals", "1, '1', 2"]),
        (FOUR.assign(w=[0.0, 0, 1, 1]), {"g": {"a": 2, "b": 2}}, ["without anyone who has weight", "a (2)"]),
        (FOUR, {"x": np.inf}, ["a total is not usable", "got: inf"]),
        (
            FOUR,
            {"h": 3, "g": {"a": 1, "c": 2}, "(intercept)": 4},
            ["4 problems", "column h", "got: b", "c (2)", "g: 3, (intercept): 4"],
        ),
        (
            FOUR,
            {"g": {"a": 1, "b": 3}, "x": 3.5},
            ["calibration (linear) cannot meet a total", "key x", "got: 3", "expected: 3.5", "no weights at all"],
        ),
    ],
)
def test_totals_are_checked_before_anything_is_computed(data: pd.DataFrame, totals: dict, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        calibrate(data, "w", totals)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_every_total_out_of_reach_by_itself_is_named_with_how_far_it_comes() -> None:
    with pytest.raises(WeightingError) as caught:
        calibrate(FOUR, "w", {"g": {"a": 1, "b": 3}}, "linear", (0.8, 1.2))
    got = {problem.key: problem.got for problem in caught.value.problems}
    assert got == {"g=a": "at least 1.6", "g=b": "at most 2.4"}
    assert "widen the bounds to (0.5, 1.5), the nearest that can meet all totals" in str(caught.value)


def test_a_total_for_the_wrong_number_of_columns_is_refused() -> None:
    with pytest.raises(WeightingError, match="does not name a cell"):
        post_stratify(FOUR, "w", ["g", "x"], {"a": 3, "b": 1})


def test_a_cell_without_a_total_is_named() -> None:
    with pytest.raises(WeightingError, match="no total") as caught:
        post_stratify(FOUR, "w", "g", {"a": 4})
    assert "got: b" in str(caught.value)


@pytest.mark.parametrize(("method", "bounds"), METHODS)
def test_level_of_nobody_changes_nothing(method: str, bounds: tuple | None) -> None:
    """A level with total 0 and no row (a class that closed), or a column of zeros with total 0, is met already."""
    data, totals = sample(3)
    without = calibrate(data, "w", totals, method, bounds)
    closed = {**totals, "g": {**totals["g"], "closed": 0.0}}
    assert (calibrate(data, "w", closed, method, bounds) == without).all()
    table_only = {"g": totals["g"]}
    assert (
        calibrate(data, "w", {"g": closed["g"]}, method, bounds) == calibrate(data, "w", table_only, method, bounds)
    ).all()
    zeros = calibrate(data.assign(z=0.0), "w", {**totals, "z": 0.0}, method, bounds)
    assert (zeros == without).all()


def test_post_stratum_of_nobody_changes_nothing() -> None:
    data = FOUR.assign(w=[1.0, 3, 2, 2])
    assert post_stratify(data, "w", "g", {"a": 8, "b": 2, "closed": 0}).tolist() == pytest.approx([2, 6, 1, 1])
    design = SurveyDesign(data, "w").post_stratified("g", {"a": 8, "b": 2, "closed": 0})
    plain = SurveyDesign(data, "w").post_stratified("g", {"a": 8, "b": 2})
    assert design.weights.tolist() == plain.weights.tolist()
    one, other = (estimate_mean(d, "w").table["se"][0] for d in (design, plain))
    assert one > 0
    assert one == pytest.approx(other)
