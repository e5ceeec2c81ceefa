"""All files together: overrides, names used in one file that another must know."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup, Workspace, load_setup
from tests.params.conftest import Spoiled

MOJOKERTO = "kota-mojokerto"


def design(**changes: object) -> dict:
    return {"spi_2024": {"sources": {"internal": {"design": changes}}}}


def test_override_changes_one_institution_only(spoiled: Spoiled) -> None:
    loaded = spoiled.override(MOJOKERTO, design(response_rate=0.08))
    own = loaded.round_for(MOJOKERTO).sources["internal"].design
    assert own.response_rate == 0.08
    assert own.margin == loaded.round.sources["internal"].design.margin, "all else stays"
    assert loaded.round_for("kota-bengkulu").sources["internal"].design.response_rate == 0.30


def test_override_of_another_round_changes_nothing(spoiled: Spoiled) -> None:
    (spoiled.workspace.params / "rounds" / "spi_2023.yaml").write_text("round_id: spi_2023\n")
    loaded = spoiled.override(MOJOKERTO, {"spi_2023": {"sources": {"internal": {"design": {"response_rate": 0.01}}}}})
    assert loaded.round_for(MOJOKERTO) == loaded.round.model_copy(update={"modules": None, "forms": None})


@pytest.mark.parametrize(
    ("rounds", "parts"),
    [
        (
            {"spi_2024": {"index": {"decimals": 1}}},
            ["may not differ between institutions", "rounds.spi_2024.index", "sources, frame, fieldwork"],
        ),
        ({"spi_2024": {"disclosure": {"min_cell": 1}}}, ["may not differ", "disclosure"]),
        ({"spi_2024": {"source": "x"}}, ["did you mean 'sources'?"]),
        (design(respons_rate=0.1), ["unknown key", "did you mean 'response_rate'?"]),
        (design(response_rate=1.5), ["sources.internal.design.response_rate", "got: 1.5"]),
    ],
)
def test_forbidden_and_wrong_overrides_are_named(spoiled: Spoiled, rounds: dict, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.override(MOJOKERTO, rounds)
    assert all(part in str(caught.value) for part in [*parts, f"params/overrides/{MOJOKERTO}.yaml"]), str(caught.value)


def test_unknown_institution_names_the_nearest(setup: RoundSetup) -> None:
    with pytest.raises(ParameterError, match="unknown institution") as caught:
        setup.require("kota-mojokerta")
    assert "did you mean 'kota-mojokerto'?" in str(caught.value)


def test_institution_of_the_roster_that_does_not_take_part(spoiled: Spoiled) -> None:
    loaded = spoiled.text("rounds/spi_2024.institutions.csv", "kota-bengkulu,3.09,0,published,,KPK (SPI 2024)\n", "")
    assert "kota-bengkulu" not in loaded.institution_ids
    with pytest.raises(ParameterError, match="does not take part"):
        loaded.require("kota-bengkulu")


def test_rule_for_something_the_questionnaire_does_not_have(spoiled: Spoiled) -> None:
    with pytest.raises(ParameterError, match="instrument does not have") as caught:
        spoiled.text("recommendations.yaml", "measure: trading_in_influence", "measure: trading_in_influnce")
    assert "did you mean 'trading_in_influence'?" in str(caught.value)
    assert "rules.0.when.measure" in str(caught.value)


def test_two_files_must_agree_on_the_weights(spoiled: Spoiled) -> None:
    with pytest.raises(ParameterError, match="differ between two files") as caught:
        spoiled.text("rounds/spi_2024.yaml", "internal: 0.3050, external: 0.3280", "internal: 0.3040, external: 0.3290")
    assert "years.2024.source_weights" in str(caught.value)


def test_two_files_must_agree_on_the_categories_of_a_year(spoiled: Spoiled) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text("published.yaml", "below: 78", "below: 79")
    assert "the categories of this year differ between two files" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    last: 2022\n", "", "two rules for the categories of one year"),
        ("last: 2022", "last: 2021", "the rule ends before it begins"),
        ("code: sangat_rentan, label: {id: Sangat Rentan", "code: waspada, label: {id: Sangat", "has two names"),
    ],
)
def test_rules_for_categories_follow_one_another(spoiled: Spoiled, old: str, new: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        spoiled.text("published.yaml", old, new)


def test_file_that_names_another_round(spoiled: Spoiled) -> None:
    with pytest.raises(ParameterError, match="names another round") as caught:
        spoiled.text("rounds/spi_2024.yaml", "round_id: spi_2024", "round_id: spi_2025")
    assert "got: spi_2025" in str(caught.value)


def test_unknown_round_names_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(ParameterError, match="did you mean 'spi_2024'"):
        load_setup(workspace, "spi_2042")


def test_an_override_for_a_round_that_does_not_exist_is_said(spoiled: Spoiled) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.override(MOJOKERTO, {"spi_2042": {"fieldwork": {}}})
    assert "a round that does not exist" in str(caught.value)
    assert "did you mean 'spi_2024'?" in str(caught.value)


def test_problems_of_several_files_are_said_together(spoiled: Spoiled) -> None:
    (spoiled.workspace.params / "aliases.yaml").write_bytes(b"source: caf\xe9\n")
    (spoiled.workspace.params / "institutions.csv").write_text("")
    with pytest.raises(ParameterError) as caught:
        spoiled.text("rounds/spi_2024.yaml", "margin: 0.05", "margin: 5")
    files = {problem.file for problem in caught.value.problems}
    assert files == {"params/aliases.yaml", "params/institutions.csv", "params/rounds/spi_2024.yaml"}


@pytest.mark.parametrize(
    ("aliases", "said"),
    [
        ("{kota-a: [kota-b], kota-b: [kota-a]}", "both in use now and another's former name"),
        ("{kota-a: [kota-b], kota-c: [kota-b]}", "listed twice"),
    ],
)
def test_former_names_lead_to_one_name_in_use(spoiled: Spoiled, aliases: str, said: str) -> None:
    path = spoiled.workspace.params / "aliases.yaml"
    path.write_text(f"source: a test\nas_of: 2024-07-01\naliases: {aliases}\n")
    with pytest.raises(ParameterError, match=said):
        spoiled.load()


def with_version(workspace: Workspace, line: str) -> None:
    path = workspace.round_params("spi_2024")
    path.write_text(path.read_text(encoding="utf-8").replace("schema_version: 4\n", line), encoding="utf-8")


def test_parameters_of_an_earlier_version_that_still_hold_are_taken(spoiled: Spoiled) -> None:
    with_version(spoiled.workspace, "")
    assert load_setup(spoiled.workspace, "spi_2024").round.schema_version == 1


def test_parameters_of_an_earlier_version_are_named_with_what_is_wrong(spoiled: Spoiled) -> None:
    with_version(spoiled.workspace, "target: {national: 76}\n")
    with pytest.raises(ParameterError) as caught:
        load_setup(spoiled.workspace, "spi_2024")
    for words in ("written for an earlier version", "got: 1", "schema_version: 4", "key target", "params/targets.csv"):
        assert words in str(caught.value)


def test_parameters_of_a_later_version_are_refused_before_their_keys_are_judged(spoiled: Spoiled) -> None:
    with_version(spoiled.workspace, "schema_version: 5\nnever_heard_of: 1\n")
    with pytest.raises(ParameterError, match=r"(?s)for a later version.*got: 5") as caught:
        load_setup(spoiled.workspace, "spi_2024")
    assert "never_heard_of" not in str(caught.value)


def test_keys_that_became_required_are_named_with_the_version(spoiled: Spoiled) -> None:
    path = spoiled.workspace.round_params("spi_2024")
    new = ("  score_sd: ", "  model: people", "  log_odds: ")
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(new)]
    path.write_text("\n".join(kept).replace("schema_version: 4", "schema_version: 3"), encoding="utf-8")
    with pytest.raises(ParameterError, match="written for an earlier version") as caught:
        load_setup(spoiled.workspace, "spi_2024")
    for key in ("response.score_sd", "small_area.model", "sensitivity.log_odds"):
        assert key in str(caught.value)


def test_modules_are_those_of_the_institutions_that_are_named(spoiled: Spoiled) -> None:
    round_ = spoiled.load()
    assert round_.round_for("kota-bengkulu").arms("external") == {
        "list_short": 0.35,
        "list_long": 0.35,
        "crosswise": 0.3,
    }
    assert round_.round_for("kota-bengkulu").arms("internal") == {}
    assert round_.round_for(MOJOKERTO).arms("external") == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("crosswise: 0.3}", "crosswise: 0.4}", "the arms make no experiment"),
        ("arms: {list_short: 0.35, list_long: 0.35, crosswise: 0.3}", "arms: {list_short: 1.0}", "both lists or none"),
        ("  sources: [external]\n", "  sources: [internal]\n", "an arm has no question in the instrument"),
        ("  sources: [external]\n", "  sources: [users]\n", "no source of the round"),
        (
            "modules:\n  institutions: [kota-bengkulu]\n",
            "modules:\n  institutions: [kota-bengkullu]\n",
            "did you mean 'kota-bengkulu'",
        ),
    ],
)
def test_modules_that_cannot_be_asked_are_refused(spoiled: Spoiled, old: str, new: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        spoiled.text("rounds/spi_2024.yaml", old, new)


def test_forms_are_those_of_the_institutions_that_are_named(spoiled: Spoiled) -> None:
    round_ = spoiled.load()
    assert round_.round_for("kota-bengkulu").form_shares("internal") == {"usual": 0.5, "reversed": 0.5}
    assert round_.round_for("kota-bengkulu").form_shares("external") == {}
    assert round_.round_for(MOJOKERTO).form_shares("internal") == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("reversed: 0.5}", "reversed: 0.4}", "the shares of the forms make no experiment"),
        ("{usual: 0.5, reversed: 0.5}", "{usual: 1.0}", "usual and reversed, each above 0"),
        ("  sources: [internal]\n  shares", "  sources: [expert]\n  shares", "no source of the round"),
        (
            "forms:\n  institutions: [kota-bengkulu]",
            "forms:\n  institutions: [kota-bengkullu]",
            "did you mean 'kota-bengkulu'",
        ),
    ],
)
def test_forms_that_cannot_be_given_are_refused(spoiled: Spoiled, old: str, new: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        spoiled.text("rounds/spi_2024.yaml", old, new)
