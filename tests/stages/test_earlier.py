"""What earlier rounds tell a draw: response by unit, and people who rest."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import ParameterError, SamplingError
from spi_analysis.params import RoundSetup, UnitFacts, Workspace, load_setup
from spi_analysis.params.sources import CoordinationParams
from spi_analysis.stages.plan import History, plan_source, response_history
from spi_analysis.stages.verify import verify_institution
from spi_analysis.stages.weight import save_weights
from spi_analysis.survey.sampling import shrunken_rates
from spi_analysis.survey.sampling.draw import record_seal
from spi_analysis.tables.store import Store
from tests.stages.conftest import Round
from tests.stages.test_reserves import with_design
from tests.stages.town import SECRET, TOWN, Town, draw_announced, draw_as_before

PRIOR = 40


def history(**rates: tuple[int, int]) -> History:
    groups = pd.DataFrame(
        [(unit.replace("_", " "), invited, answered, np.nan) for unit, (invited, answered) in rates.items()],
        columns=["unit", "invited", "answered", "sd"],
    )
    return History(["unit"], groups, int(groups["invited"].sum()), int(groups["answered"].sum()))


def test_few_answers_before_mean_more_invitations_now(town: Town, setup: RoundSetup) -> None:
    """Puskesmas answered half as often as Dinas Satu: it gets more invitations per person, for the same answers."""
    roomy = with_design(setup, margin=0.2)
    told = history(Dinas_Satu=(400, 200), Puskesmas=(400, 100))
    plan = plan_source(town.frame, roomy.round, "external", told).strata.set_index("stratum")
    per_person = plan["invited"] / plan["pop_size"]
    assert per_person["Puskesmas"] / per_person["Dinas Satu"] == pytest.approx(
        plan.loc["Dinas Satu", "response"] / plan.loc["Puskesmas", "response"], rel=0.06
    )
    answers = plan["completes"] / plan["pop_size"]
    assert answers.max() - answers.min() < 0.02, "answers, not invitations, are in proportion to people"


def test_a_new_unit_gets_the_rate_of_its_source(town: Town, setup: RoundSetup) -> None:
    """By hand: 300 of 800 pulled to the planned 0.9 with the weight of 40; Dinas Dua was not there."""
    plan = plan_source(town.frame, setup.round, "external", history(Dinas_Satu=(400, 200), Puskesmas=(400, 100)))
    design = setup.round.sources["external"].design
    common = (300 + PRIOR * design.response_rate) / (800 + PRIOR)
    rates = plan.cells.set_index("cell")["response"]
    assert rates["Dinas Dua"] == pytest.approx(common)
    assert rates["Puskesmas"] == pytest.approx((100 + PRIOR * common) / 440)


@pytest.mark.parametrize("allocation", ["proportional", "equal", "power"])
def test_expected_answers_meet_the_target_whatever_the_rates(town: Town, setup: RoundSetup, allocation: str) -> None:
    """The margin is that of a stratified mean, worked out here anew from the answers expected in each stratum."""
    roomy = with_design(setup, margin=0.12, allocation=allocation)
    plan = plan_source(town.frame, roomy.round, "external", history(Dinas_Satu=(50, 45), Puskesmas=(300, 90)))
    assert not plan.size.census
    assert plan.strata["completes"].sum() == pytest.approx(plan.size.completes, abs=1)
    share = plan.strata["pop_size"] / plan.strata["pop_size"].sum()
    parts = share**2 * 0.25 * (1 / plan.strata["completes"] - 1 / plan.strata["pop_size"])
    by_hand = 1.959964 * np.sqrt(roomy.round.sources["external"].design.deff * parts.sum())
    assert plan.margin == pytest.approx(by_hand, rel=1e-6)
    assert plan.margin <= 0.12
    assert plan.margin_met


def test_targets_set_the_size_of_every_unit(town: Town, setup: RoundSetup) -> None:
    """By hand, all of whom 90 % answer: a CV of 20 % of one half takes m with 1/m - 1/N = 0.04, invitations m / 0.9."""
    targets = [{"domain": "unit", "variable": "share", "cv": 0.2}]
    exact = with_design(setup, allocation={"method": "bethel", "targets": targets}, strata=["unit"], eligibility_rate=1)
    plan = plan_source(town.frame, exact.round, "internal")
    people = plan.strata.set_index("stratum")["pop_size"]
    # n / 0.9 of the m answers that are needed, rounded up.
    expected = np.ceil(1 / (0.04 + 1 / people) / 0.9)
    assert plan.strata.set_index("stratum")["invited"].to_dict() == expected.to_dict()
    assert plan.margin_met, "the targets are what is aimed for"


def test_what_is_assumed_of_a_variable_sets_the_size(town: Town, setup: RoundSetup) -> None:
    """Mean 80, sd 20: a CV of 5 % takes 1/m - 1/N = 0.04, as above."""
    targets = [{"domain": "unit", "variable": "score", "cv": 0.05}]
    rule = {"method": "bethel", "targets": targets, "assumed": {"score": {"mean": 80, "sd": 20}}}
    exact = with_design(setup, allocation=rule, strata=["unit"], eligibility_rate=1)
    plan = plan_source(town.frame, exact.round, "internal")
    people = plan.strata.set_index("stratum")["pop_size"]
    expected = np.ceil(1 / (0.04 + 1 / people) / 0.9)
    assert plan.strata.set_index("stratum")["invited"].to_dict() == expected.to_dict()


@pytest.mark.parametrize("rule", [{"method": "power", "power": 0.0}, {"method": "cost", "by": "unit", "costs": {}}])
def test_rules_with_settings_are_rules_without_where_the_settings_say_nothing(
    town: Town, setup: RoundSetup, rule: dict
) -> None:
    """A power of 0 is the equal rule; without a cost that differs, cost is Neyman's, here the proportional one."""
    other = "equal" if rule["method"] == "power" else "proportional"
    made = [
        plan_source(town.frame, with_design(setup, margin=0.12, response_rate=0.5, allocation=one).round, "internal")
        for one in (rule, other)
    ]
    assert made[0].strata["invited"].tolist() == made[1].strata["invited"].tolist()


