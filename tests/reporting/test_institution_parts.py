"""Newer parts of the page: contributions of the change, priority areas, the tracker; words, figures and CSV agree."""

from __future__ import annotations

import html
import re
import struct
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.operations.publication import all_problems
from spi_analysis.reporting.exporter import with_findings
from spi_analysis.reporting.institution import (
    bridge_view,
    changes_view,
    course_view,
    first_screen_view,
    glossary_view,
    interventions_view,
    opening,
    priority_areas_view,
    quality_view,
    questions_views,
    recommendations_view,
    save_card,
    save_tables,
    tracker_view,
    units_view,
    who_answered_view,
)
from spi_analysis.reporting.institution.bridge import change_rows, chart_limits
from spi_analysis.reporting.institution.first_screen import _card
from spi_analysis.reporting.wording import words
from spi_analysis.stages.change import PublishedFigure
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.stages.score import Scored
from spi_analysis.tables import mask
from tests.reporting.conftest import page_of
from tests.reporting.test_institution import _rows
from tests.stages.conftest import Round

PARTS = {"internal": 70.0, "external": 80.0, "expert": 60.0, "correction_conduct": 4.0, "correction_facts": 0.0}
WHY = "two islands were cut off"
W2023 = {"internal": 0.3046, "external": 0.3279, "expert": 0.3675}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, drawn: Round) -> InstitutionPage:
    scored = drawn.score(previous=PublishedFigure(2023, 65.0, PARTS, W2023))
    return page_of(tmp_path_factory.mktemp("compared"), drawn, drawn.weighted, scored, synthetic=False)


@pytest.mark.parametrize("language", ["id", "en"])
def test_contributions_on_the_page_are_those_of_the_table(compared: InstitutionPage, language: str) -> None:
    html, say = bridge_view(compared).to_html(language), words(language)
    of_change = compared.figures["measure"].str.startswith("change_")
    contributions = compared.figures[of_change & (compared.figures["measure"] != "change_probability")]
    values = [*contributions["estimate"], compared.figure("index_change")["estimate"]]
    assert [row[1] for row in _rows(html)] == [say.signed(value) for value in values]
    assert "<svg" in html


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory, drawn: Round, scored: Scored) -> InstitutionPage:
    """The year before: every dimension as now but the first, which was 30 points higher; every SE 1."""
    now = scored.estimates[scored.estimates["measure"].isin(["dimension_score", "item_favourable"])]
    last = now[now["status"] == "shown"].assign(reference_year=2023, se=1.0)
    last["estimate"] += 30.0 * (last["part"] == "budget")
    return page_of(tmp_path_factory.mktemp("changed"), drawn, drawn.weighted, drawn.score(last=last), synthetic=False)


def test_what_rose_fell_and_stayed(changed: InstitutionPage) -> None:
    rows, html = change_rows(changed), changes_view(changed).to_html("en")
    assert rows["direction"].value_counts().to_dict() == {"down": 1, "no_clear_change": len(rows) - 1}
    assert f"None rose clearly and 1 fell clearly since 2023, of {len(rows)} dimensions and questions" in html
    first = _rows(html)[0]
    assert (first[0], first[2], first[5]) == ("Budget management (Internal)", "−30.0", "fall")
    assert len(_rows(html)) == (rows["measure"] == "dimension_change").sum()


def test_changes_that_are_not_known_are_not_announced(page: InstitutionPage) -> None:
    html = changes_view(page).to_html("id")
    assert html == '<p class="not-yet">Belum ada: dimensi dan pertanyaan tahun sebelumnya tidak diketahui.</p>'
    assert change_rows(page).empty


def test_a_statement_that_is_bad_to_agree_with_says_what_is_good(changed: InstitutionPage) -> None:
    """Of 89 % that a page calls favourable nobody shall think that they agree; no full stop inside a sentence."""
    tables = questions_views(changed).to_html("en"), changes_view(changed).to_html("en").partition("</table>")[2]
    of_table, of_changes = ({row[0] for row in _rows(html)} for html in tables)
    bad = "Posts in this institution are obtained by giving money or gifts"
    good = "Promotion in this institution rests on ability and performance"
    assert f"{bad} (favourable: never, very rarely)" in of_table
    assert f"{bad} (Internal; favourable: never, very rarely)" in of_changes
    assert {good} <= of_table
    assert {f"{good} (Internal)"} <= of_changes


def test_what_was_decided_has_no_interval_and_is_not_called_unclear(compared: InstitutionPage) -> None:
    rows = {row[0]: row for row in _rows(bridge_view(compared).to_html("en"))}
    decided = rows["Correction: survey conduct"]
    assert (decided[2], decided[4]) == ("–", "decided")
    assert rows["Internal"][2] != "–"


