"""Surveys of another shape: a pack is parameters alone, and goes from lists to pages; a third language falls back."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spi_analysis import load_round
from spi_analysis.errors import InputError, ParameterError
from spi_analysis.operations import make_demo_round, pack_workspace
from spi_analysis.params import RoundSetup, Workspace, load_setup
from spi_analysis.reporting import institution, languages, speak_of, untranslated, words
from spi_analysis.scores import category_of, combine_index, index_from_scores
from spi_analysis.stages import (
    institution_page,
    save_estimates,
    save_weights,
    score_round,
    weight_institution,
)
from spi_analysis.synthetic import Trials, own_rate, simulate_designs
from spi_analysis.synthetic.designs import components_as_corrections
from spi_analysis.tables import Store, checked
from tests.demo import copy_inputs, spi

PACKS = ("two_sources", "effort", "schools")
CITY, DISTRICT = "kota-contoh-001", "kabupaten-contoh-001"


@pytest.fixture(autouse=True)
def _usual_words(setup: RoundSetup):
    """Other tests speak of the round of 2024."""
    yield
    speak_of(setup)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return copy_inputs(tmp_path_factory.mktemp("packs"))


def loaded(project: Workspace, pack: str) -> RoundSetup:
    return load_setup(pack_workspace(project, pack), pack)


# --- the arithmetic, by hand


def test_two_sources_by_hand(project: Workspace) -> None:
    """0.763 x 90 + 0.237 x 70 = 68.67 + 16.59 = 85.26; less 0.40 and 1.10: 83.76, grade 2 (80 to 90)."""
    setup = loaded(project, "two_sources")
    corrections = setup.inputs[CITY].corrections
    index = index_from_scores({"internal": 70.0, "external": 90.0}, setup.round.index.weights, corrections.values())
    assert index == pytest.approx(83.76)
    assert category_of(index, setup.round.categories) == "grade_2"


def test_perception_and_effort_by_hand(project: Workspace) -> None:
    """0.36 x 80 + 0.24 x 70 + 0.4 x 71.5 = 28.8 + 16.8 + 28.6 = 74.2; less 0.8: 73.4.

    Its error is that of the perception alone: the root of (0.36 x 1)^2 + (0.24 x 2)^2 = 0.6.
    """
    setup = loaded(project, "effort")
    inputs = setup.inputs[CITY]
    (effort,) = inputs.components
    scores = pd.DataFrame(
        {"estimate": [80.0, 70.0, effort.score], "se": [1.0, 2.0, 0.0], "df_design": [50.0, 50.0, float("inf")]},
        index=["external", "internal", effort.component],
    )
    index = combine_index(scores, setup.round.index.weights, inputs.corrections, [])
    assert index.estimate == pytest.approx(73.4)
    assert index.se == pytest.approx(0.6)
    assert index.variance_shares == pytest.approx({"external": 0.36, "internal": 0.64, "effort": 0.0})


@pytest.mark.parametrize(
    ("institution_id", "limits"),
    [(CITY, [71.5, 74.5, 77.5, 80.5]), (DISTRICT, [68.0, 72.0, 76.0, 80.0])],
)
def test_grades_by_standard_deviations_within_the_type(project: Workspace, institution_id: str, limits: list) -> None:
    """Mean and SD: 76 and 3 of cities, 74 and 4 of districts; limits at -1.5, -0.5, 0.5 and 1.5 SD."""
    levels = loaded(project, "effort").round_for(institution_id).categories.levels
    assert [level.below for level in levels] == pytest.approx([*limits, None])


def test_a_type_without_mean_and_sd_has_no_grades(project: Workspace) -> None:
    with pytest.raises(ParameterError, match="no mean and standard deviation"):
        loaded(project, "effort").round.categories.of_type("provinsi")


def test_four_groups_by_hand(project: Workspace) -> None:
    """A quarter each of 80, 76, 70 and 74: 300 / 4 = 75."""
    weights = loaded(project, "schools").round.index.weights
    scores = {"heads": 80.0, "teachers": 76.0, "pupils": 70.0, "parents": 74.0}
    assert index_from_scores(scores, weights) == pytest.approx(75.0)


# --- what does not fit is said


@pytest.mark.parametrize(
    ("pack", "file", "old", "new", "said"),
    [
        ("effort", "rounds/effort.components.csv", ",effort,71.50,", ",work,71.50,", "got: work"),
        ("effort", "rounds/effort.yaml", "weight: 0.4}", "weight: 0.5}", "do not sum to 1"),
        ("schools", "generator.yaml", "  heads:", "  deans:", "generated people are not of the sources"),
        ("schools", "rounds/schools.yaml", "heads: 0.25", "deans: 0.25", "does not weigh the sources"),
        ("schools", "recommendations.yaml", "audience: parents", "audience: internal", "for a source that"),
        ("two_sources", "instruments/two_sources.yaml", "  internal:\n    dim", "  staff:\n    dim", "not of the same"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(project, tmp_path, pack, file, old, new, said) -> None:
    place = pack_workspace(project, pack)
    folder = Path(shutil.copytree(place.root, tmp_path / "copy"))
    text = (folder / "params" / file).read_text(encoding="utf-8")
    assert old in text
    (folder / "params" / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ParameterError, match=said):
        load_setup(Workspace(folder), pack)


def test_an_unknown_pack_is_named_with_the_nearest(project: Workspace) -> None:
    with pytest.raises(ParameterError, match="did you mean 'schools'"):
        pack_workspace(project, "school")


def test_a_table_with_a_source_of_another_survey_is_refused() -> None:
    sample = pd.DataFrame(
        {"institution_id": "a", "person_id": ["p"], "source": "experts", "stratum": "s", "pop_size": 1,
         "inclusion_prob": 1.0, "base_weight": 1.0, "prn": 0.5, "wave": 1}
    )  # fmt: skip
    with pytest.raises(InputError, match="did you mean 'expert'"):
        checked("sample", sample, sources=["internal", "expert"])


# --- from lists to pages


def smaller(project: Workspace, pack: str, people: int) -> RoundSetup:
    """The pack with lists of so many people, of one institution; targets of precision need those that they have."""
    design_of = {name: source.design for name, source in loaded(project, pack).round.sources.items()}
    place = pack_workspace(project, pack)
    path = place.params / "generator.yaml"
    generator = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, source in generator["sources"].items():
        if not design_of[name].rule.sets_size:
            source["people"] = [people, people]
    path.write_text(yaml.safe_dump(generator, sort_keys=False), encoding="utf-8")
    inputs = place.params / "rounds" / f"{pack}.institutions.csv"
    inputs.write_text("".join(inputs.read_text(encoding="utf-8").splitlines(keepends=True)[:2]), encoding="utf-8")
    return load_setup(place, pack)


def test_a_survey_of_four_groups_goes_from_lists_to_its_page(project: Workspace) -> None:
    setup = smaller(project, "schools", 90)
    made = make_demo_round(setup, 1, lambda text: None)
    assert made.invited > 300, "of 270 people on three lists, and of the pupils"
    data = load_round("schools", DISTRICT, setup.workspace)
    tables = (data.frame, data.sample, data.events, data.responses)
    assert list(dict.fromkeys(data.frame["source"])) == ["heads", "teachers", "pupils", "parents"]
    store = Store(setup.workspace.data / "schools")
    save_weights(store, DISTRICT, weight_institution(*tables, data.round, data.instrument))
    data = load_round("schools", DISTRICT, setup.workspace)
    save_estimates(store, DISTRICT, score_round(data))
    speak_of(setup)
    page = institution_page(setup, store, DISTRICT)
    scores = page.rows("source_score").set_index("source")["estimate"]
    assert page.figure("index")["estimate"] == pytest.approx(scores.mean()), "four groups weigh the same"
    shown = {language: institution.who_answered_view(page).to_html(language) for language in ("id", "en")}
    assert "Kepala sekolah" in shown["id"]
    assert "Heads of schools" in shown["en"]
    assert "Parents" in institution.composition_view(page).to_html("en")


@pytest.mark.long
@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_is_one_command_from_lists_to_pages_in_two_languages(pack: str, tmp_path: Path) -> None:
    project = copy_inputs(tmp_path)
    done = spi(project, "demo", "--pack", pack, "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    place = Workspace(tmp_path / "build" / "packs" / pack)
    for institution_id in load_setup(place, pack).institution_ids:
        for language in ("id", "en"):
            page = place.institution_outputs(pack, institution_id) / f"report.{language}.html"
            assert f'<html lang="{language}">' in page.read_text(encoding="utf-8")


def test_sources_are_called_as_the_pack_calls_them(project: Workspace, setup: RoundSetup) -> None:
    """In tables of parts, too; the round of 2024 has its short words there."""
    speak_of(loaded(project, "effort"))
    assert words("id").value("part", "external") == words("id").value("source", "external") == "Pengguna layanan"
    speak_of(setup)
    assert words("en").value("part", "external") == "External"


def test_designs_are_tried_out_for_four_groups_without_a_panel(project: Workspace) -> None:
    """Everybody answers with the same chance; the index is a quarter of each group's score."""
    setup = smaller(project, "schools", 90)
    table = simulate_designs(setup, DISTRICT, Trials((own_rate(setup, DISTRICT),), runs=2), workers=1)
    assert list(dict.fromkeys(table["measure"])) == ["index", "heads", "teachers", "pupils", "parents"]
    truth = table.groupby("measure")["truth"].first()
    assert truth["index"] == pytest.approx(truth.drop("index").mean())
    index = table[table["measure"] == "index"]
    assert index[[f"variance_{name}" for name in setup.round.sources]].notna().all(axis=None)


