"""Indirect questions: what counts as an answer, rates and gaps by hand, and what may be shown of them."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.disclosure import hide_small
from spi_analysis.params import Instrument
from spi_analysis.scores import indirect_checks, indirect_rates, module_columns, module_sides
from spi_analysis.survey import SurveyDesign
from spi_analysis.tables import meanings, with_kinds
from tests.scores import toys
from tests.scores.toys import words


def question(code: str, scale: str) -> dict[str, object]:
    return {"code": code, "label": words(code), "text": words(code), "scale": scale}


def with_modules() -> Instrument:
    """The toy with a list of two items, a crossed question with three months, and one question on reporting."""
    given = toys.instrument().model_dump()
    given["scales"] |= {"of_two": toys.scale(0, 2), "of_three": toys.scale(0, 3)}
    given["sources"]["internal"]["modules"] = {
        "list_experiment": {
            "experience": "asked", "short": question("short", "of_two"), "long": question("long", "of_three"),
            "items": [words("one"), words("two")], "sensitive": words("money"),
        },
        "crosswise": {"experience": "asked", "question": question("cross", "yes_no"), "months": [1, 2, 3]},
        "climate": [question("would", "yes_no")],
    }  # fmt: skip
    return Instrument.model_validate(given)


INSTRUMENT = with_modules()
# Twelve of the short list (1 on average), twelve of the long one (1.5), sixteen of the crossed question (ten the same).
PEOPLE = pd.DataFrame(
    {
        "w": 1.0,
        "arm": ["list_short"] * 12 + ["list_long"] * 12 + ["crosswise"] * 16,
        "short": [1.0] * 6 + [0.0] * 3 + [2.0] * 3 + [np.nan] * 28,
        "long": [np.nan] * 12 + [1.0] * 6 + [2.0] * 6 + [np.nan] * 16,
        "cross": [np.nan] * 24 + [1.0] * 10 + [0.0] * 6,
        "would": [1.0] * 15 + [0.0] * 25,
        "met": 1.0,
        "asked": [0.0] * 40,
    }
)


def test_the_long_list_has_the_sensitive_item_among_the_others() -> None:
    listed = INSTRUMENT.sources["internal"].modules.list_experiment
    assert [one.text.en for one in listed.questions] == ["short\n- one\n- two", "long\n- one\n- money\n- two"]
    assert INSTRUMENT.module_codes("internal") == ["short", "long", "cross", "would"]


def test_share_of_birthdays_is_that_of_the_days() -> None:
    """31 + 28.25 + 31 days of 365.25."""
    assert INSTRUMENT.sources["internal"].modules.crosswise.share == pytest.approx(90.25 / 365.25)


def test_an_answer_to_the_question_of_another_arm_and_a_refusal_are_no_answers() -> None:
    answers = PEOPLE.assign(long=PEOPLE["long"].where(PEOPLE.index != 12, 8.0))
    answers.loc[0, "long"] = 3.0
    found = module_columns(answers, INSTRUMENT, "internal")
    assert found["list_count"].tolist()[:1] == [1.0]
    assert np.isnan(found["list_count"][12])
    assert found["list_long"].value_counts().to_dict() == {0.0: 12, 1.0: 12}
    assert found["crosswise_same"].count() == 16
    assert module_columns(PEOPLE.drop(columns="arm"), INSTRUMENT, "internal").empty


def test_rates_and_gaps_by_hand() -> None:
    """Nobody says yes: the gap is the rate. Lists 1.5 - 1 = 50 %; crossed (10/16 + p - 1) / (2p - 1), p = 0.247."""
    found = indirect_rates(SurveyDesign(PEOPLE, "w"), INSTRUMENT, "internal", 0.95).set_index("measure")
    share = 90.25 / 365.25
    assert found.loc[["list_rate", "list_gap"], "estimate"].tolist() == pytest.approx([50, 50])
    crossed = 100 * (10 / 16 + share - 1) / (2 * share - 1)
    assert found.loc[["crosswise_rate", "crosswise_gap"], "estimate"].tolist() == pytest.approx([crossed] * 2)
    assert found.loc["climate_rate", ["estimate", "n", "item"]].tolist() == [37.5, 40, "would"]
    assert found["n"].tolist() == [24, 24, 16, 16, 40]
    assert indirect_rates(SurveyDesign(PEOPLE.drop(columns="arm"), "w"), INSTRUMENT, "internal", 0.95).empty


def test_the_smaller_groups_are_counted() -> None:
    sides = module_sides(PEOPLE, INSTRUMENT, "internal")
    assert sides == {
        ("list_rate", "asked"): 12, ("list_gap", "asked"): 12, ("crosswise_rate", "asked"): 6,
        ("crosswise_gap", "asked"): 6, ("climate_rate", "would"): 15,
    }  # fmt: skip


def test_checks_show_shares_of_many_people_only() -> None:
    """Three people at each end of the short list: below ten they are not shown, from three on they are."""
    design = SurveyDesign(PEOPLE, "w")
    assert set(indirect_checks(design, INSTRUMENT, "internal", 3)["check"]) >= {"floor", "ceiling"}
    assert not {"floor", "ceiling"} & set(indirect_checks(design, INSTRUMENT, "internal", 10)["check"])
    assert indirect_checks(design, INSTRUMENT, "internal", 13).empty


def rows(said: float, arm: float) -> pd.DataFrame:
    """A source with its rate of an item and what the lists tell of it."""
    table = pd.DataFrame(
        [
            ("source_score", None, None, 100.0, np.nan), ("experience_rate", "asked", "respondents", 100.0, said),
            ("experience_rate", "other", "respondents", 100.0, 40.0), ("list_rate", "asked", None, 60.0, arm),
            ("list_gap", "asked", None, 60.0, arm),
        ],
        columns=["measure", "part", "denominator", "n", "fewest"],
    )  # fmt: skip
    figures = {"estimate": 50.0, "se": 5.0, "ci_low": 40.0, "ci_high": 60.0, "df_design": 90.0, "effective_n": 80.0}
    return with_kinds(table.assign(source="internal", status="shown", **figures))


@pytest.mark.parametrize(
    ("said", "arm", "hidden"),
    [
        (40.0, 30.0, []),
        # What is said directly would follow as rate minus gap.
        (4.0, 30.0, ["experience_rate asked", "list_rate asked", "list_gap asked"]),
        (40.0, 9.0, ["list_rate asked", "list_gap asked"]),
    ],
)
def test_what_tells_of_few_is_hidden(said: float, arm: float, hidden: list[str], setup) -> None:
    shown = hide_small(rows(said, arm), setup.round.disclosure, [])
    names = shown["measure"] + " " + shown["part"].astype(str)
    assert names[shown["status"] != "shown"].tolist() == hidden


def test_an_exported_file_says_what_was_asked() -> None:
    found = meanings(["long", "arm"], INSTRUMENT, "en", {})
    assert found["long"].label == "long\n- one\n- money\n- two"
    assert found["arm"].values["list_long"] == "Long list"