def test_new_weights_that_move_nothing_are_not_told(compared: InstitutionPage) -> None:
    weights = compared.figures["measure"] == "change_weights"
    assert weights.sum() == 1
    least = compared.figures.copy()
    least.loc[weights, ["estimate", "ci_low", "ci_high"]] = [0.001, -0.004, 0.004]
    named = "Change of weights"
    assert named in bridge_view(compared).to_html("en")
    assert named not in bridge_view(replace(compared, figures=least)).to_html("en")


SECTION = '<section><summary><h2 id="a">Dimensions</h2></summary><p>Lowest first.</p>{}</section>'


def test_a_title_says_what_its_section_found() -> None:
    found = SECTION.format('<p class="finding"><strong>Budget is lowest.</strong></p><p>More.</p>')
    made = with_findings(found + SECTION.format("<p>More.</p>"))
    assert '<h2 id="a">Dimensions<span class="finding">: Budget is lowest.</span></h2></summary><p>Lowest' in made
    assert "<strong>" not in made, "said once"
    assert made.endswith(SECTION.format("<p>More.</p>")), "a section without a finding keeps its title"
    asked = with_findings(found.replace("Dimensions", "Did it help?"))
    assert 'Did it help?<span class="finding"> Budget is lowest.</span></h2>' in asked, "a question has its answer"


def test_what_is_not_known_leaves_no_lead_in() -> None:
    made = with_findings(SECTION.format('<p class="not-yet">Not yet.</p>'))
    assert made == SECTION.replace("<p>Lowest first.</p>", "").format('<p class="not-yet">Not yet.</p>')


def test_how_the_survey_went_says_bands_and_nothing_of_secret_work(page: InstitutionPage) -> None:
    rows = [("answered", "internal", "1", 20.0), ("answered", "internal", "4", float("nan"))]
    told = replace(page, course=pd.DataFrame(rows, columns=["kind", "source", "detail", "number"]))
    html = course_view(told).to_html("en")
    assert [row[0] for row in _rows(html)] == ["Answered after the invitation", "Answered after 4 messages or more"]
    assert [row[2] for row in _rows(html)] == ["20", "–"]
    assert "stands in no report: such a sign is a question" in html
    secret_inputs = page.inputs.model_copy(update={"release": "withheld", "withheld_reason": "secrecy"})
    assert "table" not in course_view(replace(told, inputs=secret_inputs)).to_html("en")
    assert 'class="not-yet"' in course_view(replace(page, course=told.course.iloc[:0])).to_html("id")


def test_axis_of_the_contributions_holds_them_all() -> None:
    contributions = pd.DataFrame({"ci_low": [-3.7, 0.2], "ci_high": [1.2, 0.2]})
    low, high = chart_limits(contributions)
    assert low < -3.7
    assert high > 1.2
    assert chart_limits(pd.DataFrame({"ci_low": [0.0], "ci_high": [0.0]})) == (-1, 1)


def test_without_parts_of_the_year_before_it_says_so(page: InstitutionPage) -> None:
    assert "not known" in bridge_view(page).to_html("en")


def test_hidden_index_has_no_contributions(page_without_index: InstitutionPage) -> None:
    html = bridge_view(page_without_index).to_html("en")
    assert "<svg" not in html
    assert "is not shown: there are no answers, or too few, of Experts" in html
    assert "not known" not in html, "what is hidden is known"


VIEWS = [opening, bridge_view, priority_areas_view, recommendations_view]


@pytest.fixture(scope="module")
def secret(page: InstitutionPage) -> InstitutionPage:
    """The town's page as it is read once the result is withheld, since the institution's work is secret."""
    inputs = page.inputs.model_copy(update={"release": "withheld", "withheld_reason": "secrecy"})
    figures = mask(page.figures, pd.Series(True, index=page.figures.index), "withheld")
    counts = page.who.columns.drop(["source", "least"])
    who = page.who.assign(**dict.fromkeys(counts, float("nan")))
    return replace(
        page, inputs=inputs, figures=figures, who=who, category=None, recommendations=page.recommendations.iloc[:0]
    )


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("language", ["id", "en"])
def test_what_is_withheld_is_not_explained_by_something_else(secret: InstitutionPage, view, language: str) -> None:
    html = view(secret).to_html(language)
    reason = {"en": "work is secret", "id": "pekerjaan instansi bersifat rahasia"}[language]
    assert html.count(reason) == 1
    for denied in ("enough answers", "not known", "No rule is met"):
        assert denied not in html
        assert words("id")(denied) not in html


