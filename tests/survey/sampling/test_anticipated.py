"""Anticipated response: shrinkage by hand, against the beta posterior and a simulation; invitations for answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import (
    allocate,
    compared_allocations,
    invitations_by,
    invitations_for,
    margin_of_error,
    prior_strength,
    shrunken_rates,
    stratified_margin,
)


@pytest.mark.parametrize(
    ("answered", "invited", "expected", "rationale"),
    [
        (0, 0, 0.3, "a new unit gets the prior"),
        (0, 10, 6 / 30, "nobody of ten: 6 of 30, never 0"),
        (10, 20, 16 / 40, "as much data as prior: half way"),
        (500, 1000, 506 / 1020, "many invitations: nearly what was seen"),
    ],
)
def test_shrinkage_by_hand(answered: int, invited: int, expected: float, rationale: str) -> None:
    assert shrunken_rates([answered], [invited], 0.3, 20)[0] == pytest.approx(expected), rationale


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0.05, 0.95), st.floats(1, 200))
def test_shrinkage_is_the_mean_of_the_posterior_and_lies_between(
    answered: int, silent: int, prior: float, worth: float
) -> None:
    invited = answered + silent
    (rate,) = shrunken_rates([answered], [invited], prior, worth)
    assert rate == pytest.approx(beta(worth * prior + answered, worth * (1 - prior) + silent).mean())
    seen = answered / invited if invited else prior
    assert min(seen, prior) - 1e-12 <= rate <= max(seen, prior) + 1e-12


def test_strength_of_the_prior_is_found_again() -> None:
    """4,000 groups of 15-60 with rates from beta(6, 14): M = 20."""
    random = np.random.default_rng(3)
    invited = random.integers(15, 60, 4000)
    answered = random.binomial(invited, random.beta(6, 14, 4000))
    assert prior_strength(answered, invited) == pytest.approx(20, rel=0.1)


def test_groups_that_do_not_differ_are_pooled() -> None:
    assert prior_strength([30, 30, 30], [100, 100, 100]) == 1e6
    assert prior_strength([0, 100], [100, 100]) == pytest.approx(0, abs=0.02), "all or nothing: no common rate"


def test_shrunken_rates_predict_better_than_what_was_seen() -> None:
    random = np.random.default_rng(5)
    truth = random.beta(6, 14, 500)
    invited = random.integers(3, 40, 500)
    answered = random.binomial(invited, truth)
    shrunk = shrunken_rates(answered, invited, 0.3, 20)
    assert ((shrunk - truth) ** 2).mean() < 0.5 * ((answered / invited - truth) ** 2).mean()


STRATA = pd.DataFrame({"pop_size": [100, 100, 50], "response": [0.5, 0.25, 0.25], "sd": [0.5, 0.5, 0.5]})


def test_invitations_for_proportional_answers_by_hand() -> None:
    """25 answers: 10, 10, 5; at one half and one quarter that takes 20, 40, 20 invitations."""
    assert invitations_for(STRATA, 25).tolist() == [20, 40, 20]


def test_a_stratum_that_is_used_up_leaves_its_share_to_the_others() -> None:
    """60 answers would be 24, 24, 12, but the second stratum has only 20: the others share 40 as 2 to 1."""
    strata = STRATA.assign(response=[0.5, 0.2, 0.5])
    invited = invitations_for(strata, 60)
    assert invited[1] == 100, "all of them, for 20 answers"
    answers = invited * strata["response"]
    assert answers.sum() == pytest.approx(60, abs=0.5)
    assert answers[0] / answers[2] == pytest.approx(2, abs=0.15), "the rest still in proportion to people"


def test_where_even_everyone_does_not_do_everyone_is_invited() -> None:
    assert invitations_for(STRATA, 1000).tolist() == [100, 100, 50]


strata_tables = st.lists(st.tuples(st.integers(1, 400), st.floats(0.03, 1.0)), min_size=1, max_size=8).map(
    lambda rows: pd.DataFrame(rows, columns=["pop_size", "response"]).assign(sd=0.5)
)


@given(
    strata_tables,
    st.floats(0.01, 1.2),
    st.sampled_from(["proportional", "equal", "neyman", "power"]),
    st.integers(0, 5),
)
def test_expected_answers_meet_the_target_and_bounds_hold(
    strata: pd.DataFrame, share: float, method: str, least: int
) -> None:
    reachable = float((strata["pop_size"] * strata["response"]).sum())
    invited = invitations_for(strata, share * reachable, method, min_invited=least)
    assert (invited <= strata["pop_size"]).all()
    assert (invited >= np.minimum(least, strata["pop_size"])).all()
    answers = float((invited * strata["response"]).sum())
    # Rounding moves each stratum by less than one person or so.
    assert answers >= min(share, 1) * reachable - len(strata)


@given(strata_tables, st.floats(0.02, 0.95))
def test_with_one_rate_for_all_it_is_the_plain_allocation(strata: pd.DataFrame, share: float) -> None:
    strata = strata.assign(response=0.4)
    completes = share * 0.4 * strata["pop_size"].sum()
    invited = invitations_for(strata, completes)
    assert (invited - allocate(strata, int(invited.sum()), "proportional", pop_size="pop_size")).abs().max() <= 1


@given(strata_tables, st.floats(0.1, 1.0))
def test_methods_are_compared_at_the_same_cost(strata: pd.DataFrame, share: float) -> None:
    total = max(int(share * strata["pop_size"].sum()), 1)
    for method in ("equal", "proportional", "power"):
        assert 0 <= total - invitations_by(strata, total, method).sum() <= len(strata)


def test_the_margin_of_one_stratum_is_the_one_of_simple_random_sampling() -> None:
    one = pd.DataFrame({"pop_size": [400], "sd": [np.sqrt(0.25 * 400 / 399)]})
    assert stratified_margin(one, [100]) == pytest.approx(margin_of_error(100, population=400))
    assert stratified_margin(one, [400]) == 0
    assert stratified_margin(one, [0]) == float("inf")


UNEQUAL = pd.DataFrame({"pop_size": [900, 300, 100], "response": [0.2, 0.5, 0.8], "sd": [0.5, 0.4, 0.3]})


@pytest.mark.parametrize("method", ["proportional", "equal", "power", "neyman"])
def test_comparisons_count_answers_not_invitations(method: str) -> None:
    """300 invitations where strata answer differently: answers follow the method, and the margin follows from them."""
    invited = invitations_by(UNEQUAL, 300, method)
    (row,) = compared_allocations(UNEQUAL, 300, [method]).itertuples()
    answers = invited.to_numpy() * np.array([0.2, 0.5, 0.8])
    measure = {"proportional": [9, 3, 1], "equal": [1, 1, 1], "power": np.sqrt([9, 3, 1]), "neyman": [4.5, 1.2, 0.3]}
    share = np.asarray(measure[method], dtype=float) / np.sum(measure[method])
    assert (np.abs(answers - share * answers.sum()) < 2 * UNEQUAL["response"]).all(), "but for an invitation or so"
    assert row.invited == invited.sum() == 300
    assert row.completes == pytest.approx(answers.sum())
    assert row.stratum_completes == pytest.approx(np.median(answers))
    parts = (np.array([9, 3, 1]) / 13) ** 2 * UNEQUAL["sd"] ** 2 * (1 / answers - 1 / UNEQUAL["pop_size"])
    assert row.margin == pytest.approx(1.959964 * np.sqrt(parts.sum()), rel=1e-6)


def test_neyman_has_the_smallest_margin() -> None:
    strata = pd.DataFrame({"pop_size": [900, 300, 100], "response": 0.4, "sd": [0.2, 0.5, 0.5]})
    table = compared_allocations(strata, 300, ["equal", "proportional", "neyman"]).set_index("method")
    assert table["margin"].idxmin() == "neyman"
    assert table["completes"].tolist() == pytest.approx([120] * 3), "the same answers, shared out differently"
    assert set(table["invited"]) == {300}
    assert table.loc["equal", "stratum_completes"] == pytest.approx(40), "120 answers in three equal parts"


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: shrunken_rates([3], [2], 0.3, 10), "3 of 2"),
        (lambda: shrunken_rates([1], [2], 1.3, 10), "prior is out of range"),
        (lambda: shrunken_rates([1], [2], 0.3, -1), "prior is out of range"),
        (lambda: prior_strength([1, 0], [4, 0]), "needs groups"),
        (lambda: invitations_for(STRATA.assign(response=0.0), 10), "anticipated response is out of range"),
    ],
)
def test_what_cannot_be_is_named(act, what: str) -> None:
    with pytest.raises(SamplingError, match=what):
        act()
