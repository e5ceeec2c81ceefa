"""Reserves: activated wave by wave, on record, weighted by what was activated; every tampering is named."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from spi_analysis.errors import SamplingError, StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.stages.draw import archive_path, draw_table, planned_table
from spi_analysis.stages.reserves import LOG, activate_reserve, activation_table, drawn_of, log_of, undo_activation
from spi_analysis.stages.verify import verify_institution
from spi_analysis.stages.weight import weight_institution
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.round_data import replicate_values
from spi_analysis.tables.store import Store
from tests.stages.town import SECRET, TOWN, Town, draw_announced

DAY = dt.date(2024, 9, 2)
SOURCES = ("internal", "external", "expert")


def with_design(setup: RoundSetup, **changes: object) -> RoundSetup:
    sources = dict(setup.round.sources)
    for name in ("internal", "external"):
        design = sources[name].design
        given = design.model_dump() | {"margin_ceiling": 0.4} | changes
        sources[name] = sources[name].model_copy(update={"design": type(design)(**given)})
    return replace(setup, round=setup.round.model_copy(update={"sources": sources}))


@pytest.fixture
def roomy(setup: RoundSetup) -> RoundSetup:
    """A wide margin, so that there is room for two reserves."""
    return with_design(setup, margin=0.1, reserves=(0.5, 0.25))


def activate(setup: RoundSetup, store: Store, source: str = "external", strata: list[str] | None = None) -> dict:
    return activate_reserve(setup, store, TOWN, source, strata, "few answers", DAY)


def differences(setup: RoundSetup, store: Store) -> dict[str, list[str]]:
    found = verify_institution(setup, store, TOWN, SECRET)
    return {source: [d.what for d in part] for source, part in found.items() if part}


def test_reserves_are_drawn_but_not_invited(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    drawn, sample = drawn_of(store, TOWN), store.read("sample", TOWN)
    assert set(sample["wave"]) == {1}
    assert len(drawn) > len(sample)
    table = activation_table(drawn, []).set_index("source")
    assert table["invited"].to_dict() == sample.groupby("source").size().to_dict()
    assert table.loc["expert", "reserve"] == 0


def test_an_activation_that_was_killed_is_finished_and_spends_no_second_reserve(
    store: Store, roomy: RoundSetup, monkeypatch
) -> None:
    """Killed after the log, before the sample: the same command again invites those of the log, and no others."""
    draw_announced(roomy, store, TOWN, SECRET)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(Store, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            activate(roomy, store)
    assert len(log_of(store, TOWN)) == 1
    assert set(store.read("sample", TOWN)["wave"]) == {1}
    with pytest.raises(StoreError, match="was not finished") as caught:
        activate(roomy, store)
    assert "activation 1" in str(caught.value)
    assert len(log_of(store, TOWN)) == 1, "no second entry"
    sample = store.read("sample", TOWN)
    assert set(sample.loc[sample["source"] == "external", "wave"]) == {1, 2}
    assert differences(roomy, store) == {}
    assert activate(roomy, store)["number"] == 2, "from now on as ever"


def test_an_activated_wave_joins_the_sample_with_right_weights(store: Store, roomy: RoundSetup) -> None:
    """N_h / m_h of what was activated, whatever was drawn; the other sources stay as they are."""
    draw_announced(roomy, store, TOWN, SECRET)
    before = store.read("sample", TOWN)
    entry = activate(roomy, store)
    after = store.read("sample", TOWN)
    external = after[after["source"] == "external"]
    assert entry["people"] == len(after) - len(before) > 0
    sizes = external.groupby("stratum").agg(n=("wave", "size"), people=("pop_size", "first"))
    expected = external["stratum"].map(sizes["people"] / sizes["n"])
    assert external["base_weight"].tolist() == pytest.approx(expected.tolist())
    assert set(before["person_id"]) < set(after["person_id"])
    others = [table[table["source"] != "external"].reset_index(drop=True) for table in (before, after)]
    pd.testing.assert_frame_equal(*others)


def test_activating_everything_in_turns_is_the_whole_draw(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    activate(roomy, store)
    activate(roomy, store)
    drawn = drawn_of(store, TOWN)
    drawn = drawn[drawn["source"] == "external"].set_index("person_id")
    sample = store.read("sample", TOWN)
    sample = sample[sample["source"] == "external"].set_index("person_id")
    assert sample["inclusion_prob"].to_dict() == pytest.approx(drawn["inclusion_prob"].to_dict())
    with pytest.raises(SamplingError, match="nobody is left in reserve"):
        activate(roomy, store)
    assert len(log_of(store, TOWN)) == 2, "an activation that failed leaves no entry"


def test_one_stratum_alone(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    entry = activate(roomy, store, strata=["Puskesmas"])
    sample = store.read("sample", TOWN)
    assert set(sample.loc[sample["wave"] == 2, "stratum"]) == {"Puskesmas"} == set(entry["strata"])
    assert differences(roomy, store) == {}


@pytest.mark.parametrize("method", [{}, {"method": "systematic", "order": ("unit", "age_group")}])
def test_verify_repeats_draw_and_activations(store: Store, roomy: RoundSetup, method: dict) -> None:
    setup = with_design(roomy, **method)
    draw_announced(setup, store, TOWN, SECRET)
    assert differences(setup, store) == {}
    activate(setup, store)
    activate(setup, store, "internal")
    assert differences(setup, store) == {}
    assert verify_institution(setup, store, TOWN, None) == {source: [] for source in SOURCES}


def test_two_stages_are_drawn_activated_and_verified(store: Store, town: Town, setup: RoundSetup) -> None:
    """Three of four units by size, twelve in each: alike for everyone but in certain units; weights sum to about N."""
    setup = with_design(
        setup, method="two_stage", two_stage={"unit": "unit", "units": 3, "people": 12}, reserves=(0.5,)
    )
    draw_announced(setup, store, TOWN, SECRET)
    sample = store.read("sample", TOWN)
    internal = sample[sample["source"] == "internal"]
    people = store.read("frame", TOWN).set_index("person_id")["unit"]
    assert internal["person_id"].map(people).value_counts().tolist() == [12, 12, 12]
    activate(setup, store, "internal")
    after = store.read("sample", TOWN)
    after = after[after["source"] == "internal"]
    assert after["person_id"].map(people).value_counts().tolist() == [18, 18, 18]
    assert (after["base_weight"].sum() / internal["base_weight"].sum()) == pytest.approx(1)
    assert differences(setup, store) == {}


def test_the_order_of_the_frame_changes_nothing(store: Store, town: Town, roomy: RoundSetup, tmp_path) -> None:
    other = Store(tmp_path / "mixed")
    other.write("frame", TOWN, town.frame.sample(frac=1, random_state=5))
    for one in (store, other):
        draw_announced(roomy, one, TOWN, SECRET)
        activate(roomy, one)
    assert differences(roomy, other) == {}
    kept = [one.read("sample", TOWN).sort_values(["source", "person_id"], ignore_index=True) for one in (store, other)]
    pd.testing.assert_frame_equal(*kept)
    assert log_of(store, TOWN) == log_of(other, TOWN)


def tampered_log(store: Store, change) -> None:
    record = store.read_record(LOG, TOWN)
    change(record["releases"])
    store.write_record(LOG, TOWN, record)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda log: log.pop(0), "does not follow the entry before it"),
        (lambda log: log.pop(), "the sample is not what was drawn and activated"),
        (lambda log: log[0].update(reason="another"), "does not follow the entry before it"),
        (lambda log: log[1].update(people=1), "another number of people"),
        (lambda log: log[1].update(strata={"Puskesmas": 7}), "skips or repeats a wave"),
        (lambda log: log.insert(0, dict(log[0])), "does not follow the entry before it"),
        (lambda log: log[0].pop("strata"), "the activations cannot be checked"),
    ],
)
def test_a_log_that_was_changed_is_named(store: Store, roomy: RoundSetup, change, what: str) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    activate(roomy, store)
    activate(roomy, store)
    tampered_log(store, change)
    assert any(what in text for part in differences(roomy, store).values() for text in part)


def test_somebody_put_into_the_sample_is_named(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    sample, drawn = store.read("sample", TOWN), drawn_of(store, TOWN)
    reserve = drawn[(drawn["source"] == "external") & (drawn["wave"] == 2)].iloc[0]
    row = sample.index[(sample["source"] == "external") & (sample["stratum"] == reserve["stratum"])][0]
    swapped = sample.loc[row, "person_id"]
    sample.loc[row, "person_id"] = reserve["person_id"]
    store.write("sample", TOWN, sample)
    (found,) = verify_institution(roomy, store, TOWN, None)["external"]
    assert found.stratum == reserve["stratum"]
    assert found.rows == tuple(sorted([swapped, reserve["person_id"]]))


def test_a_weight_that_was_changed_is_named(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    sample = store.read("sample", TOWN)
    sample.loc[3, "base_weight"] *= 1.001
    store.write("sample", TOWN, sample)
    assert differences(roomy, store) == {"internal": ["the sample is not what was drawn and activated"]}


def test_waves_swapped_in_the_archive_are_named(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    path = archive_path(store, TOWN, "drawn")
    drawn = pd.read_parquet(path)
    inside = (drawn["source"] == "external") & (drawn["stratum"] == "Puskesmas")
    first, second = (drawn.index[inside & (drawn["wave"] == wave)][0] for wave in (1, 2))
    drawn.loc[[first, second], "wave"] = [2, 1]
    write_parquet(path, drawn)
    assert "the archive of drawn people is not the draw" in differences(roomy, store)["external"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"margin": 0.08}, "a parameter is not the one of the draw (design.margin)"),
        ({"reserves": (0.5,)}, "a parameter is not the one of the draw (design.reserves)"),
        ({"method": "systematic", "order": ("unit",)}, "a parameter is not the one of the draw (method)"),
        ({"strata": ["sex"]}, "a parameter is not the one of the draw (strata_columns)"),
    ],
)
def test_parameters_changed_after_the_draw_are_named(store: Store, roomy: RoundSetup, changes: dict, what: str) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    assert what in differences(with_design(roomy, **changes), store)["internal"]


def test_another_public_value_in_the_round_is_named(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    draw = roomy.round.draw.model_copy(update={"public_value": "4711"})
    other = replace(roomy, round=roomy.round.model_copy(update={"draw": draw}))
    assert differences(other, store)["expert"] == ["a parameter is not the one of the draw (public_value)"]


def test_sizes_that_do_not_follow_from_the_plan_are_named(store: Store, roomy: RoundSetup, monkeypatch) -> None:
    """Somebody draws more in a stratum of their choice, with a record that is sound by itself."""
    import spi_analysis.stages.announce as stage

    plan = stage.plan_source

    def generous(*args):
        made = plan(*args)
        made.strata.loc[0, "invited"] += 1
        return made

    monkeypatch.setattr(stage, "plan_source", generous)
    draw_announced(roomy, store, TOWN, SECRET)
    assert differences(roomy, store)["external"] == ["the number drawn does not follow from the round's parameters"]


def test_a_record_of_an_older_version_says_so_and_no_more(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    record = store.read_record("draw", TOWN)
    for part in record["sources"].values():
        part["record_version"] = 2
    store.write_record("draw", TOWN, record)
    for found in verify_institution(roomy, store, TOWN, SECRET).values():
        assert [d.what.split(";")[0] for d in found] == ["the record has another version"]


def test_any_single_field_changed_in_the_record_is_found(store: Store, roomy: RoundSetup) -> None:
    """Every kind of leaf of the external record, one at a time: in words, never as a raised error."""
    draw_announced(roomy, store, TOWN, SECRET)
    sound = store.read_record("draw", TOWN)

    def leaves(node, path=()):
        # Of lists, and of what stands by the name of a stratum, the first will do.
        first = 1 if path[-1:] in {("cells",), ("response",)} else None
        items = list(node.items())[:first] if isinstance(node, dict) else None
        items = list(enumerate(node))[:1] if isinstance(node, list) else items
        if items is None:
            yield path
        else:
            for key, child in items:
                yield from leaves(child, (*path, key))

    external = {"external": roomy.round.sources["external"]}
    only = replace(roomy, round=roomy.round.model_copy(update={"sources": external}))
    missed = []
    for path in leaves(sound["sources"]["external"]):
        record = json.loads(json.dumps(sound))
        node = record["sources"]["external"]
        for key in path[:-1]:
            node = node[key]
        old = node[path[-1]]
        node[path[-1]] = f"{old}x" if isinstance(old, str) else (old or 0) + 1 if isinstance(old, (int, float)) else "x"
        store.write_record("draw", TOWN, record)
        missed += [] if differences(only, store) else [path]
    assert missed == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("externall", None, "x"), "did you mean 'external'"),
        (("external", None, "  "), "needs a reason"),
        (("external", ["Puskesmaas"], "x"), "did you mean 'Puskesmas'"),
        (("expert", None, "x"), "nobody is left in reserve"),
    ],
)
def test_an_activation_that_cannot_be_is_refused(store: Store, roomy: RoundSetup, arguments: tuple, what: str) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    with pytest.raises(SamplingError, match=what):
        activate_reserve(roomy, store, TOWN, *arguments, DAY)
    assert log_of(store, TOWN) == []


def test_nothing_is_activated_before_the_draw(store: Store, roomy: RoundSetup) -> None:
    with pytest.raises(StoreError, match="no draw record"):
        activate(roomy, store)


def with_columns(given: dict[str, Any], **columns: list[str]) -> None:
    """Other columns of the classes (``by``) and margins in the steps of a source."""
    for step in given["weighting"]["steps"]:
        step |= {name: value for name, value in columns.items() if name in step}


def in_two_stages(setup: RoundSetup) -> RoundSetup:
    """Internal in two stages, 12 units of ten people; no unit in the weighting."""
    source = setup.round.sources["internal"]
    given = source.model_dump()
    given["design"] |= {"method": "two_stage", "two_stage": {"unit": "unit", "units": 12, "people": 10}, "reserves": ()}
    with_columns(given, by=["position_class"], margins=["sex", "age_group"])
    sources = setup.round.sources | {"internal": type(source)(**given)}
    return replace(setup, round=setup.round.model_copy(update={"sources": sources}))


def test_a_two_stage_sample_is_weighted_and_resampled_by_whole_units(
    store: Store, town: Town, setup: RoundSetup
) -> None:
    """The weights reproduce the list; in every replicate whole units come and go together."""
    two = in_two_stages(setup)
    internal = town.frame["source"] == "internal"
    names = pd.Series([f"Unit {i % 25:02d}" for i in range(len(town.frame))], index=town.frame.index)
    frame = town.frame.assign(unit=town.frame["unit"].mask(internal, names))
    # Lists of 25 units of eight people: twice as many, so that ten can be taken of each.
    more = frame[internal].assign(person_id=frame.loc[internal, "person_id"] + "-b")
    frame = pd.concat([frame, more], ignore_index=True)
    store.write("frame", TOWN, frame)
    draw_announced(two, store, TOWN, SECRET)
    sample = store.read("sample", TOWN)
    assert not any(verify_institution(two, store, TOWN, SECRET).values())
    events, responses = town.fieldwork(sample)
    weighted = weight_institution(store.read("frame", TOWN), sample, events, responses, two.round, two.instrument)
    people = weighted.weights[weighted.weights["source"] == "internal"]
    eligible = frame[(frame["source"] == "internal") & frame["is_eligible"]]
    # Those found ineligible are in the totals until the end, and then dropped.
    assert 0.9 * len(eligible) < people["weight"].sum() <= len(eligible) + 1e-6
    replicates = weighted.replicates[weighted.replicates["source"] == "internal"].merge(eligible[["person_id", "unit"]])
    gone = pd.DataFrame(replicate_values(replicates) == 0, index=replicates["unit"])
    together = gone.groupby(level="unit").agg(["min", "max"])
    assert (together.xs("min", axis=1, level=1) == together.xs("max", axis=1, level=1)).to_numpy().all()
    assert gone.to_numpy().any()


def test_drawn_units_cannot_be_margins(setup: RoundSetup) -> None:
    source = in_two_stages(setup).round.sources["internal"]
    given = source.model_dump()
    with_columns(given, margins=["unit", "sex"])
    with pytest.raises(ValueError, match="units that are drawn cannot be a class or margin"):
        type(source)(**given)


def test_an_activated_wave_gets_an_invitation_file_of_its_own(store: Store, roomy: RoundSetup, monkeypatch) -> None:
    from spi_analysis.tables import invitations

    written = []
    monkeypatch.setattr(
        invitations,
        "with_tokens",
        lambda setup, vault, i, source, people: people.assign(
            **dict.fromkeys((*invitations.COLUMNS, "answer_token", *invitations.PLACES), "x")
        ),
    )
    monkeypatch.setattr(
        invitations, "write_csv", lambda path, people, *_: written.append((path.name, len(people))) or path
    )
    draw_announced(roomy, store, TOWN, SECRET)
    entry = activate(roomy, store)
    invitations.prepare_invitations(roomy, store, None, TOWN).write(store)
    assert dict(written)[f"{TOWN}__external__wave2.csv"] == entry["people"]
    assert {name for name, _ in written} >= {f"{TOWN}__{source}.csv" for source in SOURCES}


def undo(setup: RoundSetup, store: Store) -> dict:
    return undo_activation(setup, store, TOWN, "activated by mistake", DAY)


def test_an_activation_is_taken_back_by_one_more_entry(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    before = store.read("sample", TOWN)
    first = activate(roomy, store)
    entry = undo(roomy, store)
    assert (entry["number"], entry["undoes"], entry["people"]) == (2, 1, first["people"])
    pd.testing.assert_frame_equal(store.read("sample", TOWN), before)
    assert differences(roomy, store) == {}, "the log only grows, and is sound"
    assert activate(roomy, store)["strata"] == first["strata"], "the same wave is next again"
    assert differences(roomy, store) == {}


def test_only_the_last_activation_can_be_taken_back(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    with pytest.raises(SamplingError, match="no activation to take back"):
        undo(roomy, store)
    activate(roomy, store)
    undo(roomy, store)
    with pytest.raises(SamplingError, match="no activation to take back"):
        undo(roomy, store)


@pytest.mark.parametrize("what", ["file", "event"])
def test_a_wave_of_which_somebody_may_have_been_invited_stays(store: Store, roomy: RoundSetup, what: str) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    activate(roomy, store)
    people = store.read("sample", TOWN).query("wave == 2")
    if what == "file":
        folder = store.root / "invitations"
        folder.mkdir()
        (folder / f"{TOWN}__external__wave2.csv").write_text("token\n", encoding="utf-8")
    else:
        event = people[["institution_id", "person_id", "source"]].head(1)
        store.write("events", TOWN, event.assign(event="sent", at=pd.Timestamp("2024-09-03"), channel="email"))
    with pytest.raises(SamplingError, match="may have been invited"):
        undo(roomy, store)
    assert len(log_of(store, TOWN)) == 1


def test_an_undo_that_names_another_activation_is_found(store: Store, roomy: RoundSetup) -> None:
    draw_announced(roomy, store, TOWN, SECRET)
    activate(roomy, store)
    undo(roomy, store)
    record = store.read_record(LOG, TOWN)
    record["releases"][1]["undoes"] = 7
    store.write_record(LOG, TOWN, record)
    assert any("names another number" in what for what in differences(roomy, store)["external"])


def test_a_dry_run_says_what_the_draw_then_does(store: Store, roomy: RoundSetup) -> None:
    planned = planned_table(roomy, store, TOWN)
    assert not store.has("sample", TOWN)
    assert store.read_record("draw", TOWN) is None
    pd.testing.assert_frame_equal(planned, draw_table([draw_announced(roomy, store, TOWN, SECRET)]))
