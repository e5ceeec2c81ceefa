"""The whole stream once: what the demo leaves behind is complete, consistent and says what it is."""

import json
import re
import shutil

import nbformat
import pandas as pd
import pytest

from spi_analysis.fieldwork import disposition_counts, response_rates
from spi_analysis.params import Workspace
from spi_analysis.scores import index_from_scores
from spi_analysis.tables.demo_marks import demo_is_whole, not_of_the_demo
from spi_analysis.tables.store import Store
from tests.demo import Demo, copy_inputs, spi, spi_here
from tests.reporting.test_panels import panel_rows

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.slow]
NOTEBOOKS = ("10_sampling_design", "20_fieldwork_progress", "30_nonresponse_weighting", "40_score_analysis")


def test_the_demo_knows_all_that_it_made(demo):
    """A list it does not know would keep the next demo from replacing it."""
    assert demo_is_whole(demo.workspace)
    assert not_of_the_demo(demo.workspace) == []


def test_ten_reports_and_the_overview_are_named_and_there(demo):
    printed = [line.split()[1] for line in demo.printed.splitlines() if line.startswith("page ")]
    assert len(printed) == 12, "analysts' pages are counted, not listed"
    assert demo.printed.rstrip().splitlines()[-1] == "open outputs/spi_2024/index.id.html"
    reports = [page for page in printed if re.fullmatch(r"outputs/spi_2024/[a-z-]+/report\.(id|en)\.html", page)]
    assert len(reports) == 10
    assert "outputs/spi_2024/index.id.html" in printed
    assert all((demo.workspace.root / page).stat().st_size > 10_000 for page in printed)


def test_every_notebook_ran_to_its_end_for_every_institution(demo):
    for institution_id in demo.setup.institution_ids:
        for name in (*NOTEBOOKS, "50_institution_report"):
            executed = nbformat.read(demo.outputs(institution_id) / f"{name}.ipynb", as_version=4)
            code = [cell for cell in executed.cells if cell.cell_type == "code"]
            assert all(cell.execution_count for cell in code), f"{institution_id}, {name}"
            for language in demo.setup.round.languages:
                page = f"report.{language}.html" if name.startswith("50") else f"{name}.{language}.html"
                assert (demo.outputs(institution_id) / page).exists()


def test_the_store_holds_every_table_and_its_counts_fit_together(demo):
    store = demo.store
    counts = store.query(
        """
        select institution_id,
               (select count(*) from sample s where s.institution_id = i.institution_id) as sampled,
               (select count(*) from weights w where w.institution_id = i.institution_id) as weighted,
               (select count(*) from weights w where w.institution_id = i.institution_id and weight > 0) as counted,
               (select count(*) from responses r where r.institution_id = i.institution_id) as answered
        from (select distinct institution_id from frame) i
        """
    )
    assert len(counts) == 5
    assert (counts["sampled"] == counts["weighted"]).all(), "everybody drawn has a row of weights"
    assert (counts["counted"] <= counts["answered"]).all(), "weight only for those who answered"


def test_weights_of_respondents_and_ineligibles_stand_for_the_whole_list(demo):
    for institution_id in demo.setup.institution_ids:
        weights, frame = demo.store.read("weights", institution_id), demo.store.read("frame", institution_id)
        for source in ("internal", "external"):
            listed = ((frame["source"] == source) & frame["is_eligible"] & (frame["stream"] == "list")).sum()
            calibrated = weights.loc[weights["source"] == source, "recal_weight"].sum()
            assert calibrated == pytest.approx(listed, rel=1e-8), f"{institution_id}, {source}"


def test_the_index_follows_from_its_parts(demo):
    for institution_id in demo.setup.institution_ids:
        estimates = demo.store.read("estimates", institution_id)
        scores = estimates[estimates["measure"] == "source_score"].set_index("source")["estimate"]
        inputs = demo.setup.inputs[institution_id]
        expected = index_from_scores(
            scores.to_dict(),
            demo.setup.round.index.source_weights,
            [inputs.correction_conduct, inputs.correction_facts],
        )
        index = estimates[estimates["measure"] == "index"].iloc[0]
        assert index["estimate"] == pytest.approx(expected, abs=1e-9)
        assert index["ci_low"] < index["estimate"] < index["ci_high"]


