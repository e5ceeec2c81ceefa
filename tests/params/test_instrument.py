"""The questionnaire: weights by hand, and codes that contradict each other."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import RoundSetup
from tests.params.conftest import Spoiled
from tests.scores.toys import instrument

FILE = "instruments/spi_2024.yaml"


@pytest.mark.parametrize("source", ["internal", "external", "expert"])
def test_every_column_of_item_weights_sums_to_one(setup: RoundSetup, source: str) -> None:
    weights = setup.instrument.item_weights(source)
    assert weights.sum().tolist() == pytest.approx([1.0] * weights.shape[1])
    assert (weights["score"] > 0).all(), "every scored item counts"


def test_dimensions_are_those_of_the_dashboard(setup: RoundSetup) -> None:
    codes = {source: [d.code for d in part.dimensions] for source, part in setup.instrument.sources.items()}
    assert codes == {
        "internal": [
            "transparency",
            "duty_integrity",
            "trading_in_influence",
            "budget",
            "procurement",
            "hr",
            "awareness",
        ],
        "external": ["service_fairness", "prevention", "officer_integrity"],
        "expert": ["institutional_integrity"],
    }


def test_questions_are_scored_items_then_contacts_then_experiences() -> None:
    assert instrument().codes("internal") == ["a", "b", "c", "d", "met", "asked"]
    assert [item.code for item in instrument().items("internal")] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("code: int_tra_2\n", "code: int_tra_1\n", ["item code is used twice", "int_tra_1"]),
        ("scale: of_four\n", "scale: of_three\n", ["does not count its list", "0 to 4"]),
        ("experience: ext_exp_1\n", "experience: ext_exp_9\n", ["unknown experience item", "ext_exp_9"]),
        ("code: ext_lst_long\n", "code: ext_lst_short\n", ["item code is used twice", "ext_lst_short"]),
        ("scale: agree\n", "scale: agre\n", ["unknown scale", "did you mean 'agree'?"]),
        ("contact: int_con_1", "contact: int_con_2", ["unknown contact item", "did you mean 'int_con_1'?"]),
        (
            "missing: {8: dont_know, 9: refused}",
            "missing: {6: dont_know, 9: refused}",
            ["missing code lies inside the scale", "outside 1-6"],
        ),
        ("minimum: 1\n", "minimum: 6\n", ["no width"]),
        ("      9: {id: Tidak bersedia menjawab, en: Prefer not to answer}\n", "", ["no label", "[9]"]),
        (
            "contact: int_con_1\n",
            "contact: int_con_1\n        yes_from: 0\n",
            ["no such yes", "a code above 0, at most 1"],
        ),
        ("direction: positive", "direction: possitive", ["did you mean 'positive'?"]),
    ],
)
def test_wrong_questionnaires_are_explained(spoiled: Spoiled, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        spoiled.text(FILE, old, new)
    assert all(part in str(caught.value) for part in [*parts, f"params/{FILE}"]), str(caught.value)


def test_an_instrument_is_told_in_a_few_lines(setup):
    text = repr(setup.instrument)
    assert len(text) < 800
    assert "Instrument spi_2024: Integrity questionnaire" in text
    internal = setup.instrument.sources["internal"]
    assert f"internal: {sum(len(d.items) for d in internal.dimensions)} items in {len(internal.dimensions)} dim" in text