def test_fewer_are_invited_where_an_invitation_costs_more(town: Town, setup: RoundSetup) -> None:
    """At four times the cost, half the share of people is invited: 1 / sqrt(4)."""
    rule = {"method": "cost", "by": "unit", "costs": {"Dinas Satu": 4.0}}
    dear = with_design(setup, margin=0.12, response_rate=0.5, allocation=rule, strata=["unit"])
    strata = plan_source(town.frame, dear.round, "internal").strata.set_index("stratum")
    share = strata["invited"] / strata["pop_size"]
    assert share["Dinas Satu"] / share["Dinas Dua"] == pytest.approx(0.5, abs=0.05)


def test_last_round_s_store_is_read(drawn: Round, store: Store, setup: RoundSetup) -> None:
    earlier = Store(store.root.parent / "spi_2023")
    earlier.write("frame", TOWN, drawn.frame)
    save_weights(earlier, TOWN, drawn.weighted)
    response = setup.round.response.model_copy(update={"previous_round": "spi_2023"})
    told = replace(setup, round=setup.round.model_copy(update={"response": response}))
    found = response_history(told, store, TOWN, "internal")
    weights = drawn.weighted.weights
    invited = weights[(weights["source"] == "internal") & (weights["disposition"] != "NE")]
    assert found.by == ["unit", "position_class"]
    assert (found.invited, found.answered) == (len(invited), invited["disposition"].isin(["I", "P"]).sum())
    assert found.groups["invited"].sum() == found.invited
    assert response_history(setup, store, TOWN, "internal") is None, "no round is named"
    draw_announced(told, store, TOWN, SECRET)
    rates = store.read_record("draw_private", TOWN)["sources"]["internal"]["response"]
    assert len(set(rates.values())) > 1, "on record, stratum by stratum"
    assert not any(verify_institution(told, store, TOWN, SECRET).values())
    assert any(verify_institution(setup, store, TOWN, SECRET).values()), "another history gives another plan"


FACTS = "institution_id,source,unit,known_people,invited_before,answered_before,sd_before,basis\n"


def with_facts(tmp_path, setup: RoundSetup, rows: str) -> RoundSetup:
    import shutil

    shutil.copytree(setup.workspace.params, tmp_path / "params")
    (tmp_path / "params" / "rounds" / "spi_2024.units.csv").write_text(FACTS + rows, encoding="utf-8")
    return load_setup(Workspace(tmp_path), "spi_2024")