def test_shown_parts_are_not_taken_for_hidden(page_without_index: InstitutionPage) -> None:
    """Without an index employees and users still have scores: these views have something to say."""
    assert "<table" in priority_areas_view(page_without_index).to_html("en")
    assert "Look first at" in opening(page_without_index).to_html("en")


def test_the_opening_names_first_what_the_section_names_first(page: InstitutionPage) -> None:
    """Random answers: dimensions of about 50 lie clearly below 73. A unit may be clearer still."""
    rows = page.priority_areas
    first = next(rows.itertuples())
    assert first.is_clear
    top = _rows(priority_areas_view(page).to_html("en"))[0]
    assert f"Look first at {top[0]}: with {top[2]} it lies" in opening(page).to_html("en")
    unit = (page.figures["measure"] == "unit_difference") & (page.figures["domain"] == "Dinas Satu")
    clearer = {"estimate": -40.0, "se": 0.01, "ci_low": -40.1, "ci_high": -39.9}
    other = replace(page, figures=page.figures.copy())
    other.figures.loc[unit, list(clearer)] = list(clearer.values())
    assert _rows(priority_areas_view(other).to_html("en"))[0][0].startswith("Dinas Satu")
    assert "Look first at Dinas Satu" in opening(other).to_html("en")


def test_where_nothing_is_weak_the_opening_sends_nobody_anywhere(page: InstitutionPage) -> None:
    fine = replace(page, figures=page.figures.copy())
    scores = fine.figures["measure"].isin(["source_score", "dimension_score"])
    fine.figures.loc[scores, ["estimate", "ci_low", "ci_high"]] += 40
    fine.figures.loc[fine.figures["measure"].str.endswith("_difference"), "estimate"] = 0.0
    said = opening(fine).to_html("en")
    assert "Look first" not in said
    assert "No part is weak on enough evidence. Of the 11 dimensions" in said


def test_of_secret_work_no_count_is_shown(secret: InstitutionPage, tmp_path: Path) -> None:
    for view in (who_answered_view, quality_view, interventions_view):
        html = view(secret).to_html("en")
        assert "work is secret" in html
        assert "<td" not in html
    save_tables(secret, tmp_path)
    for name in ("who_answered", "quality", "interventions"):
        table = pd.read_csv(tmp_path / f"{name}.csv").drop(columns="source")
        assert table.isna().all(axis=None)


def test_the_register_says_zero_hides_few_and_names_both_values_of_a_parameter(page: InstitutionPage) -> None:
    no_plan = _rows(interventions_view(page).to_html("en"))
    assert ["No analysis plan was bound before the first answer", "", "1"] in no_plan, "the town was announced without"
    assert ["Draw made again", "", "0"] in no_plan
    known = page.interventions[page.interventions["kind"] != "no_plan"]
    rows = [
        {"kind": "excluded", "source": "internal", "detail": "ineligible_tenure", "number": float("nan")},
        {"kind": "dropped", "number": 20.0},
        {
            "kind": "parameter",
            "number": 1.0,
            "detail": "fieldwork.end",
            "before": "2024-10-20",
            "after": "x" * 99,
            "on": "2024-09-02",
        },
        {"kind": "parameter", "number": 1.0, "detail": "level", "before": "", "after": "0.9", "reason": WHY},
        {"kind": "parameter", "number": 1.0, "detail": "code", "before": "a", "after": "b"},
    ]
    register = pd.concat([known, pd.DataFrame(rows)], ignore_index=True).astype(object)
    register = register.where(register.notna(), None).assign(number=register["number"].astype(float))
    said = _rows(interventions_view(replace(page, interventions=register)).to_html("id"))
    values = f"dari 2024-10-20 menjadi {'x' * 59}…"
    assert said[-5:] == [
        ["Dikeluarkan sebelum pengundian: masa kerja di instansi belum cukup", "Internal (pegawai)", "–", "", ""],
        ["Jawaban orang yang dilaporkan tidak memenuhi syarat, yang tidak dihitung", "", "20", "", ""],
        ["Berubah: fieldwork.end", "", "1", f"{values}, ditemukan 2 September 2024", "tidak ditulis"],
        ["Berubah: level", "", "1", "dari – menjadi 0.9", WHY],
        ["Berubah: code", "", "1", "dari a menjadi b", ""],
    ]


