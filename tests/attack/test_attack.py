"""The short version of `make attack`: the worst rounds, a few random ones, and a few panels of every size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spi_analysis.params import RoundSetup
from tests.attack.campaign import attacked, beside, nation, with_small_panels
from tests.attack.figures import dimensions_of_items, two_publications
from tests.attack.intruder import ATTACKS, Claim, differencing, panel_claims
from tests.attack.rounds import (
    BASE,
    BESIDE,
    TWICE,
    WORST,
    is_refused,
    on_scale,
    panel_plans,
    random_plans,
    released,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", list(WORST))
def test_no_attack_succeeds_on_the_worst_rounds(setup: RoundSetup, name: str) -> None:
    results = list(attacked(setup, replace(WORST[name], name=name), 7))
    assert len(results) == len(ATTACKS)
    assert [result.told for result in results if result.succeeded] == []


def test_none_succeeds_on_random_rounds(setup: RoundSetup) -> None:
    plans = random_plans(np.random.default_rng(11), 3)
    results = [result for i, plan in enumerate(plans) for result in attacked(setup, plan, i)]
    assert [result.told for result in results if result.succeeded] == []


@pytest.mark.parametrize("size", [3, 5, 9])
def test_no_expert_is_told_by_an_interval(setup: RoundSetup, size: int) -> None:
    plan = next(panel_plans(np.random.default_rng(5), size, 1))
    claims = list(panel_claims(released(with_small_panels(setup), plan, 1)))
    assert len(claims) >= size, "there was something to try"
    assert [claim for claim in claims if claim.succeeds] == []


@pytest.mark.parametrize("name", ["two said yes directly", "experts of two nominators", "four said the same"])
def test_nothing_beside_the_scores_tells(setup: RoundSetup, name: str) -> None:
    assert [result.told for result in beside(setup, name, 3) if result.succeeded] == []


def test_answers_to_items_do_not_tell_a_hidden_dimension(setup: RoundSetup) -> None:
    """On a yes-or-no scale the share of favourable answers is the mean: with it a dimension of nine would follow."""
    asked = on_scale(setup, "yes_no")
    one = released(asked, BESIDE["a dimension that few answered"], 3)
    assert [claim for claim in dimensions_of_items(one, asked) if claim.succeeds] == []
    hidden = set(one.hidden.loc[one.hidden["measure"] == "dimension_score", "part"])
    items = {item for item in one.shown.query("measure == 'item_favourable'")["part"] if item.startswith("int_hrm")}
    assert "hr" in hidden
    assert not items


@pytest.mark.parametrize("name", [*TWICE][:4])
def test_two_publications_that_tell_are_refused(setup: RoundSetup, name: str) -> None:
    before, after = (released(setup, plan, 3) for plan in TWICE[name])
    succeeds = any(claim.succeeds for claim in two_publications(before, after))
    assert succeeds == (name != "the same"), "the attack is one"
    assert is_refused(setup, before, after) == succeeds


@pytest.mark.long
def test_the_page_of_all_institutions_tells_of_none(setup: RoundSetup) -> None:
    assert [result.told for result in nation(setup, "nobody said yes in one", 3) if result.succeeded] == []


def test_an_intruder_with_exact_figures_would_succeed(setup: RoundSetup) -> None:
    """The attack is one: with an error that is the panel's own, five answers are told."""
    one = released(setup, replace(BASE, experts=(80.0, 80.0, 76.0, 76.0, 73.0)), 1)
    answers = one.people.loc[one.people["source"] == "expert", "score"]
    row = (one.shown["source"] == "expert") & (one.shown["measure"] == "source_score")
    exact = one.shown.copy()
    exact.loc[row, "se"] = round(float(answers.std() / 5**0.5), 2)
    claims = list(panel_claims(replace(one, shown=exact)))
    assert any(claim.succeeds for claim in claims)


def test_two_publications_tell_a_withdrawn_answer(setup: RoundSetup) -> None:
    """The attack that `spi publish` has to stop (tests/runner/test_publish.py): 1 of 60 answers withdrawn."""
    one = released(setup, BASE, 1)
    people = one.people[(one.people["source"] == "internal") & one.people["score"].notna()]
    score, n, mean = float(people["score"].iloc[0]), len(people), float(people["score"].mean())
    before = one.shown[(one.shown["measure"] == "source_score") & (one.shown["source"] == "internal")]
    after = before.assign(n=n - 1, estimate=round((n * mean - score) / (n - 1), 2))
    claims = list(differencing(before.assign(estimate=round(mean, 2)), after, {"score": score}))
    assert all(isinstance(claim, Claim) and claim.succeeds for claim in claims)
    assert len(claims) == 2
