"""Notebook 10 beside the plan: what a comparison takes, rest between rounds, and what strata told before."""

from dataclasses import replace

import pandas as pd
import pytest
from pydantic import ValidationError

from spi_analysis.params import UnitFacts
from spi_analysis.params.sources import CoordinationParams
from spi_analysis.reporting.analyst import design_choices as choices
from spi_analysis.reporting.analyst import sampling_design as view
from spi_analysis.tables.round_data import RoundData
from spi_analysis.tables.store import Store
from tests.stages.test_reserves import with_design
from tests.stages.town import SECRET, TOWN, draw_announced
from tests.views import require_view_says_the_same_everywhere


@pytest.fixture
def data(tmp_path, town, setup):
    store = Store(tmp_path / "spi_2024")
    store.write("frame", TOWN, town.frame)
    return RoundData(with_design(setup, margin=0.12), store, setup.roster[TOWN])


def aims(data) -> pd.DataFrame:
    shown = choices.comparisons_table(view.source_plans(data), data.round)
    return shown.data.set_index(["source", "aim"])


def test_sizes_of_comparisons_are_those_of_r(data) -> None:
    """R 4.2: power.t.test(delta = 5, sd = 15, power = 0.8) 142.246606 in each group, power.prop.test(p1 = 0.05,
    p2 = 0.1, power = 0.8) 434.432165; times the design effect of 1.5 of employees.
    """
    needed = aims(data)["needed"]
    assert needed["internal", "units"] == 214
    assert needed["internal", "shares"] == 652


def test_a_change_seen_by_the_same_people_takes_half_as_many(data) -> None:
    """By hand: deff 2 sd^2 = 675 over (5 / 2.801585)^2 + sd^2 / 200 = 3.185156 + 1.125 is 156.6.

    225 / 200 is the variance of a person's change, at a correlation of 0.5, among 200 people. Asked again: 337.5, 78.3.
    """
    needed = aims(data)["needed"]
    assert needed["internal", "change"] == 157
    assert needed["internal", "again"] == 79


def test_what_is_expected_in_a_unit_shows_large_differences_only(data) -> None:
    """More than z promises: 2.801585 sqrt(1.5 x 2 x 225 / n), which for few answers is too small."""
    table = aims(data)
    row = table.loc[("internal", "units")]
    answers = float(choices._in_a_unit(view.source_plans(data)["internal"]))
    assert row["seen"] > 2.801585 * (675 / answers) ** 0.5
    assert row["expected"] < row["needed"]
    assert table.loc[("internal", "change"), "seen"] < row["seen"]


def test_the_design_effect_counts_before_the_list_corrects_it(data) -> None:
    """A group of everyone takes what the mean of all takes, when both ask for the same margin."""
    plans, rules = view.source_plans(data), data.round.comparisons.model_copy(update={"group": 1.0})
    found = {one.aim: one.needed for one in choices._aims(
        plans["internal"], data.round.sources["internal"].design, rules, data.round.level)}  # fmt: skip
    assert found["group"] == pytest.approx(found["mean"], abs=1)


def test_the_table_says_the_same_everywhere(data, tmp_path) -> None:
    plans = view.source_plans(data)
    require_view_says_the_same_everywhere(choices.comparisons_table(plans, data.round), tmp_path)
    require_view_says_the_same_everywhere(choices.rest_table(data, plans), tmp_path)
    assert "jawaban di setiap unit" in choices.comparisons_table(plans, data.round).to_html("id")


def test_two_stages_expect_the_answers_of_a_median_unit(data, setup) -> None:
    stages = {"unit": "unit", "units": 3, "people": 12}
    two = replace(data, setup=with_design(setup, method="two_stage", two_stage=stages))
    assert aims(two).loc[("internal", "units"), "expected"] > 0


def test_a_round_that_names_no_aims_says_so(data) -> None:
    silent = replace(data.setup, round=data.setup.round.model_copy(update={"comparisons": None}))
    shown = choices.comparisons_table(view.source_plans(data), silent.round)
    assert "(comparisons)" in shown.to_html("en")
    assert "<table" not in shown.to_html("en")


def test_shares_to_be_told_apart_rise(setup) -> None:
    given = setup.round.comparisons.model_dump()
    with pytest.raises(ValidationError, match="do not rise"):
        type(setup.round.comparisons)(**given | {"shares": (0.1, 0.1)})


def test_people_rest_while_the_circle_has_room(data, setup, town) -> None:
    """Everybody drawn of a list rests no round; a third of it, two (1 / (1/3) - 1)."""
    plans = view.source_plans(data)
    third = {
        source: replace(plan, strata=plan.strata.assign(drawn=plan.strata["pop_size"] / 3))
        for source, plan in plans.items()
    }
    rows = choices.rest_table(data, third).data.set_index("source")
    assert rows["rest"].tolist() == [2, 2]
    assert "again" not in rows


def test_who_was_drawn_before_too_is_counted(data) -> None:
    """The same sample in both rounds: all of it."""
    draw_announced(data.setup, data.store, TOWN, SECRET)
    earlier = Store(data.store.root.parent / "spi_2023")
    earlier.write("sample", TOWN, data.store.read("sample", TOWN))
    plan = CoordinationParams(round="spi_2023", aim="least", source="a test", as_of="2024-07-01")
    draw = data.round.draw.model_copy(update={"coordination": plan})
    both = replace(data, setup=replace(data.setup, round=data.setup.round.model_copy(update={"draw": draw})))
    rows = choices.rest_table(both, view.source_plans(both)).data.set_index("source")
    assert rows["again"].tolist() == [1.0, 1.0]


def test_groups_that_differ_are_worth_more_than_the_prior_says(data) -> None:
    """By hand: 100 of 200 and 20 of 200, p = 0.3, spread 0.04; by chance 0.3 x 0.7 x 2 x 0.25 / 200 = 0.000525, at the
    most 0.3 x 0.7 x 0.5 = 0.105; rho = 0.039475 / 0.104475 = 0.377841, worth 1 / rho - 1 = 1.65, shown as 2.
    """
    assert "No earlier round" in choices.priors_table(data).to_html("en")
    facts = tuple(
        UnitFacts(
            institution_id=TOWN, source="internal", unit=unit, invited_before=200, answered_before=answered,
            basis="a test",
        )
        for unit, answered in (("Dinas Satu", 100), ("Dinas Dua", 20))
    )  # fmt: skip
    told = replace(data, setup=replace(data.setup, units=facts))
    row = choices.priors_table(told).data.iloc[0]
    assert (row["source"], row["groups"], row["prior"]) == ("internal", 2, 40)
    assert row["strength"] == 2
