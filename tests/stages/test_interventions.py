"""The register: what people did beside the method is found by comparing, and few people are never told of."""

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.fieldwork.dispositions import IneligibleReports
from spi_analysis.params import RoundSetup
from spi_analysis.stages.announce import announce_institution
from spi_analysis.stages.announcement_log import announcements, is_signed, log_differences, log_entries
from spi_analysis.stages.draw import draw_institution
from spi_analysis.stages.interventions import (
    _reported,
    _without_few,
    analysis_plan,
    interventions,
    note_changes,
    parameter_changes,
    planned,
)
from spi_analysis.tables.store import Store
from tests.stages.test_announce import MORNING, with_draw
from tests.stages.town import SECRET, TOWN, draw_announced

LATER = dt.datetime(2024, 9, 2, 8, tzinfo=dt.UTC)
NOBODY = IneligibleReports(0, 0, 0)


def with_value(setup: RoundSetup, part: str, **changes: object) -> RoundSetup:
    changed = getattr(setup.round, part).model_copy(update=changes)
    return replace(setup, round=setup.round.model_copy(update={part: changed}))


@pytest.fixture
def announced(store: Store, setup: RoundSetup) -> RoundSetup:
    """Announced on a morning before the value's day, the value filled in later, and drawn."""
    before = with_draw(setup)
    announce_institution(before, store, TOWN, SECRET, MORNING)
    after = with_draw(setup, public_value="7321.07")
    draw_institution(after, store, TOWN, SECRET)
    return after


def counts(table):
    return {row.kind: row.number for row in table.itertuples() if row.source is None}


def test_the_plan_is_bound_with_the_announcement_and_a_value_that_came_later_is_no_change(store, announced):
    (entry,) = announcements(log_entries(store, TOWN))
    assert entry["analysis_plan"] == analysis_plan(announced, TOWN)
    assert is_signed(entry)
    assert entry["analysis_plan"]["disclosure.min_cell"] == "10"
    assert entry["analysis_plan"]["fieldwork.end"] == "2024-10-20"
    assert parameter_changes(announced, store, TOWN).empty
    note_changes(announced, store, TOWN, SECRET, LATER)
    assert [one["kind"] for one in log_entries(store, TOWN)] == ["announced", "drawn"], "nothing to note"


def test_a_parameter_that_changed_is_listed_with_both_values_and_the_day_it_was_found(store, announced):
    longer = with_value(announced, "fieldwork", end=dt.date(2024, 11, 3))
    (found,) = parameter_changes(longer, store, TOWN).to_dict("records")
    assert found == {
        "detail": "fieldwork.end", "before": "2024-10-20", "after": "2024-11-03", "on": None, "reason": None
    }  # fmt: skip
    note_changes(longer, store, TOWN, SECRET, LATER)
    note_changes(longer, store, TOWN, SECRET, LATER + dt.timedelta(1))
    (found,) = parameter_changes(longer, store, TOWN).to_dict("records")
    assert found["on"] == "2024-09-02", "noted once"
    note_changes(announced, store, TOWN, SECRET, LATER + dt.timedelta(2))
    back = parameter_changes(announced, store, TOWN)
    assert back[["before", "after", "on"]].to_numpy().tolist() == [
        ["2024-10-20", "2024-11-03", "2024-09-02"],
        ["2024-11-03", "2024-10-20", "2024-09-04"],
    ], "what was changed back was changed twice"
    assert log_differences(log_entries(store, TOWN), store.read_record("draw", TOWN)) == [], "the chain is whole"


def test_the_source_that_was_written_with_a_new_value_is_its_reason(store, announced):
    """Of the nearest group that has a source: what is said of fieldwork explains its end, and nothing of disclosure."""
    told = {"source": "two islands were cut off for a week", "as_of": dt.date(2024, 9, 1)}
    longer = with_value(announced, "fieldwork", end=dt.date(2024, 11, 3), **told)
    both = with_value(longer, "disclosure", min_cell=12)
    found = parameter_changes(both, store, TOWN).set_index("detail")
    assert found["reason"].to_dict() == {"fieldwork.end": told["source"], "disclosure.min_cell": None}
    note_changes(both, store, TOWN, SECRET, LATER)
    noted = parameter_changes(both, store, TOWN).set_index("detail")
    assert noted["reason"].to_dict() == found["reason"].to_dict()
    table = register(both, store)
    assert table.set_index("detail")["reason"].get("fieldwork.end") == told["source"]
    assert counts(table)["changed"] == 2