def test_the_register_says_why_in_the_words_of_who_did_it(page: InstitutionPage) -> None:
    again = page.interventions["kind"] == "announced_again"
    why = page.interventions["reason"].mask(again, "a list came late")
    register = page.interventions.assign(number=page.interventions["number"].mask(again, 1.0), reason=why)
    view = interventions_view(replace(page, interventions=register))
    assert ["Draw announced again", "", "1", "a list came late"] in _rows(view.to_html("en"))
    assert "Alasan" in view.to_html("id")
    assert "Reason" not in interventions_view(page).to_html("en"), "nobody gave one"


def test_evidence_is_not_called_clear(page: InstitutionPage) -> None:
    """Clear is a change whose two-sided interval excludes zero; priority areas are judged otherwise."""
    assert {row[-1] for row in _rows(priority_areas_view(page).to_html("id"))} <= {"cukup", "belum cukup"}
    assert not {"jelas", "belum jelas"} & {row[-1] for row in _rows(priority_areas_view(page).to_html("id"))}


def test_the_glossary_has_the_round_s_thresholds(page: InstitutionPage) -> None:
    assert "Rentan di bawah 73, Waspada 73 sampai di bawah 78, Terjaga 78 ke atas;" in glossary_view(page).to_html("id")
    levels = [level.model_copy() for level in page.setup.round.categories.levels]
    levels[0] = levels[0].model_copy(update={"below": 70.0})
    categories = page.setup.round.categories.model_copy(update={"levels": levels})
    round_ = page.setup.round.model_copy(update={"categories": categories})
    other = replace(page, setup=replace(page.setup, round=round_))
    assert "Vulnerable below 70, Watchful from 70 to below 78, Guarded from 78 on;" in glossary_view(other).to_html(
        "en"
    )


def test_weak_sides_come_with_their_number_of_comparisons(page: InstitutionPage) -> None:
    html = priority_areas_view(page).to_html("en")
    shown = page.figures["status"] == "shown"
    compared_with = ["source_score", "dimension_score", "unit_difference", "class_difference"]
    k = int((shown & page.figures["measure"].isin(compared_with) & (page.figures["se"] > 0)).sum())
    k -= 1  # The experts' one dimension is their score.
    assert f"Of {k} parts compared" in html
    assert len(_rows(html)) <= page.setup.round.weak_sides.max_shown
    assert all(row[3].startswith("−") for row in _rows(html)), "only parts below what they are compared with"


def test_a_list_that_is_cut_says_how_long_it_is(page: InstitutionPage) -> None:
    def shown(most: int) -> str:
        rules = page.setup.round.weak_sides.model_copy(update={"max_shown": most})
        setup = replace(page.setup, round=page.setup.round.model_copy(update={"weak_sides": rules}))
        return priority_areas_view(replace(page, setup=setup)).to_html("en")

    n = len(_rows(shown(1000)))
    assert n > 1
    assert "with the strongest evidence, of" not in shown(n)
    assert len(_rows(shown(n - 1))) == n - 1
    assert f"Shown are the {n - 1} parts with the strongest evidence, of {n} below" in shown(n - 1)


def test_units_have_the_model_beside_them_where_there_is_one(page: InstitutionPage) -> None:
    assert page.rows("unit_score_model").empty, "the town has four units, too few"
    assert "Model-based" not in units_view(page, "internal").to_html("en")
    direct = page.rows("unit_score", source="internal")
    model = direct.assign(measure="unit_score_model", estimate=50.0, ci_low=45.0, ci_high=55.0)
    richer = replace(page, figures=pd.concat([page.figures, model], ignore_index=True))
    rows = _rows(units_view(richer, "internal").to_html("en"))
    assert all(row[-2:] == ["50.0", "45.0 to 55.0"] for row in rows)
    assert "readiness to answer" in units_view(richer, "internal").to_html("en"), "it says which model it is"
    assert "Charts and comparisons use the first score" in units_view(richer, "internal").to_html("en")


def test_units_without_a_model_say_why(page: InstitutionPage) -> None:
    few = page.setup.round.small_area.model_copy(update={"min_units": 2, "model": "areas"})
    alike = replace(page, setup=replace(page.setup, round=page.setup.round.model_copy(update={"small_area": few})))
    said = "differ no more than chance"
    assert said in units_view(alike, "internal").to_html("en"), "units enough, and no model: no spread"
    assert said not in units_view(page, "internal").to_html("en"), "too few units say nothing"


TRACKED = pd.DataFrame(
    [
        ("kota-mojokerto", 2023, "budget_controls", "in_progress", 3, 4, 2.0, 1.0, 25.0),
        ("kota-mojokerto", 2023, "Perbaiki <parkir>", "done", 2, 2, 2.0, 2.0, 100.0),
    ],
    columns=[
        "institution_id",
        "year",
        "recommendation",
        "status",
        "done",
        "total",
        "conforming",
        "validated",
        "tlp",
    ],
)


