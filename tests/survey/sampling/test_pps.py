"""Probability proportional to size: probabilities, selection and totals that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import (
    horvitz_thompson,
    inclusion_probabilities,
    joint_inclusion,
    select_pps,
)
from spi_analysis.survey.sampling.inclusion import (
    joint_inclusion_elimination,
    joint_inclusion_hajek,
    joint_inclusion_pareto,
    joint_inclusion_systematic,
)

FRAME = pd.DataFrame(
    {"unit": list("abcdef"), "x": [1.0, 2, 3, 4, 5, 0], "h": ["p", "p", "p", "q", "q", "q"], "u": np.arange(1, 7) / 10}
)
METHODS = ("systematic", "pareto", "elimination")


@pytest.mark.parametrize(
    ("sizes", "n", "expected", "rationale"),
    [
        ([1, 2, 3, 4], 2, [0.2, 0.4, 0.6, 0.8], "2 x / 10"),
        ([1, 1, 8], 2, [0.5, 0.5, 1.0], "16/10 is more than 1: certain; one is left for two equals"),
        ([1, 1, 1, 4, 12], 3, [1 / 3] * 3 + [1.0, 1.0], "without 12, 2 * 4/7 is more than 1 too"),
        ([0, 1, 1], 2, [0, 1, 1], "all that have a size"),
        ([5, 5], 0, [0, 0], "nobody"),
    ],
)
def test_probabilities_by_hand(sizes: list[float], n: int, expected: list[float], rationale: str) -> None:
    assert inclusion_probabilities(sizes, n).tolist() == pytest.approx(expected), rationale


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40), st.data())
def test_probabilities_sum_to_n(sizes: list[float], data: st.DataObject) -> None:
    n = data.draw(st.integers(0, len(sizes)))
    p = inclusion_probabilities(sizes, n)
    assert p.sum() == pytest.approx(n)
    assert ((p >= 0) & (p <= 1)).all()
    order = np.argsort(sizes, kind="stable")
    assert (np.diff(p[order]) >= -1e-12).all(), "a larger unit never has a smaller chance"


@pytest.mark.parametrize("joint", [joint_inclusion_systematic, joint_inclusion_elimination, joint_inclusion_pareto])
@given(sizes=st.lists(st.floats(0.1, 20), min_size=3, max_size=9), data=st.data())
def test_joint_probabilities_add_up(joint, sizes: list[float], data: st.DataObject) -> None:
    """Over the partners l, the joint probabilities of k sum to (n - 1) p_k: every sample has n - 1 others."""
    n = data.draw(st.integers(1, len(sizes)))
    table = joint(inclusion_probabilities(sizes, n))
    single = np.diag(table)
    assert table == pytest.approx(table.T)
    assert table.sum(axis=1) == pytest.approx(n * single, abs=1e-7)
    assert (table <= np.minimum.outer(single, single) + 1e-9).all()


@pytest.mark.parametrize("sizes", [[10.0, 1.1015625, 8.203125, 9.296875], [1, 1, 1, 2.9999], [1e-6, 1, 1, 1e3, 1]])
def test_joint_probabilities_add_up_where_one_is_all_but_certain(sizes: list[float]) -> None:
    table = joint_inclusion_pareto(inclusion_probabilities(sizes, 3 if sizes[0] > 1 else 2))
    n = round(float(np.diag(table).sum()))
    assert table.sum(axis=1) == pytest.approx(n * np.diag(table), abs=1e-11)


@pytest.mark.parametrize("size", [40, 72])
def test_a_pareto_sample_of_equal_probabilities_is_a_simple_random_sample(size: int) -> None:
    n = size // 4
    table = joint_inclusion_pareto(np.full(size, 0.25))
    assert table[0, 1:] == pytest.approx(n * (n - 1) / (size * (size - 1)), rel=1e-10)


def test_joint_of_equal_sizes_is_that_of_a_simple_random_sample() -> None:
    p = inclusion_probabilities(np.ones(5), 2)
    for joint in (joint_inclusion_elimination(p), joint_inclusion_pareto(p)):
        assert joint[0, 1] == pytest.approx(0.1), "2 of 5: 2 x 1 / (5 x 4)"
    assert joint_inclusion_hajek(inclusion_probabilities(np.ones(400), 100))[0, 1] == pytest.approx(
        100 * 99 / (400 * 399), rel=1e-4
    )


def test_systematic_pairs_by_hand() -> None:
    """p = .5 .5 .5 .5: a start below a half takes first and third, above it second and fourth."""
    joint = joint_inclusion_systematic([0.5] * 4)
    assert joint[0].tolist() == pytest.approx([0.5, 0, 0.5, 0])


def test_pareto_takes_the_smallest_ranking_numbers() -> None:
    drawn = select_pps(FRAME.head(5), 2, "x", method="pareto", prn="u")
    # p = 2x/15; u (1-p) / ((1-u) p): .1 -> .72, .2 -> .69, .3 -> .64, .4 -> .58, .5 -> .5
    assert drawn["unit"].tolist() == ["d", "e"]
    assert drawn["inclusion_prob"].tolist() == pytest.approx([8 / 15, 10 / 15])
    assert drawn["pop_size"].tolist() == [5, 5]


@pytest.mark.parametrize("method", METHODS)
def test_sizes_are_met_in_every_stratum_and_nobody_without_size_is_drawn(method: str) -> None:
    for seed in range(50):
        drawn = select_pps(FRAME, {"p": 2, "q": 1}, "x", "h", method, seed)
        assert drawn["h"].value_counts().to_dict() == {"p": 2, "q": 1}
        assert "f" not in set(drawn["unit"])


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_sample_and_strata_are_drawn_apart(method: str) -> None:
    frame = pd.DataFrame({"unit": range(40), "x": np.arange(40) + 1.0, "h": ["p"] * 20 + ["q"] * 20})
    both = select_pps(frame, 5, "x", "h", method, seed=4)
    assert both.equals(select_pps(frame, 5, "x", "h", method, seed=4))
    alone = select_pps(frame[frame["h"] == "q"], 5, "x", "h", method, seed=4)
    assert alone["unit"].tolist() == both.loc[both["h"] == "q", "unit"].tolist(), "p does not move q"
    assert set(both["unit"]) != set(select_pps(frame, 5, "x", "h", method, seed=5)["unit"])


@given(order=st.permutations(range(6)))
def test_row_order_changes_nothing_where_numbers_or_an_order_are_given(order: list[int]) -> None:
    mixed = FRAME.iloc[order]
    for options in ({"method": "pareto", "prn": "u"}, {"order": "unit"}, {"prn": "u", "random_order": True}):
        first, second = (set(select_pps(frame, 3, "x", seed=2, **options)["unit"]) for frame in (FRAME, mixed))
        assert first == second, options


def test_total_and_variance_by_hand() -> None:
    # y/p = 10, 20; one unit of each of two strata would show nothing: two units, p = 1/2, joint 1/6
    total = horvitz_thompson([5, 10], [0.5, 0.5], [[0.5, 1 / 6], [1 / 6, 0.5]])
    assert total.estimate == 30
    assert total.variance == pytest.approx(((0.25 - 1 / 6) / (1 / 6)) * 100), (
        "SRS of 2 from 4: 16/2 (1 - 1/2) 12.5 = 50"
    )
    assert horvitz_thompson([5, 10], [0.5, 0.5]).variance == pytest.approx(50), "Hajek: 2/1 * (0.5 * 25 + 0.5 * 25)"


def test_total_is_exact_where_values_are_proportional_to_size() -> None:
    drawn = select_pps(FRAME, 3, "x", method="elimination", seed=9)
    p = drawn["inclusion_prob"].to_numpy()
    total = horvitz_thompson(3 * drawn["x"], p)
    assert (total.estimate, total.variance) == (pytest.approx(45), pytest.approx(0))


def test_variance_is_unbiased_over_all_samples() -> None:
    """Elimination, 2 of 4: expectation over the six samples, weighted by their probability, is the true variance."""
    y, p = np.array([3.0, 1, 7, 2]), inclusion_probabilities([2, 3, 3, 4], 2)
    joint = joint_inclusion_elimination(p)
    pairs = [(k, m) for k in range(4) for m in range(k + 1, 4)]
    found = [(joint[k, m], horvitz_thompson(y[[k, m]], p[[k, m]], joint[np.ix_([k, m], [k, m])])) for k, m in pairs]
    mean = sum(chance * total.estimate for chance, total in found)
    true = sum(chance * (total.estimate - mean) ** 2 for chance, total in found)
    assert mean == pytest.approx(13)
    assert sum(chance * total.variance for chance, total in found) == pytest.approx(true)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"method": "parreto"}, ["did you mean 'pareto'?"]),
        ({"size": "y"}, ["a column is missing", "column y"]),
        (
            {"n": 4, "stratum": None, "frame": FRAME.assign(x=[1, 0, 0, 0, 1, 1.0])},
            ["fewer units have a size", "at most 3"],
        ),
        ({"n": {"p": 2, "q": 3}}, ["stratum q", "at most 2"]),
        ({"frame": FRAME.assign(x=[1, -2, 3, 4, 5, 6.0])}, ["column x", "row 2", "-2"]),
        ({"frame": FRAME.assign(x=[1, np.nan, 3, 4, 5, 6])}, ["column x", "row 2", "nan"]),
        ({"prn": "u", "frame": FRAME.assign(u=[0.1, 1.5, 0.1, 0.1, 0.1, 0.1])}, ["outside 0 to 1"]),
    ],
)
def test_what_cannot_be_is_named(options: dict, parts: list[str]) -> None:
    call = {"frame": FRAME, "n": 2, "size": "x", "stratum": "h"} | options
    with pytest.raises(SamplingError) as caught:
        select_pps(**call)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_probabilities_and_pairs_are_checked() -> None:
    with pytest.raises(SamplingError, match="0 to 2"):
        inclusion_probabilities([1, 1, 0], 3)
    with pytest.raises(SamplingError, match="a whole number"):
        joint_inclusion_hajek([0.5, 0.6])
    with pytest.raises(SamplingError, match="0 to 1"):
        joint_inclusion_systematic([1.5, 0.5])
    with pytest.raises(SamplingError, match="no unbiased variance"):
        horvitz_thompson([1, 2], [0.5, 0.5], [[0.5, 0], [0, 0.5]])
    with pytest.raises(SamplingError, match="the method hajek"):
        joint_inclusion_pareto(np.full(400, 0.5))


def test_joint_probabilities_are_those_of_the_method() -> None:
    p = inclusion_probabilities([1, 2, 3, 4], 2)
    assert joint_inclusion(p, "elimination").tolist() == joint_inclusion_elimination(p).tolist()
    assert joint_inclusion(p, "pareto").tolist() == joint_inclusion_pareto(p).tolist()
    assert joint_inclusion(p, "hajek").tolist() == joint_inclusion_hajek(p).tolist()
    assert joint_inclusion(p).tolist() == joint_inclusion_systematic(p).tolist()
    with pytest.raises(SamplingError, match="did you mean 'pareto'"):
        joint_inclusion(p, "paretto")
