"""How many experts: the half-width of an index counted by hand, and what the page says of it."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from scipy.stats import t as student

from spi_analysis.params import RoundSetup, Source
from spi_analysis.reporting.analyst.sampling_design import experts_table
from spi_analysis.stages.plan import SourcePlan, expert_plan, half_width_of_index
from spi_analysis.survey.sampling import SampleSize
from tests.reporting.test_national_years import _text


def plan(source: Source, people: int, invited: int, completes: float) -> SourcePlan:
    strata = pd.DataFrame({"invited": [invited], "completes": [completes]})
    return SourcePlan(source, people, SampleSize(1, 1, 1.0, False), pd.DataFrame(), strata, 0.05)


@pytest.fixture
def plans() -> dict[Source, SourcePlan]:
    """540 of 1,800 and 300 of 1,500 invited answer, of lists of a million."""
    return {
        "internal": plan("internal", 1_000_000, 1800, 540.0),
        "external": plan("external", 1_000_000, 1500, 300.0),
        "expert": plan("expert", 9, 9, 9.0),
    }


ANSWERS = {"internal": 540.0, "external": 300.0}


@pytest.mark.parametrize(("experts", "expected"), [(9, 3.17), (20, 2.16)])
def test_half_width_by_hand(plans, setup: RoundSetup, experts: int, expected: float) -> None:
    """SDs of 12 and 15 points, design effects 1.5 and 1.4; the experts have 10 + m - 1 degrees of freedom.

    9 experts: 2.155 + 0.058 + 0.113 = 2.326, on 2.326^2 / (2.155^2 / 18) = 21 degrees of freedom: 2.08 x 1.525.
    """
    expert = (0.367 * 12) ** 2 / experts
    others = (0.305 * 15) ** 2 * 1.5 / 540, (0.328 * 15) ** 2 * 1.4 / 300
    variance = expert + sum(others)
    df = variance**2 / (expert**2 / (9 + experts) + others[0] ** 2 / 539 + others[1] ** 2 / 299)
    found = half_width_of_index(plans, setup, setup.round, experts, ANSWERS)
    assert found == pytest.approx(student.ppf(0.975, df) * math.sqrt(variance), rel=1e-4)
    assert found == pytest.approx(expected, abs=0.01)


def test_a_list_is_known_better_than_those_it_stands_for(plans, setup: RoundSetup) -> None:
    """30 of 100 names: 0.7 of the experts' variance is left: (0.367 x 12)^2 / 30 = 0.646, x 0.7 = 0.452."""
    others = 0.0581 + 0.1130
    df = (0.452 + others) ** 2 / (0.452**2 / 39 + 0.0581**2 / 539 + 0.1130**2 / 299)
    found = half_width_of_index(plans, setup, setup.round, 30, ANSWERS, names=100)
    assert found == pytest.approx(student.ppf(0.975, df) * math.sqrt(0.452 + others), rel=1e-3)


def test_rows_of_equal_cost_take_from_the_employees(plans, setup: RoundSetup) -> None:
    """13 experts cost 140 invitations more than 6, of which 30 % would have answered: 498 answers are left."""
    found = expert_plan(plans, setup, setup.round)
    assert found is not None
    assert found.names == 100
    row = found.table.set_index("experts").loc[13]
    expected = half_width_of_index(plans, setup, setup.round, 13, ANSWERS | {"internal": 498.0}, names=100)
    assert row["equal_cost"] == pytest.approx(expected)
    assert row["of_list"] < row["equal_cost"] < row["half_width"]
    assert found.table["equal_cost"].isna().tolist() == [False] * 7


def test_needed_is_the_fewest_that_reach_the_aim(plans, setup: RoundSetup) -> None:
    found = expert_plan(plans, setup, setup.round)
    assert found is not None
    assert found.needed is not None
    assert half_width_of_index(plans, setup, setup.round, found.needed, ANSWERS) <= 2
    assert half_width_of_index(plans, setup, setup.round, found.needed - 1, ANSWERS) > 2


def test_the_same_cost_spent_on_employees(plans, setup: RoundSetup) -> None:
    """Three experts more than 6 cost 60 invitations, of which 30 % answer: 558 answers beside 6 experts."""
    found = expert_plan(plans, setup, setup.round)
    assert found is not None
    row = found.table.set_index("experts").loc[9]
    assert row["cost"] == 180
    assert row["instead"] == pytest.approx(
        half_width_of_index(plans, setup, setup.round, 6, ANSWERS | {"internal": 558.0})
    )
    assert row["half_width"] < row["instead"], "where experts are few, they are what is wanting"


def test_nobody_can_be_invited_who_is_not_on_the_list(plans, setup: RoundSetup) -> None:
    """1,800 people, all of them invited: whatever it costs, no further answer comes."""
    found = expert_plan({**plans, "internal": plan("internal", 1800, 1800, 540.0)}, setup, setup.round)
    assert found is not None
    assert found.table["instead"].nunique() == 1


def test_the_page_says_how_many_and_what_they_cost(plans, setup: RoundSetup) -> None:
    found = expert_plan(plans, setup, setup.round)
    assert found is not None
    html = _text(experts_table(plans, setup, setup.round).to_html("en"))
    assert f"For the index to within 2 points {found.needed} experts have to answer" in html
    assert f"as much as {20 * found.needed} invitations" in html
    assert f"{found.needed} eksper harus menjawab" in _text(experts_table(plans, setup, setup.round).to_html("id"))


def test_an_aim_out_of_reach_is_said(plans, setup: RoundSetup) -> None:
    assert setup.years.experts is not None
    experts = setup.years.experts.model_copy(update={"half_width": 0.1})
    hard = replace(setup, years=setup.years.model_copy(update={"experts": experts}))
    assert "Not even 300 experts give the index to within 0.1 points" in _text(
        experts_table(plans, hard, hard.round).to_html("en")
    )


def test_without_parameters_nothing_is_proposed(plans, setup: RoundSetup) -> None:
    bare = replace(setup, years=setup.years.model_copy(update={"experts": None}))
    assert expert_plan(plans, bare, bare.round) is None
    assert experts_table(plans, bare, bare.round).to_html("en") == ""
