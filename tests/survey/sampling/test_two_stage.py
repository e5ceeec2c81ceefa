"""Two stages: units by size, people inside, and a design that SurveyDesign takes as it is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.estimation import SurveyDesign, estimate_mean, estimate_total
from spi_analysis.survey.sampling import select_two_stage

# Ten units of 10, 20 ... 100 people.
PEOPLE = pd.DataFrame({"unit": [f"u{k:02d}" for k in range(10) for _ in range(10 * (k + 1))]})
PEOPLE["person_id"] = [f"p{i}" for i in range(len(PEOPLE))]
DESIGN = {
    "weight": "base_weight",
    "stratum": "design_stratum",
    "psu": ["unit", "person_id"],
    "pop_size": ["units_in_stratum", "people_in_unit"],
    "nest": True,
    "lonely_psu": "certainty",
}


def test_sampling_by_size_gives_everyone_the_same_chance() -> None:
    drawn = select_two_stage(PEOPLE, 4, 5, seed=2)
    # 4 N_k / 550 of a unit, then 5 / N_k inside: 20 / 550
    assert drawn["inclusion_prob"].tolist() == pytest.approx([20 / 550] * 20)
    assert drawn["base_weight"].sum() == pytest.approx(550)
    assert (drawn["unit_prob"] * drawn["person_prob"]).tolist() == pytest.approx(drawn["inclusion_prob"].tolist())
    assert drawn.groupby("unit").size().tolist() == [5] * 4
    assert (drawn["units_in_stratum"] == 10).all()


def test_a_certain_unit_is_a_stratum_of_its_own() -> None:
    giant = pd.DataFrame({"unit": "hospital", "person_id": [f"h{i}" for i in range(700)]})
    drawn = select_two_stage(pd.concat([PEOPLE, giant], ignore_index=True), 4, 6, seed=1)
    inside = drawn[drawn["unit"] == "hospital"]
    assert set(inside["design_stratum"]) == {"certain: all / hospital"}
    assert inside["inclusion_prob"].tolist() == pytest.approx([6 / 700] * 6), "4 * 700 / 1250 is more than 1"
    assert set(inside["units_in_stratum"]) == {1}
    assert set(drawn.loc[drawn["unit"] != "hospital", "units_in_stratum"]) == {10}
    estimate = estimate_total(SurveyDesign(drawn.assign(one=1.0), **DESIGN), "one").table.iloc[0]
    assert estimate["estimate"] == pytest.approx(1250)


def test_small_units_give_all_they_have() -> None:
    drawn = select_two_stage(PEOPLE, 10, 25, seed=1)
    taken = drawn.groupby("unit").size()
    assert taken.tolist() == [10, 20, *[25] * 8]
    assert drawn["base_weight"].sum() == pytest.approx(550), "all units certain"


@pytest.mark.long
def test_standard_errors_are_right_on_average() -> None:
    """Units of equal size: over 300 seeded draws the mean variance estimate is near the variance of the estimates."""
    random = np.random.default_rng(4)
    people = pd.DataFrame({"unit": np.repeat([f"u{k:02d}" for k in range(20)], 15)})
    people["person_id"] = [f"p{i}" for i in range(300)]
    people["y"] = np.repeat(random.normal(50, 5, 20), 15) + random.normal(0, 10, 300)
    found = []
    for seed in range(300):
        drawn = select_two_stage(people, 8, 5, seed=seed, method="pareto")
        found.append(estimate_mean(SurveyDesign(drawn, **DESIGN), "y").table.iloc[0][["estimate", "se"]])
    table = pd.DataFrame(found).astype(float)
    assert table["estimate"].mean() == pytest.approx(people["y"].mean(), abs=4 * table["estimate"].std() / 300**0.5)
    assert (table["se"] ** 2).mean() == pytest.approx(table["estimate"].var(), rel=0.25)


@settings(max_examples=15)
@given(order=st.permutations(range(len(PEOPLE))))
def test_row_order_changes_nothing(order: list[int]) -> None:
    first, second = (select_two_stage(frame, 3, 4, seed=5) for frame in (PEOPLE, PEOPLE.iloc[order]))
    assert set(first["person_id"]) == set(second["person_id"])


def test_unit_codes_may_repeat_between_strata() -> None:
    frame = pd.concat([PEOPLE.assign(h="a"), PEOPLE.assign(h="b", person_id="q" + PEOPLE["person_id"])])
    drawn = select_two_stage(frame, {"a": 2, "b": 3}, 4, stratum="h")
    assert drawn.groupby("h")["unit"].nunique().tolist() == [2, 3]
    assert drawn.groupby("h")["base_weight"].sum().tolist() == pytest.approx([550, 550])


def test_errors_say_where() -> None:
    with pytest.raises(SamplingError, match="a unit's size differs"):
        select_two_stage(PEOPLE.assign(s=range(len(PEOPLE))), 2, 3, size="s")
    with pytest.raises(SamplingError, match="1 or more"):
        select_two_stage(PEOPLE, 2, 0)
    with pytest.raises(SamplingError, match="column unitt"):
        select_two_stage(PEOPLE, 2, 3, unit="unitt")
    with pytest.raises(SamplingError, match="0 to 10"):
        select_two_stage(PEOPLE, 11, 3)
