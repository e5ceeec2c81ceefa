"""Notebook 10's tables: nothing on few people, census institutions too, nothing before the draw."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.reporting.analyst import list_quality as lists
from spi_analysis.reporting.analyst import sampling_design as view
from spi_analysis.stages.audit import FrameAudit, audit_frame
from spi_analysis.tables.round_data import RoundData
from spi_analysis.tables.store import Store
from tests.stages.test_reserves import with_design
from tests.stages.town import SECRET, TOWN, draw_announced


@pytest.fixture
def data(tmp_path, town, setup):
    store = Store(tmp_path / "spi_2024")
    store.write("frame", TOWN, town.frame)
    return RoundData(with_design(setup, margin=0.12), store, setup.roster[TOWN])


def cells(shown, language="en"):
    """Cells by heading, row by row."""
    html = shown.to_html(language)
    rows = re.findall(r"(?s)<tr.*?</tr>", html)[1:]
    return [re.findall(r">([^<>]*)</t[dh]>", row) for row in rows]


def test_census_sources_have_no_allocations_to_compare(data, setup):
    tight = replace(data, setup=with_design(setup, margin=0.01, response_rate=0.05))
    plans = view.source_plans(tight)
    assert plans["internal"].size.census
    shown = view.allocation_table(plans, tight.round)
    assert "<table" not in shown.to_html("en")
    assert "Everyone is invited" in shown.to_html("en")
    for part in (
        view.plan_table(plans, tight.round),
        view.strata_table(plans, tight.round),
        view.size_chart(plans, tight.round),
    ):
        assert "nan" not in re.sub(r"<[^>]*>", " ", part.to_html("en"))


def test_a_margin_out_of_reach_is_said_under_the_plan(data, setup):
    tight = replace(data, setup=with_design(setup, margin=0.01, response_rate=0.05))
    assert "the margin aimed for is not reached: Internal; External" in cells_text(tight)
    assert "too few for the margin" not in cells_text(replace(data, setup=with_design(setup, margin=0.2)))


def test_margins_are_said_in_points_of_the_score_and_for_half_the_answers(data):
    """By the textbook: 1.96 root(deff p (1 - p) / n (1 - n/N)); a score with a standard deviation of 15 has 15/50."""
    plans = view.source_plans(data)
    table = view.margins_table(plans, data.round).data.set_index("source")
    assert set(table.index) == {"internal", "external"}, "a panel is not planned for"
    for source, row in table.iterrows():
        design, people = data.round.sources[source].design, plans[source].population
        n = plans[source].strata["completes"].sum()
        for answers, share, score in ((n, "share", "score"), (n / 2, "share_half", "score_half")):
            spread = design.deff * 0.25 / answers * (people - answers) / (people - 1)
            assert row[share] == pytest.approx(196 * spread**0.5, abs=0.051)
            assert row[score] == pytest.approx(196 * spread**0.5 * 0.3, abs=0.051)
    html = view.margins_table(plans, data.round).to_html("id")
    assert "simpangan baku sekitar 15 poin" in html


def cells_text(data):
    return view.plan_table(view.source_plans(data), data.round).to_html("en")


def test_allocations_are_compared_at_the_same_number_of_invitations(data):
    plans = view.source_plans(data)
    rows = cells(view.allocation_table(plans, data.round))
    assert len(rows) == 8, "four ways for each of two sources"
    assert sum("✓" in row[0] for row in rows) == 2
    assert len({row[2] for row in rows if row[1] == "Internal"}) == 1


BETHEL = {
    "method": "bethel",
    "targets": [{"variable": "share", "cv": 0.1}, {"domain": "unit", "variable": "share", "cv": 0.2}],
}


def test_targets_are_shown_with_what_they_bought(data, setup):
    """20 people of the smallest unit at 90 %: 1/m - 1/20 may be 0.04, m is 12, of 14 invited; shares alone miss it."""
    bought = replace(data, setup=with_design(setup, allocation=BETHEL, strata=["unit"], eligibility_rate=1.0))
    plans = view.source_plans(bought)
    shown = view.targets_table(plans, bought.round)
    rows = {(row[0], row[1]): row[2:] for row in cells(shown)}
    unit = rows["Kecamatan: share", "Internal"]
    assert unit[0] == "20.0%"
    assert float(unit[1].rstrip("%")) <= 20 < float(unit[2].rstrip("%"))
    assert ("All people: share", "External") in rows
    assert "would be needed" in shown.to_html("en")
    compared = cells(view.allocation_table(plans, bought.round))
    assert sum("Bethel" in row[0] and "✓" in row[0] for row in compared) == 2
    assert "Even with everyone invited" not in view.plan_table(plans, bought.round).to_html("en")


def test_without_targets_nothing_was_bought(data):
    assert "allocation: bethel" in view.targets_table(view.source_plans(data), data.round).to_html("en")


def test_two_stages_have_nothing_to_share_out(data, setup):
    stages = {"unit": "unit", "units": 3, "people": 12}
    two = replace(data, setup=with_design(setup, method="two_stage", two_stage=stages))
    shown = view.allocation_table(view.source_plans(two), two.round)
    assert "Units are drawn first" in shown.to_html("en")


def test_the_record_says_what_was_invited_and_what_is_in_reserve(data):
    assert "Nothing has been drawn yet" in view.record_table(data).to_html("en")
    draw_announced(data.setup, data.store, TOWN, SECRET)
    sample = data.store.read("sample", TOWN)
    rows = {row[0]: row for row in cells(view.record_table(data))}
    assert list(rows) == ["Internal", "External", "Experts"]
    assert rows["External"][4] == str((sample["source"] == "external").sum())
    assert int(rows["External"][3]) == int(rows["External"][4]) + int(rows["External"][5])


def test_tasks_of_few_people_carry_no_number(data):
    rows = [{"code": "no_contact", "row": i} for i in range(7)]
    data.store.write_record("frame_imports", TOWN, {"internal": {"counts": [], "problems": rows}})
    audit = audit_frame(data.setup, data.store, TOWN)
    shown = cells(lists.tasks_table(audit, data.round))
    assert [row[-1] for row in shown if row[0].startswith("No usable")] == ["fewer than 10"]
    assert not any(re.fullmatch("[1-9]", cell) for row in shown for cell in row)


def test_units_named_like_a_script_are_text(data, town):
    frame = town.frame.assign(unit=town.frame["unit"].replace("Puskesmas", "<script>alert(1)</script>"))
    frame.loc[frame["unit"] == "<script>alert(1)</script>", "channels"] = "email"
    data.store.write("frame", TOWN, frame)
    audit = audit_frame(data.setup, data.store, TOWN)
    for shown in (lists.tasks_table(audit, data.round), lists.units_table(audit, data.round)):
        assert "<script" not in shown.to_html("id")
        assert "alert(1)" in shown.to_html("id"), "the name is there, as text"


def test_a_sound_list_and_no_units_are_said_in_words(data):
    nothing = FrameAudit(*(pd.DataFrame(columns=c) for c in (["source"], ["share", "no_whatsapp", "no_email"], [], [])))
    assert "Nothing has to be put right" in lists.tasks_table(nothing, data.round).to_html("en")
    assert "Tidak ada unit" in lists.units_table(nothing, data.round).to_html("id")
