"""Each world does what its row in docs/methods/worlds.md says, and the first one nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_scoring import person_scores, true_value

from spi_analysis.errors import InputError
from spi_analysis.params import RoundSetup
from spi_analysis.synthetic import (
    WORLDS,
    SyntheticCity,
    clean_frame,
    make_city,
    rate_of,
    simulate_fieldwork,
    world_named,
)
from spi_analysis.synthetic.answers import MODELS, _with_house, scored_items
from spi_analysis.synthetic.worlds import draw_coached_people, eager, inside_units, reminders_needed, scripted

TOWN = "kota-mojokerto"
SIZES = {"internal": 3000, "external": 800, "expert": 12}


def city_of(setup: RoundSetup, world: str, **strengths: float) -> SyntheticCity:
    return make_city(setup, TOWN, 5, world=replace(WORLDS[world], **strengths), sizes=SIZES)


def answered(city: SyntheticCity, setup: RoundSetup) -> pd.DataFrame:
    """Employees who completed: when, with their score of what they filled in."""
    frame = clean_frame(city, setup)
    _, responses = simulate_fieldwork(city, frame.loc[frame["is_eligible"], ["person_id", "source"]], setup, 9)
    responses = responses[(responses["source"] == "internal") & responses["completed_at"].notna()]
    people = city.people.assign(person_id=city.person_ids, score=person_scores(city, setup, "internal"))
    return responses.merge(people[people["source"] == "internal"], on="person_id")


def test_reminders_by_hand() -> None:
    """p = 0.5, two reminders: resistances under 0.225 need none, then two equal parts up to 0.5, above it three."""
    resistance = np.array([0.0, 0.22, 0.23, 0.36, 0.37, 0.49, 0.5, 0.9])
    found = reminders_needed(resistance, np.full(8, 0.5), reminders=2)
    assert found.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert reminders_needed(resistance, np.full(8, 0.5), reminders=0).tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


def test_distances_inside_units_by_hand() -> None:
    """Units of 1, 3 and 10, 10: distances -1, 1, 0, 0, whose standard deviation is the root of 2/3."""
    people = pd.DataFrame({"source": ["internal"] * 4 + ["expert"], "unit": ["a", "a", "b", "b", None]})
    found = inside_units(np.array([1.0, 3, 10, 10, 50]), people, np.array([True] * 4 + [False]))
    assert found.tolist() == pytest.approx([-np.sqrt(1.5), np.sqrt(1.5), 0, 0, 0])


def test_a_world_is_found_by_its_name_and_a_rate_by_its_word() -> None:
    assert {name: world_named(name).name for name in WORLDS} == {name: name for name in WORLDS}
    with pytest.raises(InputError, match="interaction"):
        world_named("interactions")
    assert [rate_of(word) for word in ("own", "census", "0.25")] == [None, 0.08, 0.25]
    with pytest.raises(InputError, match="census"):
        rate_of("censu")


def test_cells_that_score_higher_answer_more_beyond_what_units_and_positions_tell(setup: RoundSetup) -> None:
    """Means of cells, less those of their unit and position: in the additive world nothing but people is left."""
    left = {}
    for world, points in (("additive", 0.0), ("interaction", 15.0)):
        city = city_of(setup, world, cell_score=points)
        rows = (city.people["source"] == "internal").to_numpy()
        table = city.people[rows].assign(score=person_scores(city, setup, "internal"), p=city.propensity[rows])
        table["logit"] = np.log(table["p"] / (1 - table["p"]))
        cells = table.groupby(["unit", "position_class"])[["score", "logit"]].agg(["mean", "size"])
        cells = cells[cells[("score", "size")] >= 40].xs("mean", axis=1, level=1)
        for key in ("unit", "position_class", "unit", "position_class"):
            cells = cells - cells.groupby(key).transform("mean")
        left[world] = cells.std()
    assert left["interaction"]["score"] > 1.7 * left["additive"]["score"]
    assert left["interaction"]["logit"] > 5 * left["additive"]["logit"]
    assert true_value(city, "source", "internal") == pytest.approx(75.63, abs=0.01), "published; effects are anchored"


def test_late_answers_score_lower_where_reminders_cost(setup: RoundSetup) -> None:
    """Of those who answered: the last third against the first, with 6 points a reminder and with none."""
    gaps = {}
    for points in (0.0, 6.0):
        people = answered(city_of(setup, "callback", per_reminder=points), setup).sort_values("started_at")
        third = len(people) // 3
        gaps[points] = people["score"].iloc[:third].mean() - people["score"].iloc[-third:].mean()
    assert gaps[6.0] > 8 > 2.5 > abs(gaps[0.0])


def test_experts_of_one_kind_agree(setup: RoundSetup) -> None:
    """2,000 kinds of four experts: the analysis of variance of one item's effects has the share that is asked for.

    A person's effects have variance 64, and chance of the items adds 14^2 x the sum of squared item weights.
    """
    items, model = scored_items(setup.instrument, "expert"), MODELS["expert"]
    rng = np.random.default_rng(1)
    kind = np.repeat(np.arange(2000), 4)
    person = model.person * rng.standard_normal((kind.size, 1))
    effects = _with_house(person, 0.3, kind, model, items, rng)[:, 0].reshape(-1, 4)
    between, within = effects.mean(axis=1).var(ddof=1), effects.var(axis=1, ddof=1).mean()
    shared = between - within / 4
    of_score = model.person**2 + model.noise**2 * float((items.score_weights**2).sum())
    assert shared / of_score == pytest.approx(0.3, abs=0.03)
    assert effects.var() == pytest.approx(model.person**2, rel=0.05), "the spread of experts stays"


@pytest.mark.parametrize("world", ["coached_unit", "coached_institution"])
def test_coached_people_say_what_they_are_told_soon_and_twice_as_often(setup: RoundSetup, world: str) -> None:
    city = city_of(setup, world)
    staff, told = city.people["source"] == "internal", city.people["is_coached"]
    assert told[~staff].sum() == 0
    # A fifth of those who answer are a ninth of the people, since they answer twice as often; units come whole.
    assert told[staff].mean() == pytest.approx(1 / 9, abs=0.05)
    whole = told[staff].groupby(city.people.loc[staff, "unit"]).mean()
    assert whole.isin([0.0, 1.0]).all() == (world == "coached_unit")
    plain = city_of(setup, "additive")
    assert true_value(city, "source", "internal") == pytest.approx(75.63, abs=0.02), "what they would say themselves"
    people = answered(city, setup)
    assert people["is_coached"].mean() == pytest.approx(2 * told[staff].mean() / (1 + told[staff].mean()), abs=0.05)
    own = people[people["is_coached"]]
    last_invitation = pd.Timestamp(setup.round.fieldwork.start) + pd.Timedelta(days=8)
    assert own["started_at"].max() < last_invitation
    assert (city.propensity[told] / plain.propensity[told]).max() == pytest.approx(2.0)


def test_a_script_is_one_of_the_two_best_of_every_item(setup: RoundSetup) -> None:
    items = scored_items(setup.instrument, "internal")
    worst = items.to_codes(np.zeros((400, len(items.codes)), dtype=int))
    found = scripted(worst, items, 0.8, np.random.default_rng(2))
    changed = found != worst
    assert changed.mean() == pytest.approx(0.8, abs=0.01)
    best, second = (items.to_codes(items.steps - below) for below in (0, 1))
    for column, kept, *wanted in zip(found.T, worst[0], best, second, strict=True):
        said = set(column) - {kept}
        assert len(said) == 1, "one script for all"
        assert said <= set(wanted)


def test_twice_a_sure_answer_stays_a_probability() -> None:
    assert eager(pd.Series([0.2, 0.6, 0.6]), np.array([True, True, False])).tolist() == [0.4, 0.95, 0.6]


def test_nobody_is_coached_where_the_world_has_no_coaching(setup: RoundSetup) -> None:
    people = city_of(setup, "additive").people
    assert not draw_coached_people(people, WORLDS["interaction"], np.random.default_rng(0)).any()