def test_every_shown_estimate_carries_what_belongs_to_it(demo):
    """A figure of a score or rate without interval, level, n or degrees of freedom must not exist."""
    scored = ["index", "source_score", "dimension_score", "unit_score", "experience_rate"]
    for institution_id in demo.setup.institution_ids:
        rows = demo.store.read("estimates", institution_id)
        rows = rows[rows["measure"].isin(scored) & (rows["status"] == "shown")]
        needed = ["estimate", "se", "ci_low", "ci_high", "level", "df_design", "n", "effective_n"]
        assert rows[needed].notna().all(axis=None)
        assert (rows["n"] >= 5).all(), "no figure on fewer than the panel's own threshold"
        units = rows[rows["measure"] == "unit_score"]
        assert (units["n"] >= demo.setup.round.disclosure.min_cell).all()


def test_report_shows_the_figures_of_the_estimates_table(demo):
    """The page, its CSV and the store must agree to the last printed digit."""
    for institution_id in demo.setup.institution_ids:
        index = demo.store.read("estimates", institution_id).query("measure == 'index'").iloc[0]
        page = (demo.outputs(institution_id) / "report.id.html").read_text()
        english = (demo.outputs(institution_id) / "report.en.html").read_text()
        assert f"{index['estimate']:.2f}" in english
        assert f"{index['estimate']:.2f}".replace(".", ",") in page
        csv = pd.read_csv(demo.outputs(institution_id) / "tables" / "composition.csv")
        assert csv.loc[csv["measure"] == "index", "estimate"].iloc[0] == round(index["estimate"], 2)


def test_every_report_says_how_many_rise_without_doing_anything(demo):
    for institution_id in demo.setup.institution_ids:
        html = (demo.outputs(institution_id) / "report.en.html").read_text(encoding="utf-8")
        assert re.search(
            r"Of 100 institutions of this type .* to have a higher index in 2025 in the usual course of things", html
        )
        said = re.search(r"The institution acted on (none|\d+) of the \d+ recommendations of 2023", html)
        assert said, "the demo has a tracker"


def test_every_page_names_its_own_institution_and_no_other(demo):
    """Parameterised reports have shown one institution's figures under another's name."""
    names = {i: demo.setup.roster[i].name for i in demo.setup.institution_ids}
    for institution_id in names:
        for page in demo.outputs(institution_id).glob("*.html"):
            text = page.read_text()
            assert f'<meta name="institution" content="{institution_id}">' in text
            others = [other for other in names if other != institution_id and (other in text or names[other] in text)]
            assert others == [], page.name


def test_generated_data_are_labelled_on_every_page(demo):
    for page in (demo.workspace.outputs).rglob("*.html"):
        text = page.read_text()
        assert "Data buatan untuk peragaan" in text or "Generated data for demonstration" in text, page.name


def test_provenance_is_kept_beside_the_outputs(demo):
    for institution_id in demo.setup.institution_ids:
        facts = json.loads((demo.outputs(institution_id) / "run.json").read_text())
        assert set(facts["steps"]) == {"10", "20", "30", "40", "50"}
        assert all(step["ok"] for step in facts["steps"].values())


def test_response_rates_are_near_what_was_generated(demo):
    weights = demo.store.read("weights", "kota-pangkalpinang")
    rates = response_rates(disposition_counts(weights, ["source"]))
    assert 0.03 < rates.loc["internal", "RR1"] < 0.16, "the city of 8 % response"
    assert (rates["RR1"] <= rates["RR3"] + 1e-12).all(), "RR3 takes some of the unknown out of the denominator"


def test_verify_draw_says_same_draw(demo):
    done = spi(demo.workspace, "verify-draw")
    assert done.returncode == 0
    assert done.stdout.count("same draw") == 15
    assert "another draw" not in done.stdout


def test_verify_draw_names_stratum_and_row_of_a_changed_person(demo):
    store = demo.store
    frame = store.read("frame", "kota-mojokerto")
    changed = frame.copy()
    row = changed.index[(changed["source"] == "internal") & changed["is_eligible"] & (changed["sex"] == "male")][0]
    changed.loc[row, "sex"] = "female"
    try:
        store.write("frame", "kota-mojokerto", changed)
        done = spi_here(demo.workspace, "verify-draw", "kota-mojokerto")
    finally:
        store.write("frame", "kota-mojokerto", frame)
    assert done.returncode == 1
    assert "another draw" in done.stdout
    assert str(frame.loc[row, "unit"]).split()[0] in done.stdout, "the stratum is named"
    assert frame.loc[row, "person_id"] in done.stdout.replace("\n", ""), "the row is named"


