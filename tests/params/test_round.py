"""The round's file: what is refused, and in which words."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup
from tests.params.conftest import Spoiled

ROUND = "rounds/spi_2024.yaml"


def test_the_project_s_own_round_is_sound(setup: RoundSetup) -> None:
    assert setup.round.probability_sources == ["internal", "external"]
    assert sum(setup.round.index.source_weights.values()) == pytest.approx(1)
    assert [level.below for level in setup.round.categories.levels] == [73, 78, None]


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "response_rate: 0.30",
            "respons_rate: 0.30",
            ["unknown key", "sources.internal.design.respons_rate", "did you mean 'response_rate'?"],
        ),
        ("internal: 0.3050", "internal: 0.4050", ["do not sum to 1", "index.source_weights", "sum 1.1"]),
        (
            "{internal: 0.3050, external: 0.3280, expert: 0.3670}",
            "{internal: 0.6330, expert: 0.3670}",
            ["the index does not weigh the sources of the round", "index.source_weights"],
        ),
        (
            "{internal: 0.3050, external: 0.3280, expert: 0.3670}",
            "{internal: 0.3050, external: 0.3280, expert: 0.3670}\n"
            "  components: {expert: {label: {id: Upaya, en: Effort}, weight: 0.4}}",
            ["a component is named like a source", "expert"],
        ),
        ("{internal: NC, external: UO, expert: NC}", "{internal: NC, expert: NC}", ["left out", "invalid_number"]),
        (
            "{internal: NC, external: UO, expert: NC}",
            "{internal: NC, external: UO, expert: NC, experts: NC}",
            ["no source of the round", "did you mean 'expert'?"],
        ),
        ("languages: [id, en]", "languages: [id, en, xq]", ["there is no such language", "got: xq"]),
        ("below: 73", "below: 79", ["thresholds are out of order", "[79.0, 78.0]", "try [78.0, 79.0]"]),
        ("below: 78, ", "", ["only the last category"]),
        ("age_limits: [30, 40, 50]", "age_limits: [40, 30, 50]", ["age limits are out of order", "try [30, 40, 50]"]),
        (
            "      method: srs\n",
            "      method: systematic\n",
            ["method and order do not fit"],
        ),
        ("      method: srs\n", "      method: two_stage\n", ["method and two_stage do not fit"]),
        ("      method: srs\n", "      method: sistematic\n", ["allowed values", "did you mean 'systematic'?"]),
        ("allocation: proportional", "allocation: bethle", ["unknown method", "did you mean 'bethel'?"]),
        ("allocation: proportional", "allocation: bethel", ["a key is missing: targets", "design.allocation"]),
        (
            "allocation: proportional",
            "allocation: {method: bethel, targets: [{domain: unti, variable: share, cv: 0.1}]}",
            ["no column of the strata", "did you mean 'unit'?"],
        ),
        (
            "allocation: proportional",
            "allocation: {method: bethel, targets: [{domian: unit, variable: share, cv: 0.1}]}",
            ["does not fit: targets"],
        ),
        ("allocation: proportional", "allocation: {method: power, powr: 1}", ["unknown key: powr", "'power'?"]),
        ("reserves: [0.25, 0.25]", "reserves: [0.25, -1]", ["sources.internal.design.reserves.1"]),
        ("prior_invited: 40", "prior_invited: -1", ["response.prior_invited"]),
        ("min_coverage: 0.9", "min_coverage: 90", ["frame.audit.min_coverage"]),
        ("nature: panel", "nature: panle", ["one of the allowed values", "did you mean 'panel'?"]),
        ("nature: panel", "nature: probability", ["nature is probability", "neither"]),
        ("margin: 0.05\n", "margin: 0.2\n", ["above its ceiling", "at most 0.1"]),
        ("end: 2024-10-20", "end: 2024-07-01", ["fieldwork ends before it starts"]),
        (
            "opted_out, refused, started",
            "opted_out, refused, refused, started",
            ["listed twice in precedence", "refused"],
        ),
        (
            "read, delivered, invalid_number, sent]",
            "read, delivred, invalid_number, sent]",
            ["unknown event", "did you mean 'delivered'?"],
        ),
        (
            "[ineligible, completed, opted_out",
            "[ineligible, opted_out",
            ["precedence leaves out an event", "completed"],
        ),
        ("    read: NC\n", "", ["precedence and codes name different events", "read"]),
        ("respondents: [I, P]", "respondents: [I, R]", ["one of the allowed values", "dispositions.respondents"]),
        ("n_replicates: 200", "n_replicates: 10", ["replicates.n_replicates", "got: 10"]),
        ("n_replicates: 200", "n_replicates: 1000000000", ["replicates.n_replicates"]),
        ("strata: [unit, position_class]", "strata: []", ["sources.internal.design.strata", "at least 1 item"]),
        ("strata: [unit, position_class]", "strata: [unit, unit]", ["listed twice", "['unit']"]),
        ("strata: [unit, position_class]", "strata: [unti]", ["allowed values", "strata.0", "did you mean 'unit'?"]),
        ("strata: [unit, position_class]", "strata: [person_id]", ["allowed values", "strata.0", "got: person_id"]),
        ("by: [unit, position_class]", "by: [units]", ["weighting.steps.0", "no such column", "did you mean 'unit'?"]),
        ("margins: [unit, position_class, sex", "margins: [unit, sexs, sex", ["steps.2", "did you mean 'sex'?"]),
        ("margins: [unit, position_class, sex", "margins: [unit, unit, sex", ["steps.2", "listed twice"]),
        ("step: rake,", "step: rakee,", ["unknown step", "weighting.steps.2", "got: rakee", "did you mean 'rake'?"]),
        ("step: trim, k: 6", "step: trim, kk: 6", ["unknown key: kk", "steps.3", "did you mean 'k'?"]),
        ("step: trim, k: 6", "step: trim", ["a key is missing: k", "steps.3"]),
        ("step: trim, k: 6", "step: trim, k: many", ["does not fit: k", "got: many", "a valid number"]),
        ("step: trim, k: 6", "step: trim, k: 0", ["does not fit: k", "greater than 0"]),
        ("step: trim, k: 6", "k: 6", ["a key is missing", "steps.3.step"]),
        ("step: trim, k: 6", "step: rake, margins: [sex]", ["leave the same column", "cal_weight"]),
        (
            "        - {step: trim, k: 6}\n",
            "        - {step: drop_ineligible, column: dropped_weight}\n",
            ["a step comes too late: rake", "after drop_ineligible"],
        ),
        (
            "    weighting:\n      steps:",
            "    weighting:\n      trim: {k: 6}\n      steps:",
            ["unknown key", "spi upgrade"],
        ),
        ("deff: 1.5", "deff: .inf", ["sources.internal.design.deff", "got: inf"]),
        ("below: 73", "below: .nan", ["categories.levels.0.below", "got: nan"]),
        ("languages: [id, en]", "languages: []", ["key languages", "at least 1 item"]),
        ("languages: [id, en]", "languages: [id, id]", ["key languages", "listed twice"]),
        ("min_cell: 10", "min_cell: 9", ["key disclosure", "got: 9", "at least 10", "house rule"]),
        ("min_panel: 5", "min_panel: 2", ["key disclosure", "got: 2", "at least 3", "house rule"]),
        ("previous_year: 2023", "previous_year: 2024", ["previous_year", "a year before 2024"]),
        ("previous_year: 2023", "previous_year: 1024", ["previous_year", "got: 1024"]),
        ("as_of: 2024-07-01", "as_of: 2024-13-45", ["not valid YAML", "row 21", "2024-13-45 is no date"]),
        ("report_status: draft", "report_status: dr\x07aft", ["not valid YAML", "row 8", "characters are not allowed"]),
        ("seed: 20240722", "seed: 99999999999", ["replicates.seed"]),
        ("log_odds: [0.1, 0.25, 0.5]", "log_odds: [0.5, 0.1]", ["sensitivity.log_odds", "try [0.1, 0.25, 0.5]"]),
        ("log_odds: [0.1, 0.25, 0.5]", "log_odds: [0, 0.5]", ["sensitivity.log_odds", "got: 0"]),
        ("  model: people", "  model: units", ["small_area.model", "got: units"]),
        ("phis: [0, 0.5, 1]", "phis: [0.5, 0, 1]", ["sensitivity.phis", "out of order", "try [0, 0.5, 1]"]),
        ("phis: [0, 0.5, 1]", "phis: [0, 0.5, 2]", ["sensitivity.phis", "got: 2"]),
        (
            "external: [unit, service,",
            "external: [unit, servic,",
            ["sensitivity.proxy.external", "did you mean 'service'?"],
        ),
        ("permutations: 1999", "permutations: 9", ["conduct.permutations", "got: 9"]),
        ("level: 0.95", "level: 95", ["key level", "got: 95"]),
        ('colour: "#b3261e"', "colour: red", ["colour", "got: red"]),
        ("previous_year: 2023", "previous_year: 2023\nyear: 2024", ["given more than once", "'year'"]),
    ],
)
def test_wrong_rounds_are_explained(spoiled: Spoiled, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text(ROUND, old, new)
    assert all(part in str(caught.value) for part in [*parts, "params/rounds/spi_2024.yaml"]), str(caught.value)


PLAIN_LIST = """\
    weighting:
      - {step: unknown_eligibility, by: [unit]}
      - {step: propensity, formula: "position_class + sex + age_group", method: classes, n_classes: 5}
      - {step: rake, margins: [unit, position_class, sex, age_group]}
      - {step: trim, k: 5, source: a simulation, as_of: 2024-08-01}
      - {step: drop_ineligible}