def test_an_index_with_a_component_is_simulated_with_it(project: Workspace) -> None:
    """0.4 x 71.5 = 28.6 points that no answer makes: they are added as a correction of the other sign."""
    setup = loaded(project, "effort")
    assert components_as_corrections(setup, CITY) == pytest.approx({"effort": -28.6})


# --- a third language: ten texts of a thousand

JAVANESE = {
    "In brief": "Ringkese",
    "Who answered": "Sapa sing mangsuli",
    "Contents": "Isine",
    "Units": "Unit kerja",
    "Index": "Indhèks",
    "Source": "Sumber",
    "Draft": "Konsep",
    "Glossary": "Kawruh tembung",
    "Dimensions": "Dhimènsi",
}


@pytest.fixture
def javanese(tmp_path: Path) -> RoundSetup:
    """The round of 2024 in a third language, of which there are nine messages and the name of a source."""
    workspace = copy_inputs(tmp_path)
    path = workspace.round_params("spi_2024")
    text = path.read_text(encoding="utf-8").replace("languages: [id, en]", "languages: [id, en, jv]")
    text = text.replace("en: Internal (employees)}", "en: Internal (employees), jv: Pegawe}")
    path.write_text(text, encoding="utf-8")
    catalogue = workspace.params / "locale" / "jv" / "LC_MESSAGES" / "spi.po"
    catalogue.parent.mkdir(parents=True)
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    catalogue.write_text(
        "\n".join([head, *(f'msgid "{en}"\nmsgstr "{jv}"\n' for en, jv in JAVANESE.items())]), encoding="utf-8"
    )
    return load_setup(workspace, "spi_2024")


