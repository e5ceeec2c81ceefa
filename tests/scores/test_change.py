"""Composition and bridge sum exactly; a change is judged by its interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.scores import bridge, composition, index_from_scores
from spi_analysis.scores.change import direction_of

W2023 = {"internal": 0.3046, "external": 0.3279, "expert": 0.3675}
W2024 = {"internal": 0.3050, "external": 0.3280, "expert": 0.3670}
score = st.floats(0, 100)
points = st.floats(0, 15)


def year(index: float, *parts: float) -> dict[str, float]:
    names = ("internal", "external", "expert", "correction_conduct", "correction_facts")
    return {"index": index, **dict(zip(names, parts, strict=True))}


def test_composition_by_hand() -> None:
    scores = {"internal": 80.0, "external": 70.0, "expert": 60.0}
    table = composition(scores, W2024, {"correction_conduct": 2.0, "correction_facts": 0.0})
    assert table.set_index("part")["points"].to_dict() == pytest.approx(
        {
            "internal": 24.4,
            "external": 22.96,
            "expert": 22.02,
            "correction_conduct": -2.0,
            "correction_facts": 0.0,
        }
    ), "a correction that was not made has no row"
    third = composition(scores, W2024, {"correction_conduct": 2.0, "correction_facts": 0.0, "correction_other": 3.1})
    assert third.set_index("part")["points"].to_dict()["correction_other"] == -3.1


@given(scores=st.tuples(score, score, score), corrections=st.tuples(points, points, points))
def test_composition_sums_to_the_index(scores: tuple, corrections: tuple) -> None:
    names = dict(zip(("correction_conduct", "correction_facts", "correction_other"), corrections, strict=True))
    parts = composition(dict(zip(W2024, scores, strict=True)), W2024, names)
    assert parts["points"].sum() == pytest.approx(
        index_from_scores(dict(zip(W2024, scores, strict=True)), W2024, corrections), abs=1e-9
    )


def test_bridge_by_hand() -> None:
    """Same weights: each source brings its weight times its change; corrections count with a minus."""
    table = bridge(year(70, 70, 80, 60, 1, 0), year(74, 75, 80, 70, 2, 0.5), W2024, W2024).set_index("part")["points"]
    assert table["internal"] == pytest.approx(0.305 * 5)
    assert table["external"] == 0
    assert table["expert"] == pytest.approx(3.67)
    assert (table["correction_conduct"], table["correction_facts"]) == (-1, -0.5)
    assert table["weights"] == 0
    assert table["unexplained"] == pytest.approx(4 - (1.525 + 3.67 - 1.5))


def test_every_correction_of_either_year_has_a_part() -> None:
    after = {**year(70, 70, 80, 60, 1, 0), "correction_other": 1.5}
    table = bridge(year(71.5, 70, 80, 60, 1, 0), after, W2024, W2024).set_index("part")["points"]
    assert table["correction_other"] == -1.5
    assert table["unexplained"] == pytest.approx(0)


@given(
    before=st.tuples(score, score, score, score, points, points),
    after=st.tuples(score, score, score, score, points, points),
)
def test_bridge_always_sums_to_the_change(before: tuple, after: tuple) -> None:
    table = bridge(year(*before), year(*after), W2023, W2024)
    assert table["points"].sum() == pytest.approx(after[0] - before[0], abs=1e-9)


@given(before=st.tuples(score, score, score, points, points), after=st.tuples(score, score, score, points, points))
def test_nothing_is_unexplained_of_indices_made_by_the_formula(before: tuple, after: tuple) -> None:
    first, second = (
        index_from_scores(dict(zip(w, p, strict=False)), w, p[3:]) for p, w in ((before, W2023), (after, W2024))
    )
    table = bridge(year(first, *before), year(second, *after), W2023, W2024).set_index("part")["points"]
    assert table["unexplained"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("interval", "direction"),
    [
        ((0.1, 5), "up"),
        ((-5, -0.1), "down"),
        ((-1, 3), "no_clear_change"),
        ((0, 3), "no_clear_change"),
        ((0.004, 3), "no_clear_change"),
        ((-3, -0.004), "no_clear_change"),
        ((0.006, 3), "up"),
    ],
)
def test_direction_follows_the_interval(interval: tuple[float, float], direction: str) -> None:
    assert direction_of(*interval) == direction