"""


def test_a_plain_list_of_steps_is_a_judgement_of_the_round(spoiled: Spoiled) -> None:
    path = spoiled.workspace.params / ROUND
    text = path.read_text(encoding="utf-8")
    start, end = text.index("    weighting:\n"), text.index("  external:\n    label:")
    path.write_text(text[:start] + PLAIN_LIST + text[end:], encoding="utf-8")
    round_ = spoiled.load().round
    weighting = round_.sources["internal"].weighting
    assert [step.step for step in weighting.steps][1:3] == ["propensity", "rake"]
    assert weighting.recipe[1].n_classes == 5
    assert (weighting.source, weighting.as_of) == (round_.source, round_.as_of)
    assert weighting.steps[3].source == "a simulation", "one step may be somebody else's judgement"
    assert weighting.columns == ["unit", "position_class", "sex", "age_group"]


def test_a_code_may_be_one_for_all_or_one_per_source(setup: RoundSetup) -> None:
    rules = setup.round.dispositions
    assert [rules.code("invalid_number", s) for s in ("internal", "external", "expert")] == ["NC", "UO", "NC"]
    assert rules.code("refused", "external") == "R"


@pytest.mark.parametrize(
    ("content", "parts"),
    [(b"round_id: x\ntitle: caf\xe9\n", ["row 2", "byte 0xe9"]), ("round_id: x\n".encode("utf-16"), ["UTF-16"])],
)
def test_a_round_in_another_encoding(spoiled: Spoiled, content: bytes, parts: list[str]) -> None:
    (spoiled.workspace.params / ROUND).write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        spoiled.load()
    assert all(part in str(caught.value) for part in [*parts, "not in UTF-8", "params/rounds/spi_2024.yaml"])


def test_a_round_is_told_in_a_few_lines(setup):
    text = repr(setup.round)
    assert len(text) < 800
    assert "sources: internal (sample), external (sample), expert (panel)" in text
    assert ".disclosure" in text, "where to look for more"