def test_a_second_draw_is_refused(demo):
    done = spi_here(demo.workspace, "draw", "kota-bengkulu")
    assert done.returncode == 1
    assert "already drawn" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_running_again_gives_the_same_bytes(demo):
    folder = demo.outputs("kota-tebing-tinggi")
    kept = ["50_institution_report.ipynb", "40_score_analysis.ipynb", "report.id.html", "report.en.html"]
    before = {name: (folder / name).read_bytes() for name in kept}
    tables = {path.name: path.read_bytes() for path in (folder / "tables").glob("*.csv")}
    weights = demo.store.path("weights", "kota-tebing-tinggi").read_bytes()
    numbers = ("--notebook", "30", "--notebook", "40", "--notebook", "50")
    done = spi(demo.workspace, "run", "kota-tebing-tinggi", *numbers, "--force")
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_bytes() for name in kept} == before
    assert {path.name: path.read_bytes() for path in (folder / "tables").glob("*.csv")} == tables
    assert demo.store.path("weights", "kota-tebing-tinggi").read_bytes() == weights


def test_demo_refuses_a_workspace_with_real_data(demo, tmp_path):
    workspace = copy_inputs(tmp_path / "real")
    (workspace.data / "spi_2024").mkdir(parents=True)
    done = spi_here(workspace, "demo", "--data-only")
    assert done.returncode == 1
    assert "did not make" in done.stderr
    assert list(workspace.data.iterdir()) == [workspace.data / "spi_2024"], "nothing is touched"


def test_status_lists_every_institution(demo):
    done = spi(demo.workspace, "status")
    assert done.returncode == 0
    assert done.stdout.count("10 of 10") == 5


@pytest.mark.long
def test_an_interim_run_goes_through_before_one_source_has_answered(demo, tmp_path):
    """Nobody of the users has answered yet: all notebooks of the institution run, and its pages say what is missing."""
    root = tmp_path / "workspace"
    shutil.copytree(demo.workspace.root, root)
    workspace, who = Workspace(root), "kota-mojokerto"
    store = Store(workspace.data / "spi_2024")
    responses, events = store.read("responses", who), store.read("events", who)
    store.write("responses", who, responses[responses["source"] != "external"])
    answered = (events["source"] == "external") & events["event"].isin(["started", "completed"])
    store.write("events", who, events[~answered])
    done = spi(workspace, "run", who, *(word for n in ("20", "30", "40", "50") for word in ("--notebook", n)))
    assert done.returncode == 0, done.stdout + done.stderr
    estimates = store.read("estimates", who)
    assert not (estimates["source"] == "external").any()
    assert {"internal", "expert"} <= set(estimates["source"].dropna())
    pages = workspace.institution_outputs("spi_2024", who)
    missing = "no answers, or too few, of External (service users)"
    assert missing in (pages / "report.en.html").read_text(encoding="utf-8")
    assert missing in (pages / "40_score_analysis.en.html").read_text(encoding="utf-8")
    assert "there are no weights: External" in (pages / "30_nonresponse_weighting.en.html").read_text(encoding="utf-8")


NO_COUNT = r"0[.,]\d{6}|≥ 5|(fewer than|kurang dari) 10|(Drawn from|Diundi dari) 100 (names|nama)"


@pytest.mark.parametrize("number", ["10", "20", "30"])
def test_no_executed_notebook_of_fieldwork_gives_a_number_of_the_panel(demo: Demo, number: str) -> None:
    """Only on which side of its threshold its answers are, and the starting point of the draw, which is everybody's."""
    for institution_id in demo.setup.institution_ids:
        (path,) = demo.outputs(institution_id).glob(f"{number}_*.ipynb")
        outputs = [out for cell in nbformat.read(path, 4).cells for out in cell.get("outputs", [])]
        html = [str(out.get("data", {}).get("text/html", "")) for out in outputs]
        if number == "10" and "expert" not in demo.setup.round_for(institution_id).panels:
            continue  # whoever made a list knows how long it is, and not who was drawn
        # Levels that were merged are no people; nor is the size of a list that page 10 reckons with.
        rows = [row for text in html for row in panel_rows(text) if not any("×" in cell for cell in row)]
        assert rows or number == "30", "tables are where they were"
        cells = {cell for row in rows for cell in row if re.search(r"\d", cell)}
        odd = {cell for cell in cells if not re.fullmatch(NO_COUNT, cell)}
        assert not odd, (institution_id, odd)
