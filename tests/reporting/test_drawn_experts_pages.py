"""What the pages say where experts are drawn from a list: both readings, who named them, and no one's silence."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.analyst import fieldwork_progress, sampling_design, score_analysis
from spi_analysis.reporting.institution.downloads import page_tables
from spi_analysis.reporting.institution.page_tables import _panel_notes
from spi_analysis.reporting.institution.sentences import invited_sentences, nominator_sentence, panel_sentences
from spi_analysis.reporting.wording import words
from spi_analysis.stages.announce import plan_draws
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.stages.score import Scored
from spi_analysis.tables.contracts import checked
from spi_analysis.tables.round_data import RoundData
from spi_analysis.tables.store import Store
from tests.reporting.conftest import page_of
from tests.reporting.test_national_years import _text
from tests.stages.conftest import Round
from tests.stages.town import SECRET, TOWN, Town, draw_announced

# The city of the demonstration that draws its experts lends the town its rules; the town lists 70 names.
LENDER, NAMES = "kota-tebing-tinggi", 70
KINDS = ("academic", "auditor", "journalist", "ngo", "business")
SAYS, KATA = words("en"), words("id")


@pytest.fixture(scope="module")
def listing(setup: RoundSetup, town: Town) -> Town:
    """The town, with a list of experts: half of the names are the institution's, the other half the commission's."""
    expert = setup.round_for(LENDER).sources["expert"]
    round_ = setup.round.model_copy(update={"sources": setup.round.sources | {"expert": expert}})
    one = town.frame[town.frame["source"] == "expert"].iloc[[0]]
    experts = pd.concat([one] * NAMES, ignore_index=True).assign(
        person_id=[f"expert-{i:03d}" for i in range(NAMES)],
        expert_group=[KINDS[i % len(KINDS)] for i in range(NAMES)],
        nominator=["institution" if i < NAMES / 2 else "commission" for i in range(NAMES)],
    )
    others = town.frame[town.frame["source"] != "expert"].assign(nominator=None)
    frame = checked("frame", pd.concat([others, experts], ignore_index=True))
    return Town(frame, replace(setup, round=round_))


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, listing: Town) -> Round:
    store = Store(tmp_path_factory.mktemp("listed") / "spi_2024")
    store.write("frame", TOWN, listing.frame)
    draw_announced(listing.setup, store, TOWN, SECRET)
    sample = store.read("sample", TOWN)
    made = Round(listing.setup, store.read("frame", TOWN), sample, *listing.fieldwork(sample), None)  # type: ignore[arg-type]
    return replace(made, weighted=made.weight())


@pytest.fixture(scope="module")
def scored_list(listed: Round) -> Scored:
    return listed.score()


@pytest.fixture(scope="module")
def list_page(tmp_path_factory: pytest.TempPathFactory, listed: Round, scored_list: Scored) -> InstitutionPage:
    return page_of(tmp_path_factory.mktemp("page"), listed, listed.weighted, scored_list, synthetic=False)


def test_the_report_says_how_many_names_they_were_drawn_from(list_page: InstitutionPage) -> None:
    assert f"Experts: drawn at random from a list of {NAMES} names." in invited_sentences(list_page, SAYS)
    assert any(f"diundi dari daftar berisi {NAMES} nama" in said for said in invited_sentences(list_page, KATA))
    assert "the interval is for the mean of that list" in " ".join(_panel_notes(list_page, SAYS))


def test_the_report_shows_the_index_read_as_a_panel_too(list_page: InstitutionPage) -> None:
    """The list's own reading is the narrower one; nothing is said of a panel taken as certain."""
    said = " ".join(panel_sentences(list_page, SAYS))
    assert "Read as a panel" in said
    assert "taken as certain" not in said
    widths = {m: row["ci_high"] - row["ci_low"] for m in ("index", "index_panel_reading")
              if (row := list_page.figure(m)) is not None}  # fmt: skip
    assert widths["index"] < widths["index_panel_reading"]
    files = page_tables(list_page)
    assert "index_panel_reading" in set(files["index"]["measure"])
    assert "units_expert" not in files


