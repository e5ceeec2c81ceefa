"""What is released: decisions first, then the rules of the round."""

from __future__ import annotations

import pytest

from spi_analysis.params import InstitutionInputs
from spi_analysis.params.round import ReleaseParams
from spi_analysis.scores import release_of

RULES = ReleaseParams(min_answers=30, max_half_width=10, source="a test", as_of="2024-01-01")


def inputs(**other: object) -> InstitutionInputs:
    given = {"institution_id": "kota-uji", "correction_conduct": 1, "correction_facts": 0, "correction_other": 0}
    return InstitutionInputs(**(given | {"release": "published", "source": "a test"} | other))


@pytest.mark.parametrize(
    ("answers", "half_width", "reason", "rationale"),
    [
        (30, 10.0, None, "just enough of both"),
        (29, 3.0, "insufficient_sample", "one answer short"),
        (500, 10.01, "insufficient_sample", "many answers, but the index is not known well enough"),
        (500, None, None, "without an index there is no interval to judge"),
        (0, None, "insufficient_sample", "nobody answered; that the institution refused is for others to say"),
    ],
)
def test_rules_of_the_round(answers: int, half_width: float | None, reason: str | None, rationale: str) -> None:
    assert release_of(inputs(), answers, half_width, RULES).reason == reason, rationale


@pytest.mark.parametrize("reason", ["insufficient_sample", "conduct", "did_not_take_part", "secrecy"])
def test_a_decision_goes_before_the_rules(reason: str) -> None:
    decided = inputs(release="withheld", withheld_reason=reason)
    found = release_of(decided, 500, 1.0, RULES)
    assert (found.is_withheld, found.reason) == (True, reason)
    assert release_of(decided, 5, None, RULES).reason == reason


def test_width_may_be_left_out_of_the_rules() -> None:
    rules = RULES.model_copy(update={"max_half_width": None})
    assert not release_of(inputs(), 30, 40.0, rules).is_withheld
