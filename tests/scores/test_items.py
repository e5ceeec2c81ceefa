"""Codes to 0-100 by hand."""

import pytest

from spi_analysis.errors import InputError
from spi_analysis.scores import item_nonresponse, item_scores, item_shares
from spi_analysis.survey.estimation import SurveyDesign
from tests.scores.toys import answers, instrument

GIVEN = answers(a=[1, 3, 5, 8], b=[1, 2, 5, 9], c=[4, None, 2, 1], d=[5, 5, 5, 5])


def test_the_best_answer_is_100_whatever_the_direction() -> None:
    scores = item_scores(GIVEN, instrument(), "internal")
    assert scores["a"].tolist()[:3] == [0, 50, 100]
    assert scores["b"].tolist()[:3] == [100, 75, 0], "a negative question counts from the other end"


def test_dont_know_refused_and_empty_are_missing() -> None:
    scores = item_scores(GIVEN, instrument(), "internal")
    assert scores.isna().sum().to_dict() == {"a": 1, "b": 1, "c": 1, "d": 0}


def test_nonresponse_by_kind() -> None:
    table = item_nonresponse(GIVEN, instrument(), "internal").set_index("item")
    assert table.loc["a", ["n", "dont_know", "refused", "left_empty"]].tolist() == [3, 0.25, 0, 0]
    assert table.loc["b", "refused"] == 0.25
    assert table.loc["c", ["n", "left_empty"]].tolist() == [3, 0.25]


def test_codes_off_the_scale_are_named_all_at_once() -> None:
    with pytest.raises(InputError, match="outside the scale") as caught:
        item_scores(GIVEN.assign(a=[0, 7, 5, 8], d=[6, 5, 5, 5]), instrument(), "internal")
    assert [p.column for p in caught.value.problems] == ["a", "d"]
    assert caught.value.problems[0].got == "0, 7"
    assert caught.value.problems[0].expected == "1 to 5 or 8, 9"


def test_two_codes_of_one_kind_add_up_and_all_shares_sum_to_one() -> None:
    given = instrument().model_dump()
    given["scales"]["five"]["missing"] = {8: "refused", 9: "refused"}
    table = item_nonresponse(
        answers(a=[1, 8, 9, None], b=[1] * 4, c=[1] * 4, d=[1] * 4),
        type(instrument()).model_validate(given),
        "internal",
    )
    row = table.set_index("item").loc["a"]
    assert row["refused"] == 0.5, "the second code does not take the place of the first"
    kinds = ["dont_know", "refused", "not_applicable", "left_empty"]
    assert row[kinds].sum() + row["n"] / row["respondents"] == 1


def test_shares_of_good_and_bad_answers_by_hand() -> None:
    """Scale 1 to 5, two at each end; "a" asks for the good, "b" for the bad; 8 and nothing are no answers.

    a: 5, 4, 3, 1, 8 -> two of four well, one neither, one badly; b: 5, 4, 3, 1 -> the other way round; the 1 of
    weight 3.
    """
    given = answers(a=[5, 4, 3, 1, 8], b=[5, 4, 3, 1, None], c=[1] * 5, d=[5] * 5).assign(w=[1.0, 1, 1, 3, 1])
    table = item_shares(SurveyDesign(given, "w"), instrument(), "internal", 0.95).set_index(["item", "answer"])
    shares = table["estimate"].round(9).unstack()
    assert shares.loc["a"].to_dict() == pytest.approx({"favourable": 100 / 3, "neutral": 100 / 6, "unfavourable": 50})
    assert shares.loc["b"].to_dict() == pytest.approx({"favourable": 50, "neutral": 100 / 6, "unfavourable": 100 / 3})
    assert shares.loc["c", "unfavourable"] == 100
    assert table["n"].unstack()["favourable"].to_dict() == {"a": 4, "b": 4, "c": 5, "d": 5}
    assert table["ci_low"].between(0, 100).all()


def test_an_item_may_say_how_many_answers_are_good() -> None:
    """One answer at each end of five: 4 is neither; a scale of two answers has nothing between."""
    given = instrument().model_dump()
    items = given["sources"]["internal"]["dimensions"][0]["indicators"][0]["items"]
    items[0] |= {"ends": 1}
    items[1] |= {"scale": "yes_no"}
    own = type(instrument()).model_validate(given)
    data = answers(a=[5, 4, 4, 1], b=[1, 0, 0, 0], c=[3] * 4, d=[3] * 4).assign(w=1.0)
    table = item_shares(SurveyDesign(data, "w"), own, "internal", 0.95).set_index(["item", "answer"])["estimate"]
    assert table["a"].to_dict() == {"favourable": 25, "neutral": 50, "unfavourable": 25}
    assert table["b"].to_dict() == {"favourable": 75, "unfavourable": 25}, "yes is bad"
    items[0] |= {"ends": 3}
    with pytest.raises(ValueError, match="the two ends of item a overlap"):
        type(instrument()).model_validate(given)
