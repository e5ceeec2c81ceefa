"""The draw of an institution: once, on record, and repeatable to the row."""

import json
import math

import pandas as pd
import pytest

from spi_analysis.errors import SamplingError, StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.stages.draw import draw_institution, draw_table
from spi_analysis.stages.plan import plan_source
from spi_analysis.stages.verify import check_record, verify_institution
from spi_analysis.survey.sampling import from_start, permanent_random_numbers, start_of
from spi_analysis.tables import EXACT_SPANS, eligible_list, write_parquet
from spi_analysis.tables.schema import SCHEMA_FILE
from spi_analysis.tables.store import Store
from spi_analysis.tables.stored_files import RECORD_DIGEST
from spi_analysis.tables.upgrade import upgrade_store
from tests.stages.test_reserves import with_design
from tests.stages.town import SECRET, TOWN, Town, draw_announced, draw_as_before

SOURCES = ("internal", "external", "expert")


def test_only_eligible_listed_people_may_be_drawn(town: Town) -> None:
    assert len(eligible_list(town.frame, "internal")) == 200 - 2
    assert len(eligible_list(town.frame, "external")) == 170 - 2, "self-registration is no probability sample"


def test_plan_keeps_its_promises(town: Town, setup: RoundSetup) -> None:
    plan = plan_source(town.frame, setup.round, "internal")
    design = setup.round.sources["internal"].design
    assert plan.population == plan.strata["pop_size"].sum() == 198
    assert (plan.strata["invited"] >= plan.strata["pop_size"].clip(upper=design.min_per_stratum)).all()
    assert (plan.strata["invited"] <= plan.strata["pop_size"]).all()
    assert (plan.cells.groupby("group")["people"].sum() >= design.min_stratum_people).all()


def test_plan_invites_enough_for_the_least_number_of_completes(town: Town, setup: RoundSetup) -> None:
    """A margin of 0.4 needs a handful only; 30 completes at 0.97 * 0.30 need 104 invitations (103.1 rounded up)."""
    source = setup.round.sources["internal"]
    wide = source.design.model_copy(update={"margin": 0.4, "deff": 1.0, "response_rate": 0.3})
    sources = {**setup.round.sources, "internal": source.model_copy(update={"design": wide})}
    plan = plan_source(town.frame, setup.round.model_copy(update={"sources": sources}), "internal")
    assert plan.strata["invited"].sum() == math.ceil(30 / (0.97 * 0.30)) == 104


TWO_UNITS = {"deff": 1.0, "eligibility_rate": 1.0, "response_rate": 1.0, "strata": ["unit"], "allocation": "equal"}


def two_units(town: Town) -> pd.DataFrame:
    """A list of 900 people in one unit and 100 in another."""
    one = town.frame[(town.frame["source"] == "external") & town.frame["is_eligible"]].iloc[0]
    people = [{"person_id": f"p{i:04d}", "unit": "large" if i < 900 else "small"} for i in range(1000)]
    return pd.DataFrame([one.to_dict() | person for person in people])


def test_an_allocation_that_is_not_proportional_needs_more_answers(town: Town, setup: RoundSetup) -> None:
    """By hand: 0.1 = 1.96 sqrt(0.25 (0.81 (1/m - 1/900) + 0.01 (1/m - 1/100))), so m = 0.82/0.011413 = 71.85 each.

    For a simple random sample 88 answers would do: 44 of each, which is a margin of 13 points here.
    """
    design = with_design(setup, margin=0.1, min_completes=30, **TWO_UNITS)
    plan = plan_source(two_units(town), design.round, "external")
    assert plan.strata["invited"].tolist() in ([72, 71], [72, 72])
    large, small = plan.strata["invited"]
    variance = 0.81 * (1 / large - 1 / 900) + 0.01 * (1 / small - 1 / 100)
    assert plan.margin == pytest.approx(1.959964 * math.sqrt(0.25 * variance), rel=1e-6)
    assert plan.margin_met
    assert plan.margin <= 0.1


def test_a_draw_by_targets_of_precision_is_on_record_and_repeatable(store: Store, setup: RoundSetup) -> None:
    """What the rule invites is what is drawn, and the check repeats it."""
    rule = {"method": "bethel", "targets": [{"domain": "unit", "variable": "share", "cv": 0.2}]}
    by_targets = with_design(setup, allocation=rule, strata=["unit"], reserves=())
    draw_announced(by_targets, store, TOWN, SECRET)
    sample, frame = store.read("sample", TOWN), store.read("frame", TOWN)
    for source in ("internal", "external"):
        planned = plan_source(frame, by_targets.round, source).strata.set_index("stratum")["invited"]
        assert sample[sample["source"] == source]["stratum"].value_counts().to_dict() == planned.to_dict()
    assert verify_institution(by_targets, store, TOWN, SECRET) == {source: [] for source in SOURCES}


