import pytest

from spi_analysis.errors import ParameterError
from tests.params.conftest import Spoiled

FILE = "recommendations.yaml"


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("code: duty_oversight", "code: conflict_of_interest", ["rule code is used twice", "conflict_of_interest"]),
        ("certainty: 0.90", "certainty: 0.4", ["rules.0.when.certainty", "got: 0.4"]),
        ("kind: score_below", "kind: score_bellow", ["did you mean 'score_below'?"]),
        ("area: civil_service", "area: civil_servce", ["rules.0.plan.area", "did you mean 'civil_service'?"]),
        ("audience: internal", "audience: intern", ["did you mean 'internal'?"]),
    ],
)
def test_wrong_rules_are_explained(spoiled: Spoiled, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text(FILE, old, new)
    assert all(part in str(caught.value) for part in [*parts, f"params/{FILE}"]), str(caught.value)
