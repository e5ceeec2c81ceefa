"""Pages for analysts: no count of few people, nor one that follows from others; foreign names are escaped."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pandas as pd

from spi_analysis.reporting.analyst.fieldwork_progress import unit_table
from spi_analysis.reporting.analyst.nonresponse_weighting import (
    balance_table,
    merged_table,
    recipe_table,
    response_chart,
    shown_balance,
)
from spi_analysis.reporting.analyst.score_analysis import item_nonresponse_table, shown_gaps
from spi_analysis.reporting.translations import languages
from spi_analysis.stages.weight import WeightedSample
from spi_analysis.survey.weighting import Merged
from tests.stages.town import with_steps

SCRIPT = "<script>alert(1)</script>"
# People invited and answers, by unit: the smallest has too few answers, and one more must go with it.
UNITS = {"Dinas Satu": (60, 40), "Dinas Dua": (40, 20), "Dinas Tiga": (30, 12), "Dinas Empat": (20, 3)}


def weighted_sample(units: dict[str, tuple[int, int]] = UNITS) -> WeightedSample:
    rows = [
        {"person_id": f"{unit}-{i}", "unit": unit, "disposition": "I" if i < answers else "NC"}
        for unit, (invited, answers) in units.items()
        for i in range(invited)
    ]
    sample = pd.DataFrame(rows).assign(
        source="external", institution_id="kota-x", sex="female", age_group="30-39", base_weight=2.0
    )
    weights = sample.assign(weight=2.0 * (sample["disposition"] == "I")).drop(columns=["unit", "sex", "age_group"])
    report = pd.DataFrame(
        {"column": ["cal_weight"], "source": ["external"], "merged": [[Merged("unit", ("Dinas Tiga", "Dinas Empat"))]]}
    )
    return WeightedSample(weights, pd.DataFrame(), report, sample)


def frame_of(weighted: WeightedSample) -> pd.DataFrame:
    return weighted.sample.assign(is_eligible=True, stream="list")


def pages(shown) -> str:
    return "\n".join(map(shown.to_html, languages()))


def test_the_balance_shows_no_share_of_few_respondents(setup):
    weighted = weighted_sample()
    shown = shown_balance(weighted, frame_of(weighted), setup.round, "external")
    assert set(shown.loc[shown["variable"] == "unit", "level"]) == {"Dinas Satu", "Dinas Dua"}, (
        "3 answers are too few, and 12 go with them: 75 answers in all less the others would give the 3"
    )
    page = pages(balance_table(weighted, frame_of(weighted), setup.round, "external"))
    assert "Dinas Empat" not in page
    assert "Dinas Dua" in page
    assert "kurang dari 10 jawaban" in page


def test_which_levels_were_merged_is_not_told():
    page = pages(merged_table(weighted_sample()))
    assert "Dinas" not in page
    assert re.findall(r"<td[^>]*>(\d+)</td>", page)[:2] == ["2", "1"], "two levels became one group"


def test_levels_that_two_steps_merge_are_counted_once():
    """The same two in another order, then a third one with them: three levels in one group, and two of another."""
    weighted = weighted_sample()
    merged = [
        Merged("unit", ("Dinas Tiga", "Dinas Empat")),
        Merged("unit", ("Dinas Empat", "Dinas Tiga")),
        Merged("unit", ("Dinas Dua", "Dinas Empat", "Dinas Tiga")),
        Merged("sex", ("male", "unknown")),
    ]
    weighted.report.at[0, "merged"] = merged
    assert re.findall(r"<td[^>]*>(\d+)</td>", pages(merged_table(weighted)))[:4] == ["3", "1", "2", "1"]


def test_the_recipe_is_told_as_the_round_says_it(setup):
    rows = recipe_table(setup.round).data.set_index(["source", "column"])
    for source, params in setup.round.sources.items():
        if source not in setup.round.populations:
            assert source not in rows.index, "pages of fieldwork have no number of the panel"
            continue
        for one in params.weighting.steps:
            given = one.given
            row = rows.loc[(source, given.get("column") or one.made.column)]
            if "min_respondents" in given:
                assert row["least"] == given["min_respondents"], one.step
            assert row["k"] == given["k"] if "k" in given else pd.isna(row["k"]), one.step
            asked = given.get("by") or given.get("margins") or []
            assert row["groups"].split(",") == list(asked) if asked else row["groups"] == "", one.step
            assert row["rates"] == given.get("rates", "observed"), one.step
    page = pages(recipe_table(setup.round))
    assert "Position class" in page
    assert "Kelompok jabatan" in page


def test_the_recipe_says_where_rates_are_drawn_together(setup):
    """Else a reader would take the least answers for those below which a group is merged."""

    def page(rates: str) -> str:
        classes = {"step": "weighting_classes", "by": ["unit"], "min_respondents": 5, "rates": rates}
        round_ = setup.round
        for source in round_.populations:
            round_ = with_steps(round_, classes, {"step": "drop_ineligible"}, source=source)
        return pages(recipe_table(round_))

    assert "drawn towards that of all" not in page("observed")
    assert page("shrunken").count("drawn towards that of all") > 1, "in the row, and what it means"
    assert "ditarik ke arah tingkat respons semua orang" in page("shrunken")


GAPS = pd.DataFrame(
    [
        ["all_kinds", 100, 60, 0.12, 0.13, 0.15],
        ["one_refusal", 100, 79, 0.20, 0.01, 0.00],
        ["few", 100, 95, 0.05, 0.00, 0.00],
        ["panel", 14, 13, 0.00, 1 / 14, 0.00],
    ],
    columns=["item", "respondents", "n", "dont_know", "refused", "left_empty"],
)


def test_missing_answers_of_every_item_that_enough_people_answered(setup):
    """n of a dimension beside that of its source gives the missing answers anyway; an item nobody lacks is left out."""
    full = pd.DataFrame([["full", 100, 100, 0, 0, 0], ["hidden", 14, 9, 5 / 14, 0, 0]], columns=GAPS.columns)
    gaps = pd.concat([GAPS, full], ignore_index=True)
    assert list(shown_gaps(gaps, 10)["item"]) == ["all_kinds", "one_refusal", "panel", "few"], "40, 21, 7 and 5 %"
    assert shown_gaps(gaps, 10).set_index("item").loc["one_refusal", "refused"] == 0.01


def test_the_page_of_missing_answers_where_there_are_none(setup):
    full = GAPS.iloc[:1].assign(n=100)
    page = pages(item_nonresponse_table(SimpleNamespace(item_nonresponse=full), setup.instrument, setup.round))
    assert "No item lacks an answer" in page


def test_a_unit_named_like_a_script_is_text(setup):
    units = {SCRIPT: (60, 40), "Dinas & <b>Dua</b>": (40, 20)}
    weighted = weighted_sample(units)
    made = [
        balance_table(weighted, frame_of(weighted), setup.round, "external"),
        response_chart(weighted.sample, setup.round, "external", "unit"),
        unit_table(weighted.sample, pd.DataFrame(columns=["source", "person_id", "event"]), setup.round),
    ]
    for shown in made:
        page = pages(shown)
        assert "<script" not in page
        assert "<b>Dua" not in page
        assert "alert(1)" in page, "the name is there, as text"