def test_another_source_alone_is_a_change_and_that_of_the_whole_file_explains_no_group(store, announced):
    alone = with_value(announced, "fieldwork", source="said anew")
    (found,) = parameter_changes(alone, store, TOWN).to_dict("records")
    assert (found["detail"], found["after"], found["reason"]) == ("fieldwork.source", "said anew", None)
    file = announced.round.model_copy(update={"source": "of the file", "level": 0.9})
    both = with_value(replace(announced, round=file), "fieldwork", end=dt.date(2024, 11, 3), source="said anew")
    found = parameter_changes(both, store, TOWN).set_index("detail")["reason"].to_dict()
    assert found == {"fieldwork.end": "said anew", "level": "of the file"}
    other = with_value(replace(announced, round=file), "fieldwork", end=dt.date(2024, 11, 3))
    assert parameter_changes(other, store, TOWN).set_index("detail")["reason"].to_dict()["fieldwork.end"] is None


def test_of_a_recipe_the_setting_of_the_step_is_told(store, announced):
    """Not two long texts that look alike where they are cut; a recipe with one step more is another one as a whole."""
    weighting = announced.round.sources["internal"].weighting
    at = [one.step for one in weighting.steps].index("trim")
    other = weighting.steps[at].model_copy(update={"k": 2.5})

    def with_recipe(*steps):
        changed = weighting.model_copy(update={"steps": steps, "source": "thinner tails"})
        sources = announced.round.sources | {
            "internal": announced.round.sources["internal"].model_copy(update={"weighting": changed})
        }
        return replace(announced, round=announced.round.model_copy(update={"sources": sources}))

    steps = [other if number == at else one for number, one in enumerate(weighting.steps)]
    (found,) = parameter_changes(with_recipe(*steps), store, TOWN).to_dict("records")
    assert found["detail"] == f"sources.internal.weighting.steps.{at + 1}.k"
    assert (float(found["before"]), found["after"], found["reason"]) == (weighting.steps[at].k, "2.5", "thinner tails")
    (longer,) = parameter_changes(with_recipe(*steps, steps[-1]), store, TOWN).to_dict("records")
    assert longer["detail"] == "sources.internal.weighting.steps"
    title = type(announced.round.title)(id="[{satu}]", en="[{one}]")
    titled = replace(announced, round=announced.round.model_copy(update={"title": title}))
    found = parameter_changes(titled, store, TOWN).set_index("detail")["after"].to_dict()
    assert found == {"title.id": "[{satu}]", "title.en": "[{one}]"}, "a text that begins like a list is a text"


def test_other_code_is_a_change(store, announced, monkeypatch):
    from spi_analysis.stages import interventions as stage

    monkeypatch.setattr(stage, "_code_digest", lambda: "f" * 64)
    (found,) = parameter_changes(announced, store, TOWN).to_dict("records")
    assert (found["detail"], found["after"], found["reason"]) == ("code", "f" * 16, None)


def test_a_plan_is_announced_anew_before_the_draw_and_counted(store, setup):
    first = with_draw(setup)
    announce_institution(first, store, TOWN, SECRET, MORNING)
    longer = with_value(first, "fieldwork", end=dt.date(2024, 11, 3))
    announce_institution(longer, store, TOWN, SECRET, MORNING + dt.timedelta(1), reason="fieldwork is longer")
    announce_institution(longer, store, TOWN, SECRET, MORNING + dt.timedelta(2))
    assert len(announcements(log_entries(store, TOWN))) == 2
    assert planned(log_entries(store, TOWN)) == analysis_plan(longer, TOWN)
    assert parameter_changes(longer, store, TOWN).empty
    row = register(longer, store).set_index("kind").loc["announced_again"]
    assert (row["number"], row["reason"]) == (1, "fieldwork is longer")


def test_a_round_announced_before_there_were_plans_gets_one_until_somebody_answered(store, setup, town):
    draw_announced(setup, store, TOWN, SECRET)
    assert planned(log_entries(store, TOWN)) is None
    assert "no_plan" in set(register(setup, store)["kind"])
    note_changes(setup, store, TOWN, SECRET, LATER)
    assert planned(log_entries(store, TOWN)) == analysis_plan(setup, TOWN)
    assert "no_plan" not in set(register(setup, store)["kind"])