def test_the_round_s_figures_of_units_come_first(tmp_path, setup: RoundSetup, store: Store) -> None:
    rows = f"{TOWN},external,Puskesmas,70,100,20,25,vendor 2023\n{TOWN},external,,,500,200,,vendor 2023\n"
    told = with_facts(tmp_path, setup, rows)
    found = response_history(told, store, TOWN, "external")
    assert (found.invited, found.answered) == (500, 200), "the whole source's own row"
    assert found.groups[["unit", "invited", "answered", "sd"]].to_numpy().tolist() == [["Puskesmas", 100, 20, 0.25]]
    assert told.unit_facts(TOWN, "external")[0].known_people == 70


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (f"{TOWN},external,A,1,10,11,,vendor", ["do not fit", "answers at most as invited"]),
        (f"{TOWN},external,A,1,10,,,vendor", ["do not fit"]),
        (f"{TOWN},extern,A,1,,,,vendor", ["did you mean 'external'"]),
        ("kota-mojokertoo,external,A,1,,,,vendor", ["unknown institution", "did you mean 'kota-mojokerto'"]),
        (f"{TOWN},external,A,1,,,,vendor\n{TOWN},external,A,2,,,,vendor", ["listed twice", "first in row 2"]),
        (f"{TOWN},external,A,-1,,,,vendor", ["known_people"]),
    ],
)
def test_wrong_figures_of_units_are_named(tmp_path, setup: RoundSetup, row: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        with_facts(tmp_path, setup, row + "\n")
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert "spi_2024.units.csv" in str(caught.value)


def numbers_in(node: object) -> list[float]:
    """Every number that stands anywhere in a record."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    own = [float(node)] if isinstance(node, int | float) and not isinstance(node, bool) else []
    return own + [number for child in children for number in numbers_in(child)]


def test_the_public_record_does_not_give_last_year_s_answers_back(tmp_path, setup: RoundSetup, store: Store) -> None:
    """By hand: 37 of 50 invited at Puskesmas answered, and 60 of 100 at Dinas Satu; the planned rate is known.

    Whoever knows these invitations tries every number of answers: the rate that one of them gives, to six decimals,
    is nowhere in what is published, and neither is any figure nearer to it than whole people tell.
    """
    rows = "kota-mojokerto,external,Dinas Satu,,100,60,,vendor\nkota-mojokerto,external,Puskesmas,,50,37,,vendor\n"
    told = with_design(with_facts(tmp_path, setup, rows), margin=0.12)
    public = draw_announced(told, store, TOWN, SECRET)
    design = told.round.sources["external"].design
    common = (97 + PRIOR * design.response_rate) / (150 + PRIOR)
    rate = design.eligibility_rate * (37 + PRIOR * common) / (50 + PRIOR)
    private = store.read_record("draw_private", TOWN)["sources"]["external"]
    assert private["response"]["Puskesmas"] == pytest.approx(rate, abs=5e-7), "kept, for the auditor"
    assert not [x for x in numbers_in(public["sources"]["external"]["context"]) if abs(x - rate) < 0.005]
    assert "response" not in public["sources"]["external"]["context"]
    assert str(round(rate, 6)) not in (store.root / "draw" / f"{TOWN}.json").read_text()
    assert not any(verify_institution(told, store, TOWN, SECRET).values())
    assert not any(verify_institution(told, store, TOWN, None).values())


@pytest.mark.parametrize("spoil", ["changed", "of another source", "missing"])
def test_the_private_part_is_that_of_the_draw(store: Store, setup: RoundSetup, spoil: str) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    path = store.root / "draw_private" / f"{TOWN}.json"
    private = store.read_record("draw_private", TOWN)
    if spoil == "missing":
        path.unlink()
    else:
        other = private["sources"]["expert"] if spoil == "of another source" else {"response": {"Puskesmas": 0.5}}
        store.write_record("draw_private", TOWN, private | {"sources": private["sources"] | {"external": other}})
    (first, *_) = verify_institution(setup, store, TOWN, SECRET)["external"]
    assert first.what.startswith("the private part of the record is ")
    if spoil == "missing":
        assert not any(verify_institution(setup, store, TOWN, None).values()), "the public never has it"


def test_a_record_from_before_the_private_part_is_still_verified(store: Store, setup: RoundSetup) -> None:
    """Records of version 3 held the anticipated response themselves, under the same seal."""
    record = draw_as_before(setup, store, TOWN, SECRET)
    private = store.read_record("draw_private", TOWN)["sources"]
    for source, part in record["sources"].items():
        del part["context"]["private_digest"]
        part["context"]["response"] = private[source]["response"]
        part["seal"] = record_seal(part, SECRET)
    store.write_record("draw", TOWN, record)
    (store.root / "draw_private" / f"{TOWN}.json").unlink()
    assert not any(verify_institution(setup, store, TOWN, SECRET).values())
    part = record["sources"]["external"]
    part["context"]["response"]["Puskesmas"] = 0.5
    part["seal"] = record_seal(part, SECRET)
    store.write_record("draw", TOWN, record)
    (found,) = verify_institution(setup, store, TOWN, SECRET)["external"]
    assert found.what == "a parameter is not the one of the draw (response)", "and a changed one is found"


def coordinated(setup: RoundSetup, aim: str, margin: float = 0.0, **changes: object) -> RoundSetup:
    plan = CoordinationParams(round="spi_2023", aim=aim, margin=margin, source="a test", as_of="2024-07-01")
    draw = setup.round.draw.model_copy(update={"coordination": plan, **changes})
    return replace(setup, round=setup.round.model_copy(update={"draw": draw, "round_id": "spi_2024"}))


def two_rounds(store: Store, town: Town, setup: RoundSetup, aim: str, margin: float = 0.0) -> dict[str, float]:
    """Share of last round's people of each source that are asked again."""
    roomy = with_design(setup, margin=0.16, reserves=())
    earlier = Store(store.root.parent / "spi_2023")
    earlier.write("frame", TOWN, town.frame)
    draw_announced(roomy, earlier, TOWN, SECRET)
    now = coordinated(roomy, aim, margin)
    draw_announced(now, store, TOWN, SECRET)
    assert not any(verify_institution(now, store, TOWN, SECRET).values())
    before, after = earlier.read("sample", TOWN), store.read("sample", TOWN)
    keys = [set(zip(table["source"], table["person_id"], strict=True)) for table in (before, after)]
    again = keys[0] & keys[1]
    return {
        source: sum(key[0] == source for key in again) / (before["source"] == source).sum()
        for source in ("internal", "external")
    }


def test_people_of_last_round_rest(store: Store, town: Town, setup: RoundSetup) -> None:
    assert max(two_rounds(store, town, setup, "least", 0.05).values()) <= 0.08, "a handful at the ends of the arcs"


def test_people_of_last_round_are_asked_again(store: Store, town: Town, setup: RoundSetup) -> None:
    assert two_rounds(store, town, setup, "most") == {"internal": 1.0, "external": 1.0}


def test_a_turn_that_was_not_computed_is_named(store: Store, town: Town, setup: RoundSetup) -> None:
    two_rounds(store, town, setup, "least")
    other = coordinated(with_design(setup, margin=0.16, reserves=()), "most")
    found = verify_institution(other, store, TOWN, SECRET)["external"]
    assert [d.what for d in found] == ["a parameter is not the one of the draw (turn)"]


def test_co_ordination_needs_the_earlier_public_value(store: Store, town: Town, setup: RoundSetup) -> None:
    earlier = Store(store.root.parent / "spi_2023")
    earlier.write("frame", TOWN, town.frame)
    draw_announced(setup, earlier, TOWN, SECRET)
    with pytest.raises(SamplingError, match="needs the public value of the round") as caught:
        draw_announced(coordinated(setup, "least", public_value="4711"), store, TOWN, SECRET)
    assert "expected: 0000" in str(caught.value)
    assert not store.has("sample", TOWN)


def test_an_institution_without_an_earlier_draw_starts_at_the_public_value(store: Store, setup: RoundSetup) -> None:
    record = draw_announced(coordinated(setup, "least"), store, TOWN, SECRET)
    part = record["sources"]["internal"]
    assert part["turn"] == 0
    assert part["context"]["coordination"] == {"round": "spi_2023", "aim": "least", "found": False}


def test_shrinkage_used_is_the_documented_one() -> None:
    facts = UnitFacts(institution_id=TOWN, source="external", invited_before=10, answered_before=4, basis="a test")
    (rate,) = shrunken_rates([facts.answered_before], [facts.invited_before], 0.2, PRIOR)
    assert rate == pytest.approx((4 + 8) / 50)