def test_a_margin_out_of_reach_is_said(town: Town, setup: RoundSetup) -> None:
    """Everyone invited, a fifth answers: 1.96 sqrt(0.25 (0.81 (1/180 - 1/900) + 0.01 (1/20 - 1/100))) = 0.062."""
    design = with_design(setup, margin=0.05, **TWO_UNITS | {"response_rate": 0.2})
    plan = plan_source(two_units(town), design.round, "external")
    assert plan.size.census
    assert not plan.margin_met
    assert plan.margin == pytest.approx(0.0620, abs=5e-5)


def test_panel_is_invited_whole(town: Town, setup: RoundSetup) -> None:
    plan = plan_source(town.frame, setup.round, "expert")
    assert plan.strata[["stratum", "pop_size", "invited", "drawn"]].to_numpy().tolist() == [["panel", 14, 14, 14]]


def test_sample_is_the_smallest_numbers_of_every_stratum(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    sample = store.read("sample", TOWN)
    for source in ("internal", "external"):
        people = eligible_list(store.read("frame", TOWN), source)
        plan = plan_source(store.read("frame", TOWN), setup.round, source)
        groups = dict(zip(plan.cells["cell"], plan.cells["group"], strict=True))
        by = setup.round.sources[source].design.strata
        strata = people[by].agg(" × ".join, axis=1).map(groups)
        numbers = from_start(permanent_random_numbers(people["person_id"], SECRET), start_of("0000"))
        invited = strata.map(dict(zip(plan.strata["stratum"], plan.strata["invited"], strict=True)))
        expected = people.loc[numbers.groupby(strata).rank() <= invited, "person_id"]
        assert set(sample.loc[sample["source"] == source, "person_id"]) == set(expected), source


def test_weights_of_every_stratum_sum_to_its_people(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    sample = store.read("sample", TOWN)
    sums = sample.groupby(["source", "stratum"])["base_weight"].sum()
    sizes = sample.groupby(["source", "stratum"])["pop_size"].first()
    assert sums.to_dict() == pytest.approx(sizes.astype(float).to_dict())
    assert (sample["base_weight"] > 1).any(), "else a census, which would say little"
    assert (sample["base_weight"] * sample["inclusion_prob"]).tolist() == pytest.approx([1.0] * len(sample))


def test_a_second_draw_is_refused_and_nothing_changes(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="already drawn") as caught:
        draw_institution(setup, store, TOWN, b"another secret of the same length")
    assert f"spi verify-draw {TOWN}" in str(caught.value)
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == before


def test_same_frame_and_secret_give_the_same_bytes(store: Store, town: Town, setup: RoundSetup, tmp_path) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    other = Store(tmp_path / "again")
    other.write("frame", TOWN, town.frame)
    draw_announced(setup, other, TOWN, SECRET)
    for part in ("draw", "sample"):
        for path in (store.root / part).iterdir():
            assert path.read_bytes() == (other.root / part / path.name).read_bytes(), path.name


def test_row_order_of_the_frame_changes_nobody_s_fate(store: Store, town: Town, setup: RoundSetup, tmp_path) -> None:
    first = draw_announced(setup, store, TOWN, SECRET)
    other = Store(tmp_path / "mixed")
    other.write("frame", TOWN, town.frame.sample(frac=1, random_state=5))
    assert draw_announced(setup, other, TOWN, SECRET) == first
    people = [set(s.read("sample", TOWN)["person_id"]) for s in (store, other)]
    assert people[0] == people[1]


def test_verify_says_same_draw(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    assert verify_institution(setup, store, TOWN, SECRET) == {source: [] for source in SOURCES}
    assert verify_institution(setup, store, TOWN, None) == {source: [] for source in SOURCES}


def test_one_changed_row_is_named_with_its_stratum(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    frame = store.read("frame", TOWN)
    row = frame.index[(frame["unit"] == "Puskesmas")][7]
    frame.loc[row, "age_group"] = "changed"
    store.write("frame", TOWN, frame)
    found = verify_institution(setup, store, TOWN, SECRET)
    assert found["internal"] == found["expert"] == []
    assert {d.stratum for d in found["external"]} == {"Puskesmas"}
    assert {d.rows for d in found["external"]} == {(frame.loc[row, "person_id"],)}


def test_a_person_made_ineligible_afterwards_is_found(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    frame = store.read("frame", TOWN)
    row = frame.index[frame["unit"] == "Puskesmas"][0]
    store.write("frame", TOWN, frame.assign(is_eligible=frame["is_eligible"] & (frame.index != row)))
    found = verify_institution(setup, store, TOWN, SECRET)["external"]
    assert "another number of people" in {d.what for d in found}
    assert all(frame.loc[row, "person_id"] in d.rows for d in found if d.stratum)


def test_anybody_can_check_the_record_alone(store: Store, setup: RoundSetup) -> None:
    record = draw_announced(setup, store, TOWN, SECRET)
    assert check_record(store, TOWN) == {source: [] for source in SOURCES}
    record["sources"]["internal"]["public_value"] = "4711"
    record["sources"]["external"]["strata"][0]["sample_size"] += 1
    store.write_record("draw", TOWN, record)
    found = check_record(store, TOWN)
    assert [d.what for d in found["internal"]] == ["the start does not follow from the public value"]
    assert "the strata do not add up to the sample" in [d.what for d in found["external"]]


def test_the_table_of_a_draw_has_a_row_per_source(store: Store, setup: RoundSetup) -> None:
    table = draw_table([draw_announced(setup, store, TOWN, SECRET)])
    assert table["source"].tolist() == list(SOURCES)
    assert table["invited first"].sum() == len(store.read("sample", TOWN))


def test_a_draw_on_record_before_there_were_versions_is_the_same_draw(store: Store, setup: RoundSetup) -> None:
    """Earlier releases wrote neither the version of the store nor digests into records."""
    draw_announced(setup, store, TOWN, SECRET)
    (store.root / SCHEMA_FILE).unlink()
    for path in store.root.glob("draw*/*.json"):
        record = json.loads(path.read_text())
        del record[RECORD_DIGEST]
        path.write_text(json.dumps(record))
    with pytest.raises(StoreError, match="spi upgrade spi_2024"):
        Store(store.root)
    upgrade_store(store.root)
    assert verify_institution(setup, Store(store.root), TOWN, SECRET) == {source: [] for source in SOURCES}


def test_a_draw_on_record_with_exact_spans_is_the_same_draw_after_the_upgrade(store: Store, setup: RoundSetup) -> None:
    """As version 2 drew: spans of years in the frame, and in its digests. A band that was changed since is found."""
    banded = store.read("frame", TOWN)
    spans = {"under_1": 0.5, "1_to_2": 1.5, "2_to_5": 2.25, "5_to_10": 7.0, "10_to_20": 12.5, "from_20": 30.0}
    exact = banded.assign(**{years: banded[band].map(spans).astype(float) for years, band in EXACT_SPANS.items()})
    write_parquet(store.path("frame", TOWN), exact.drop(columns=list(EXACT_SPANS.values())))
    draw_as_before(setup, store, TOWN, SECRET)
    write_parquet(store.path("frame", TOWN), banded)
    assert verify_institution(setup, store, TOWN, SECRET) == {source: [] for source in SOURCES}
    first = banded.index[(banded["source"] == "internal") & banded["is_eligible"]][0]
    other = banded["tenure_band"].where(banded.index != first, "from_20")
    write_parquet(store.path("frame", TOWN), banded.assign(tenure_band=other))
    assert verify_institution(setup, store, TOWN, SECRET)["internal"] != []


def test_verify_before_any_draw(store: Store, setup: RoundSetup) -> None:
    with pytest.raises(StoreError, match="no draw record") as caught:
        verify_institution(setup, store, TOWN, SECRET)
    assert "spi draw" in str(caught.value)


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_without_anybody_stops_the_draw(store: Store, town: Town, setup: RoundSetup, source: str) -> None:
    store.write("frame", TOWN, town.frame[town.frame["source"] != source])
    with pytest.raises(SamplingError, match=f"nobody of source {source}") as caught:
        draw_announced(setup, store, TOWN, SECRET)
    assert f"import the {source} list first" in str(caught.value)
    assert not store.has("sample", TOWN), "nothing half done"


def test_misspelt_strata_name_the_nearest(town: Town, setup: RoundSetup) -> None:
    source = setup.round.sources["internal"]
    spoiled = source.model_copy(
        update={"design": source.design.model_copy(update={"strata": ["unit", "posision_class"]})}
    )
    round_ = setup.round.model_copy(update={"sources": {**setup.round.sources, "internal": spoiled}})
    with pytest.raises(SamplingError, match="did you mean 'position_class'"):
        plan_source(town.frame, round_, "internal")


def test_strata_may_use_a_column_with_gaps(town: Town, setup: RoundSetup) -> None:
    frame = town.frame.assign(is_asn=town.frame["is_asn"].mask(town.frame.index % 7 == 0, pd.NA))
    source = setup.round.sources["internal"]
    by_asn = source.model_copy(update={"design": source.design.model_copy(update={"strata": ["is_asn"]})})
    round_ = setup.round.model_copy(update={"sources": {**setup.round.sources, "internal": by_asn}})
    assert set(plan_source(frame, round_, "internal").cells["cell"]) == {"True", "False", "(unknown)"}