def register(setup, store, reports=NOBODY):
    """The register without estimates: what was released is told by another test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spi_analysis.stages.interventions._released_again", lambda *_: 0)
        return interventions(setup, store, TOWN, reports)


def test_zero_is_said_and_what_is_left_out_before_the_draw_is_counted_by_reason(store, announced):
    table = register(announced, store)
    assert {
        k: counts(table)[k] for k in ("changed", "announced_again", "drawn_again", "released_again")
    } == dict.fromkeys(("changed", "announced_again", "drawn_again", "released_again"), 0)
    (entry,) = announcements(log_entries(store, TOWN))
    excluded = {source: entry["sources"][source]["excluded"] for source in announced.round.probability_sources}
    told = table[table["kind"] == "excluded"]
    for source, reasons in excluded.items():
        total = sum(one["people"] for one in reasons.values())
        said = told.loc[told["source"] == source, "number"]
        assert said.sum() in (0, total), "told in whole, or not at all"
        assert said.isna().any() == (0 < total < 10)
    assert "expert" not in set(told["source"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"a": 3, "b": 50, "c": 70}, {"c": 70, "several": 53}),
        ({"a": 12, "b": 50}, {"a": 12, "b": 50}),
        ({"a": 5, "b": 6, "c": 70}, {"c": 70, "several": 11}),
        ({"a": 3, "b": 12}, {"several": 15}),
        ({"a": 3}, {"a": 3}),
        ({}, {}),
    ],
)
def test_a_small_number_hides_in_a_sum(given, told):
    """Listed less eligible gives their sum, so one hidden number alone would follow."""
    assert _without_few({reason: {"people": n} for reason, n in given.items()}, 10) == told


@pytest.mark.parametrize(
    ("reported", "kept", "dropped", "told"),
    [
        (0, 0, 0, {"kept": None, "dropped": None}),
        (9, 0, 9, {"kept": None, "dropped": None}),
        (40, 3, 17, {"kept": None, "dropped": 10}),
        (40, 19, 10, {"kept": 10, "dropped": 10}),
        (25, 10, 10, {"kept": None, "dropped": None}),
    ],
)
def test_answers_of_the_reported_are_told_in_bands(reported, kept, dropped, told):
    """25 reported, 20 answered: nearly everybody who was reported did, so no number is told."""
    assert {row["kind"]: row["number"] for row in _reported(IneligibleReports(reported, kept, dropped), 10)} == told


def test_figures_that_changed_after_a_release_are_counted_whether_they_were_released_again_or_not(
    store, setup, monkeypatch
):
    from spi_analysis.stages import audit
    from spi_analysis.stages import interventions as stage

    shown = [dict.fromkeys(audit.RELEASE_KEYS) | {"measure": "source_score", "estimate": 70.1, "n": 40}]
    for module in (audit, stage):
        monkeypatch.setattr(module, "released_estimates", lambda *_: None)
    monkeypatch.setattr(audit, "released_figures", lambda *_: shown)
    again = lambda: counts(interventions(setup, store, TOWN, NOBODY))["released_again"]  # noqa: E731
    assert again() == 0, "nothing was released"
    audit.keep_release(setup, store, TOWN)
    audit.keep_release(setup, store, TOWN)
    assert again() == 0, "the same once more"
    shown[0]["n"] = 55
    assert again() == 1
    assert audit.is_changed(setup, store, TOWN)
    audit.keep_release(setup, store, TOWN, "a late file")
    assert again() == 1
    assert not audit.is_changed(setup, store, TOWN)
    row = interventions(setup, store, TOWN, NOBODY).set_index("kind").loc["released_again"]
    assert row["reason"] == "a late file"
    earlier = store.read_record("publications", TOWN)
    store.write_record("publications", TOWN, {"shown": earlier["shown"]})
    assert again() == 0, "a record of before there were releases: what it shows is the first"


def test_a_release_of_before_answers_to_items_counted_is_the_same_release(store, setup, monkeypatch):
    """The first records hold digests of fewer measures: what these show is compared with what they showed."""
    from spi_analysis.stages import audit
    from spi_analysis.stages import interventions as stage

    table = pd.DataFrame({"measure": ["source_score", "item_favourable"], "estimate": [70.1, 55.0], "n": [40.0, 38.0]})
    table = table.reindex(columns=[*audit.RELEASE_KEYS, "estimate", "n"]).assign(status="shown")
    for module in (audit, stage):
        monkeypatch.setattr(module, "released_estimates", lambda *_: table)
    first = audit.released_figures(table, audit.FIRST_MEASURES)
    assert len(first) == 1
    store.write_record("publications", TOWN, {"shown": first, "releases": [audit.release_digest(first)]})
    assert not audit.is_changed(setup, store, TOWN)
    audit.keep_release(setup, store, TOWN)
    assert len(store.read_record("publications", TOWN)["shown"]) == 2
    table.loc[1, "estimate"] = 56.0
    assert audit.is_changed(setup, store, TOWN)