def test_a_third_language_says_how_much_of_it_is_missing(javanese: RoundSetup) -> None:
    missing, texts = untranslated(javanese, "jv")
    assert texts - missing == len(JAVANESE) + 1
    assert texts > 900
    assert untranslated(javanese, "id") == (0, texts)


def test_texts_that_fall_back_say_their_language(javanese: RoundSetup) -> None:
    speak_of(javanese)
    assert languages() == ("id", "en", "jv")
    say = words("jv")
    assert say("In brief") == "Ringkese"
    assert say.value("source", "internal") == "Pegawe"
    assert say.number(1234.5) == "1.234,50", "numbers are written as in the language"
    html = institution_html(javanese)
    assert '<html lang="jv">' in html
    assert '<meta property="og:title" content="Kota Mojokerto 2024">' in html, "as a link to the report is shown"
    assert '<h2 id="ringkese">Ringkese</h2>' in html
    assert '<span lang="en">Recommendations</span>' in html
    missing, texts = untranslated(javanese, "jv")
    assert f"{say.number(missing, 0)} of {say.number(texts, 0)} texts are not translated yet" in html
    assert not set(html) & {"\ue002", "\ue003"}, "the marks themselves are on no page"


def institution_html(setup: RoundSetup) -> str:
    """A page without figures."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    from spi_analysis.reporting import render, show

    bundle = show(lambda say: f"<p>{say('Units')}: {say('Recommendations')}</p>")._repr_mimebundle_()
    cells = [
        new_markdown_cell("# Integrity report"),
        new_markdown_cell("## In brief"),
        new_code_cell("x", outputs=[new_output("execute_result", data=bundle)], execution_count=1),
        new_markdown_cell("## Recommendations"),
    ]
    return render(
        new_notebook(cells=cells), setup, "kota-mojokerto", "jv",
        kind="report", synthetic=True, file_name="report.{language}.html",
    )  # fmt: skip


def test_the_check_says_how_many_texts_are_missing(javanese: RoundSetup) -> None:
    said = spi(javanese.workspace, "check").stdout
    missing, texts = untranslated(javanese, "jv")
    assert f"language jv: {missing:,} of {texts:,} texts are not translated" in said


def test_the_usual_languages_are_complete(setup: RoundSetup) -> None:
    assert untranslated(setup, "en")[0] == 0
