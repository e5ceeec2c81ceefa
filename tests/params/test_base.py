import pytest
from pydantic import ValidationError

from spi_analysis.params import RoundSetup, Text


def test_words_by_language() -> None:
    words = Text(id=" satu ", en="one")
    assert (words["id"], words["en"]) == ("satu", "one")


def test_parameters_cannot_be_changed(setup: RoundSetup) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setup.round.disclosure.min_cell = 1  # type: ignore[misc]


def test_every_judgement_names_its_source_and_date(setup: RoundSetup) -> None:
    for group in (
        "index",
        "categories",
        "frame",
        "fieldwork",
        "dispositions",
        "draw",
        "replicates",
        "disclosure",
    ):
        judgement = getattr(setup.round, group)
        assert len(judgement.source) > 10, group
        assert judgement.as_of.year >= 2020, group


def test_a_copy_with_other_values_keeps_nothing_of_what_was_computed(setup: RoundSetup) -> None:
    weighting = setup.round.sources["internal"].weighting
    one = weighting.model_copy(update={"steps": weighting.steps[:1]})
    assert [len(weighting.recipe), len(one.recipe)] == [len(weighting.steps), 1]
