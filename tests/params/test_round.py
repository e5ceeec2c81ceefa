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
            ["a source has no weight"],
        ),
        ("below: 73", "below: 79", ["thresholds are out of order", "[79.0, 78.0]", "try [78.0, 79.0]"]),
        ("below: 78, ", "", ["only the last category"]),
        ("age_limits: [30, 40, 50]", "age_limits: [40, 30, 50]", ["age limits are out of order", "try [30, 40, 50]"]),
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
        ("seed: 20240722", "seed: 99999999999", ["replicates.seed"]),
        ("level: 0.95", "level: 95", ["key level", "got: 95"]),
        ('colour: "#b3261e"', "colour: red", ["colour", "got: red"]),
        ("previous_year: 2023", "previous_year: 2023\nyear: 2024", ["given more than once", "'year'"]),
    ],
)
def test_wrong_rounds_are_explained(spoiled: Spoiled, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text(ROUND, old, new)
    assert all(part in str(caught.value) for part in [*parts, "params/rounds/spi_2024.yaml"]), str(caught.value)


def test_a_code_may_be_one_for_all_or_one_per_source(setup: RoundSetup) -> None:
    rules = setup.round.dispositions
    assert [rules.code("invalid_number", s) for s in ("internal", "external", "expert")] == ["NC", "UO", "NC"]
    assert rules.code("refused", "external") == "R"