def test_tracker_says_what_became_of_recommendations(page: InstitutionPage) -> None:
    assert "not known here" in tracker_view(page).to_html("en")
    html = tracker_view(replace(page, tracker=TRACKED)).to_html("en")
    assert "Reported as done: 1 of the 2 recommendations of 2023, and 5 of all their 6 actions." in html
    assert "4 of these conform, 3 of them validated by KPK; of all actions 50.0% are followed up." in html
    assert "Put receipts and fees in order" in html, "a code of the rules gets their words"
    assert "Perbaiki &lt;parkir&gt;" in html
    assert [row[3:] for row in _rows(html)] == [
        ["3 of 4", "2", "1", "25.0%"],
        ["2 of 2", "2", "2", "100.0%"],
    ]


def test_the_opening_tells_the_chances_of_all_categories(page: InstitutionPage) -> None:
    said = opening(page).to_html("en")
    rows = page.rows("category_probability").set_index("part")["estimate"]
    assert len(rows) == 3
    names = {level.code: level.label.en for level in page.categories.levels}
    others = [f"{names[code]} {words('en').chance(rows[code])}" for code in names if code != page.category]
    assert f"Chances of the other categories: {'; '.join(others)}." in html.unescape(said)
    unknown = page.figures["measure"] == "category_probability"
    assert "other categories" not in opening(replace(page, figures=page.figures[~unknown])).to_html("en")


def test_a_year_in_which_nothing_was_done_is_one_sentence(page: InstitutionPage) -> None:
    nothing = TRACKED.assign(status="not_started", done=0, conforming=0.0, validated=0.0, tlp=0.0)
    html = tracker_view(replace(page, tracker=nothing)).to_html("en")
    assert "<p>Of 2 recommendations of 2023 none of the 6 actions is reported as done.</p>" in html
    assert "0 of these actions" not in html


def test_actions_that_nobody_validated_make_no_follow_up_rate(page: InstitutionPage) -> None:
    reported = TRACKED.assign(conforming=float("nan"), validated=float("nan"), tlp=float("nan"))
    html = tracker_view(replace(page, tracker=reported)).to_html("en")
    assert "Reported as done: 1 of the 2 recommendations of 2023, and 5 of all their 6 actions." in html
    assert "so there is no follow-up rate" in html
    assert [row[3:] for row in _rows(html)] == [["3 of 4", "–", "–", "–"], ["2 of 2", "–", "–", "–"]]


def test_every_table_has_its_csv(compared: InstitutionPage, tmp_path: Path) -> None:
    names = save_tables(replace(compared, tracker=TRACKED), tmp_path)
    assert {"change_parts.csv", "change_dimensions.csv", "weak_sides.csv", "tracker.csv"} <= set(names)
    contributions = pd.read_csv(tmp_path / "change_parts.csv")
    assert contributions.loc[contributions["measure"] != "index_change", "estimate"].sum() == pytest.approx(
        contributions.loc[contributions["measure"] == "index_change", "estimate"].iloc[0]
    )


def test_the_card_of_a_link_is_a_picture_of_the_index_and_the_same_every_time(
    page: InstitutionPage, page_without_index: InstitutionPage, tmp_path: Path
) -> None:
    """1200 by 630 points, as messengers show it; a page without an index has a card of its own."""
    first, second = ([path.read_bytes() for path in save_card(page, tmp_path / name)] for name in "ab")
    assert first == second
    assert [path.name for path in save_card(page_without_index, tmp_path / "c")] == ["card.id.png", "card.en.png"]
    assert (tmp_path / "c" / "card.id.png").read_bytes() != first[0]
    for content in first:
        assert struct.unpack(">II", content[16:24]) == (1200, 630)
        assert all_problems([("card.png", content)]) == []
    index, say = page.figure("index"), words("en")
    assert index is not None
    said = {text.get_text() for text in _card(page, say).texts}
    assert say.give_or_take(*(float(index[name]) for name in ("estimate", "ci_low", "ci_high"))) in said
    shown = set(re.findall(r"\d+(?:\.\d+)?", " ".join(said)))
    on_page = set(re.findall(r"\d+(?:\.\d+)?", first_screen_view(page).to_html("en")))
    assert shown - on_page - {"100", str(page.setup.round.year)} == set(), "it says no other figure than the page"
    assert all_problems([("card.png", b"no picture")]), "what is no PNG does not leave the house"
    assert all_problems([("card.png", first[0].replace(b"pHYs", b"tEXt"))]), "nor does one with words in it"