def test_who_named_them_is_said_with_interval_and_number(list_page: InstitutionPage, scored_list: Scored) -> None:
    row = scored_list.estimates.set_index("measure").loc["nominator_difference"]
    said = nominator_sentence(list_page, SAYS)
    assert said is not None
    assert f"n = {int(row['n'])}" in said
    assert ("No clear difference" in said) == (row["ci_low"] <= 0 <= row["ci_high"])
    assert "eksper usulan instansi" in str(nominator_sentence(list_page, KATA))


@pytest.mark.parametrize(("low", "high", "said"), [(1.0, 9.0, "judge it better"), (-9.0, -1.0, "judge it worse")])
def test_a_clear_difference_is_said_in_its_direction(
    list_page: InstitutionPage, low: float, high: float, said: str
) -> None:
    is_row = list_page.figures["measure"] == "nominator_difference"
    figures = list_page.figures.copy()
    figures.loc[is_row, ["estimate", "ci_low", "ci_high"]] = [(low + high) / 2, low, high]
    found = nominator_sentence(replace(list_page, figures=figures), SAYS)
    assert said in str(found)
    assert "by 5.0 points" in str(found)


def test_page_40_reads_the_score_in_three_ways(listed: Round, scored_list: Scored, tmp_path) -> None:
    data = RoundData(listed.setup, Store(tmp_path / "spi_2024"), listed.setup.roster[TOWN])
    text = _text(score_analysis.experts_view(scored_list, data).to_html("en"))
    for said in ("drawn: the mean of the list", "a panel whose kinds agree", "Experts by who named them"):
        assert said in text


def test_page_40_reads_a_panel_as_a_panel(drawn: Round, scored: Scored, tmp_path) -> None:
    """The town's fourteen experts are all of one kind: nothing can be said of kinds; nobody says who named them."""
    data = RoundData(drawn.setup, Store(tmp_path / "spi_2024"), drawn.setup.roster[TOWN])
    text = _text(score_analysis.experts_view(scored, data).to_html("en"))
    assert "a panel: all who could have been asked" in text
    assert "drawn: the mean of the list" not in text


def test_page_10_plans_the_list_and_page_20_keeps_its_counts_back(listed: Round, tmp_path) -> None:
    store = Store(tmp_path / "spi_2024")
    store.write("frame", TOWN, listed.frame)
    data = RoundData(listed.setup, store, listed.setup.roster[TOWN])
    plans = sampling_design.source_plans(data)
    planned = sampling_design.plan_table(plans, data.round).data.set_index("source").loc["expert"]
    assert planned["population"] == NAMES
    assert planned["invited"] < NAMES - 10
    assert "Drawn from 70 names" in _text(sampling_design.experts_table(plans, data.setup, data.round).to_html("en"))
    funnel = fieldwork_progress.funnel_table(listed.sample, listed.events, listed.responses, data.round)
    shown = funnel.data.set_index("source").loc["expert"].drop(labels=[], errors="ignore")
    assert pd.to_numeric(shown, errors="coerce").isna().all()


def test_a_list_that_is_drawn_nearly_whole_is_told_of_like_a_panel(listed: Round, tmp_path) -> None:
    few = listed.frame[(listed.frame["source"] != "expert") | (listed.frame["person_id"] < "expert-020")]
    store = Store(tmp_path / "spi_2024")
    store.write("frame", TOWN, few)
    data = RoundData(listed.setup, store, listed.setup.roster[TOWN])
    plan = plan_draws(listed.setup, store, TOWN, few)["expert"].plan
    assert plan.strata["drawn"].sum() > 10
    table = sampling_design.plan_table(sampling_design.source_plans(data), data.round).data.set_index("source")
    assert pd.isna(table.loc["expert", "invited"])
