"""One rule for panels on all pages: nothing tells how many were nominated; answers stand beside the score."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup, UnitFacts, Workspace
from spi_analysis.reporting.analyst import fieldwork_progress, list_quality, nonresponse_weighting, sampling_design
from spi_analysis.reporting.display import Shown
from spi_analysis.reporting.institution import save_tables, who_answered_view
from spi_analysis.reporting.kept_back import panel_note
from spi_analysis.reporting.translations import languages
from spi_analysis.reporting.wording import words
from spi_analysis.stages.audit import audit_frame, save_audit
from spi_analysis.stages.report import InstitutionPage
from spi_analysis.stages.weight import WeightedSample, people_with_disposition, representativity
from spi_analysis.tables.round_data import RoundData
from spi_analysis.tables.store import Store
from tests.reporting.conftest import page_of
from tests.stages.conftest import Round
from tests.stages.town import SECRET, TOWN, Town, draw_announced

# The town nominated 14 experts; here two of them did not answer.
NOMINATED, ANSWERED = 14, 12
PANEL = {"Experts", "Eksper", "Eksper (narasumber ahli)"}


@pytest.fixture(scope="module")
def nonrespondents(drawn: Round) -> tuple[str, ...]:
    return tuple(drawn.responses.loc[drawn.responses["source"] == "expert", "person_id"].head(NOMINATED - ANSWERED))


@pytest.fixture(scope="module")
def responses(drawn: Round, nonrespondents: tuple[str, ...]) -> pd.DataFrame:
    return drawn.responses[~drawn.responses["person_id"].isin(nonrespondents)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, drawn: Round, responses: pd.DataFrame) -> InstitutionPage:
    weighted = drawn.weight(responses=responses)
    return page_of(tmp_path_factory.mktemp("panel"), drawn, weighted, drawn.score(weighted, responses=responses), False)


def analysts_views(drawn: Round, responses: pd.DataFrame, town: Town, folder: Path) -> list[Shown]:
    """Every table of pages 10, 20 and 30 that has a row per source."""
    setup, store = drawn.setup, Store(folder / "spi_2024")
    store.write("frame", TOWN, town.frame)
    draw_announced(setup, store, TOWN, SECRET)
    data = RoundData(setup, store, setup.roster[TOWN])
    plans, audit = sampling_design.source_plans(data), audit_frame(setup, store, TOWN)
    people = people_with_disposition(drawn.frame, drawn.sample, drawn.events, responses, setup.round, setup.instrument)
    return [
        list_quality.sources_table(audit, setup.round),
        sampling_design.plan_table(plans, setup.round),
        sampling_design.strata_table(plans, setup.round),
        sampling_design.record_table(data),
        fieldwork_progress.funnel_table(drawn.sample, drawn.events, responses, setup.round),
        fieldwork_progress.rates_table(people, setup.round),
        fieldwork_progress.quota_table(people, drawn.frame, setup.round),
        nonresponse_weighting.steps_table(drawn.weight(responses=responses), setup.round),
        nonresponse_weighting.representativity_table(representativity(people, setup.round), setup.round),
    ]


def panel_rows(html: str) -> list[list[str]]:
    """Cells of the rows that are about the panel, without the name of the source."""
    rows = [
        [unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"(?s)<t[hd].*?</t[hd]>", row)]
        for row in re.findall(r"(?s)<tr.*?</tr>", html)
    ]
    return [[cell for cell in row if cell not in PANEL] for row in rows if PANEL & set(row)]


def test_the_pages_of_fieldwork_give_no_number_of_a_panel(
    drawn: Round, responses: pd.DataFrame, town: Town, tmp_path: Path
) -> None:
    """Only on which side of its threshold the answers are; the starting point of the draw is everybody's."""
    rows = [
        row
        for shown in analysts_views(drawn, responses, town, tmp_path)
        for html in map(shown.to_html, languages())
        for row in panel_rows(html)
    ]
    assert len(rows) == 2 * 6, "six tables have a row for the panel, in two languages; strata and weights have none"
    numbers = [cell for row in rows for cell in row if re.search(r"\d", cell) and not re.match(r"0[.,]\d{6}$", cell)]
    assert numbers == ["≥ 5", "≥ 5"]


def test_the_report_gives_the_answers_and_no_size(page: InstitutionPage, tmp_path: Path) -> None:
    for language in ("id", "en"):
        assert panel_rows(who_answered_view(page).to_html(language)) == [["–", "–", str(ANSWERED), "–", "–"]]
        assert panel_note(page.setup.round, words(language)) in unescape(who_answered_view(page).to_html(language))
    save_tables(page, tmp_path)
    own = pd.read_csv(tmp_path / "who_answered.csv").set_index("source").loc["expert"]
    assert own["answered"] == ANSWERED
    assert own[["listed", "eligible", "invited", "needed", "RR1", "RR3"]].isna().all()


def test_what_is_missing_of_a_panel_s_known_total_is_no_task(setup: RoundSetup, town: Town, tmp_path: Path) -> None:
    """Forty are known, 14 listed: 26 missing of 40 would tell the 14."""
    store = Store(tmp_path / "spi_2024")
    store.write("frame", TOWN, town.frame)
    known = UnitFacts(institution_id=TOWN, source="expert", known_people=40, basis="a test")
    knowing = replace(setup, units=(known,), workspace=Workspace(tmp_path))
    audit = audit_frame(knowing, store, TOWN)
    assert "people_missing" not in set(audit.tasks.loc[audit.tasks["source"] == "expert", "task"])
    for html in map(list_quality.sources_table(audit, setup.round).to_html, languages()):
        assert set(*panel_rows(html)) == {"–"}
    save_audit(knowing, TOWN, audit)
    for path in (tmp_path / "outputs").rglob("*.csv"):
        assert "expert" not in path.read_text(encoding="utf-8")


def test_experts_drawn_at_random_are_no_panel(setup: RoundSetup) -> None:
    """Their list is a frame like the others, and its size may be told."""
    drawn = setup.round.sources["internal"]
    round_ = setup.round.model_copy(update={"sources": {**setup.round.sources, "expert": drawn}})
    assert round_.panels == []
    assert panel_note(round_, words("en")) == ""


@pytest.mark.parametrize(("answered", "shown"), [(150, True), (7, False), (195, False)])
def test_weights_of_a_source_in_which_few_answered_or_few_did_not_are_left_out(
    setup: RoundSetup, answered: int, shown: bool
) -> None:
    """Of 200 invited: with 7 answers the report says "< 10", with 195 it hides the 200."""
    weights = pd.DataFrame({
        "source": "internal", "disposition": ["I"] * answered + ["NC"] * (200 - answered),
        "weight": [1.0] * answered + [0.0] * (200 - answered),
    })  # fmt: skip
    step = {"source": "internal", "column": "weight", "cases": answered, "sum": 400.0, "kish_deff": 1.0}
    report = pd.DataFrame([step | {"effective_n": 1.0, "smallest": 1.0, "largest": 1.0}])
    weighted = WeightedSample(weights, pd.DataFrame(), report, pd.DataFrame())
    html = nonresponse_weighting.steps_table(weighted, setup.round).to_html("en")
    assert (f">{answered}<" in html) == shown
    assert ("nothing to show" in html) != shown
